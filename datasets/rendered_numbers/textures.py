"""Grey textures: walls, wood, bricks, leaves, noise."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from .rng import Rng

TILE_SIZE = 512
"""Side of a texture tile, in pixels."""

TEXTURE_MEAN, TEXTURE_STD = 128, 24
"""Mean and standard deviation of a texture tile's levels."""


def _noise(generator: np.random.Generator, sigma: float) -> np.ndarray:
    """Return periodic Gaussian noise blurred by `sigma` pixels, with standard deviation 1."""
    tile = generator.normal(size=(TILE_SIZE, TILE_SIZE)).astype(np.float32)
    if sigma:
        tile = cv2.GaussianBlur(np.tile(tile, (3, 3)), (0, 0), sigma)
        tile = tile[TILE_SIZE : 2 * TILE_SIZE, TILE_SIZE : 2 * TILE_SIZE]
    return tile / tile.std()


def _masonry(
    generator: np.random.Generator, height: int, width: int, joint: int, contrast: float
) -> np.ndarray:
    """Return bricks, blocks or boards: cells of uniform brightness in rows, separated by joints."""
    tile = np.zeros((TILE_SIZE, TILE_SIZE), np.float32)
    for row, top in enumerate(range(0, TILE_SIZE, height)):
        shift = (row % 2) * width // 2
        for left in range(-width, TILE_SIZE + width, width):
            brightness = generator.normal() * 0.5 + contrast
            x0, x1 = max(left + shift, 0), max(left + shift + width - joint, 0)
            tile[top : top + height - joint, x0:x1] = brightness
    return cv2.GaussianBlur(tile, (0, 0), 0.8) - contrast


@functools.cache
def textures() -> dict[str, np.ndarray]:
    """Return textures of mean `TEXTURE_MEAN` and deviation `TEXTURE_STD`, uint8 (512, 512) each.

    As uint8 all of them are 4 MB, which fit into a processor's cache.
    """
    generator = np.random.Generator(np.random.Philox(key=10))
    fine, grain, rough, blotch, cloud = (_noise(generator, s) for s in (0.7, 1.6, 3.5, 9, 26))
    ramp = np.linspace(0, 60 * np.pi, TILE_SIZE, dtype=np.float32)
    grooves = np.tile(np.where(np.sin(ramp) > 0.86, -2.0, 0.3).astype(np.float32), (TILE_SIZE, 1))
    wood = np.tile(generator.normal(size=(TILE_SIZE, TILE_SIZE)).astype(np.float32), (1, 3))
    wood = cv2.GaussianBlur(wood, (0, 0), sigmaX=40, sigmaY=1.4)[:, TILE_SIZE : 2 * TILE_SIZE]
    wood /= wood.std()
    tiles = {
        "plain": 0.2 * fine + 0.3 * cloud,
        "stucco": 0.5 * fine + 0.8 * grain + 0.3 * cloud,
        "rough": 0.4 * grain + 1.0 * rough + 0.5 * blotch,
        "pits": np.where(rough > 1.4, -2.5, 0.3).astype(np.float32) + 0.4 * grain,
        "stains": 0.4 * fine + 0.5 * blotch + 1.0 * cloud,
        "bricks": _masonry(generator, 32, 64, 4, 1.6) + 0.4 * grain,
        "blocks": _masonry(generator, 64, 128, 3, 1.0) + 0.4 * rough + 0.3 * fine,
        "tiling": _masonry(generator, 32, 32, 3, 1.2) + 0.2 * fine,
        "boards": _masonry(generator, 64, 1024, 5, 1.2) + 0.5 * wood,
        "planks": (_masonry(generator, 64, 1024, 5, 1.2) + 0.5 * wood).T.copy(),
        "wood": wood + 0.2 * fine,
        "grooves": grooves + 0.2 * grain,
        "leaves": 1.3 * np.sign(rough) * np.abs(rough) ** 0.5 + 0.6 * grain,
        "noise": _noise(generator, 0.0),
        "speckle": _noise(generator, 0.9),
    }
    for name, tile in tiles.items():
        levels = (tile - tile.mean()) * (TEXTURE_STD / tile.std()) + TEXTURE_MEAN
        tiles[name] = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    return tiles


@functools.cache
def _repeated(name: str) -> np.ndarray:
    """Return a tile repeated 2 x 2, so that images seldom extend beyond it."""
    return np.tile(textures()[name], (2, 2))


_WALL_TEXTURES = (
    (4.0, "plain"), (3.0, "stucco"), (1.6, "rough"), (0.8, "pits"), (2.0, "stains"),
    (0.8, "bricks"), (0.9, "blocks"), (0.4, "tiling"), (1.0, "boards"), (0.8, "planks"),
    (0.7, "wood"), (0.4, "grooves"), (0.5, "leaves"),
)  # fmt: skip


def sample_texture(
    size: tuple[int, int], homography: np.ndarray, unit: float, rng: Rng
) -> np.ndarray:
    """Sample a wall's texture as the camera sees it: uint8 (h, w), as of `textures`.

    Args:
        unit: approximate size in the image of 32 pixels of a tile, in pixels.
    """
    tile = _repeated(rng.weighted_choice(_WALL_TEXTURES))
    zoom = unit / 32 * rng.log_uniform(0.7, 2.5)
    shift = rng.uniform(0, TILE_SIZE), rng.uniform(0, TILE_SIZE)
    x, y = (value if value > TILE_SIZE / 2 else value + TILE_SIZE for value in shift)
    matrix = homography @ np.array([[zoom, 0, -zoom * x], [0, zoom, -zoom * y], [0, 0, 1]])
    return cv2.warpPerspective(tile, matrix, size, borderMode=cv2.BORDER_WRAP)


def crop_texture(name: str, size: tuple[int, int], rng: Rng) -> np.ndarray:
    """Crop a tile of `textures` at random; one smaller than the size is enlarged.

    Returns:
        uint8 (h, w); a view that must not be written to.
    """
    width, height = size
    left = rng.randrange(max(TILE_SIZE - width, 0) + 1)
    top = rng.randrange(max(TILE_SIZE - height, 0) + 1)
    crop = textures()[name][top : top + height, left : left + width]
    return crop if crop.shape == (height, width) else cv2.resize(crop, size)
