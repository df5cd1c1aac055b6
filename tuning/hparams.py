"""Trials in TensorBoard's HParams view: `tensorboard --logdir SEARCH/trials`."""

from __future__ import annotations

import tensorflow as tf
from tensorboard.plugins.hparams import api

from artifacts.run_folder import RunFolder
from tuning.records import Record
from tuning.space import Space


def write(run: RunFolder, space: Space, record: Record) -> None:
    """Write a trial's values and scores beside its run's other logs.

    Dimensions that do not apply are left out, and are empty cells in the view.
    """
    metrics = {"score": record.score, "multiply_adds": record.multiply_adds, **record.validation}
    with tf.summary.create_file_writer(str(run.tensorboard / "trial")).as_default():
        api.hparams_config(
            hparams=[api.HParam(hp.name) for hp in space.dimensions],
            metrics=[api.Metric(name) for name in metrics],
        )
        api.hparams(dict(record.values), trial_id=record.trial)
        for name, value in metrics.items():
            tf.summary.scalar(name, value, step=record.epochs)
