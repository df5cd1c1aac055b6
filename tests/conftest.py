"""Fixtures that several parts of the tests share."""

from __future__ import annotations

import functools
import io
import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from number_zoo.predictions import Predictions

# Quiet before TensorFlow is imported anywhere; the tests run on its backend.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# One thread each: there is a worker of pytest for every core.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
# What is known of the tests' images does not belong beside that of the user's.
os.environ["NUMBER_ZOO_CACHE"] = str(Path(tempfile.gettempdir()) / "number_zoo_tests")
# On JAX, compiling takes longer than all the rest of a small test.
COMPILE_FAST = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("XLA_FLAGS", COMPILE_FAST)

ROOT = Path(__file__).resolve().parent.parent


LONGEST = (
    "test_notebooks", "test_zoo", "test_files", "test_distribution", "test_fit", "test_search",
    "test_export", "test_browser_page", "test_page", "test_comparison", "test_command",
    "test_locator", "test_locator_export", "test_faults", "test_published_files", "test_graph",
    "test_serving", "test_hostile", "test_from_labels", "test_all_numbers", "test_publish",
)  # fmt: skip
"""Files that take longest: they begin, lest a worker is left with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order files by `LONGEST`; within a file nothing changes."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fork the server of interpreters while TensorFlow is imported and does not run."""
    fixtures = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if fixtures & {"interpreter", "kernel"}:
        from tests.interpreters import start_server

        start_server()


@pytest.fixture(scope="module")
def eager():
    """Models are trained and read eagerly: tracing takes longer than the few steps of a test."""
    import keras
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    with pytest.MonkeyPatch.context() as patch:
        compile_eagerly = functools.partialmethod(keras.Model.compile, run_eagerly=True)
        patch.setattr(keras.Model, "compile", compile_eagerly)
        yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def interpreter(tmp_path):
    """A function that starts an `Interpreter` of code, arguments and environment variables."""
    from tests.interpreters import Interpreter

    started = []

    def start(code: str, *arguments: object, **environment: str) -> Interpreter:
        log = tmp_path / f"interpreter{len(started)}.log"
        started.append(Interpreter(code, *map(str, arguments), log=log, **environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images that are not part of the project (NUMBER_ZOO_TEST_DATA)."""
    folder = Path(os.environ.get("NUMBER_ZOO_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}: set NUMBER_ZOO_TEST_DATA to use some")
    return folder


PLATES = ((200, 0, 0), (0, 160, 0), (0, 0, 200), (160, 0, 160), (0, 140, 140), (120, 80, 0))
"""Colours of the plates that `plate_locator` finds; the numbers on those of the second are turned,
and the third's score is too low."""

_PLATE_LOCATOR = """
<ir_version: 10, opset_import: ["": 18]>
plates (uint8[one, height, width, channels] images)
    => (float[one, k, 4] boxes, float[one, k] scores, int32[one, k] turns)
<int64[1] row_axis = {1}, int64[1] column_axis = {2}, int64[1] colour_axis = {3},
 int64[1] channel_axis = {4}, float tolerance = {30.0}, float one_more = {1.0},
 float[6, 3] colours = {COLOURS}, float[6] factors = {0.9, 0.8, 0.2, 0.7, 0.6, 0.5},
 int32[1, 6] turned = {0, 1, 0, 0, 0, 0}> {
    pixels = Cast <to = 1> (images)
    alone = Unsqueeze (pixels, colour_axis)
    differences = Sub (alone, colours)
    distances = Abs (differences)
    distance = ReduceMax <keepdims = 0> (distances, channel_axis)
    near = Less (distance, tolerance)
    mask = Cast <to = 1> (near)
    rows = ReduceMax <keepdims = 0> (mask, column_axis)
    columns = ReduceMax <keepdims = 0> (mask, row_axis)
    left = ArgMax <axis = 1, keepdims = 0> (columns)
    top = ArgMax <axis = 1, keepdims = 0> (rows)
    right = ArgMax <axis = 1, keepdims = 0, select_last_index = 1> (columns)
    bottom = ArgMax <axis = 1, keepdims = 0, select_last_index = 1> (rows)
    l = Cast <to = 1> (left)
    t = Cast <to = 1> (top)
    r = Cast <to = 1> (right)
    b = Cast <to = 1> (bottom)
    r1 = Add (r, one_more)
    b1 = Add (b, one_more)
    l3 = Unsqueeze (l, column_axis)
    t3 = Unsqueeze (t, column_axis)
    r3 = Unsqueeze (r1, column_axis)
    b3 = Unsqueeze (b1, column_axis)
    boxes = Concat <axis = 2> (l3, t3, r3, b3)
    are_there = ReduceMax <keepdims = 0> (rows, row_axis)
    scores = Mul (are_there, factors)
    turns = Identity (turned)
}
"""


@pytest.fixture(scope="session")
def plate_locator(tmp_path_factory) -> Path:
    """An exported locator that finds one plate of each of `PLATES`."""
    import onnx.parser

    colours = ", ".join(f"{value}.0" for colour in PLATES for value in colour)
    model = onnx.parser.parse_model(_PLATE_LOCATOR.replace("COLOURS", colours))
    onnx.helper.set_model_props(model, {"number_zoo": json.dumps({"task": "locate"})})
    path = tmp_path_factory.mktemp("locators") / "plates.onnx"
    onnx.save(model, path)
    return path


def draw_plate(image: Image.Image, index: int, number: str, box: tuple[int, int, int, int]) -> None:
    """Draw a plate of `PLATES` with a number in white, which is as high as the plate is."""
    left, top, right, bottom = box
    size = (right - left, bottom - top) if index != 1 else (bottom - top, right - left)
    plate = Image.new("RGB", size, PLATES[index])
    font = ImageFont.load_default(0.75 * size[1])
    ImageDraw.Draw(plate).text((size[0] / 2, size[1] / 2), number, "white", font, anchor="mm")
    image.paste(plate.rotate(-90, expand=True) if index == 1 else plate, (left, top))


def draw_stack(number: str) -> Image.Image:
    """An image with the digits of a number below each other."""
    image = Image.new("RGB", (200, 320), (205, 200, 190))
    font = ImageFont.load_default(52)
    for index, digit in enumerate(number):
        middle = (100, 55 + 50 * index)
        ImageDraw.Draw(image).text(middle, digit, (30, 30, 40), font=font, anchor="mm")
    return image


def draw_closeup(digit: str) -> Image.Image:
    """A digit that is as high as its image."""
    image, font = Image.new("RGB", (200, 300), (200, 196, 184)), ImageFont.load_default(300)
    ImageDraw.Draw(image).text((100, 150), digit, (30, 30, 40), font=font, anchor="mm")
    return image


def draw_page(number: str) -> Image.Image:
    """A page of lower-case letters, some of them like digits, and a number."""
    image, font = Image.new("RGB", (1000, 700), "white"), ImageFont.load_default(30)
    lines = ["gilding big oil logs is going ill"] * 11
    lines[5] += f" {number}"
    ImageDraw.Draw(image).multiline_text((60, 40), "\n".join(lines), "black", font, spacing=16)
    return image


def draw_rows(number: str) -> Image.Image:
    """A small number on a display whose every second row of pixels is dark."""
    image = Image.new("RGB", (44, 25), (70, 80, 95))
    font = ImageFont.load_default(14)
    ImageDraw.Draw(image).text((22, 12.5), number, (150, 155, 160), font=font, anchor="mm")
    pixels = np.array(image)
    pixels[::2] //= 10
    return Image.fromarray(pixels)


def one_row(number, confidence, box=(np.nan,) * 4, crop=(0,) * 4):
    """The predictions of a reader of two to three digits for one image."""
    return Predictions(
        {
            "digits": np.array([[int(digit) for digit in number.ljust(3, "0")]]),
            "length": np.array([len(number)]),
            "confidence": np.float32([confidence]),
            "box": np.float32([box]),
            "crop": np.float32([crop]),
        }
    )


def encode_image(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    """An image as the bytes of a file; `options` as Pillow's `save` takes them."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium, whose camera shows a test pattern."""
    sync_api = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    chromium = next(filter(None, map(shutil.which, names)), None)
    if chromium is None:
        pytest.skip("no Chromium: apt install chromium, and pages are tested too")
    flags = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Sixty images of one- and two-digit numbers, with a labels.csv."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    write_photos(folder)
    return folder


def write_photos(folder: Path) -> None:
    """Write sixty images of one- and two-digit numbers, with a labels.csv."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = ["file,label"]
    for index in range(60):
        number = str(rng.integers(0, 100))
        image = Image.new("RGB", (40, 24), tuple(rng.integers(150, 255, 3).tolist()))
        ImageDraw.Draw(image).text((10, 5), number, fill=(10, 10, 10))
        image.save(folder / f"{index:03d}.png")
        rows.append(f"{index:03d}.png,{number}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
