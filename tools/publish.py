"""Publish a reader or locator: train, export and check it, and write its files and model card.

    python -m tools.publish text_transformer.any10          trains from nothing, see --steps
    python -m tools.publish runs/mine --name mine --reads "…" --licence "…" --fails "…" "…"
    python -m tools.publish runs/mine --name mine --evaluate street_numbers svhn_sample
    python -m tools.publish runs/locator --name locator.scenes --reads "…" --licence "…"

The weights are `models/weights/NAME.keras` and, for number_zoo, `number_zoo/weights/NAME.onnx`,
which is compared with Keras on validation or rendered images; the card of both is next to the
latter. Omitted options keep the values of an existing card of that name. With --evaluate, the
published files are evaluated: as they are read by predict.py.
"""

from __future__ import annotations

import argparse
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from artifacts.environment import relative_paths
from artifacts.files import atomic_path, read_json, write_json
from artifacts.run_folder import RunFolder
from artifacts.startup import command, quiet_tensorflow, run_command, start_log
from evaluation import FIGURES_FILE
from tools.training_steps import PLANS, run_plan

if TYPE_CHECKING:
    from training.configuration import Configuration

IMAGES, IMAGES_INT8 = 200, 800
"""Numbers of images on which the exported file is compared with Keras, without and with int8, whose
ranges a quarter of them gives."""

FIGURES = (
    "images",
    "sequence_accuracy",
    "sequence_accuracy_interval",
    "character_accuracy",
    "length_accuracy",
    "coverage",
    "thresholds_chosen_on",
    "max_glimpses",
    "box_overlap",
    "boxes_found",
    "calibration_error",
    "false_positives",
    "crop",
)

SCENE_FIGURES = ("images", "numbers", "read", "found", "turns", "false_alarms")


def publish(
    run: RunFolder,
    name: str,
    reads: str | None = None,
    licence: str | None = None,
    fails: list[str] | None = None,
    *,
    version: str | None = None,
    quantize: str | None = None,
    dataset: str | None = None,
    results: Mapping[Path, Any] | None = None,
) -> Path:
    """Export the model of a finished run, check the file, and publish both with a card.

    The card is written last: until then the files and the card of an earlier version do not agree,
    and readers refuse them.

    Args:
        run: a finished run.
        name: name of the weights.
        reads: one sentence about the intended images. None keeps the value of an existing card of
            that name, as for `licence`, `fails`, `quantize` and `dataset`. Its figures are kept if
            neither file changes.
        licence: one sentence about the uses that the licence of the training data allows.
        fails: sentences on known failures.
        version: semantic version of the weights. Defaults to 1.0.0, or to that of an existing card,
            with the minor version increased if the model file or the exported file differs.
        quantize: "float16" (the default of a new card) or "int8", see `exporting.export`.
        dataset: data set with the validation images of the check, and of the calibration of int8.
            Defaults to rendered images.
        results: contents of `results.json` files for `add_figures`, which are checked before the
            export.

    Returns:
        Path of the card.

    Raises:
        ValueError: if the run is not finished, `reads` or `licence` is missing, or a results file
            has only figures of other models.
        ExportError: if the exported file does not read what the model reads.
    """
    if not run.finished:
        raise ValueError(f"{run.folder} is not finished: it has no metrics.json")
    # Imported only now, so that --help and wrong options do not wait for TensorFlow.
    import models
    from exporting import export
    from models import published
    from number_zoo.published import FOLDER

    stages = _stages(run)
    configuration, metrics = stages[0][1], read_json(run.metrics)
    digest, path = models.file_digest(run.model), FOLDER / f"{name}.json"
    existing = read_json(path) if path.exists() else {}
    export_of = existing.get("export", {"quantize": "float16", "dataset": None})
    quantize, dataset = quantize or export_of["quantize"], dataset or export_of["dataset"]
    card = {
        "version": version,
        "task": models.entry(configuration.model).task,
        "model": configuration.model,
        "arguments": dict(configuration.arguments),
        "sha256": digest,
        "onnx_sha256": None,
        "reads": existing.get("reads") if reads is None else reads,
        "licence": existing.get("licence") if licence is None else licence,
        "crop": configuration.crop,
        "parameters": metrics["parameters"],
        "known_failures": existing.get("known_failures", []) if fails is None else fails,
        "inference": metrics.get("inference", {}),
        "training": _without_folders(_training(stages)),
        "data": _without_folders(metrics.get("data", {})),
        "export": _without_folders({"quantize": quantize, "dataset": dataset}),
        "figures": [],
    }
    if card["reads"] is None or card["licence"] is None:
        raise ValueError(f"{path} does not exist yet: pass --reads and --licence")
    for file, content in (results or {}).items():
        digests = {digest, existing.get("onnx_sha256", digest), *_exported_digests(content)}
        _figures(file, content, digests)
    with tempfile.TemporaryDirectory() as temporary:
        onnx = export(
            run.folder,
            "onnx",
            Path(temporary) / f"{name}.onnx",
            quantize=quantize,
            dataset=dataset,
            images=IMAGES_INT8 if quantize == "int8" else IMAGES,
        ).path
        card["onnx_sha256"] = models.file_digest(onnx)
        # The same model reads otherwise where the inference graph has changed.
        same = all(existing.get(key) == card[key] for key in ("sha256", "onnx_sha256"))
        card["figures"] = existing["figures"] if same else []
        card["version"] = version or _next_version(existing.get("version"), same)
        for source, folder in ((run.model, published.FOLDER), (onnx, FOLDER)):
            folder.mkdir(parents=True, exist_ok=True)
            with atomic_path(folder / f"{name}{source.suffix}") as part:
                shutil.copyfile(source, part)
    write_json(path, card)
    return path


def _next_version(existing: str | None, same: bool) -> str:
    if existing is None or same:
        return existing or "1.0.0"
    major, minor, _ = existing.split(".")
    return f"{major}.{int(minor) + 1}.0"


def add_figures(path: Path, results: Mapping[Path, Any]) -> None:
    """Replace the figures of a card by those of its files in `results.json` files of `evaluate.py`.

    Args:
        path: the card.
        results: contents of these files.

    Raises:
        ValueError: if a results file has no figures of the files.
    """
    card = read_json(path)
    digests = {card["sha256"], card["onnx_sha256"]}
    figures = [_figures(file, content, digests) for file, content in results.items()]
    write_json(path, card | {"figures": _without_folders(figures)})


def evaluate(name: str, datasets: list[str], report: Path) -> dict[Path, Any]:
    """Evaluate published weights on the test splits of data sets; returns the content of the
    `FIGURES_FILE` of each."""
    results = {}
    for dataset in datasets:
        folder = report / dataset.replace("/", "_").strip("._")
        command = ["evaluate.py", name, "--dataset", dataset, "--report", str(folder)]
        options = ["--corruption-samples", "0", "--no-timing"]
        subprocess.run([sys.executable, *command, *options], check=True)
        results[folder / FIGURES_FILE] = read_json(folder / FIGURES_FILE)
    return results


def _stages(run: RunFolder) -> list[tuple[RunFolder, Configuration]]:
    """The run, the run whose weights it started from, and so on, as far as they exist."""
    from training.configuration import read_configuration

    configuration = read_configuration(run.config)
    start = RunFolder(Path(configuration.weights)) if configuration.weights else None
    return [(run, configuration), *(_stages(start) if start and start.finished else [])]


def _training(stages: list[tuple[RunFolder, Configuration]]) -> dict[str, Any]:
    """The training of a run; `before` is that of the run whose weights it started from."""
    training: dict[str, Any] = {}
    for run, configuration in reversed(stages):
        metrics = read_json(run.metrics)
        # Interpolated weights were not trained: hours and epochs are those of their ends.
        effort = ("alpha",) if "alpha" in metrics else ("hours", "epochs", "epoch")
        training = {
            "configuration": configuration.to_json(),
            "environment": read_json(run.config)["environment"],
            **{key: metrics.get(key) for key in effort},
            "validation": metrics["validation"],
            **({"before": training} if training else {}),
        }
    return training


def _without_folders(value: Any, key: str = "") -> Any:
    """A value of a card in which paths start in the current folder, or are names outside of it.

    Where the data of a maintainer lie is private, and is no information for others.
    """
    if isinstance(value, list):
        return [_without_folders(each) for each in value]
    if isinstance(value, dict):
        public = {_without_folders(k): _without_folders(v, k) for k, v in value.items()}
        if len(public) < len(value):
            raise ValueError(f"folders of the same name cannot be told apart: {', '.join(value)}")
        return public
    if not isinstance(value, str):
        return value
    if key == "command":
        return shlex.join(map(_without_folders, shlex.split(value)))
    absolute = r"(?<![^=,])(?:[A-Za-z]:)?[/\\](?:[^,:?]*[/\\])?(?=[^/\\,:?])"
    return re.sub(absolute, "", relative_paths(value))


def _exported_digests(results: dict[str, Any]) -> list[str]:
    """Digests of unpublished exports in results: one may be that of the next export."""
    figures = results.get("models", {}).values()
    return [f["sha256"] for f in figures if "sha256" in f and f.get("multiply_adds") is None]


def _figures(path: Path, results: dict[str, Any], digests: set[str]) -> dict[str, Any]:
    if not results.keys() & {"models", "readers"}:
        raise ValueError(f"{path} is not a {FIGURES_FILE} of evaluate.py")
    measured = {
        "dataset": results["dataset"],
        "split": results["split"],
        "command": results["environment"]["command"],
    }
    if "readers" in results:  # figures of all numbers in scenes
        return measured | {
            "readers": {
                name: {key: figures[key] for key in SCENE_FIGURES if key in figures}
                for name, figures in results["readers"].items()
            }
        }
    for figures in results["models"].values():
        if figures.get("sha256") in digests:
            return measured | {key: figures[key] for key in FIGURES if key in figures}
    raise ValueError(
        f"{path} has no figures of these files, only of {', '.join(results['models'])}"
    )


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("source", metavar="RUN|NAME", help="a finished run, or published weights to train again: "
        + ", ".join(PLANS))  # fmt: skip
    add("--name", help="name of the published weights (default: NAME)")
    add("--steps", action="store_true", help="print the commands that train NAME, and exit")
    add("--reads", help="intended images, in one sentence")
    add("--licence", help="uses that the licence of the training data allows")
    add("--fails", nargs="+", metavar="SENTENCE", help="known failures")
    add("--version", help="semantic version of the weights (default: the next one)")
    add("--quantize", choices=("float16", "int8"), help="of the exported file (default: float16)")
    add("--dataset", metavar="NAME|FOLDER|MIX",
        help="compare the exported file with Keras on its validation images, some of which "
        "calibrate int8 (default: rendered images)")  # fmt: skip
    add("--evaluate", nargs="+", metavar="NAME|FOLDER",
        help="evaluate on the test splits of these, for the card's figures")  # fmt: skip
    add("--results", type=Path, nargs="+", metavar="FILE",
        help="results.json files of evaluate.py, for the card's figures")  # fmt: skip
    options = parser.parse_args(arguments)
    if options.source not in PLANS and (options.steps or not options.name):
        parser.error(
            "a run is published under a --name, and --steps are those of weights: "
            f"{', '.join(PLANS)}. Received: {options.source}"
        )
    return options


@command("tools.publish", RuntimeError, subprocess.CalledProcessError)
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = parse(arguments)
    start_log("tools")
    plan = PLANS.get(options.source)
    if options.steps:
        print("\n".join(step.command for step in plan.steps))
        return 0
    if plan:
        run_plan(plan)
    run, name = plan.run if plan else Path(options.source), options.name or options.source
    results = {file: read_json(file) for file in options.results or []}
    quiet_tensorflow()
    path = publish(
        RunFolder(run), name, options.reads, options.licence, options.fails,
        version=options.version, quantize=options.quantize, dataset=options.dataset,
        results=results,
    )  # fmt: skip
    if options.evaluate:
        results |= evaluate(name, options.evaluate, Path("report", name))
    if results:
        add_figures(path, results)
    print(f"Wrote {path}")
    return 0


if __name__ == "__main__":
    run_command(main)
