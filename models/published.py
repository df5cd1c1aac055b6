"""Published weights: trained models that come with the project, each with a model card.

Weights `NAME` are three files: `models/weights/NAME.keras`, the model, and in `number_zoo/weights/`
`NAME.onnx`, its inference graph, and `NAME.json`, the card of both. The functions take the name of
published weights, a run folder or a `.keras` file; those without a model also an exported file.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from number_zoo.published import card, checked, list_weights

FOLDER = Path(__file__).resolve().parent / "weights"


def weights_file(name: str) -> Path:
    """Path of the model file of published weights; its SHA-256 is checked against the card.

    Raises:
        ValueError: if no weights have that name, or the file is damaged.
    """
    cure = "Restore it from the repository"
    return checked(FOLDER / f"{name}.keras", card(name)["sha256"], cure)


def inference_config(source: str | Path) -> dict[str, Any]:
    """The inference settings of a trained model.

    Returns:
        `temperature`, by which logits are divided, `max_glimpses`, and the validation
        `sequence_accuracy` with these settings, from the card or the run's `metrics.json`; empty
        for a single file or an unfinished run.

    Raises:
        ValueError: if the `metrics.json` is not JSON.
    """
    return _metadata(source, "metrics.json").get("inference", {})


def training_data(source: str | Path) -> dict[str, str]:
    """Fingerprints of the data that a model was trained and validated on.

    Returns:
        Dictionary from `"SOURCE SPLIT"` to fingerprint (`datasets.fingerprint`), from the card or
        the run's `metrics.json`; empty if unknown.

    Raises:
        ValueError: if the `metrics.json` is not JSON.
    """
    return _metadata(source, "metrics.json").get("data", {})


def provenance_of(source: str | Path) -> dict[str, Any]:
    """The training `configuration` and `environment` of a model.

    Returns:
        The content of the card or of the run's `config.json`; empty for a single file.

    Raises:
        ValueError: if the `config.json` is not JSON.
    """
    content = _metadata(source, "config.json")
    return content.get("training", content)


def _metadata(source: str | Path, name: str) -> dict[str, Any]:
    """The card of published weights, or a JSON file of a run; empty if there is none.

    Of an exported file, that of the weights it was exported from.
    """
    if str(source) in list_weights(None):
        return card(str(source))
    if Path(source).suffix == ".onnx":
        exported_from = _json_object(Path(f"{source}.json")).get("weights")
        return _metadata(exported_from, name) if exported_from else {}
    return _json_object(Path(source) / name)


def _json_object(path: Path) -> dict[str, Any]:
    """The content of a JSON file; empty if there is none."""
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON: {error}") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged: it is no JSON object")
    return content


def architecture_of(source: str | Path) -> tuple[str, dict[str, Any]] | None:
    """Name in the registry and builder arguments of a trained model; None if unknown.

    Raises:
        ValueError: as for `provenance_of`.
    """
    configuration = provenance_of(source).get("configuration", {})
    if not configuration.keys() >= {"model", "arguments"}:
        return None
    return configuration["model"], configuration["arguments"]


def model_file(source: str | Path) -> Path:
    """Path of the `.keras` file of a trained model.

    Raises:
        ValueError: if there is no such name, run or file.
    """
    if str(source) in list_weights(None):
        return weights_file(str(source))
    path = Path(source)
    if path.is_dir():
        path /= "model.keras"
        if not path.is_file():
            raise ValueError(f"{source} has no model.keras: no epoch of this run has ended yet")
    if not path.is_file():
        names = ", ".join(list_weights(None))
        raise ValueError(
            "weights are a run folder, a .keras file or published weights"
            f"{f' ({names})' if names else ''}. Received: {source}"
        )
    return path


def load(source: str | Path) -> keras.Model:
    """Load a trained model.

    Raises:
        ValueError: if there is no such name, run or file, or it is not a Keras model.
    """
    path = model_file(source)
    if path.suffix == ".keras" and not zipfile.is_zipfile(path):  # which Keras calls "not found"
        raise ValueError(f"{path} is not a Keras model that can be loaded: it is damaged")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:
        raise ValueError(f"{path} is not a Keras model that can be loaded: {error}") from error
