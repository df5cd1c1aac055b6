"""Every family of models, exported: the file reads what Keras reads."""

from __future__ import annotations

import numpy as np
import pytest

from exporting import formats

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
    integers = {"digits", "length"}
    assert all(outputs[k].dtype == ("int32" if k in integers else "float32") for k in outputs)
