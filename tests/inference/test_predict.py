"""The command that reads images, and the library under it."""

import csv
import errno
import functools
import io
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inference
import predict
from inference import Reader, files

_LOAD_ONCE = functools.cache(Reader)


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch):
    """The command loads the tests' weights once, for compiling them takes longer than reading."""
    monkeypatch.setattr(inference, "Reader", _LOAD_ONCE)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in [("b.png", (20, 40, 3)), ("a.jpg", (33, 21, 3)), ("sub/c.png", (9, 9))]:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    return tmp_path / "photos"


def test_a_folder_gives_a_row_for_each_image_in_order(weights, folder, capsys):
    assert predict.main([str(folder), "--weights", str(weights), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["file"] for row in rows] == [
        str(folder / name) for name in ("a.jpg", "b.png", "sub/c.png")
    ]
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_a_bad_file_is_named_and_the_others_are_read(weights, folder, capsys):
    (folder / "bad.png").write_bytes(b"\x89PNG but no more")
    os.mkfifo(folder / "pipe.png")
    (folder / "sub" / "round").symlink_to(folder)
    (folder / "._a.jpg").write_bytes(b"a desktop's note")
    (folder / "drawings").mkdir()
    (folder / "drawings" / "a.png").write_bytes(b"of an earlier time")
    for name, shape in (("dot.png", (1, 1)), ("sliver.png", (3, 20_000)), ("mast.png", (9000, 3))):
        Image.fromarray(np.full(shape, 99, np.uint8)).save(folder / name)
    arguments = [str(folder), str(folder / "gone.png"), "--weights", str(weights)]
    assert predict.main([*arguments, "--format", "json", "--draw", str(folder / "drawings")]) == 1
    printed = capsys.readouterr()
    assert len([json.loads(line) for line in printed.out.splitlines()]) == 6
    errors = printed.err.splitlines()
    assert len(errors) == 4
    assert "bad.png does not decode as an image" in errors[0]
    assert "pipe.png" in errors[1] and "gone.png" in errors[2]
    assert errors[3] == "predict.py: 3 of 9 could not be read"
    sizes = [Image.open(path).size for path in (folder / "drawings").rglob("*.png")]
    assert len(sizes) == 6
    assert all(320 <= width <= 1600 and height < 2000 for width, height in sizes)


def test_a_name_that_is_no_text_is_given_back_as_it_was(weights, folder, capsysbinary):
    name = os.fsencode(folder) + b"/caf\xe9.png"
    Path(os.fsdecode(name)).write_bytes((folder / "b.png").read_bytes())
    arguments = [os.fsdecode(name), "--weights", str(weights), "--draw", str(folder / "drawings")]
    assert predict.main(arguments) == 0
    assert capsysbinary.readouterr().out.rstrip().endswith(name)
    assert len(list((folder / "drawings").iterdir())) == 1


def test_what_is_interrupted_or_has_no_room_says_so(weights, folder, monkeypatch, capsys):
    arguments = [str(folder), "--weights", str(weights), "--draw", str(folder / "drawings")]

    def save(image, path, **_):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", save)
    assert predict.main(arguments) == 2
    assert "a.png cannot be written: No space left on device" in capsys.readouterr().err
    assert not any(path.is_file() for path in (folder / "drawings").rglob("*"))

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Reader, "read", stop)
    assert predict.main(arguments) == 130
    assert capsys.readouterr().err == "predict.py: stopped\n"


def test_photos_of_many_pixels_are_decoded_by_the_few(folder, monkeypatch):
    paths = list(files.find_images([str(folder)]))  # of 693, 800 and 81 pixels
    monkeypatch.setattr(files, "PIXELS", 1000)
    assert list(files.batches([*paths, "gone.png"])) == [paths[:1], [*paths[1:], "gone.png"]]
    monkeypatch.setattr(files, "PIXELS", 10)
    assert list(files.batches(paths)) == [[file] for file in paths]


def test_files_that_are_not_there_are_told_before_a_model_is_loaded(monkeypatch, capsys):
    monkeypatch.setattr(inference, "Reader", lambda weights: pytest.fail("loaded"))
    assert predict.main(["gone.png"]) == 2
    assert "There is no image at gone.png" in capsys.readouterr().err


def test_unsure_numbers_are_held_back(weights, folder, capsys):
    arguments = [str(folder), "--weights", str(weights), "--min-confidence", "1"]
    assert predict.main(arguments) == 0
    assert capsys.readouterr().out.count("(unsure)") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{folder}", "--weights", "nothing"], "Received: nothing"),
        (["{empty}"], "no images in"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, message, folder, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    names = {"folder": folder, "empty": tmp_path / "empty"}
    assert predict.main([a.format(**names) for a in arguments]) == 2
    assert message in capsys.readouterr().err


def test_images_are_drawn_with_what_was_read_in_them(weights, folder, tmp_path, capsys):
    arguments = [str(folder), "--weights", str(weights), "--draw", str(tmp_path / "drawings")]
    assert predict.main([*arguments, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    for row in rows:
        assert bool(row["left"]) == bool(row["number"])
        assert not row["number"] or float(row["left"]) <= float(row["right"])
    drawn = sorted((tmp_path / "drawings").rglob("*.png"))
    assert len(drawn) == 3
    for path in drawn:
        image = np.asarray(Image.open(path))
        assert image.shape[1] == 320
        assert (image[-28:] < 250).any()  # words in the band below


def test_no_two_images_are_drawn_to_one_file(tmp_path):
    names = ("a/b.jpg", "a_b.jpg", "a/b.png", "up/c.jpg", "up/c.jpg.gif", "up/d.jpg")
    files = [str(tmp_path / name) for name in names]
    drawn = predict.drawn_paths([*files, "-"], Path("out"))
    assert [str(drawn[file].relative_to("out")) for file in files] == [
        "a/b.jpg.png", "a_b.png", "a/b.png.png", "up/c.png", "up/c.jpg.gif.png", "up/d.png"
    ]  # fmt: skip
    assert len({*drawn.values()}) == 7
    assert predict.drawn_paths(["../up/x.jpg"], Path("out")) == {
        "../up/x.jpg": Path("out/x.png"),
        "-": Path("out/standard_input.png"),
    }
    long = predict.drawn_paths([str(tmp_path / ("é" * 127))], Path("out"))
    assert all(len(os.fsencode(path.name)) <= 255 for path in long.values())


def test_drawings_beside_images_overwrite_none_of_them(weights, folder):
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    assert predict.main([str(folder), "--weights", str(weights), "--draw", str(folder)]) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert (folder / "b.png.png").is_file()


def test_the_exit_status_tells_some_failures_from_only_failures(weights, folder):
    (folder / "bad.png").write_bytes(b"no image")
    good, bad, gone = (str(folder / name) for name in ("b.png", "bad.png", "gone.png"))
    given = ["--weights", str(weights)]
    assert predict.main([good, *given]) == 0
    assert predict.main([good, bad, *given]) == 1
    assert predict.main([good, gone, *given]) == 1
    assert predict.main([bad, gone, *given]) == 2


def test_a_file_as_the_folder_of_drawings_is_refused_before_a_model_is_loaded(
    folder, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(inference, "Reader", lambda weights: pytest.fail("loaded"))
    (tmp_path / "file").write_text("in the way")
    assert predict.main([str(folder), "--draw", str(tmp_path / "file")]) == 2
    assert "--draw takes a folder" in capsys.readouterr().err
