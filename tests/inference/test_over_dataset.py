"""Reading a whole split: what is given, what is compared."""

import io

import numpy as np
import pytest
from PIL import Image

from datasets import Example, sources
from inference import Reader, over_dataset
from inference.over_dataset import run_inference
from number_zoo import files


@pytest.fixture(scope="module")
def reader(weights):
    return Reader(weights)


@pytest.fixture
def split(monkeypatch):
    """Three images, the last without a number, read two at a time."""
    monkeypatch.setattr(over_dataset, "_CHUNK", 2)
    rng = np.random.default_rng(0)
    split_examples = []
    for index, number in enumerate(("12", "7", "")):
        file = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (30, 50, 3), np.uint8)).save(file, "PNG")
        box = [[10, 5, 10 + 8 * len(number), 25]] if number else []
        labels = [number] if number else []
        split_examples.append(Example(f"p{index}", file.getvalue(), labels, box))
    monkeypatch.setattr(sources, "examples", lambda *_: iter(split_examples))
    return split_examples


def test_every_image_is_read_as_a_users_would_be(reader, split):
    outputs = run_inference(reader, "svhn_numbers", "test")
    assert outputs.labels == ["12", "7", ""] and outputs.truth["length"].tolist() == [2, 1, 0]
    assert outputs.truth["digits"].tolist() == [[1, 2, -1], [7, -1, -1], [-1, -1, -1]]
    np.testing.assert_allclose(outputs.boxes[:2], [[10, 5, 26, 25], [10, 5, 18, 25]])
    assert np.isnan(outputs.boxes[2]).all()
    images = [np.asarray(Image.open(io.BytesIO(example.image))) for example in split]
    alone = [reader.predict([image]) for image in images]
    for index, prediction in enumerate(alone):
        np.testing.assert_allclose(
            outputs.predictions.outputs["digits"][index], prediction.outputs["digits"][0], atol=1e-3
        )


def test_a_sample_is_not_of_the_first_images(reader, split):
    assert run_inference(reader, "svhn_numbers", "test", sample=2).labels == ["12", ""]


def test_a_crop_is_what_the_reader_is_given(reader, split, monkeypatch):
    given = []
    predict = reader.predict
    monkeypatch.setattr(
        reader, "predict", lambda i, crops: given.extend(crops) or predict(i, crops)
    )
    run_inference(reader, "svhn_numbers", "test", crop="union", margin=0.5)
    np.testing.assert_allclose(given[0], [6, 0, 30, 30])
    assert given[2] is None


def test_few_pixels_are_in_memory(reader, split, monkeypatch):
    sizes, predict = [], reader.predict
    monkeypatch.setattr(files, "PIXELS", 1)
    monkeypatch.setattr(reader, "predict", lambda i, c: sizes.append(len(i)) or predict(i, c))
    assert run_inference(reader, "svhn_numbers", "test").labels == ["12", "7", ""]
    assert sizes == [1, 1, 1]


def test_no_boxes_no_crop(reader, photos):
    with pytest.raises(ValueError, match="has no digit boxes"):
        run_inference(reader, str(photos), "test", crop="union")
