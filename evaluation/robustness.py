"""The same pictures made worse, step by step: blur, noise, darkness, coarseness, turns, framing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from reading.reader import Reader


@dataclass(frozen=True)
class Damage:
    """One way to make pictures worse.

    Attributes:
        name: what it is called.
        unit: what its levels say.
        levels: from harmless to bad.
        apply: (picture, level, random numbers) to the worse picture, both uint8 (h, w, 3).
    """

    name: str
    unit: str
    levels: tuple[float, ...]
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def _blur(picture, level, _):
    return cv2.GaussianBlur(picture, (0, 0), max(level / 100 * picture.shape[0], 0.01))


def _noise(picture, level, rng):
    noisy = picture + rng.normal(0, level, picture.shape)
    return noisy.round().clip(0, 255).astype(np.uint8)


def _darkness(picture, level, _):
    return (picture * (1 - level / 100)).round().astype(np.uint8)


def _coarseness(picture, level, _):
    height, width = picture.shape[:2]
    rows = max(2, round(height / level))
    columns = max(2, round(width / level))
    return cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)


def _turn(picture, level, rng):
    height, width = picture.shape[:2]
    degrees = level * rng.choice((-1, 1))
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


def _loose(picture, level, _):
    rows, columns = (round(side * (level - 1) / 2) for side in picture.shape[:2])
    return cv2.copyMakeBorder(picture, rows, rows, columns, columns, cv2.BORDER_REPLICATE)


def _shift(picture, level, rng):
    height, width = picture.shape[:2]
    x, y = (level / 100 * rng.choice((-1, 1)) * side for side in (width, height))
    matrix = np.array([[1, 0, x], [0, 1, y]])
    return cv2.warpAffine(picture, matrix, (width, height), borderMode=cv2.BORDER_REPLICATE)


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
    pictures: Sequence[np.ndarray],
    numbers: Sequence[str],
    damages: Sequence[Damage] = DAMAGES,
    report: Callable[[str], Any] = lambda text: None,
) -> dict[str, dict[str, Any]]:
    """Read pictures that are made worse, with every reader the same ones.

    Args:
        readers: readers by name.
        pictures: uint8 arrays (height, width, 3).
        numbers: what they show.
        damages: ways to make them worse.
        report: called with a line about each one before it is tried.

    Returns:
        For each damage `unit`, `levels` (the first is 0, the pictures as they are; for framing
        and coarseness it is 1), and `accuracy`: for each reader the share of numbers wholly right
        at each level.
    """
    untouched = {name: _accuracy(reader, pictures, numbers) for name, reader in readers.items()}
    found = {}
    for damage in damages:
        report(f"Robustness: {damage.name}")
        accuracy = {name: [share] for name, share in untouched.items()}
        for level in damage.levels:
            rng = np.random.default_rng(0)
            worse = [damage.apply(picture, level, rng) for picture in pictures]
            for name, reader in readers.items():
                accuracy[name].append(_accuracy(reader, worse, numbers))
        none = 1 if damage.apply in (_coarseness, _loose) else 0
        found[damage.name] = {
            "unit": damage.unit,
            "levels": [none, *damage.levels],
            "accuracy": accuracy,
        }
    return found


def _accuracy(reader: Reader, pictures, numbers) -> float:
    read = reader.look(pictures).readings.numbers()
    return float(np.mean([a == b for a, b in zip(read, numbers, strict=True)]))
