"""Train a locator on an accelerator within a given time.

    KERAS_BACKEND=jax python -m training.accelerator.locate pack.npz --out runs/locator

Workers draw scenes on all CPU cores for as long as the training lasts, as for the readers
(`training.accelerator`).
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from training.accelerator import feed, scene_feed
from training.accelerator.__main__ import add_options

log = logging.getLogger(__name__)

SIZE = 320
"""Height and width of what a step shows of each scene, in pixels."""

HELD_OUT = 4
"""Chunks of rendered scenes that are not trained on."""

THRESHOLD, OVERLAP = 0.3, 0.5
"""Score and intersection over union from which on a number counts as located."""


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    began = time.monotonic()
    options = parse(arguments)
    logging.basicConfig(level=logging.INFO, format="%(relativeCreated)8d %(message)s", force=True)
    options.out.mkdir(parents=True, exist_ok=True)
    writers = scene_feed.writers(options.pack, options.seed)
    source = feed.start(
        writers, scene_feed.WEIGHTS, options.workers, options.seed, options.slots, scene_feed.FIELDS
    )
    try:
        train(options, source, began)
    finally:
        source.stop()
    return 0


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command's arguments."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator.locate", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--model", default="locator", help="default: locator")
    add_options(parser, batch_size=128, pool=30_000)
    return parser.parse_args(arguments)


def train(options: argparse.Namespace, source: feed.Feed, began: float) -> None:
    """Train; see the module."""
    import jax  # JAX starts threads: only after the fork
    import keras
    import numpy as np

    import models
    from datasets.augmentation import Augmentation
    from training.accelerator import learn, loop
    from training.accelerator.pool import Pool

    log.info("%s on %s", jax.__version__, jax.devices())
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    with jax.default_device(jax.devices("cpu")[0]):
        model = models.create(options.model, input_shape=(None, None, 3))
        settings = learn.Hyperparameters(learning_rate=options.learning_rate)
        optimizer = learn.optimizer(model, settings)
        states = [learn.state_of(model, optimizer)]
    states = jax.device_put(states, jax.devices()[0])
    pool = Pool({}, scene_feed.WEIGHTS, options.pool, scene_feed.FIELDS)
    held_out = []
    while len(held_out) < HELD_OUT:
        kind, chunk = source.chunk(timeout=60.0) or (None, None)
        if kind == "rendered":
            held_out.append(chunk)
    amounts = asdict(Augmentation.photo())
    amounts.pop("erase_size")
    strengths = jax.device_put({name: np.float32(value) for name, value in amounts.items()})
    loop.run(
        options,
        began,
        source,
        pool,
        scene_feed.WEIGHTS,
        make_step(model, optimizer, options.batch_size),
        states,
        (strengths, strengths),
        make_evaluate(model, held_out),
        lambda name, states: loop.save(
            options.out / name, [options.model], [model], [model], states
        ),
    )


def make_step(model, optimizer, batch_size: int) -> Callable:
    """The jitted training step of a locator, with the signature of `learn.make_step`."""
    import jax

    from models import LocatorLoss
    from training.accelerator import learn
    from training.accelerator.scene_augment import augment_scenes

    loss_of = LocatorLoss()

    def step(states, pool, offsets, counts, chances, key, number, strengths, rate, momentum):
        key = jax.random.fold_in(key, number)
        picks, changes = jax.random.split(key)
        rows = learn.pick_rows(picks, offsets, counts, chances, batch_size)
        batch = {name: array[rows] for name, array in pool.items()}
        images, truth = augment_scenes(batch, changes, strengths, SIZE)

        def loss(weights):
            locations, rest = model.stateless_call(weights, states[0]["rest"], images, True)
            return loss_of(truth, locations), rest

        (value, rest), gradients = jax.value_and_grad(loss, has_aux=True)(states[0]["weights"])
        states = [learn.update(states[0], optimizer, gradients, rest, rate, momentum)]
        return states, {"loss": value}

    return jax.jit(step, donate_argnums=0)


def make_evaluate(model, held_out: list[dict]) -> Callable[[list[dict]], dict[str, float]]:
    """A function of the states: precision and recall on scenes that are not trained on."""
    import jax
    import jax.numpy as jnp

    from models import decode_locations
    from models.locator import pairwise_overlap

    side = scene_feed.CANVAS

    @jax.jit
    def count(weights, rest, images, numbers):
        locations, _ = model.stateless_call(weights, rest, images.astype(jnp.float32))
        located = decode_locations(locations, (side, side))
        overlaps = pairwise_overlap(jnp.nan_to_num(numbers[..., :4]), located["boxes"])
        is_number = jnp.isfinite(numbers).all(axis=-1)
        is_box = jnp.isfinite(numbers[..., :4]).all(axis=-1)
        sure = located["scores"] > THRESHOLD
        hits = (overlaps > OVERLAP) & sure[:, None, :]
        near_box = (hits & is_box[..., None]).any(axis=1)  # what is ignored is not wrong
        found = hits.any(axis=2) & is_number
        turn = jnp.take_along_axis(located["turns"], (hits * overlaps).argmax(axis=2), axis=1)
        turned = found & (turn == jnp.nan_to_num(numbers[..., 4]).astype(turn.dtype))
        counts = is_number.sum(), found.sum(), turned.sum(), sure.sum(), (sure & ~near_box).sum()
        return jnp.stack(counts)

    def evaluate(states) -> dict[str, float]:
        state, totals = states[0], 0
        for chunk in held_out:
            totals += count(state["ema"], state["ema_rest"], chunk["images"], chunk["numbers"])
        numbers, found, turned, sure, wrong = map(int, totals)
        return {
            "recall": round(found / max(numbers, 1), 4),
            "precision": round(1 - wrong / max(sure, 1), 4),
            "turns": round(turned / max(found, 1), 4),
        }

    return evaluate


if __name__ == "__main__":
    sys.exit(main())
