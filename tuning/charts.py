"""Charts of a search, for its report and for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from artifacts.console import count
from artifacts.plot_style import colour, new_axes, styled
from tuning.search import Search, read_search
from tuning.trial import DEFAULT, TrialRecord, best_first, read_records

_GREY = "#6b7280"


def pareto_front(ranked: Sequence[TrialRecord]) -> list[TrialRecord]:
    """Trials that score better than all trials of equal or lower cost, in ascending order of cost.

    Args:
        ranked: finished trials, the best first.
    """
    front: list[TrialRecord] = []
    for record in ranked:
        if not front or record.multiply_adds < front[0].multiply_adds:
            front.insert(0, record)
    return front


@styled
def plot_trials(folder: str | Path) -> Figure:
    """Score of each trial of the search in a folder, in order, and the best score so far."""
    search, ranked = _read(folder)
    figure, axes = new_axes()
    trials = sorted((r for r in ranked if r.trial != DEFAULT), key=lambda r: int(r.trial))
    numbers = [int(record.trial) for record in trials]
    best = [best_first(trials[: n + 1], search.objective)[0] for n in range(len(trials))]
    axes.plot(numbers, _scores(search, trials), "o", color=colour(0), label="trial")
    axes.step(numbers, _scores(search, best), where="post", color=colour(1), label="best so far")
    _draw_default(axes, search, ranked)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.set(title="Trials in order", xlabel="trial", ylabel=_label(search))
    axes.legend(loc="best")
    return figure


@styled
def plot_cost(folder: str | Path) -> Figure:
    """Score of each trial over its multiply-adds, with the Pareto front, of the search in a
    folder."""
    search, ranked = _read(folder)
    figure, axes = new_axes()
    front = pareto_front(ranked)
    axes.plot([r.multiply_adds for r in ranked], _scores(search, ranked), "o", color=colour(0))
    costs = [record.multiply_adds for record in front]
    axes.step(costs, _scores(search, front), where="post", color=colour(1))
    axes.xaxis.set_major_formatter(lambda value, _: count(value))
    axes.set(title="Trials over their cost, and the best for each cost")
    axes.set(xlabel="multiply-adds of one image", ylabel=_label(search))
    return figure


@styled
def plot_hyperparameters(folder: str | Path, columns: int = 3) -> Figure:
    """Score of each trial over each varied hyperparameter, of the search in a folder."""
    search, ranked = _read(folder)
    trials = [record for record in ranked if record.trial != DEFAULT]
    shown = {}
    for name in search.make_space().names:
        applied = [record for record in trials if record.values.get(name) is not None]
        values = [record.values[name] for record in applied]
        if len(set(values)) > 1:
            shown[name] = values, _scores(search, applied)
    columns = min(columns, max(1, len(shown)))
    rows = max(1, -(-len(shown) // columns))
    figure = Figure(figsize=(3.3 * columns, 2.4 * rows), layout="tight")
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for axes, (name, (values, scores)) in zip(grid.flat, shown.items(), strict=False):
        axes.plot(values, scores, "o", color=colour(0), alpha=0.8)
        _draw_default(axes, search, ranked)
        axes.set_xlabel(name)
        if len(set(values)) <= 6:
            axes.set_xticks(sorted(set(values)))
    for axes in grid[:, 0]:
        axes.set_ylabel(_label(search))
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    title = "Score of each trial over each hyperparameter (dashed: the default configuration)"
    figure.suptitle(title, fontsize=10, x=0.02, ha="left")
    return figure


def _read(folder: str | Path) -> tuple[Search, list[TrialRecord]]:
    """The search in a folder and its finished trials, the best first."""
    search = read_search(Path(folder))
    return search, best_first(read_records(Path(folder)), search.objective)


def _draw_default(axes, search: Search, ranked: Sequence[TrialRecord]) -> None:
    for score in _scores(search, [record for record in ranked if record.trial == DEFAULT]):
        axes.axhline(score, color=_GREY, linestyle="--", label="default configuration")


def _scores(search: Search, records: Sequence[TrialRecord]) -> list[float]:
    factor = 1 if search.objective == "loss" else 100
    return [factor * record.score for record in records]


def _label(search: Search) -> str:
    if search.objective == "loss":
        return "validation loss"
    return f"{search.objective.replace('_', ' ')}, %"
