"""A server with two readers: a published one, and one that tells how light an image is."""

from __future__ import annotations

import json

import onnx
import onnx.parser
import pytest
from starlette.testclient import TestClient

from number_zoo.published import SMALL_WEIGHTS
from number_zoo.server.api import create_app
from number_zoo.server.readers import load_readers
from number_zoo.session import METADATA

LIGHTNESS = """
<ir_version: 10, opset_import: ["": 18]>
lightness (uint8[batch, height, width, 3] images, float[batch, 4] crops,
           float[batch, 2] image_sizes)
    => (int32[batch, 1] digits, int32[batch] length, float[batch] confidence, float[batch, 4] crop,
        float[batch, 1, 10] digit_log_probs)
<int64[3] axes = {1, 2, 3}, float step = {25.6}, int64[1] last = {1}, int64 ten = {10},
 float[2] logarithms = {-4.5, -0.1}, float[4] whole = {0.0, 0.0, 1.0, 1.0}, int64 right = {2},
 float none = {0.0}, float nine_tenths = {0.9}> {
    pixels = Cast <to = 1> (images)
    mean = ReduceMean <keepdims = 0> (pixels, axes)
    steps = Div (mean, step)
    digit = Cast <to = 7> (steps)
    places = Unsqueeze (digit, last)
    digit_log_probs = OneHot (places, ten, logarithms)
    digits = Cast <to = 6> (places)
    zeros = Mul (steps, none)
    confidence = Add (zeros, nine_tenths)
    ones = Cos (zeros)
    length = Cast <to = 6> (ones)
    sizes = Concat <axis = 1> (image_sizes, image_sizes)
    image_boxes = Mul (sizes, whole)
    right_edges = Gather <axis = 1> (crops, right)
    is_given = Greater (right_edges, none)
    is_given_column = Unsqueeze (is_given, last)
    crop = Where (is_given_column, crops, image_boxes)
}
"""
"""A reader of one digit, the tenth of white that the mean pixel is; it finds no box."""


@pytest.fixture(scope="session")
def readers(tmp_path_factory, plate_locator):
    model = onnx.parser.parse_model(LIGHTNESS)
    metadata = {"model": "lightness", "max_digits": 1, "input_shape": [16, 32, 1], "parameters": 0}
    onnx.helper.set_model_props(model, {METADATA: json.dumps(metadata)})
    path = tmp_path_factory.mktemp("weights") / "lightness.onnx"
    onnx.save(model, path)
    return load_readers([SMALL_WEIGHTS, str(path)], str(plate_locator))


@pytest.fixture(scope="session")
def client(readers):
    with TestClient(create_app(readers), raise_server_exceptions=False) as client:
        yield client
