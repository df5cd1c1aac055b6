"""The command that reads pictures, and the library under it."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

import predict
from reading import Reader, read


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, shape in [("b.png", (20, 40, 3)), ("a.jpg", (33, 21, 3)), ("sub/c.png", (9, 9))]:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, shape, np.uint8)).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("no picture")
    return tmp_path / "photos"


def test_one_picture_is_read_as_it_is_among_many(weights):
    rng = np.random.default_rng(1)
    pictures = [rng.integers(0, 256, (10 + n, 30, 3), np.uint8) for n in range(70)]
    together, reader = read(pictures, weights), Reader(weights)
    assert len(together) == 70
    for index in (0, 63, 64, 69):
        alone = reader.read([pictures[index]])[0]
        assert alone.number == together[index].number
        assert alone.confidence == pytest.approx(together[index].confidence, abs=1e-4)


def test_a_folder_gives_a_row_for_each_picture_in_order(weights, folder, capsys):
    assert predict.main([str(folder), "--weights", str(weights), "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["file"] for row in rows] == [
        str(folder / name) for name in ("a.jpg", "b.png", "sub/c.png")
    ]
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_a_bad_file_is_named_and_the_others_are_read(weights, folder, capsys):
    (folder / "bad.png").write_bytes(b"\x89PNG but no more")
    arguments = [str(folder), str(folder / "gone.png"), "--weights", str(weights)]
    assert predict.main([*arguments, "--format", "json"]) == 1
    printed = capsys.readouterr()
    assert len([json.loads(line) for line in printed.out.splitlines()]) == 3
    assert "bad.png does not decode as a picture" in printed.err
    assert "gone.png" in printed.err


def test_unsure_numbers_are_held_back(weights, folder, capsys):
    arguments = [str(folder), "--weights", str(weights), "--min-confidence", "1"]
    assert predict.main(arguments) == 0
    assert capsys.readouterr().out.count("(unsure)") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x.png", "--weights", "nothing"], "Received: nothing"),
        (["{empty}"], "no pictures in"),
    ],
)
def test_what_cannot_be_done_is_said(arguments, message, tmp_path, capsys):
    assert predict.main([a.format(empty=tmp_path) for a in arguments]) == 2
    assert message in capsys.readouterr().err


def test_pictures_are_drawn_with_what_was_read_in_them(weights, folder, tmp_path, capsys):
    arguments = [str(folder), "--weights", str(weights), "--draw", str(tmp_path / "seen")]
    assert predict.main([*arguments, "--format", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    for row in rows:
        assert bool(row["left"]) == bool(row["number"])
        assert not row["number"] or float(row["left"]) <= float(row["right"])
    drawn = sorted((tmp_path / "seen").iterdir())
    assert len(drawn) == 3
    for path in drawn:
        picture = np.asarray(Image.open(path))
        assert picture.shape[1] == 320
        assert (picture[-28:] < 250).any()  # words in the band below


def test_a_folder_that_cannot_be_made_is_an_error(weights, folder, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    arguments = [str(folder), "--weights", str(weights), "--draw", str(tmp_path / "file")]
    assert predict.main(arguments) == 2
    assert "file" in capsys.readouterr().err
