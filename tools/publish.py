"""Publish a run: its model and a card go to models/weights/.

python -m tools.publish runs/my_run --name street_numbers --reads "…" --licence "…" \\
    --fails "…" "…" --results report/results.json

Figures come from results that evaluate.py kept, never from hand. What is said in words may be left
out where a card of that name says it already.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from artifacts.files import RunError, read_json, replacing, write_json
from artifacts.run_folder import RunFolder
from models.published import FOLDER, file_digest
from training.configuration import run_configuration

KEPT = (
    "images",
    "sequence_accuracy",
    "sequence_accuracy_interval",
    "character_accuracy",
    "length_accuracy",
    "coverage",
    "max_glimpses",
    "box_overlap",
    "boxes_found",
    "calibration_error",
    "false_readings",
    "crop",
)


def publish(
    run: RunFolder,
    name: str,
    reads: str | None,
    licence: str | None,
    results: list[Path],
    fails: list[str] | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Copy the best model of a finished run to `folder` and write its card.

    Args:
        run: a finished run.
        name: name of the weights.
        reads: one sentence: which images these weights are for. Defaults, as do the next one
            and `fails`, to what the card of that name says, if there is one.
        licence: one sentence: what the training data's licence allows.
        results: `results.json` files of `evaluate.py` that hold figures of this very model, under
            whichever name.
        fails: sentences on what these weights are known to get wrong.
        folder: where to.

    Returns:
        Path of the card.

    Raises:
        ValueError: if the run is not finished, a file of results has no figures of it, or nobody
            said what it reads and under which licence.
    """
    if not run.finished:
        raise ValueError(f"{run.folder} is not finished: it has no metrics.json")
    configuration, metrics = run_configuration(run), read_json(run.metrics)
    digest, path = file_digest(run.model), folder / f"{name}.json"
    said = read_json(path) if path.exists() else {}
    card = {
        "model": configuration.model,
        "arguments": dict(configuration.arguments),
        "sha256": digest,
        "reads": said.get("reads") if reads is None else reads,
        "licence": said.get("licence") if licence is None else licence,
        "crop": configuration.crop,
        "parameters": metrics["parameters"],
        "known_failures": said.get("known_failures", []) if fails is None else fails,
        "reading": metrics.get("reading", {}),
        "training": _training(run),
        "figures": [_figures(path, digest) for path in results],
    }
    if card["reads"] is None or card["licence"] is None:
        raise ValueError(f"say with --reads and --licence what is new: there is no {path} yet")
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{name}.keras") as part:
        shutil.copyfile(run.model, part)
    write_json(path, card)
    return path


def _training(run: RunFolder) -> dict[str, Any]:
    """How a run was trained, and before it the run whose weights it started from."""
    configuration, metrics = run_configuration(run), read_json(run.metrics)
    # A blend was not trained: the hours are those of what it was blended from.
    spent = ("share",) if "share" in metrics else ("hours", "epochs", "best_epoch")
    told = {
        "configuration": configuration.to_json(),
        "environment": read_json(run.config)["environment"],
        **{key: metrics.get(key) for key in spent},
        "validation": metrics["validation"],
    }
    earlier = RunFolder(Path(configuration.weights)) if configuration.weights else None
    return told | ({"before": _training(earlier)} if earlier and earlier.finished else {})


def _figures(path: Path, digest: str) -> dict[str, Any]:
    results = read_json(path)
    found = next((one for one in results["models"].values() if one.get("sha256") == digest), None)
    if found is None:
        raise ValueError(f"{path} has no figures of this model: {', '.join(results['models'])}")
    return {
        "dataset": results["dataset"],
        "split": results["split"],
        "command": results["environment"]["command"],
        **{key: found[key] for key in KEPT if key in found},
    }


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish", description=__doc__.splitlines()[0]
    )
    parser.add_argument("run", type=Path, help="a finished run")
    parser.add_argument("--name", required=True, help="name of the weights")
    parser.add_argument("--reads", help="which images they are for")
    parser.add_argument("--licence", help="what the training data's licence allows")
    parser.add_argument("--results", type=Path, nargs="+", default=[], metavar="FILE",
                        help="results.json files of evaluate.py")  # fmt: skip
    parser.add_argument("--fails", nargs="+", metavar="SENTENCE",
                        help="what they are known to get wrong")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        run = RunFolder(options.run)
        path = publish(
            run, options.name, options.reads, options.licence, options.results, options.fails
        )
    except (ValueError, OSError, RunError) as error:
        print(f"publish: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
