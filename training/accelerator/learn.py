"""The training step of two readers on one augmented batch; the small one is distilled, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import keras

from labels import BOX, DIGITS, LENGTH
from models.losses import BoxLoss, DigitsLoss, LengthLoss
from training.accelerator.augment import Batch, augment

ATTENTION = "attention"
"""The layer of the attention maps, (batch, positions, 1 + N): see `models.heads`."""


@dataclass(frozen=True)
class Hyperparameters:
    """How the readers are trained.

    Attributes:
        learning_rate: the largest of the schedule.
        weight_decay: of AdamW, not for biases and normalizations.
        attention: weight of the loss that draws attention maps to the digits' boxes.
        distillation: weight of the small reader's loss against the large one's probabilities.
    """

    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    attention: float = 0.1
    distillation: float = 1.0


def with_attention(model: keras.Model) -> keras.Model:
    """The model with its attention maps as one more output."""
    return keras.Model(model.input, {**model.output, ATTENTION: model.get_layer(ATTENTION).output})


def optimizer(model: keras.Model, settings: Hyperparameters) -> keras.optimizers.Optimizer:
    """AdamW over the model's weights."""
    chosen = keras.optimizers.AdamW(
        settings.learning_rate, weight_decay=settings.weight_decay, global_clipnorm=1.0, beta_2=0.99
    )
    chosen.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    chosen.build(model.trainable_variables)
    return chosen


def state_of(model: keras.Model, chosen: keras.optimizers.Optimizer) -> dict[str, list]:
    """What a training step changes, as JAX arrays."""

    def values(variables):
        return [jnp.array(variable.value) for variable in variables]

    return {
        "weights": values(model.trainable_variables),
        "rest": values(model.non_trainable_variables),
        "optimizer": values(chosen.variables),
        "ema": values(model.trainable_variables),
        "ema_rest": values(model.non_trainable_variables),
    }


def reader_loss(outputs: dict[str, jax.Array], truth: Batch, grid, attention) -> jax.Array:
    """The mean of −log P(S|X), the box's loss and the attention's."""
    losses = [
        LengthLoss(reduction=None)(truth["length"], outputs[LENGTH]),
        DigitsLoss(reduction=None)(truth["digits"], outputs[DIGITS]),
        BoxLoss(reduction=None)(truth["box"], outputs[BOX]),
        attention * _attention_loss(outputs[ATTENTION][..., 1:], truth["digit_boxes"], grid),
    ]
    return sum(jnp.mean(loss) for loss in losses)


def _attention_loss(maps, boxes, grid):
    """Cross-entropy (n,) of maps (n, h · w, N) with a Gaussian at each digit's box (n, N, 4)."""
    height, width = grid
    y, x = jnp.mgrid[0:height, 0:width].reshape(2, 1, 1, -1)
    known = jnp.isfinite(boxes).all(axis=-1)
    boxes = jnp.where(known[..., None], boxes, 0.5)
    x, y = (x + 0.5) / width, (y + 0.5) / height
    spread_x = jnp.maximum(0.25 * (boxes[..., 2] - boxes[..., 0]), 0.6 / width)[..., None]
    spread_y = jnp.maximum(0.25 * (boxes[..., 3] - boxes[..., 1]), 0.6 / height)[..., None]
    middle_x, middle_y = (
        (boxes[..., axis] + boxes[..., axis + 2])[..., None] / 2 for axis in (0, 1)
    )
    target = -0.5 * (((x - middle_x) / spread_x) ** 2 + ((y - middle_y) / spread_y) ** 2)
    target = jax.nn.softmax(target, axis=-1)  # (n, N, h · w)
    entropy = -(target * jnp.log(maps.transpose(0, 2, 1) + 1e-6)).sum(axis=-1)
    return (entropy * known).sum(axis=-1)


def _distillation_loss(outputs, teacher, truth):
    """Cross-entropy with the teacher's probabilities, of the length and the digits there are."""

    def cross_entropy(name):
        soft = jax.nn.softmax(jax.lax.stop_gradient(teacher[name]), axis=-1)
        return -(soft * jax.nn.log_softmax(outputs[name], axis=-1)).sum(axis=-1)

    digits = (cross_entropy(DIGITS) * (truth["digits"] >= 0)).sum(axis=-1)
    return jnp.mean(cross_entropy(LENGTH) + digits)


def make_step(
    large: keras.Model,
    small: keras.Model,
    optimizers: tuple[keras.optimizers.Optimizer, keras.optimizers.Optimizer],
    settings: Hyperparameters,
    size: tuple[int, int],
    grids: tuple[tuple[int, int], tuple[int, int]],
    batch_size: int,
) -> Callable[..., tuple[list[dict], dict[str, jax.Array]]]:
    """The jitted training step.

    Returns:
        `step(states, pool, offsets, counts, chances, key, number, strengths, rate, momentum)`:
        draws a batch from the pool, augments it and updates both states, which are donated;
        returns them and a dictionary of scalars.
    """

    def step(states, pool, offsets, counts, chances, key, number, strengths, rate, momentum):
        key = jax.random.fold_in(key, number)
        picks, changes = jax.random.split(key)
        rows = pick_rows(picks, offsets, counts, chances, batch_size)
        batch = {name: array[rows] for name, array in pool.items()}
        images, truth = augment(batch, changes, strengths, size)

        def loss_large(weights):
            outputs, rest = large.stateless_call(weights, states[0]["rest"], images, training=True)
            return reader_loss(outputs, truth, grids[0], settings.attention), (outputs, rest)

        (first, (teacher, rest_large)), gradients_large = jax.value_and_grad(
            loss_large, has_aux=True
        )(states[0]["weights"])

        def loss_small(weights):
            outputs, rest = small.stateless_call(weights, states[1]["rest"], images, training=True)
            loss = reader_loss(outputs, truth, grids[1], settings.attention)
            taught = _distillation_loss(outputs, teacher, truth)
            return loss + settings.distillation * taught, (loss, outputs, rest)

        (_, (second, outputs_small, rest_small)), gradients_small = jax.value_and_grad(
            loss_small, has_aux=True
        )(states[1]["weights"])
        states = [
            update(state, chosen, gradients, rest, rate, momentum)
            for state, chosen, gradients, rest in zip(
                states,
                optimizers,
                (gradients_large, gradients_small),
                (rest_large, rest_small),
                strict=True,
            )
        ]
        measured = {
            "loss": first,
            "loss_small": second,
            "right": jnp.mean(is_right(teacher, truth)),
            "right_small": jnp.mean(is_right(outputs_small, truth)),
        }
        return states, measured

    return jax.jit(step, donate_argnums=0)


def update(state, chosen, gradients, rest, rate, momentum):
    """A state after a step of its optimizer, with the moving average of its weights."""
    place = next(
        index
        for index, variable in enumerate(chosen.variables)
        if variable is chosen._learning_rate
    )
    variables = list(state["optimizer"])
    variables[place] = jnp.asarray(rate, variables[place].dtype)
    weights, variables = chosen.stateless_apply(variables, gradients, state["weights"])

    def average(old, new):
        if not jnp.issubdtype(new.dtype, jnp.floating):
            return new
        return (momentum * old + (1 - momentum) * new).astype(old.dtype)

    return {
        "weights": weights,
        "rest": rest,
        "optimizer": variables,
        "ema": [average(*pair) for pair in zip(state["ema"], weights, strict=True)],
        "ema_rest": [average(*pair) for pair in zip(state["ema_rest"], rest, strict=True)],
    }


def pick_rows(key, offsets, counts, chances, batch_size: int):
    """Rows of the pool: a source by its chance, an example of it at random."""
    which, where = jax.random.split(key)
    sources = jax.random.choice(which, len(offsets), (batch_size,), p=chances)
    shares = jax.random.uniform(where, (batch_size,))
    within = jnp.floor(shares * counts[sources]).astype(jnp.int32)
    return offsets[sources] + jnp.minimum(within, counts[sources] - 1)


def is_right(outputs: dict[str, jax.Array], truth: Batch) -> jax.Array:
    """Which numbers are wholly right, the length as well, by the best of each."""
    digits = (outputs[DIGITS].argmax(axis=-1) == truth["digits"]) | (truth["digits"] < 0)
    return digits.all(axis=-1) & (outputs[LENGTH].argmax(axis=-1) == truth["length"])


def by_path(model: keras.Model, weights: list, rest: list) -> dict[str, jax.Array]:
    """A state's trainable and other values by the paths of the model's variables."""
    variables = [*model.trainable_variables, *model.non_trainable_variables]
    return {
        variable.path: value for variable, value in zip(variables, [*weights, *rest], strict=True)
    }
