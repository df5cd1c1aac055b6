"""The results of a search: a summary for the terminal and a self-contained HTML page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from matplotlib import pyplot as plt
from rich.console import Console

import datasets
from artifacts.console import count, duration, table
from artifacts.files import read_json, write_text
from evaluation.charts import STYLE, colour, svg
from evaluation.intervals import wilson_interval
from evaluation.page import template
from tuning.importance import FEWEST_TRIALS, MEASURE, Importance, importance
from tuning.loop import show_score
from tuning.search import OBJECTIVES, Search
from tuning.space import show
from tuning.trial import DEFAULT, FAILED, REFUSED, TrialRecord, best_first, read_records

PAGE = "report.html"

SUMMARY_ROWS = 10
"""Trials in the summary on the terminal."""


def print_space(search: Search) -> None:
    """Print the hyperparameters of a search."""
    rows = search.make_space().describe()
    title = f"{search.base.model} on {search.base.dataset}: {len(rows)} hyperparameters"
    Console().print(table(title, ("name", "values", "default", "only where"), rows))


def print_summary(search: Search, folder: Path) -> None:
    """Print the best trials, the failures and the command to type next."""
    console, records = Console(), read_records(folder)
    ranked = best_first(records, search.objective)
    statuses = Counter(record.status for record in records)
    counts = ", ".join(f"{number} {status}" for status, number in statuses.items())
    columns = ("trial", "sequence accuracy", "loss", "multiply-adds", "parameters", "time")
    rows = [
        (
            record.trial,
            f"{100 * record.validation['sequence_accuracy']:.2f} %",
            f"{record.validation['loss']:.4f}",
            count(record.multiply_adds),
            count(record.parameters),
            duration(record.seconds),
        )
        for record in ranked[:SUMMARY_ROWS]
    ]
    title = f"{search.base.model} on {search.base.dataset}: {counts or 'no trials'}; the best first"
    console.print(table(title, columns, rows, right=columns[1:]))
    for record in records:
        if record.status == FAILED:
            console.print(f"trial {record.trial} failed: {record.reason}", highlight=False)
    if ranked:
        chosen = ", ".join(f"{name} {show(value)}" for name, value in ranked[0].values.items())
        console.print(f"Best: trial {ranked[0].trial}: {chosen}", highlight=False)
        console.print(f"Next: python train.py --config {folder}/best.json --seed 1")


def write_report(search: Search, folder: Path, data_dir: Path | None = None) -> Path:
    """Write the page of a search, finished or not, as `report.html` in its folder.

    Args:
        search: the search.
        folder: its folder.
        data_dir: where TFDS data lies.

    Returns:
        Path of the page.
    """
    images = datasets.size(search.base.validation, "validation", data_dir)
    text = render(search, folder, images)
    write_text(folder / PAGE, text)
    return folder / PAGE


def render(search: Search, folder: Path, images: int) -> str:
    """The page as text; `images` is the size of the validation split."""
    records = read_records(folder)
    ranked = best_first(records, search.objective)
    values = [record.values for record in ranked if record.trial != DEFAULT]
    space = search.make_space()
    varied = [name for name in space.names if len({str(v.get(name)) for v in values}) > 1]
    return template(Path(__file__).with_name("report.html.j2")).render(
        search=search,
        folder=folder,
        ranked=ranked,
        default=next((record for record in ranked if record.trial == DEFAULT), None),
        refused=[record for record in records if record.status == REFUSED],
        failed=[record for record in records if record.status == FAILED],
        interval=_interval(search, ranked[0], images) if ranked else None,
        images=images,
        space=space.describe(),
        varied=varied,
        importance=_importance(search, ranked),
        fewest=FEWEST_TRIALS,
        measure=MEASURE,
        front={record.trial for record in pareto_front(ranked)},
        charts=_charts(search, ranked) if ranked else {},
        show=show,
        score=lambda record: show_score(search, record.score),
        duration=duration,
        environment=read_json(folder / "search.json")["environment"],
    )


def pareto_front(ranked: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials that score better than all of lower or equal multiply-adds, the cheapest first.

    Args:
        ranked: finished trials, the best first.
    """
    front: list[TrialRecord] = []
    for record in ranked:
        if not front or record.multiply_adds < front[0].multiply_adds:
            front.insert(0, record)
    return front


def _importance(search: Search, ranked: Sequence[TrialRecord]) -> list[Importance]:
    """Importance over the trials that were trained to the end, of Hyperband the longest."""
    longest = max((record.epochs for record in ranked), default=0)
    trials = [
        record
        for record in ranked
        if record.trial != DEFAULT and (search.tuner != "hyperband" or record.epochs == longest)
    ]
    sign = 1 if OBJECTIVES[search.objective] == "max" else -1
    return importance(
        search.make_space().hyperparameters.space,
        [record.values for record in trials],
        [sign * record.score for record in trials],
    )


def _interval(search: Search, best: TrialRecord, images: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of the best sequence accuracy."""
    if search.objective != "sequence_accuracy":
        return None
    return wilson_interval(round(best.score * images), images)


def _charts(search: Search, ranked: Sequence[TrialRecord]) -> dict[str, str]:
    """Score over the trials in their order, and over their cost."""
    percent = search.objective == "sequence_accuracy"
    label = "sequence accuracy, %" if percent else "validation loss"

    def scores(records: Sequence[TrialRecord]) -> list[float]:
        return [100 * record.score if percent else record.score for record in records]

    with plt.rc_context(STYLE):
        order, axes = plt.subplots(figsize=(5.4, 3.4))
        trials = sorted((r for r in ranked if r.trial != DEFAULT), key=lambda r: int(r.trial))
        numbers = [int(record.trial) for record in trials]
        best = [best_first(trials[: n + 1], search.objective)[0] for n in range(len(trials))]
        axes.plot(numbers, scores(trials), "o", color=colour(0), label="trial")
        axes.step(numbers, scores(best), where="post", color=colour(1), label="best so far")
        for score in scores([record for record in ranked if record.trial == DEFAULT]):
            axes.axhline(score, color="#6b7280", linestyle="--", label="default configuration")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="trial", ylabel=label)
        axes.legend(loc="best")

        cost, axes = plt.subplots(figsize=(5.4, 3.4))
        front = pareto_front(ranked)
        axes.plot([r.multiply_adds for r in ranked], scores(ranked), "o", color=colour(0))
        axes.step([r.multiply_adds for r in front], scores(front), where="post", color=colour(1))
        axes.xaxis.set_major_formatter(lambda value, _: count(value))
        axes.set(xlabel="multiply-adds", ylabel=label)
        charts = {"order": svg(order, "order"), "cost": svg(cost, "cost")}
    plt.close("all")
    return charts
