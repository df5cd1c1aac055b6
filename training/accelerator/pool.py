"""Examples in the accelerator's memory, from which every batch is sampled."""

from __future__ import annotations

import queue
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np

from training.accelerator.feed import CHUNK, Feed, empty


class Pool:
    """Examples in the accelerator's memory: a segment for each source; old ones are replaced.

    Args:
        real: arrays of the real images, by source.
        weights: weight of each source in a batch, of those of `real` and of the others.
        feed: the workers that render the others.
        capacity: number of rendered examples, divided among their sources by weight.

    Attributes:
        drawn: number of rendered examples so far.
    """

    def __init__(
        self,
        real: dict[str, dict[str, np.ndarray]],
        weights: dict[str, float],
        feed: Feed,
        capacity: int,
    ):
        counts = {name: len(next(iter(arrays.values()))) for name, arrays in real.items()}
        for name, weight in feed.weights.items():
            counts[name] = max(1, int(capacity * weight / sum(feed.weights.values())))
        self.sizes = {name: -(-count // CHUNK) * CHUNK for name, count in counts.items()}
        self.offsets, rows = {}, 0
        for name, size in self.sizes.items():
            self.offsets[name] = rows
            rows += size
        self.counts, self._next = dict.fromkeys(self.sizes, 0), dict.fromkeys(self.sizes, 0)
        self.drawn, self._weights = 0, np.array([weights[name] for name in counts], np.float32)
        self.arrays = {
            name: jnp.zeros((rows, *array.shape[1:]), array.dtype)
            for name, array in empty(1, feed.fields).items()
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
                self._add(name, {key: array[rows] for key, array in arrays.items()})
            self.counts[name] = counts[name]
        self._chunks: queue.Queue = queue.Queue(maxsize=1500)
        # Not a daemon: the interpreter must not end while a thread is in JAX.
        threading.Thread(target=self._fetch, args=(feed,)).start()

    def _fetch(self, feed: Feed) -> None:
        while not feed.ended.is_set():
            if self._chunks.full():
                time.sleep(0.1)
            elif (chunk := feed.chunk(timeout=1.0)) is not None:
                self._chunks.put((chunk[0], jax.device_put(chunk[1])))

    def take(self, most: int, timeout: float = 0.0) -> None:
        """Add up to `most` chunks that the workers have rendered; waits for each until the
        timeout."""
        for _ in range(most):
            try:
                self._add(*self._chunks.get(timeout > 0, timeout or None))
            except queue.Empty:
                return
            self.drawn += CHUNK

    def _add(self, name: str, chunk: dict[str, np.ndarray | jax.Array]) -> None:
        """Replace the oldest chunk of a source."""
        start = self.offsets[name] + self._next[name]
        self.arrays = self._put(self.arrays, chunk, start)
        self._next[name] = (self._next[name] + CHUNK) % self.sizes[name]
        self.counts[name] = min(self.counts[name] + CHUNK, self.sizes[name])

    def places(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Offsets, counts and probabilities of the sources, for `loop.pick_rows`."""
        counts = np.array(list(self.counts.values()), np.int32)
        chosen = self._weights * (counts > 0)
        offsets = np.array(list(self.offsets.values()), np.int32)
        return offsets, np.maximum(counts, 1), chosen / chosen.sum()
