"""Random changes to batches of images, as an `Augmentation` specifies.

All random numbers come from TensorFlow's stateless operations and one seed, so a batch is a
function of its images and that seed. OpenCV applies the changes to bytes: on a CPU, TensorFlow's
operations take about ten times as long and would slow down the training.
"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist
from typing import TYPE_CHECKING

import cv2
import numpy as np

from datasets import geometry
from datasets.augmentation import JPEG_QUALITY, Augmentation
from datasets.geometry import DRAWS, Draws

if TYPE_CHECKING:
    import tensorflow as tf

# Standard normal quantiles of the 256 values of a byte: maps random bytes to Gaussian noise.
_QUANTILES = np.array([[NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)]], np.float32)

_LEVELS = np.linspace(0.0, 1.0, 256, dtype=np.float32)[None, :, None]


def augment(
    images: tf.Tensor,
    augmentation: Augmentation,
    seed: tf.Tensor,
    size: tuple[int, int],
    visible_fraction: float = 1.0,
    boxes: tf.Tensor | None = None,
    rows: tuple[int, int] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Change a batch of images at random. Limits OpenCV to one thread in this process.

    Args:
        images: uint8 [B, height, width, C].
        augmentation: strengths of the changes.
        seed: int [2], as for TensorFlow's stateless operations.
        size: `(height, width)` of the result in pixels.
        visible_fraction: fraction of the images' width and height that the result shows without any
            change; the rest is a margin for geometric changes.
        boxes: float32 [B, 4], left, top, right and bottom of the number in each image as
            fractions of its width and height; NaN if unknown. Defaults to unknown.
        rows: `(first, total)` if the images are the rows from `first` of a larger batch of
            `total` images; the changes are then the same as within that batch.

    Returns:
        float32 [B, *size, C] in [0, 255], and the boxes as fractions of the result; NaN if unknown
        or if the result does not show the number.
    """
    import tensorflow as tf

    # Not on import, since it affects the whole process. Batches are made in parallel, and for such
    # small images OpenCV's threads cost more than they save.
    cv2.setNumThreads(1)
    channels = images.shape[3]
    batch = tf.shape(images)[0]
    boxes = tf.fill((batch, 4), np.float32(np.nan)) if boxes is None else boxes
    same_size = tuple(images.shape[1:3]) == tuple(size)
    if not augmentation.changes and visible_fraction == 1.0 and same_size:
        return tf.cast(images, tf.float32), boxes
    first, total = rows or (0, batch)
    draws = tf.random.stateless_uniform((total, len(DRAWS)), tf.random.fold_in(seed, 0))
    noise_bytes = _noise_bytes(size, channels) if augmentation.noise else 0
    words = tf.random.stateless_uniform(
        (total, -(-noise_bytes // 4)), tf.random.fold_in(seed, 1), None, None, tf.int32
    )
    draws, words = draws[first : first + batch], words[first : first + batch]

    def apply(images, draws, words, boxes):
        noise = words.view(np.uint8)
        return distort(images, draws, noise, augmentation, size, visible_fraction, boxes)

    arguments = [images, draws, words, boxes]
    result, boxes = tf.numpy_function(apply, arguments, (tf.float32, tf.float32))
    result.set_shape((images.shape[0], *size, channels))
    boxes.set_shape((images.shape[0], 4))
    return result, boxes


def distort(
    images: np.ndarray,
    draws: np.ndarray,
    noise: np.ndarray,
    augmentation: Augmentation,
    size: tuple[int, int],
    visible_fraction: float,
    boxes: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Change a batch of images according to random numbers, without TensorFlow; see `augment`.

    Args:
        images: uint8 [B, height, width, C].
        draws: float32 [B, len(DRAWS)] in [0, 1].
        noise: uint8 [B, n], random bytes, at least one for each value of noise.
        augmentation: strengths of the changes.
        size: `(height, width)` of the result in pixels.
        visible_fraction: as for `augment`.
        boxes: float32 [B, 4], as for `augment`.

    Returns:
        float32 [B, *size, C] in [0, 255], and the boxes as fractions of the result.
    """
    a, draw = augmentation, Draws(draws.T)
    batch, *stored_size, channels = images.shape
    if a.moves or visible_fraction != 1.0 or tuple(stored_size) != tuple(size):
        exact = boxes.astype(np.float64)
        visible = geometry.random_crops(draw, a.random_crop, exact, visible_fraction)
        if a.background_crop:
            background = geometry.background_crops(draw, a.background_crop, exact)
            chosen = np.isfinite(background)
            visible, boxes = np.where(chosen, background, visible), np.where(chosen, np.nan, boxes)
        matrices = geometry.transforms(a, draw, size, stored_size, visible)
        images = _warp(images, matrices, size, bool(a.perspective))
        boxes = geometry.move_boxes(boxes, matrices, size, stored_size)
    image_draws = [Draws(row) for row in draws.tolist()]
    images = [_degrade(image, a, draw) for image, draw in zip(images, image_draws, strict=True)]
    tables = _level_tables(images, a, draw, channels)
    result = np.empty((batch, *size, channels), np.float32)
    for index, image in enumerate(images):
        if tables is not None:
            image = cv2.LUT(image, tables[index, :, None])
        target = result[index]
        target[...] = image.reshape(target.shape)
        _erase(target, a, image_draws[index])
        _apply_illumination_gradient(target, a, image_draws[index])
        _add_noise(target, a, image_draws[index], noise[index])
        np.clip(target, 0.0, 255.0, out=target)
    return result, boxes


def _warp(images, matrices: np.ndarray, size, perspective: bool) -> list[np.ndarray]:
    """Apply all geometric transforms at once; edge pixels are repeated beyond the edges.

    Reflection would create mirrored copies of digits at the edge.
    """
    options = {
        "dsize": (size[1], size[0]),
        "flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        "borderMode": cv2.BORDER_REPLICATE,
    }
    pairs = zip(images, matrices, strict=True)
    if perspective:
        return [cv2.warpPerspective(image, matrix, **options) for image, matrix in pairs]
    return [cv2.warpAffine(image, matrix[:2], **options) for image, matrix in pairs]


def _degrade(image: np.ndarray, a: Augmentation, draw: Draws) -> np.ndarray:
    """Remove colour and detail: grey, blur, lower resolution, JPEG compression."""
    height, width = image.shape[:2]
    if image.ndim == 3 and image.shape[2] == 3 and draw.bernoulli("grey", a.grey):
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if draw.bernoulli("blur", a.blur):
        sigmas = [draw.uniform(name, 0.1, 0.025 * height) for name in ("blur_x", "blur_y")]
        image = cv2.GaussianBlur(image, (0, 0), sigmas[0], sigmaY=sigmas[1])
    if draw.bernoulli("downscale", a.downscale):
        factor = draw.uniform("downscale_factor", 1.0, 3.0)
        small = (max(1, round(width / factor)), max(1, round(height / factor)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    if draw.bernoulli("compress", a.compress):
        quality = int(draw.uniform("quality", *JPEG_QUALITY))
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
    return image


def _level_tables(images: list, a: Augmentation, draw: Draws, channels: int):
    """Lookup tables uint8 [B, 256, C] of light and colour changes; None if nothing changes."""
    if not any((a.invert, a.gamma, a.contrast, a.brightness, a.channel_gain)):
        return None
    means = np.array([image.mean() for image in images], np.float32)[:, None, None] / 255
    levels = np.broadcast_to(_LEVELS, (len(images), 256, channels))
    levels = change_levels(levels, means, draw, vars(a))
    return np.ascontiguousarray((levels * 255 + 0.5).clip(0, 255).astype(np.uint8))


def change_levels(
    levels: np.ndarray, means: np.ndarray, draw: Draws, strengths: Mapping[str, float]
) -> np.ndarray:
    """Apply inversion, gamma, brightness, contrast and channel gains to levels [B, ..., C] in
    [0, 1] of images with given means [B, ..., 1]: float32, NumPy or JAX."""
    xp = levels.__array_namespace__()

    def column(values):
        return values.astype(levels.dtype).reshape(-1, *[1] * (levels.ndim - 1))

    inverted = column(draw.bernoulli("invert", strengths["invert"]))
    levels, means = xp.abs(levels - inverted), xp.abs(means - inverted)
    gamma = column(draw.factor("gamma", strengths["gamma"]))
    levels, means = levels**gamma, means**gamma
    shifted = means + column(draw.symmetric("brightness", strengths["brightness"]))
    # The mean keeps a distance from black and white, where the digits would vanish.
    shifted = xp.clip(shifted, xp.minimum(means, 0.12), xp.maximum(means, 0.88))
    levels = shifted + (levels - means) * column(draw.factor("contrast", strengths["contrast"]))
    if levels.shape[-1] == 3:
        gain = strengths["channel_gain"]
        gains = [column(draw.factor(name, gain)) for name in ("red", "green", "blue")]
        levels = levels * xp.concatenate(gains, axis=-1)
    return levels


def _erase(image: np.ndarray, a: Augmentation, draw: Draws) -> None:
    if not draw.bernoulli("erase", a.erase):
        return
    height, width, channels = image.shape
    most = a.erase_size * height
    tall, wide = (
        round(draw.uniform(name, most / 3, most)) for name in ("erase_height", "erase_width")
    )
    top = int(draw.uniform("erase_y", 0, height)) - tall // 2
    left = int(draw.uniform("erase_x", 0, width)) - wide // 2
    colour = [draw.uniform(name, 0, 255) for name in ("erase_red", "erase_green", "erase_blue")]
    image[max(0, top) : max(0, top + tall), max(0, left) : max(0, left + wide)] = colour[:channels]


def _apply_illumination_gradient(image: np.ndarray, a: Augmentation, draw: Draws) -> None:
    """Darken one side and lighten the opposite one."""
    if not a.illumination_gradient:
        return
    height, width, channels = image.shape
    angle = draw.uniform("illumination_angle", 0.0, 2 * np.pi)
    depth = draw.uniform("illumination_gradient", 0.0, a.illumination_gradient)
    x = np.arange(width, dtype=np.float32) * np.float32(np.cos(angle) * depth / width)
    y = np.arange(height, dtype=np.float32) * np.float32(np.sin(angle) * depth / height)
    ramp = x + y[:, None]
    ramp += 1 - ramp[height // 2, width // 2]
    image *= _repeat_channels(ramp, channels)


def _repeat_channels(plane: np.ndarray, channels: int) -> np.ndarray:
    """Repeat [H, W] to [H, W, channels]; copying is faster than NumPy's broadcasting."""
    return cv2.merge([plane] * channels).reshape(*plane.shape, channels)


def _noise_bytes(size, channels: int) -> int:
    height, width = size
    return height * width + (-(-height // 2)) * (-(-width // 2)) * channels


def _add_noise(image: np.ndarray, a: Augmentation, draw: Draws, noise: np.ndarray) -> None:
    """Add grey noise per pixel and coloured noise per 2 x 2 pixels."""
    if not a.noise:
        return
    height, width, channels = image.shape
    rows, columns = -(-height // 2), -(-width // 2)
    gaussian = cv2.LUT(noise[None, : _noise_bytes((height, width), channels)], _QUANTILES)[0]
    fine = gaussian[: height * width].reshape(height, width)
    coarse = gaussian[height * width :].reshape(rows, columns, channels)
    fine *= draw.uniform("fine_noise", 0.0, a.noise)
    coarse *= draw.uniform("coarse_noise", 0.0, a.noise / 2)
    coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    image += coarse.reshape(image.shape)
    image += _repeat_channels(fine, channels)
