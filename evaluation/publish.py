"""Publish a run: its model and a card go to models/weights/.

python -m evaluation.publish runs/my_run --name street_numbers --reads "…" --licence "…" \\
    --results report/results.json

Figures come from results that evaluate.py kept, never from hand.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from models.published import FOLDER, file_digest
from training.run_folder import RunFolder, read_json, replacing, write_json

KEPT = (
    "pictures",
    "number_accuracy",
    "number_accuracy_interval",
    "character_accuracy",
    "length_accuracy",
    "coverage",
    "looks",
    "box_overlap",
    "boxes_found",
    "calibration_error",
    "false_readings",
    "crop",
)


def publish(
    run: RunFolder,
    name: str,
    reads: str,
    licence: str,
    results: list[Path],
    fails: list[str] | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Copy the best model of a finished run to `folder` and write its card.

    Args:
        run: a finished run.
        name: name of the weights.
        reads: one sentence: which pictures these weights are for.
        licence: one sentence: what the training data's licence allows.
        results: `results.json` files of `evaluate.py` that hold figures of this very model, under
            whichever name.
        fails: sentences on what these weights are known to get wrong.
        folder: where to.

    Returns:
        Path of the card.

    Raises:
        ValueError: if the run is not finished, or a file of results has no figures of it.
    """
    if not run.finished:
        raise ValueError(f"{run.folder} is not finished: it has no metrics.json")
    configuration, metrics = run.configuration(), read_json(run.metrics)
    digest = file_digest(run.model)
    card = {
        "model": configuration.model,
        "arguments": dict(configuration.arguments),
        "sha256": digest,
        "reads": reads,
        "licence": licence,
        "crop": configuration.crop,
        "parameters": metrics["parameters"],
        "known_failures": fails or [],
        "reading": metrics.get("reading", {}),
        "training": _training(run),
        "figures": [_figures(path, digest) for path in results],
    }
    folder.mkdir(parents=True, exist_ok=True)
    with replacing(folder / f"{name}.keras") as part:
        shutil.copyfile(run.model, part)
    write_json(folder / f"{name}.json", card)
    return folder / f"{name}.json"


def _training(run: RunFolder) -> dict[str, Any]:
    """How a run was trained, and before it the run whose weights it started from."""
    configuration, metrics = run.configuration(), read_json(run.metrics)
    told = {
        "configuration": configuration.to_json(),
        "environment": read_json(run.config)["environment"],
        "hours": metrics.get("hours"),
        "epochs": metrics["epochs"],
        "best_epoch": metrics["best_epoch"],
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
        prog="python -m evaluation.publish", description=__doc__.splitlines()[0]
    )
    parser.add_argument("run", type=Path, help="a finished run")
    parser.add_argument("--name", required=True, help="name of the weights")
    parser.add_argument("--reads", required=True, help="which pictures they are for")
    parser.add_argument("--licence", required=True, help="what the training data's licence allows")
    parser.add_argument("--results", type=Path, nargs="+", default=[], metavar="FILE",
                        help="results.json files of evaluate.py")  # fmt: skip
    parser.add_argument("--fails", nargs="+", default=[], metavar="SENTENCE",
                        help="what they are known to get wrong")  # fmt: skip
    options = parser.parse_args(arguments)
    try:
        run = RunFolder(options.run)
        path = publish(
            run, options.name, options.reads, options.licence, options.results, options.fails
        )
    except (ValueError, OSError) as error:
        print(f"publish: {error}", file=sys.stderr)
        return 2
    print(f"Wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
