"""Changes of the pixels of image batches in JAX operations: sharpness, light, compression, noise.

Images are float32 (n, h, w, 3), 0 to 255; `a` has strengths by the names of
`datasets.augmentation.Augmentation`, and `digit` is float32 (n, 2), height and width of the
smallest digit in pixels.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from datasets.augmentation import JPEG_QUALITY
from datasets.distort import change_levels
from datasets.geometry import Draws

_QUANTA = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
], np.float32)  # fmt: skip
"""JPEG's luminance quantization, ITU-T T.81, table K.1."""


def soften(images, draw: Draws, a, digit):
    """Blur, sharpen and downscale by one matrix for the rows and one for the columns.

    A digit remains readable: at least about 6.5 pixels high and 4.5 wide.
    """
    grey = images @ jnp.array([[0.299], [0.587], [0.114]])
    images = jnp.where(_per_image(draw.bernoulli("grey", a["grey"])), grey, images)
    blurred, reduced = (draw.bernoulli(name, a[name]) for name in ("blur", "downscale"))
    sharper = draw.bernoulli("sharpen", 0.4 * a["blur"])
    amount, excess = draw.uniform("downscale_factor", 0.0, 1.0), draw.uniform("sharpness", 0.2, 1.2)
    for axis, name, least in ((0, "y", 6.5), (1, "x", 4.4)):
        pixels, side = images.shape[1 + axis], digit[:, axis]
        sigma = draw.uniform(f"blur_{name}", 0.05, 1.0) * (0.16 * side).clip(0.3, 4.0)
        sigma = jnp.where(blurred, sigma, 1e-3)
        most = (side / least).clip(1.0, 6.0)
        near = (amount + draw.symmetric(f"downscale_{name}", 0.15)).clip(0.0, 1.0)
        factor = jnp.where(reduced, 1.0 + (most - 1.0) * near, 1.0)
        filters = _reduction(pixels, factor) @ _gaussian(pixels, sigma)
        halo = _gaussian(pixels, jnp.full_like(sigma, 1.5))
        halo = excess[:, None, None] * (jnp.eye(pixels) - halo)
        filters = filters + jnp.where(sharper[:, None, None], filters @ halo, 0.0)
        if axis == 0:
            images = jnp.einsum("nij,njwc->niwc", filters, images)
        else:
            images = jnp.einsum("nij,nhjc->nhic", filters, images)
    return images


def _gaussian(pixels: int, sigma):
    """(n, pixels, pixels): matrices of Gaussian blurs."""
    steps = jnp.arange(pixels, dtype=jnp.float32)
    weights = jnp.exp(-0.5 * ((steps[:, None] - steps) / sigma[:, None, None]) ** 2)
    return weights / weights.sum(axis=2, keepdims=True)


def _reduction(pixels: int, factor):
    """(n, pixels, pixels): matrices that reduce by a factor of 1 or more, and enlarge again."""
    steps = jnp.arange(pixels, dtype=jnp.float32)
    factor = factor[:, None, None]
    down = (1 - jnp.abs((steps + 0.5) / factor - (steps[:, None] + 0.5))).clip(0.0, None)
    down = down / jnp.maximum(down.sum(axis=2, keepdims=True), 1e-6)
    up = (1 - jnp.abs((steps[:, None] + 0.5) / factor - (steps + 0.5))).clip(0.0, None)
    up = jnp.where(steps < pixels / factor - 0.25, up, 0.0)
    up = up / jnp.maximum(up.sum(axis=2, keepdims=True), 1e-6)
    return up @ down


def _per_image(values):
    """Values (n,) as (n, 1, 1, 1)."""
    return values[:, None, None, None]


def fade(images, box, draw: Draws, a):
    """Reduce numbers to 0.15 to 0.45 of their contrast, as on a dim display; also returns which."""
    _, height, width, _ = images.shape
    faint = draw.bernoulli("faint", a["faint"]) & jnp.isfinite(box).all(axis=1)
    near, far = box[:, :2] - 0.02, box[:, 2:] + 0.02

    def inside(axis, pixels):
        place = (jnp.arange(pixels) + 0.5) / pixels
        edge = jnp.minimum(place - near[:, axis, None], far[:, axis, None] - place)
        return (edge * pixels / 2 + 0.5).clip(0.0, 1.0)

    mask = inside(1, height)[:, :, None, None] * inside(0, width)[:, None, :, None]
    mask = jnp.where(_per_image(faint), mask, 0.0)
    total = jnp.maximum(mask.sum(axis=(1, 2), keepdims=True), 1e-3)
    mean = (mask * images).sum(axis=(1, 2), keepdims=True) / total
    contrast = _per_image(0.15 * 3.0 ** draw.uniform("faint_contrast", 0.0, 1.0))
    return images + mask * (contrast - 1.0) * (images - mean), faint


def light(images, draw: Draws, a):
    """Change inversion, gamma, brightness, contrast and colour."""
    levels = (images / 255).clip(0.0, 1.0)
    levels = change_levels(levels, levels.mean(axis=(1, 2, 3), keepdims=True), draw, a)
    return (levels * 255).clip(0.0, 255.0)


def compress(images, draw: Draws, a):
    """Quantize 8 x 8 blocks as JPEG of a quality within `JPEG_QUALITY` does."""
    count, height, width, _ = images.shape
    chosen = _per_image(draw.bernoulli("compress", a["compress"]))
    quality = draw.uniform("quality", *JPEG_QUALITY)
    scale = jnp.where(quality < 50, 50 / quality, 2 - quality / 50)
    to_ycc = np.array(
        [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], np.float32
    ).T
    u, x = np.mgrid[0:8, 0:8]
    dct = np.cos((2 * x + 1) * u * np.pi / 16) * np.where(u == 0, 8**-0.5, 0.5)
    blocks = (images @ to_ycc).reshape(count, height // 8, 8, width // 8, 8, 3)
    coefficients = jnp.einsum("ui,vj,naibjc->naubvc", dct, dct, blocks)
    quanta = _QUANTA[None, None, :, None, :, None] * np.array([1.0, 1.7, 1.7], np.float32)
    quanta = quanta * scale[:, None, None, None, None, None]
    coefficients = jnp.round(coefficients / quanta) * quanta
    blocks = jnp.einsum("ui,vj,naubvc->naibjc", dct, dct, coefficients)
    back = blocks.reshape(images.shape) @ np.linalg.inv(to_ycc)
    return jnp.where(chosen, back, images)


def _ramp(angle, height: int, width: int):
    """A ramp (n, h, w, 1) in the direction of the angle, 0 in the middle of the image."""
    y, x = jnp.arange(height)[:, None, None] / height, jnp.arange(width)[:, None] / width
    return jnp.cos(angle) * (x - 0.5) + jnp.sin(angle) * (y - 0.5)


def cast_shadow(images, draw: Draws, a):
    """Darken one side of an edge, as a shadow does."""
    angle = _per_image(draw.uniform("shadow_angle", 0.0, 2 * jnp.pi))
    place = _per_image(draw.uniform("shadow_place", -0.3, 0.3))
    edge = 0.004 * 20.0 ** _per_image(draw.uniform("shadow_edge", 0.0, 1.0))
    depth = draw.uniform("shadow_depth", 0.3, 0.8) * draw.bernoulli("shadow", a["shadow"])
    ramp = _ramp(angle, *images.shape[1:3])
    return images * (1 - _per_image(depth) * jax.nn.sigmoid((ramp - place) / edge))


def disturb(images, draw: Draws, key: jax.Array, a, digit, grain):
    """Add a uniform patch, an illumination gradient, and noise with strength times `grain`."""
    count, height, width, _ = images.shape
    y, x = jnp.arange(height)[:, None, None], jnp.arange(width)[:, None]
    most = 0.15 * height
    tallest, widest = (jnp.minimum(most, part * digit[:, i]) for i, part in ((0, 0.4), (1, 0.5)))
    tall = _per_image(draw.uniform("erase_height", most / 3, tallest))
    wide = _per_image(draw.uniform("erase_width", most / 3, widest))
    middle_y = _per_image(draw.uniform("erase_y", 0.0, height))
    middle_x = _per_image(draw.uniform("erase_x", 0.0, width))
    patch = (jnp.abs(y - middle_y) < tall / 2) & (jnp.abs(x - middle_x) < wide / 2)
    patch = patch & _per_image(draw.bernoulli("erase", a["erase"]))
    colour = draw.uniforms(("erase_red", "erase_green", "erase_blue"), 0.0, 255.0)
    images = jnp.where(patch, colour[:, None, None], images)
    angle = _per_image(draw.uniform("illumination_angle", 0.0, 2 * jnp.pi))
    depth = _per_image(draw.uniform("illumination_gradient", 0.0, a["illumination_gradient"]))
    images = images * (1 + depth * _ramp(angle, height, width))
    fine = _per_image(draw.uniform("fine_noise", 0.0, a["noise"]) * grain)
    coarse = _per_image(draw.uniform("coarse_noise", 0.0, a["noise"] / 2) * grain)
    fine_key, coarse_key = jax.random.split(key)
    grains = jax.random.normal(fine_key, (count, height, width, 1))
    blotches = jax.random.normal(coarse_key, (count, height // 2, width // 2, 3))
    blotches = blotches.repeat(2, axis=1).repeat(2, axis=2)
    return images + fine * grains + coarse * blotches
