"""What light, lens, sensor and compression do to a scene."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.rendered_numbers.chance import Chance
from datasets.rendered_numbers.surfaces import crop, row_of


def light(scene: np.ndarray, chance: Chance) -> None:
    """Light a scene unevenly, in place: a slope of brightness and the edge of a shadow.

    Args:
        scene: float32 (h, w, 3), 0 to 255.
        chance: source of chance.
    """
    height, width = scene.shape[:2]
    if chance.happens(0.7):
        depth = chance.uniform(0.0, 0.35)
        grid = np.array([[1 + depth * chance.uniform(-1, 1) for _ in range(3)] for _ in range(2)])
        _scale(scene, cv2.resize(grid.astype(np.float32), (width, height)))
    if chance.happens(0.1):
        x, y = chance.uniform(0, width), chance.uniform(0, height)
        angle, reach = chance.uniform(0, 2 * np.pi), 4.0 * (width + height)
        along = np.array([np.cos(angle), np.sin(angle)]) * reach
        across = np.array([-along[1], along[0]])
        points = np.array([-along, along, along + across, across - along]) + np.array([x, y])
        mask = np.zeros((height, width), np.float32)
        cv2.fillPoly(mask, [points.astype(np.int32)], chance.uniform(0.25, 0.65), cv2.LINE_AA)
        _scale(scene, 1 - cv2.blur(mask, (3, 3)))


def _scale(scene: np.ndarray, factor: np.ndarray) -> None:
    cv2.multiply(scene, cv2.cvtColor(factor, cv2.COLOR_GRAY2RGB), dst=scene)


def _motion(length: float, angle: float) -> np.ndarray:
    size = max(3, int(np.ceil(length)) | 1)
    kernel = np.zeros((size, size), np.float32)
    middle = size // 2
    reach = np.array([np.cos(angle), np.sin(angle)]) * length / 2
    start, end = np.round((middle - reach) * 16), np.round((middle + reach) * 16)
    cv2.line(kernel, start.astype(int).tolist(), end.astype(int).tolist(), 1.0, 1, cv2.LINE_AA, 4)
    return kernel / kernel.sum()


def lens(scene: np.ndarray, height: float, chance: Chance) -> np.ndarray:
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
    # Small pictures were cut from the same photos as large ones: theirs is a blur in pixels.
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
    scene = cv2.GaussianBlur(scene, (0, 0), sigma)
    if chance.happens(0.25):
        soft = cv2.GaussianBlur(scene, (0, 0), max(1.0, 1.5 * sigma))
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


def sensor(scene: np.ndarray, chance: Chance) -> np.ndarray:
    """Expose a scene: brightness, haze, colour cast, noise.

    Args:
        scene: float32 (h, w, 3), 0 to 255.
        chance: source of chance.

    Returns:
        uint8 (h, w, 3).
    """
    height, width = scene.shape[:2]
    gain = chance.clipped(0.92, 0.15, 0.5, 1.3)
    haze = chance.uniform(0, 35) if chance.happens(0.35) else 0.0
    slope = chance.uniform(0.6, 0.95) if haze else 1.0
    warm = chance.normal(-0.025, 0.04)
    cast = (1 + warm, 1 + chance.normal(0, 0.012), 1 - warm + chance.normal(0, 0.02))
    scene = scene * row_of([gain * slope * part for part in cast], width)
    if chance.happens(0.75):
        speckle = crop(chance.choice(("noise", "speckle", "speckle")), (width, height), chance)
        offset = speckle * np.float32(chance.log_uniform(0.4, 4.0))
        offset += np.float32(haze)
    else:
        offset = np.full((height, width), haze, np.float32)
    offset = cv2.cvtColor(offset, cv2.COLOR_GRAY2RGB)
    if chance.happens(0.3):
        blotch = crop("stucco", (width, height), chance)
        offset += cv2.merge([blotch * np.float32(chance.normal(0, 2)) for _ in range(3)])
    return cv2.add(scene, offset, dtype=cv2.CV_8U)  # rounds, and clips to 0 to 255


def compress(picture: np.ndarray, chance: Chance) -> bytes:
    """Compress a picture as a camera or a map service does.

    Args:
        picture: uint8 (h, w, 3), RGB.
        chance: source of the quality, 35 to 97.

    Returns:
        The bytes of a JPEG file.
    """
    quality = chance.choice((35, 50, 60, 70, 75, 80, 85, 88, 90, 92, 95, 97))
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    if not done:
        raise RuntimeError(f"OpenCV could not write a JPEG. Received: {picture.shape}")
    return data.tobytes()
