"""Crops of rendered scenes: a number with its surroundings, or surroundings without a number."""

from __future__ import annotations

import functools

import numpy as np

from ..rendered_numbers import camera
from .rendering import Scene, render_scene, turn_image
from .styles import SceneStyle

PER_SCENE = 3
"""Number of crops of each scene."""

EMPTY = 0.15
"""Fraction of crops without a number."""


_QUALITY = 95
"""Quality of the JPEG files of crops: cutting them from scenes adds hardly any artefacts."""

_scene = functools.lru_cache(maxsize=2)(render_scene)


def render_crop(seed: int, index: int, style: SceneStyle | None = None) -> Scene:
    """Render a scene and crop it around one of its numbers, like the crops that `read_all` reads.

    The same seed, index and style give the same crop.

    Args:
        seed: seed of the scenes and of the crops.
        index: index of the crop; crops with adjacent indices are from the same scene.
        style: the statistics that the scenes follow; defaults to `SceneStyle()`.

    Returns:
        A scene with one upright number or none.
    """
    image, label, boxes = crop_scene(seed, index, style)
    encoded = camera.encode(image, _QUALITY)
    turns = np.zeros(len(boxes), np.int32)
    return Scene(encoded, boxes, [label] if label else [], turns, np.zeros((0, 4), np.float32))


def crop_scene(
    seed: int, index: int, style: SceneStyle | None = None
) -> tuple[np.ndarray, str, np.ndarray]:
    """The pixels, label and box of the crop that `render_crop` encodes.

    Returns:
        The image, uint8 (h, w, 3); the digits of its number, "" for none; and float32 (1, 4), its
        left, top, right and bottom in pixels, or (0, 4) for none.
    """
    scene = _scene(seed, index // PER_SCENE, style or SceneStyle())
    rng = np.random.default_rng([seed, 2, index])
    if rng.random() < EMPTY or not len(scene.boxes):
        return _empty_crop(scene, rng)
    number = int(rng.integers(len(scene.boxes)))
    box = scene.boxes[number]
    others = np.concatenate([np.delete(scene.boxes, number, axis=0), scene.ignored_boxes])
    size = np.tile(box[2:] - box[:2], 2)
    # Reject crops with another number, which could be the label instead.
    for largest in (0.9, 0.5, 0.3, 0.15):
        margins = size * largest * rng.uniform(0.3, 1.0) * rng.uniform(0.7, 1.3, 4)
        window = _clip(box + margins * np.float32([-1, -1, 1, 1]), scene)
        centres = (others[:, :2] + others[:, 2:]) / 2
        if not ((centres > window[:2]) & (centres < window[2:])).all(axis=1).any():
            break
    left, top, right, bottom = window
    crop = scene.image[top:bottom, left:right]
    box = box[None] - np.float32([left, top, left, top])
    image, boxes = turn_image(crop, box, int(scene.turns[number]))
    return image, scene.labels[number], boxes.astype(np.float32)


def _empty_crop(scene: Scene, rng: np.random.Generator) -> tuple[np.ndarray, str, np.ndarray]:
    height, width = scene.image.shape[:2]
    boxes = np.concatenate([scene.boxes, scene.ignored_boxes])
    for _ in range(20):
        sides = np.exp(rng.uniform(np.log(16), np.log([width, height])))
        corner = rng.random(2) * ([width, height] - sides)
        window = _clip(np.concatenate([corner, corner + sides]), scene)
        apart = (boxes[:, :2] >= window[2:]) | (boxes[:, 2:] <= window[:2])
        if apart.any(axis=1).all():
            left, top, right, bottom = window
            return scene.image[top:bottom, left:right], "", np.zeros((0, 4), np.float32)
    return (
        np.full((32, 64, 3), rng.integers(256, size=3), np.uint8),
        "",
        np.zeros((0, 4), np.float32),
    )


def _clip(window: np.ndarray, scene: Scene) -> np.ndarray:
    height, width = scene.image.shape[:2]
    whole = np.concatenate([np.floor(window[:2]), np.ceil(window[2:])])
    return np.clip(whole, 0, [width, height, width, height]).astype(int)
