"""Published weights: trained readers that come with the project, each with a card.

A reader `NAME` is two files in `models/weights/`: `NAME.keras`, the model, and `NAME.json`, its
card: what it reads, how it was trained, what it scores and on which crop, its file's SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import keras

from artifacts.names import unknown_name

FOLDER = Path(__file__).resolve().parent / "weights"


def list_weights() -> list[str]:
    """Names of the published weights, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def card(name: str) -> dict[str, Any]:
    """The card of published weights.

    Returns:
        `model` and `arguments` (what `create` builds), `parameters`, `sha256`, `reads`, `crop`,
        `known_failures`, `reading` (the temperature), `training`, `figures` and `licence`.

    Raises:
        ValueError: if no weights have that name; the message lists the known, nearest first.
    """
    if name not in list_weights():
        raise ValueError(unknown_name("weights", name, list_weights()))
    return json.loads((FOLDER / f"{name}.json").read_text())


def weights_file(name: str) -> Path:
    """Path of the model file of published weights, once its SHA-256 is that of its card.

    Raises:
        ValueError: if no weights have that name, or the file is damaged.
    """
    expected, path = card(name)["sha256"], FOLDER / f"{name}.keras"
    found = file_digest(path) if path.exists() else "no file"
    if found != expected:
        raise ValueError(f"{path} is damaged: its card says SHA-256 {expected}. Received: {found}")
    return path


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def inference_config(source: str | Path) -> dict[str, Any]:
    """How a trained model is to be read with: `temperature`, by which its logits are divided.

    Args:
        source: as for `load`.

    Returns:
        What the card of published weights or the `metrics.json` of a run says; empty for a file
        on its own or a run that is not finished.

    Raises:
        ValueError: if the `metrics.json` is not JSON.
    """
    if str(source) in list_weights():
        return card(str(source)).get("reading", {})
    return _said_by_run(source, "metrics.json").get("reading", {})


def provenance_of(source: str | Path) -> dict[str, Any]:
    """How a trained model was made: `configuration` and `environment`, where they are known.

    Args:
        source: as for `load`.

    Returns:
        What the card of published weights or the `config.json` of a run says; empty for a file on
        its own.

    Raises:
        ValueError: if the `config.json` is not JSON.
    """
    if str(source) in list_weights():
        return card(str(source))["training"]
    return _said_by_run(source, "config.json")


def _said_by_run(run: str | Path, name: str) -> dict[str, Any]:
    """What a JSON file of a run says; empty where it is not there."""
    path = Path(run) / name
    if not path.is_file():
        return {}
    try:
        return json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error


def architecture_of(source: str | Path) -> tuple[str, dict[str, Any]] | None:
    """Which model of the registry a trained one is, and with which arguments.

    Args:
        source: as for `load`.

    Returns:
        As `provenance_of` says; None for a file on its own.

    Raises:
        ValueError: as `provenance_of` does.
    """
    said = provenance_of(source).get("configuration", {})
    return (said["model"], said["arguments"]) if "arguments" in said else None


def model_file(source: str | Path) -> Path:
    """The file of a trained model: published weights, a run folder or a `.keras` file.

    Raises:
        ValueError: if there is no such name, run or file.
    """
    if str(source) in list_weights():
        return weights_file(str(source))
    path = Path(source)
    path = path / "model.keras" if path.is_dir() else path
    if not path.is_file():
        names = ", ".join(list_weights())
        raise ValueError(
            "weights are a run folder, a .keras file or published ones"
            f"{f' ({names})' if names else ''}. Received: {source}"
        )
    return path


def load(source: str | Path) -> keras.Model:
    """Load a trained model: the name of published weights, a run folder or a `.keras` file.

    Raises:
        ValueError: if there is no such name, run or file, or it is not a Keras model.
    """
    path = model_file(source)
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(f"{path} is not a Keras model that can be loaded: {error}") from error
