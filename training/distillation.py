"""Distillation: a model learns from the labels and from the predictions of a teacher.

Hinton et al. 2015, https://arxiv.org/abs/1503.02531, at a temperature of 1.
"""

from __future__ import annotations

import functools
from typing import Any

import keras

import models
from models.losses import add_probabilities


def load_teacher(weights: str) -> keras.Model:
    """Load a run or published weights as a teacher that computes in the current precision."""
    name, arguments = models.architecture_of(weights)
    teacher = models.create(name, **arguments)
    teacher.set_weights(models.load(weights).get_weights())
    teacher.trainable = False
    return teacher


def distil(model: keras.Model, teacher: keras.Model) -> None:
    """Add the cross-entropy with the probabilities of a teacher to a reader's training loss.

    It replaces the method `compute_loss` of this object. The teacher gets the same augmented
    images. It is not part of the model: it is neither counted nor saved.

    Args:
        model: the reader, before its training function is traced.
        teacher: a reader of images of the same shape, with the same `max_digits`.
    """
    model.compute_loss = functools.partial(_compute_loss, model, teacher)


def _compute_loss(
    model: keras.Model, teacher: keras.Model, x=None, y: Any = None, *arguments, training=True
):
    if training:
        y = add_probabilities(y, teacher(x, training=False))
    return type(model).compute_loss(model, x, y, *arguments, training=training)
