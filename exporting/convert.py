"""Export a trained model as one file that reads or finds numbers in images of any size."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

import models
from artifacts.environment import environment, relative_paths
from artifacts.files import atomic_path, temporary_files_in, write_json
from artifacts.folders import check_folder
from exporting import formats, sample
from exporting.check import Check, ExportError, LocatorCheck, check, check_locator
from exporting.formats import FLOAT16, INT8, Format
from inference import provenance
from inference.backends import in_float32
from inference.graph import build_inference_model
from inference.locator import Locator
from inference.reader import Reader
from labels import DIGITS
from number_zoo.names import CROPS, IMAGE_SIZES, IMAGES

log = logging.getLogger(__name__)

FOLDER = Path("exports")
"""Default folder of exported files."""

_IMAGES, _SCENES = {None: 64, FLOAT16: 64, INT8: 400}, {None: 12, FLOAT16: 12, INT8: 48}
"""Default numbers of images of a check, by quantization: those of readers and of locators."""

_CALIBRATED = 4
"""Every so many images of the check calibrate a quantization of activations; labels do not."""

_INPUTS = {
    IMAGES: "uint8 [batch, height, width, 3]: RGB, of any size",
    CROPS: "float32 [batch, 4]: left, top, right, bottom in pixels of the first glimpse; zeros "
    "for the whole image",
    IMAGE_SIZES: "float32 [batch, 2]: width and height in pixels, where images are padded at the "
    "right and the bottom to the size of the largest",
}

_OUTPUTS = {
    "digits": "the digits, -1 from position `length` on",
    "length": "number of digits; N + 1 for more than N",
    "confidence": "probability that the number is correct",
    "box": "left, top, right, bottom of the number in pixels, undefined where length is 0",
    "crop": "left, top, right, bottom of the last glimpse in pixels",
    "length_log_probs": "log-probabilities of the lengths",
    "digit_log_probs": "log-probabilities of the digits 0 to 9 in each position",
    "attention": "attention maps in the last glimpse, row by row: of the length, then the digits",
    "boxes": "left, top, right, bottom of each number in pixels",
    "scores": "probability that there is a number, descending; 0 for none",
    "turns": "counter-clockwise quarter turns that make the number upright",
}


@dataclass(frozen=True)
class Export:
    """A file that was exported and checked.

    Attributes:
        path: the file; a folder for a SavedModel.
        format: its format.
        size: number of bytes.
        reader: the exported model.
        check: result of the check.
    """

    path: Path
    format: Format
    size: int
    reader: Reader | Locator
    check: Check | LocatorCheck


def export(
    weights: str | Path,
    format_name: str,
    out: str | Path | None = None,
    *,
    quantize: str | None = None,
    max_glimpses: int | None = None,
    dataset: str | None = None,
    images: int | None = None,
    data_dir: str | Path | None = None,
) -> Export:
    """Export the inference graph of a trained reader or locator, and check the file.

    A JSON file in the same folder (`export.json` in the folder of a SavedModel) records the source,
    the inputs and outputs, and the check of the file.

    Args:
        weights: published weights, a run folder or a `.keras` file.
        format_name: "saved_model", "onnx" or "litert"; "onnx" for a locator.
        out: the file to write. Defaults to one in `exports/`, named after the weights.
        quantize: "float16" or "int8", as ONNX or LiteRT: how weights are stored. For ONNX, int8
            also applies to activations, with ranges from a quarter of the images of the check.
        max_glimpses: maximum number of glimpses of an image. Defaults to that of `Reader`.
        dataset: data set with the validation images of the check. Defaults to rendered images.
        images: number of images of the check. Defaults to 64, for a locator to 12; for int8 to 400
            and 48.
        data_dir: folder of prepared TFDS data.

    Raises:
        ValueError: if an argument is not valid, or the Keras backend is not TensorFlow.
        ExportError: if the file cannot be written or run, or fails the check; it is then deleted.
    """
    form = formats.find(format_name, quantize)
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "exporting needs Keras on TensorFlow: unset KERAS_BACKEND. "
            f"Received: {keras.backend.backend()}"
        )
    out = _out_path(out, weights, form, quantize)
    check_folder(out.parent)
    locates = models.task_of(weights) == "locate"
    model, graph = (_load_locator if locates else _load_reader)(weights, form, max_glimpses)
    # Now, so that an unknown data set is reported before the file is written.
    if locates:
        examples = sample.take_scenes(dataset, images or _SCENES[quantize], data_dir)
    else:
        max_digits = model.model.output[DIGITS].shape[1]
        examples = sample.take(dataset, images or _IMAGES[quantize], max_digits, data_dir)
    description = _description(weights, form, quantize, model, graph)
    out.parent.mkdir(parents=True, exist_ok=True)
    with (
        atomic_path(out) as temporary,
        temporary_files_in(temporary.parent),
        _conversion_errors(form),
    ):
        log.info("Writing %s", out)
        metadata = {key: description[key] for key in ("model", "reads", "licence", *model.metadata)}
        form.write(graph, temporary, quantize, metadata, examples.images[::_CALIBRATED])
        log.info("Checking the file")
        if locates:
            result = check_locator(formats.open_locator(temporary), model, examples, quantize)
        else:
            result = check(form.open(temporary, None), model, examples, quantize)
        files = [temporary, *temporary.rglob("*")]
        size = sum(file.stat().st_size for file in files if file.is_file())
        description |= {"check": dataclasses.asdict(result), "environment": environment()}
        if temporary.is_dir():
            write_json(temporary / "export.json", description)
    if form.suffix:
        write_json(out.with_name(f"{out.name}.json"), description)
    return Export(out, form, size, model, result)


def _load_reader(weights, form: Format, max_glimpses) -> tuple[Reader, keras.Model]:
    """The trained model and its inference graph."""
    reader = Reader(weights, max_glimpses)
    graph = build_inference_model(
        in_float32(reader.model),
        reader.max_glimpses,
        reader.temperature,
        crops=form.crops,
        frozen=form.name != "saved_model",
    )
    return reader, graph


def _load_locator(weights, form: Format, max_glimpses) -> tuple[Locator, keras.Model]:
    """The same for a locator."""
    if form.name != "onnx":
        raise ValueError(f"a locator is exported as onnx. Received: {form.name}")
    if max_glimpses is not None:
        raise ValueError(
            f"a locator takes no glimpses: leave max_glimpses out. Received: {max_glimpses}"
        )
    locator = Locator(weights)
    return locator, locator.graph


def _out_path(out: str | Path | None, weights: str | Path, form: Format, quantize) -> Path:
    if out is None:
        stem = Path(weights).resolve().name.removesuffix(".keras")
        out = FOLDER / f"{stem}{f'-{quantize}' if quantize else ''}{form.suffix}"
    out = Path(out)
    if form.suffix and out.suffix != form.suffix:
        raise ValueError(f"--out of {form.name} ends in {form.suffix}. Received: {out}")
    if form.suffix and out.is_dir():
        raise ValueError(f"--out of {form.name} is a file. Received: {out}, a folder")
    if not form.suffix and out.exists() and not (out / "saved_model.pb").is_file():
        raise ValueError(
            f"--out of {form.name} is a new folder or that of a SavedModel. Received: {out}"
        )
    return out


@contextlib.contextmanager
def _conversion_errors(form: Format) -> Iterator[None]:
    """Convert the errors of converters and runtimes, which have no common class, to ExportError."""
    try:
        yield
    except (ExportError, ImportError, ValueError, OSError):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ExportError(
            f"this model cannot be written as {form.name}, or {form.runtime} cannot run it: "
            f"{type(error).__name__}: {lines[0]}"
        ) from error


def _description(weights, form: Format, quantize, model, graph: keras.Model) -> dict[str, Any]:
    card = models.card(str(weights)) if str(weights) in models.list_weights(None) else {}
    configuration = provenance.configuration(str(weights))
    inputs = [tensor.name for tensor in graph.inputs]
    outputs = {
        name: f"{tensor.dtype} {['batch', *tensor.shape[1:]]}: {_OUTPUTS[name]}"
        for name, tensor in graph.output.items()
    }
    return {
        "format": form.name,
        "quantize": quantize,
        "weights": relative_paths(str(weights)),
        "weights_sha256": models.file_digest(models.model_file(weights)),
        "model": configuration.get("model", model.model.name),
        "trained_on": relative_paths(configuration.get("dataset") or "") or None,
        "reads": card.get("reads"),
        "licence": card.get("licence", "that of the data it was trained on"),
        "inputs": {name: text for name, text in _INPUTS.items() if name in inputs},
        "outputs": {name: text.replace("'", "") for name, text in outputs.items()},
        **model.metadata,
    }
