"""Illumination, lens, sensor and JPEG compression."""

from __future__ import annotations

import cv2
import numpy as np

from .drawing import blurred, colour_row
from .rng import Rng
from .textures import TEXTURE_MEAN, TEXTURE_STD, crop_texture


def photograph(image: np.ndarray, height: float, rng: Rng) -> np.ndarray:
    """Apply illumination, lens and sensor to a sharp, evenly lit image.

    Args:
        image: float32 (h, w, 3), 0 to 255; overwritten.
        height: of the sharpest digits in pixels; the blur is proportional to it.

    Returns:
        uint8 (h, w, 3).
    """
    gradient = _illuminate(image, rng)
    return _expose(_apply_lens(image, height, rng), gradient, rng)


def _illuminate(image: np.ndarray, rng: Rng) -> np.ndarray | None:
    """Apply the edge of a shadow, in place, and sample a brightness gradient.

    The gradient is applied by `_expose`: blur does not change it, and `_expose` needs no additional
    pass over the image for it.

    Returns:
        The gradient, float32 (2, 3): factors for the left, the middle and the right of the
        image's top and bottom; None for uniform illumination.
    """
    height, width = image.shape[:2]
    gradient = None
    if rng.bernoulli(0.7):
        depth = rng.uniform(0.0, 0.35)
        factors = [[1 + depth * rng.uniform(-1, 1) for _ in range(3)] for _ in range(2)]
        gradient = np.array(factors, np.float32)
    if rng.bernoulli(0.1):
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        angle, reach = rng.uniform(0, 2 * np.pi), 4.0 * (width + height)
        along = np.array([np.cos(angle), np.sin(angle)]) * reach
        across = np.array([-along[1], along[0]])
        points = np.array([-along, along, along + across, across - along]) + np.array([x, y])
        mask = np.zeros((height, width), np.float32)
        cv2.fillPoly(mask, [points.astype(np.int32)], rng.uniform(0.25, 0.65), cv2.LINE_AA)
        factor = cv2.cvtColor(1 - cv2.blur(mask, (3, 3)), cv2.COLOR_GRAY2RGB)
        cv2.multiply(image, factor, dst=image)
    return gradient


def _motion_kernel(length: float, angle: float) -> np.ndarray:
    size = max(3, int(np.ceil(length)) | 1)
    kernel = np.zeros((size, size), np.float32)
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start, end = (np.round((size // 2 + r) * 16).astype(int).tolist() for r in (-reach, reach))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def _apply_lens(image: np.ndarray, height: float, rng: Rng) -> np.ndarray:
    """Apply defocus, motion blur, ghosting, sharpening and upscaling."""
    rows, columns = image.shape[:2]
    sigma = height * rng.log_uniform(0.008, 0.078)
    # Small images are crops of photos like large ones, so their blur has a minimum in pixels.
    sigma = max(sigma, rng.uniform(0.3, 0.9))
    if rng.bernoulli(0.15):
        length = 1 + height * rng.uniform(0.03, 0.2)
        image = cv2.filter2D(image, -1, _motion_kernel(length, rng.uniform(0, np.pi)))
        sigma *= 0.6
    if rng.bernoulli(0.05):  # two misaligned exposures
        shift = np.array([[1, 0, rng.normal(0, 0.1) * height],
                          [0, 1, rng.normal(0, 0.06) * height]])  # fmt: skip
        ghost = cv2.warpAffine(image, shift, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
        image = cv2.addWeighted(image, 0.6, ghost, 0.4, 0)
    image = blurred(image, sigma)
    if rng.bernoulli(0.25):  # unsharp masking
        soft = blurred(image, max(1.0, 1.5 * sigma))
        amount = rng.uniform(0.3, 1.4)
        image = cv2.addWeighted(image, 1 + amount, soft, -amount, 0)
    if rng.bernoulli(0.15):  # enlarged from a lower resolution
        factor = rng.uniform(max(0.3, min(8.5 / height, 0.9)), 0.95)
        small = (max(8, round(columns * factor)), max(8, round(rows * factor)))
        method = rng.weighted_choice(
            ((4.0, cv2.INTER_LINEAR), (4.0, cv2.INTER_CUBIC), (1.0, cv2.INTER_NEAREST))
        )
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (columns, rows), interpolation=method)
    return image


def _apply_gradient(image: np.ndarray, grid: np.ndarray) -> None:
    """Multiply an image, in place, by a grid (float32 (2, n, 3)) interpolated over it."""
    height, width = image.shape[:2]
    # Whole rows at once: NumPy is slow along an axis of three channels.
    top, bottom = cv2.resize(grid, (width, 2)).reshape(2, -1)
    positions = np.clip((np.arange(height, dtype=np.float32) + 0.5) * 2 / height - 0.5, 0, 1)
    factor = positions[:, None] * (bottom - top)
    factor += top
    image *= factor.reshape(image.shape)


def _expose(image: np.ndarray, gradient: np.ndarray | None, rng: Rng) -> np.ndarray:
    """Apply a gradient, exposure, haze, colour cast and noise, and quantize."""
    height, width = image.shape[:2]
    gain = rng.clipped_normal(0.92, 0.15, 0.5, 1.3)
    haze = rng.uniform(0, 35) if rng.bernoulli(0.35) else 0.0
    contrast = rng.uniform(0.6, 0.95) if haze else 1.0
    warmth = rng.normal(-0.025, 0.04)
    cast = (1 + warmth, 1 + rng.normal(0, 0.012), 1 - warmth + rng.normal(0, 0.02))
    gains = [gain * contrast * channel for channel in cast]
    if gradient is None:
        image *= colour_row(gains, width)
    else:
        _apply_gradient(image, gradient[..., None] * np.array(gains, np.float32))
    noise, amplitude = None, 0.0
    if rng.bernoulli(0.75):
        name = rng.choice(("noise", "speckle", "speckle"))
        noise = crop_texture(name, (width, height), rng)
        amplitude = rng.log_uniform(0.4, 4.0) / TEXTURE_STD
    if rng.bernoulli(0.3):  # chroma noise of a larger scale
        chroma = crop_texture("stucco", (width, height), rng).astype(np.float32) - TEXTURE_MEAN
        chroma = cv2.cvtColor(chroma, cv2.COLOR_GRAY2RGB)
        chroma *= colour_row([rng.normal(0, 2) / TEXTURE_STD for _ in range(3)], width)
        image += chroma
    # Both OpenCV functions round and clip to [0, 255].
    if noise is None:
        return cv2.add(image, (haze, haze, haze, 0.0), dtype=cv2.CV_8U)
    noise = cv2.cvtColor(noise, cv2.COLOR_GRAY2RGB)
    offset = haze - TEXTURE_MEAN * amplitude
    return cv2.addWeighted(image, 1.0, noise, amplitude, offset, dtype=cv2.CV_8U)


def compress(image: np.ndarray, rng: Rng) -> bytes:
    """Encode an image (uint8 (h, w, 3), RGB) as JPEG of a random quality from 35 to 97."""
    return encode(image, rng.choice((35, 50, 60, 70, 75, 80, 85, 88, 90, 92, 95, 97)))


def encode(image: np.ndarray, quality: int) -> bytes:
    """Encode an image (uint8 (h, w, 3), RGB) as JPEG."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()


def decompress(jpeg: bytes) -> np.ndarray:
    """Decode a JPEG: uint8 (h, w, 3), RGB."""
    bgr = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
