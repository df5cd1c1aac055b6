"""The published weights: one ONNX file and one model card each, in `weights/`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from number_zoo.names import unknown_name

FOLDER = Path(__file__).resolve().parent / "weights"

DEFAULT_WEIGHTS = "text_transformer.any10"
"""The most accurate published weights."""

DEFAULT_LOCATOR = "locator.scenes"
"""The published weights that find all numbers in an image."""

SMALL_WEIGHTS = "conv_transformer_small.any10"
"""The fastest published weights that read numbers of any kind."""


def list_weights(task: str | None = "read") -> list[str]:
    """Names of the published weights, in alphabetical order.

    Args:
        task: "read" for readers of one number, "locate" for locators of all numbers in an image,
            None for both.
    """
    cards = {path.stem: path for path in FOLDER.glob("*.json")}
    return sorted(name for name in cards if task in (None, _load(cards[name]).get("task", "read")))


def _load(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}. Install the package again") from error


def card(name: str) -> dict[str, Any]:
    """The model card of published weights.

    Returns:
        `version`, `task` ("read" if it is missing), `model` and `arguments` (for `models.create`),
        `parameters`, `sha256` (of the Keras file), `onnx_sha256`, `reads`, `licence`, `crop`,
        `known_failures`, `inference` (`temperature`, `max_glimpses`), `data` (fingerprints of the
        training and validation splits), `training` (configuration, environment, duration,
        validation scores), `export` (`quantize`, and `dataset` with the images of its check) and
        `figures` (test results with the command of each).

    Raises:
        ValueError: if no weights have that name; the message lists the known, nearest first.
    """
    if name not in list_weights(None):
        raise ValueError(unknown_name("weights", name, list_weights(None)))
    return _load(FOLDER / f"{name}.json")


def onnx_file(name: str) -> Path:
    """Path of the ONNX file of published weights; its SHA-256 is checked against the card.

    Raises:
        ValueError: if no weights have that name, or the file is missing or damaged.
    """
    return checked(FOLDER / f"{name}.onnx", card(name)["onnx_sha256"], "Install the package again")


def checked(path: Path, expected: str, cure: str) -> Path:
    """The path of a file after a check of its SHA-256; `cure` ends the error."""
    received = file_digest(path) if path.is_file() else "no file"
    if received != expected:
        raise ValueError(
            f"{path} is damaged: its card has the SHA-256 {expected}. Received: {received}. {cure}"
        )
    return path


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
