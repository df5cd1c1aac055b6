"""The command: what it writes, and what it refuses."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

import export
import models
from exporting import convert, formats, sample
from exporting.check import Check, ExportError, LocatorCheck, check
from inference import Reader


def run(weights, form, out, *more) -> int:
    arguments = [str(weights), "--format", form, "--out", str(out), "--images", "8"]
    return export.main([*arguments, "--max-glimpses", "2", *more])


def relabel(photos, folder, rows) -> None:
    """Write a folder of copies of photos with these labels and splits."""
    folder.mkdir(exist_ok=True)
    lines = ["file,label,split"]
    for index, row in enumerate(rows):
        (folder / f"{index}.png").write_bytes((photos / f"{index:03d}.png").read_bytes())
        lines.append(f"{index}.png,{row}")
    (folder / "labels.csv").write_text("\n".join(lines) + "\n")


def test_a_saved_model_replaces_an_older_one_and_nothing_else(
    weights, tmp_path, capsys, monkeypatch
):
    monkeypatch.chdir(weights.parent)
    out = tmp_path / "new" / "served"
    out.mkdir(parents=True)
    (out / "saved_model.pb").write_text("an older one")
    (out / "older").touch()
    assert run(weights, "saved_model", out) == 0
    description = json.loads((out / "export.json").read_text())
    assert description["max_glimpses"] == 2 and description["input_shape"] == [16, 32, 3]
    assert description["inputs"].keys() == {"images"}
    assert description["outputs"]["digits"].startswith("int32 [batch, 3]: ")
    assert description["check"]["equal"] == 8
    assert len(description["weights_sha256"]) == 64
    assert description["weights"] == f".{os.sep}{weights.name}"  # not the maker's folders
    assert not (out / "older").exists()
    assert [path.name for path in out.parent.iterdir()] == ["served"]
    shown = capsys.readouterr().out
    assert "reads 8 as Keras does" in shown and "docs/export.md" in shown
    (tmp_path / "letters").mkdir()
    assert run(weights, "saved_model", tmp_path / "letters") == 2


@pytest.mark.parametrize(
    ("result", "text"),
    [
        (Check("images", 8, 8, 0, 0, 0.0, 0, 0.5, 0.5), "none of 50 % confidence or more"),
        (Check("images", 8, 8, 4, 4, 0.0, 0, 0.5, 0.5), "4 of the 4 of 50 % confidence or more"),
        (LocatorCheck("scenes", 8, 0, 0, 0.0), "8 scenes: no boxes, as in Keras"),
    ],
)
def test_the_summary_says_what_was_compared(result, text, capsys):
    reader, form = SimpleNamespace(max_glimpses=1), SimpleNamespace(runtime="onnxruntime")
    export.show(convert.Export(Path("net.onnx"), form, 100, reader, result))
    assert text in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "quantize"), [("onnx", "float16"), ("onnx", "int8"), ("litert", "int8")]
)
def test_quantized_files_are_smaller(form, quantize, need, make_weights, photos, tmp_path):
    need(form)
    arguments = {"input_shape": (16, 32, 1), "max_digits": 1, "dense_units": 256}
    weights = make_weights("shallow_cnn", **arguments)
    out = tmp_path / f"small{formats.FORMATS[form].suffix}"
    digits = tmp_path / "digits"
    relabel(photos, digits, [f"{index % 10}," for index in range(30)])
    arguments = [str(weights), "--format", form, "--out", str(out), "--quantize", quantize]
    assert export.main([*arguments, "--dataset", str(digits)]) == 0
    assert out.stat().st_size < 3 * models.load(weights).count_params()  # 4 bytes each in float32
    description = json.loads((tmp_path / f"{out.name}.json").read_text())
    assert description["check"]["source"] == f"{digits}, validation split"


def test_images_of_the_check_are_those_of_validation(photos, tmp_path):
    relabel(photos, tmp_path, 4 * ["1,train", "2,validation", "3,test"])
    assert sample.take(str(tmp_path), 9, 1).labels == ["2"] * 4
    assert {len(label) for label in sample.take(None, 9, 1).labels} == {1}


@pytest.fixture(scope="module")
def reader(weights):
    return Reader(weights, 1, 0.2)


def other_digits(outputs):
    return outputs | {"digits": 9 - outputs["digits"]}


def lower_confidence(outputs):
    return outputs | {"confidence": outputs["confidence"] * 0.9}


def no_confidence(outputs):
    return outputs | {"confidence": outputs["confidence"] * np.nan}


def mixed_up(outputs):
    return outputs | {"box": outputs["box"] + np.arange(len(outputs["box"]))[:, None]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_digits, "differently from Keras"),
        (lower_confidence, "confidences of the file differ"),
        (no_confidence, "is nan alone"),
        (mixed_up, "alone and"),
    ],
)
def test_a_file_that_reads_something_else_is_refused(change, message, reader):
    images = sample.take(None, 6, 3)
    with pytest.raises(ExportError, match=message):
        check(lambda batch: change(reader.predict(list(batch)).arrays), reader, images, None)
    assert check(lambda batch: reader.predict(list(batch)).arrays, reader, images, None).equal == 6


def test_eight_bits_may_cost_little_accuracy(reader):
    images = sample.take(None, 6, 3)
    numbers = reader.predict(images.images).decoded.numbers()
    images = dataclasses.replace(images, labels=numbers)

    def one_wrong(batch):
        outputs = reader.predict(list(batch)).arrays
        is_last = np.array_equal(batch[0], images.images[-1])
        return other_digits(outputs) | {"length": np.array([3])} if is_last else outputs

    with pytest.raises(ExportError, match=r"accuracy is 83\.33% with eight-bit"):
        check(one_wrong, reader, images, "int8")


@pytest.mark.parametrize("fails", ["check", "open"])
def test_a_file_that_fails_is_not_kept(fails, need, weights, tmp_path, monkeypatch, capsys):
    need("onnx")

    def refuse(*_):
        raise ExportError("it reads nothing")

    write = {"write": lambda model, path, *_: path.write_text("no graph")}
    opened = {"open": lambda *_: None} if fails == "check" else {}
    bad = dataclasses.replace(formats.FORMATS["onnx"], **write, **opened)
    monkeypatch.setitem(formats.FORMATS, "onnx", bad)
    monkeypatch.setattr(convert, "check", refuse)
    out = tmp_path / "reader.onnx"
    out.write_text("an older one")
    assert run(weights, "onnx", out) == 1
    error = capsys.readouterr().err
    message = "it reads nothing" if fails == "check" else "onnxruntime cannot run it: Run"
    assert "export.py: not kept: " in error and message in error
    assert [path.name for path in tmp_path.iterdir()] == ["reader.onnx"]
    assert out.read_text() == "an older one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--format", "onnx"], "Received: nothing"),
        (
            ["{weights}", "--format", "saved_model", "--quantize", "int8"],
            "onnx with float16 or int8",
        ),
        (["{weights}", "--format", "onnx", "--dataset", "mnits"], "mnist"),
    ],
)
def test_mistakes_are_reported(arguments, message, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert export.main([a.format(weights=weights) for a in arguments]) == 2
    assert message in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_missing_package_is_named(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    assert run(weights, "onnx", tmp_path / "reader.onnx") == 2
    assert "pip install -r requirements-export.txt" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_files_are_named_after_their_weights(tmp_path):
    litert = formats.find("litert", "int8")
    for weights, quantize, name in (
        ("street_numbers", "int8", "street_numbers-int8.tflite"),
        (tmp_path / "my.run", None, "my.run.tflite"),
    ):
        assert convert._out_path(None, weights, litert, quantize).name == name


def test_a_model_of_mixed_precision_is_exported_in_float32():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2)
    finally:
        keras.config.set_dtype_policy("float32")
    copy = convert.in_float32(model)
    assert {layer.compute_dtype for layer in copy.layers} == {"float32"}
    for values, expected in zip(copy.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(values, expected)
