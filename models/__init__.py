"""Named Keras models that read digits and numbers: `create`, `list_models`, `describe`."""

from models.cost import describe, multiply_adds
from models.published import (
    built_as,
    card,
    file_digest,
    how_made,
    list_weights,
    load,
    model_file,
)
from models.registry import configuration, create, list_models
from models.sequence import NumberScores, Readings, losses, read_out

__all__ = [
    "NumberScores",
    "Readings",
    "built_as",
    "card",
    "configuration",
    "create",
    "describe",
    "file_digest",
    "how_made",
    "list_models",
    "list_weights",
    "load",
    "losses",
    "model_file",
    "multiply_adds",
    "read_out",
]
