"""Every family of models, exported: the file reads what its graph and the reader read."""

from __future__ import annotations

import numpy as np
import pytest

from exporting import formats, sample
from exporting.check import check

NET_OF_2013 = {
    "filters": (4, 6),
    "pool_strides": (2, 1),
    "maxout_pieces": 3,
    "normalization": "subtractive",
    "locally_connected_filters": 5,
}

# format, model, channels, most digits, other arguments
FILES = [
    ("litert", "logistic_regression", 1, 1, {}),
    ("onnx", "deep_cnn_tiny", 3, 3, NET_OF_2013),
    ("litert", "deep_cnn_tiny", 3, 3, NET_OF_2013),
    ("onnx", "residual_cnn_tiny", 3, 5, {"blocks": (1, 1)}),
    ("litert", "residual_cnn_tiny", 3, 5, {"blocks": (1, 1)}),
    ("saved_model", "residual_cnn_tiny", 3, 5, {"blocks": (1, 1)}),
]


@pytest.mark.parametrize(("form", "name", "channels", "places", "arguments"), FILES)
def test_reads_as_the_reader_does(form, name, channels, places, arguments, make_graph, make_file):
    path = make_file(form, name, channels, places, **arguments)
    reader, graph = make_graph(name, channels, places, **arguments)
    run = formats.FORMATS[form].open(path, None)
    checked = check(run, graph, reader, sample.take(None, "test", 6, places), None)
    assert checked.graph.equal == 6
    assert checked.graph.difference < 1e-3
    assert checked.reader.equal >= 5
    outputs = run(np.zeros((2, 30, 50, 3), np.uint8))
    shapes = {"digits": (2, places), "length": (2,), "confidence": (2,)}
    if name == "residual_cnn_tiny":
        shapes["box"] = (2, 4)
    assert {key: value.shape for key, value in outputs.items()} == shapes
    whole = {"digits", "length"}
    assert all(outputs[k].dtype == ("int32" if k in whole else "float32") for k in outputs)
