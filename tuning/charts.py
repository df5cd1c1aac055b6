"""Charts of a search's report, as SVG text; a trial's mark is named `CHART-trial-NUMBER`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib import colormaps
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.ticker import LogLocator, NullLocator

from artifacts.console import count
from evaluation.charts import STYLE, colour, svg
from tuning.importance import Importance
from tuning.objectives import Objective
from tuning.records import FAILED, FINISHED, Record

BEST, PLAIN, SOFT = colour(1), colour(0), "#9ca3af"
SIZE = (5.4, 3.4)


def shades(gains: Sequence[float]) -> list[str]:
    """A colour for each trial: the better among them, the darker."""
    order = sorted(set(gains))
    most = max(1, len(order) - 1)
    return [to_hex(colormaps["Blues"](0.25 + 0.75 * order.index(gain) / most)) for gain in gains]


def over_time(records: Sequence[Record], aim: Objective) -> str:
    """The score of each trial, and the best until then, over the time that trials took."""
    unit, seconds = _unit(sum(one.seconds for one in records))
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=SIZE)
        spent, best, steps = 0.0, None, []
        for one in records:
            spent += one.seconds
            if one.status == FAILED:
                # At the foot of the chart: it has no score.
                foot = axes.get_xaxis_transform()
                axes.plot([spent / seconds], [0.02], "x", color=BEST, transform=foot)
                continue
            if not one.scored:
                continue
            best = one.score if best is None else max(best, one.score, key=aim.gain)
            steps.append((spent / seconds, _shown(aim, best)))
            _mark(axes, "time", one, (spent / seconds, _shown(aim, one.score)))
        axes.step(*zip(*steps, strict=True), where="post", color=BEST, label="best so far")
        axes.set(xlabel=f"{unit} of trials", ylabel=_label(aim))
        axes.set_xlim(0, None)
        axes.legend(loc="best")
        return svg(figure, "time")


def learning(histories: Mapping[str, Sequence[float]], best: str, aim: Objective) -> str:
    """The score of each trial after each of its epochs."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=SIZE)
        for trial, scores in histories.items():
            look = {"color": BEST, "zorder": 3} if trial == best else {"color": PLAIN, "alpha": 0.5}
            (line,) = axes.plot(
                range(1, len(scores) + 1), [_shown(aim, score) for score in scores],
                linewidth=1.2, marker="o", markersize=2.5, **look,
            )  # fmt: skip
            line.set_gid(f"epochs-trial-{trial}")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="epoch", ylabel=_label(aim))
        return svg(figure, "epochs")


def cost(records: Sequence[Record], front: Sequence[Record], what: str, aim: Objective) -> str:
    """Score over a cost, the trials joined that nothing cheaper beats."""
    with plt.rc_context(STYLE):
        figure, axes = plt.subplots(figsize=SIZE)
        for one in records:
            _mark(axes, what, one, (getattr(one, what), _shown(aim, one.score)))
        on_front = [(getattr(one, what), _shown(aim, one.score)) for one in front]
        axes.plot(
            *zip(*on_front, strict=True), color=BEST, marker="o", markersize=9,
            markerfacecolor="none", label="Pareto front", drawstyle="steps-post",
        )  # fmt: skip
        costs = [getattr(one, what) for one in records]
        if max(costs) > 4 * min(costs):
            axes.set_xscale("log")
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(lambda value, _: count(value))
        axes.set(xlabel=what.replace("_", "-"), ylabel=_label(aim))
        axes.legend(loc="best")
        return svg(figure, what)


def mattered(found: Importance, shown: int) -> str:
    """A bar for each of the dimensions that mattered most."""
    bars = found.dimensions[:shown][::-1]
    with plt.rc_context(STYLE | {"axes.grid": False}):
        figure, axes = plt.subplots(figsize=(SIZE[0], 0.8 + 0.28 * len(bars)))
        drawn = axes.barh(
            [one.name for one in bars], [100 * one.share for one in bars], color=PLAIN
        )
        axes.bar_label(drawn, [f"{100 * one.share:.0f} %" for one in bars], padding=3, fontsize=8)
        axes.set(xlabel="% of the importance of all")
        axes.margins(x=0.12)
        return svg(figure, "importance")


def _mark(axes, chart: str, one: Record, at: tuple[float, float]) -> None:
    """A trial as a point; hollow where it was stopped before its last epoch."""
    face = PLAIN if one.status == FINISHED else "white"
    (drawn,) = axes.plot(*at, "o", markersize=5, color=PLAIN, markerfacecolor=face)
    drawn.set_gid(f"{chart}-trial-{one.trial}")


def _unit(seconds: float) -> tuple[str, float]:
    return ("hours", 3600.0) if seconds > 2 * 3600 else ("minutes", 60.0)


def _shown(aim: Objective, score: float) -> float:
    return 100 * score if aim.larger else score


def _label(aim: Objective) -> str:
    return f"{aim.label}, %" if aim.larger else aim.label
