"""Publish a finished run: its model and a model card go to models/weights/.

    python -m tools.publish runs/my_run --name street_numbers --reads "…" --licence "…" \\
        --fails "…" "…" --results report/results.json

Figures are copied from results that evaluate.py wrote. Options left out keep what an existing card
of that name says.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from artifacts.files import RunError, atomic_path, read_json, write_json
from artifacts.run_folder import RunFolder
from artifacts.startup import quiet_tensorflow

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


def publish(
    run: RunFolder,
    name: str,
    reads: str | None,
    licence: str | None,
    results: list[Path],
    fails: list[str] | None = None,
    folder: Path | None = None,
) -> Path:
    """Copy the model of a finished run to `folder` and write its card.

    Args:
        run: a finished run.
        name: name of the weights.
        reads: one sentence: which images these weights are for. None keeps, as for `licence` and
            `fails`, what an existing card of that name says.
        licence: one sentence: what the licence of the training data allows.
        results: `results.json` files of `evaluate.py` with figures of this model file.
        fails: sentences on known failures.
        folder: where the weights are published. Defaults to `models/weights/`.

    Returns:
        Path of the card.

    Raises:
        ValueError: if the run is not finished, a results file has no figures of its model, or
            `reads` or `licence` is missing.
    """
    if not run.finished:
        raise ValueError(f"{run.folder} is not finished: it has no metrics.json")
    # Imported only now, so that --help and a mistyped option do not wait for TensorFlow.
    from models import published
    from training.configuration import run_configuration

    folder = folder or published.FOLDER
    configuration, metrics = run_configuration(run), read_json(run.metrics)
    digest, path = published.file_digest(run.model), folder / f"{name}.json"
    existing = read_json(path) if path.exists() else {}
    new_card = {
        "model": configuration.model,
        "arguments": dict(configuration.arguments),
        "sha256": digest,
        "reads": existing.get("reads") if reads is None else reads,
        "licence": existing.get("licence") if licence is None else licence,
        "crop": configuration.crop,
        "parameters": metrics["parameters"],
        "known_failures": existing.get("known_failures", []) if fails is None else fails,
        "inference": metrics.get("inference", {}),
        "training": _training(run),
        "data": _data(run),
        "figures": [_figures(path, digest) for path in results],
    }
    if new_card["reads"] is None or new_card["licence"] is None:
        raise ValueError(f"{path} does not exist yet: pass --reads and --licence")
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder / f"{name}.keras") as temporary:
        shutil.copyfile(run.model, temporary)
    write_json(path, new_card)
    return path


def _stages(run: RunFolder) -> list[RunFolder]:
    """The run, the run whose weights it started from, and so on, where they are still there."""
    from training.configuration import run_configuration

    weights = run_configuration(run).weights
    start = RunFolder(Path(weights)) if weights else None
    return [run, *(_stages(start) if start and start.finished else [])]


def _data(run: RunFolder) -> dict[str, str]:
    """Fingerprints of all training and validation images: evaluating on them must warn."""
    from models import published
    from training.configuration import run_configuration

    stages = _stages(run)
    start = run_configuration(stages[-1]).weights
    data = published.training_data(start) if start in published.list_weights() else {}
    for stage in reversed(stages):
        data = data | read_json(stage.metrics).get("data", {})
    return data


def _training(run: RunFolder) -> dict[str, Any]:
    """How a run was trained; `before` has the same of the run whose weights it started from."""
    from training.configuration import run_configuration

    training: dict[str, Any] = {}
    for stage in reversed(_stages(run)):
        metrics = read_json(stage.metrics)
        # Interpolated weights were not trained: hours and epochs are those of their ends.
        effort = ("alpha",) if "alpha" in metrics else ("hours", "epochs", "epoch")
        training = {
            "configuration": run_configuration(stage).to_json(),
            "environment": read_json(stage.config)["environment"],
            **{key: metrics.get(key) for key in effort},
            "validation": metrics["validation"],
            **({"before": training} if training else {}),
        }
    return training


def _figures(path: Path, digest: str) -> dict[str, Any]:
    results = read_json(path)
    for figures in results["models"].values():
        if figures.get("sha256") == digest:
            return {
                "dataset": results["dataset"],
                "split": results["split"],
                "command": results["environment"]["command"],
                **{key: figures[key] for key in FIGURES if key in figures},
            }
    raise ValueError(f"{path} has no figures of this model, only of {', '.join(results['models'])}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish", description=__doc__.splitlines()[0]
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a finished run")
    parser.add_argument("--name", required=True, help="name of the published weights")
    parser.add_argument("--reads", help="which images they are for, in one sentence")
    parser.add_argument("--licence", help="what the licence of the training data allows")
    parser.add_argument("--results", type=Path, nargs="+", default=[], metavar="FILE",
                        help="results.json files of evaluate.py")  # fmt: skip
    parser.add_argument("--fails", nargs="+", metavar="SENTENCE",
                        help="known failures")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        quiet_tensorflow()
        run = RunFolder(options.run)
        path = publish(
            run, options.name, options.reads, options.licence, options.results, options.fails
        )
    except (ValueError, OSError, RunError) as error:
        print(f"tools.publish: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
