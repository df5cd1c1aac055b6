"""The library: images of every kind in, readings out, and nothing imported that is not needed."""

import io
import os
import pickle
import subprocess
import sys
import time

import numpy as np
import onnx.parser
import pytest
from PIL import Image, ImageDraw, ImageFont

import number_zoo
from number_zoo import files
from number_zoo import reader as reader_module
from number_zoo.boxes import crop_around
from number_zoo.published import SMALL_WEIGHTS, onnx_file
from number_zoo.reader import Reader, open_reader
from tests.conftest import encode_image


@pytest.fixture(scope="module")
def reader():
    return Reader(SMALL_WEIGHTS, threads=2)


def test_a_file_that_was_written_again_is_opened_again(image, plate_locator, tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(onnx_file(SMALL_WEIGHTS).read_bytes())
    assert number_zoo.read(image, path).number == "175"
    path.write_bytes(plate_locator.read_bytes())
    with pytest.raises(ValueError, match="finds numbers"):
        number_zoo.read(image, path)
    (whole,) = number_zoo.read_all(image, SMALL_WEIGHTS, path)  # which the locator does not find
    assert (whole.number, whole.score) == ("175", None)
    path.write_bytes(onnx_file(SMALL_WEIGHTS).read_bytes())
    with pytest.raises(ValueError, match="reads numbers"):
        number_zoo.read_all(image, SMALL_WEIGHTS, path)


@pytest.fixture(scope="module")
def image():
    """The number 175 at (200, 100) in an image of 640 x 360."""
    image = Image.new("RGB", (640, 360), (90, 110, 130))
    font = ImageFont.load_default(60)
    ImageDraw.Draw(image).text((200, 100), "175", fill="white", font=font)
    return image


def test_images_of_every_kind_are_read_alike(reader, image, tmp_path):
    path, data = tmp_path / "175.png", encode_image(image)
    path.write_bytes(data)
    array = np.asarray(image)
    expected = reader.read(path)
    assert expected.number == "175" and expected.confidence > 0.9
    left, top, right, bottom = expected.box
    assert 180 < left < 220 and 280 < right < 320 and 90 < top < bottom < 180
    with path.open("rb") as file:
        sources = [
            *(path, str(path), data, bytearray(data), memoryview(data), io.BytesIO(data), file),
            *(image, image.convert("RGBA"), array, array.astype(float)),
        ]
        # A file that was read before is read from its beginning.
        for reading in (*reader.read(sources), *map(reader.read, sources)):
            assert reading.number == "175"
            assert reading.confidence == pytest.approx(expected.confidence, abs=1e-4)
            assert reading.box == pytest.approx(expected.box, abs=0.1)
    with path.open() as file, pytest.raises(ValueError, match="as binary"):
        reader.read(file)
    gray = np.asarray(image.convert("L"))
    assert [reading.number for reading in reader.read([gray, gray[..., None]])] == ["175"] * 2
    assert reader.read([]) == [] and reader.read(iter([path]))[0].number == "175"
    assert number_zoo.read(path, SMALL_WEIGHTS) == expected
    assert pickle.loads(pickle.dumps(reader)).read(path) == expected


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((4, 4, 3), np.uint16), r"uint16 of shape .*: scale it to .* \.astype"),
        (np.zeros((4, 4, 2), np.uint8), r"shape \(4, 4, 2\)"),
        (np.zeros((0, 4, 3), np.uint8), r"shape \(0, 4, 3\)"),
        (np.full((4, 4, 3), 0.5), r"values in \[0, 255\]. Received: 0.5 to 0.5: multiply"),
        (np.full((4, 4, 3), np.nan), r"Received: nan"),
        (b"no image", "does not decode as an image"),
    ],
)
def test_what_is_no_image_is_refused(image, message, reader):
    with pytest.raises(ValueError, match=message):
        reader.read(image)


@pytest.mark.parametrize("value", [None, 7, [None]])
def test_another_type_is_refused_with_those_accepted(value, reader):
    with pytest.raises(TypeError, match="an image is a path, the bytes of a file, an open file"):
        reader.read(value)


@pytest.mark.parametrize(
    ("images", "crops", "error", "message"),
    [
        (np.zeros((4, 4, 3), np.uint8), None, TypeError, "a list of images. Received: one, nda"),
        ("photo.jpg", None, TypeError, "a list of images. Received: one, str"),
        ([], None, ValueError, "at least one image"),
        ([b""] * 2, [None], ValueError, r"for each of 2 images. Received: \[None\]"),
        ([b""], [[0, 0, 9, np.nan]], ValueError, "crops have left, top"),
    ],
)
def test_a_prediction_is_of_a_list_of_images(images, crops, error, message, reader):
    for predict in (reader.predict, reader.predict_any_turn):
        with pytest.raises(error, match=message):
            predict(images, crops)


def test_the_image_of_an_error_is_found_in_a_list(reader, image, monkeypatch):
    monkeypatch.setattr(files, "BATCH", 2)
    with pytest.raises(ValueError, match="does not decode") as raised:
        reader.read([image, image, image, b"no image", image])
    assert raised.value.__notes__ == ["The image is number 3, counted from 0."]
    source, target = os.pipe()  # what is read from it cannot be read again
    with os.fdopen(target, "wb") as file:
        file.write(encode_image(Image.new("L", (20, 10))))
    with (
        os.fdopen(source, "rb") as file,
        pytest.raises(ValueError, match="does not decode") as raised,
    ):
        reader.read([file, b"no image"])
    assert raised.value.__notes__ == ["The image is number 1, counted from 0."]


@pytest.mark.parametrize("method", ["read", "predict", "predict_any_turn"])
def test_an_open_file_may_be_given_several_times(method, reader, image):
    class SlowFile(io.BytesIO):
        def read(self, *arguments):
            time.sleep(0.001)  # another thread reads from the same position
            return super().read(*arguments)

    file = SlowFile(encode_image(image))
    found = getattr(reader, method)([file, image, file, file])
    numbers = [one.number for one in (found if method == "read" else found.readings())]
    assert numbers == ["175"] * 4


@pytest.mark.parametrize("name", ["threads", "batch_threads"])
def test_threads_are_at_least_one(name):
    with pytest.raises(ValueError, match=rf"^{name} is 1 or more\. Received: 0"):
        Reader(SMALL_WEIGHTS, **{name: 0})


def test_an_image_is_read_alone_as_among_many(reader, monkeypatch):
    rng = np.random.default_rng(1)
    order = np.roll(range(20), 7)  # batches are in the order of sizes
    images = [rng.integers(0, 256, (10 + 9 * n, 30 + n, 3), np.uint8) for n in order]
    shapes, backend = [], reader._backend
    monkeypatch.setattr(reader, "batch_pixels", 20_000)
    monkeypatch.setattr(
        reader, "_backend", lambda inputs: shapes.append(inputs["images"].shape) or backend(inputs)
    )
    together = reader.predict(images)
    assert sum(count for count, *_ in shapes) == 20
    assert all(count * height * width <= 20_000 for count, height, width, _ in shapes)
    for index in (0, 7, 19):
        for name, values in reader.predict([images[index]]).arrays.items():
            np.testing.assert_allclose(together.arrays[name][index], values[0], atol=1e-3)


def test_a_given_crop_is_read_first(reader, image):
    array = np.asarray(image)
    around, elsewhere = crop_around((200, 100, 300, 160), 640, 360), np.float32([0, 200, 200, 360])
    assert around.tolist() == [165, 79, 335, 181]
    predictions = reader.predict([array, array], [around, elsewhere])
    assert [reading.number for reading in predictions.readings()] == ["175", ""]
    assert predictions.crops[1, 1] > 150  # the last glimpse lies there, too
    assert predictions.boxes.shape == (2, 4)
    assert predictions.outputs["length"].shape == (2, 12)
    rows, columns = reader.metadata["attention_grid"]
    assert predictions.attention.shape == (2, rows * columns, 11)


def test_larger_images_are_reduced(reader, image, monkeypatch):
    crop, blank = np.float32([160, 60, 360, 200]), np.zeros((601, 601, 3), np.uint8)
    expected = reader.predict([image, image], [None, crop])
    monkeypatch.setattr(reader_module, "MAX_PIXELS", 640 * 360 // 3)
    shapes, backend = [], reader._backend
    monkeypatch.setattr(
        reader, "_backend", lambda inputs: shapes.append(inputs["images"].shape) or backend(inputs)
    )
    predictions = reader.predict([image, image], [None, crop])
    assert shapes == [(1, 180, 320, 3)] * 2
    assert predictions.decoded.numbers() == ["175", "175"]
    np.testing.assert_allclose(predictions.boxes, expected.boxes, atol=4)
    np.testing.assert_allclose(predictions.crops, expected.crops, atol=8)
    assert reader.predict([blank]).crops.tolist() == [[0, 0, 601, 601]]


def test_a_file_of_ones_own_needs_no_card(tmp_path):
    path = tmp_path / "mine.onnx"
    path.write_bytes(onnx_file(SMALL_WEIGHTS).read_bytes())
    reader = Reader(path)
    assert reader.name == "mine" and reader.metadata["max_digits"] == 10
    assert reader.metadata["input_shape"][2] == 3


def test_weights_that_cannot_be_read_are_told(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match=r"unknown weights 'conv_transformer'\. Known: conv_tr"):
        open_reader("conv_transformer")
    with pytest.raises(
        ValueError, match=r"'runs/mien'\. Known: .*\.onnx file, a \.keras file or a run"
    ):
        open_reader("runs/mien")
    (tmp_path / "text.onnx").write_text("no graph")
    with pytest.raises(ValueError, match=r"text\.onnx is not an ONNX model that runs.* Copy it"):
        open_reader(tmp_path / "text.onnx")
    (tmp_path / "mine.keras").touch()
    monkeypatch.setitem(sys.modules, "artifacts.startup", None)
    with pytest.raises(ValueError, match=r"read with Keras .* python export.py .*mine\.keras"):
        open_reader(tmp_path / "mine.keras")


def test_a_graph_of_another_kind_is_refused(tmp_path):
    graph = '<ir_version: 10, opset_import: ["": 18]> other (float[1] x) => (float[1] y) '
    onnx.save(onnx.parser.parse_model(graph + "{ y = Identity (x) }"), tmp_path / "other.onnx")
    with pytest.raises(ValueError, match=r"not a graph that `export.py .* Received: x"):
        Reader(tmp_path / "other.onnx")


READ_ALONE = """
import os
import signal
import sys
import number_zoo
slow = {"numpy", "onnxruntime", "PIL", "json"} & set(sys.modules)
assert not slow, f"imported before anything is read: {slow}"
assert number_zoo.read(sys.argv[1]).number == "175"
unwanted = {"keras", "tensorflow", "jax", "cv2", "matplotlib", "pydantic", "rich", "labels",
    "artifacts", "datasets", "models", "inference", "training"} & set(sys.modules)
assert not unwanted, f"imported to read an image: {unwanted}"
number_zoo.read(sys.argv[1:] * 2)
from number_zoo import locator
locator.LARGE = 0
with locator._large_pass(os.getpid()):  # as a thread that locates numbers in a large image
    if not os.fork():  # has none of the threads that have read so far
        signal.alarm(60)
        number_zoo.read(sys.argv[1:] * 2)
        number_zoo.read_all(sys.argv[1])
        os._exit(0)
assert os.wait()[1] == 0
"""


def test_reading_imports_nothing_unneeded_and_leaves_nothing(image, tmp_path):
    """ONNX Runtime keeps a device ID and a queue of reports at home, unless it is told not to."""
    image.save(tmp_path / "175.png")
    (tmp_path / "home").mkdir()
    unset = {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment["HOME"] = str(tmp_path / "home")
    arguments = [sys.executable, "-B", "-c", READ_ALONE, tmp_path / "175.png"]
    subprocess.run(arguments, check=True, env=environment)
    assert list((tmp_path / "home").rglob("*")) == []


def test_names_of_the_library_are_listed():
    assert {"read", "Reader", "list_weights"} <= set(dir(number_zoo))
