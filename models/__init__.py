"""Named Keras models that read digits and numbers: `create`, `list_models`, `describe`.

import models

model = models.create("residual_cnn", input_shape=(64, 128, 3), max_digits=5)
model.compile("adam", loss=models.losses(max_digits=5, box=True))
"""

import keras

from models.cost import describe, multiply_adds
from models.decoding import best_of_each_length, decode_predictions
from models.locator import decode_locations
from models.locator_loss import LocatorLoss
from models.locator_metrics import LocationScores, location_scores, match_boxes
from models.losses import losses
from models.metrics import (
    DigitAccuracy,
    SequenceAccuracy,
    negative_log_likelihood,
    sequence_correct,
    sequence_scores,
)
from models.published import (
    architecture_of,
    inference_config,
    load,
    model_file,
    provenance_of,
    training_data,
)
from models.registry import configuration, create, entry, list_models, task_of
from number_zoo.predictions import DecodedSequences
from number_zoo.published import card, file_digest, list_weights

# Images are height x width x channels here, independently of ~/.keras/keras.json.
keras.config.set_image_data_format("channels_last")

__all__ = [
    "DecodedSequences",
    "DigitAccuracy",
    "LocationScores",
    "LocatorLoss",
    "SequenceAccuracy",
    "architecture_of",
    "best_of_each_length",
    "card",
    "configuration",
    "create",
    "decode_locations",
    "decode_predictions",
    "describe",
    "entry",
    "file_digest",
    "inference_config",
    "list_models",
    "list_weights",
    "load",
    "location_scores",
    "losses",
    "match_boxes",
    "model_file",
    "multiply_adds",
    "negative_log_likelihood",
    "provenance_of",
    "sequence_correct",
    "sequence_scores",
    "task_of",
    "training_data",
]
