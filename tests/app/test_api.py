"""The API: what it answers, and what it says when it does not."""

from __future__ import annotations

import asyncio
import base64
import io
import logging
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from app import batching, uploads
from app.limits import Limits
from app.readers import Task
from app.server import create_app
from number_zoo.images import decode_image
from tests.app.samples import encode

FIRST, SECOND = "residual_cnn_tiny", "deep_cnn_tiny"


def read(client, content=None, **params):
    content = encode() if content is None else content
    return client.post("/api/read", content=content, params=params)


def form(*contents, name="a.png"):
    return [("image", (name, content, "text/plain")) for content in contents]


@pytest.fixture
def small(readers):
    """Makes a client of a server with limits of its own."""
    open_clients = []

    def make(**limits):
        client = TestClient(create_app(readers, Limits(**limits)), raise_server_exceptions=False)
        open_clients.append(client)
        return client.__enter__()

    yield make
    for client in open_clients:
        client.__exit__(None, None, None)


def test_an_image_is_read_as_the_library_reads_it(client, readers):
    content = encode(90, 70)
    (image,) = read(client, content, explain=True).json()["images"]
    assert (image["width"], image["height"], image["error"]) == (90, 70, None)
    (reading,) = image["readings"]
    (expected,) = readers[FIRST].read([Task(decode_image(content))])
    assert reading["model"] == FIRST
    assert reading["number"] == expected.number
    assert reading["confidence"] == pytest.approx(expected.confidence, abs=1e-4)
    assert reading["crop"] == pytest.approx(expected.crop, abs=0.2)
    assert len(reading["length"]) == 5 and sum(reading["length"]) == pytest.approx(1, abs=1e-3)
    assert len(reading["digits"]) == len(reading["number"].rstrip("+"))


def test_each_digit_has_its_chances_and_where_the_model_looked(client):
    answer = read(client, explain=True, model=[FIRST, SECOND]).json()
    for reading in answer["images"][0]["readings"]:
        assert len(reading["digits"]) == 2
        for digit in reading["digits"]:
            assert len(digit["probabilities"]) == 10
            assert sum(digit["probabilities"]) == pytest.approx(1, abs=1e-3)
            assert digit["probability"] == max(digit["probabilities"])
            attention = Image.open(io.BytesIO(base64.b64decode(digit["attention"].split(",")[1])))
            assert attention.size == (32, 16) and np.asarray(attention).max() == 255


def test_several_images_and_models_keep_their_order(client):
    contents = [encode(30 + n, 20, seed=n) for n in range(3)]
    answer = client.post("/api/read", files=form(*contents), params={"model": [SECOND, FIRST]})
    images = answer.json()["images"]
    assert [image["width"] for image in images] == [30, 31, 32]
    for image, content in zip(images, contents, strict=True):
        assert [reading["model"] for reading in image["readings"]] == [SECOND, FIRST]
        (alone,) = read(client, content, model=SECOND).json()["images"][0]["readings"]
        assert alone["number"] == image["readings"][0]["number"]
        assert alone["confidence"] == pytest.approx(image["readings"][0]["confidence"], abs=1e-3)


def test_a_bad_image_among_others_is_named_and_they_are_read(client):
    contents = [encode(), b"no image", encode()[:-300]]
    images = client.post("/api/read", files=form(*contents, name="b.jpg")).json()["images"]
    assert images[0]["error"] is None and images[0]["readings"]
    assert "b.jpg is not an image" in images[1]["error"]
    assert "b.jpg does not decode" in images[2]["error"] and not images[2]["readings"]


def test_content_decides_not_the_name_or_type(client):
    for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP"):
        answer = client.post(
            "/api/read", content=encode(kind=kind), headers={"content-type": "text/html"}
        )
        assert answer.status_code == 200, kind
    assert read(client, encode(kind="TIFF")).status_code == 415
    assert read(client, encode(kind="EPS")).status_code == 415


def test_a_photo_held_sideways_has_its_box_as_it_is_seen(client):
    exif = Image.Exif()
    exif[0x0112] = 6
    (image,) = read(client, encode(80, 20, "JPEG", exif=exif)).json()["images"]
    assert (image["width"], image["height"]) == (20, 80)


def test_a_box_is_read_rather_than_looked_for(client, readers):
    content = encode(200, 100)
    answer = read(client, content, box="120,20,190,80", model=[FIRST, SECOND])
    for reading in answer.json()["images"][0]["readings"]:
        task = Task(decode_image(content), np.float32([120, 20, 190, 80]))
        (expected,) = readers[reading["model"]].read([task])
        assert reading["crop"] == pytest.approx(expected.crop, abs=0.2)
        assert reading["crop"][0] > 60
    beyond = read(client, content, box="-50,20,190,800")
    assert beyond.json()["images"][0]["readings"][0]["crop"][3] <= 100


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"box": "1,2,3"}, "box is left,top,right,bottom"),
        ({"box": "1,2,nan,4"}, "Received: '1,2,nan,4'"),
        ({"box": "5,2,1,4"}, "right > left"),
        ({"box": "500,20,600,40"}, "box is in the image, 60 x 40"),
        ({"model": "residual_cnn"}, f"Known: {FIRST}"),
        ({"explain": "perhaps"}, "explain"),
    ],
)
def test_a_parameter_that_does_not_fit_is_said(client, params, words):
    answer = read(client, **params)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in answer.json()["detail"]


def test_requests_that_cannot_be_answered(client):
    post = client.post
    multipart = {"content-type": "multipart/form-data; boundary=x"}
    for status, answer, words in [
        (400, read(client, b""), "Received: none"),
        (400, post("/api/read", content=b"--x\r\nrubbish", headers=multipart), "multipart"),
        (400, post("/api/read", content=b"a", headers={"content-type": "multipart/form-data"}), ""),
        (422, post("/api/read", files=form(encode()), data={"model": FIRST}), "?model=NAME"),
        (422, post("/api/read", files=form(encode(), encode()), params={"box": "1,1,9,9"}), "2"),
        (404, client.get("/api/nothing"), "Not found: /api/nothing"),
        (404, client.get("/static/..%2fserver.py"), "Not found"),
        (405, client.get("/api/read"), "does not take GET"),
        (415, read(client, b"GIF89a"), "not an image"),
        (422, read(client, encode(kind="JPEG")[:-200]), "does not decode"),
    ]:
        assert answer.status_code == status, answer.text
        assert answer.json()["status"] == status and words in answer.json()["detail"]


def test_what_is_too_large_is_refused_before_it_is_decoded(small, monkeypatch):
    client = small(body=20_000, pixels=10_000, files=2)
    monkeypatch.setattr("app.uploads.decode_image", lambda *_, **__: 1 / 0)
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    for answer, words in [
        (read(client, bytes(20_001)), "at most 0 MiB"),
        (read(client, (bytes(9_000) for _ in range(3))), "Received: more"),  # of unsaid length
        (read(client, encode(101, 100, "GIF")), "Received: 101 x 100"),
        (read(client, bomb.getvalue()[:20_000]), "far more"),
        (client.post("/api/read", files=form(b"a", b"b", b"c")), "at most 2 images"),
    ]:
        assert answer.status_code == 413 and words in answer.json()["detail"], answer.text


def test_what_is_too_much_is_told_when_to_come_back(small):
    for client in (small(requests=0), small(bodies=100)):
        answer = read(client)
        assert answer.status_code == answer.json()["status"] == 503
        assert int(answer.headers["retry-after"]) >= 1


def test_small_images_are_read_while_large_ones_wait_for_each_other(small, monkeypatch):
    asked, may = [], threading.Event()

    def decode(data, **options):
        image = decode_image(data, **options)
        asked.append(image.shape[1])
        assert image.shape[1] < 60 or may.wait(10)
        return image

    monkeypatch.setattr("app.uploads.decode_image", decode)
    client = small(large=1_500)
    with ThreadPoolExecutor(1) as beside:
        large = beside.submit(client.post, "/api/read", files=form(encode(), encode(seed=1)))
        while not asked:
            time.sleep(0.01)
        assert read(client, encode(30, 20)).status_code == 200
        assert asked == [60, 30]
        may.set()
        assert large.result().status_code == 200
    assert asked == [60, 30, 60]


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

    monkeypatch.setattr("app.uploads.measure", noted)
    jpeg, png = encode(kind="JPEG"), encode()
    assert read(client, jpeg).status_code == read(client, png).status_code == 200
    part = b"\0\0\0\0tiNy" + zlib.crc32(b"tiNy").to_bytes(4, "big")
    for sent in (jpeg[:2] + 300 * b"\xff\xfe\0\2" + jpeg[2:], png[:-12] + 300 * part + png[-12:]):
        answer = read(client, sent)
        assert answer.status_code == 422 and "too many parts" in answer.json()["detail"]
    assert threads == {"decode"}  # not the one that all requests go through


def test_a_body_that_does_not_come_is_not_waited_for(small):
    app = small(receive_seconds=0.05).app
    sent = []

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
    def fail(tasks):
        raise RuntimeError("secret")

    monkeypatch.setattr(readers[FIRST], "read", fail)
    with caplog.at_level(logging.ERROR):
        answer = read(client)
    assert answer.status_code == 500
    assert "secret" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_models_and_health(client):
    models = client.get("/api/models").json()["models"]
    assert [model["name"] for model in models] == [FIRST, SECOND]
    assert [model["finds_box"] for model in models] == [True, False]
    assert models[0]["input"] == [16, 32, 3] and models[0]["max_digits"] == 3
    assert client.get("/healthz").json() == {"status": "ok", "waiting": 0, "requests": 0}
    assert client.head("/healthz").status_code == 200


def test_a_model_that_hangs_is_no_good_health(client, readers, monkeypatch):
    responses = []

    def hang(tasks):
        responses.append(client.get("/healthz"))
        raise RuntimeError

    monkeypatch.setattr(readers[FIRST], "read", hang)
    read(client)
    monkeypatch.setattr(batching, "STUCK", 0.0)
    read(client)
    assert [answer.status_code for answer in responses] == [200, 503]
    assert "does not return" in responses[1].json()["detail"]
    assert client.get("/healthz").status_code == 200


def test_every_answer_is_guarded(client):
    for answer in (client.get("/"), client.get("/nothing"), read(client), read(client, b"x")):
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
        assert answer.headers["x-frame-options"] == "DENY"
        assert "server" not in answer.headers
    assert read(client).headers["cache-control"] == "no-store"
