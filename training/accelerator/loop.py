"""Train models for a given time on batches from a pool that workers fill: step, validate, save."""

from __future__ import annotations

import argparse
import collections
import itertools
import logging
import re
import time
from collections.abc import Callable
from pathlib import Path

import jax
import jax.numpy as jnp
import keras
import numpy as np

from artifacts.files import atomic_path
from training.accelerator.pool import Pool

log = logging.getLogger(__name__)

RESERVE = 20.0
"""Seconds reserved for the last validation and for saving."""

WARMUP, LAST_PART = 0.04, 0.88
"""Fractions of the time at which the warm-up of the learning rate ends, and at which the last part
begins, with weaker augmentation."""

EMA = 0.999
"""Momentum of the moving average of the weights, which is saved."""

WEIGHT_DECAY = 0.05

State = dict[str, list[jax.Array]]
"""State of a model that a step updates: `weights`, `rest` (not trained), `optimizer`, and the
moving averages `ema` and `ema_rest`."""


def build(
    options: argparse.Namespace, create: Callable[[], list[keras.Model]]
) -> tuple[list[keras.Model], list[keras.Optimizer], list[State]]:
    """Create models with the command's seed and precision, their optimizers and their states."""
    log.info("%s on %s", jax.__version__, jax.devices())
    keras.utils.set_random_seed(options.seed)
    keras.config.set_dtype_policy(options.precision)
    with jax.default_device(jax.devices("cpu")[0]):  # compiles the many small operations faster
        models = create()
        optimizers = [optimizer_of(model) for model in models]
        states = [state_of(*pair) for pair in zip(models, optimizers, strict=True)]
    log.info("Models built")
    return models, optimizers, jax.device_put(states, jax.devices()[0])


def optimizer_of(model: keras.Model) -> keras.Optimizer:
    """AdamW for the model's weights; each step sets its learning rate."""
    optimizer = keras.optimizers.AdamW(weight_decay=WEIGHT_DECAY, global_clipnorm=1.0, beta_2=0.99)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    optimizer.build(model.trainable_variables)
    return optimizer


def state_of(model: keras.Model, optimizer: keras.Optimizer) -> State:
    """The state of a model before the first step."""

    def values(variables):
        return [jnp.array(variable.value) for variable in variables]

    return {
        "weights": values(model.trainable_variables),
        "rest": values(model.non_trainable_variables),
        "optimizer": values(optimizer.variables),
        "ema": values(model.trainable_variables),
        "ema_rest": values(model.non_trainable_variables),
    }


def make_step(
    models: list[keras.Model],
    optimizers: list[keras.Optimizer],
    augment: Callable[..., tuple[jax.Array, dict[str, jax.Array] | jax.Array]],
    loss: Callable[..., tuple[jax.Array, dict[str, jax.Array]]],
    batch_size: int,
    slower: tuple[str, float] | None = None,
) -> Callable[..., tuple[list[State], dict[str, jax.Array]]]:
    """The jitted training step of models that learn from the same batches.

    Args:
        models: models to train.
        optimizers: the optimizer of each.
        augment: (batch, key, strengths) to float32 images and their truth.
        loss: (outputs of each model, truth) to the scalar to minimize and a dictionary of scalars
            to log, with `loss`.
        batch_size: images in a batch.
        slower: pattern of the beginning of paths of weights, and the factor by which their
            learning rate is multiplied.

    Returns:
        `step(states, arrays, places, key, number, strengths, rate, momentum)`: draws a batch from
        the pool's arrays, augments it and updates the states, which are donated; returns them and
        the scalars.

    Raises:
        ValueError: if no weight has such a path.
    """
    pattern, factor = slower or ("", 1.0)
    paths = [[variable.path for variable in model.trainable_variables] for model in models]
    if not any(re.match(pattern, path) for path in itertools.chain(*paths)):
        raise ValueError(
            f"--slower: no path of a weight begins with {pattern!r}. They are such as "
            f"{', '.join(path[0] for path in paths)}"
        )
    factors = [
        [factor if re.match(pattern, path) else 1.0 for path in model_paths]
        for model_paths in paths
    ]

    def step(states, arrays, places, key, number, strengths, rate, momentum):
        picks, changes = jax.random.split(jax.random.fold_in(key, number))
        rows = pick_rows(picks, *places, batch_size)
        batch = {name: array[rows] for name, array in arrays.items()}
        images, truth = augment(batch, changes, strengths)

        def total(weights):
            outputs, rest = [], []
            for model, values, state in zip(models, weights, states, strict=True):
                result = model.stateless_call(values, state["rest"], images, training=True)
                outputs.append(result[0])
                rest.append(result[1])
            value, measured = loss(outputs, truth)
            return value, (rest, measured)

        gradients, (rest, measured) = jax.grad(total, has_aux=True)(
            [state["weights"] for state in states]
        )
        updates = zip(states, optimizers, gradients, rest, factors, strict=True)
        return [_update(*update, rate, momentum) for update in updates], measured

    return jax.jit(step, donate_argnums=0)


def _update(state, optimizer, gradients, rest, factors, rate, momentum) -> State:
    """A state after a step of its optimizer, with the moving average of its weights."""
    variables = [
        jnp.asarray(rate, value.dtype) if variable is optimizer.learning_rate else value
        for variable, value in zip(optimizer.variables, state["optimizer"], strict=True)
    ]
    weights, variables = optimizer.stateless_apply(variables, gradients, state["weights"])
    weights = [
        new if factor == 1.0 else old + factor * (new - old)
        for old, new, factor in zip(state["weights"], weights, factors, strict=True)
    ]

    def average(old, new):
        if not jnp.issubdtype(new.dtype, jnp.floating):
            return new
        return (momentum * old + (1 - momentum) * new).astype(old.dtype)

    return {
        "weights": weights,
        "rest": rest,
        "optimizer": variables,
        "ema": jax.tree.map(average, state["ema"], weights),
        "ema_rest": jax.tree.map(average, state["ema_rest"], rest),
    }


def pick_rows(key, offsets, counts, probabilities, batch_size: int) -> jax.Array:
    """Rows of the pool: a source by its probability, an example of it at random."""
    which, where = jax.random.split(key)
    sources = jax.random.choice(which, len(offsets), (batch_size,), p=probabilities)
    fractions = jax.random.uniform(where, (batch_size,))
    within = jnp.floor(fractions * counts[sources]).astype(jnp.int32)
    return offsets[sources] + jnp.minimum(within, counts[sources] - 1)


def run(
    options: argparse.Namespace,
    pool: Pool,
    step: Callable[..., tuple[list[State], dict[str, jax.Array]]],
    models: list[keras.Model],
    states: list[State],
    strengths: tuple[dict[str, float], dict[str, float]],
    evaluate: Callable[[list[State]], dict],
) -> None:
    """Train until the time is over, while the pool is updated with rendered examples.

    Args:
        options: the command's, from `options.read_options`.
        pool: examples on the accelerator.
        step: step function from `make_step`.
        models: models that `step` trains.
        states: states that `step` updates.
        strengths: strengths of augmentation, at first and for the last part of the time.
        evaluate: function from states to scores by name, which are logged.

    Raises:
        FloatingPointError: if the loss is not finite.
    """
    end = options.began + options.seconds - RESERVE
    strengths = [
        jax.device_put({name: np.float32(value) for name, value in amounts.items()})
        for amounts in strengths
    ]
    key, number = jax.random.key(options.seed), 0
    waiting: collections.deque = collections.deque()
    started = reported = saved = time.monotonic()
    steps_before = 0
    while not all(pool.counts.values()) and time.monotonic() - started < 20:
        pool.take(1, timeout=1.0)
    log.info("Sources without examples: %s", [n for n in pool.counts if not pool.counts[n]])
    first_step = None
    while True:
        now = time.monotonic()
        done = 0.0 if first_step is None else (now - first_step) / (end - first_step)
        if options.steps:
            done = max(done, number / options.steps)
        if done >= 1.0 or now >= end:
            break
        pool.take(8)
        rate = np.float32(options.learning_rate * schedule(done))
        momentum = np.float32(min(EMA, (1 + number) / (10 + number)))
        states, measured = step(
            states, pool.arrays, pool.places(), key, np.int32(number),
            strengths[done > LAST_PART], rate, momentum,
        )  # fmt: skip
        number += 1
        waiting.append(measured)
        if len(waiting) > 4:  # limits the number of queued steps
            jax.block_until_ready(waiting.popleft()["loss"])
        if first_step is None:
            jax.block_until_ready(measured["loss"])
            first_step = time.monotonic()
            log.info("First step after %.1f s", first_step - options.began)
        if now - reported > 10:
            speed = (number - steps_before) * options.batch_size / (now - reported)
            values = {name: round(float(value), 3) for name, value in measured.items()}
            log.info(
                "%5d %4.1f%% %6.0f images/s, %d drawn, %s",
                number, 100 * done, speed, pool.drawn, values,
            )  # fmt: skip
            if not np.isfinite(values["loss"]):
                raise FloatingPointError(f"the loss is {values['loss']} at step {number}")
            reported, steps_before = now, number
        if now - saved > 100:
            saved = time.monotonic()
            save(options.out / f"weights_{int(done * 10) % 2}.npz", options.models, models, states)
            log.info("validation %s", evaluate(states))
    log.info(
        "Trained %d steps, %s drawn; validation %s", number, f"{pool.drawn:,}", evaluate(states)
    )
    save(options.out / "weights.npz", options.models, models, states)
    log.info("Saved")


def schedule(done: float) -> float:
    """The learning rate relative to its peak: linear warm-up, then cosine decay to 0."""
    if done < WARMUP:
        return done / WARMUP + 1e-3
    return 0.5 * (1 + float(np.cos(np.pi * (done - WARMUP) / (1 - WARMUP)))) + 1e-3


def save(path: Path, names: list[str], models: list[keras.Model], states: list[State]) -> None:
    """Write the averaged weights of all models, by "MODEL|PATH OF THE VARIABLE"."""
    arrays = {}
    for name, model, state in zip(names, models, states, strict=True):
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        averages = [*state["ema"], *state["ema_rest"]]
        for variable, value in zip(variables, averages, strict=True):
            arrays[f"{name}|{variable.path}"] = np.asarray(value)
    with atomic_path(path) as part:
        np.savez(part, **arrays)
