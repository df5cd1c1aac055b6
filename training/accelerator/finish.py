"""Convert the weights of `training.accelerator` to run folders like those of `train.py`.

    python -m training.accelerator.finish runs/any10/weights.npz runs \\
        --dataset street_numbers,cheque_amounts --validation street_numbers --steps 29124

Each model becomes the run folder `runs/MODEL`, with its weights stored in 16 bits and its
temperature fitted on validation.
"""

from __future__ import annotations

import argparse
import dataclasses
import io
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import h5py
import numpy as np

from artifacts.files import atomic_path
from artifacts.run_folder import open_run
from artifacts.startup import command, quiet_tensorflow, run_command
from datasets import Augmentation
from training.accelerator import feed, pack
from training.recipes import Recipe

if TYPE_CHECKING:
    import keras

    from training.configuration import Configuration


def load_weights(model: keras.Model, arrays: dict[str, np.ndarray], name: str) -> None:
    """Assign the arrays "NAME|PATH" to the variables of a model.

    Raises:
        ValueError: if an array is missing or has another shape.
    """
    for variable in model.weights:
        value = arrays.get(f"{name}|{variable.path}")
        if value is None or value.shape != tuple(variable.shape):
            raise ValueError(
                f"{name} needs {variable.path} of shape {tuple(variable.shape)}. "
                f"Received: {None if value is None else value.shape}"
            )
        variable.assign(value)


def save_in_half(model: keras.Model, path: Path) -> None:
    """Save a model with its float32 weights stored as float16.

    Keras casts them back when it loads the file. The size is halved; the relative error of each
    weight is below 2^-11.
    """
    with atomic_path(path) as temporary:
        whole = temporary.with_name("whole.keras")
        model.save(whole)
        with zipfile.ZipFile(whole) as old, zipfile.ZipFile(temporary, "w") as new:
            for item in old.infolist():
                content = old.read(item)
                is_weights = item.filename == "model.weights.h5"
                new.writestr(item, _halve(content) if is_weights else content)


def _halve(content: bytes) -> bytes:
    halved = io.BytesIO()
    with h5py.File(io.BytesIO(content)) as old, h5py.File(halved, "w") as new:

        def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
            if isinstance(item, h5py.Dataset):
                value = item[()]
                new[name] = value.astype("float16") if value.dtype == np.float32 else value
            else:
                new.require_group(name).attrs.update(item.attrs)

        old.visititems(copy)
    return halved.getvalue()


def write_run(
    arrays: dict[str, np.ndarray],
    folder: Path,
    configuration: Configuration,
    data_dir: Path | None,
) -> None:
    """Write the run of one model: `model.keras`, `config.json` and `metrics.json`.

    Args:
        arrays: weights as trained, see `load_weights`.
        folder: folder of the run.
        configuration: configuration of the training; `weights` names the initial weights.
        data_dir: folder of prepared TFDS data.
    """
    import models
    from training.finish import finish

    model = models.create(configuration.model, **configuration.arguments)
    load_weights(model, arrays, configuration.model)
    with open_run(folder, configuration.to_json()) as run:
        save_in_half(model, run.model)
        finish(configuration, run, [], model, data_dir)


@command("training.accelerator.finish")
def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m training.accelerator.finish", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    add("file", type=Path, help="weights.npz")
    add("folder", type=Path, help="parent of the run folders, one for each model")
    add("--dataset", required=True, help="the folders that were packed, as a mix")
    add("--validation", required=True, help="the data set whose validation accuracy is reported")
    add("--steps", type=int, required=True, help="steps of the training, from its log")
    add("--batch-size", type=int, default=512)
    add("--learning-rate", type=float, default=1.5e-3)
    add(
        "--init",
        nargs="+",
        default=[],
        help="initial weights of each model, in the order of the training",
    )
    add("--data-dir", type=Path, metavar="FOLDER", help="folder of prepared TFDS data sets")
    options = parser.parse_args(arguments)
    # Imported only now, so that --help and wrong options do not wait for TensorFlow.
    quiet_tensorflow()
    import models
    from training.configuration import Configuration

    arrays = pack.read_arrays(options.file)
    recipe = Recipe(
        epochs=1,
        steps_per_epoch=options.steps,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        warmup_fraction=0.04,
        weight_decay=0.05,
        ema_momentum=0.999,
        checkpoint="last",
    )
    names = list(dict.fromkeys(name.partition("|")[0] for name in arrays))  # in their order
    if len(options.init) not in (0, len(names)):
        raise ValueError(
            f"--init names the initial weights of each model, {', '.join(names)}. "
            f"Received: {' '.join(options.init)}"
        )
    for name, start in zip(names, options.init or [None] * len(names), strict=True):
        locates = models.entry(name).task == "locate"
        augmentation = Augmentation.photo() if locates else feed.AUGMENTATION
        configuration = Configuration(
            model=name,
            weights=start,
            arguments=models.configuration(name),
            dataset=options.dataset,
            validation=options.validation,
            crop="full",
            recipe=dataclasses.replace(recipe, augmentation=augmentation),
            precision="mixed_bfloat16",
        )
        write_run(arrays, options.folder / name, configuration, options.data_dir)
        print(f"Wrote {options.folder / name}")
    return 0


if __name__ == "__main__":
    run_command(main)
