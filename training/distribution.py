"""Trains on several devices, and in several processes on as many machines.

Keras does the work: `keras.distribution.DataParallel` on the JAX backend,
`tf.distribute.MirroredStrategy` on TensorFlow's. Every device holds the whole model and computes
the gradients of its share of each batch; their mean changes all copies alike. What is here sees to
it that the result does not depend on how many devices there are.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

log = logging.getLogger(__name__)


class Strategy:
    """Training as it is without distribution; the others differ from it in what they say.

    Attributes:
        process: number of this process, from 0; number 0 writes the run.
        processes: how many there are.
    """

    process = 0
    processes = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes the run."""
        return self.process == 0

    @property
    def share(self) -> tuple[int, int]:
        """The part of every batch that is this process's, as `datasets.load_training` takes it."""
        return self.process, self.processes

    @contextlib.contextmanager
    def together(
        self, about: Callable[[], Mapping[str, Any]], news: Mapping[str, Any]
    ) -> Iterator[Mapping[str, Any]]:
        """Within the block all devices work as one: models are to be made and trained in it.

        Args:
            about: gives JSON values that must be the same in every process.
            news: JSON values that process 0 has for the others.

        Yields:
            The news of process 0.

        Raises:
            RunError: if not all processes came, or they do not fit together.
        """
        yield news

    def check_batch(self, size: int) -> None:
        """Raise ValueError if a batch of `size` images cannot be shared evenly."""

    def make(self, build: Callable[[bool], keras.Model]) -> keras.Model:
        """A model on all devices.

        Args:
            build: makes the compiled model, its optimiser built; when told so, in the state that
                the run is in, which process 0 alone can say.
        """
        return build(True)

    def predict(self, model: keras.Model, data) -> dict[str, np.ndarray]:
        """A model's outputs for all images of batches `(images, labels)`, in order."""
        return model.predict(data, verbose=0)

    @contextlib.contextmanager
    def saving(self, model: keras.Model) -> Iterator[None]:
        """Within the block the model's configuration is that of a model on one device."""
        yield


SINGLE_DEVICE = Strategy()


@dataclass(frozen=True)
class Mirrored(Strategy):
    """All devices of this machine, by TensorFlow.

    Attributes:
        strategy: holds the copies of the model.
    """

    strategy: Any

    @contextlib.contextmanager
    def together(self, about, news):
        log.info("training on %d devices", self.strategy.num_replicas_in_sync)
        with self.strategy.scope():
            yield news

    def check_batch(self, size: int) -> None:
        check_even(size, self.strategy.num_replicas_in_sync)

    def make(self, build):
        model = build(True)
        # Statistics of the whole batch, or each device would normalise its share in its own way.
        for layer in _normalizations(model):
            layer.synchronized = True
        return model

    @contextlib.contextmanager
    def saving(self, model: keras.Model):
        # Keras loads a layer that is `synchronized` on TensorFlow alone.
        try:
            for layer in _normalizations(model):
                layer.synchronized = False
            yield
        finally:
            for layer in _normalizations(model):
                layer.synchronized = True


def _normalizations(model: keras.Model) -> list[keras.layers.Layer]:
    return [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]


def check_even(size: int, devices: int) -> None:
    """Raise ValueError if a batch of `size` images has no equal part for each device."""
    if size % devices:
        raise ValueError(
            f"batch_size is over all devices, an equal part on each of {devices}: a multiple of "
            f"that. Received: {size}"
        )


def choose(
    address: str | None = None, processes: int | None = None, process: int | None = None
) -> Strategy:
    """How to use all devices, by the backend that is set.

    Args:
        address: `HOST:PORT` of process 0, the port after it being free there, too. Defaults to
            this process alone.
        processes: how many processes take part.
        process: number of this one, from 0.

    Raises:
        ValueError: if these do not fit together, or the backend cannot do it.
    """
    backend = keras.backend.backend()
    import tensorflow as tf

    if address is None:
        if processes is not None or process is not None:
            raise ValueError("--processes and --process go with --distribute HOST:PORT")
        if backend == "tensorflow":
            return Mirrored(strategy=tf.distribute.MirroredStrategy(_tensorflow_devices(tf)))
    if backend != "jax":
        several = "Several processes train" if address is not None else "Several devices train"
        known = "jax" if address is not None else "jax or tensorflow"
        raise ValueError(
            f"{several} with the Keras backend {known}: KERAS_BACKEND=jax python train.py … "
            f"(pip install jax, or jax[cuda12] for GPUs). Received: {backend}"
        )
    place = () if address is None else _place(address, processes, process)
    # TensorFlow only reads and augments images then; it would take the GPUs' memory for itself.
    tf.config.set_visible_devices([], "GPU")
    # Only where it is asked for: JAX need not be installed.
    from training.data_parallel import DataParallel

    return DataParallel(*place)


def _place(address: str, processes: int | None, process: int | None) -> tuple[str, int, int, int]:
    """Host and port of process 0, how many processes there are, and which this is."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65535:
        raise ValueError(
            "--distribute takes HOST:PORT of process 0, such as 10.0.0.1:7000, or nothing. "
            f"Received: {address!r}"
        )
    if processes is None or process is None or not 0 <= process < processes:
        raise ValueError(
            "--distribute HOST:PORT needs --processes N and --process I, from 0 to N-1. "
            f"Received: {processes} and {process}"
        )
    return host.strip("[]"), int(port), processes, process


def _tensorflow_devices(tf) -> list[str]:
    """All GPUs, or where there are none all CPUs that TensorFlow was told to have."""
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return [device.name for device in devices]
