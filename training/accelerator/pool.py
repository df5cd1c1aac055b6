"""Examples in the accelerator's memory, from which every batch is sampled."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from training.accelerator.feed import CHUNK, Feed, empty


class Pool:
    """Examples in the accelerator's memory: a segment for each source; old ones are replaced.

    Args:
        real: arrays of the real images, by source.
        source: the workers that render the others.
        capacity: number of rendered examples, divided among their sources by weight.
    """

    def __init__(self, real: dict[str, dict[str, np.ndarray]], source: Feed, capacity: int):
        counts = {name: len(next(iter(arrays.values()))) for name, arrays in real.items()}
        for name, weight in source.weights.items():
            counts[name] = max(1, int(capacity * weight / sum(source.weights.values())))
        self.sizes = {name: -(-count // CHUNK) * CHUNK for name, count in counts.items()}
        self.offsets, rows = {}, 0
        for name, size in self.sizes.items():
            self.offsets[name] = rows
            rows += size
        self.counts, self._next = dict.fromkeys(self.sizes, 0), dict.fromkeys(self.sizes, 0)
        self.arrays = {
            name: jnp.zeros((rows, *array.shape[1:]), array.dtype)
            for name, array in empty(1, source.fields).items()
        }
        self._put = jax.jit(
            lambda arrays, chunk, start: {
                name: jax.lax.dynamic_update_slice_in_dim(array, chunk[name], start, 0)
                for name, array in arrays.items()
            },
            donate_argnums=0,
        )
        for name, arrays in real.items():
            for start in range(0, counts[name], CHUNK):
                # The last chunk repeats the first examples.
                rows = np.arange(start, start + CHUNK) % counts[name]
                self.add(name, {key: array[rows] for key, array in arrays.items()})
            self.counts[name] = counts[name]

    def add(self, name: str, chunk: dict[str, np.ndarray | jax.Array]) -> None:
        """Replace the oldest chunk of a source."""
        start = self.offsets[name] + self._next[name]
        self.arrays = self._put(self.arrays, chunk, start)
        self._next[name] = (self._next[name] + CHUNK) % self.sizes[name]
        self.counts[name] = min(self.counts[name] + CHUNK, self.sizes[name])

    def places(self, weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, counts and probabilities of the sources, for `loop.pick_rows`."""
        counts = np.array(list(self.counts.values()), np.int32)
        chosen = np.array([weights[name] for name in self.counts], np.float32) * (counts > 0)
        offsets = np.array(list(self.offsets.values()), np.int32)
        return offsets, np.maximum(counts, 1), chosen / chosen.sum()
