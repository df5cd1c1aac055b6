"""Train a locator on an accelerator within a given time.

    KERAS_BACKEND=jax python -m training.accelerator.locate pack.npz --out runs/locator

During the training, workers render scenes on all CPU cores, as for the readers
(`training.accelerator`).
"""

from __future__ import annotations

import argparse
import functools
import logging
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from datasets.augmentation import Augmentation
from training.accelerator import feed, scene_feed
from training.accelerator.options import read_options

if TYPE_CHECKING:
    import keras

log = logging.getLogger(__name__)

SIZE = 320
"""Height and width of the augmented images, in pixels."""

HELD_OUT = 4
"""Number of chunks of rendered scenes that are held out."""

THRESHOLD = 0.3
"""Minimum score of the boxes that count in the log."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        writers = scene_feed.writers(options.pack, options.seed, Path(folder))
        weights = {name: scene_feed.WEIGHTS[name] for name in writers}
        fields = scene_feed.FIELDS
        with feed.start(writers, weights, options.workers, options.seed, fields) as source:
            train(options, source)
    return 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator.locate", description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--model", dest="models", nargs=1, default=["locator"], help="default: locator"
    )
    return read_options(parser, arguments, batch_size=128, pool=30_000)


def train(options: argparse.Namespace, source: feed.Feed) -> None:
    """Train a locator; see the module."""
    import models
    from training.accelerator import loop  # only after the fork, since JAX starts threads
    from training.accelerator.pool import Pool
    from training.accelerator.scene_augment import augment_scenes
    from training.transfer import transfer_weights

    def create() -> list[keras.Model]:
        model = models.create(*options.models, input_shape=(None, None, 3))
        if options.init:
            log.info("%s: %s", *options.init, transfer_weights(model, models.load(*options.init)))
        return [model]

    (model,), optimizers, states = loop.build(options, create)
    held_out = []
    while len(held_out) < HELD_OUT:
        kind, chunk = source.chunk(timeout=60.0) or (None, None)
        if kind == "rendered":
            held_out.append(chunk)
    pool = Pool({}, source.weights, source, options.pool)
    loss = models.LocatorLoss()

    def measured_loss(outputs, truth):
        value = loss(truth, outputs[0])
        return value, {"loss": value}

    change = functools.partial(augment_scenes, size=SIZE)
    photo = asdict(Augmentation.photo())
    loop.run(
        options,
        pool,
        loop.make_step(
            [model], optimizers, change, measured_loss, options.batch_size, options.slower
        ),
        [model],
        states,
        (photo, photo),
        evaluator(model, held_out),
    )


def evaluator(
    model: keras.Model, held_out: list[dict[str, np.ndarray]]
) -> Callable[[list[dict]], dict[str, float]]:
    """A function of the states that returns scores on held-out scenes."""
    import jax

    from models import LocationScores

    @jax.jit
    def locate(state, images):
        return model.stateless_call(state["ema"], state["ema_rest"], images)[0]

    def evaluate(states):
        scores = LocationScores()
        for chunk in held_out:
            locations = locate(states[0], chunk["images"].astype(np.float32))
            scores.update_batch(locations, chunk["numbers"], (scene_feed.CANVAS,) * 2)
        result = scores.result(THRESHOLD)
        return {name: round(result[name], 4) for name in ("recall", "precision", "turn_accuracy")}

    return evaluate


if __name__ == "__main__":
    sys.exit(main())
