"""Random changes of a reader's image batches in JAX operations, on the accelerator.

The changes are those of `datasets.distort`, with the strengths of the same `Augmentation` and the
crops of `datasets.geometry`, for trainings that need more images than CPU cores can augment. A
batch is a function of its images and a key.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from datasets import geometry
from datasets.geometry import Draws
from training.accelerator import pixels, warp
from training.accelerator.warp import Batch

NAMES = (
    *geometry.DRAWS,
    *("glimpse", "glimpse_width", "glimpse_margin", "glimpse_spare"),
    *("glimpse_left", "glimpse_top", "glimpse_right", "glimpse_bottom"),
    *("turned", "quarters", "faint", "faint_contrast"),
    *("sharpen", "sharpness", "downscale_y", "downscale_x"),
    *("shadow", "shadow_angle", "shadow_place", "shadow_edge", "shadow_depth"),
)
"""Names of the random numbers of an image."""


def draw_numbers(key: jax.Array, count: int) -> Draws:
    """The random numbers of a batch, by one call, since each call takes 0.1 s to compile."""
    return Draws(jax.random.uniform(key, (len(NAMES), count)), NAMES)


def augment(
    batch: Batch, key: jax.Array, a: dict[str, jax.Array], size: tuple[int, int]
) -> tuple[jax.Array, Batch]:
    """Change a batch of images at random.

    Args:
        batch: `images` uint8 (n, h, w, 3) and the labels that `feed.empty` describes.
        key: a JAX random key.
        a: strengths by the names of `datasets.augmentation.Augmentation`; `turned`, the probability
            of a rotation by 90, 180 or 270 degrees with the label of no number; `faint`, the
            probability of a number of low contrast in surroundings of full contrast; and `shadow`,
            the probability of a shadow with an edge across the image.
        size: (height, width) of the result.

    Returns:
        float32 images (n, *size, 3), 0 to 255, and their labels: `length`, `digits`, `box` as
        fractions of the result, and `digit_boxes`; NaN if the result shows no number.
    """
    draw_key, noise_key = jax.random.split(key)
    draw = draw_numbers(draw_key, batch["length"].shape[0])
    matrices, gone, turned = warp.random_homographies(batch, draw, a)
    images = warp.sample(batch["images"], matrices, size)
    box = warp.move_boxes(batch["box"], matrices)
    shown = jnp.clip(box, 0.0, 1.0)
    known = jnp.isfinite(batch["box"]).all(axis=1)
    outside = known & ~((shown[:, 2:] - shown[:, :2]) > 1e-3).all(axis=1)
    gone = gone | turned | outside
    moved = {
        "length": jnp.where(gone, 0, batch["length"]),
        "digits": jnp.where(gone[:, None], -1, batch["digits"]),
        "box": jnp.where(gone[:, None], jnp.nan, shown),
        "digit_boxes": jnp.where(
            gone[:, None, None], jnp.nan, warp.move_boxes(batch["digit_boxes"], matrices)
        ),
    }
    digit = _digit_size(box, moved["digit_boxes"], batch["length"], size)
    images = pixels.soften(images, draw, a, digit)
    images, faint = pixels.fade(images, moved["box"], draw, a)
    images = pixels.light(images, draw, a)
    images = pixels.cast_shadow(pixels.compress(images, draw, a), draw, a)
    images = pixels.disturb(images, draw, noise_key, a, digit, jnp.where(faint, 0.3, 1.0))
    return jnp.clip(images, 0.0, 255.0), moved


def _digit_size(box, digit_boxes, length, size):
    """(n, 2) height and width of the smallest digit in pixels; an estimate if boxes are unknown."""
    smallest = jnp.nanmin(digit_boxes[..., 2:] - digit_boxes[..., :2], axis=1)
    in_a_row = (box[:, 2:] - box[:, :2]) / jnp.stack(
        [jnp.maximum(length, 1), jnp.ones_like(length)], axis=1
    )
    sides = jnp.where(jnp.isfinite(smallest), smallest, in_a_row)[:, ::-1] * jnp.array(
        size, jnp.float32
    )
    return jnp.where(jnp.isfinite(sides), sides, jnp.array([20.0, 10.0])).clip(4.0, None)
