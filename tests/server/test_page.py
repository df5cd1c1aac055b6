"""The page in headless Chromium, with no network but the server."""

from __future__ import annotations

import base64
import contextlib
import re
import zipfile
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from datasets.photo_folder import read_folder
from number_zoo.images import decode_image
from tests.conftest import draw_plate, encode_image
from tests.pages import watched_page
from tests.server.samples import FIRST, PHOTO, SECOND, encode, serving, three_plates

DONE = ".card:not(.waiting)"


@pytest.fixture(scope="module")
def address(readers):
    with serving(readers) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def open_page(browser, address):
    """Opens the page."""
    options = {"viewport": {"width": 1200, "height": 900}}

    def open_one(**more):
        page = stack.enter_context(watched_page(browser, address, **options, **more))
        page.route("**/api/read*", lambda route: route.continue_())  # else bodies are unknown
        return page

    with contextlib.ExitStack() as stack:
        yield open_one


def until(page, expression, argument=None):
    """Wait for what is true on the page; `wait_for_function` would need unsafe-eval."""
    for _ in range(400):
        if page.evaluate(expression, argument):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def choose(page, *contents, name="door.png"):
    files = [{"name": name, "mimeType": "image/png", "buffer": content} for content in contents]
    page.set_input_files("#files", files)


def upload(page, *contents, name="door.png"):
    choose(page, *contents, name=name)
    page.wait_for_selector(DONE)


def drag(page, start, *places):
    """Press the mouse at a place on the screen, and move it over others."""
    page.mouse.move(*start)
    page.mouse.down()
    for place in places:
        page.mouse.move(*place, steps=3)


def box_asked(urls):
    """The box of the last request that had one."""
    query = parse_qs(urlsplit([url for url in urls if "box=" in url][-1]).query)
    return np.array(query["box"][0].split(","), float)


def numbers(page):
    return [text.strip() for text in page.locator(".card .number b").all_inner_texts()]


def expected(readers, content, box=None, names=(FIRST, SECOND)):
    box = None if box is None else np.float32(box)
    image = decode_image(content)
    return [readers[name].read(image, box).number or "no number" for name in names]


def hand_over(page, content, event):
    """Paste or drop a file, as the browser tells the page of it."""
    page.evaluate(
        """([data, kind]) => {
            const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], "given.png", { type: "image/png" }));
            const more = { bubbles: true, cancelable: true };
            window.dispatchEvent(kind === "paste"
                ? new ClipboardEvent("paste", { clipboardData: transfer, ...more })
                : new DragEvent("drop", { dataTransfer: transfer, ...more }));
        }""",
        [base64.b64encode(content).decode(), event],
    )


def test_images_come_in_by_file_paste_drop_camera_and_example(open_page, readers):
    page = open_page()
    contents = [encode(digit=digit) for digit in range(3)]
    upload(page, contents[0])
    assert numbers(page) == expected(readers, contents[0])
    for content, event in zip(contents[1:], ("paste", "drop"), strict=True):
        before = page.locator("#strip li").count()
        hand_over(page, content, event)
        until(page, "n => document.querySelectorAll('#strip li').length > n", before)
        page.wait_for_selector(DONE)
        assert numbers(page) == expected(readers, content)
    page.click("#photograph")
    until(page, "document.getElementById('video').videoWidth > 0")
    page.click("#shoot")
    page.wait_for_selector("#strip button[aria-current=true][aria-label^='photo.jpg']")
    page.click("#examples li:nth-child(2) button")
    page.wait_for_selector("#strip li:nth-child(5) button[aria-current=true]")
    page.wait_for_selector(DONE)
    assert page.locator("#image").get_attribute("alt").endswith(".jpg")


def test_no_camera_stays_on_and_a_refused_one_is_said(open_page):
    page = open_page()
    page.evaluate(
        """() => {
            const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
            window.streams = [];
            navigator.mediaDevices.getUserMedia = async (wanted) => {
                streams.push(await ask(wanted));
                return streams.at(-1);
            };
        }"""
    )
    page.dblclick("#photograph")
    until(page, "streams.length === 2 && document.getElementById('video').videoWidth > 0")
    page.click("#camera-close")
    until(page, "streams.every((one) => one.getTracks()[0].readyState === 'ended')")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(); }")
    page.click("#photograph")
    page.wait_for_selector("#message:has-text('choose a photo')")


def test_an_example_is_added_once_and_its_failure_is_said(open_page):
    page = open_page()
    page.dblclick("#examples li:nth-child(1) button")
    page.wait_for_selector(DONE)
    page.click("#examples li:nth-child(2) button")
    page.wait_for_selector("#strip li:nth-child(2) button[aria-current=true]")
    assert page.locator("#strip li").count() == 2
    page.evaluate("() => { window.fetch = () => Promise.reject(new TypeError()); }")
    page.click("#examples li:nth-child(3) button")
    page.wait_for_selector("#message:has-text('cannot be loaded')")


def test_an_image_is_chosen_while_others_are_read(open_page):
    page = open_page()
    upload(page, encode(digit=1), encode(digit=2))
    page.locator("#strip button").nth(1).hover()
    page.mouse.down()
    hand_over(page, encode(digit=3), "paste")
    page.wait_for_selector("#strip li:nth-child(3) span:not(:text('…'))")
    page.mouse.up()
    page.wait_for_selector("#strip li:nth-child(2) button[aria-current=true]")


def test_the_first_of_several_images_does_not_wait_for_the_last(open_page):
    page = open_page()
    page.evaluate("""() => {
        const strip = document.getElementById("strip");
        window.counts = [];
        const count = () => counts.push(strip.children.length);
        new MutationObserver(count).observe(strip, { childList: true });
    }""")
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    choose(page, *(encode(digit=digit) for digit in range(4)))
    unread = "[...document.querySelectorAll('#strip span')].some((one) => one.textContent === '…')"
    until(page, f"counts.includes(4) && !{unread}")
    assert page.evaluate("counts") == [1, 2, 3, 4]
    assert len([url for url in requests if "/api/read" in url]) == 4


def test_a_file_may_be_removed_while_the_page_is_open(open_page, tmp_path):
    page = open_page()
    (tmp_path / "door.jpg").write_bytes(PHOTO)
    page.set_input_files("#files", tmp_path / "door.jpg")
    page.wait_for_selector(DONE)
    page.click("#correct button")
    (tmp_path / "door.jpg").unlink()
    with page.expect_download():
        page.click("#download")
    page.click("#turn")
    until(page, "document.getElementById('image').width < document.getElementById('image').height")


def test_what_cannot_be_read_is_said_and_the_page_goes_on(open_page):
    page = open_page(console=False)  # Chromium says there that requests fail
    choose(page, b"no image", name="note.png")
    page.wait_for_selector("#message:has-text('cannot show note.png')")
    page.evaluate(
        """() => { const transfer = new DataTransfer();
            transfer.setData("text/plain", "https://example.org/photo.jpg");
            window.dispatchEvent(new ClipboardEvent("paste", { clipboardData: transfer })); }"""
    )
    page.wait_for_selector("#message:has-text('URLs are not fetched')")
    page.route("**/api/read*", lambda route: route.abort())
    choose(page, encode())
    page.wait_for_selector("#message:has-text('cannot be reached')")
    page.unroute("**/api/read*")
    page.click("#detect-again:has-text('Try again')")
    page.wait_for_selector(DONE)
    page.wait_for_selector("#message", state="hidden")
    files = [("note.heic", b"no image"), ("b.png", encode())]
    files = [{"name": name, "mimeType": "", "buffer": content} for name, content in files]
    page.set_input_files("#files", files)
    page.wait_for_selector("#strip button[aria-current=true][aria-label^='b.png']")
    page.wait_for_selector(DONE)
    assert "note.heic is a HEIC image" in page.locator("#message").inner_text()
    page.route("**/api/models", lambda route: route.fulfill(status=502, body="{}"))
    page.reload()
    page.wait_for_selector("#message:has-text('answered with 502')")
    upload(page, encode())
    assert len(numbers(page)) == 1


def test_a_photo_is_sent_with_the_pixels_of_small_numbers_and_its_box_fits(open_page):
    image = Image.new("RGB", (5000, 2500), (90, 110, 90))
    draw_plate(image, 0, "175", (1000, 1000, 2000, 1500))
    page = open_page()
    with page.expect_request("**/api/read*") as request:
        choose(page, encode_image(image, "JPEG"))
    assert decode_image(request.value.post_data_buffer).shape == (2048, 4096, 3)
    page.wait_for_selector(DONE)
    assert numbers(page)[0] == "175"
    stage, box = (page.locator(name).bounding_box() for name in ("#stage", "#box"))
    for start, size, low, high in (("x", "width", 0.2, 0.4), ("y", "height", 0.4, 0.6)):
        near = (box[start] - stage[start]) / stage[size]
        far = near + box[size] / stage[size]
        assert low < near < low + 0.1 and high - 0.1 < far < high


def test_a_heavy_photo_is_compressed_anew(open_page):
    page = open_page()
    noise = np.random.default_rng(0).integers(0, 256, (1500, 2000, 3), np.uint8)
    heavy = encode_image(Image.fromarray(noise), "JPEG", quality=95)
    with page.expect_request("**/api/read*") as request:
        choose(page, heavy)
    sent = request.value.post_data_buffer
    assert len(sent) < 2**21 < len(heavy) and decode_image(sent).shape == noise.shape
    page.wait_for_selector(DONE)


def test_an_image_is_turned(open_page):
    page = open_page()
    left_black = np.repeat(np.uint8([[[0] * 3] * 20 + [[255] * 3] * 60]), 40, axis=0)
    upload(page, encode_image(Image.fromarray(left_black)))
    with page.expect_request("**/api/read*") as request:
        page.click("#turn")
    turned = decode_image(request.value.post_data_buffer)
    assert turned.shape == (80, 40, 3) and turned[:18].max() < 30 and turned[22:].min() > 220
    until(page, "document.getElementById('image').naturalWidth === 40")
    page.wait_for_selector(DONE)


def test_light_content_of_a_transparent_image_stays_visible_when_it_is_turned(open_page):
    page = open_page()
    image = Image.new("RGBA", (80, 40))
    ImageDraw.Draw(image).rectangle((0, 0, 19, 39), "white")
    upload(page, encode_image(image))
    with page.expect_request("**/api/read*") as request:
        page.click("#turn")
    turned = decode_image(request.value.post_data_buffer)
    assert turned[:18].min() > 220 and turned[22:].max() < 30


def test_the_box_is_dragged_and_the_reading_follows(open_page, readers):
    page = open_page()
    content = encode(300, 200)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    upload(page, content)
    stage = page.locator("#stage").bounding_box()
    scale = stage["width"] / 300

    def place(x, y):
        return stage["x"] + x * scale, stage["y"] + y * scale

    drag(page, place(20, 150), place(60, 120), place(120, 30))
    page.mouse.up()
    page.wait_for_selector("#box.yours")
    until(page, "document.getElementById('hint').innerText.includes('your box')")
    page.wait_for_selector(DONE)
    box = box_asked(asked)
    assert np.abs(box - [20, 30, 120, 150]).max() < 3
    assert numbers(page) == expected(readers, content, box)
    corner = page.locator("#box i[data-edges=rb]").bounding_box()
    drag(page, (corner["x"] + 22, corner["y"] + 22), place(200, 180))
    page.mouse.up()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowDown")
    page.wait_for_timeout(50)
    page.wait_for_selector(DONE)
    assert np.abs(box_asked(asked) - [17, 30, 197, 183]).max() < 3
    page.keyboard.press("Escape")
    until(page, "!document.getElementById('box').classList.contains('yours')")
    page.wait_for_selector(DONE)
    assert numbers(page) == expected(readers, content)


def test_digits_show_the_attention_and_the_threshold_decides(open_page):
    page = open_page()
    upload(page, PHOTO)
    page.click(".card:nth-child(2) .digit")  # of a model without attention
    note = page.locator("#press-note").inner_text()
    assert re.match(r"Digit 1: \d \(90\s%\), 0 ", note) and "attention" not in note
    assert page.locator("#attention").is_hidden()
    page.click(".card:nth-child(1) .digit >> nth=1")
    page.wait_for_selector("#attention:not([hidden])")
    coloured = page.evaluate(
        """() => { const map = document.getElementById("attention");
            const pixels = map.getContext("2d").getImageData(0, 0, map.width, map.height).data;
            return [map.width, map.height, Math.max(...pixels.filter((_, at) => at % 4 === 3))];
        }"""
    )
    assert coloured[:2] == [160, 64] and coloured[2] > 200
    assert page.locator("#press-note").inner_text().startswith("Digit 2: 7")
    page.click(".card:nth-child(1) .digit >> nth=1")
    page.wait_for_selector("#attention", state="hidden")
    for value, verdict in (("0", "accepted"), ("100", "unsure")):
        page.locator("#threshold").fill(value)
        assert page.locator(f".verdict.{verdict}").count() == 2
    page.reload()
    page.wait_for_selector("#examples img")
    assert page.locator("#threshold").input_value() == "100"


def test_models_are_switched(open_page, readers):
    page = open_page()
    content = encode()
    upload(page, content)
    assert len(numbers(page)) == 2
    page.uncheck(f"#models input[value='{FIRST}']")
    until(page, "document.querySelectorAll('.card').length === 1")
    page.wait_for_selector(DONE)
    assert numbers(page) == expected(readers, content, names=(SECOND,))
    page.click(f"#models input[value='{SECOND}']")  # the last one stays
    assert page.is_checked(f"#models input[value='{SECOND}']")
    # It finds no box; one that is dragged is visible from the start, and stays.
    assert page.locator("#box").is_hidden()
    stage = page.locator("#stage").bounding_box()
    x, y = stage["x"], stage["y"]
    drag(page, (x + 40, y + 40), (x + 200, y + 40), (x + 200, y + 200))
    page.wait_for_selector("#box:not(.yours)")
    until(page, "document.getElementById('hint').innerText.includes('your box')")
    page.wait_for_selector(DONE)
    page.mouse.up()
    page.wait_for_selector("#box.yours")


def test_a_lexicon_of_the_server_is_said(open_page, readers):
    page = open_page()
    assert page.locator("#lexicon").inner_text() == ""
    models = [reader.description.model_dump() | {"lexicon": 412} for reader in readers.values()]
    page.route("**/api/models", lambda route: route.fulfill(json={"models": models}))
    page.reload()
    page.wait_for_selector("#examples img")
    assert "Only the numbers of a list of 412 are read." in page.locator("header p").inner_text()


def test_all_numbers_are_listed_and_one_is_chosen(open_page, readers):
    page = open_page()
    upload(page, three_plates())
    assert page.locator("#numbers").is_hidden()
    page.focus("#all")
    page.keyboard.press("Space")
    page.wait_for_selector("#numbers button >> nth=5")
    assert page.locator("#numbers .model").all_inner_texts() == [FIRST, SECOND]
    assert page.locator("#other-boxes button").count() == 2  # those of the chosen number's model
    spoken = page.locator("#spoken")
    assert spoken.inner_text() == f"{FIRST} reads 3 numbers. {SECOND} reads 3 numbers."
    assert spoken.bounding_box()["width"] < 2
    assert page.locator("#strip span").text_content().count(",") == 2  # numbers of one model
    page.uncheck(f"#models input[value='{SECOND}']")
    until(page, "document.querySelectorAll('#numbers li').length === 3")
    listed = page.locator("#numbers b").all_inner_texts()
    assert sorted(listed) == ["175", "31", "402"] and numbers(page) == listed[:1]
    assert page.locator("#correct").is_hidden()
    assert page.locator("#other-boxes button").count() == 2
    # By the keyboard in the list, by the mouse in the image.
    page.keyboard.press("Tab")
    while page.evaluate("document.activeElement.textContent.slice(0, 3)") != "402":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.getAttribute('aria-current')") == "true"
    assert numbers(page) == ["402"] and "reads 4 0 2, " in page.locator("#spoken").inner_text()
    stage, box = (page.locator(name).bounding_box() for name in ("#stage", "#box"))
    left, right = ((x - stage["x"]) / stage["width"] for x in (box["x"], box["x"] + box["width"]))
    assert 0.8 < left < right < 0.97 and box["height"] > 1.5 * box["width"]
    page.click(".digit >> nth=1")
    page.wait_for_selector("#attention:not([hidden])")
    assert page.evaluate("[document.getElementById('attention').width]") == [64]  # turned
    page.locator("#threshold").fill("100")
    assert page.locator("#other-boxes button.unsure").count() == 2
    page.click("#other-boxes button[aria-label*='reads 3 1']")
    assert numbers(page) == ["31"] and page.locator("#attention").is_hidden()
    # A box that is moved is read alone, until all are detected again.
    page.focus("#box")
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#box.yours")
    until(page, "document.getElementById('numbers').hidden")
    page.wait_for_selector(DONE)
    assert numbers(page) == ["31"] and page.locator("#correct").is_visible()
    page.click("#detect-again:has-text('Detect all numbers')")
    page.wait_for_selector("#numbers button >> nth=2")
    choose(page, encode())
    page.wait_for_selector("#numbers:has-text('No numbers found.')")
    shown = [t.strip() for t in page.locator("#strip span").all_inner_texts()]
    assert shown == [", ".join(listed) + " ?", "none"]
    page.uncheck("#all")
    page.wait_for_selector(DONE)
    assert numbers(page) == expected(readers, encode(), names=(FIRST,))


def test_a_number_is_drawn(open_page, readers):
    page = open_page(has_touch=True)
    page.click("#draw")
    pad = page.locator("#pad").bounding_box()
    middle = pad["x"] + pad["width"] / 2
    drag(page, (middle, pad["y"] + 40), (middle, pad["y"] + 200))
    with page.expect_request("**/api/read*") as request:
        page.mouse.up()
    page.wait_for_selector(DONE)
    sent = request.value.post_data_buffer
    drawn = decode_image(sent)
    assert drawn.shape == (400, 640, 3)
    assert (drawn[150, 300:340] < 100).any() and (drawn[:, :250] == 255).all()
    assert numbers(page) == expected(readers, sent)
    assert page.locator("#pad").bounding_box() == pad  # nothing jumps under the pen
    page.click("#undo")
    until(page, "!document.querySelector('.card')")


def test_corrections_make_a_folder_to_train_on(open_page, tmp_path):
    page = open_page()
    upload(page, PHOTO, name="front door.jpg")
    assert page.locator("#label").input_value() == numbers(page)[0] == "473"
    page.click("#correct button")  # right as it is: the box that was found is kept with it
    upload(page, encode(digit=2), name="../gate.png")
    page.wait_for_selector("#strip li:nth-child(2) button[aria-current=true]")
    page.wait_for_selector(DONE)
    page.fill("#label", "12a")
    page.click("#correct button")  # refused by the browser
    assert page.locator("#kept-list li").count() == 1
    page.click("#strip li:nth-child(1) button")
    assert page.evaluate("document.getElementById('label').checkValidity()")
    page.click("#strip li:nth-child(2) button")
    page.fill("#label", "007")
    page.press("#label", "Enter")
    upload(page, encode(digit=3), name="wall.png")
    page.wait_for_selector("#strip li:nth-child(3) button[aria-current=true]")
    page.wait_for_selector(DONE)
    page.fill("#label", "")
    page.click("#correct button")
    with page.expect_download() as download:
        page.click("#download")
    download.value.save_as(tmp_path / "kept.zip")
    with zipfile.ZipFile(tmp_path / "kept.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    photos = read_folder(tmp_path / "kept_numbers", "train")
    assert [photo.label for photo in photos[1:]] == ["007", ""]
    assert photos[0].file.startswith("front_door-") and photos[1].file.startswith("_gate-")
    assert photos[0].boxes.shape == (1, 4) and photos[1].boxes is None and photos[2].boxes is None
    for photo, content in zip(photos, (PHOTO, encode(digit=2), encode(digit=3)), strict=True):
        assert photo.path.read_bytes() == content


def test_more_digits_than_can_be_read_are_not_saved_as_no_number(open_page):
    image = Image.new("RGB", (1200, 120), "white")
    ImageDraw.Draw(image).text((30, 20), "012345678901234", "black", ImageFont.load_default(90))
    page = open_page()
    upload(page, encode_image(image))
    assert numbers(page)[0] == "more than 10 digits"
    page.click("#correct button")  # refused by the browser
    assert page.locator("#kept-list li").count() == 0
    page.fill("#label", "012345678901234")
    page.click("#correct button")
    assert page.locator("#kept-list b").inner_text() == "012345678901234"


def test_everything_works_by_keyboard(open_page):
    page = open_page()

    def tab_to(selector):
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"the keyboard does not reach {selector}")

    tab_to("#choose")
    tab_to("#examples li:nth-child(1) button")
    page.keyboard.press("Enter")
    page.wait_for_selector(DONE)
    assert "reads" in page.locator("#spoken").inner_text()
    tab_to("#box, #detect-again")
    tab_to("#threshold")
    page.keyboard.press("Home")
    assert page.locator(".verdict.accepted").count() == 2
    tab_to(".digit")
    page.keyboard.press("Enter")
    page.wait_for_selector("#attention:not([hidden])")
    assert page.evaluate("document.activeElement.className") == "digit"
    assert page.locator("#spoken").inner_text().startswith("Digit 1: ")
    tab_to("#label")
    page.keyboard.type("5")
    page.keyboard.press("Enter")
    page.wait_for_selector("#kept-list li")
    tab_to("#download")


def test_a_phone_shows_all_of_it(open_page):
    page = open_page(has_touch=True, is_mobile=True, color_scheme="dark")
    page.set_viewport_size({"width": 360, "height": 740})
    page.tap("#examples li:nth-child(1) button")
    page.wait_for_selector(DONE)
    choose(page, b"no image", name=f"{'x' * 150}.png")
    page.wait_for_selector("#message:has-text('cannot show')")
    long = Image.new("RGB", (900, 160), "white")
    ImageDraw.Draw(long).text((20, 20), "8068463920", "black", ImageFont.load_default(110))
    choose(page, encode_image(long), name="long.png")
    page.wait_for_selector(".number b:text('8068463920')")
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 360
    for button in page.locator("button:visible:not(.thumb)").all():
        assert button.bounding_box()["height"] >= 36
