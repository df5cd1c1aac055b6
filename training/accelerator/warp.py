"""Geometric changes of image batches in JAX operations: random homographies, boxes and sampling.

Homographies (n, 3, 3) map points of the result, x and y in [-0.5, 0.5], to fractions of the stored
image's width and height.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from datasets import geometry
from datasets.geometry import Draws

Batch = dict[str, jax.Array]

CUT = 0.06
"""Maximum fraction of a number's width or height that geometric changes may cut off; changes that
would cut off more are not applied to the image."""


def random_homographies(batch: Batch, draw: Draws, a):
    """Homographies (n, 3, 3) of a reader's batch; bool (n,), which results do not show the number;
    and bool (n,), which are turned."""
    box, aspect = batch["box"], batch["aspect"]
    crops = _number_crops(box, aspect, draw, a)
    background = geometry.background_crops(draw, a["background_crop"], box)
    gone = jnp.isfinite(background[:, 0]) & (batch["length"] > 0)
    crops = jnp.where(gone[:, None], background, crops)
    # Upside down, 0 1 2 5 6 8 9 can still be read; on their sides, 0 1 6 8 9 may be.
    quarter = jnp.clip(1 + jnp.floor(draw.uniform("quarters", 0.0, 3.0)), 1, 3)
    unreadable = jnp.where(
        (quarter == 2)[:, None],
        jnp.isin(batch["digits"], jnp.array([3, 4, 7])),
        jnp.isin(batch["digits"], jnp.array([2, 3, 4, 5, 7])),
    ).any(axis=1)
    turned = unreadable & ~gone & draw.bernoulli("turned", a["turned"])
    quarter = jnp.where(turned, quarter, 0.0)
    matrices = _crop_homographies(crops, aspect, draw, a, quarter)
    plain = _crop_homographies(crops, aspect, draw, dict.fromkeys(a, 0.0), quarter)
    moved = move_boxes(box, matrices)
    sides = jnp.tile(moved[:, 2:] - moved[:, :2], 2)
    over = jnp.concatenate([-moved[:, :2], moved[:, 2:] - 1.0], axis=1)
    cut = (over > CUT * sides).any(axis=1) & ~turned  # False where the box is unknown
    return jnp.where((cut | gone)[:, None, None], plain, matrices), gone, turned


def _number_crops(box, aspect, draw: Draws, a):
    """The part of each image before the transforms: the whole image, a random crop that contains
    the number, or a reader's next glimpse at the number."""
    glimpses = 0.45 * a["random_crop"]
    crops = (a["random_crop"] - glimpses) / (1.0 - glimpses)  # of the other images
    crops = geometry.random_crops(draw, crops, box, 1.0)
    near, far = box[:, :2], box[:, 2:]
    extent = jnp.maximum(far - near, 1e-3)
    # A glimpse: the box expanded by the reader's margin, in width by at least that in height.
    wide = (extent[:, 1] / (extent[:, 0] * aspect)).clip(0.15, 1.0)
    shrink = jnp.stack([draw.uniform("glimpse_width", wide, 1.0), jnp.ones_like(wide)], axis=1)
    grown = extent * 0.5 * draw.uniform("glimpse_margin", 0.35, 1.1)[:, None] * shrink
    # Narrow numbers may have wider margins, so that their digits are stretched less.
    narrow = draw.uniform("glimpse_spare", 0.0, 1.8) * (extent + 2 * grown)[:, 1] / aspect
    narrow = (0.5 * (narrow - (extent + 2 * grown)[:, 0])).clip(0.0, None)
    grown = grown + jnp.stack([narrow, jnp.zeros_like(narrow)], axis=1)
    low = near - grown * draw.uniforms(("glimpse_left", "glimpse_top"), 0.7, 1.3)
    high = far + grown * draw.uniforms(("glimpse_right", "glimpse_bottom"), 0.7, 1.3)
    glimpse = jnp.concatenate([low, high], axis=1).clip(0.0, 1.0)
    chosen = jnp.isfinite(box).all(axis=1) & draw.bernoulli("glimpse", glimpses)
    return jnp.where(chosen[:, None], glimpse, crops)


def _crop_homographies(crops, aspect, draw: Draws, a, quarter):
    sides = crops[:, 2:] - crops[:, :2]
    shift = draw.uniforms(("shift_x", "shift_y"), -a["shift"], a["shift"])
    centre = (crops[:, :2] + crops[:, 2:]) / 2 + shift * sides
    zoom_out = jnp.exp(draw.uniform("zoom_out", 0.0, jnp.log1p(a["zoom_out"])))
    zoom = draw.factor("zoom", a["zoom"]) / zoom_out
    stretch = jnp.sqrt(draw.factor("stretch", a["stretch"]))
    width, height = sides[:, 0] * aspect, sides[:, 1]
    # Wide numbers cannot be rotated as much as square ones without leaving the image.
    level = (1.5 * height / width).clip(0.0, 1.0)
    angle = jnp.deg2rad(draw.symmetric("rotation", a["rotation"])) * level
    lean = draw.symmetric("shear_x", a["shear"]) * (1.5 * width / height).clip(0.0, 1.0)
    climb = draw.symmetric("shear_y", a["shear"] / 2) * level
    zero, unit = jnp.zeros_like(zoom), jnp.ones_like(zoom)
    scale = matrix(width / (zoom * stretch), zero, zero, height * stretch / zoom)
    turn = matrix(jnp.cos(angle), -jnp.sin(angle), jnp.sin(angle), jnp.cos(angle))
    skew = matrix(unit, lean, climb, unit)
    normalize = matrix(1 / aspect, zero, zero, unit)
    cos, sin = jnp.cos(quarter * jnp.pi / 2), jnp.sin(quarter * jnp.pi / 2)
    with jax.default_matmul_precision("highest"):
        linear = normalize @ turn @ skew @ scale @ matrix(cos, -sin, sin, cos)
    tilt = draw.uniforms(("tilt_x", "tilt_y"), -a["perspective"], a["perspective"])
    return homographies(linear, centre, tilt)


def matrix(a, b, c, d):
    """Matrices (n, 2, 2) with the rows (a, b) and (c, d), from entries (n,)."""
    return jnp.stack([jnp.stack([a, b], axis=-1), jnp.stack([c, d], axis=-1)], axis=-2)


def homographies(linear, centre, tilt):
    """Homographies (n, 3, 3) from linear parts (n, 2, 2), centres (n, 2) and tilts (n, 2)."""
    top = linear + centre[:, :, None] * tilt[:, None, :]
    top = jnp.concatenate([top, centre[:, :, None]], axis=2)
    bottom = jnp.concatenate([tilt, jnp.ones((len(tilt), 1))], axis=1)[:, None, :]
    return jnp.concatenate([top, bottom], axis=1)


def move_boxes(boxes, matrices):
    """Transform boxes (n, ..., 4) in fractions of images to upright boxes in fractions of results,
    not clipped."""
    x, y = boxes[..., jnp.array([0, 2, 2, 0])], boxes[..., jnp.array([1, 1, 3, 3])]
    points = jnp.stack([x, y, jnp.ones_like(x)], axis=-1)  # (n, ..., 4, 3)
    inverses = jnp.linalg.inv(matrices)
    moved = jnp.einsum("nij,n...kj->n...ki", inverses, points, precision="highest")
    moved = moved[..., :2] / moved[..., 2:] + 0.5
    return jnp.concatenate([moved.min(axis=-2), moved.max(axis=-2)], axis=-1)


def sample(images, matrices, size):
    """Sample uint8 images (n, h, w, 3) bilinearly, four samples per pixel; edge pixels are
    repeated."""
    count, rows, columns, channels = images.shape
    height, width = size
    y = (jnp.arange(2 * height) + 0.5) / (2 * height) - 0.5
    x = (jnp.arange(2 * width) + 0.5) / (2 * width) - 0.5
    grid = jnp.stack(jnp.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1).reshape(-1, 3)
    places = jnp.einsum("nij,pj->nip", matrices, grid, precision="highest")
    x = (places[:, 0] / places[:, 2] * columns - 0.5).clip(0.0, columns - 1.0)
    y = (places[:, 1] / places[:, 2] * rows - 0.5).clip(0.0, rows - 1.0)
    left, top = jnp.floor(x).astype(jnp.int32), jnp.floor(y).astype(jnp.int32)
    right, bottom = jnp.minimum(left + 1, columns - 1), jnp.minimum(top + 1, rows - 1)
    x, y = (x - left)[..., None], (y - top)[..., None]
    flat = images.reshape(count, rows * columns, channels)

    def take(row, column):
        index = row * columns + column
        return jax.vmap(lambda image, place: image[place])(flat, index).astype(jnp.float32)

    upper = take(top, left) * (1 - x) + take(top, right) * x
    lower = take(bottom, left) * (1 - x) + take(bottom, right) * x
    sampled = upper * (1 - y) + lower * y
    return sampled.reshape(count, height, 2, width, 2, channels).mean(axis=(2, 4))
