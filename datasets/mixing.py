"""Which examples make up each epoch: shuffled, repeated and mixed by weight, from a seed.

Plain NumPy on indices. What an epoch holds is a function of the seed and the epoch's number
alone, so a run that goes on at epoch 7 sees what an uninterrupted one would have seen there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Part:
    """A source within a mix and its weight (above 0; weights need not sum to 1)."""

    source: str
    weight: float = 1.0


def parse_mix(text: str | Path) -> list[Part]:
    """Read `"A"`, or a mix `"A:2,B:1"` of sources with weights (1 where none is given).

    Raises:
        ValueError: if a part is empty, appears twice or its weight is not a positive number.
    """
    if str(text) and Path(text).is_dir():  # the path of a folder may hold commas and colons
        return [Part(str(text))]
    parts = []
    for piece in str(text).split(","):
        source, colon, weight = piece.strip().rpartition(":")
        if not colon or "/" in weight or "\\" in weight:  # no weight, or the colon of C:\photos
            source, weight = piece.strip(), "1"
        try:
            part = Part(source, float(weight))
        except ValueError:
            part = Part(source, 0.0)
        if not source or not 0 < part.weight < float("inf"):
            raise ValueError(
                "A mix is sources with weights above 0, such as rendered_numbers:2,photos:1. "
                f"Received: {piece!r} in {text!r}"
            )
        if any(other.source == source for other in parts):
            raise ValueError(f"A source appears once in a mix. Received: {source!r} in {text!r}")
        parts.append(part)
    return parts


def quotas(weights: list[float], total: int) -> list[int]:
    """Share `total` out by weight in whole numbers (largest remainders first, then order)."""
    shares = np.asarray(weights, np.float64) / sum(weights) * total
    counts = np.floor(shares).astype(int)
    for index in np.argsort(counts - shares, kind="stable")[: total - counts.sum()]:
        counts[index] += 1
    return counts.tolist()


def plan_epoch(
    sizes: list[int],
    weights: list[float],
    steps: int,
    batch_size: int,
    seed: int,
    epoch: int,
) -> np.ndarray:
    """Which example stands where in an epoch.

    Every source is gone through again and again in a new order each time, and an epoch goes on
    where the one before stopped: all examples of a source are seen equally often.

    Args:
        sizes: number of examples of each source.
        weights: weight of each source.
        steps: batches in an epoch.
        batch_size: examples in a batch.
        seed: seed of the run.
        epoch: number of the epoch, from 0.

    Returns:
        int64 array (steps, batch_size, 2): number of the source, index within it.
    """
    total = steps * batch_size
    counts = quotas(weights, total)
    drawn = np.random.default_rng([seed, 0, epoch]).permutation(
        np.repeat(np.arange(len(sizes)), counts)
    )
    plan = np.stack([drawn, np.zeros_like(drawn)], axis=1)
    for number, (length, count) in enumerate(zip(sizes, counts, strict=True)):
        positions = np.arange(epoch * count, (epoch + 1) * count)
        indices = np.empty_like(positions)
        for lap in np.unique(positions // length):
            order = np.random.default_rng([seed, 1, number, int(lap)]).permutation(length)
            here = positions // length == lap
            indices[here] = order[positions[here] % length]
        plan[drawn == number, 1] = indices
    return plan.reshape(steps, batch_size, 2)
