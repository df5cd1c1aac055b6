"""Interpolate between the initial and the final weights of a run.

Fine-tuning on new kinds of images reduces the accuracy on the old ones. Interpolated models read
both, often better than either (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models",
https://arxiv.org/abs/2109.01903).

    python -m tools.interpolate_weights runs/mine runs/both --alpha 0.5
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from artifacts.environment import environment
from artifacts.files import RunError, read_json, write_json
from artifacts.run_folder import RunFolder, open_run
from artifacts.startup import command, quiet_tensorflow, run_command


def interpolate_weights(
    source: Path, folder: Path, alpha: float, data_dir: str | Path | None = None
) -> dict[str, Any]:
    """Write a run whose weights lie between the start and the end of another run, in 16 bits.

    Args:
        source: a finished run that was started from weights (`train.py --weights`).
        folder: folder of the new run.
        alpha: weight of the final weights, above 0 and below 1. Choose it on validation.
        data_dir: where TFDS data lies.

    Returns:
        The new run's `metrics.json`: that of `source` with `alpha`, new validation scores and a
        new temperature.

    Raises:
        RunError: if `source` is not a finished run, or `folder` cannot be used.
        ValueError: if the run was not started from weights, or alpha is out of range.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is above 0 and below 1. Received: {alpha!r}")
    # Imported only now, so that --help and wrong options do not wait for TensorFlow.
    import models
    from inference.backends import in_float32
    from training.accelerator.finish import save_in_half
    from training.callbacks import gather_labels
    from training.configuration import read_configuration
    from training.finish import calibrate
    from training.from_labels import interpolate, start_weights
    from training.tasks import ReadTask

    run = RunFolder(source)
    configuration = read_configuration(run.config)
    if not run.finished:
        raise RunError(f"{source} is not finished: it has no metrics.json")
    if configuration.weights is None:
        raise ValueError(f"{source} was not started from weights (train.py --weights)")
    started, configuration = configuration, dataclasses.replace(configuration, weights=str(source))
    with open_run(folder, configuration.to_json()) as new_run:
        model = in_float32(models.load(source))
        model.set_weights(interpolate(start_weights(started), model.get_weights(), alpha))
        save_in_half(model, new_run.model)
        model = models.load(folder)
        validation = ReadTask(configuration).validation(data_dir=data_dir)
        outputs = model.predict(validation, verbose=0)
        metrics = read_json(run.metrics) | {
            "alpha": alpha,
            "validation": models.sequence_scores(outputs, gather_labels(validation)),
            "inference": calibrate(configuration, new_run, data_dir),
            "environment": environment(),
        }
        write_json(new_run.metrics, metrics)
    return metrics


@command("tools.interpolate_weights")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.interpolate_weights", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("source", type=Path, help="a finished run that was started from weights")
    add("folder", type=Path, help="folder of the new run")
    add("--alpha", type=float, default=0.75, help="of the final weights, in (0, 1) (default: 0.75)")
    add(
        "--data-dir",
        type=Path,
        metavar="FOLDER",
        help="folder of TFDS data sets; the new run is calibrated on the validation images of the "
        "source's, which are prepared there if they are missing",
    )
    options = parser.parse_args(arguments)
    quiet_tensorflow()
    metrics = interpolate_weights(options.source, options.folder, options.alpha, options.data_dir)
    print(
        f"{options.folder}: validation sequence accuracy "
        f"{metrics['validation']['sequence_accuracy']:.2%} in one glimpse, "
        f"{metrics['inference']['sequence_accuracy']:.2%} with refinement, "
        f"−log P {metrics['validation']['loss']:.3f}"
    )
    return 0


if __name__ == "__main__":
    run_command(main)
