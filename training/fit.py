"""Train one configuration in one run folder, from its start or from where it stopped."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

import datasets
import models
from artifacts.console import duration
from artifacts.files import RunError, read_json
from artifacts.run_folder import RunFolder, open_run, scratch_run
from labels import BOX
from models.losses import losses
from training.callbacks import EndOfEpoch, Progress, SeedEpoch
from training.configuration import Configuration
from training.distribution import SINGLE_DEVICE, Strategy
from training.finish import finish
from training.recipes import Recipe
from training.transfer import transfer_weights

log = logging.getLogger(__name__)


def train(
    configuration: Configuration,
    folder: Path,
    *,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    progress_bar: bool = False,
    until: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    most_read: int | None = None,
    devices: Strategy = SINGLE_DEVICE,
) -> dict[str, Any] | None:
    """Train, or go on with, the run in `folder`.

    Args:
        configuration: what to train.
        folder: the run's folder; `artifacts.run_folder` says what is in it.
        data_dir: where TFDS data lies. Defaults to TFDS_DATA_DIR or the project's own.
        cache_dir: where prepared images are kept between runs. Defaults to memory alone.
        progress_bar: whether Keras shows a bar that moves within the epoch.
        until: end after this epoch of the recipe's, as if it had been the last. The run keeps its
            checkpoint then, to go on from.
        callbacks: called at the end of each epoch when its scores are in `logs` and its files
            are written; one that sets the model's `stop_training` ends the run there.
        most_read: how many validation images the model is read with at the end, look after
            look, at most. Defaults to all.
        devices: what to train on, as `training.distribution.choose` gives it. Of several
            processes all call this with the same configuration; `folder` is only used in the one
            that leads.

    Returns:
        What is in the run's `metrics.json`: validation scores of the best model, epochs,
        parameters, hours, fingerprints of the data. None in a process that does not lead.

    Raises:
        RunError: if the folder holds something else or another process trains there, or the
            processes do not come together.
        ValueError: if the configuration does not fit the data or the devices.
    """
    last = min(until or configuration.recipe.epochs, configuration.recipe.epochs)
    where = {"data_dir": data_dir, "cache_dir": cache_dir}
    about = partial(_about, configuration, last, data_dir)
    with open_run(folder, configuration.to_json()) if devices.leads else scratch_run() as run:
        with devices.together(about, {"finished": run.finished}) as news:
            if not news["finished"]:
                fitted = _fit(configuration, run, where, progress_bar, last, callbacks, devices)
        if news["finished"]:
            log.info("%s is finished: nothing to do. Name another folder with --run.", folder)
            return read_json(run.metrics) if devices.leads else None
        return finish(configuration, run, *fitted, data_dir, most_read) if devices.leads else None


def _about(configuration: Configuration, last: int, data_dir) -> dict[str, Any]:
    """What must be the same in all processes of a training, as JSON values."""
    return {
        "configuration": configuration.to_json(),
        "last epoch": last,
        "images": {
            "train": datasets.size(configuration.dataset, "train", data_dir),
            "validation": datasets.size(configuration.validation, "validation", data_dir),
        },
        "versions": {name: version(name) for name in ("keras", "jax")},
    }


def steps_per_epoch(configuration: Configuration, data_dir: str | Path | None = None) -> int:
    """Batches in an epoch: the recipe's, or as many as hold every image once."""
    recipe = configuration.recipe
    return recipe.steps_per_epoch or math.ceil(
        datasets.size(configuration.dataset, "train", data_dir) / recipe.batch_size
    )


def _fit(
    configuration, run: RunFolder, where, progress_bar, last: int, callbacks, devices
) -> tuple[list[dict[str, float]], keras.Model]:
    """Train to the end of epoch `last`; the run's history and the model as it is then."""
    recipe = configuration.recipe
    devices.check_batch(recipe.batch_size)
    steps = steps_per_epoch(configuration, where["data_dir"])
    keras.config.set_dtype_policy(configuration.precision)
    keras.utils.set_random_seed(configuration.seed)
    model = devices.make(partial(_model, configuration, run, steps))
    start = int(keras.ops.convert_to_numpy(model.optimizer.iterations)) // steps
    if start:
        log.info("going on after epoch %d", start)
    log.info(
        "%s: %s parameters, %s images of %s, epochs %d to %d of %d steps of %d images",
        run.folder,
        f"{model.count_params():,}",
        " x ".join(map(str, model.input_shape[1:])),
        configuration.dataset,
        start + 1,
        last,
        steps,
        recipe.batch_size,
    )
    validation = datasets.load(
        configuration.validation, "validation", **configuration.view, **where
    )
    stream = datasets.load_training(
        configuration.dataset,
        epochs=last,
        start_epoch=start,
        steps_per_epoch=steps,
        seed=configuration.seed,
        batch_size=recipe.batch_size,
        augmentation=recipe.augmentation,
        with_boxes=BOX in model.output,
        share=devices.share,
        **configuration.view,
        **where,
    )
    rows = run.read_history(start)
    end_of_epoch = EndOfEpoch(run, validation, rows, recipe.checkpoint, devices)
    model.fit(
        stream,
        epochs=last,
        initial_epoch=start,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled already
        verbose=1 if progress_bar else 0,
        callbacks=[
            SeedEpoch(configuration.seed),
            end_of_epoch,
            Progress(last, end_of_epoch),
            keras.callbacks.TensorBoard(run.tensorboard, write_graph=False),
            keras.callbacks.TerminateOnNaN(raise_error=True),
            *callbacks,
        ],
    )
    log.info("trained for %s", duration(sum(row["seconds"] for row in rows)))
    return rows, model


def _model(configuration: Configuration, run: RunFolder, steps: int, restore: bool) -> keras.Model:
    """The compiled model; to `restore` it is to give it the state that the run is in."""
    model = models.create(configuration.model, **configuration.arguments)
    resumed = restore and run.checkpoint.exists()
    if configuration.weights and restore and not resumed:
        log.info("%s: %s", configuration.weights, _start_from(model, configuration.weights))
    model.compile(
        optimizer=optimizer(configuration.recipe, steps),
        loss=losses(
            configuration.arguments["max_digits"],
            configuration.recipe.label_smoothing,
            box=BOX in model.output,
        ),
        # XLA compiles for half a minute and then is no faster on a CPU.
        jit_compile=keras.backend.backend() == "jax",
    )
    # Weights go into an optimiser made anew: a saved one forgets which weights not to decay.
    model.optimizer.build(model.trainable_variables)
    if resumed:
        try:
            model.load_weights(run.checkpoint)
        except Exception as error:
            raise RunError(
                f"{run.checkpoint} cannot be read ({error}): delete it to start again"
            ) from error
    return model


def _start_from(model: keras.Model, weights: str):
    return transfer_weights(model, models.load(weights))


def optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW with a linear warm-up and half a cosine to zero over all steps of the recipe.

    The moving average of weights spans at most a fifth of them: where the training is shorter than
    the recipe's average, it would still hold the weights of the start.
    """
    total = recipe.epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_fraction * total), total - 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else recipe.learning_rate,
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(1, total - warmup),
    )
    made = keras.optimizers.AdamW(
        schedule,
        weight_decay=recipe.weight_decay,
        global_clipnorm=recipe.clip_norm or None,
        use_ema=recipe.ema_momentum > 0,
        ema_momentum=min(recipe.ema_momentum, max(1 - 5 / total, 0.0)),
    )
    # Decaying offsets and the scales of normalisation only costs accuracy.
    made.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return made
