"""Train one configuration in one run folder, from the start or from its last finished epoch."""

from __future__ import annotations

import contextlib
import logging
import math
import re
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import keras

import models
from artifacts.console import duration
from artifacts.files import RunError, read_json
from artifacts.folders import check_folder
from artifacts.run_folder import RunFolder, changed_labels, open_run
from datasets import sources
from datasets.folder_options import write_skipped
from datasets.photo_folder import Folder
from training.batch_normalization import fuse_batch_normalization
from training.callbacks import EndOfEpoch, Row, SeedEpoch, TensorBoard, load_checkpoint
from training.configuration import Configuration
from training.distillation import distil, load_teacher
from training.distribution import SINGLE_DEVICE, Strategy
from training.finish import finish
from training.recipes import Recipe
from training.tasks import check_buildable, task_of
from training.transfer import transfer_weights

log = logging.getLogger(__name__)


def train(
    configuration: Configuration,
    folder: str | Path,
    *,
    data_dir: str | Path | None = None,
    cache_dir: str | Path | None = None,
    progress_bar: bool = False,
    until: int | None = None,
    inference_limit: int | None = None,
    strategy: Strategy = SINGLE_DEVICE,
    folders: Sequence[Folder] = (),
) -> dict[str, Any] | None:
    """Train the run in `folder`, or resume it.

    A new run that fails before its first epoch is finished leaves no files.

    Args:
        configuration: what to train.
        folder: the run's folder; its files are listed in `artifacts.run_folder`.
        data_dir: where TFDS data lies. Defaults to TFDS_DATA_DIR or the project's own.
        cache_dir: folder for prepared images, which later runs reuse. Defaults to memory.
        progress_bar: whether Keras shows its progress bar.
        until: finish the run after this epoch instead of the last epoch of the recipe. Its
            checkpoint is kept, so that it can be resumed.
        inference_limit: maximum number of validation images for fitting the temperature at the end.
            Defaults to all.
        strategy: the devices, from `training.distribution.choose_strategy`. If there are several
            processes, all call this with the same configuration; only the chief uses `folder`.
        folders: the checked folders of photos, whose unusable rows are listed in `skipped.csv`.

    Returns:
        The content of the run's `metrics.json`: validation scores of the selected model, epochs,
        parameters, hours, fingerprints of the data. None in a process that is not the chief.

    Raises:
        RunError: if the folder contains other files, another run or a finished one without its
            model, if another process trains in it, or if processes do not connect.
        ValueError: if the configuration does not match the data, the devices or the memory, or if
            the loss is no longer finite.
    """
    folder = Path(folder)
    last = min(until or configuration.recipe.epochs, configuration.recipe.epochs)
    data_folders = {"data_dir": data_dir, "cache_dir": cache_dir}
    chief = strategy.is_chief
    if cache_dir is not None:
        check_folder(Path(cache_dir))
    labels = label_digests(configuration) if chief else {}
    content = configuration.to_json()
    with open_run(folder, content, labels) if chief else contextlib.nullcontext() as run:
        if chief and not run.finished:
            write_skipped(folders, run.folder / "skipped.csv")
        with strategy.scope(), _explained(configuration.recipe):
            with strategy.local_scope():
                check_buildable(configuration)
            if strategy.processes > 1:
                strategy.assert_equal(_agreement(configuration, last, data_dir))
            finished = strategy.broadcast(chief and run.finished)
            if not finished:
                model = _create(configuration, run, data_dir, strategy)
                rows = _fit(model, configuration, run, data_folders, progress_bar, last, strategy)
        if not chief:
            return None
        if finished:
            if not run.model.exists():
                raise RunError(
                    f"{folder} is finished, but its {run.model.name} is missing: restore the file, "
                    "or delete the folder to train again"
                )
            log.info("%s is finished. Name another folder with --run to train again.", folder)
            if changed := changed_labels(run.config, labels):
                log.warning(
                    "It was trained before labels or images of %s changed.", ", ".join(changed)
                )
            metrics = read_json(run.metrics)
        else:
            metrics = finish(configuration, run, rows, model, data_dir, inference_limit)
        if metrics.get("epochs") == configuration.recipe.epochs:
            run.checkpoint.unlink(missing_ok=True)
        return metrics


@contextlib.contextmanager
def _explained(recipe: Recipe) -> Iterator[None]:
    """Within the block, a full memory and a loss that is not finite are ValueErrors with a cure."""
    try:
        yield
    except Exception as error:
        text = str(error)
        if re.search("OOM|RESOURCE_EXHAUSTED", text):
            raise ValueError(
                f"the memory is full: lower --batch-size ({recipe.batch_size}), or the size of the "
                f"images or of the model. Received: {text.partition(chr(10))[0][:200]}"
            ) from error
        if text.startswith("NaN or Inf loss"):  # keras.callbacks.TerminateOnNaN
            raise ValueError(
                f"the loss is not finite: lower --learning-rate ({recipe.learning_rate:g}), or use "
                f"--precision float32 if it is another. Received: {text}"
            ) from error
        raise


def _agreement(configuration: Configuration, last: int, data_dir) -> dict[str, Any]:
    """The values that must be equal in all processes of a training."""
    return {
        "configuration": configuration.to_json(),
        "last epoch": last,
        "number of images": [
            task_of(configuration).size(split, data_dir) for split in ("train", "validation")
        ],
        "versions": {name: version(name) for name in ("keras", keras.backend.backend())},
    }


def label_digests(configuration: Configuration) -> dict[str, str]:
    """Digests of the folders of photos of a run, to notice that labels or images change."""
    training = sources.label_digests(configuration.dataset, "train")
    return training | sources.label_digests(configuration.validation, "validation")


def steps_per_epoch(configuration: Configuration, data_dir: str | Path | None = None) -> int:
    """Batches per epoch: those of the recipe, or one pass over all images."""
    recipe = configuration.recipe
    return recipe.steps_per_epoch or math.ceil(
        task_of(configuration).size("train", data_dir) / recipe.batch_size
    )


def _create(configuration, run: RunFolder | None, data_dir, strategy: Strategy) -> keras.Model:
    """The compiled model, in the state of the run's last finished epoch."""
    strategy.check_batch_size(configuration.recipe.batch_size)
    keras.utils.set_random_seed(configuration.seed)
    steps = steps_per_epoch(configuration, data_dir)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy(configuration.precision)
    try:
        return strategy.create(partial(_build, configuration, run, steps))
    finally:
        keras.config.set_dtype_policy(policy)


def _build(configuration, run: RunFolder | None, steps: int, restore: bool) -> keras.Model:
    model = models.create(configuration.model, **configuration.arguments)
    resumed = restore and run.checkpoint.exists()
    if configuration.weights and restore and not resumed:
        transfer = transfer_weights(model, models.load(configuration.weights))
        log.info("%s: %s", configuration.weights, transfer)
    if pattern := configuration.recipe.frozen:
        for layer in model.layers:
            layer.trainable = not re.match(pattern, layer.name)
        if all(layer.trainable for layer in model.layers):
            names = ", ".join(layer.name for layer in model.layers)
            raise ValueError(f"frozen={pattern!r} fits no layer of {model.name}. Known: {names}")
    fuse_batch_normalization(model)
    if configuration.teacher:
        distil(model, load_teacher(configuration.teacher))
    model.compile(
        optimizer=create_optimizer(configuration.recipe, steps),
        loss=task_of(configuration).loss(model),
        # On a CPU, XLA compiles for half a minute in TensorFlow, without a gain in speed.
        jit_compile=keras.backend.backend() == "jax",
    )
    # The optimizer is recreated, since a saved one loses the exclusions from weight decay.
    model.optimizer.build(model.trainable_variables)
    if resumed:
        load_checkpoint(model, run)
    return model


def _fit(
    model: keras.Model,
    configuration: Configuration,
    run: RunFolder | None,
    data_folders: dict[str, Any],
    progress_bar: bool,
    last: int,
    strategy: Strategy,
) -> list[Row]:
    """Train to the end of epoch `last`; returns the run's history."""
    recipe = configuration.recipe
    steps = steps_per_epoch(configuration, data_folders["data_dir"])
    start = int(keras.ops.convert_to_numpy(model.optimizer.iterations)) // steps
    rows = run.read_history(start) if run else []
    if start:
        log.info("resuming after epoch %d", start)
    if start >= last:  # stopped after the last epoch, before its scores were written
        return rows
    log.info(
        "%s parameters, %s images of %s, epochs %d to %d of %d steps of %d images",
        f"{model.count_params():,}",
        " x ".join(map(str, model.input_shape[1:])),
        configuration.dataset,
        start + 1,
        last,
        steps,
        recipe.batch_size,
    )
    task = task_of(configuration)
    validation = task.validation(**data_folders)
    stream = task.training(
        model,
        epochs=last,
        start_epoch=start,
        steps_per_epoch=steps,
        shard=strategy.shard,
        **data_folders,
    )
    # Every process needs the callback, which computes the learning rate on all devices; in
    # processes that write no run, it writes to TensorFlow's in-memory file system.
    logs = str(run.tensorboard) if run else "ram://tensorboard"
    model.fit(
        stream,
        epochs=last,
        initial_epoch=start,
        steps_per_epoch=steps,
        shuffle=False,  # the stream is shuffled already
        verbose=1 if progress_bar else 0,
        callbacks=[
            SeedEpoch(configuration.seed),
            EndOfEpoch(run, validation, rows, last, recipe.checkpoint, strategy, task.scores),
            TensorBoard(logs, write_graph=False),
            keras.callbacks.TerminateOnNaN(raise_error=True),
        ],
    )
    log.info("trained for %s", duration(sum(row["seconds"] for row in rows)))
    return rows


def create_optimizer(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """AdamW with linear warm-up and cosine decay to zero over all steps of the recipe.

    The moving average of weights spans at most a fifth of the steps; otherwise, it would still
    contain the initial weights after a short training.
    """
    total = recipe.epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_fraction * total), total - 1)
    schedule = keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=0.0 if warmup else recipe.learning_rate,
        warmup_target=recipe.learning_rate if warmup else None,
        warmup_steps=warmup,
        decay_steps=max(1, total - warmup),
    )
    optimizer = keras.optimizers.AdamW(
        schedule,
        weight_decay=recipe.weight_decay,
        global_clipnorm=recipe.clip_norm or None,
        use_ema=recipe.ema_momentum > 0,
        ema_momentum=min(recipe.ema_momentum, max(1 - 5 / total, 0.0)),
    )
    # Weight decay of biases and normalization parameters only costs accuracy.
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
