"""All devices of all processes of a training, on the JAX backend."""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from training.distribution import Strategy, check_even
from training.watch import Watch, assemble

log = logging.getLogger(__name__)


@dataclass
class DataParallel(Strategy):
    """All devices of all processes, by JAX.

    Attributes:
        host: where process 0 runs.
        port: where JAX connects the processes; the port after it is for `training.watch`.
        processes: how many there are; with one, host and port are not used.
        process: number of this one.
    """

    host: str = ""
    port: int = 0
    processes: int = 1
    process: int = 0
    _outputs: Callable | None = field(default=None, init=False, repr=False)

    @contextlib.contextmanager
    def together(self, about, news):
        with contextlib.ExitStack() as stack:
            if self.processes > 1:
                news = stack.enter_context(self._joined(about, news))
            # Each process brings its own share of a batch: Keras is not to cut it once more.
            everywhere = keras.distribution.DataParallel(auto_shard_dataset=False)
            stack.enter_context(everywhere.scope())
            log.info(
                "process %d of %d, %d devices in all",
                self.process,
                self.processes,
                _device_count(self.processes),
            )
            yield news

    @contextlib.contextmanager
    def _joined(self, about, news):
        place = (self.host, self.port + 1, self.processes, self.process)
        peers, news = assemble(*place, about(), news)
        watch = Watch(peers)
        try:
            host = f"[{self.host}]" if ":" in self.host else self.host
            keras.distribution.initialize(f"{host}:{self.port}", self.processes, self.process)
            yield news
            jax.distributed.shutdown()  # waits for all
        except BaseException as error:
            if isinstance(error, Exception):
                # Where another process is gone, an operation with it may fail before `watch`
                # has seen that, and in words that do not say so.
                time.sleep(2.0)
            stopped = isinstance(error, KeyboardInterrupt)
            why = "was stopped" if stopped else f"has given up: {type(error).__name__}: {error}"
            watch.leave(f"process {self.process} {why}")
            # At its end JAX would wait minutes for the others. They are on their way out.
            atexit.register(_exit_at_once, 130 if stopped else 2)
            raise
        watch.leave()

    def check_batch(self, size: int) -> None:
        check_even(size, _device_count(self.processes))

    def make(self, build):
        model = self._make_alike(build) if self.processes > 1 else build(True)

        def outputs(trained, fixed, images):
            return model.stateless_call(trained, fixed, images, training=False)[0]

        self._outputs = jax.jit(outputs, out_shardings=_layout(by_rows=False))
        return model

    def _make_alike(self, build):
        """The model as process 0 builds it, in every process."""
        # What one process does alone must not touch an array that they hold together: the others
        # would have to take part.
        together = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        values = [keras.ops.convert_to_numpy(x) for x in _variables(build(self.leads))]
        keras.distribution.set_distribution(together)
        keras.utils.set_random_seed(0)  # JAX wants first weights alike, too; they do not stay
        model = build(False)
        given = multihost_utils.broadcast_one_to_all(values)
        for variable, value in zip(_variables(model), given, strict=True):
            variable.assign(jax.make_array_from_process_local_data(_layout(by_rows=False), value))
        return model

    def predict(self, model: keras.Model, data) -> dict[str, np.ndarray]:
        # model.predict gives no more than this process's share, and wants batches that every
        # device has an equal part of.
        by_rows = _layout(by_rows=True)
        trained = [variable.value for variable in model.trainable_variables]
        fixed = [variable.value for variable in model.non_trainable_variables]
        found = []
        for images, _ in data.as_numpy_iterator():
            filled = _fill(images, multiple=jax.device_count())
            mine = np.split(filled, self.processes)[self.process]
            given = jax.make_array_from_process_local_data(by_rows, mine)
            batch = self._outputs(trained, fixed, given)
            found.append({key: np.asarray(x)[: len(images)] for key, x in batch.items()})
        return {key: np.concatenate([batch[key] for batch in found]) for key in found[0]}


def _layout(by_rows: bool):
    """Where JAX keeps an array: whole on every device, or equal parts of its rows on each."""
    mesh = keras.distribution.distribution().device_mesh.backend_mesh
    return NamedSharding(mesh, PartitionSpec(*mesh.axis_names) if by_rows else PartitionSpec())


def _variables(model: keras.Model) -> list[keras.Variable]:
    return [*model.variables, *model.optimizer.variables]


def _fill(images: np.ndarray, multiple: int) -> np.ndarray:
    """The images, the last one repeated up to a multiple of so many."""
    return np.concatenate([images, np.repeat(images[-1:], -len(images) % multiple, axis=0)])


def _device_count(processes: int) -> int:
    count = jax.device_count()
    if count != processes * jax.local_device_count():
        raise ValueError(
            f"Every process has equally many devices. Received: {jax.local_device_count()} here "
            f"and {count} in {processes} processes"
        )
    return count


def _exit_at_once(status: int) -> None:
    logging.shutdown()
    os._exit(status)
