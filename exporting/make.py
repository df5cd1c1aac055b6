"""From a trained reader to a file of another format: made, run, compared, and only then kept."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

import models
from artifacts.environment import environment
from artifacts.files import write_json
from exporting import formats, sample
from exporting.check import Checked, ExportError, check
from exporting.formats import FLOAT16, INT8, Format
from inference import provenance
from inference.graph import ReaderGraph, in_float32
from inference.reader import Reader

log = logging.getLogger(__name__)

FOLDER = Path("exports")
"""Where files go that are given no name."""

_CHECK, _CHECK_INT8, _CALIBRATE = 64, 400, 100
"""Images to check with, to check eight bits with, and to set their ranges by."""


@dataclass(frozen=True)
class Export:
    """A file that was made and found to read as it should.

    Attributes:
        path: the file; a folder for a SavedModel.
        format: its format.
        size: its bytes.
        reader: what it was made from.
        checked: how it compares.
    """

    path: Path
    format: Format
    size: int
    reader: Reader
    checked: Checked


def export(
    source: str | Path,
    format_name: str,
    out: str | Path | None = None,
    *,
    quantize: str | None = None,
    max_glimpses: int | None = None,
    dataset: str | None = None,
    images: int | None = None,
    data_dir: str | Path | None = None,
) -> Export:
    """Export a reader: pixels in, digits, confidence and box out.

    Beside the file a JSON file says what it was made from, what goes in and comes out, and how it
    compared; in the folder of a SavedModel it is `export.json`.

    Args:
        source: published weights, a run folder or a `.keras` file.
        format_name: "saved_model", "onnx" or "litert".
        out: the file to write. Defaults to one in `exports/`, named after the source.
        quantize: "float16" (weights of half the size) or "int8" (a quarter, and computed with).
        looks: how often to look at an image. Defaults to as often as predict.py.
        dataset: whose test images to check with, and whose training images to set the ranges
            of int8 by. Defaults to drawn images.
        images: how many to check with. Defaults to 64, and 400 for int8.
        data_dir: where TFDS data lies.

    Raises:
        ValueError: if an argument does not fit, or another backend than TensorFlow is in use.
        ExportError: if the file does not read as it should, or cannot be written or run at all; it
            is not kept.
    """
    form = formats.find(format_name, quantize)
    if keras.backend.backend() != "tensorflow":
        raise ValueError(
            "exporting needs Keras on TensorFlow: unset KERAS_BACKEND. "
            f"Received: {keras.backend.backend()}"
        )
    out = _check_out(Path(out) if out else FOLDER / _file_name(source, form, quantize), form)
    reader = Reader(source, max_glimpses)
    reader.model = in_float32(reader.model)
    places = reader.model.output["digits"].shape[1]

    def take(split: str, count: int) -> sample.Sample:
        return sample.take(dataset, split, count, places, data_dir)

    seen = take("test", images or (_CHECK_INT8 if quantize == INT8 else _CHECK))
    graph = ReaderGraph(reader, half=form.name == "saved_model" and quantize == FLOAT16)
    with _workshop(out) as part, _told(form):
        log.info("Writing %s", out)
        form.write(graph, part, quantize, lambda: take("train", _CALIBRATE).images)
        log.info("Running it on %d %s", len(seen.images), seen.source)
        checked = check(form.open(part, None), graph, reader, seen, quantize)
        about = _about(source, form, quantize, reader, checked)
        size = sum(p.stat().st_size for p in [part, *part.rglob("*")] if p.is_file())
        _keep(part, out, about)
    return Export(out, form, size, reader, checked)


def _file_name(source: str | Path, form: Format, quantize: str | None) -> str:
    stem = Path(source).resolve().name.removesuffix(".keras")
    return f"{stem}{f'-{quantize}' if quantize else ''}{form.suffix}"


def _check_out(out: Path, form: Format) -> Path:
    if form.suffix and out.suffix != form.suffix:
        raise ValueError(f"a file of {form.name} ends in {form.suffix}. Received: {out}")
    if form.suffix and out.is_dir():
        raise ValueError(f"{out} is a folder: name a file for {form.name}")
    if not form.suffix and out.exists() and not (out / "saved_model.pb").is_file():
        raise ValueError(f"{out} is there and no SavedModel: name a new folder")
    return out


@contextlib.contextmanager
def _workshop(out: Path) -> Iterator[Path]:
    """A place beside `out` to make it in; gone at the end, with all that is left in it."""
    folder = out.with_name(f".part-{out.name}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder / out.name
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def _told(form: Format) -> Iterator[None]:
    """Say what a converter or a runtime failed at: each has errors of its own."""
    try:
        yield
    except (ExportError, ImportError, ValueError, OSError):
        raise
    except Exception as error:
        lines = str(error).strip().splitlines() or [""]
        raise ExportError(
            f"{form.name} cannot hold this model, or {form.runtime} cannot run it: "
            f"{type(error).__name__}: {lines[0]}"
        ) from error


def _keep(part: Path, out: Path, about: dict[str, Any]) -> None:
    """Put what was made in its place, and what it is beside it or, for a folder, in it."""
    if part.is_dir():
        write_json(part / "export.json", about)
        if out.exists():
            out.rename(part.with_name("old"))
        part.rename(out)
    else:
        part.replace(out)
        write_json(out.with_name(f"{out.name}.json"), about)


def _about(source, form: Format, quantize, reader: Reader, checked: Checked) -> dict[str, Any]:
    height, width, channels = reader.model.input_shape[1:]
    places = reader.model.output["digits"].shape[1]
    card = models.card(str(source)) if str(source) in models.list_weights() else {}
    trained = provenance.configuration(str(source))
    outputs = {
        "digits": f"int32 [n, {places}]: the digits, -1 where there is none",
        "length": f"int32 [n]: how many, 0 to {places}; {places + 1} for more than {places}",
        "confidence": "float32 [n]: the probability that the whole number is right",
    }
    if "box" in reader.model.output:
        outputs["box"] = (
            "float32 [n, 4]: left, top, right, bottom of the number in pixels, 0 where none is read"
        )
    return {
        "format": form.name,
        "quantize": quantize,
        "weights": str(source),
        "sha256_of_weights": models.file_digest(models.model_file(source)),
        "model": trained.get("model", reader.model.name),
        "trained_on": trained.get("dataset"),
        "reads": card.get("reads"),
        "licence": card.get("licence", "that of the data it was trained on"),
        "inputs": {"images": "uint8 [n, height, width, 3]: RGB, of any size"},
        "outputs": outputs,
        "sees": {"height": height, "width": width, "channels": channels},
        "max_glimpses": reader.max_glimpses,
        "temperature": reader.temperature,
        "checked": dataclasses.asdict(checked),
        "environment": environment(),
    }
