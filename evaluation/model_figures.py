"""Figures of the inside of a model: weights, feature maps, saliency, and a decoded reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import cv2
import keras
import numpy as np
from keras import ops
from matplotlib.figure import Figure

from artifacts.plot_style import colour, image_grid, styled
from datasets.crops import prepare_image
from labels import DIGITS, LENGTH
from models.decoding import best_of_each_length, log_softmax
from models.heads import attention_grid
from number_zoo.names import ATTENTION


def plot_weights(
    model: keras.Model,
    layer: str,
    *,
    titles: Sequence[str] | None = None,
    columns: int = 8,
    title: str | None = None,
) -> Figure:
    """The weights of a layer on pixels, as images: red for positive, blue for negative weights.

    Args:
        model: a model of the zoo.
        layer: name of a dense layer on the flattened image, or of the first convolution; the mean
            over the channels is shown.
        titles: of each unit or filter.
        columns: images in a row.
        title: of the figure.

    Raises:
        ValueError: if the layer's weights do not have the shape of an image.
    """
    kernel = np.asarray(model.get_layer(layer).kernel)
    if kernel.ndim == 2 and kernel.shape[0] == np.prod(model.input_shape[1:]):
        kernel = kernel.reshape(*model.input_shape[1:], -1)
    if kernel.ndim != 4 or kernel.shape[2] != model.input_shape[3]:
        raise ValueError(
            f"weights are shown of a layer on the image's pixels. Received: {layer!r} with weights "
            f"of the shape {kernel.shape}, of a model for images {model.input_shape[1:]}"
        )
    images = np.moveaxis(kernel.mean(axis=2), -1, 0)
    largest = float(np.abs(images).max())
    return image_grid(
        images, titles, columns=columns, title=title, cmap="RdBu_r", vmin=-largest, vmax=largest
    )


def plot_feature_maps(
    model: keras.Model, image: np.ndarray, layers: Sequence[str], count: int = 8
) -> Figure:
    """The feature maps of some layers with the largest activations for one image, a row for each
    layer.

    Args:
        model: a model of the zoo.
        image: (height, width, channels) of the model's input shape, values in [0, 255].
        layers: names of layers with outputs (batch, height, width, channels).
        count: maximum number of maps of a layer; all layers show as many.
    """
    count = min(count, *(model.get_layer(name).output.shape[-1] for name in layers))
    part = keras.Model(model.input, [model.get_layer(name).output for name in layers])
    outputs = part.predict_on_batch(np.asarray(image, "float32")[None])
    shown, titles = [], []
    for name, maps in zip(layers, outputs if len(layers) > 1 else [outputs], strict=True):
        maps = np.moveaxis(np.asarray(maps)[0], -1, 0)
        strongest = np.sort(np.argsort(-maps.reshape(len(maps), -1).max(axis=1))[:count])
        shown += [channel / max(channel.max(), 1e-9) for channel in maps[strongest]]
        titles += [f"{name}, {index}" for index in strongest]
    return image_grid(shown, titles, columns=count, cmap="viridis", vmin=0, vmax=1)


def plot_saliency(
    model: keras.Model, images: Sequence[np.ndarray], readings: Sequence[str]
) -> Figure:
    """The saliency of each digit: for each image, the image and a map for each digit that was read.

    Args:
        model: a model of the zoo; its attention is shown if it has any, else gradients
            (`Saliency`).
        images: (height, width, channels) arrays, values in [0, 255].
        readings: the digits that were read in each.
    """
    saliency, columns = Saliency(model), 1 + max([1, *map(len, readings)])
    shown, titles = [], []
    for image, reading in zip(images, readings, strict=True):
        image = np.asarray(image).clip(0, 255).astype(np.uint8)
        image = image.repeat(3, axis=2) if image.shape[2] == 1 else image
        crop = np.array([0, 0, image.shape[1], image.shape[0]], np.float32)
        maps = [overlay(image, crop, m) for m in saliency.maps(image, crop, reading)]
        shown += [prepare_image(image, model.input_shape[1:3], 3), *maps]
        titles += [f"read: {reading or 'none'}", *reading[: len(maps)]]
        blank = columns - 1 - len(maps)
        shown += [np.full_like(shown[-1], 255)] * blank
        titles += [""] * blank
    return image_grid(shown, titles, columns=columns)


@styled
def plot_decoding(outputs: Mapping[str, np.ndarray], image: np.ndarray | None = None) -> Figure:
    """The decoding of one image: P(length), P(digit) at each position, and the best sequences.

    Args:
        outputs: a model's outputs for one image: `length` (1, N + 2) and `digits` (1, N, 10).
        image: an image to show next to them. Defaults to none.
    """
    length, digits = (np.exp(log_softmax(outputs[name])[0]) for name in (LENGTH, DIGITS))
    joint, best = (array[0] for array in best_of_each_length(outputs))
    positions = len(digits)
    figure = Figure(figsize=(10, 3.0), layout="constrained")
    ratios = [1, 1.5, 1] if image is None else [0.9, 1, 1.5, 1]
    *shown, lengths, heat, sequences = figure.subplots(1, len(ratios), width_ratios=ratios)
    for axes in shown:
        axes.imshow(np.asarray(image).squeeze(), cmap="gray", vmin=0, vmax=255)
        axes.set_axis_off()
        axes.set_title("image")
    names = [*map(str, range(positions + 1)), f">{positions}"]
    lengths.bar(names, length, color=colour(0))
    lengths.set(title="P(length)", xlabel="length", ylim=(0, 1))
    heat.imshow(digits, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    heat.grid(False)
    for row, column in np.argwhere(digits >= 0.05):
        ink = "white" if digits[row, column] > 0.6 else "black"
        text = f"{digits[row, column]:.2f}".lstrip("0")
        heat.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    heat.set_xticks(range(10))
    heat.set_yticks(range(positions), range(1, positions + 1))
    heat.set(title="P(digit) at each position", xlabel="digit", ylabel="position")
    inks = [colour(1) if value == joint.max() else colour(0) for value in joint]
    sequences.barh(range(len(joint)), joint, color=inks)
    answers = ["".join(map(str, best[:count])) for count in range(positions + 1)]
    sequences.set_yticks(range(len(joint)), [f"“{text}”" for text in answers] + ["longer"])
    sequences.invert_yaxis()
    sequences.grid(False, axis="y")
    sequences.set(title="log P of the best of each length", xlabel="nats (0: certain)")
    return figure


class Saliency:
    """Saliency maps of one model.

    For models with an attention layer, the maps are its weights. For other models, they are the
    smoothed gradient of the log-odds of the digit that was read with respect to the pixels (after
    Simonyan et al. 2014, https://arxiv.org/abs/1312.6034).

    Args:
        model: a model of the zoo.
    """

    def __init__(self, model: keras.Model):
        self.model = model
        self._size, self._channels = tuple(model.input_shape[1:3]), model.input_shape[3]
        self._grid = attention_grid(model)
        if self._grid:
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
        if self._grid:
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
        maps = []
        for position, digit in enumerate(map(int, digits)):
            # If the model is certain, the probability itself has no gradient.
            def log_odds(images, position=position, digit=digit):
                logits = self.model(images, training=False)[DIGITS][0, position]
                others = ops.concatenate([logits[:digit], logits[digit + 1 :]])
                return logits[digit] - ops.logsumexp(others)

            gradient = np.abs(_gradient(log_odds, batch)[0]).sum(axis=-1)
            maps.append(cv2.GaussianBlur(gradient, (0, 0), max(1.0, 0.03 * gradient.shape[0])))
        return maps


def _gradient(function: Callable, array: np.ndarray) -> np.ndarray:
    """The gradient of a scalar function at an array, for which Keras has no function."""
    if keras.backend.backend() == "jax":
        import jax

        return np.asarray(jax.grad(function)(array))
    import tensorflow as tf

    with tf.GradientTape() as tape:
        tape.watch(array := tf.constant(array))
        value = function(array)
    return tape.gradient(value, array).numpy()


def overlay(image: np.ndarray, crop: np.ndarray, saliency: np.ndarray) -> np.ndarray:
    """Draw a saliency map over the corresponding part of an image.

    Args:
        image: uint8 (height, width, 3).
        crop: left, top, right, bottom in pixels.
        saliency: float32 (rows, columns) in [0, 1].

    Returns:
        uint8 (rows, columns, 3): dark grey for a saliency of 0, bright and in colour for 1.
    """
    shown = prepare_image(image, saliency.shape, 3, box=crop).astype(np.float32)
    grey = shown.mean(axis=2, keepdims=True).repeat(3, axis=2)
    weight, glow = saliency[..., None], np.array([255.0, 120.0, 0.0])
    mixed = 0.55 * grey * (1 - weight) + 0.7 * shown * weight + 0.75 * glow * weight
    return mixed.clip(0, 255).astype(np.uint8)
