"""Output layers: logits for the length of the sequence, for each digit, and the bounding box.

A sequence S = s_1 … s_L is modelled as P(S|X) = P(L|X) · Π_{i ≤ L} P(s_i|X) (Goodfellow et al.
2013, https://arxiv.org/abs/1312.6082): one distribution over the length, 0 to N and "longer", and
one over the ten digits for each of N positions. Positions beyond the length have no class and
give no gradient.

The outputs of every model are named, in float32:

- `length`: logits (batch, N + 2); omitted where N is 1, since a single digit has length 1;
- `digits`: logits (batch, N, 10);
- `box`, of models that also locate the number: (batch, 4), left, top, right and bottom of the
  bounding box of all digits, as fractions of the image's width and height.
"""

from __future__ import annotations

import keras
from keras import layers

from labels import DIGITS, LENGTH, NUM_CLASSES


def number_outputs(
    features: keras.KerasTensor, max_digits: int, *, digit_features: keras.KerasTensor | None = None
) -> dict[str, keras.KerasTensor]:
    """Put the output layers of the contract on a network.

    Args:
        features: (batch, channels), what the length is told from.
        max_digits: N, how many digits the model can tell; 1 for single digits.
        digit_features: (batch, N, channels), where the network has features of its own for each
            place; one classifier then serves all places. Defaults to `features` for every place,
            with a classifier of its own for each.

    Returns:
        `{"length": …, "digits": …}`, logits in float32, or `{"digits": …}` where N is 1.

    Raises:
        ValueError: if `max_digits` is below 1.
    """
    if max_digits < 1:
        raise ValueError(f"max_digits is at least 1. Received: {max_digits}")
    if digit_features is None:
        flat = layers.Dense(max_digits * NUM_CLASSES, dtype="float32", name="digit_logits")
        digits = layers.Reshape((max_digits, NUM_CLASSES), dtype="float32", name=DIGITS)(
            flat(features)
        )
    else:
        digits = layers.Dense(NUM_CLASSES, dtype="float32", name=DIGITS)(digit_features)
    if max_digits == 1:
        return {DIGITS: digits}
    return {
        LENGTH: layers.Dense(max_digits + 2, dtype="float32", name=LENGTH)(features),
        DIGITS: digits,
    }
