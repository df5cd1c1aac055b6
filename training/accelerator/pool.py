"""Examples in the accelerator's memory, from which every batch is drawn."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from training.accelerator import feed


class Pool:
    """Examples in the accelerator's memory, a segment for each source; drawn ones go round."""

    def __init__(
        self,
        real: dict[str, dict],
        drawn: dict[str, float],
        capacity: int,
        fields: feed.Fields = feed.FIELDS,
    ):
        total = sum(drawn.values())
        self.sizes = {name: _chunks(_count(arrays)) for name, arrays in real.items()}
        for name, weight in drawn.items():
            self.sizes[name] = _chunks(max(1, int(capacity * weight / total)))
        self.names = list(self.sizes)
        self.offsets = dict(
            zip(self.names, np.cumsum([0, *self.sizes.values()])[:-1].tolist(), strict=True)
        )
        self.counts, self._next = dict.fromkeys(self.names, 0), dict.fromkeys(self.names, 0)
        rows = sum(self.sizes.values())
        self.arrays = {
            name: jnp.zeros((rows, *array.shape[1:]), array.dtype)
            for name, array in feed.empty(1, fields).items()
        }
        self._put = jax.jit(
            lambda arrays, chunk, start: {
                name: jax.lax.dynamic_update_slice_in_dim(array, chunk[name], start, 0)
                for name, array in arrays.items()
            },
            donate_argnums=0,
        )
        for name, arrays in real.items():
            count = _count(arrays)
            for start in range(0, count, feed.CHUNK):
                rows = np.arange(start, start + feed.CHUNK) % count  # the last one repeats some
                self.add(name, {key: array[rows] for key, array in arrays.items()})
            self.counts[name] = count

    def add(self, name: str, chunk: dict[str, np.ndarray | jax.Array]) -> None:
        """Put a chunk in the place of the oldest of its source."""
        start = self.offsets[name] + self._next[name]
        self.arrays = self._put(self.arrays, chunk, start)
        self._next[name] = (self._next[name] + feed.CHUNK) % self.sizes[name]
        self.counts[name] = min(self.counts[name] + feed.CHUNK, self.sizes[name])

    def places(self, weights: dict[str, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, counts and chances of the sources, for `learn.pick_rows`."""
        counts = np.array([self.counts[name] for name in self.names], np.int32)
        chances = np.array([weights[name] for name in self.names], np.float32) * (counts > 0)
        offsets = np.array([self.offsets[name] for name in self.names], np.int32)
        return offsets, np.maximum(counts, 1), chances / chances.sum()


def _count(arrays: dict[str, np.ndarray]) -> int:
    return len(next(iter(arrays.values())))


def _chunks(count: int) -> int:
    return -(-count // feed.CHUNK) * feed.CHUNK
