"""Colours and textures: walls, wood, bricks, metal, leaves."""

from __future__ import annotations

import colorsys
import functools
from collections.abc import Sequence

import cv2
import numpy as np

from datasets.rendered_numbers.planes import seen_box
from datasets.rendered_numbers.rng import Rng

SIDE = 512
"""Side of a texture tile, in pixels."""

MIDDLE, STEP = 128, 24
"""Mean and standard deviation of a texture tile's bytes."""

Colour = tuple[float, float, float]
"""Red, green and blue, 0 to 255."""

# (weight, (hue, saturation, value)) with the spread of each, seen in photos of house numbers.
_WALLS = (
    (2.6, ((0.10, 0.05), (0.06, 0.05), (0.82, 0.10))),  # white and light grey
    (2.2, ((0.10, 0.04), (0.20, 0.10), (0.70, 0.13))),  # beige, cream, sandstone
    (2.2, ((0.09, 0.06), (0.09, 0.06), (0.52, 0.14))),  # grey
    (1.9, ((0.50, 0.30), (0.25, 0.20), (0.16, 0.08))),  # dark: iron gates, doors, shade
    (1.4, ((0.04, 0.02), (0.42, 0.14), (0.60, 0.15))),  # salmon, terracotta, orange
    (0.8, ((0.12, 0.02), (0.48, 0.15), (0.66, 0.14))),  # ochre, yellow
    (0.7, ((0.49, 0.05), (0.28, 0.13), (0.58, 0.16))),  # teal, green
    (1.5, ((0.60, 0.04), (0.14, 0.09), (0.62, 0.16))),  # bluish white and grey
    (1.2, ((0.02, 0.03), (0.45, 0.15), (0.34, 0.12))),  # brick, brown, wine red
    (0.35, ((0.62, 0.05), (0.60, 0.15), (0.40, 0.15))),  # blue paint
    (0.3, ((0.35, 0.06), (0.45, 0.15), (0.35, 0.12))),  # green paint
)
_DARK_INKS = (
    (5.0, ((0.60, 0.10), (0.25, 0.15), (0.12, 0.07))),  # black
    (2.5, ((0.10, 0.05), (0.15, 0.10), (0.30, 0.10))),  # dark grey, iron, old bronze
    (2.0, ((0.63, 0.03), (0.65, 0.15), (0.35, 0.12))),  # navy, blue
    (1.2, ((0.07, 0.03), (0.50, 0.15), (0.28, 0.10))),  # brown
    (0.7, ((0.99, 0.02), (0.70, 0.12), (0.48, 0.14))),  # red
    (0.5, ((0.40, 0.06), (0.55, 0.15), (0.28, 0.10))),  # green
)
_LIGHT_INKS = (
    (6.0, ((0.15, 0.10), (0.06, 0.05), (0.90, 0.08))),  # white
    (2.0, ((0.12, 0.03), (0.30, 0.15), (0.80, 0.12))),  # cream, brass, gold
    (1.5, ((0.58, 0.05), (0.12, 0.08), (0.72, 0.10))),  # aluminium
    (0.3, ((0.25, 0.25), (0.60, 0.20), (0.85, 0.10))),  # bright paint
)
_ENAMEL = (
    (6.0, ((0.635, 0.02), (0.72, 0.12), (0.42, 0.13))),  # blue
    (3.5, ((0.645, 0.03), (0.55, 0.15), (0.22, 0.08))),  # dark blue
    (1.2, ((0.60, 0.10), (0.25, 0.15), (0.10, 0.05))),  # black
    (0.5, ((0.38, 0.08), (0.55, 0.15), (0.25, 0.10))),  # green
    (0.5, ((0.99, 0.02), (0.65, 0.12), (0.38, 0.10))),  # red
    (0.4, ((0.55, 0.03), (0.55, 0.12), (0.55, 0.10))),  # light blue
)


def _colour(table, chance: Rng) -> Colour:
    (hue, a), (saturation, b), (value, c) = chance.weighted(table)
    hue = chance.normal(hue, a) % 1.0
    saturation = min(max(chance.normal(saturation, b), 0.0), 1.0)
    value = min(max(chance.normal(value, c), 0.03), 1.0)
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return red * 255, green * 255, blue * 255


def luminance(colour: Colour) -> float:
    """Perceived brightness of a colour, 0 to 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Blend two colours: `share` of `other`, the rest of `one`."""
    return tuple(a + (b - a) * share for a, b in zip(one, other, strict=True))


def row_of(colour: Sequence[float], width: int) -> np.ndarray:
    """A row of pixels of one colour: float32 (width, c).

    NumPy goes through whole rows ten times as fast as through the 3 or 4 channels of each pixel.
    """
    return np.array([colour], np.float32).repeat(width, axis=0)


def wall_colour(chance: Rng) -> Colour:
    """Draw the colour of a wall, door or gate."""
    return _colour(_WALLS, chance)


def enamel_colour(chance: Rng) -> Colour:
    """Draw the ground colour of an enamel plate with light digits."""
    return _colour(_ENAMEL, chance)


def light_colour(chance: Rng) -> Colour:
    """Draw a light colour of paint or metal."""
    return _colour(_LIGHT_INKS, chance)


def dark_colour(chance: Rng) -> Colour:
    """Draw a dark colour of paint or metal."""
    return _colour(_DARK_INKS, chance)


def ink_colour(ground: Colour, chance: Rng) -> Colour:
    """Draw a colour for digits that can be told from `ground`, sometimes only just."""
    bright = luminance(ground)
    dark_share = min(max((bright - 40) / 110, 0.02), 0.97)
    ink = dark_colour(chance) if chance.happens(dark_share) else light_colour(chance)
    contrast = abs(luminance(ink) - bright)
    if contrast < 56:
        ink = (240.0, 240.0, 236.0) if bright < 115 else (28.0, 28.0, 32.0)
        contrast = abs(luminance(ink) - bright)
    if chance.happens(0.4):  # faded, of the wall's own material, or in its shade
        ink = mix(ink, ground, chance.uniform(0.0, max(1 - 46 / contrast, 0.0)))
    return ink


def _noise(rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Noise of one scale that continues over the tile's edges, with deviation 1."""
    grid = rng.normal(size=(SIDE, SIDE)).astype(np.float32)
    if sigma:
        grid = np.tile(grid, (3, 3))
        grid = cv2.GaussianBlur(grid, (0, 0), sigma)[SIDE : 2 * SIDE, SIDE : 2 * SIDE]
    return grid / grid.std()


def _rows(
    rng: np.random.Generator, height: int, width: int, joint: int, shade: float
) -> np.ndarray:
    """Bricks, blocks or boards: cells of even shade in rows with joints between them."""
    tile = np.zeros((SIDE, SIDE), np.float32)
    for number, top in enumerate(range(0, SIDE, height)):
        shift = (number % 2) * width // 2
        for left in range(-width, SIDE + width, width):
            cell = rng.normal() * 0.5
            place = (slice(top, top + height - joint), slice(max(left + shift, 0),
                     max(left + shift + width - joint, 0)))  # fmt: skip
            tile[place] = cell + shade
    return cv2.GaussianBlur(tile, (0, 0), 0.8) - shade


@functools.cache
def tiles() -> dict[str, np.ndarray]:
    """Grey textures with mean `MIDDLE` and deviation `STEP`: uint8 (`SIDE`, `SIDE`) each.

    As bytes all of them are 4 MB, which stay in a processor's cache.
    """
    rng = np.random.Generator(np.random.Philox(key=10))
    fine, grain, rough = _noise(rng, 0.7), _noise(rng, 1.6), _noise(rng, 3.5)
    blotch, cloud = _noise(rng, 9), _noise(rng, 26)
    ramp = np.linspace(0, 60 * np.pi, SIDE, dtype=np.float32)
    grooves = np.tile(np.where(np.sin(ramp) > 0.86, -2.0, 0.3).astype(np.float32), (SIDE, 1))
    wood = cv2.GaussianBlur(np.tile(rng.normal(size=(SIDE, SIDE)).astype(np.float32), (1, 3)),
                            (0, 0), sigmaX=40, sigmaY=1.4)[:, SIDE : 2 * SIDE]  # fmt: skip
    wood /= wood.std()
    found = {
        "plain": 0.2 * fine + 0.3 * cloud,
        "stucco": 0.5 * fine + 0.8 * grain + 0.3 * cloud,
        "rough": 0.4 * grain + 1.0 * rough + 0.5 * blotch,
        "pits": np.where(rough > 1.4, -2.5, 0.3).astype(np.float32) + 0.4 * grain,
        "stains": 0.4 * fine + 0.5 * blotch + 1.0 * cloud,
        "bricks": _rows(rng, 32, 64, 4, 1.6) + 0.4 * grain,
        "blocks": _rows(rng, 64, 128, 3, 1.0) + 0.4 * rough + 0.3 * fine,
        "tiling": _rows(rng, 32, 32, 3, 1.2) + 0.2 * fine,
        "boards": _rows(rng, 64, 1024, 5, 1.2) + 0.5 * wood,
        "planks": (_rows(rng, 64, 1024, 5, 1.2) + 0.5 * wood).T.copy(),
        "wood": wood + 0.2 * fine,
        "grooves": grooves + 0.2 * grain,
        "leaves": 1.3 * np.sign(rough) * np.abs(rough) ** 0.5 + 0.6 * grain,
        "noise": _noise(rng, 0.0),
        "speckle": _noise(rng, 0.9),
    }
    return {name: _as_bytes(tile) for name, tile in found.items()}


def _as_bytes(tile: np.ndarray) -> np.ndarray:
    levels = (tile - tile.mean()) * (STEP / tile.std()) + MIDDLE
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


@functools.cache
def _wall(name: str) -> np.ndarray:
    """A tile four times over: uint8 (2 `SIDE`, 2 `SIDE`), so that images seldom reach over it."""
    return np.tile(tiles()[name], (2, 2))


_TEXTURES = ((4.0, "plain"), (3.0, "stucco"), (1.6, "rough"), (0.8, "pits"), (2.0, "stains"),
             (0.8, "bricks"), (0.9, "blocks"), (0.4, "tiling"), (1.0, "boards"), (0.8, "planks"),
             (0.7, "wood"), (0.4, "grooves"), (0.5, "leaves"))  # fmt: skip


def draw_texture(size: tuple[int, int], facing: np.ndarray, unit: float, chance: Rng) -> np.ndarray:
    """Draw a wall's texture as seen by the camera.

    Args:
        size: width and height of the image, in pixels.
        facing: 3x3 matrix from the wall (in pixels around the number's middle) to the image.
        unit: pixels of the image that a tile's 32 pixels cover, about.
        chance: source of the kind of texture and of its place.

    Returns:
        uint8 (height, width) with mean about `MIDDLE` and deviation about `STEP`.
    """
    tile = _wall(chance.weighted(_TEXTURES))
    zoom = unit / 32 * chance.log_uniform(0.7, 2.5)
    places = chance.uniform(0, SIDE), chance.uniform(0, SIDE)
    shift = [place if place > SIDE / 2 else place + SIDE for place in places]
    spread = np.array([[zoom, 0, -zoom * shift[0]], [0, zoom, -zoom * shift[1]], [0, 0, 1]])
    matrix = facing @ spread
    # Where an image stays within the tile, none of its pixels has to be tested for its edge.
    border = cv2.BORDER_CONSTANT if _within(tile, matrix, size) else cv2.BORDER_WRAP
    return cv2.warpPerspective(tile, matrix, size, flags=cv2.INTER_LINEAR, borderMode=border)


def _within(tile: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> bool:
    """Whether an image shows nothing beyond a tile's edges (2 pixels to spare)."""
    left, top, right, bottom = seen_box((0, 0, *size), cv2.invert(matrix)[1])
    return min(left, top) > 2 and max(right, bottom) < len(tile) - 2


def crop(name: str, size: tuple[int, int], chance: Rng) -> np.ndarray:
    """Cut a piece of a texture tile, enlarged where the image is larger than a tile.

    Returns:
        uint8 (height, width) with mean about `MIDDLE` and deviation about `STEP`; read only.
    """
    width, height = size
    tile = tiles()[name]
    left = chance.below(max(SIDE - width, 0) + 1)
    top = chance.below(max(SIDE - height, 0) + 1)
    piece = tile[top : top + height, left : left + width]
    if piece.shape != (height, width):
        piece = cv2.resize(piece, size)
    return piece
