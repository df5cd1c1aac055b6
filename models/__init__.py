"""Named Keras models that read digits and numbers: `create`, `list_models`, `describe`."""

from models.cost import describe, multiply_adds
from models.decoding import DecodedSequences, decode_predictions
from models.losses import losses
from models.metrics import SequenceScores
from models.published import (
    architecture_of,
    card,
    file_digest,
    list_weights,
    load,
    model_file,
    provenance_of,
)
from models.registry import configuration, create, list_models

__all__ = [
    "DecodedSequences",
    "SequenceScores",
    "architecture_of",
    "card",
    "configuration",
    "create",
    "decode_predictions",
    "describe",
    "file_digest",
    "list_models",
    "list_weights",
    "load",
    "losses",
    "model_file",
    "multiply_adds",
    "provenance_of",
]
