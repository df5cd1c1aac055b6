"""Named Keras models that read digits and numbers: `create`, `list_models`, `describe`.

import models

model = models.create("residual_cnn", input_shape=(64, 128, 3), max_digits=5)
model.compile("adam", loss=models.losses(max_digits=5, box=True))
"""

import keras

from models.cost import describe, multiply_adds
from models.decoding import DecodedSequences, decode_predictions
from models.losses import losses
from models.metrics import DigitAccuracy, SequenceAccuracy, sequence_correct, sequence_scores
from models.published import (
    architecture_of,
    card,
    file_digest,
    inference_config,
    list_weights,
    load,
    model_file,
    provenance_of,
    training_data,
)
from models.registry import configuration, create, entry, list_models

# Images are height x width x channels here, whatever ~/.keras/keras.json says.
keras.config.set_image_data_format("channels_last")

__all__ = [
    "DecodedSequences",
    "DigitAccuracy",
    "SequenceAccuracy",
    "architecture_of",
    "card",
    "configuration",
    "create",
    "decode_predictions",
    "describe",
    "entry",
    "file_digest",
    "inference_config",
    "list_models",
    "list_weights",
    "load",
    "losses",
    "model_file",
    "multiply_adds",
    "provenance_of",
    "sequence_correct",
    "sequence_scores",
    "training_data",
]
