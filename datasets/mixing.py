"""Mixtures of sources: parsing, and the order of examples in each epoch.

This module computes indices in NumPy. An epoch is a function of only the seed and its number, so
that a run that resumes at epoch 7 has the same batches as an uninterrupted run.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True)
class Part:
    """A source of a mixture and its weight (above 0; weights need not sum to 1)."""

    source: str
    weight: float = 1.0


def parse_mix(text: str | Path) -> list[Part]:
    """Parse `"A"`, or a mixture `"A:2,B:1"` of sources with weights (1 by default).

    Raises:
        ValueError: if a part is empty, appears twice or its weight is not a positive number.
    """
    path, _, options = str(text).rpartition("?")
    # The values of options have no commas and colons, as `photo_folder.with_options` quotes them.
    has_options = path and not re.search("[,:]", options) and Path(path).exists()
    if str(text) and (Path(text).exists() or has_options):
        return [Part(str(text))]  # the path of a folder or a table may contain commas and colons
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
    """Divide `total` in proportion to weights into integers, by the largest remainder method."""
    exact = np.asarray(weights, np.float64) / sum(weights) * total
    counts = np.floor(exact).astype(int)
    counts[np.argsort(counts - exact, kind="stable")[: total - counts.sum()]] += 1
    return counts.tolist()


def plan_epoch(
    sizes: list[int],
    weights: list[float],
    steps: int,
    batch_size: int,
    seed: int,
    epoch: int,
) -> np.ndarray:
    """Compute the examples of each batch of an epoch.

    Each pass over a source has a new permutation, and an epoch continues where the previous one
    ended, so that all examples of a source are used equally often.

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
    counts = quotas(weights, steps * batch_size)
    source_of = np.random.default_rng([seed, 0, epoch]).permutation(
        np.repeat(np.arange(len(sizes)), counts)
    )
    plan = np.stack([source_of, np.zeros_like(source_of)], axis=1)
    for source, (size, count) in enumerate(zip(sizes, counts, strict=True)):
        positions = np.arange(epoch * count, (epoch + 1) * count)  # since the start of training
        indices = np.empty_like(positions)
        for lap in np.unique(positions // size):
            order = np.random.default_rng([seed, 1, source, int(lap)]).permutation(size)
            in_lap = positions // size == lap
            indices[in_lap] = order[positions[in_lap] % size]
        plan[source_of == source, 1] = indices
    return plan.reshape(steps, batch_size, 2)


def used_examples(sizes: list[int], epochs: range, plan: Callable[[int], np.ndarray]) -> list:
    """Which examples of each source, bool (size,), are in a batch of the epochs.

    Args:
        sizes: number of examples of each source.
        epochs: numbers of the epochs.
        plan: function from the number of an epoch to its batches, as from `plan_epoch`.
    """
    used = [np.zeros(size, bool) for size in sizes]
    for epoch in epochs:
        if all(mask.all() for mask in used):
            break
        sources, indices = plan(epoch).reshape(-1, 2).T
        for source, mask in enumerate(used):
            mask[indices[sources == source]] = True
    return used
