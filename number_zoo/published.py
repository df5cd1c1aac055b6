"""The published weights: one ONNX file and one model card each, in `weights/`."""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "weights"

DEFAULT_WEIGHTS = "conv_transformer.any10"
"""The published weights of the highest accuracy on every data set measured."""

SMALL_WEIGHTS = "conv_transformer_small.any10"
"""The published weights that take the least time of those for any number."""


def list_weights() -> list[str]:
    """Names of the published weights, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def card(name: str) -> dict[str, Any]:
    """The card of published weights.

    Returns:
        `version`, `model` and `arguments` (for `models.create`), `parameters`, `sha256` (of the
        Keras file), `onnx_sha256`, `reads`, `licence`, `crop`, `known_failures`, `inference`
        (`temperature`, `max_glimpses`), `data` (fingerprints of the splits that it was trained and
        validated on), `training` (configuration, environment, duration, validation scores) and
        `figures` (test results with the command of each).

    Raises:
        ValueError: if no weights have that name; the message lists the known, nearest first.
    """
    if name not in list_weights():
        raise ValueError(unknown_name("weights", name, list_weights()))
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def onnx_file(name: str) -> bytes:
    """The content of the ONNX file of published weights, checked against the card.

    Raises:
        ValueError: if no weights have that name, or the file is missing or damaged.
    """
    expected, path = card(name)["onnx_sha256"], FOLDER / f"{name}.onnx"
    content = path.read_bytes() if path.is_file() else b""
    received = hashlib.sha256(content).hexdigest() if content else "no file"
    if received != expected:
        raise ValueError(
            f"{path} is damaged: its card has the SHA-256 {expected}. Received: {received}. "
            "Install the package again"
        )
    return content


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Error message for a `name` that is no known `kind`: lists the known names, nearest first."""
    known = list(known)
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    others = [other for other in known if other not in nearest]
    return f"unknown {kind} {name!r}. Known: {', '.join(nearest + others)}"
