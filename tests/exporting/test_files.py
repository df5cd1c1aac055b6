"""Every family of models, exported: the file reads what Keras reads, also as the docs show it."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import exporting
import number_zoo
from exporting import check, formats
from tests.exporting.conftest import OPTIMIZERS, quantized_convolutions

GALLERY = Path(number_zoo.__file__).parent / "server/static/gallery"

NET_OF_2013 = {
    "filters": (4, 6),
    "pool_strides": (2, 1),
    "maxout_pieces": 3,
    "normalization": "subtractive",
    "locally_connected_filters": 5,
}

# format, model, channels, max_digits, other arguments
FILES = [
    ("litert", "logistic_regression", 1, 1, {}),
    ("onnx", "deep_cnn_tiny", 3, 3, NET_OF_2013),
    ("litert", "deep_cnn_tiny", 3, 3, NET_OF_2013),
    ("onnx", "residual_cnn_tiny", 3, 5, {"blocks": (1, 1)}),
    ("litert", "residual_cnn_tiny", 3, 5, {"blocks": (1, 1)}),
    ("saved_model", "residual_cnn_tiny", 3, 5, {"blocks": (1, 1)}),
]


def test_a_model_without_convolutions_is_quantized_without_change(need):
    need("onnx")
    import onnx

    from exporting.quantize import quantize

    graph = onnx.parser.parse_model(
        '<ir_version: 10, opset_import: ["" : 17]> g (float[1, 2] x) => (float[1, 1] y) '
        "<float[2, 1] w = {2, 3}> { y = MatMul(x, w) }"
    )
    quantize(graph, [{"x": np.ones((1, 2), np.float32)}])
    assert [node.op_type for node in graph.graph.node] == ["MatMul"]


def test_int8_reads_what_float32_reads_but_for_rounding(need, tmp_path, monkeypatch):
    need("onnx")
    import onnx

    monkeypatch.setattr(OPTIMIZERS, {})
    monkeypatch.setattr(check, "MAX_LOST", 0.1)  # 0.01 is less than one of these images
    name, out = "street_numbers_small", tmp_path / "small.onnx"
    result = exporting.export(name, "onnx", out, quantize="int8", images=48)
    assert result.size < 2 * result.reader.model.count_params()  # bytes
    (loop,) = (node for node in onnx.load(out).graph.node if node.op_type == "Loop")
    (body,) = (attribute.g for attribute in loop.attribute if attribute.name == "body")
    quantized = quantized_convolutions(body)
    first, *others = quantized.values()
    assert not first and sum(others) > 6
    assert not any(yes for name, yes in quantized.items() if "logits" in name)
    files = sorted(GALLERY.glob("*.jpg"))
    readings = [number_zoo.Reader(w, threads=1).predict(files).readings() for w in (name, out)]
    differences = [
        abs(a.confidence - b.confidence) if a.number == b.number else 1
        for a, b in zip(*readings, strict=True)
    ]
    assert len(files) == 8 and np.median(differences) < 0.03
    assert sum(difference < 0.1 for difference in differences) >= 6


@pytest.mark.parametrize(("form", "name", "channels", "max_digits", "arguments"), FILES)
def test_a_file_reads_what_keras_reads(form, name, channels, max_digits, arguments, exported):
    result = exported(form, name, channels, max_digits, **arguments)
    assert result.check.equal == 8
    assert result.check.max_difference < 1e-3
    outputs = formats.FORMATS[form].open(result.path, None)(np.zeros((2, 30, 50, 3), np.uint8))
    shapes = {
        "digits": (2, max_digits),
        "length": (2,),
        "confidence": (2,),
        "crop": (2, 4),
        "digit_log_probs": (2, max_digits, 10),
    }
    if max_digits > 1:
        shapes["length_log_probs"] = (2, max_digits + 2)
    if name == "residual_cnn_tiny":
        cells = result.reader.model.get_layer("attention").output.shape[1]
        shapes |= {"box": (2, 4), "attention": (2, cells, 1 + max_digits)}
    assert {key: value.shape for key, value in outputs.items()} == shapes
    if form == "onnx":
        import onnx

        graph = onnx.load(result.path).graph
        inputs, outputs_of_file = (
            {
                value.name: [d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim]
                for value in values
            }
            for values in (graph.input, graph.output)
        )
        assert outputs_of_file == {
            name: ["batch", *value.shape[1:]] for name, value in outputs.items()
        }
        assert inputs == {
            "images": ["batch", "height", "width", 3],
            "crops": ["batch", 4],
            "image_sizes": ["batch", 2],
        }
    integers = {"digits", "length"}
    assert all(outputs[k].dtype == ("int32" if k in integers else "float32") for k in outputs)


PAGE = Path(__file__).resolve().parents[2] / "docs" / "export.md"
"""Its examples are run unchanged."""
ALONE = """
import sys
assert not {"tensorflow", "keras", "models"} & set(sys.modules), "needs more than its runtime"
"""


def examples() -> dict[str, str]:
    """The Python of each section of the page."""
    sections = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    blocks_of = {
        section.splitlines()[0]: re.findall(r"```python\n(.*?)```", section, re.S)
        for section in sections
    }
    return {title: "".join(blocks) for title, blocks in blocks_of.items() if blocks}


@pytest.mark.parametrize(
    ("title", "form", "name"),
    [
        ("ONNX", "onnx", "street_numbers.onnx"),
        ("LiteRT", "litert", "street_numbers.tflite"),
        ("SavedModel", "saved_model", "street_numbers"),
    ],
)
def test_an_example_needs_the_runtime_alone(title, form, name, exported, tmp_path, monkeypatch):
    path = exported(form, "residual_cnn_tiny", 3, 5, blocks=(1, 1)).path
    copy = shutil.copytree if path.is_dir() else shutil.copy
    copy(path, tmp_path / name)
    Image.linear_gradient("L").resize((64, 40)).convert("RGB").save(tmp_path / "photo.jpg")
    script = tmp_path / "example.py"
    script.write_text(examples()[title])
    monkeypatch.chdir(tmp_path)
    if form == "saved_model":  # in this process, since importing TensorFlow again takes long
        runpy.run_path(str(script))
    else:
        script.write_text(script.read_text() + ALONE)
        # As where number_zoo is installed.
        environment = os.environ | {"PYTHONPATH": str(PAGE.parents[1])}
        subprocess.run([sys.executable, script], check=True, env=environment)


def test_the_threshold_is_the_lowest_of_the_wanted_accuracy():
    variables = {}
    exec(examples()["Quantized weights"], variables)
    threshold = variables["threshold"]
    confidences, right = [0.5, 0.9, 0.2, 0.8], [False, True, True, True]
    assert threshold(confidences, right, 0.9) == 0.8
    assert threshold(confidences, right, 0.7) == 0.2
    assert threshold([0.5], [False]) > 1
