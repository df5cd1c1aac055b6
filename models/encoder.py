"""A transformer encoder over the positions of a feature map."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops


def transformer_encoder(
    x: keras.KerasTensor, count: int, heads: int, mlp_ratio: int
) -> keras.KerasTensor:
    """Apply encoder layers to the positions of a map (batch, h, w, c); the shape does not change.

    Args:
        x: the feature map.
        count: number of layers, 0 for none.
        heads: attention heads of each layer, a divisor of c.
        mlp_ratio: ratio of the hidden units of a layer's MLP to c.

    Raises:
        ValueError: if `heads` does not divide c.

    Reference:
        After convolutions as in Carion et al. 2020, https://arxiv.org/abs/2005.12872;
        pre-normalization after Xiong et al. 2020, https://arxiv.org/abs/2002.04745.
    """
    height, width, channels = x.shape[1:]
    if count == 0:
        return x
    if channels % heads:
        raise ValueError(
            f"heads divides the channels of the map. Received: heads={heads}, channels={channels}"
        )
    x = _add_positions(x)
    x = layers.Reshape((height * width, channels), name="tokens")(x)
    for index in range(1, count + 1):
        name = f"encoder{index}"
        y = layers.LayerNormalization(name=f"{name}_attention_norm")(x)
        y = layers.MultiHeadAttention(heads, channels // heads, name=f"{name}_attention")(y, y)
        x = layers.Add(name=f"{name}_attention_add")([x, y])
        y = layers.LayerNormalization(name=f"{name}_mlp_norm")(x)
        y = layers.Dense(mlp_ratio * channels, activation="silu", name=f"{name}_mlp_in")(y)
        y = layers.Dense(channels, name=f"{name}_mlp_out")(y)
        x = layers.Add(name=f"{name}_mlp_add")([x, y])
    x = layers.LayerNormalization(name="encoder_norm")(x)
    return layers.Reshape((height, width, channels), name="encoded")(x)


def _add_positions(x):
    """Add fixed position codes to a feature map (batch, h, w, c).

    Sines and cosines of the row and of the column each occupy a quarter of the channels (Vaswani et
    al. 2017, https://arxiv.org/abs/1706.03762).
    """
    height, width, channels = x.shape[1:]
    count = channels // 4
    rates = np.pi / 64.0 ** (np.arange(count) / max(1, count - 1))
    for axis, positions in enumerate((height, width)):
        angles = np.arange(positions)[:, None] * rates
        codes = np.zeros((positions, channels), "float32")
        codes[:, 2 * count * axis : 2 * count * (axis + 1)] = np.concatenate(
            [np.sin(angles), np.cos(angles)], axis=-1
        )
        x = ops.add(x, codes.reshape((1, 1, positions, channels) if axis else (1, -1, 1, channels)))
    return x
