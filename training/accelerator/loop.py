"""The training loop: fill the pool, step, validate, save; by the clock."""

from __future__ import annotations

import argparse
import collections
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np

import models
from artifacts.files import atomic_path
from datasets.augmentation import Augmentation
from training.accelerator import feed, learn, pack
from training.accelerator.pool import Pool

log = logging.getLogger(__name__)

RESERVE = 20.0
"""Seconds kept for the last validation and for saving."""

WARMUP, CALM = 0.04, 0.88
"""Shares of the time at which the rate has risen, and from which on augmentation is halved."""

TURNED, BACKGROUND, FAINT = 0.02, 0.12, 0.05
"""Fractions of images that are turned or show what is beside the number, as images of none, and of
numbers that are made faint."""

EMA = 0.999
"""Momentum of the moving average of the weights, which is what is kept."""

BLUR, DOWNSCALE = 0.4, 0.4
"""Probabilities that replace those of `Augmentation.strong`, from which SVHN is further away."""


def train(
    options: argparse.Namespace, source: feed.Feed, drawn: dict[str, float], began: float
) -> None:
    """Train; see `training.accelerator`."""
    log.info("%s on %s", jax.__version__, jax.devices())
    packs, _ = pack.load(options.pack)
    real = feed.real_examples(packs, "train")
    validation = feed.real_examples(packs, "validation")
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    settings = learn.Hyperparameters(learning_rate=options.learning_rate)
    with jax.default_device(jax.devices("cpu")[0]):  # compiles the many small steps sooner
        plain = [models.create(name) for name in options.readers]
        if options.init:
            for model, name in zip(plain, options.init, strict=True):
                model.set_weights(models.load(name).get_weights())
        readers = [learn.with_attention(model) for model in plain]
        optimizers = tuple(learn.optimizer(model, settings) for model in readers)
        states = [learn.state_of(*pair) for pair in zip(readers, optimizers, strict=True)]
    states = jax.device_put(states, jax.devices()[0])
    size = plain[0].input_shape[1:3]
    grids = tuple(model.get_layer("attention_logits").output.shape[1:3] for model in plain)
    step = learn.make_step(*readers, optimizers, settings, size, grids, options.batch_size)
    log.info("Models built")
    pool = Pool(real, drawn, options.pool)
    weights = {name: feed.weight_of(name, options.weights) for name in pool.names}
    log.info("Pool of %s rows: %s", f"{sum(pool.sizes.values()):,}", pool.sizes)
    evaluate = _evaluator(readers, validation)
    strong = asdict(Augmentation.strong()) | {
        "turned": TURNED,
        "background_crop": BACKGROUND,
        "faint": FAINT,
        "blur": BLUR,
        "downscale": DOWNSCALE,
    }
    strong.pop("erase_size")
    kept = ("random_crop", "background_crop", "turned", "faint", "downscale")
    calm = {name: value if name in kept else 0.5 * value for name, value in strong.items()}
    strong, calm = (
        jax.device_put({name: np.float32(value) for name, value in amounts.items()})
        for amounts in (strong, calm)
    )
    parts = options.readers, plain, readers
    run(
        options,
        began,
        source,
        pool,
        weights,
        step,
        states,
        (strong, calm),
        evaluate,
        lambda name, states: save(options.out / name, *parts, states),
    )


def run(
    options: argparse.Namespace,
    began: float,
    source: feed.Feed,
    pool: Pool,
    weights: dict[str, float],
    step: Callable[..., tuple[list[dict], dict[str, jax.Array]]],
    states: list[dict],
    strengths: tuple[dict, dict],
    evaluate: Callable[[list[dict]], dict],
    save_as: Callable[[str, list[dict]], None],
) -> None:
    """Step until the time is over, while what `source` draws goes round in the pool.

    Args:
        options: the command's: `seconds`, `steps`, `seed`, `batch_size`, `learning_rate`.
        began: when the time began, as `time.monotonic()` gives it.
        source: running workers.
        pool: examples on the accelerator.
        weights: weight of each of the pool's sources in a batch.
        step: as `learn.make_step` returns it.
        states: what a step changes.
        strengths: of augmentation, at first and for the last part of the time.
        evaluate: accuracies by name, which are logged.
        save_as: writes the weights to a file of that name in `options.out`.
    """
    end = began + options.seconds - RESERVE
    chunks: queue.Queue = queue.Queue(maxsize=1500)
    threading.Thread(target=_fetch, args=(source, chunks), daemon=True).start()
    key, number, measured = jax.random.key(options.seed), 0, {}
    waiting: collections.deque = collections.deque()
    started = reported = time.monotonic()
    saved, steps_before, added = started, 0, 0
    while not all(pool.counts.values()) and time.monotonic() - started < 20:
        added += _take(pool, chunks, 1, timeout=1.0)
    log.info("All sources have examples: %s", [n for n in pool.names if not pool.counts[n]])
    first_step = None
    while True:
        now = time.monotonic()
        done = 0.0 if first_step is None else (now - first_step) / (end - first_step)
        if options.steps:
            done = max(done, number / options.steps)
        if done >= 1.0 or now >= end:
            break
        added += _take(pool, chunks, 8)
        rate = np.float32(options.learning_rate * schedule(done))
        momentum = np.float32(min(EMA, (1 + number) / (10 + number)))
        states, measured = step(
            states, pool.arrays, *pool.places(weights), key, np.int32(number),
            strengths[done > CALM], rate, momentum,
        )  # fmt: skip
        number += 1
        waiting.append(measured)
        if len(waiting) > 4:  # no further ahead of the accelerator than this
            jax.block_until_ready(waiting.popleft()["loss"])
        if first_step is None:
            jax.block_until_ready(measured["loss"])
            first_step = time.monotonic()
            log.info("First step after %.1f s", first_step - began)
        if now - reported > 10:
            speed = (number - steps_before) * options.batch_size / (now - reported)
            values = {name: round(float(value), 3) for name, value in measured.items()}
            log.info(
                "%5d %4.1f%% %6.0f images/s, %d drawn, %s", number, 100 * done, speed, added, values
            )
            if not np.isfinite(values["loss"]):
                raise FloatingPointError(f"the loss is {values['loss']} at step {number}")
            reported, steps_before = now, number
        if now - saved > 100:
            saved = time.monotonic()
            save_as(f"weights_{int(done * 10) % 2}.npz", states)
            log.info("validation %s", evaluate(states))
    source.stop()
    log.info("Trained %d steps, %s drawn; validation %s", number, f"{added:,}", evaluate(states))
    save_as("weights.npz", states)
    log.info("Saved")


def schedule(done: float) -> float:
    """The rate over its largest: a linear rise, then half a cosine to 0."""
    if done < WARMUP:
        return done / WARMUP + 1e-3
    return 0.5 * (1 + float(np.cos(np.pi * (done - WARMUP) / (1 - WARMUP)))) + 1e-3


def _fetch(source: feed.Feed, chunks: queue.Queue) -> None:
    while True:
        if (chunk := source.chunk(timeout=1.0)) is not None:
            chunks.put((chunk[0], jax.device_put(chunk[1])))


def _take(pool: Pool, chunks: queue.Queue, most: int, timeout: float = 0.0) -> int:
    """Move up to `most` chunks into the pool; returns how many images."""
    count = 0
    for _ in range(most):
        try:
            pool.add(*chunks.get(timeout > 0, timeout or None))
        except queue.Empty:
            break
        count += feed.CHUNK
    return count


def _evaluator(readers, validation):
    """A function of the states: accuracy in one glimpse at the whole validation images."""

    def right(model):
        def rate(weights, rest, images, truth):
            count, height, width, channels = images.shape
            halves = images.reshape(count, height // 2, 2, width // 2, 2, channels)
            halves = halves.astype(jnp.float32).mean(axis=(2, 4))
            outputs, _ = model.stateless_call(weights, rest, halves, training=False)
            return learn.is_right(outputs, truth).mean()

        return jax.jit(rate)

    functions = [right(model) for model in readers]
    sets = {}
    for name, arrays in validation.items():
        count = len(arrays["length"])
        rows = np.arange(384) % count  # one shape, so that each function compiles once
        chosen = {key: jnp.array(arrays[key][rows]) for key in ("images", "length", "digits")}
        sets[name] = chosen.pop("images"), chosen

    def evaluate(states) -> dict[str, list[float]]:
        return {
            name: [
                round(float(function(state["ema"], state["ema_rest"], images, truth)), 4)
                for function, state in zip(functions, states, strict=True)
            ]
            for name, (images, truth) in sets.items()
        }

    return evaluate


def save(path: Path, names, plain, readers, states) -> None:
    """Write the averaged weights of all readers, by "MODEL|PATH OF THE VARIABLE"."""
    arrays = {}
    for name, model, reader, state in zip(names, plain, readers, states, strict=True):
        values = learn.by_path(reader, state["ema"], state["ema_rest"])
        for variable in model.weights:
            arrays[f"{name}|{variable.path}"] = np.asarray(values[variable.path])
    with atomic_path(path) as part:
        np.savez(part, **arrays)
