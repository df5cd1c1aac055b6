"""What light, lens, sensor and compression do to a scene."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.surfaces import MIDDLE, STEP, crop, row_of


def light(scene: np.ndarray, chance: Rng) -> np.ndarray | None:
    """Light a scene unevenly: a slope of brightness and the edge of a shadow.

    The shadow is laid on the scene in place. The slope is left to `sensor`: no blur changes it,
    and there it takes no further pass over the image.

    Args:
        scene: float32 (h, w, 3), 0 to 255.
        chance: source of chance.

    Returns:
        float32 (2, 3), the slope: factors for the left, the middle and the right of the
        image's top and bottom; None for even light.
    """
    height, width = scene.shape[:2]
    slope = None
    if chance.happens(0.7):
        depth = chance.uniform(0.0, 0.35)
        slope = [[1 + depth * chance.uniform(-1, 1) for _ in range(3)] for _ in range(2)]
        slope = np.array(slope, np.float32)
    if chance.happens(0.1):
        x, y = chance.uniform(0, width), chance.uniform(0, height)
        angle, reach = chance.uniform(0, 2 * np.pi), 4.0 * (width + height)
        along = np.array([np.cos(angle), np.sin(angle)]) * reach
        across = np.array([-along[1], along[0]])
        points = np.array([-along, along, along + across, across - along]) + np.array([x, y])
        mask = np.zeros((height, width), np.float32)
        cv2.fillPoly(mask, [points.astype(np.int32)], chance.uniform(0.25, 0.65), cv2.LINE_AA)
        factor = cv2.cvtColor(1 - cv2.blur(mask, (3, 3)), cv2.COLOR_GRAY2RGB)
        cv2.multiply(scene, factor, dst=scene)
    return slope


def _motion(length: float, angle: float) -> np.ndarray:
    size = max(3, int(np.ceil(length)) | 1)
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start, end = np.round((middle - reach) * 16), np.round((middle + reach) * 16)
    cv2.line(kernel, start.astype(int).tolist(), end.astype(int).tolist(), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def lens(scene: np.ndarray, height: float, chance: Rng) -> np.ndarray:
    """Blur a scene: out of focus, moved, taken from far, stitched, sharpened again.

    Args:
        scene: float32 (h, w, 3).
        height: height of a digit in pixels, to which the blur is in proportion.
        chance: source of chance.

    Returns:
        float32 (h, w, 3).
    """
    rows, columns = scene.shape[:2]
    sigma = height * chance.log_uniform(0.008, 0.078)
    # Small images were cut from the same photos as large ones: theirs is a blur in pixels.
    sigma = max(sigma, chance.uniform(0.3, 0.9))
    if chance.happens(0.15):
        length = 1 + height * chance.uniform(0.03, 0.2)
        scene = cv2.filter2D(scene, -1, _motion(length, chance.uniform(0, np.pi)))
        sigma *= 0.6
    if chance.happens(0.05):  # two exposures that do not meet
        move = np.array([[1, 0, chance.normal(0, 0.1) * height],
                         [0, 1, chance.normal(0, 0.06) * height]])  # fmt: skip
        ghost = cv2.warpAffine(scene, move, (columns, rows), borderMode=cv2.BORDER_REPLICATE)
        scene = cv2.addWeighted(scene, 0.6, ghost, 0.4, 0)
    scene = blurred(scene, sigma)
    if chance.happens(0.25):
        soft = blurred(scene, max(1.0, 1.5 * sigma))
        amount = chance.uniform(0.3, 1.4)
        scene = cv2.addWeighted(scene, 1 + amount, soft, -amount, 0)
    if chance.happens(0.15):  # enlarged from fewer pixels
        factor = chance.uniform(max(0.3, min(8.5 / height, 0.9)), 0.95)
        small = (max(8, round(columns * factor)), max(8, round(rows * factor)))
        method = chance.weighted(
            ((4.0, cv2.INTER_LINEAR), (4.0, cv2.INTER_CUBIC), (1.0, cv2.INTER_NEAREST))
        )
        scene = cv2.resize(scene, small, interpolation=cv2.INTER_AREA)
        scene = cv2.resize(scene, (columns, rows), interpolation=method)
    return scene


def _scale(scene: np.ndarray, grid: np.ndarray) -> None:
    """Multiply a scene, in place, by a grid (float32 (2, n, 3)) spread over it."""
    height, width = scene.shape[:2]
    # Whole rows at once: NumPy is slow along three channels.
    top, bottom = cv2.resize(grid, (width, 2)).reshape(2, -1)
    factor = _between(height) * (bottom - top)
    factor += top
    scene *= factor.reshape(scene.shape)


@functools.lru_cache(maxsize=512)
def _between(height: int) -> np.ndarray:
    """How far each row is from an image's top to its bottom: float32 (height, 1), 0 to 1."""
    down = (np.arange(height, dtype=np.float32) + 0.5) * 2 / height - 0.5
    return np.clip(down, 0, 1)[:, None]


def sensor(scene: np.ndarray, slope: np.ndarray | None, chance: Rng) -> np.ndarray:
    """Expose a scene: brightness, haze, colour cast, noise.

    Args:
        scene: float32 (h, w, 3), 0 to 255; of no use afterwards.
        slope: float32 (2, 3), the slope of brightness that `light` returns, or None.
        chance: source of chance.

    Returns:
        uint8 (h, w, 3).
    """
    height, width = scene.shape[:2]
    gain = chance.clipped(0.92, 0.15, 0.5, 1.3)
    haze = chance.uniform(0, 35) if chance.happens(0.35) else 0.0
    clear = chance.uniform(0.6, 0.95) if haze else 1.0
    warm = chance.normal(-0.025, 0.04)
    cast = (1 + warm, 1 + chance.normal(0, 0.012), 1 - warm + chance.normal(0, 0.02))
    gains = [gain * clear * part for part in cast]
    if slope is None:
        scene *= row_of(gains, width)
    else:
        _scale(scene, slope[..., None] * np.array(gains, np.float32))
    speckle, step = None, 0.0
    if chance.happens(0.75):
        speckle = crop(chance.choice(("noise", "speckle", "speckle")), (width, height), chance)
        step = chance.log_uniform(0.4, 4.0) / STEP
    if chance.happens(0.3):
        blotch = crop("stucco", (width, height), chance).astype(np.float32) - MIDDLE
        blotch = cv2.cvtColor(blotch, cv2.COLOR_GRAY2RGB)
        blotch *= row_of([chance.normal(0, 2) / STEP for _ in range(3)], width)
        scene += blotch
    # Both round, and clip to 0 to 255.
    if speckle is None:
        return cv2.add(scene, (haze, haze, haze, 0.0), dtype=cv2.CV_8U)
    speckle = cv2.cvtColor(speckle, cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(scene, 1.0, speckle, step, haze - MIDDLE * step, dtype=cv2.CV_8U)


def compress(image: np.ndarray, chance: Rng) -> bytes:
    """Compress an image as a camera or a map service does.

    Args:
        image: uint8 (h, w, 3), RGB.
        chance: source of the quality, 35 to 97.

    Returns:
        The bytes of a JPEG file.
    """
    quality = chance.choice((35, 50, 60, 70, 75, 80, 85, 88, 90, 92, 95, 97))
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise RuntimeError(f"OpenCV could not write a JPEG. Received: {image.shape}")
    return data.tobytes()
