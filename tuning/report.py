"""The report of a search: a summary for the terminal and a self-contained HTML page."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path

from rich.console import Console

from artifacts.console import count, duration, table
from artifacts.files import read_json, write_text
from artifacts.plot_style import svg
from evaluation.html import template
from evaluation.intervals import wilson_interval
from training.tasks import task_of
from tuning.charts import pareto_front, plot_cost, plot_hyperparameters, plot_trials
from tuning.loop import show_score
from tuning.search import Search
from tuning.space import show
from tuning.trial import DEFAULT, FAILED, REFUSED, best_first, read_records

PAGE = "report.html"

SUMMARY_ROWS = 10
"""Maximum number of trials in the summary on the terminal."""


def print_space(search: Search) -> None:
    """Print the hyperparameters of a search."""
    rows = search.make_space().describe()
    title = f"{search.base.model} on {search.base.dataset}: {len(rows)} hyperparameters"
    Console().print(table(title, ("name", "values", "default", "only where"), rows))


def print_summary(search: Search, folder: Path, data_dir: Path | None = None) -> bool:
    """Print the best trials, the failures and the next command; returns whether a trial is best."""
    records = read_records(folder)
    ranked = best_first(records, search.objective)
    statuses = Counter(record.status for record in records)
    counts = ", ".join(f"{number} {status}" for status, number in statuses.items())
    accuracy = search.accuracy.replace("_", " ")
    columns = ("trial", accuracy, "loss", "multiply-adds", "parameters", "time")
    rows = [
        (
            record.trial,
            f"{100 * record.validation[search.accuracy]:.2f} %",
            f"{record.validation['loss']:.4f}",
            count(record.multiply_adds),
            count(record.parameters),
            duration(record.seconds),
        )
        for record in ranked[:SUMMARY_ROWS]
    ]
    title = f"{search.base.model} on {search.base.dataset}: {counts or 'no trials'}; the best first"
    Console().print(table(title, columns, rows, right=columns[1:]))
    for record in records:
        if record.status == FAILED:
            print(f"trial {record.trial} failed: {record.reason}")
    if ranked:
        chosen = ", ".join(f"{name} {show(value)}" for name, value in ranked[0].values.items())
        chosen = chosen or "the default configuration"
        print(f"Best: trial {ranked[0].trial}: {chosen}")
        print(f"Next: {_next_command(folder, data_dir)}")
    return bool(ranked)


def _next_command(folder: Path, data_dir: Path | None) -> str:
    """The command that trains the best configuration at full length."""
    command = ["python", "train.py", "--config", f"{folder}/best.json", "--seed", "1"]
    return shlex.join([*command, *(["--data-dir", str(data_dir)] if data_dir else [])])


def write_report(search: Search, folder: Path, data_dir: Path | None = None) -> Path:
    """Write the page of a search, finished or not, as `report.html` in its folder; returns its
    path."""
    images = task_of(search.base).size("validation", data_dir)
    records = read_records(folder)
    ranked = best_first(records, search.objective)
    values = [record.values for record in ranked if record.trial != DEFAULT]
    space, interval = search.make_space(), None
    if ranked and search.objective == "sequence_accuracy":
        interval = wilson_interval(round(ranked[0].score * images), images)
    charts = {"order": plot_trials, "cost": plot_cost, "hyperparameters": plot_hyperparameters}
    varied = [name for name in space.names if len({str(v.get(name)) for v in values}) > 1]
    text = template(Path(__file__).with_name("report.html.j2")).render(
        search=search,
        folder=folder,
        ranked=ranked,
        default=next((record for record in ranked if record.trial == DEFAULT), None),
        refused=[record for record in records if record.status == REFUSED],
        failed=[record for record in records if record.status == FAILED],
        interval=interval,
        images=images,
        next_command=_next_command(folder, data_dir),
        space=space.describe(),
        varied=varied,
        front={record.trial for record in pareto_front(ranked)},
        charts={name: svg(plot(folder), name) for name, plot in charts.items()} if ranked else {},
        show=show,
        score=lambda record: show_score(search, record.score),
        duration=duration,
        environment=read_json(folder / "search.json")["environment"],
    )
    write_text(folder / PAGE, text)
    return folder / PAGE
