"""Data-parallel training on several devices, and in several processes on several machines.

Keras distributes the work: `keras.distribution.DataParallel` on the JAX backend,
`tf.distribute.MirroredStrategy` on TensorFlow's. Each device holds a copy of the model and
computes the gradients of its shard of every batch; the mean gradient updates all copies.
"""

from __future__ import annotations

import contextlib
import json
import logging
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from artifacts.files import RunError

log = logging.getLogger(__name__)

INITIALIZATION_TIMEOUT = 600
"""Seconds that processes wait for each other at the start."""

HEARTBEAT_TIMEOUT = 40
"""Seconds without a heartbeat after which JAX regards a process as lost and ends the others."""

SHUTDOWN_TIMEOUT = 60
"""Seconds that a process waits for the others at its end."""


class Strategy:
    """Training on one device: the default, and the interface of the other strategies.

    Attributes:
        process: number of this process, from 0.
        processes: number of processes.
        devices: number of devices of all processes.
    """

    process = 0
    processes = 1
    devices = 1

    @property
    def is_chief(self) -> bool:
        """Whether this is process 0, which writes the run."""
        return self.process == 0

    @property
    def shard(self) -> tuple[int, int]:
        """(index, count): which shard of every batch this process reads."""
        return self.process, self.processes

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Within the block, models are created and trained on all devices.

        Raises:
            RunError: if processes do not connect, or one is lost.
        """
        yield

    @contextlib.contextmanager
    def local_scope(self) -> Iterator[None]:
        """Within the block, this process creates and saves models without the others."""
        yield

    def assert_equal(self, values: Mapping[str, Any]) -> None:
        """Raise RunError if a JSON value differs between processes; `values` maps names to them."""

    def broadcast(self, value: int) -> int:
        """The integer of process 0, in every process."""
        return value

    def check_batch_size(self, size: int) -> None:
        """Raise ValueError if a batch of `size` images cannot be split evenly."""
        if size % self.devices:
            raise ValueError(
                "batch_size counts the images of all devices and must be a multiple of their "
                f"number, {self.devices}. Received: {size}"
            )

    def create(self, build: Callable[[bool], keras.Model]) -> keras.Model:
        """A compiled model on all devices.

        Args:
            build: creates the compiled model with its optimizer built. With True, it also loads the
                weights and the optimizer state, whose files are only needed by process 0.
        """
        return build(True)

    def predict(self, model: keras.Model, data) -> dict[str, np.ndarray] | np.ndarray:
        """Outputs for all images of a `tf.data` pipeline of `(images, labels)`, in order."""
        return model.predict(data, verbose=0)


SINGLE_DEVICE = Strategy()


@dataclass(frozen=True)
class Mirrored(Strategy):
    """All devices of this machine on the TensorFlow backend.

    Attributes:
        strategy: a `tf.distribute.MirroredStrategy`.
    """

    strategy: Any

    @property
    def devices(self) -> int:
        return self.strategy.num_replicas_in_sync

    @contextlib.contextmanager
    def scope(self):
        log.info("training on %d devices", self.devices)
        with self.strategy.scope():
            yield


@dataclass(frozen=True)
class DataParallel(Strategy):
    """All devices of all processes on the JAX backend.

    Attributes:
        address: `HOST:PORT` of process 0; not used by a single process.
        processes: number of processes.
        process: number of this process, from 0.
    """

    address: str = ""
    processes: int = 1
    process: int = 0

    @property
    def devices(self) -> int:
        import jax

        return jax.device_count()

    @contextlib.contextmanager
    def scope(self):
        import jax

        if self.processes > 1:
            try:
                jax.distributed.initialize(
                    self.address,
                    self.processes,
                    self.process,
                    initialization_timeout=INITIALIZATION_TIMEOUT,
                    heartbeat_timeout_seconds=HEARTBEAT_TIMEOUT,
                    shutdown_timeout_seconds=SHUTDOWN_TIMEOUT,
                )
            except RuntimeError as error:
                raise RunError(
                    f"not all {self.processes} processes connected to process 0 at {self.address} "
                    f"within {INITIALIZATION_TIMEOUT} seconds. Check that each is running and can "
                    f"reach that port: {error}"
                ) from error
        log.info("process %d of %d, %d devices", *self.shard, self.devices)
        if self.devices != self.processes * jax.local_device_count():
            raise RunError(
                f"every process needs the same number of devices. Process {self.process} has "
                f"{jax.local_device_count()} of the {self.devices} in {self.processes} processes"
            )
        try:
            # Each process reads its own shard of a batch: Keras must not shard it again.
            with keras.distribution.DataParallel(auto_shard_dataset=False).scope():
                yield
        except Exception:
            if self.processes > 1:
                # A lost process causes one of several errors of the collective operations.
                log.error(
                    "process %d stopped, and the others stop within %d seconds. If another process "
                    "stopped first, its log has the cause. Rerun the command in every process to "
                    "resume after the last finished epoch, with any number of processes.",
                    self.process,
                    HEARTBEAT_TIMEOUT,
                )
            raise
        if self.processes > 1:
            jax.distributed.shutdown()  # waits for the others

    @contextlib.contextmanager
    def local_scope(self):
        # Within `scope`, JAX creates each variable on the devices of all processes, and waits for
        # them; so do the variables that Keras creates while it saves a file.
        distribution = keras.distribution.distribution()
        keras.distribution.set_distribution(None)
        try:
            yield
        finally:
            keras.distribution.set_distribution(distribution)

    def assert_equal(self, values):
        from jax.experimental import multihost_utils

        for name, value in values.items():
            text = json.dumps(value, sort_keys=True)
            try:
                multihost_utils.assert_equal(np.uint32(zlib.crc32(text.encode())))
            except AssertionError as error:
                raise RunError(
                    f"the processes differ in {name}: all need the same command, data and "
                    f"versions. Process {self.process} has {text}"
                ) from error

    def broadcast(self, value):
        from jax.experimental import multihost_utils

        return int(multihost_utils.broadcast_one_to_all(np.int32(value)))

    def create(self, build):
        if self.processes == 1:
            return build(True)
        import jax
        from jax.experimental import multihost_utils

        with self.local_scope():
            values = [keras.ops.convert_to_numpy(x) for x in model_state(build(self.is_chief))]
        values = multihost_utils.broadcast_one_to_all(values)
        keras.utils.set_random_seed(0)  # JAX requires equal initial values in all processes
        model = build(False)
        for variable, value in zip(model_state(model), values, strict=True):
            variable.assign(jax.make_array_from_process_local_data(_layout(), value))
        return model

    @cached_property
    def _forward(self) -> Callable:
        import jax

        def forward(model, trainable, non_trainable, images):
            return model.stateless_call(trainable, non_trainable, images, training=False)[0]

        return jax.jit(forward, static_argnums=0, out_shardings=_layout())

    def predict(self, model, data):
        # `model.predict` returns only this process's shard, and needs batches that divide evenly.
        import jax

        trainable = [variable.value for variable in model.trainable_variables]
        non_trainable = [variable.value for variable in model.non_trainable_variables]
        batches = []
        for images, _ in data.as_numpy_iterator():
            padding = np.repeat(images[-1:], -len(images) % jax.device_count(), axis=0)
            shard = np.split(np.concatenate([images, padding]), self.processes)[self.process]
            shards = jax.make_array_from_process_local_data(_layout("batch"), shard)
            outputs = self._forward(model, trainable, non_trainable, shards)
            count = len(images)
            batches.append(
                keras.tree.map_structure(lambda x, count=count: np.asarray(x)[:count], outputs)
            )
        return keras.tree.map_structure(lambda *arrays: np.concatenate(arrays), *batches)


def _layout(*axes: str):
    """JAX sharding: along the "batch" axis, or without axes a full copy on every device."""
    mesh = keras.distribution.distribution().device_mesh
    return keras.distribution.TensorLayout(axes, mesh).backend_layout


def model_state(model: keras.Model) -> list[keras.Variable]:
    """The variables of a compiled model and of its optimizer, in a fixed order."""
    return [*model.variables, *model.optimizer.variables]


def choose_strategy(
    address: str | None = None, processes: int | None = None, process: int | None = None
) -> Strategy:
    """The strategy that uses all devices, for the current Keras backend.

    Args:
        address: `HOST:PORT` of process 0. None for a single process.
        processes: number of processes.
        process: number of this process, from 0.

    Raises:
        ValueError: if the arguments do not fit together or the backend does not support it.
    """
    backend = keras.backend.backend()
    import tensorflow as tf

    if address is None:
        if processes is not None or process is not None:
            raise ValueError("--processes and --process need --distribute HOST:PORT")
        if backend == "tensorflow":
            devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
            return Mirrored(tf.distribute.MirroredStrategy([device.name for device in devices]))
    if backend != "jax":
        required = "jax" if address is not None else "jax or tensorflow"
        raise ValueError(
            f"--distribute needs the Keras backend {required}: KERAS_BACKEND=jax python train.py … "
            f"(pip install jax, or jax[cuda12] for GPUs). Received: {backend}"
        )
    # TensorFlow only reads and augments images here and must not allocate GPU memory.
    tf.config.set_visible_devices([], "GPU")
    if address is None:
        return DataParallel()
    host, _, port = address.rpartition(":")
    if not (host and port.isdecimal() and 0 < int(port) < 65536):
        raise ValueError(
            f"--distribute takes HOST:PORT of process 0, such as 10.0.0.1:7000. Received: {address}"
        )
    if processes is None or process is None or not 0 <= process < processes:
        raise ValueError(
            "--distribute HOST:PORT needs --processes N and --process I, from 0 to N-1. "
            f"Received: {processes} and {process}"
        )
    return DataParallel(address, processes, process)
