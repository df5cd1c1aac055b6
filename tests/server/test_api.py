"""The API: what it answers, and what it refuses."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import struct
import tempfile
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

import number_zoo
from number_zoo.lexicon import Lexicon
from number_zoo.server import uploads, workers
from number_zoo.server.api import create_app
from number_zoo.server.limits import Limits
from number_zoo.server.readers import load_readers
from tests.conftest import draw_plate, encode_image
from tests.server.samples import FIRST, PHOTO, SECOND, encode, three_plates

BASE64 = base64.b64encode(encode()).decode()
URLENCODED = {"content-type": "application/x-www-form-urlencoded"}
FORM = {"content-type": "multipart/form-data; boundary=x"}


def read(client, content=None, **params):
    content = encode() if content is None else content
    return client.post("/api/read", content=content, params=params)


def attention_of(digit):
    content = base64.b64decode(digit["attention"].split(",")[1])
    return np.asarray(Image.open(io.BytesIO(content)), np.float64)


def form(*contents, name="a.png"):
    return [("image", (name, content, "text/plain")) for content in contents]


def listed(text):
    return "lexicon", ("list.txt", text, "text/plain")


LISTED = {"image": BASE64, "lexicon": ["7", "12"]}


@pytest.fixture
def small(readers):
    """Makes a client of a server with limits of its own, whose default is the faster reader."""
    clients = []

    def make(**limits):
        app = create_app(dict(reversed(readers.items())), Limits(**limits))
        clients.append(TestClient(app, raise_server_exceptions=False))
        return clients[-1].__enter__()

    yield make
    for client in clients:
        client.__exit__(None, None, None)


def test_an_image_is_read_as_the_package_reads_it(client):
    (image,) = read(client, PHOTO, explain=True).json()["images"]
    assert (image["width"], image["height"], image["error"]) == (269, 241, None)
    (reading,) = image["readings"]
    expected = number_zoo.read(PHOTO, FIRST)
    assert (reading["model"], reading["number"]) == (FIRST, expected.number) == (FIRST, "473")
    assert reading["confidence"] == pytest.approx(expected.confidence, abs=1e-4)
    assert reading["box"] == pytest.approx(expected.box, abs=0.1)
    assert len(reading["length"]) == 12 and sum(reading["length"]) == pytest.approx(1, abs=1e-3)
    assert np.argmax(reading["length"]) == 3
    for place, digit in enumerate(reading["digits"]):
        assert sum(digit["probabilities"]) == pytest.approx(1, abs=1e-3)
        assert digit["probability"] == digit["probabilities"][digit["digit"]] > 0.5
        values = attention_of(digit)
        assert values.shape == (64, 160) and values.max() == 255
        # In pixels of the image, the map's center lies in the digit's third of the box.
        left, _, right, _ = reading["crop"]
        center = left + (values.sum(0) @ np.arange(160)) / values.sum() / 160 * (right - left)
        left, _, right, _ = reading["box"]
        assert abs(center - left - (place + 0.5) / 3 * (right - left)) < 30
    (without,) = read(client, PHOTO, model=SECOND, explain=True).json()["images"][0]["readings"]
    assert without["box"] is without["length"] is without["digits"][0]["attention"] is None


def test_a_number_on_its_side_is_read_with_and_without_a_box(client):
    image = Image.new("RGB", (300, 200), (90, 110, 90))
    draw_plate(image, 1, "402", (100, 20, 160, 170))
    for params in ({}, {"box": "90,10,170,180"}):
        (image_read,) = read(client, encode_image(image), model=FIRST, **params).json()["images"]
        (reading,) = image_read["readings"]
        assert (reading["number"], reading["turn"]) == ("402", 1)


def test_all_numbers_are_read_with_boxes_in_pixels_of_the_image(client):
    query = {"all": True, "explain": True, "model": [FIRST, SECOND]}
    files = form(three_plates(), encode(), encode(digit=0))
    numbers, whole, none = client.post("/api/read", files=files, params=query).json()["images"]
    assert none["readings"] == [] and none["error"] is None
    (reading,) = whole["readings"]
    assert (reading["model"], reading["number"], reading["turn"]) == (SECOND, "5", 0)
    assert reading["box"] == [0, 0, 60, 40]
    readings = [reading for reading in numbers["readings"] if reading["model"] == FIRST]
    assert numbers["readings"][:3] == readings and len(numbers["readings"]) == 6
    by_number = {reading["number"]: reading for reading in readings}
    assert {number: r["turn"] for number, r in by_number.items()} == {"175": 0, "402": 1, "31": 0}
    left, top, right, bottom = by_number["402"]["box"]
    assert 240 < left < right < 290 and 30 < top < bottom < 140
    # In pixels of the image, the attention of the turned number's digits goes downwards.
    centers = []
    for digit in by_number["402"]["digits"]:
        values = attention_of(digit)
        assert values.shape == (160, 64)
        centers.append(values.sum(1) @ np.arange(160) / values.sum())
    assert centers == sorted(centers) and centers[2] - centers[0] > 20


def test_large_files_of_a_form_are_kept_in_memory(client, monkeypatch):
    monkeypatch.delattr(tempfile.SpooledTemporaryFile, "rollover")  # to a file on disk
    large = encode(900, 600, "BMP")
    assert len(large) > 2**20
    assert client.post("/api/read", files=form(large)).status_code == 200


def test_several_images_and_models_keep_their_order(client):
    contents = [encode(30 + digit, 20, digit=digit) for digit in range(3)]
    answer = client.post("/api/read", files=form(*contents), params={"model": [SECOND, FIRST]})
    images = answer.json()["images"]
    assert [image["width"] for image in images] == [30, 31, 32]
    assert [image["readings"][0]["number"] for image in images] == ["0", "1", "2"]
    for image in images:
        assert [reading["model"] for reading in image["readings"]] == [SECOND, FIRST]


def test_a_bad_image_among_others_is_named_and_they_are_read(client):
    contents = [encode(), b"no image", encode()[:-300]]
    images = client.post("/api/read", files=form(*contents, name="b.jpg")).json()["images"]
    assert images[0]["error"] is None and images[0]["readings"]
    assert "b.jpg is not an image" in images[1]["error"]
    assert "b.jpg does not decode" in images[2]["error"] and not images[2]["readings"]


@pytest.mark.parametrize("kind", uploads.FORMATS)
def test_content_decides_not_the_name_or_type(client, kind):
    for content_type in ("text/html", "application/x-www-form-urlencoded", "image/png"):
        headers, content = {"content-type": content_type}, encode(kind=kind, digit=7)
        answer = client.post(f"/api/read/?model={SECOND}", content=content, headers=headers)
        (image,) = answer.json()["images"]
        assert (image["width"], image["height"]) == (60, 40)
        assert image["readings"][0]["number"] == "7"


def test_a_photo_held_sideways_has_its_box_as_it_is_seen(client):
    exif = Image.Exif()
    exif[0x0112] = 6
    (image,) = read(client, encode(80, 20, "JPEG", exif=exif)).json()["images"]
    assert (image["width"], image["height"]) == (20, 80)


@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize(
    ("image", "count"),
    [
        (BASE64, 1),
        ("data:image/png;base64," + BASE64, 1),
        (BASE64[:76] + "\n" + BASE64[76:], 1),
        ([BASE64, "data:;base64," + BASE64], 2),
    ],
)
def test_images_come_as_base64_in_json(client, image, count, kind):
    content, headers = json.dumps({"image": image}), {"content-type": kind}
    answer = client.post(f"/api/read?model={SECOND}", content=content, headers=headers)
    assert answer.json()["images"] == count * read(client, model=SECOND).json()["images"]


LEXICON = ["0402", "175", "31"]
WITH_LEXICON = {
    "parameters": {"content": three_plates(), "params": {"lexicon": ["0402,175", "31"]}},
    "a form": {"files": [*form(three_plates()), listed(b"0402\r\n175\r\n\r\n 31\r\n")]},
    "JSON": {"json": {"image": base64.b64encode(three_plates()).decode(), "lexicon": LEXICON}},
}


@pytest.mark.parametrize("how", WITH_LEXICON)
def test_a_lexicon_restricts_what_is_read_as_in_the_package(how, client, plate_locator):
    image, sent = three_plates(), {"params": {}} | WITH_LEXICON[how]
    of_all = sent | {"params": sent["params"] | {"all": True}}
    (every,) = client.post("/api/read", **of_all).json()["images"]
    expected = number_zoo.read_all(image, FIRST, plate_locator, LEXICON)
    assert [reading["number"] for reading in every["readings"]] == ["175", "31"]
    (one,) = client.post("/api/read", **sent).json()["images"]
    expected.append(number_zoo.read(image, FIRST, LEXICON))
    for reading, theirs in zip(every["readings"] + one["readings"], expected, strict=True):
        assert reading["number"] == theirs.number
        assert reading["confidence"] == pytest.approx(theirs.confidence, abs=1e-4)
        assert reading["box"] == pytest.approx(theirs.box, abs=0.1)


def test_a_lexicon_of_the_server_is_read_unless_a_request_has_its_own(plate_locator):
    readers = load_readers([FIRST], str(plate_locator), Lexicon(["743", "47", "7473"]))
    with TestClient(create_app(readers)) as client:
        assert client.get("/api/models").json()["models"][0]["lexicon"] == 3
        for params, number in [
            ({}, ""), ({"lexicon": "473,47"}, "473"), ({"box": "50,40,200,180"}, ""),
        ]:  # fmt: skip
            (image,) = read(client, PHOTO, **params).json()["images"]
            assert image["readings"][0]["number"] == number
        assert read(client, three_plates(), all=True).json()["images"][0]["readings"] == []


def test_a_locator_is_used_while_its_file_is_replaced(plate_locator, tmp_path):
    path = tmp_path / "plates.onnx"
    path.write_bytes(plate_locator.read_bytes())
    readers = load_readers([FIRST], str(path))
    path.write_bytes(b"half of anoth")
    image = Image.new("RGB", (1200, 900), (90, 110, 90))
    draw_plate(image, 0, "175", (200, 400, 260, 425))  # too small to be read in the whole image
    with TestClient(create_app(readers)) as client:
        for params in ({}, {"all": True}):
            (answer,) = read(client, encode_image(image), **params).json()["images"]
            assert [reading["number"] for reading in answer["readings"]] == ["175"]


def test_the_default_limit_of_a_lexicon_is_enough_for_a_marathon(client):
    numbers = [str(number) for number in range(20_000)]
    assert client.post("/api/read", json={"image": BASE64, "lexicon": numbers}).status_code == 200


def test_a_box_is_read_rather_than_detected(client):
    answer = read(client, PHOTO, box="200,100,260,160", model=[FIRST, SECOND]).json()
    for reading in answer["images"][0]["readings"]:
        assert reading["crop"][0] > 150 and reading["crop"][1] > 50 and reading["number"] != "473"
    beyond = read(client, PHOTO, box="50,40,200,800").json()["images"][0]["readings"][0]
    assert beyond["crop"][3] <= 241 and beyond["number"] == "473"


IN_PIXELS = "in pixels of the image, 60 x 40, not in fractions of it; at least 3 pixels"


@pytest.mark.parametrize(
    ("status", "request_", "words"),
    [
        (422, {"params": {"box": "1,2,3"}}, "box: accepted are left,top,right,bottom"),
        (422, {"params": {"box": "1,2,nan,4"}}, "Received: '1,2,nan,4'"),
        (422, {"params": {"box": "5,2,1,4"}}, "right > left"),
        (422, {"params": {"box": "500,20,600,40"}}, IN_PIXELS),
        (422, {"params": {"box": "0.1,0.2,0.8,0.9"}}, IN_PIXELS),
        (
            422,
            {"params": {"box": "10,10,12,30"}, "headers": URLENCODED},
            "Received: 10, 10, 12, 30",
        ),
        (422, {"params": {"box": "1,1,9,9"}, "files": form(b"a", b"b")}, "Received: 2 images"),
        (422, {"params": {"box": "1,1,9,9", "all": True}}, "a request has one of them"),
        (422, {"params": {"model": FIRST[:-2]}}, f"Known: {FIRST}"),
        (422, {"params": {"explain": "perhaps"}}, "explain"),
        (400, {"content": b""}, "as the body, for example: curl --data-binary @photo.jpg http"),
        (
            400,
            {"content": b"", "params": {"all": "true"}},
            "photo.jpg 'http://testserver/api/read?all=true'",
        ),
        (422, {"params": {"explian": "1"}}, "unknown parameter 'explian'. Known: explain, "),
        (400, {"content": b"--x\r\nrubbish", "headers": FORM}, "multipart"),
        (400, {"content": b"a", "headers": {"content-type": "multipart/form-data"}}, "multipart"),
        (422, {"files": form(encode()), "data": {"model": FIRST}}, "?model=NAME"),
        (413, {"files": form(*33 * [b"a"])}, "at most 32 images"),
        (415, {"content": b"GIF89a"}, "JPEG, PNG, WebP, GIF"),
        (
            415,
            {"content": encode(kind="TIFF")},
            "curl --data-binary @photo.jpg http://testserver/a",
        ),
        (415, {"content": encode(kind="EPS")}, "not an image"),
        (415, {"content": b"\0\0\0\x1cftypavif" + bytes(60)}, "HEIC or AVIF: save it as JPEG"),
        (415, {"files": form(b"x")}, "of the form, for example: curl -F image=@photo.jpg http"),
        (
            415,
            {"content": encode()[:9], "headers": URLENCODED},
            "form, such as of curl -d",
        ),
        (422, {"content": encode()[:-300], "headers": URLENCODED}, "does not decode"),
        (422, {"content": encode()[:-300], "headers": URLENCODED}, "curl --data-binary"),
        (422, {"content": encode(kind="JPEG")[:-40]}, "does not decode as an image (JPEG, PNG, W"),
        (422, {"json": {}}, "image: Field required"),
        (422, {"json": {"image": BASE64, "model": FIRST}}, "?model=NAME. Received: model: Extra"),
        (422, {"json": {"image": []}}, 'A JSON body is {"image"'),
        (422, {"json": {"image": "https://example.org/1.jpg"}}, "Received: 'https://example.org/1"),
        (422, {"json": {"image": 40_000 * ["a"]}}, "far more"),
        (422, {"json": [BASE64]}, "A JSON body is"),
        (413, {"json": {"image": 33 * [BASE64]}}, "at most 32 images"),
        (415, {"json": {"image": "aaaa"}}, "not an image"),
        (422, {"params": {"lexicon": "7,12B,3"}}, "digits 0 to 9. Received: '12B'"),
        (422, {"params": {"lexicon": ["7", ""]}}, "Received: ''"),
        (422, {"params": {"lexicon": "12345678901"}}, f"{FIRST}: the lexicon has 12345678901, but"),
        (422, {"params": {"lexicon": "12", "model": SECOND}}, "at most 1 digits"),
        (422, {"params": {"lexicon": "7"}, "json": LISTED}, "one as a parameter too"),
        (422, {"json": LISTED | {"lexicon": ["7", "x"]}}, "digits 0 to 9. Received: 'x'"),
        (422, {"json": LISTED | {"lexicon": []}}, "Received: none"),
        (422, {"json": LISTED | {"lexicon": ["7", 12]}}, "lexicon.1: Input should be a valid str"),
        (422, {"files": [*form(encode()), listed(b"7\n 12 \n13B\n")]}, "list.txt is not a text"),
        (422, {"files": [*form(encode()), listed(b"7\n 12 \n13B\n")]}, "line: a lexicon"),
        (422, {"files": [*form(encode()), listed(b"7"), listed(b"7")]}, "one lexicon. Received: 2"),
        (413, {"files": [*form(encode()), listed(bytes(131_073))]}, "131,072 bytes. Received: 131"),
        (413, {"json": LISTED | {"lexicon": 20 * [7_000 * "7"]}}, "131,072 bytes. Received: 140"),
        (400, {"files": [listed(b"7")]}, "of the form, for example: curl -F image=@photo.jpg"),
    ],
)
def test_a_wrong_request_is_told_what_is_accepted(client, status, request_, words):
    body = {} if {"content", "files", "json"} & request_.keys() else {"content": encode()}
    answer = client.post("/api/read", **request_, **body)
    assert answer.status_code == answer.json()["status"] == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]
    by_curl_d = request_.get("headers") == URLENCODED and "box" not in request_.get("params", {})
    assert ("curl -d" in answer.json()["detail"]) == by_curl_d


def test_unknown_paths_and_methods(client):
    for status, answer, words in [
        (404, client.get("/api/nothing"), "Not found: /api/nothing"),
        (404, client.get("/static/"), "Not found: /static"),
        (404, client.get("/static/..%2fapi.py"), "Not found"),
        (405, client.get("/api/read"), "does not take GET"),
    ]:
        assert answer.status_code == status and words in answer.json()["detail"]


def test_pages_of_other_origins_use_the_api_only_where_allowed(readers):
    here = "https://example.org"
    asked = {"access-control-request-method": "POST",
             "access-control-request-headers": "content-type"}  # fmt: skip
    for origin, allowed, expected in [
        (here, [], None),
        (here, ["http://localhost:3000", here], here),
        ("https://example.com", [here], None),
        (here, ["*"], "*"),
    ]:
        client = TestClient(create_app(readers, origins=allowed))
        preflight = client.options("/api/read", headers={"origin": origin, **asked})
        for answer in (preflight, client.get("/api/models", headers={"origin": origin})):
            assert answer.headers.get("access-control-allow-origin") == expected


def test_what_is_too_large_is_refused_before_it_is_decoded(small, monkeypatch):
    client = small(body=20_000, pixels=10_000)
    monkeypatch.setattr("number_zoo.server.uploads.decode_image", lambda *_, **__: 1 / 0)
    side = 20_000
    bomb = struct.pack("<2sIIIIiiHH24x", b"BM", 54, 0, 54, 40, side, side, 1, 24)
    for answer, words in [
        (read(client, bytes(20_001)), "at most 0 MiB"),
        (read(client, (bytes(9_000) for _ in range(3))), "Received: more"),  # of unsaid length
        (read(client, encode(101, 100, "GIF")), "Received: 101 x 100"),
        (read(client, bomb), "far more"),
    ]:
        assert answer.status_code == 413 and words in answer.json()["detail"], answer.text


@pytest.mark.parametrize("limits", [{"requests": 0}, {"bodies": 100}, {"queue": 0}])
def test_what_is_too_much_is_told_when_to_come_back(small, limits):
    answer = read(small(**limits))
    assert answer.status_code == answer.json()["status"] == 503
    assert int(answer.headers["retry-after"]) >= 1


def test_small_images_are_read_while_large_ones_wait_for_each_other(small, monkeypatch):
    asked, may = [], threading.Event()
    decode = uploads.decode_image

    def decode_slowly(data, **options):
        image = decode(data, **options)
        asked.append(image.shape[1])
        assert image.shape[1] < 60 or may.wait(10)
        return image

    monkeypatch.setattr("number_zoo.server.uploads.decode_image", decode_slowly)
    client = small(large=1_500)
    with ThreadPoolExecutor(1) as beside:
        large = beside.submit(client.post, "/api/read", files=form(encode(), encode()))
        while not asked:
            time.sleep(0.01)
        assert read(client, encode(30, 20)).status_code == 200
        assert asked == [60, 30]
        may.set()
        assert large.result().status_code == 200
    assert asked == [60, 30, 60]


def test_what_nobody_waits_for_any_more_is_not_done():
    done, may = [], threading.Event()

    async def scenario():
        with workers.Workers(1, 10) as pool:
            first = asyncio.create_task(pool.run(may.wait))
            others = [asyncio.create_task(pool.run(lambda n=n: done.append(n))) for n in range(3)]
            await asyncio.sleep(0.05)
            others[1].cancel()
            await asyncio.sleep(0.05)
            may.set()
            await asyncio.gather(first, *others, return_exceptions=True)
            assert pool.jobs == 0

    asyncio.run(scenario())
    assert done == [0, 2]


def test_a_jpeg_of_countless_scans_is_not_decoded(client):
    image = encode(kind="JPEG", progressive=True)
    assert read(client, image).status_code == 200
    again = image[:-2] + 101 * b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + image[-2:]
    assert "scans" in read(client, again).json()["detail"]


def test_an_image_of_countless_parts_is_given_up_and_holds_nobody_up(small, monkeypatch):
    client, threads = small(reads=300), set()
    measure = uploads.measure

    def noted(*arguments):
        threads.add(threading.current_thread().name.partition("_")[0])
        return measure(*arguments)

    monkeypatch.setattr("number_zoo.server.uploads.measure", noted)
    jpeg, png = encode(kind="JPEG"), encode()
    assert read(client, jpeg).status_code == read(client, png).status_code == 200
    part = b"\0\0\0\0tiNy" + zlib.crc32(b"tiNy").to_bytes(4, "big")
    for sent in (jpeg[:2] + 300 * b"\xff\xfe\0\2" + jpeg[2:], png[:-12] + 300 * part + png[-12:]):
        answer = read(client, sent)
        assert answer.status_code == 422 and "too many parts" in answer.json()["detail"]
    assert threads == {"asyncio"}  # not the one that all requests go through


def test_a_body_that_does_not_come_is_not_waited_for(small):
    app, sent = small(receive_seconds=0.05).app, []

    async def never():
        await asyncio.sleep(60)

    async def note(message):
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/api/read", "query_string": b"",
        "headers": [], "scheme": "http", "server": ("x", 1), "http_version": "1.1",
    }  # fmt: skip
    asyncio.run(app(scope, never, note))
    assert sent[0]["status"] == 408


def test_faults_are_told_to_the_log_and_not_to_the_client(client, readers, monkeypatch, caplog):
    def fail(*_):
        raise RuntimeError("secret")

    monkeypatch.setattr(readers[FIRST], "read", fail)
    with caplog.at_level(logging.ERROR):
        answer = read(client)
    assert answer.status_code == 500
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_models_and_health(client):
    models = client.get("/api/models/").json()["models"]
    assert [model["name"] for model in models] == [FIRST, SECOND]
    assert [model["finds_box"] for model in models] == [True, False]
    assert models[0]["input"] == [64, 160, 3] and models[0]["max_digits"] == 10
    assert models[0]["lexicon"] is None
    assert models[0]["parameters"] == 745_741 and "non-commercial" in models[0]["licence"]
    assert client.get("/healthz").json() == {"status": "ok", "waiting": 0, "requests": 0}
    assert client.head("/healthz").status_code == 200


def test_a_model_that_hangs_is_no_good_health(client, readers, monkeypatch):
    responses = []

    def hang(*_):
        responses.append(client.get("/healthz"))
        raise RuntimeError

    monkeypatch.setattr(readers[FIRST], "read", hang)
    read(client)
    monkeypatch.setattr(workers, "STUCK", 0.0)
    read(client)
    assert [answer.status_code for answer in responses] == [200, 503]
    assert "does not return" in responses[1].json()["detail"]
    assert client.get("/healthz").status_code == 200


def test_every_answer_is_guarded(client):
    for answer in (client.get("//"), client.get("/nothing"), read(client), read(client, b"x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers
    assert read(client).headers["cache-control"] == "no-store"
