"""Where a model looked: for each digit it read, how much each place of the image mattered."""

from __future__ import annotations

import cv2
import keras
import numpy as np

from datasets.images import prepare_image
from labels import DIGITS

ATTENTION = "where"
"""Layer whose output is (batch, places, 1 + N): attention maps, the length's first."""


class Looks:
    """Heat maps of one model.

    Models that attend say themselves where they look. Of others the gradient is taken: how much
    each pixel would change the log-odds of the digit that was read (after Simonyan et al. 2014,
    https://arxiv.org/abs/1312.6034), smoothed.

    Args:
        model: a model of the zoo.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._size, self._channels = model.input_shape[1:3], model.input_shape[3]
        names = [layer.name for layer in model.layers]
        self.attends = ATTENTION in names
        if self.attends:
            grid = model.get_layer("where_logits").output.shape[1:3]
            self._grid = tuple(int(side) for side in grid)
            self._attention = keras.Model(model.input, model.get_layer(ATTENTION).output)

    def heat(self, image: np.ndarray, part: np.ndarray, number: str) -> np.ndarray:
        """Heat for each digit of what was read.

        Args:
            image: uint8 (height, width, 3).
            part: the part that was looked at, in pixels.
            number: what was read there.

        Returns:
            float32 (digits, rows, columns), 0 to 1 in each; the part's, at the model's size.
        """
        shown = prepare_image(image, tuple(self._size), self._channels, box=part)
        batch = shown[None].astype("float32")
        digits = number.rstrip("+")
        maps = self._attended(batch) if self.attends else self._gradients(batch, digits)
        size = (int(self._size[1]), int(self._size[0]))
        heats = [cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in maps]
        heats = [np.clip(one, 0, None) for one in heats[: len(digits)]]
        return np.stack([one / max(float(one.max()), 1e-9) for one in heats] or [np.zeros(size).T])

    def _attended(self, batch: np.ndarray) -> list[np.ndarray]:
        maps = self._attention.predict_on_batch(batch)[0]
        return [np.ascontiguousarray(one.reshape(self._grid)) for one in maps[:, 1:].T]

    def _gradients(self, batch: np.ndarray, digits: str) -> list[np.ndarray]:
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError("gradients of images are taken on the TensorFlow backend only")
        import tensorflow as tf

        images, maps = tf.constant(batch), []
        for place, digit in enumerate(digits):
            with tf.GradientTape() as tape:
                tape.watch(images)
                logits = self.model(images, training=False)[DIGITS][0, place]
                others = tf.concat([logits[: int(digit)], logits[int(digit) + 1 :]], axis=0)
                # Not of its probability: that has no slope where the model is sure.
                odds = logits[int(digit)] - tf.reduce_logsumexp(others)
            slope = np.abs(tape.gradient(odds, images).numpy()[0]).sum(axis=-1)
            maps.append(cv2.GaussianBlur(slope, (0, 0), max(1.0, 0.03 * slope.shape[0])))
        return maps


def overlay(image: np.ndarray, part: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Lay heat over the part of an image it belongs to.

    Args:
        image: uint8 (height, width, 3).
        part: the part, in pixels.
        heat: float32 (rows, columns), 0 to 1.

    Returns:
        uint8 (rows, columns, 3): grey where nothing mattered, in colour and lit where much did.
    """
    shown = prepare_image(image, heat.shape, 3, box=part).astype(np.float32)
    grey = shown.mean(axis=2, keepdims=True).repeat(3, axis=2)
    glow = np.array([255.0, 120.0, 0.0]) * heat[..., None]
    mixed = 0.55 * grey * (1 - heat[..., None]) + shown * heat[..., None] * 0.7 + 0.4 * glow
    return mixed.clip(0, 255).astype(np.uint8)
