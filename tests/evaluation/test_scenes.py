"""Numbers found and read: matching, figures, and the files of a report."""

from __future__ import annotations

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

import evaluate
from datasets import Example
from evaluation import scenes
from evaluation.intervals import bootstrap
from evaluation.scene_figures import match_scene, scene_figures
from number_zoo.predictions import Reading

BOXES = [[0, 0, 40, 20], [100, 0, 140, 20], [0, 100, 10, 104]]


def example(boxes, labels, turns=None, ignored=(), image=b"") -> Example:
    return Example("x", image, list(labels), boxes, turns, ignored)


def match(example, *readings):
    return match_scene(
        example, (200, 300), [Reading(n, c, box and tuple(box)) for n, c, box in readings]
    )


@pytest.mark.parametrize(
    ("readings", "missed", "misread", "invented", "right"),
    [
        ([("12", 0.9, BOXES[0]), ("7", 0.9, BOXES[1]), ("5", 0.5, BOXES[2])], [], [], [], 3),
        ([("12", 0.9, [2, 0, 44, 21])], ["7", "5"], [], [], 1),
        ([("12", 0.9, [21, 0, 61, 20])], ["12", "7", "5"], [], [0], 0),  # overlaps less than half
        ([("72", 0.9, BOXES[0])], ["7", "5"], ["12"], [], 0),
        ([("12", 0.6, BOXES[0]), ("12", 0.8, BOXES[0])], ["7", "5"], [], [0], 1),  # one to one
        ([("72", 0.9, BOXES[0]), ("12", 0.5, [1, 0, 40, 20])], ["7", "5"], [], [], 1),
        ([("3", 0.9, [62, 62, 78, 78])], ["12", "7", "5"], [], [], 0),  # ignored
        ([("3", 0.9, None)], ["12", "7", "5"], [], [0], 0),
        ([], ["12", "7", "5"], [], [], 0),
    ],
)
def test_what_is_right_missed_misread_and_invented(readings, missed, misread, invented, right):
    scene = example(BOXES, ["12", "7", "5"], ignored=[[60, 60, 80, 80]])
    outcomes = match(scene, *readings).outcomes
    kinds = [outcome.kind for outcome in outcomes]
    assert [outcome.label for outcome in outcomes if outcome.kind == "missed"] == missed
    assert [outcome.label for outcome in outcomes if outcome.kind == "misread"] == misread
    assert [index for index, kind in enumerate(kinds) if kind == "invented"] == invented
    assert kinds.count("right") == right


def test_a_number_without_a_box_is_read_by_its_digits():
    unknown = np.full((2, 4), np.nan)
    result = match(example(unknown, ["12", "7"]), ("12", 0.8, BOXES[0]), ("12", 0.9, BOXES[1]))
    assert result.read.tolist() == [-1, 0]
    beside = example([BOXES[0], unknown[0]], ["7", "12"])
    assert match(beside, ("12", 0.9, BOXES[0])).read.tolist() == [-1]  # it misreads the 7
    figures = scene_figures([result])
    assert figures["read"]["all"]["f1"] == pytest.approx(0.5) and figures["found"] == {}


def test_figures_by_size_and_of_images_without_a_number():
    first = match(example(BOXES, ["12", "7", "5"]), ("12", 0.9, BOXES[0]), ("8", 0.8, BOXES[1]),
                  ("4", 0.7, [50, 100, 60, 104]))  # fmt: skip
    empty, quiet = match(example([], []), ("1", 0.95, BOXES[0])), match(example([], []))
    figures = scene_figures([first, empty, quiet])
    read, located = figures["read"], figures["found"]
    assert read["all"]["precision"] == pytest.approx(1 / 4)
    assert read["all"]["recall"] == pytest.approx(1 / 3)
    assert read["all"]["f1"] == pytest.approx(2 / 7)
    assert (read["small"]["numbers"], read["large"]["numbers"]) == (1, 2)
    assert read["small"]["precision"] == 0 and read["large"]["recall"] == pytest.approx(1 / 2)
    assert located["all"]["recall"] == pytest.approx(2 / 3)
    # By confidence: an invented one of 0.95, then both that are found.
    assert located["all"]["average_precision"] == pytest.approx((2 / 3 + 2 / 3) / 3)
    low, high = located["all"]["average_precision_interval"]
    assert low <= located["all"]["average_precision"] <= high
    assert figures["mistakes"] == {"missed": 1, "misread": 1, "invented": 2}
    alarms = figures["false_alarms"]
    assert (alarms["images"], alarms["any"], alarms["0.9"]) == (2, 0.5, 0.5)


def test_a_turned_number_has_the_height_of_its_digits():
    tall = example([[0, 0, 8, 60]], ["123"], turns=[3])
    for turn in (3, 1):
        result = match_scene(tall, (200, 300), [Reading("123", 0.9, (0, 0, 8, 60), turn, 0.8)])
        figures = scene_figures([result])
        assert figures["read"]["small"]["f1"] == 1.0 and figures["turns"] == (turn == 3)


def test_a_reading_counts_by_the_size_of_the_number_that_it_reads_or_finds():
    small_in_large = example([[0, 0, 40, 9], [0, 0, 40, 12]], ["12", "7"])
    figures = scene_figures([match(small_in_large, ("12", 0.9, [0, 0, 40, 12]))])
    assert figures["read"]["small"]["recall"] == 1 and figures["read"]["large"]["recall"] == 0
    assert figures["found"]["small"]["recall"] == 0 and figures["found"]["large"]["recall"] == 1


def test_a_mistake_counts_by_the_size_of_the_number_that_it_finds_or_of_its_box():
    misread = match(example([[0, 0, 40, 9]], ["12"]), ("72", 0.9, [0, 0, 40, 11]))
    figures = scene_figures([misread])
    assert figures["read"]["small"]["precision"] == 0
    assert figures["read"]["large"]["precision"] is None
    invented = match_scene(example([], []), (200, 150), [Reading("1", 0.9, (0, 0, 8, 60), 1)])
    figures = scene_figures([invented])
    assert figures["read"]["small"]["precision"] == 0  # on its side
    assert figures["read"]["large"]["precision"] is None


def test_a_reading_in_a_box_to_ignore_is_neither_right_nor_wrong():
    scene = example(BOXES[:1], ["12"], ignored=[[60, 60, 80, 80]])
    figures = scene_figures([match(scene, ("3", 0.95, [62, 62, 78, 78]), ("12", 0.9, BOXES[0]))])
    assert figures["read"]["all"]["precision"] == figures["found"]["all"]["precision"] == 1
    assert figures["found"]["all"]["average_precision"] == 1
    only = example([], [], ignored=[[60, 60, 80, 80]])
    assert "false_alarms" not in scene_figures([match(only, ("3", 0.95, [62, 62, 78, 78]))])


def test_average_precision_ranks_by_the_score_of_the_locator_and_resamples_numbers():
    scene = example(BOXES[:1], ["12"])
    right, wrong = (0.0, 0.0, 40.0, 20.0), (60.0, 60.0, 90.0, 80.0)
    readings = [Reading("12", 0.5, right, 0, 0.9), Reading("3", 0.9, wrong, 0, 0.6)]
    results = [match_scene(scene, (200, 300), readings), match(example([], []))]
    found = scene_figures(results)["found"]["all"]
    assert found["average_precision"] == 1 and found["average_precision_interval"] == (1, 1)


def test_the_bootstrap_resamples_images():
    right = np.repeat([0.0, 1.0], [200, 200])
    value, (low, high) = bootstrap(lambda w: w @ right / w.sum(axis=1), 400)
    assert value == 0.5
    # 1.96 standard errors of 0.025 from 0.5.
    assert (low, high) == pytest.approx((0.451, 0.549), abs=0.004)
    again = [bootstrap(lambda w: w @ np.sqrt(np.arange(400)), 400) for _ in range(2)]
    assert again[0] == again[1]
    assert bootstrap(lambda w: np.full(len(w), np.nan), 3) == (None, None)
    rare = np.array([1.0, 0, 0])  # what only some resamples have
    assert bootstrap(lambda w: np.where(w @ rare, 1.0, np.nan), 3) == (1, (1, 1))


class FakeReader:
    """Reads the number of the left half right, and one that is not there."""

    def read_all(self, image):
        half = image.shape[1] // 2
        number = str(int(image[0, 0, 0]))
        readings = [Reading(number, 0.9, (0.0, 0.0, float(half), 20.0))]
        return [*readings, Reading("999", 0.95, (half + 1.0, 40.0, half + 9.0, 50.0))]


def test_the_command_reports_a_folder_of_scenes(tmp_path, monkeypatch, capsys):
    folder, report = tmp_path / "photos", tmp_path / "report"
    folder.mkdir()
    rows = ["file,label,boxes,split"]
    for index in (11, 12, 13):
        Image.fromarray(np.full((60, 80, 3), index, np.uint8)).save(folder / f"{index}.png")
        rows += [f"{index}.png,{index},0 0 40 20,test", f"{index}.png,55,50 0 70 10,test"]
    (folder / "labels.csv").write_text("\n".join(rows))
    monkeypatch.setattr(scenes, "open_reader", lambda name, locator: {"fake": FakeReader()}[name])
    command = ["fake", "--dataset", str(folder), "--report", str(report)]
    assert evaluate.main(command) == 0
    printed = capsys.readouterr().out
    assert "50.0" in printed and "  large " in printed and "…" not in printed
    figures = json.loads((report / "results.json").read_text())["readers"]["fake"]
    assert figures["read"]["all"]["f1"] == pytest.approx(0.5)
    assert figures["mistakes"] == {"missed": 3, "misread": 0, "invented": 3}
    table = list(csv.DictReader(io.StringIO((report / "readings.csv").read_text())))
    assert [row["kind"] for row in table] == ["right", "invented", "missed"] * 3
    assert {(row["label"], row["reading"]) for row in table if row["kind"] == "right"} == {
        ("11", "11"), ("12", "12"), ("13", "13")
    }  # fmt: skip
    page = (report / "index.html").read_text()
    assert page.count("data:image/jpeg") == 3 + 3 + 3
    assert "Missed" in page and "Invented" in page and "Misread" not in page
    assert "milliseconds" in figures
    assert evaluate.main([*command, "--no-timing", "--corruption-samples", "0"]) == 0
    figures = json.loads((report / "results.json").read_text())["readers"]["fake"]
    assert "milliseconds" not in figures
    for option, value in (("--crop", "union"), ("--corruption-samples", "9")):
        assert evaluate.main([*command, option, value]) == 2
        assert f"{option} does not apply" in capsys.readouterr().err


def test_training_images_of_the_locator_are_named(tmp_path, monkeypatch, capsys):
    for name, split in (("trained", "train"), ("evaluated", "test")):
        folder = tmp_path / name
        folder.mkdir()
        Image.fromarray(np.full((60, 80, 3), 11, np.uint8)).save(folder / "1.png")
        Image.fromarray(np.full((60, 80, 3), len(name), np.uint8)).save(folder / "2.png")
        rows = [f"1.png,11,0 0 40 20,{split}", f"1.png,5,50 0 70 10,{split}"]
        rows.append(f"2.png,{len(name)},0 0 40 20,{split}")
        (folder / "labels.csv").write_text("\n".join(["file,label,boxes,split", *rows]))
    locator, report = tmp_path / "locator", tmp_path / "report"
    locator.mkdir()
    record = {"configuration": {"dataset": str(tmp_path / "trained")}}
    (locator / "config.json").write_text(json.dumps(record))
    monkeypatch.setattr(scenes, "open_reader", lambda name, locator: FakeReader())
    command = ["fake", "--dataset", str(tmp_path / "evaluated"), "--report", str(report)]
    assert evaluate.main([*command, "--locator", str(locator)]) == 0
    warning = f"1 of these images are in the train split of {tmp_path / 'trained'}"
    assert warning in capsys.readouterr().out and warning in (report / "index.html").read_text()
    assert warning in json.loads((report / "results.json").read_text())["warnings"][0]
    assert evaluate.main(command) == 0
    assert "these images" not in capsys.readouterr().out


def test_no_reader_and_no_image_are_errors(monkeypatch):
    def refuse(name, locator):
        raise ValueError("unknown weights")

    monkeypatch.setattr(scenes, "open_reader", refuse)
    with pytest.raises(ValueError, match=r"no model can be evaluated\. x: unknown weights"):
        scenes.compare_scenes(["x"], "rendered_scenes")
    monkeypatch.setattr(scenes, "open_reader", lambda name, locator: FakeReader())
    monkeypatch.setattr("datasets.examples", lambda *_, **__: iter(()))
    with pytest.raises(ValueError, match="no images in its split 'test'"):
        scenes.compare_scenes(["x"], "rendered_scenes")
