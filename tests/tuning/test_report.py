"""The page of a search."""

import html
import re

import numpy as np

import datasets
from evaluation.html import _interval
from evaluation.intervals import wilson_interval
from tests.tuning.conftest import fake_train, without_training
from tuning import report
from tuning.charts import pareto_front, plot_trials
from tuning.loop import run_search
from tuning.trial import DEFAULT, FINISHED, TrialRecord, best_first, read_records


def visible(page):
    """The text of a page."""
    return html.unescape(re.sub("<[^>]*>", "", page))


def test_the_page_has_every_trial_and_fetches_nothing(tiny, tmp_path, monkeypatch):
    failed = []

    def train(configuration, folder, **rest):
        if folder.name != DEFAULT and not failed:
            failed.append(folder.name)
            raise MemoryError("no room <here>")
        return fake_train(configuration, folder, **rest)

    without_training(monkeypatch, train)
    search, folder = tiny(trials=12, budget=400e3), tmp_path / "my search"
    run_search(search, folder)
    page = report.write_report(search, folder, tmp_path).read_text()
    text = visible(page)
    records = read_records(folder)
    ranked = best_first(records, search.objective)
    for record in ranked:
        assert f"{100 * record.validation['sequence_accuracy']:.2f} %" in text
    for record in records:
        assert re.search(rf"<td[^>]*>{record.trial}</td>", page)
    for name in search.make_space().names:
        assert name in text
    assert "MemoryError: no room <here>" in text
    assert "multiply-adds, the budget is 400 k" in text
    images = datasets.size(search.base.validation, "validation")
    interval = wilson_interval(round(ranked[0].score * images), images)
    assert f"{images} images has a 95 % interval of {_interval(interval)}" in text
    assert f"--config '{folder}/best.json' --seed 1 --data-dir {tmp_path}" in text
    assert page.count("<svg ") == 3
    scores, best = (line.get_ydata() for line in plot_trials(folder).axes[0].lines[:2])
    np.testing.assert_array_equal(best, np.maximum.accumulate(scores))
    assert scores.max() > scores[0]
    assert not re.search(r"<(?!use\b)[^>]*\s(src|href)=|url\((?!#)", page)


def test_a_page_can_be_written_before_any_trial_is_finished(tiny, tmp_path, monkeypatch):
    def train(*_, **__):
        raise ValueError("not now")

    without_training(monkeypatch, train)
    run_search(tiny(trials=1), tmp_path)
    page = report.write_report(tiny(trials=1), tmp_path).read_text()
    assert "No trial is finished yet" in page and "not now" in page


def test_the_pareto_front_has_what_nothing_of_lower_or_equal_cost_beats():
    points = [(10, 0.5), (10, 0.6), (20, 0.6), (30, 0.9), (40, 0.8)]
    records = [
        TrialRecord(str(n), FINISHED, score=s, validation={"loss": 1 - s}, multiply_adds=cost)
        for n, (cost, s) in enumerate(points)
    ]
    front = pareto_front(best_first(records, "sequence_accuracy"))
    assert [record.trial for record in front] == ["1", "3"]
