"""The page of a folder: counts, suspects whose corrections train, duplicates, bad rows."""

from __future__ import annotations

import html
import re
import shlex
import shutil
import weakref
from pathlib import Path
from types import SimpleNamespace

import pytest

import inference
from datasets.photo_folder import read_folder, understand
from evaluation import folder_page


class Sevens:
    """A reader that reads 7 in everything, and is sure of it."""

    def __init__(self, weights=None):
        pass

    def read(self, images):
        return [SimpleNamespace(number="7", confidence=0.95) for _ in images]


@pytest.fixture
def folder(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "Reader", Sevens)
    copy = tmp_path / "mine"
    shutil.copytree(photos, copy)
    shutil.copy(copy / "000.png", copy / "copy.png")
    rows = "".join(f"{n:03d}.png,{label},1 1 9 9;9 1 20 9\n" for n, label in ((0, 12), (1, 13)))
    (copy / "labels.csv").write_text(
        f"file,label,boxes\n{rows}002.png,7,\ncopy.png,,\n003.png,7<b>,\n004.png,7,\n005.png,7,\n"
    )
    return copy


def test_the_page_shows_what_is_there(folder, tmp_path, capsys):
    report = tmp_path / "report"
    assert folder_page.main([str(folder), "--report", str(report)]) == 1  # a bad row
    shown = capsys.readouterr()
    assert "6 images; digits: 3 of 1, 2 of 2, 1 without a number" in shown.out
    assert "3 labels are probably wrong" in shown.out
    assert "1 of 7 rows" in shown.err and "line 6: 003.png" in shown.err
    page = (report / "index.html").read_text()
    for text in ("Rows that cannot be used", "7&lt;b&gt;", "Duplicates", "<h2>Train: "):
        assert text in page
    assert folder_page.main([str(folder / "nowhere")]) == 2
    assert "no folder" in capsys.readouterr().err


def test_few_images_are_in_memory(folder, monkeypatch):
    """256 photos of a phone would take 9 GB."""
    references = []

    class Counting(Sevens):
        def read(self, images):
            for image in images:
                references.append(weakref.ref(image))
                assert sum(reference() is not None for reference in references) <= 2
                yield from super().read([image])

    monkeypatch.setattr(inference, "Reader", Counting)
    folder_page.find_suspects(understand(f"{folder}?skip_bad=1", decode=True))
    assert len(references) == 6


def test_the_argument_to_train_with_is_quoted(folder):
    spaced = folder.rename(folder.with_name("my photos"))
    understood = understand(f"{spaced}?skip_bad=1", decode=True)
    page = folder_page.render(understood, folder_page.find_suspects(understood))
    argument = re.search("--dataset (.*?)</code>", page)[1]
    assert shlex.split(html.unescape(argument)) == [str(understood.root / "corrected.csv")]


def test_each_of_several_numbers_is_shown_and_read_by_itself(folder, tmp_path, capsys):
    (folder / "labels.csv").write_text(
        "file,label,left,top,right,bottom,turn\n000.png,7,1,1,9,9,1\n000.png,8,12,1,20,9,0\n"
        "001.png,,,,,,\n"
    )
    assert folder_page.main([str(folder), "--report", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "2 images; 2 numbers; digits: 2 of 1, 1 without" in shown
    assert "2 labels are probably wrong" in shown  # "8" and none
    page = (tmp_path / "index.html").read_text()
    assert '["000.png", "7", "1 1 9 9", "train", "1"]' in page
    assert '"split", "turn"], ...rows]' in page and ": 3 labels</h1>" in page


def test_the_turn_of_a_number_is_kept(folder):
    (folder / "labels.csv").write_text("file,label,boxes,turn\n000.png,8,1 1 9 9,1\n001.png,7,,\n")
    understood = understand(folder, decode=True)
    page = folder_page.render(understood, folder_page.find_suspects(understood))
    assert '["000.png", "8", "1 1 9 9", "train", "1"], ["001.png", "7", "", "train", "0"]' in page


def test_each_source_has_its_own_page(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("mine.v1", "mine.v2"):
        shutil.copytree(folder, tmp_path / name)
        for source in (name, f"{name}/labels.csv"):
            folder_page.main([source, "--skip-bad", "--no-reader"])
    pages = {
        path.parent.relative_to("report").as_posix() for path in Path("report").rglob("*.html")
    }
    assert pages == {"mine.v1", "mine.v1/labels", "mine.v2", "mine.v2/labels"}


def test_corrections_of_suspects_train_as_they_are(folder, tmp_path, browser):
    folder_page.main([str(folder), "--skip-bad", "--report", str(tmp_path)])
    page = browser.new_page()
    page.goto((tmp_path / "index.html").as_uri())
    page.click("[data-reading] >> nth=0")
    page.fill("input >> nth=1", "45")
    with page.expect_download() as download:
        page.click("#save")
    download.value.save_as(folder / "corrected.csv")
    photos = {photo.file: photo for photo in read_folder(folder / "corrected.csv")}
    assert [photos[file].label for file in ("000.png", "001.png", "002.png")] == ["7", "45", "7"]
    assert photos["000.png"].boxes is None and len(photos["001.png"].boxes) == 2


def test_corrected_readings_of_predict_train_as_they_are(folder):
    header = "file,number,confidence,left,top,right,bottom"
    rows = ["mine/000.png,12,0.99,1.0,2.0,20.5,19.0", "mine/001.png,,0.5,,,,"]
    (folder.parent / "numbers.csv").write_text("\n".join([header, *rows]) + "\n")
    # As a spreadsheet in German saves it.
    table = "\r\n".join([header, *rows]).replace(".5", "§5").replace(",", ";").replace("§", ",")
    (folder / "numbers.csv").write_text(table, encoding="cp1252")
    for path in (folder.parent / "numbers.csv", folder / "numbers.csv"):
        first, second = read_folder(path)
        assert (first.label, second.label, first.path) == ("12", "", folder / "000.png")
        assert first.boxes.tolist() == [[1, 2, 20.5, 19]]
