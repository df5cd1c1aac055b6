"""The same images made worse, step by step: blur, noise, darkness, coarseness, turns, framing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from inference.reader import Reader


@dataclass(frozen=True)
class Damage:
    """One way to make images worse.

    Attributes:
        name: what it is called.
        unit: what its levels say.
        levels: from harmless to bad.
        apply: (image, level, random numbers) to the worse image, both uint8 (h, w, 3).
    """

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _blur(image, level, _):
    return cv2.GaussianBlur(image, (0, 0), max(level / 100 * image.shape[0], 0.01))


def _noise(image, level, rng):
    noisy = image + rng.normal(0, level, image.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def _darkness(image, level, _):
    return (image * (1 - level / 100)).round().astype(np.uint8)


def _coarseness(image, level, _):
    height, width = image.shape[:2]
    rows = max(2, round(height / level))
    columns = max(2, round(width / level))
    return cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA)


def _turn(image, level, rng):
    height, width = image.shape[:2]
    degrees = level * rng.choice((-1, 1))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _loose(image, level, _):
    rows, columns = (round(side * (level - 1) / 2) for side in image.shape[:2])
    return cv2.copyMakeBorder(image, rows, rows, columns, columns, cv2.BORDER_REPLICATE)


def _shift(image, level, rng):
    height, width = image.shape[:2]
    x, y = (level / 100 * rng.choice((-1, 1)) * side for side in (width, height))
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(image, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


DAMAGES = (
    Damage("blur", "standard deviation, % of the height", (1, 2, 4, 8), _blur),
    Damage("noise", "standard deviation, levels of 255", (10, 20, 40, 80), _noise),
    Damage("darkness", "% of the light gone", (50, 75, 90, 95), _darkness),
    Damage("coarseness", "times fewer pixels each way", (1.5, 2, 3, 5), _coarseness),
    Damage("turn", "degrees", (5, 10, 20, 30), _turn),
    Damage("loose framing", "times as wide and high, edges repeated", (1.25, 1.5, 2, 3), _loose),
    Damage("shift", "% of the width and of the height", (5, 10, 15, 20), _shift),
)


def robustness(
    readers: Mapping[str, Reader],
    images: Sequence[np.ndarray],
    numbers: Sequence[str],
    damages: Sequence[Damage] = DAMAGES,
    report: Callable[[str], Any] = lambda text: None,
) -> dict[str, dict[str, Any]]:
    """Read images that are made worse, with every reader the same ones.

    Args:
        readers: readers by name.
        images: uint8 arrays (height, width, 3).
        numbers: what they show.
        damages: ways to make them worse.
        report: called with a line about each one before it is tried.

    Returns:
        For each damage `unit`, `levels` (the first is 0, the images as they are; for framing
        and coarseness it is 1), and `accuracy`: for each reader the share of numbers wholly right
        at each level.
    """
    untouched = {name: _accuracy(reader, images, numbers) for name, reader in readers.items()}
    found = {}
    for damage in damages:
        report(f"Robustness: {damage.name}")
        accuracy = {name: [share] for name, share in untouched.items()}
        for level in damage.levels:
            rng = np.random.default_rng(0)
            worse = [damage.apply(image, level, rng) for image in images]
            for name, reader in readers.items():
                accuracy[name].append(_accuracy(reader, worse, numbers))
        none = 1 if damage.apply in (_coarseness, _loose) else 0
        found[damage.name] = {
            "unit": damage.unit,
            "levels": [none, *damage.levels],
            "accuracy": accuracy,
        }
    return found


def _accuracy(reader: Reader, images, numbers) -> float:
    read = reader.look(images).readings.numbers()
    return float(np.mean([a == b for a, b in zip(read, numbers, strict=True)]))
