"""Train two readers on the same batches; the small one is distilled from the large one."""

from __future__ import annotations

import argparse
import functools
import logging
from collections.abc import Callable
from dataclasses import asdict

import jax
import jax.numpy as jnp
import keras
import numpy as np

import models
from labels import BOX, DIGITS, LENGTH
from models.heads import attention_grid
from models.losses import BoxLoss, DigitsLoss, LengthLoss, add_probabilities
from number_zoo.names import ATTENTION
from training.accelerator import feed, loop
from training.accelerator.augment import augment
from training.accelerator.pool import Pool
from training.accelerator.warp import Batch
from training.transfer import transfer_weights

log = logging.getLogger(__name__)

ATTENTION_WEIGHT = 0.1
"""Weight of the loss between attention maps and the boxes of digits."""

STRENGTHS = asdict(feed.AUGMENTATION) | {"turned": 0.02, "faint": 0.05, "shadow": 0.08}
"""Strengths of augmentation, see `augment`."""

NOT_HALVED = ("random_crop", "background_crop", "turned", "faint", "downscale")
"""Strengths of augmentation that are not halved for the last part of the time."""

VALIDATION_IMAGES = 384
"""Number of images of each data set in a validation, which is fixed so that functions compile
once."""


def train(options: argparse.Namespace, source: feed.Feed) -> None:
    """Train `options.models`, a large reader and a small one; see `training.accelerator`."""

    def create() -> list[keras.Model]:
        readers = [models.create(name) for name in options.models]
        for model, name in zip(readers, options.init or (), strict=False):
            log.info("%s: %s", name, transfer_weights(model, models.load(name)))
        return [with_attention(model) for model in readers]

    readers, optimizers, states = loop.build(options, create)
    real = feed.real_examples(options.pack, "train")
    weights = {name: feed.weight_of(name) for name in real} | source.weights
    pool = Pool(real, weights, source, options.pool)
    halved = {n: value if n in NOT_HALVED else 0.5 * value for n, value in STRENGTHS.items()}
    loss = functools.partial(readers_loss, grids=[attention_grid(model) for model in readers])
    change = functools.partial(augment, size=readers[0].input_shape[1:3])
    loop.run(
        options,
        pool,
        loop.make_step(readers, optimizers, change, loss, options.batch_size, options.slower),
        readers,
        states,
        (STRENGTHS, halved),
        evaluator(readers, feed.real_examples(options.pack, "validation")),
    )


def with_attention(model: keras.Model) -> keras.Model:
    """The model with its attention maps as an additional output."""
    return keras.Model(model.input, {**model.output, ATTENTION: model.get_layer(ATTENTION).output})


def readers_loss(
    outputs: list[dict[str, jax.Array]], truth: Batch, grids: list[tuple[int, int]]
) -> tuple[jax.Array, dict[str, jax.Array]]:
    """The loss of a large reader and a distilled small one, and scalars for the log."""
    truths = (truth, add_probabilities(truth, outputs[0]))
    large, small = (
        reader_loss(*arguments) for arguments in zip(outputs, truths, grids, strict=True)
    )
    measured = {
        "loss": large,
        "loss_small": small,
        "accuracy": jnp.mean(sequence_correct(outputs[0], truth)),
        "accuracy_small": jnp.mean(sequence_correct(outputs[1], truth)),
    }
    return large + small, measured


def reader_loss(outputs: dict[str, jax.Array], truth: Batch, grid: tuple[int, int]) -> jax.Array:
    """The mean of −log P(S|X), of the box loss and of the attention loss."""
    losses = [
        LengthLoss(reduction=None)(truth["length"], outputs[LENGTH]),
        DigitsLoss(reduction=None)(truth["digits"], outputs[DIGITS]),
        BoxLoss(reduction=None)(truth["box"], outputs[BOX]),
        ATTENTION_WEIGHT * _attention_loss(outputs[ATTENTION][..., 1:], truth["digit_boxes"], grid),
    ]
    return sum(jnp.mean(loss) for loss in losses)


def _attention_loss(maps, boxes, grid):
    """Cross-entropy (n,) of maps (n, h · w, N) and Gaussians at the boxes of digits (n, N, 4)."""
    height, width = grid
    y, x = jnp.mgrid[0:height, 0:width].reshape(2, 1, 1, -1)
    x, y = (x + 0.5) / width, (y + 0.5) / height
    known = jnp.isfinite(boxes).all(axis=-1)
    boxes = jnp.moveaxis(jnp.where(known[..., None], boxes, 0.5), -1, 0)
    left, top, right, bottom = boxes[..., None]  # (n, N, 1) each
    spread_x = jnp.maximum(0.25 * (right - left), 0.6 / width)
    spread_y = jnp.maximum(0.25 * (bottom - top), 0.6 / height)
    distance_x, distance_y = x - (left + right) / 2, y - (top + bottom) / 2
    target = -0.5 * ((distance_x / spread_x) ** 2 + (distance_y / spread_y) ** 2)
    target = jax.nn.softmax(target, axis=-1)  # (n, N, h · w)
    entropy = -(target * jnp.log(maps.transpose(0, 2, 1) + 1e-6)).sum(axis=-1)
    return (entropy * known).sum(axis=-1)


def sequence_correct(outputs: dict[str, jax.Array], truth: Batch) -> jax.Array:
    """Whether the most probable length and digits are all correct."""
    digits = (outputs[DIGITS].argmax(axis=-1) == truth["digits"]) | (truth["digits"] < 0)
    return digits.all(axis=-1) & (outputs[LENGTH].argmax(axis=-1) == truth["length"])


def evaluator(
    readers: list[keras.Model], validation: dict[str, dict[str, np.ndarray]]
) -> Callable[[list[loop.State]], dict[str, list[float]]]:
    """A function of the states: accuracy on whole validation images, in one glimpse."""

    def accuracy_of(model):
        def accuracy(state, batch):
            count, height, width, channels = batch["images"].shape
            halves = batch["images"].reshape(count, height // 2, 2, width // 2, 2, channels)
            halves = halves.astype(jnp.float32).mean(axis=(2, 4))
            outputs, _ = model.stateless_call(state["ema"], state["ema_rest"], halves)
            return jnp.average(sequence_correct(outputs, batch), weights=batch["counted"])

        return jax.jit(accuracy)

    functions = [accuracy_of(model) for model in readers]
    batches = {}
    for name, arrays in validation.items():
        rows, count = np.arange(VALIDATION_IMAGES), len(arrays["length"])
        batches[name] = {key: jnp.array(values[rows % count]) for key, values in arrays.items()}
        batches[name]["counted"] = jnp.array(rows < count)  # repeated images are not

    def evaluate(states):
        return {
            name: [
                round(float(accuracy(state, batch)), 4)
                for accuracy, state in zip(functions, states, strict=True)
            ]
            for name, batch in batches.items()
        }

    return evaluate
