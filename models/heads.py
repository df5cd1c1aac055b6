"""Output layers: logits for the length of the sequence, for each digit, and the bounding box.

A sequence S = s_1 … s_L is modelled as P(S|X) = P(L|X) · Π_{i ≤ L} P(s_i|X) (Goodfellow et al.
2013, https://arxiv.org/abs/1312.6082): one distribution over the length, 0 to N and "longer", and
one over the ten digits for each of N positions. Positions beyond the length have no class and
contribute no gradient.

The outputs of every model are named, in float32:

- `length`: logits (batch, N + 2); omitted where N is 1, since a single digit has length 1;
- `digits`: logits (batch, N, 10);
- `box`, of models that also locate the number: (batch, 4), left, top, right and bottom of the
  bounding box of all digits, as fractions of the image's width and height.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from labels import BOX, DIGITS, LENGTH, NUM_CLASSES


def number_outputs(
    features: keras.KerasTensor, max_digits: int, *, digit_features: keras.KerasTensor | None = None
) -> dict[str, keras.KerasTensor]:
    """Add the output layers for length and digits.

    Args:
        features: (batch, channels), for the length.
        max_digits: N, the largest number of digits; 1 for single digits.
        digit_features: (batch, N, channels), separate features for each position; all positions
            then share one classifier. Defaults to `features` for every position, with a separate
            classifier for each position.

    Returns:
        `{"length": …, "digits": …}`, logits in float32, or `{"digits": …}` if N is 1.
    """
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


def attention_outputs(
    x: keras.KerasTensor, max_digits: int, *, dropout: float, locate: bool
) -> dict[str, keras.KerasTensor]:
    """Add all output layers to a feature map, with attention to each digit.

    Args:
        x: feature map (batch, height, width, channels).
        max_digits: N, the largest number of digits; 1 for single digits.
        dropout: dropout rate of the pooled features, in [0, 1).
        locate: whether to add the output `box`; it is omitted if N is 1.

    Returns:
        `{"length": …, "digits": …, "box": …}`, as returned by `number_outputs` and `box_output`.
    """
    digit_features, features = attention_pooling(x, max_digits)
    digit_features = layers.Dropout(dropout, name="digit_dropout")(digit_features)
    features = layers.Dropout(dropout, name="length_dropout")(features)
    outputs = number_outputs(features, max_digits, digit_features=digit_features)
    if locate and max_digits > 1:
        outputs[BOX] = box_output(x)
    return outputs


def attention_pooling(
    x: keras.KerasTensor, max_digits: int
) -> tuple[keras.KerasTensor, keras.KerasTensor]:
    """Pool a feature map once for the length and once for each digit, by learned attention.

    The attention maps are the output of the layer "attention", (batch, height · width, 1 + N):
    that of the length first, then one for each digit; each map has a sum of 1.

    Args:
        x: feature map (batch, height, width, channels).
        max_digits: N.

    Returns:
        `(digit_features, features)`: (batch, N, channels) for the digits, and for the length
        (batch, 2 · channels), which also contains the mean over the map.
    """
    height, width, channels = x.shape[1:]
    maps = layers.Conv2D(1 + max_digits, 1, name="attention_logits")(x)
    maps = layers.Reshape((height * width, 1 + max_digits), name="attention_positions")(maps)
    maps = layers.Softmax(axis=1, dtype="float32", name="attention")(maps)
    positions = layers.Reshape((height * width, channels), name="feature_positions")(x)
    pooled = layers.Dot(axes=1, name="attention_pooling")([maps, positions])
    digits = layers.Cropping1D((1, 0), name="digit_features")(pooled)
    length = layers.Cropping1D((0, max_digits), name="length_slot")(pooled)
    length = layers.Flatten(name="length_attended")(length)
    mean = layers.GlobalAveragePooling2D(name="mean_features")(x)
    return digits, layers.Concatenate(name="length_features")([length, mean])


def attention_grid(model: keras.Model) -> tuple[int, int] | None:
    """Height and width of a model's attention maps; None for a model without attention."""
    logits = [layer for layer in model.layers if layer.name == "attention_logits"]
    return logits[0].output.shape[1:3] if logits else None


def box_output(x: keras.KerasTensor) -> keras.KerasTensor:
    """Add the bounding box of the number, (batch, 4), to a feature map (batch, h, w, channels).

    Each of the four edges is the expected coordinate under the softmax of a map (Sun et al. 2018,
    https://arxiv.org/abs/1711.08229): this is finer than the grid of the map, and no weight shape
    depends on the size of the image.
    """
    height, width = x.shape[1:3]
    maps = layers.Conv2D(4, 1, name="edge_logits")(x)
    maps = layers.Reshape((height * width, 4), name="edge_positions")(maps)
    maps = layers.Softmax(axis=1, dtype="float32", name="edges")(maps)
    rows, columns = np.mgrid[0:height, 0:width]
    # The outer borders of cells, so that the box can reach the border of the image.
    coordinates = np.stack(
        [columns / width, rows / height, (columns + 1) / width, (rows + 1) / height], axis=-1
    )
    coordinates = coordinates.reshape(-1, 4).astype("float32")
    box = ops.einsum("bpe,pe->be", maps, coordinates)
    return layers.Activation("linear", dtype="float32", name=BOX)(box)
