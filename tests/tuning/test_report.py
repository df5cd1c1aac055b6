"""The page of a search, and what it says mattered."""

import dataclasses
import re
from html.parser import HTMLParser

import keras_tuner as kt
import numpy as np
import pytest

from tests.tuning.conftest import train_nothing, without_training
from tuning import loop, report, trial
from tuning.importance import FEWEST, importance
from tuning.objectives import get_objective
from tuning.parallel import parallel
from tuning.records import FINISHED, Record, best_first, read_records


class Page(HTMLParser):
    """What a page holds: its tags with their attributes, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def of(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module")
def searched(tiny, tmp_path_factory):
    """A search of ten trials of which one failed, some candidates refused."""

    def train(configuration, folder, **rest):
        if folder.name == "03":
            raise MemoryError("no room <here>")
        return train_nothing(configuration, folder, **rest)

    def refusal(configuration, limits):
        narrow = configuration.arguments["filters"][0] == 4
        return "70 k parameters, the limit is 60 k" if narrow else None

    folder = tmp_path_factory.mktemp("report") / "search"
    with pytest.MonkeyPatch.context() as patch:
        without_training(patch, train)
        patch.setattr(loop, "refusal", refusal)
        search = tiny(trials=10, limits=["parameters=60k"])
        return search, folder, loop.run_search(search, folder)


def test_the_page_holds_every_trial_and_asks_for_nothing_else(searched):
    search, folder, records = searched
    path = report.write_report(search, folder)
    text = path.read_text()
    page = Page(text)
    rows = [one["data-trial"] for one in page.of("tr") if "data-trial" in one]
    assert sorted(rows, key=int) == [one.trial for one in records]
    leader = best_first(records, search.aim)[0]
    assert rows[0] == leader.trial and search.aim.show(leader.score) in page.text
    for hp in search.make_space().dimensions:
        assert hp.name in page.text
    assert "no room <here>" in page.text and "parameters, the limit is 60 k" in page.text
    # Nothing is fetched: links are those within the drawings.
    fetched = [one.get("src") or one.get("href") for tag, one in page.tags if tag != "use"]
    assert not any(fetched) and not re.search(r"url\((?!#)", text)


def test_every_chart_marks_each_trial_once(searched):
    search, folder, records = searched
    page = Page(report.render(search, folder, images=6))
    marks = [one["id"] for one in page.of("g") if "-trial-" in one.get("id", "")]
    scored = [one for one in records if one.scored]
    for chart in ("time", "epochs", "multiply_adds", "parameters"):
        found = {mark for mark in marks if mark.startswith(f"{chart}-")}
        assert found == {f"{chart}-trial-{one.trial}" for one in scored}
    lines = [
        one["data-trial"] for one in page.of("path") if one.get("class", "").startswith("line")
    ]
    assert sorted(lines, key=int) == [one.trial for one in scored]


def test_a_page_can_be_made_before_anything_has_a_score(tiny, tmp_path, no_training, monkeypatch):
    def fail(*_, **__):
        raise OSError("not now")

    monkeypatch.setattr(trial, "train", fail)
    loop.run_search(tiny(trials=1), tmp_path / "search")
    page = Page(report.render(tiny(trials=1), tmp_path / "search", images=6))
    assert "No trial has come to a score yet" in page.text and "not now" in page.text


def record(number, score, cost=1, **values):
    return Record(
        str(number), FINISHED, values=values, score=score, validation={"loss": 1 - score},
        multiply_adds=cost, parameters=cost,
    )  # fmt: skip


def test_on_the_front_is_what_nothing_as_cheap_beats():
    aim = get_objective("sequence_accuracy")
    points = [(10, 0.5), (10, 0.6), (20, 0.6), (30, 0.9), (40, 0.8)]
    records = [record(n, score, cost) for n, (cost, score) in enumerate(points)]
    assert [one.trial for one in report.front(records, "parameters", aim)] == ["1", "3"]
    low = dataclasses.replace(aim, larger=False)
    assert [one.trial for one in report.front(records, "parameters", low)] == ["0"]


def test_of_hyperbands_trials_with_the_same_values_the_longest_counts():
    short = dataclasses.replace(record(0, 0.5, units=4), epochs=1)
    long = dataclasses.replace(record(1, 0.4, units=4), epochs=3)
    other = dataclasses.replace(record(2, 0.1, units=8), epochs=1)
    assert {one.trial for one in report.furthest([long, other, short])} == {"1", "2"}


@pytest.fixture
def dimensions():
    hp = kt.HyperParameters()
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    hp.Choice("units", [8, 16, 32], default=16)
    hp.Boolean("other")
    return hp.space


def test_what_decides_the_score_is_said_to_matter(dimensions):
    random = np.random.default_rng(0)
    values = [
        {"rate": 10 ** random.uniform(-4, -1), "units": int(random.choice([8, 16, 32]))}
        | {"other": bool(random.integers(2))}
        for _ in range(40)
    ]
    gains = [np.log10(one["rate"]) - one["units"] / 100 for one in values]
    found = importance(dimensions, values, gains)
    shares = {one.name: one.share for one in found.dimensions}
    assert found.dimensions[0].name == "rate" and shares["rate"] > 0.8 > 0.1 > shares["other"]
    assert sum(shares.values()) == pytest.approx(1)
    assert found.dimensions[0].correlation > 0.9 and found.explained > 0.7
    noise = importance(dimensions, values, list(random.normal(size=40)))
    assert noise.explained < 0.3
    assert importance(dimensions, values[: FEWEST - 1], gains[: FEWEST - 1]) is None
    assert importance(dimensions, values, [1.0] * 40) is None


def test_lines_go_through_the_values_of_their_trials(dimensions):
    aim = get_objective("sequence_accuracy")
    records = [record(0, 0.2, rate=1e-3, units=8), record(1, 0.8, rate=1e-1, units=32, other=True)]
    drawn = parallel(dimensions, records, aim)
    assert [axis.name for axis in drawn.axes] == ["rate", "units", "other", "numbers right"]
    lines = [[float(p.split(",")[1]) for p in line.split()] for line in drawn.lines]
    low, high = lines
    assert low[1] > high[1] and low[3] > high[3]  # up is more
    assert drawn.axes[2].gaps and low[2] > max(y for y, _ in drawn.axes[1].ticks)
    heights = {text: y for y, text in drawn.axes[1].ticks}
    assert heights["16"] == (low[1] + high[1]) / 2


def test_the_page_is_made_on_request_and_at_the_end(searched, capsys, monkeypatch):
    from tuning import __main__ as command

    _, folder, records = searched
    assert command.main(["--run", str(folder), "--report"]) == 0
    assert str(folder / "report.html") in capsys.readouterr().out.replace("\n", "")
    assert read_records(folder) == records
