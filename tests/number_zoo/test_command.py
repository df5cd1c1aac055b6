"""The command that reads images."""

import csv
import errno
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from number_zoo import Reader, files, reader
from number_zoo.command import drawn_paths, main
from number_zoo.draw import draw_all
from number_zoo.output import Writer, open_output, progress
from number_zoo.predictions import Reading
from number_zoo.published import SMALL_WEIGHTS
from tests.conftest import draw_plate

NAMES = ("a.jpg", "b.png", "sub/c.png")


@pytest.fixture(scope="module")
def small(plate_locator):
    return Reader(SMALL_WEIGHTS, locator=plate_locator)


@pytest.fixture(autouse=True)
def opened(monkeypatch, small):
    monkeypatch.setattr(reader, "open_reader", lambda *_, **__: small)


@pytest.fixture
def no_reader(monkeypatch):
    monkeypatch.setattr(reader, "open_reader", lambda *_, **__: pytest.fail("loaded"))


def rows_of(text: str) -> list[dict]:
    return list(csv.DictReader(io.StringIO(text)))


def test_a_bad_file_is_named_and_the_others_are_read(folder, capsys):
    (folder / "bad.png").write_bytes(b"\x89PNG but no more")
    os.mkfifo(folder / "pipe.png")
    (folder / "sub" / "round").symlink_to(folder)
    (folder / "._a.jpg").write_bytes(b"a desktop's note")
    (folder / "drawings").mkdir()
    (folder / "drawings" / "a.png").write_bytes(b"of an earlier time")
    for name, shape in (("dot.png", (1, 1)), ("sliver.png", (3, 20_000)), ("mast.png", (9000, 3))):
        Image.fromarray(np.full(shape, 99, np.uint8)).save(folder / name)
    arguments = [str(folder), str(folder / "gone.png"), "--format", "json"]
    assert main([*arguments, "--draw", str(folder / "drawings")]) == 1
    printed = capsys.readouterr()
    assert len([json.loads(line) for line in printed.out.splitlines()]) == 6
    errors = printed.err.splitlines()
    assert len(errors) == 4
    assert "bad.png does not decode as an image" in errors[0]
    assert "pipe.png" in errors[1] and "gone.png" in errors[2]
    assert errors[3] == "number-zoo: 3 of 9 could not be read"
    sizes = [Image.open(path).size for path in (folder / "drawings").rglob("*.png")]
    assert len(sizes) == 6
    assert all(320 <= width <= 1600 and height < 2000 for width, height in sizes)
    assert main([str(folder / "bad.png"), str(folder / "gone.png")]) == 2


def test_a_name_that_is_no_text_is_given_back_as_it_was(folder, tmp_path, capsysbinary):
    name = os.fsencode(folder) + b"/caf\xe9.png"
    Path(os.fsdecode(name)).write_bytes((folder / "b.png").read_bytes())
    arguments = [os.fsdecode(name), "--draw", str(folder / "drawings")]
    assert main(arguments) == 0
    assert capsysbinary.readouterr().out.rstrip().endswith(name)
    assert len(list((folder / "drawings").iterdir())) == 1
    for output in ("rows.csv", "rows.jsonl"):
        for _ in range(2):
            arguments = [os.fsdecode(name), "--output", str(tmp_path / output), "--skip-done"]
            assert main(arguments) == 0
        _, done = open_output(tmp_path / output, output.rpartition(".")[2].rstrip("l"), True)
        assert done == {os.fsdecode(name)}


def test_what_is_interrupted_or_has_no_room_says_so(folder, monkeypatch, capsys):
    arguments = [str(folder), "--draw", str(folder / "drawings")]

    def save(image, path, *_, **__):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", save)
    assert main(arguments) == 2
    assert "a.png cannot be written: No space left on device" in capsys.readouterr().err
    assert not any(path.is_file() for path in (folder / "drawings").rglob("*"))

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Reader, "read", stop)
    assert main(arguments) == 130
    assert capsys.readouterr().err == "number-zoo: stopped\n"


def test_a_full_disk_is_named_with_the_output(folder, tmp_path, monkeypatch, capsys):
    def write(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Writer, "__call__", write)
    assert main([str(folder), "--output", str(tmp_path / "full.csv")]) == 2
    error = capsys.readouterr().err
    assert "full.csv cannot be written: No space left on device. Rows" in error
    assert main([str(folder)]) == 2
    error = capsys.readouterr().err
    assert error == "number-zoo: standard output cannot be written: No space left on device\n"


def test_an_image_is_read_from_standard_input(folder, monkeypatch, capsys):
    content = SimpleNamespace(buffer=io.BytesIO((folder / "b.png").read_bytes()))
    monkeypatch.setattr("sys.stdin", content)
    assert main(["-", "--format", "json", "--draw", str(folder / "drawn")]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == "-"
    assert (folder / "drawn" / "standard_input.png").is_file()


@pytest.mark.parametrize("options", [[], ["--all"]])
def test_images_from_standard_input_are_appended(options, folder, tmp_path, monkeypatch):
    output = tmp_path / "rows.csv"
    for name in ("a.jpg", "b.png"):
        stdin = SimpleNamespace(buffer=io.BytesIO((folder / name).read_bytes()))
        monkeypatch.setattr(sys, "stdin", stdin)
        assert main(["-", "--output", str(output), "--skip-done", *options]) == 0
    assert [row["file"] for row in rows_of(output.read_text())] == ["-", "-"]


def test_closed_streams_do_no_harm(folder, monkeypatch):
    (folder / "bad.png").touch()
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(f"sys.{name}", None)
    assert main([str(folder), "-"]) == 1
    for name in ("stdin", "stdout", "stderr"):
        getattr(sys, name).close()


def test_a_pattern_that_no_shell_has_replaced_is_its_files(folder):
    (folder / "[1].png").touch()
    pattern, literal = str(folder / "*.png"), str(folder / "[1].png")
    paths = list(files.find_images([pattern, literal, "-", "no*.png"]))
    assert paths == [literal, str(folder / "b.png"), literal, "-", "no*.png"]


def test_photos_of_many_pixels_are_decoded_by_the_few(folder, monkeypatch):
    paths = list(files.find_images([str(folder)]))  # of 693, 800 and 81 pixels
    monkeypatch.setattr(files, "PIXELS", 1000)
    assert list(files.batches([*paths, "gone.png"])) == [paths[:1], [*paths[1:], "gone.png"]]
    monkeypatch.setattr(files, "PIXELS", 10)
    data = Path(paths[0]).read_bytes()
    images = [*paths, data, io.BytesIO(data), Image.open(paths[0]), np.zeros((4, 4))]
    assert list(map(len, files.batches(images))) == [1] * len(images)


def test_unsure_numbers_are_withheld(folder, capsys):
    assert main([str(folder), "--min-confidence", "1"]) == 0
    assert capsys.readouterr().out.count("(unsure)") == 3
    assert main([str(folder), "--min-confidence", "1", "--format", "csv"]) == 0
    assert capsys.readouterr().out.count(",?,") == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.png"], "There is no image at gone.png"),
        ([""], "There is no image at ''"),
        (["{empty}"], "no images in"),
        (["{folder}", "--draw", "{file}"], "--draw takes a folder"),
        (["{folder}", "--output", "{file}"], "--output is a .csv, .json or .jsonl file"),
        (["{folder}", "--output", "x.csv", "--format", "json"], "x.csv with --format json"),
        (["{folder}", "--output", "{empty}/none/x.csv"], "make it first"),
        (["{folder}", "--output", "{empty}", "--format", "csv"], "which is a folder or a device"),
        (["{folder}", "--output", "{rows}"], "resume it with --skip-done"),
        (["{folder}", "--output", "{rows}", "--skip-done"], "the first line is 'a,b'"),
        (["{folder}", "--output", "{one}", "--skip-done", "--all"], "bottom'. Name another"),
        (["{folder}", "--output", "{json}", "--skip-done", "--all"], "confidence, box. Name"),
    ],
)
@pytest.mark.usefixtures("no_reader")
def test_what_cannot_be_done_is_said_before_a_model_is_loaded(
    arguments, message, folder, tmp_path, capsys
):
    names = {"folder": folder, "empty": tmp_path / "empty", "file": tmp_path / "file"}
    names["empty"].mkdir()
    names["file"].write_text("in the way")
    names["rows"] = tmp_path / "rows.csv"
    names["rows"].write_text("a,b\n1,2\n")
    names["one"], names["json"] = tmp_path / "one.csv", tmp_path / "one.jsonl"
    names["one"].write_text("file,number,confidence,left,top,right,bottom\na.png,7,0.9,1,2,3,4\n")
    names["json"].write_text('{"file": "a", "number": "7", "confidence": 1, "box": null}\n')
    assert main([a.format(**names) for a in arguments]) == 2
    assert message in capsys.readouterr().err
    assert names["rows"].read_text() == "a,b\n1,2\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--min-confidence", "98"], "is from 0 to 1. Received: 98"),
        (["--threads", "0"], "is 1 or more. Received: 0"),
        (["--skip-done"], "needs --output"),
    ],
)
def test_wrong_usage_is_told(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(["photo.jpg", *arguments])
    assert message in capsys.readouterr().err


def test_images_are_drawn_with_what_was_read_in_them(folder, tmp_path, capsys):
    assert main([str(folder), "--draw", str(tmp_path / "drawings"), "--format", "csv"]) == 0
    rows = rows_of(capsys.readouterr().out)
    assert [row["file"] for row in rows] == [str(folder / name) for name in NAMES]
    for row in rows:
        assert 0 <= float(row["confidence"]) <= 1
        assert bool(row["left"]) == bool(row["number"])
        assert not row["number"] or float(row["left"]) <= float(row["right"])
    drawn = sorted((tmp_path / "drawings").rglob("*"))
    assert [path.name for path in drawn] == ["a.png", "b.png", "sub", "c.png"]
    for path in drawn[:2]:
        image = np.asarray(Image.open(path))
        assert image.shape[1] == 320
        assert (image[-28:] < 250).any()  # words in the band below


def test_no_two_images_are_drawn_to_one_file(tmp_path):
    names = ("a/b.jpg", "a_b.jpg", "a/b.png", "up/c.jpg", "up/c.jpg.gif", "up/d.jpg")
    paths = [str(tmp_path / name) for name in names]
    drawn = drawn_paths([*paths, "-"], Path("out"))
    assert [str(drawn[file].relative_to("out")) for file in paths] == [
        "a/b.jpg.png", "a_b.png", "a/b.png.png", "up/c.png", "up/c.jpg.gif.png", "up/d.png"
    ]  # fmt: skip
    assert len({*drawn.values()}) == 7
    assert drawn_paths(["../up/x.jpg"], Path("out")) == {
        "../up/x.jpg": Path("out/x.png"),
        "-": Path("out/standard_input.png"),
    }
    both = drawn_paths(["Standard_input.jpg", "-"], Path("out"))
    assert len({str(path).lower() for path in both.values()}) == 2
    cases = drawn_paths(["IMG.JPG", "img.heic"], Path("out"))
    assert len({str(path).lower() for path in cases.values()}) == 3
    twice = drawn_paths(["x.jpg", "up/../x.jpg"], Path("out"))
    assert twice["x.jpg"] == twice["up/../x.jpg"] == Path("out/x.png")


def test_an_image_of_several_names_is_drawn(folder, tmp_path):
    names = [str(folder / name) for name in ("a.jpg", "./a.jpg", "sub/../a.jpg")]
    assert main([*names, "--draw", str(tmp_path / "drawn")]) == 0
    assert [path.name for path in (tmp_path / "drawn").iterdir()] == ["a.png"]


def test_images_of_long_names_are_drawn_apart(folder, tmp_path):
    for name in ("a", "b"):  # a temporary file needs a longer name than 255 bytes
        shutil.copy(folder / "a.jpg", folder / f"{name}{'é' * 124}9.jpg")
    names = [str(path) for path in folder.glob("*é9.jpg")]
    assert main([*names, "--draw", str(tmp_path / "drawn")]) == 0
    drawn = list((tmp_path / "drawn").iterdir())
    assert len(drawn) == 2 and all(path.name.endswith("é9.png") for path in drawn)


def test_a_resumed_run_draws_to_the_same_files(folder, tmp_path):
    arguments = [str(folder), "--draw", str(tmp_path / "drawn"), "--output"]
    output = tmp_path / "rows.csv"
    assert main([*arguments, str(output)]) == 0
    drawn = sorted((tmp_path / "drawn").rglob("*.png"))
    os.truncate(output, len(output.read_bytes()) - 1)
    assert main([*arguments, str(output), "--skip-done"]) == 0  # reads sub/c.png again
    assert sorted((tmp_path / "drawn").rglob("*.png")) == drawn


def test_drawings_beside_images_overwrite_none_of_them(folder):
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    assert main([str(folder), "--draw", str(folder)]) == 0
    assert {path: path.read_bytes() for path in before} == before
    assert (folder / "b.png.png").is_file()


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("cut", [0, 1, 9, 10_000])
def test_output_resumes_after_its_last_whole_line(form, cut, folder, tmp_path, monkeypatch):
    """`cut`: bytes that are lost at the end, as when the process is killed."""
    (folder / "b.png").rename(folder / 'b "1,\n2".png')
    output = tmp_path / f"rows.{form}"
    arguments = [str(folder), "--output", str(output)]
    assert main(arguments) == 0
    whole = output.read_bytes()
    os.truncate(output, max(0, len(whole) - cut))
    read, read_files = [], files.batches
    monkeypatch.setattr(
        "number_zoo.stream.batches", lambda names: read_files(read.append(n) or n for n in names)
    )
    assert main([*arguments, "--skip-done"]) == 0
    assert output.read_bytes() == whole
    assert len(read) == {0: 0, 1: 1, 9: 1}.get(cut, 3)


def test_images_that_were_read_before_count_where_the_rest_fails(folder, tmp_path, capsys):
    (folder / "bad.png").write_bytes(b"\x89PNG but no more")
    arguments = [str(folder), "--output", str(tmp_path / "rows.csv"), "--skip-done"]
    for _ in range(2):
        assert main(arguments) == 1
        assert "1 of 4 could not be read" in capsys.readouterr().err


def test_output_that_another_process_writes_is_refused(folder, tmp_path, capsys):
    output = tmp_path / "rows.csv"
    stream, _ = open_output(output, "csv", resume=False)
    arguments = [str(folder), "--output", str(output), "--skip-done"]
    with stream:
        assert main(arguments) == 2
        assert "is being written by another process" in capsys.readouterr().err
    assert main(arguments) == 0


@pytest.fixture
def plates(tmp_path):
    """Three images of two, no and three numbers."""
    paths = [tmp_path / name for name in ('a,"1.png', "b x\n2.png", "c.png")]
    for path, indices in zip(paths, ((0, 1), (), (3, 4, 5)), strict=True):
        image = Image.new("RGB", (300, 200), (90, 110, 90))
        for index in indices:
            size = (40, 80) if index == 1 else (80, 40)
            left, top = (10, 20 + 45 * (index - 2)) if index > 1 else (20 + 150 * index, 20)
            draw_plate(image, index, f"{index}3", (left, top, left + size[0], top + size[1]))
        image.save(path)
    return [str(path) for path in paths]


def test_all_numbers_have_a_row_each(plates, tmp_path, capsys):
    assert main([*plates, "--all", "--format", "csv", "--draw", str(tmp_path / "drawn")]) == 0
    rows = rows_of(capsys.readouterr().out)
    files, numbers, turns = zip(*((r["file"], r["number"], r["turn"]) for r in rows), strict=True)
    assert files == (*plates[:1] * 2, plates[1], *plates[2:] * 3)
    assert numbers == ("03", "13", "", "33", "43", "53") and turns == ("0", "1", "", "0", "0", "0")
    assert rows[2]["confidence"] == rows[2]["left"] == ""
    assert all(float(row["left"]) < float(row["right"]) for row in rows if row["number"])
    for path in map(Path, plates):
        drawn = Image.open(tmp_path / "drawn" / path.name)
        assert drawn.size == (320, 213)
        green = np.asarray(drawn)[..., 1].astype(int) - np.asarray(drawn)[..., 0] > 100
        assert green.any() == (path.name[0] != "b")  # the boxes
    assert main([*plates[:2], "--all", "--format", "json"]) == 0
    shown = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(row["number"], row["turn"]) for row in shown] == [("03", 0), ("13", 1), ("", None)]
    assert main([*plates, "--all", "--min-confidence", "1"]) == 0
    shown = capsys.readouterr().out
    assert shown.count("(unsure)") == 5 and shown.count("(none)") == 1


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("lines", range(7))
def test_images_whose_rows_may_be_missing_are_read_again(form, lines, plates, tmp_path):
    """`lines`: rows that are left when the process is killed."""
    output = tmp_path / f"rows.{form}"
    arguments = [*plates, "--all", "--output", str(output)]
    assert main(arguments) == 0
    whole = output.read_text()
    ends = [match.end() for match in re.finditer(r"(?<!x)\n", whole)]
    assert len(ends) == 6 + (form == "csv")
    output.write_text(whole[: ends[min(lines, len(ends) - 1)]])
    assert main([*arguments, "--skip-done"]) == 0
    assert output.read_text() == whole


def test_progress_is_shown(capsys):
    show = progress(2000, True)
    show(500)
    show(2000)
    shown = capsys.readouterr().err
    assert "\r500 of 2,000  " in shown and shown.endswith("0:00 left \n")
    progress(2000, False)(1)
    assert not capsys.readouterr().err


def test_serve_without_its_requirements_names_them(monkeypatch, capsys):
    monkeypatch.setattr("number_zoo.server.__main__.find_spec", lambda name: name != "uvicorn")
    assert main(["serve"]) == 2
    assert "serve needs uvicorn: pip install 'number-zoo[server]'" in capsys.readouterr().err


def test_no_number_is_covered_by_what_is_drawn_around_small_ones():
    image = np.full((3000, 4000, 3), 90, np.uint8)
    boxes = [(x, y, x + 60.0, y + 20.0) for y in (0, 60, 2980) for x in (100, 170, 3940)]
    readings = [Reading("1234", 0.5, box, 0, 0.9) for box in boxes]
    drawn = np.asarray(draw_all(image, readings))
    assert drawn.shape == (2400, 3200, 3)
    for left, top, right, bottom in (0.8 * np.array(boxes)).round().astype(int):
        assert (drawn[top + 3 : bottom - 3, left + 3 : right - 3] == 90).all()
    assert ((drawn != 90).any(axis=-1)).sum() > 9 * 500
