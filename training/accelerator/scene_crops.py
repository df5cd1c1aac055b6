"""Crops of rendered scenes: a number with its surroundings, or surroundings without a number."""

from __future__ import annotations

import functools

import numpy as np

from datasets.rendered_scenes.rendering import Scene, render_scene, turn_image
from datasets.rendered_scenes.styles import SceneStyle
from training.accelerator.pack import Drawing

PER_SCENE = 3
"""Number of crops of each scene."""

EMPTY = 0.15
"""Fraction of crops without a number."""


@functools.lru_cache(maxsize=2)
def _scene(seed: int, index: int, glyphs: str) -> Scene:
    return render_scene(seed, index, SceneStyle(glyphs=glyphs))


def scene_crop(index: int, seed: int, glyphs: str = "") -> Drawing:
    """Crop a scene around one of its numbers, like the crops that `read_all` reads.

    Args:
        index: index of the crop; crops with adjacent indices are from the same scene.
        seed: seed of the scenes and of the crops.
        glyphs: as for `SceneStyle`.
    """
    scene = _scene(seed, index // PER_SCENE, glyphs)
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


def _empty_crop(scene: Scene, rng: np.random.Generator) -> Drawing:
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
    return np.full((32, 64, 3), rng.integers(256, size=3), np.uint8), "", np.zeros((0, 4))


def _clip(window: np.ndarray, scene: Scene) -> np.ndarray:
    height, width = scene.image.shape[:2]
    whole = np.concatenate([np.floor(window[:2]), np.ceil(window[2:])])
    return np.clip(whole, 0, [width, height, width, height]).astype(int)
