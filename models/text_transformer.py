"""A reader over the features of a text recognizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
from keras import layers

from models import search_space
from models.arguments import ImageShape, NonNegativeInt, PositiveInt, Rate
from models.encoder import transformer_encoder
from models.entry import Entry
from models.heads import attention_outputs
from models.text_features import text_features


def text_transformer(
    input_shape: ImageShape = (64, 160, 3),
    max_digits: PositiveInt = 10,
    *,
    width: PositiveInt = 192,
    encoder_layers: NonNegativeInt = 4,
    heads: PositiveInt = 6,
    mlp_ratio: PositiveInt = 2,
    dropout: Rate = 0.1,
    locate: bool = True,
) -> keras.Model:
    """Build the convolutions of a text recognizer, a transformer encoder, and attention heads.

    `conv_transformer` with other convolutions, of which trained ones are published
    (`models.text_features`): a model that starts from them (`python -m
    tools.convert_text_recognizer`) needs few images.

    Args:
        input_shape: (height, width, channels) of the images, values in [0, 255]; RGB for the
            published convolutions.
        max_digits: the largest number of digits, 1 for single digits.
        width: channels to which the features are projected; the width of the encoder.
        encoder_layers: transformer encoder layers, 0 for none.
        heads: attention heads of each encoder layer; a divisor of `width`.
        mlp_ratio: ratio of the hidden units of an encoder layer's MLP to its width.
        dropout: dropout rate of the pooled features, in [0, 1).
        locate: whether the model also outputs the bounding box of the number (`box`); omitted
            where `max_digits` is 1.

    Returns:
        A functional model with the outputs of `models.heads`. No weight shape depends on the image
        size, so that the weights can be used with other sizes.

    Raises:
        ValueError: if `heads` does not divide `width`.

    Reference:
        `models.text_features` and `models.encoder`.
    """
    images = keras.Input(input_shape, name="images")
    x = text_features(images)
    x = layers.LayerNormalization(name="text_norm")(x)
    x = layers.Dense(width, name="text_projection")(x)
    x = transformer_encoder(x, encoder_layers, heads, mlp_ratio)
    outputs = attention_outputs(x, max_digits, dropout=dropout, locate=locate)
    return keras.Model(images, outputs, name="text_transformer")


def _search_space(hp: Any, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Encoder layers and dropout: the convolutions are those of the recognizer."""
    return {
        "encoder_layers": hp.Int("encoder_layers", 0, 4, default=arguments["encoder_layers"]),
        "dropout": search_space.dropout(hp, "dropout", arguments["dropout"], 0.5),
    }


ENTRIES = (
    Entry(
        "text_transformer",
        text_transformer,
        "numbers, starting from the weights of a text recognizer",
        search_space=_search_space,
    ),
)
