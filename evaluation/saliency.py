"""Saliency maps: for each digit that was read, how much each part of the image mattered."""

from __future__ import annotations

import cv2
import keras
import numpy as np

from datasets.crops import prepare_image
from labels import DIGITS
from number_zoo.names import ATTENTION


class Saliency:
    """Saliency maps of one model.

    For models with an attention layer the maps are its weights. For others they are the smoothed
    gradient of the log-odds of the digit that was read with respect to the pixels (after Simonyan
    et al. 2014, https://arxiv.org/abs/1312.6034); this needs the TensorFlow backend.

    Args:
        model: a model of the zoo.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._size, self._channels = tuple(model.input_shape[1:3]), model.input_shape[3]
        self.attends = ATTENTION in [layer.name for layer in model.layers]
        if self.attends:
            self._grid = model.get_layer(f"{ATTENTION}_logits").output.shape[1:3]
            self._attention = keras.Model(model.input, model.get_layer(ATTENTION).output)

    def maps(self, image: np.ndarray, crop: np.ndarray, reading: str) -> np.ndarray:
        """A map for each digit of a reading.

        Args:
            image: uint8 (height, width, 3).
            crop: the part of it that was read: left, top, right, bottom in pixels.
            reading: the digits that were read there.

        Returns:
            float32 (digits, rows, columns) at the model's input size; the largest value is 1.
        """
        prepared = prepare_image(image, self._size, self._channels, box=crop)
        batch, digits = prepared[None].astype("float32"), reading.rstrip("+")
        if self.attends:
            weights = self._attention.predict_on_batch(batch)[0, :, 1:]
            raw = weights.T.reshape(-1, *self._grid)
        else:
            raw = self._gradients(batch, digits)
        maps = np.zeros((len(digits), *self._size), np.float32)
        for index, values in enumerate(raw[: len(digits)]):
            resized = cv2.resize(values, self._size[::-1], interpolation=cv2.INTER_CUBIC)
            maps[index] = np.clip(resized, 0, None) / max(float(resized.max()), 1e-9)
        return maps

    def _gradients(self, batch: np.ndarray, digits: str) -> list[np.ndarray]:
        if keras.backend.backend() != "tensorflow":
            raise RuntimeError("saliency from gradients needs the TensorFlow backend")
        import tensorflow as tf

        images, maps = tf.constant(batch), []
        for position, digit in enumerate(map(int, digits)):
            with tf.GradientTape() as tape:
                tape.watch(images)
                logits = self.model(images, training=False)[DIGITS][0, position]
                others = tf.concat([logits[:digit], logits[digit + 1 :]], axis=0)
                # The probability itself has no gradient where the model is certain.
                log_odds = logits[digit] - tf.reduce_logsumexp(others)
            gradient = np.abs(tape.gradient(log_odds, images).numpy()[0]).sum(axis=-1)
            maps.append(cv2.GaussianBlur(gradient, (0, 0), max(1.0, 0.03 * gradient.shape[0])))
        return maps


def overlay(image: np.ndarray, crop: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Draw a saliency map over the part of an image that it belongs to.

    Args:
        image: uint8 (height, width, 3).
        crop: left, top, right, bottom in pixels.
        saliency: float32 (rows, columns) in [0, 1].

    Returns:
        uint8 (rows, columns, 3): dark grey at 0, in colour and lit at 1.
    """
    shown = prepare_image(image, saliency.shape, 3, box=crop).astype(np.float32)
    grey = shown.mean(axis=2, keepdims=True).repeat(3, axis=2)
    weight, glow = saliency[..., None], np.array([255.0, 120.0, 0.0])
    mixed = 0.55 * grey * (1 - weight) + 0.7 * shown * weight + 0.75 * glow * weight
    return mixed.clip(0, 255).astype(np.uint8)
