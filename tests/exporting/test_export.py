"""The command: what it leaves behind, and what it refuses."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import export
import models
from exporting import formats, make, sample
from exporting.check import ExportError, check


def run(weights, form, out, *more) -> int:
    arguments = [str(weights), "--format", form, "--out", str(out), "--images", "8"]
    return export.main([*arguments, *more])


def test_a_file_comes_with_what_it_is(need, weights, tmp_path, capsys):
    need("onnx")
    out = tmp_path / "new" / "reader.onnx"
    assert run(weights, "onnx", out, "--max-glimpses", "1") == 0
    assert sorted(p.name for p in out.parent.iterdir()) == ["reader.onnx", "reader.onnx.json"]
    about = json.loads((out.parent / "reader.onnx.json").read_text())
    assert about["max_glimpses"] == 1 and about["sees"] == {
        "height": 16,
        "width": 32,
        "channels": 3,
    }
    assert about["inputs"].keys() == {"images"}
    assert about["outputs"].keys() == {"digits", "length", "confidence", "box"}
    assert about["checked"]["graph"]["equal"] == 8
    assert len(about["sha256_of_weights"]) == 64
    shown = capsys.readouterr().out
    assert "8 of 8" in shown and "docs/export.md" in shown


def test_a_saved_model_takes_the_place_of_an_older_one_and_of_nothing_else(weights, tmp_path):
    out = tmp_path / "served"
    out.mkdir()
    (out / "saved_model.pb").write_text("an older one")
    (out / "older").touch()
    assert run(weights, "saved_model", out, "--max-glimpses", "1", "--quantize", "float16") == 0
    assert json.loads((out / "export.json").read_text())["quantize"] == "float16"
    assert not (out / "older").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["served"]
    (tmp_path / "letters").mkdir()
    assert run(weights, "saved_model", tmp_path / "letters") == 2


@pytest.mark.parametrize(("form", "quantize"), [("onnx", "int8"), ("litert", "float16")])
def test_quantized_files_are_smaller_and_read_alike(
    form, quantize, need, weights, photos, tmp_path, monkeypatch
):
    need(form)
    monkeypatch.setattr(make, "_CALIBRATE", 8)
    suffix = formats.FORMATS[form].suffix
    small = tmp_path / f"small{suffix}"
    status = run(
        weights,
        form,
        small,
        "--max-glimpses",
        "1",
        "--quantize",
        quantize,
        "--dataset",
        str(photos),
    )
    assert status == 0
    # Whole weights have 4 bytes each, and the graph of so small a model takes nearly as much.
    assert small.stat().st_size < 5 * models.load(weights).count_params()
    about = json.loads((tmp_path / f"small{suffix}.json").read_text())
    assert about["checked"]["source"] == f"{photos}, test split"
    assert about["checked"]["graph"]["images"] == 8


def other_digits(outputs):
    return outputs | {"digits": 9 - outputs["digits"]}


def less_sure(outputs):
    return outputs | {"confidence": outputs["confidence"] * 0.9}


def no_number(outputs):
    return outputs | {"confidence": outputs["confidence"] * np.nan}


def mixed_up(outputs):
    return outputs | {"box": outputs["box"] + np.arange(len(outputs["box"]))[:, None]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_digits, "otherwise than its graph"),
        (less_sure, "confidences are off"),
        (no_number, "confidence of an image"),
        (mixed_up, "among others"),
    ],
)
def test_a_file_that_reads_otherwise_is_told_from_a_good_one(change, message, make_graph):
    reader, graph = make_graph("residual_cnn_tiny", 3, 5, blocks=(1, 1))
    seen = sample.take(None, "test", 8, 5)

    def run(images):
        return change({key: value.numpy() for key, value in graph.read(images).items()})

    with pytest.raises(ExportError, match=message):
        check(run, graph, reader, seen, None)


def refuse(*_):
    raise ExportError("it reads nothing")


@pytest.mark.parametrize(
    ("open_it", "message"),
    [
        (lambda *_: None, "it reads nothing"),
        (formats.FORMATS["onnx"].open, "onnxruntime cannot run it: InvalidProtobuf"),
    ],
)
def test_a_file_that_is_not_good_is_not_kept(
    open_it, message, need, weights, tmp_path, monkeypatch, capsys
):
    need("onnx")
    bad = dataclasses.replace(
        formats.FORMATS["onnx"],
        write=lambda graph, path, *_: path.write_text("of no use"),
        open=open_it,
    )
    monkeypatch.setitem(formats.FORMATS, "onnx", bad)
    monkeypatch.setattr(make, "check", refuse)
    out = tmp_path / "reader.onnx"
    out.write_text("an older one")
    assert run(weights, "onnx", out, "--max-glimpses", "1") == 1
    error = capsys.readouterr().err
    assert "export.py: not kept: " in error and message in error
    assert [p.name for p in tmp_path.iterdir()] == ["reader.onnx"]
    assert out.read_text() == "an older one"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing", "--format", "onnx"], "Received: nothing"),
        (["{weights}", "--format", "onnx", "--out", "reader.tflite"], "ends in .onnx"),
        (
            ["{weights}", "--format", "saved_model", "--quantize", "int8"],
            "int8 goes with onnx or litert",
        ),
        (["{weights}", "--format", "onnx", "--dataset", "mnits"], "mnist"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, message, weights, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert export.main([a.format(weights=weights) for a in arguments]) == 2
    assert message in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_missing_package_is_named(weights, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(__import__("sys").modules, "tf2onnx", None)
    assert run(weights, "onnx", tmp_path / "reader.onnx", "--max-glimpses", "1") == 2
    assert "pip install -r requirements-export.txt" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_files_are_named_after_their_weights(tmp_path):
    onnx = formats.find("onnx", "int8")
    assert make._file_name("street_numbers", onnx, "int8") == "street_numbers-int8.onnx"
    assert make._file_name(tmp_path / "my.run", onnx, None) == "my.run.onnx"
    assert models.list_weights()  # the example above is one that there is
