"""Loss of a locator: centres, boxes and turns of all numbers of an image."""

from __future__ import annotations

import keras
from keras import ops

from models.losses import generalized_overlap

STRIDE = 8
"""Height and width of a locator's cell in pixels."""
MAX_LOG_DISTANCE = 8.0
"""Maximum logarithm of a distance in cells, so that exp is finite for any output."""
_MIN_SIGMA = 0.7
_SIGMA_OF_SIZE = 0.1
_MIN_WEIGHT = 0.1


@keras.saving.register_keras_serializable("number_zoo")
class LocatorLoss(keras.losses.Loss):
    """Loss of a locator's output `locations` (batch, h, w, 9) (`models.locator`).

    `y_true` is float (batch, M, 5) with M at least 1: left, top, right, bottom of each number in
    pixels, and its turn, 0 to 3. A row of NaN is unused. A row in which only the turn is NaN is a
    box to ignore: the cells that it touches count neither as background nor as a number.

    The loss has three terms, each divided by the mean number of numbers of an image (at least 1):

    - the penalty-reduced focal loss of the centres (Zhou et al. 2019,
      https://arxiv.org/abs/1904.07850), on a Gaussian around the cell of each centre whose
      standard deviation is a tenth of the width and of the height, at least 0.7 cells;
    - 1 − GIoU of the boxes of the cells near each centre, and
    - the cross-entropy of the turns there, both weighted by that Gaussian where it exceeds 0.1;
      the weights of a number have a sum of 1 (Liu et al. 2020, https://arxiv.org/abs/1909.00700).

    Args:
        box_weight: factor of the box term.
        turn_weight: factor of the turn term.
    """

    def __init__(
        self,
        box_weight: float = 2.0,
        turn_weight: float = 0.5,
        name: str = "locator_loss",
        **kwargs,
    ):
        super().__init__(name=name, **kwargs)
        self.box_weight = box_weight
        self.turn_weight = turn_weight

    def call(self, y_true, y_pred):
        y_true, y_pred = (ops.cast(y, "float32") for y in (y_true, y_pred))
        boxes, turns, is_number, is_ignored = _parse(y_true)
        rows, columns = ops.shape(y_pred)[1], ops.shape(y_pred)[2]
        x, y = (ops.arange(count, dtype="float32") + 0.5 for count in (columns, rows))
        heat = _gaussians(boxes, x, y) * is_number[:, :, None, None]  # (batch, M, h, w)
        touched = _inside(boxes, x, y, margin=0.5) * is_ignored[:, :, None, None]
        centre_loss = _centre_loss(y_pred[..., 0], ops.max(heat, axis=1), ops.max(touched, axis=1))

        # Each cell is assigned to the number with the highest Gaussian there.
        nearest = ops.argmax(heat, axis=1)  # (batch, h, w)
        slots = ops.reshape(ops.arange(heat.shape[1], dtype=nearest.dtype), (1, -1, 1, 1))
        # Only cells inside a box can represent it; the cell of the centre is always trained.
        usable = ops.logical_or(_inside(boxes, x, y, margin=0.0) > 0, heat == 1)
        usable = ops.logical_and(usable, heat > _MIN_WEIGHT)
        usable = ops.logical_and(usable, nearest[:, None] == slots)
        weights = ops.where(usable, heat, 0.0)
        totals = ops.sum(weights, axis=(2, 3), keepdims=True)
        weights = ops.sum(weights / ops.maximum(totals, 1e-6), axis=1)  # (batch, h, w)
        cells = ops.reshape(nearest, (ops.shape(nearest)[0], rows * columns, 1))
        box = ops.take_along_axis(boxes, cells, axis=1)
        box = ops.reshape(box, (ops.shape(nearest)[0], rows, columns, 4))
        turn = ops.take_along_axis(turns[..., None], cells, axis=1)
        turn = ops.reshape(turn, ops.shape(nearest))

        distances = ops.exp(ops.clip(y_pred[..., 1:5], -MAX_LOG_DISTANCE, MAX_LOG_DISTANCE))
        x, y = x[None, None, :], y[None, :, None]
        predicted = ops.stack(
            [
                x - distances[..., 0],
                y - distances[..., 1],
                x + distances[..., 2],
                y + distances[..., 3],
            ],
            axis=-1,
        )
        box_loss = weights * (1 - generalized_overlap(box, predicted))
        log_turns = ops.log_softmax(y_pred[..., 5:9], axis=-1)
        turn_loss = -weights * ops.sum(ops.one_hot(turn, 4, dtype="float32") * log_turns, axis=-1)
        loss = centre_loss + self.box_weight * box_loss + self.turn_weight * turn_loss
        count = ops.mean(ops.sum(is_number, axis=1))
        return ops.sum(loss, axis=(1, 2)) / ops.maximum(count, 1.0)

    def get_config(self):
        weights = {"box_weight": self.box_weight, "turn_weight": self.turn_weight}
        return super().get_config() | weights


def _parse(y_true):
    """Boxes in cells (batch, M, 4) and turns int (batch, M), without NaN; whether a row is a
    number, and whether it is a box to ignore, float (batch, M)."""
    has_box = ops.all(ops.isfinite(y_true[..., :4]), axis=-1)
    has_turn = ops.isfinite(y_true[..., 4])
    # Replace NaN before the computation: `where` alone would leave NaN in the gradient.
    unit = ops.convert_to_tensor([0.0, 0.0, 1.0, 1.0])
    boxes = ops.where(has_box[..., None], y_true[..., :4] / STRIDE, unit)
    turns = ops.cast(ops.where(has_turn, y_true[..., 4], 0.0), "int32")
    is_number = ops.cast(ops.logical_and(has_box, has_turn), "float32")
    is_ignored = ops.cast(ops.logical_and(has_box, ops.logical_not(has_turn)), "float32")
    return boxes, turns, is_number, is_ignored


def _gaussians(boxes, x, y):
    """Gaussian of each box, 1 at the cell of its centre: (batch, M, h, w)."""
    factors = []
    for near, far, positions in ((0, 2, x), (1, 3, y)):
        centre = ops.floor((boxes[..., near] + boxes[..., far]) / 2) + 0.5
        centre = ops.clip(centre, positions[0], positions[-1])
        sigma = ops.maximum(_SIGMA_OF_SIZE * (boxes[..., far] - boxes[..., near]), _MIN_SIGMA)
        offsets = (positions - centre[..., None]) / sigma[..., None]
        factors.append(ops.exp(-0.5 * offsets * offsets))
    return factors[1][..., :, None] * factors[0][..., None, :]


def _inside(boxes, x, y, margin):
    """1 where the centre of a cell lies in a box enlarged by `margin` cells: (batch, M, h, w)."""
    factors = []
    for near, far, positions in ((0, 2, x), (1, 3, y)):
        after = positions > boxes[..., near, None] - margin
        before = positions < boxes[..., far, None] + margin
        factors.append(ops.cast(ops.logical_and(after, before), "float32"))
    return factors[1][..., :, None] * factors[0][..., None, :]


def _centre_loss(logits, heat, ignored):
    """Penalty-reduced focal loss with exponents 2 and 4: (batch, h, w)."""
    probability = ops.sigmoid(logits)
    positive = -((1 - probability) ** 2) * ops.log_sigmoid(logits)
    negative = -((1 - heat) ** 4) * probability**2 * ops.log_sigmoid(-logits)
    return ops.where(heat == 1, positive, negative * (1 - ignored))
