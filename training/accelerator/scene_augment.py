"""Random changes of batches of scenes in JAX operations, on the accelerator."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from training.accelerator import pixels, warp
from training.accelerator.augment import draw_numbers
from training.accelerator.warp import Batch

MIN_SIDE = 6.0
"""Numbers with a shorter side of fewer pixels are ignored."""

MIN_VISIBLE, MIN_LEFT = 0.9, 0.2
"""Smallest visible fractions of a number: below the first, it is ignored; below the second,
removed."""

MAX_ROTATION, MAX_STRETCH = 4.0, 0.15
"""Largest rotation in degrees, and change of the aspect ratio."""


def augment_scenes(
    batch: Batch, key: jax.Array, a: dict[str, jax.Array], size: int
) -> tuple[jax.Array, jax.Array]:
    """Change a batch of scenes at random: crop, scale, light and sharpness.

    Args:
        batch: as `scene_feed.FIELDS` describes it.
        key: a JAX random key.
        a: strengths by the names of `datasets.augmentation.Augmentation`.
        size: height and width of the result.

    Returns:
        float32 images (n, size, size, 3), 0 to 255, 0 beyond the scene, and the float32 `y_true`
        (n, M, 5) of `models.LocatorLoss`.
    """
    canvas = batch["images"].shape[1]
    draw_key, noise_key = jax.random.split(key)
    draw = draw_numbers(draw_key, len(batch["size"]))
    matrices = _scene_homographies(batch["size"], draw, canvas, size)
    images = warp.sample(batch["images"], matrices, (size, size))
    visible = _inside(matrices, batch["size"] / canvas, size)[..., None]
    boxes = warp.move_boxes(batch["numbers"][..., :4] / canvas, matrices)
    numbers, sides = _annotate(size * boxes, batch["numbers"][..., 4], size)
    smallest = jnp.nanmin(jnp.where(sides > MIN_SIDE, sides, jnp.nan), axis=1)
    smallest = jnp.where(jnp.isfinite(smallest), smallest, 24.0).clip(7.0, 60.0)
    digit = jnp.stack([smallest, 0.6 * smallest], axis=1)
    images = pixels.soften(images, draw, a, digit)
    images = pixels.light(images, draw, a)
    images = pixels.compress(images, draw, a)
    images = pixels.disturb(images, draw, noise_key, a, digit, jnp.ones(len(images)))
    return jnp.clip(images, 0.0, 255.0) * visible, numbers


def _scene_homographies(scene, draw, canvas: int, size: int):
    """Homographies from the result, x and y in [-0.5, 0.5], to fractions of the canvas.

    A third of the results show the whole scene, the others a part of it at another scale.
    """
    fit = scene.max(axis=1) / size  # pixels of the canvas per pixel of the result
    whole = ~draw.bernoulli("random_crop", 0.65)
    zoom = jnp.exp(draw.uniform("crop_size", -0.9, 0.35))
    zoom = jnp.where(whole, draw.uniform("zoom_out", 1.0, 1.25), zoom)
    scale = fit * zoom
    shown = scale[:, None] * size
    room = scene - shown  # negative where the scene is smaller than what is shown
    position = draw.uniforms(("crop_x", "crop_y"), 0.0, 1.0)
    corner = jnp.where(whole[:, None] & (room < 0), 0.0, room * position)
    centre = (corner + shown / 2) / canvas
    angle = jnp.deg2rad(draw.symmetric("rotation", MAX_ROTATION)) * draw.bernoulli("turned", 0.5)
    stretch = jnp.sqrt(draw.factor("stretch", MAX_STRETCH))
    width = scale * size / canvas
    zero = jnp.zeros(len(scene))
    turn = warp.matrix(jnp.cos(angle), -jnp.sin(angle), jnp.sin(angle), jnp.cos(angle))
    with jax.default_matmul_precision("highest"):
        linear = turn @ warp.matrix(width * stretch, zero, zero, width / stretch)
    return warp.homographies(linear, centre, jnp.zeros((len(scene), 2)))


def _inside(matrices, scene, size: int):
    """1 if a pixel of the result (n, size, size) lies in the scene, whose size is (n, 2)."""
    steps = (jnp.arange(size) + 0.5) / size - 0.5
    x, y = steps[None, None, :], steps[None, :, None]
    rows = matrices[:, :2, :, None, None]
    places = rows[:, :, 0] * x[:, None] + rows[:, :, 1] * y[:, None] + rows[:, :, 2]
    inside = (places >= 0) & (places <= scene[:, :, None, None])
    return inside.all(axis=1).astype(jnp.float32)


def _annotate(boxes, turns, size: int):
    """`y_true` of boxes (n, M, 4) in pixels that may leave the result, and their shorter sides."""
    shown = jnp.clip(boxes, 0.0, size)
    area = jnp.prod(boxes[..., 2:] - boxes[..., :2], axis=-1)
    fraction = jnp.prod(shown[..., 2:] - shown[..., :2], axis=-1) / jnp.maximum(area, 1e-6)
    shorter = (shown[..., 2:] - shown[..., :2]).min(axis=-1)
    turns = jnp.where((fraction < MIN_VISIBLE) | (shorter < MIN_SIDE), jnp.nan, turns)
    gone = ~(fraction >= MIN_LEFT)
    numbers = jnp.concatenate([shown, turns[..., None]], axis=-1)
    return jnp.where(gone[..., None], jnp.nan, numbers), jnp.where(gone, jnp.nan, shorter)
