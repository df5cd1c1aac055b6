"""The page without a server in headless Chromium: built by npm, from a plain static host."""

from __future__ import annotations

import base64
import functools
import http.server
import io
import json
import re
import shutil
import subprocess
import threading

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

import number_zoo
from datasets.rendered_scenes.rendering import render_scene
from tests.conftest import (
    ROOT,
    draw_closeup,
    draw_page,
    draw_plate,
    draw_rows,
    draw_stack,
    encode_image,
)
from tests.pages import watched_page

WEB, GALLERY = ROOT / "web", ROOT / "number_zoo/server/static/gallery"
WEIGHTS = "conv_transformer_small.any10"
DONE = ".card:not(.waiting)"
EXAMPLES = [
    (GALLERY / example["file"]).read_bytes()
    for example in json.loads((GALLERY / "examples.json").read_text())
]
ORIENTATION = 0x0112
TURNS = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE}
"""EXIF orientations, and how the pixels of such an image are stored."""
QUARTERS = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_180)


@pytest.fixture(scope="module")
def scenes():
    """Images of several numbers; in the second, numbers are read upside down, in the third in a
    longer box, and in the last one as a whole instead of its parts."""
    return [render_scene(7900, index).jpeg for index in (1, 7, 93, 258)]


@pytest.fixture(scope="module")
def reader():
    return number_zoo.Reader(WEIGHTS)


class Handler(http.server.SimpleHTTPRequestHandler):
    """A static host, which records the paths of requests.

    It does not know .mjs, as nginx, and redirects index.html to its folder, as Cloudflare Pages.
    """

    def log_message(self, *_):
        self.server.paths.append(self.path)

    def guess_type(self, path):
        return "application/octet-stream" if path.endswith(".mjs") else super().guess_type(path)

    def send_head(self):
        if not self.path.endswith("/index.html"):
            return super().send_head()
        self.send_response(http.HTTPStatus.PERMANENT_REDIRECT)
        self.send_header("Location", self.path.removesuffix("index.html"))
        self.send_header("Content-Length", "0")
        self.end_headers()
        return None


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """The built page, in a folder of a static host."""
    if shutil.which("npm") is None or not (WEB / "node_modules").is_dir():
        pytest.skip("the page without a server is not built: it needs npm, and `make web`")
    subprocess.run(["npm", "run", "build"], cwd=WEB, check=True, capture_output=True)
    site = tmp_path_factory.mktemp("site")
    shutil.copytree(WEB / "dist", site / "some" / "folder")
    other = shutil.copytree(WEB / "dist", site / "other")
    worker = (other / "offline.js").read_text()
    (other / "offline.js").write_text(re.sub("[0-9a-f]{16}", "0" * 16, worker))  # another version
    handler = functools.partial(Handler, directory=site)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.paths = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def page(browser, host):
    """The opened page."""
    address = f"http://127.0.0.1:{host.server_port}/some/folder/"
    with watched_page(browser, address, viewport={"width": 390, "height": 844}) as page:
        yield page


def stored(content: bytes, orientation: int) -> bytes:
    """The same image, its pixels turned and its EXIF orientation set."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = Image.open(io.BytesIO(content)).transpose(TURNS[orientation])
    return encode_image(image, "JPEG", exif=exif, quality=95)


def on_transparent(content: bytes) -> bytes:
    """Light digits on a transparent background."""
    grey = Image.open(io.BytesIO(content)).convert("L")
    light = Image.new("RGBA", grey.size, (250, 250, 250, 0))
    light.putalpha(grey.point(lambda value: 255 if value > 150 else 0))
    return encode_image(light)


def page_of_text(label: str) -> bytes:
    """A page on which some fifty words are located, with a label of a small number or without."""
    image = Image.new("RGB", (800, 1100), "white")
    words, font = 8 * "Bill lost Zoo Oslo goal IS SOS TOIL ", ImageFont.load_default(16)
    for line in range(42):
        place = (20, 20 + 25.6 * line)
        ImageDraw.Draw(image).text(place, words[3 * line : 3 * line + 85], "black", font)
    if label:
        draw_plate(image, 2, label, (300, 300, 375, 335))
    return encode_image(image)


def call(page, function: str, content: bytes, *arguments):
    """Call a function of the page with an image and other arguments."""
    return page.evaluate(
        """([name, text, ...others]) => {
            const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            return window[name](new Blob([bytes]), ...others);
        }""",
        [function, base64.b64encode(content).decode(), *arguments],
    )


def read_in(page, content: bytes, box=None) -> dict:
    return call(page, "readNumber", content, box)


def test_reads_what_number_zoo_reads(page, reader):
    large = Image.open(io.BytesIO(EXAMPLES[0]))
    large = large.resize((2100, 2100 * large.height // large.width))
    small = Image.new("RGB", (2400, 1800), (90, 110, 90))
    draw_plate(small, 0, "175", (1500, 1100, 1620, 1150))
    draw_plate(small, 2, "402", (700, 1300, 800, 1340))
    draw_plate(small, 3, "EXIT", (300, 500, 420, 550))
    images = [
        *EXAMPLES[::3],
        *(stored(EXAMPLES[1], orientation) for orientation in TURNS),
        on_transparent(EXAMPLES[4]),
        encode_image(large),
        encode_image(small),
        encode_image(small.reduce(2).transpose(Image.Transpose.ROTATE_90)),
        *map(page_of_text, ("", "175")),
        encode_image(Image.new("L", (50, 30), 200)),
        *(encode_image(draw_stack(number)) for number in ("4877", "7146")),
        encode_image(draw_rows("4072")),
        *(encode_image(Image.open(io.BytesIO(EXAMPLES[1])).transpose(turn)) for turn in QUARTERS),
    ]
    for content in images:
        reading, expected = read_in(page, content), reader.read(content)
        assert (reading["number"], reading["turn"]) == (expected.number, expected.turn)
        assert reading["confidence"] == pytest.approx(expected.confidence, abs=0.01)
        assert (reading["box"] is None) == (expected.box is None)
        if expected.box:
            assert reading["box"] == pytest.approx(expected.box, abs=0.01 * max(expected.box))


def test_reads_all_numbers_as_number_zoo(page, reader, scenes):
    scene = Image.open(io.BytesIO(scenes[0]))
    large = scene.resize((2600, 2600 * scene.height // scene.width))
    stacks = Image.new("RGB", (400, 320))
    for index, number in enumerate(("4877", "7146")):
        stacks.paste(draw_stack(number), (200 * index, 0))
    drawn = map(encode_image, (large, stacks, draw_closeup("7"), draw_page("3174")))
    for content in (*scenes, *drawn, EXAMPLES[1]):
        readings, expected = call(page, "readAllNumbers", content), reader.read_all(content)
        assert [reading["number"] for reading in readings] == [one.number for one in expected]
        for reading, one in zip(readings, expected, strict=True):
            assert reading["turn"] == one.turn
            assert reading["confidence"] == pytest.approx(one.confidence, abs=0.01)
            assert reading["box"] == pytest.approx(one.box, abs=0.01 * max(one.box))


def test_reads_in_a_box(page):
    left, right = (Image.open(io.BytesIO(EXAMPLES[place])).resize((200, 140)) for place in (1, 7))
    both = Image.new("RGB", (400, 140))
    both.paste(left, (0, 0))
    both.paste(right, (200, 0))
    whole = [read_in(page, content)["box"] for content in (encode_image(left), encode_image(right))]
    boxes = [whole[0], [edge + 200 * (axis % 2 == 0) for axis, edge in enumerate(whole[1])]]
    numbers = [read_in(page, encode_image(both), box)["number"] for box in boxes]
    assert numbers == [read_in(page, encode_image(image))["number"] for image in (left, right)]


def test_keeps_the_last_image_while_a_box_is_moved(page):
    numbers = page.evaluate(
        """async (texts) => {
            const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
            const [one, other, damaged] = texts.map((text) => new Blob([bytes(text)]));
            const numbers = [];
            for (const blob of [one, other, other, damaged, damaged, one]) {
                numbers.push(await readNumber(blob).then(({ number }) => number, () => "error"));
            }
            return numbers;
        }""",
        [base64.b64encode(content).decode() for content in (*EXAMPLES[1:3], b"damaged")],
    )
    one, other = (read_in(page, content)["number"] for content in EXAMPLES[1:3])
    assert numbers == [one, other, other, "error", "error", one] and one != other


def test_shows_readings(page, reader):
    blank = encode_image(Image.new("RGB", (60, 40), "gray"))
    contents = [EXAMPLES[1], blank]
    files = [{"name": f"{len(content)}", "mimeType": "", "buffer": content} for content in contents]
    page.set_input_files("#files", files)
    page.wait_for_selector(DONE)
    reading = reader.read(EXAMPLES[1])
    assert page.locator(".number b").inner_text() == reading.number
    assert page.locator(".digit").count() == len(reading.number)
    assert "Read in " in page.locator(".card").inner_text()
    image, box = page.locator("#image").bounding_box(), page.locator("#box").bounding_box()
    center = (box["x"] + box["width"] / 2 - image["x"]) / image["width"]
    width = Image.open(io.BytesIO(EXAMPLES[1])).width
    assert center == pytest.approx((reading.box[0] + reading.box[2]) / 2 / width, abs=0.02)
    page.locator("#strip button").nth(1).click()
    page.wait_for_selector("text=no number")
    assert page.locator("#box").is_hidden()
    page.locator("#strip button").nth(0).click()
    page.locator(".digit").first.click()
    page.wait_for_selector("#attention:visible")


def test_attention_lies_on_the_digits(page):
    digits = read_in(page, EXAMPLES[1])["digits"]
    maps = [base64.b64decode(digit["attention"].split(",")[1]) for digit in digits]
    arrays = [np.asarray(Image.open(io.BytesIO(content)).convert("L")) for content in maps]
    columns = [int(array.max(axis=0).argmax()) for array in arrays]
    assert len(columns) == 3 and columns == sorted(set(columns))


def test_says_that_the_model_cannot_be_loaded(browser, page):
    with browser.new_context(service_workers="block") as context:
        other = context.new_page()
        other.route("**/model.onnx", lambda route: route.abort())
        other.goto(page.url)
        other.wait_for_selector("header >> text=The reader could not be loaded")
        other.locator("#examples button").first.click()
        again = other.get_by_role("button", name="Try again")
        again.wait_for()
        other.unroute_all()
        again.click()
        other.wait_for_selector(DONE, timeout=60_000)
        assert other.locator("header p").text_content() == page.locator("header p").text_content()


def test_shows_all_numbers(browser, page, reader, scenes):
    expected = [one.number for one in reader.read_all(scenes[1])]
    with browser.new_context(service_workers="block") as context:
        other = context.new_page()
        other.route("**/locator.onnx", lambda route: route.abort())
        other.goto(page.url)
        other.evaluate("""() => {
            window.hints = new Set();
            const hint = document.getElementById("hint");
            const keep = () => hints.add(hint.textContent);
            new MutationObserver(keep).observe(hint, { childList: true });
        }""")
        scene = {"name": "scene.jpg", "mimeType": "image/jpeg", "buffer": scenes[1]}
        other.set_input_files("#files", scene)  # no number is read in it as it is
        other.wait_for_selector("#message >> text=The locator could not be loaded")
        other.unroute_all()
        other.get_by_role("button", name="Try again").click()
        other.wait_for_selector(DONE)
        other.check("#all")
        other.wait_for_selector("#numbers b")
        assert other.locator("#numbers b").all_inner_texts() == expected and len(expected) > 2
        assert other.locator("#other-boxes button").count() == len(expected) - 1
        hints = other.evaluate("[...hints].join()")
        for text in ("Loading the locator", "Finding the numbers", "Reading number 2 of "):
            assert text in hints


def test_works_offline(page, host):
    page.evaluate("navigator.serviceWorker.ready.then(() => true)")
    host.paths.clear()
    page.reload()
    page.locator("#examples button").first.click()
    page.wait_for_selector(DONE)
    assert page.locator(".number b").inner_text() == "35"
    page.check("#all")
    page.wait_for_selector("#numbers b")
    assert page.locator("#numbers b").all_inner_texts() == ["35"]
    # The browser looks for a new version by itself.
    assert set(host.paths) <= {"/some/folder/offline.js"}


def test_keeps_the_files_of_another_page_on_the_host(browser, host):
    active = """navigator.serviceWorker.ready.then(({ active }) => active.state === "activated" ||
        new Promise((done) => { active.onstatechange = () => done(true); }))"""
    with browser.new_context() as context:
        for folder in ("some/folder", "other"):
            page = context.new_page()
            page.goto(f"http://127.0.0.1:{host.server_port}/{folder}/")
            assert page.evaluate(active)
        assert len(page.evaluate("caches.keys()")) == 2


def test_keeps_the_last_build_if_the_model_cannot_be_read(host):
    missing = subprocess.run(["node", "build.mjs", "no.onnx"], cwd=WEB, capture_output=True)
    assert missing.returncode and b"no.onnx" in missing.stderr
    assert (WEB / "dist" / "index.html").is_file()
