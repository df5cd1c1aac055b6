"""The page of a search: one HTML file that holds all it shows."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_tuner.engine.hyperparameters import Fixed

import datasets
from artifacts.console import duration
from artifacts.files import read_json, replacing
from evaluation.metrics import wilson_interval
from evaluation.page import template
from tuning import charts
from tuning.importance import MEASURE, Importance, importance
from tuning.objectives import Objective, beside
from tuning.parallel import parallel
from tuning.records import FAILED, Record, best_first, read_records, read_refused, run_of
from tuning.search import Search
from tuning.space import Space, show

PAGE = "report.html"

AXES = 12
"""Dimensions in the parallel coordinates and in the chart of importance: those that mattered."""

COSTS = ("multiply_adds", "parameters")


def write_report(search: Search, folder: Path, data_dir: Path | None = None) -> Path:
    """Write the page of the search in `folder` as it is now; a search that runs is not disturbed.

    Args:
        search: what is searched.
        folder: where; the page is `report.html` in it.
        data_dir: where TFDS data lies.

    Returns:
        The page's path.
    """
    images = datasets.size(search.base.validation, "validation", data_dir)
    text = render(search, folder, images)
    with replacing(folder / PAGE) as part:
        part.write_text(text, encoding="utf-8")
    return folder / PAGE


def render(search: Search, folder: Path, images: int) -> str:
    """The page as text.

    Args:
        search: what is searched.
        folder: where its records are.
        images: how many there are in the split that trials are judged by.
    """
    records, refused, space = read_records(folder), read_refused(folder), search.make_space()
    aim = search.aim
    scored = best_first(records, aim)
    default = space.rounded(space.hyperparameters.values)
    found = _mattered(space, scored, aim)
    names = [one.name for one in found.dimensions] if found else []
    return template(Path(__file__).with_name("report.html.j2")).render(
        search=search,
        aim=aim,
        beside=beside(aim),
        folder=folder,
        records=[*scored, *(one for one in records if not one.scored)],
        scored=scored,
        best=scored[0] if scored else None,
        default=next((one for one in scored if one.values == default), None),
        interval=_interval(scored, aim, images),
        images=images,
        failed=[one for one in records if one.status == FAILED],
        refused=Counter(one["reason"] for one in refused).most_common(),
        dimensions=[hp for hp in space.dimensions if not isinstance(hp, Fixed)],
        describe=space.describe(),
        points=space.combinations(),
        found=found,
        measure=MEASURE,
        fronts={what: {one.trial for one in front(scored, what, aim)} for what in COSTS},
        charts=_charts(folder, records, scored, found, aim),
        lines=_lines(space, scored, names, aim),
        shades=charts.shades([aim.gain(one.score) for one in scored]),
        value=_value,
        show=show,
        duration=duration,
        spent=sum(one.seconds for one in records),
        workers=any(one.worker for one in records),
        made=read_json(folder / "search.json")["environment"],
    )


def front(records: Sequence[Record], what: str, aim: Objective) -> list[Record]:
    """The trials that no cheaper or equal one beats, the cheapest first.

    Args:
        records: trials with a score.
        what: the cost, an attribute of a record.
        aim: what is better.
    """
    kept: list[Record] = []
    for one in sorted(records, key=lambda one: (getattr(one, what), -aim.gain(one.score))):
        if not kept or aim.gain(one.score) > aim.gain(kept[-1].score):
            kept.append(one)
    return kept


def furthest(records: Sequence[Record]) -> list[Record]:
    """Of trials with the same values, as Hyperband makes, the one that was trained the longest."""
    kept: dict[str, Record] = {}
    for one in sorted(records, key=lambda one: one.epochs):
        kept[json.dumps(one.values, sort_keys=True)] = one
    return list(kept.values())


def _mattered(space: Space, scored: Sequence[Record], aim: Objective) -> Importance | None:
    told = furthest(scored)
    gains = [aim.gain(one.score) for one in told]
    return importance(space.dimensions, [one.values for one in told], gains)


def _interval(scored: Sequence[Record], aim: Objective, images: int):
    """What the best score may be by chance, where it counts images."""
    if not scored or aim.metric != "sequence_accuracy":
        return None
    return wilson_interval(round(scored[0].score * images), images)


def _charts(folder: Path, records, scored, found: Importance | None, aim) -> dict[str, Any]:
    if not scored:
        return {}
    histories = {
        one.trial: [row[aim.column] for row in run_of(folder, one.trial).read_history(one.epochs)]
        for one in scored
    }
    drawn = {
        "time": charts.over_time(records, aim),
        "epochs": charts.learning(histories, scored[0].trial, aim),
    }
    for what in COSTS:
        drawn[what] = charts.cost(scored, front(scored, what, aim), what, aim)
    if found:
        drawn["importance"] = charts.mattered(found, AXES)
    return drawn


def _lines(space: Space, scored: Sequence[Record], names: Sequence[str], aim: Objective):
    """Parallel coordinates over what mattered, or over what varied where that is not known."""
    by_name = {hp.name: hp for hp in space.dimensions}
    varied = [name for name in by_name if len({repr(one.values.get(name)) for one in scored}) > 1]
    chosen = [by_name[name] for name in (list(names) or varied)[:AXES]]
    return parallel(chosen, scored, aim) if scored and chosen else None


def _value(record: Record, name: str) -> Any:
    """A trial's value of a dimension; None where it does not apply."""
    return record.values.get(name)
