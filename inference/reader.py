"""From images of any size to numbers, by the same steps as in training and evaluation."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import models
from datasets.images import decode_image, prepare_image
from labels import BOX, DIGITS, LENGTH
from models.decoding import DecodedSequences, decode_predictions, log_softmax
from models.published import inference_config

BATCH = 64

MAX_GLIMPSES = 4
"""How often, at most, a model that says where the number is looks at an image: at all of it, at
what it found there, and again from nearer while that is `WORTH` it."""

WORTH = 0.6
"""Another look is taken at a part whose area is below this share of the last one's."""

MARGIN = 0.7
"""Share by which the box found in one look is grown for the next."""

UNSURE = 0.6
"""Where a reading is less sure than this, the quarters of the image are looked at as well, each
as an image of its own: a number far away is easily missed in all of it."""

QUARTER = 0.7
"""Width and height of a quarter, as a share of the image's: they overlap by more than a half."""

SMALL = 0.15
"""The quarters are only looked at for numbers that cover less than this share of the image."""

CUT = 0.03
"""A number closer to a quarter's edge than this share of its size may be cut by it."""

LEAST = 8.0
"""Pixels that are looked at each way at least: a sliver tells nothing."""


@dataclass(frozen=True)
class Reading:
    """What was read in one image.

    Attributes:
        number: the digits as text; "" where no number was found, ending in "+" where there are
            more digits than the model can tell.
        confidence: the model's probability that the whole number is right, in [0, 1].
        box: left, top, right and bottom of the number in pixels of the image, for models that
            say where it is and find one; else None.
    """

    number: str
    confidence: float
    box: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Predictions:
    """What a model saw in images, over all its looks.

    Attributes:
        outputs: `length` and `digits` as `models.heads` has them: logits, the mean of the
            log-probabilities of all looks over the temperature.
        boxes: float32 (n, 4), where the number is, in pixels of each image; NaN where the
            model does not say.
        parts: float32 (n, 4), the part of each image that was looked at last, in pixels.
    """

    outputs: dict[str, np.ndarray]
    boxes: np.ndarray
    parts: np.ndarray

    @property
    def readings(self) -> DecodedSequences:
        """The numbers that are read out of the outputs."""
        return decode_predictions(self.outputs)


class Reader:
    """A model that reads images.

    A model that says where the number is looks at the whole image, then at the part around the
    box it found, and once or twice more where the number turns out to be small. What it saw is
    put together as the mean of the log-probabilities. Where that leaves it `UNSURE`, it looks at
    the quarters of the image in the same way, and keeps the surest number. A model that finds
    no box looks once.

    Args:
        weights: name of published weights, or path of a run folder or a `.keras` file.
        max_glimpses: largest number of glimpses. Defaults to `MAX_GLIMPSES`, or 1 for a model
            without a `box` output.
        temperature: what logits are divided by. Defaults to what was fitted when the weights were
            published or the run ended, or 1.

    Raises:
        ValueError: if there are no such weights, they are of no reader, or the model cannot look
            so often.
    """

    def __init__(
        self, weights: str | Path, max_glimpses: int | None = None, temperature: float | None = None
    ):
        self.model = models.load(weights)
        outputs = getattr(self.model, "output", None)  # None before a first call
        if not (isinstance(outputs, dict) and DIGITS in outputs):
            raise ValueError(
                f"{weights} is no reader of numbers: its model gives no {DIGITS!r} by name. "
                f"Received: {outputs}"
            )
        self._height, self._width, self._channels = self.model.input_shape[1:]
        locates = BOX in outputs
        self.temperature = temperature or inference_config(weights).get("temperature", 1.0)
        self.max_glimpses = max_glimpses or (MAX_GLIMPSES if locates else 1)
        if self.max_glimpses > 1 and not locates:
            raise ValueError(
                f"{weights} finds no box to look at again. Received: looks={max_glimpses}"
            )

    def read(self, images: Sequence[np.ndarray]) -> list[Reading]:
        """Read the number in each image.

        Args:
            images: uint8 arrays (height, width, 3), RGB, of any size, as
                `datasets.decode_image` gives them.

        Returns:
            A reading for each, in order.
        """
        if len(images) == 0:
            return []
        seen = self.look(images)
        found = seen.readings
        numbers, confidences = found.numbers(), np.exp(found.log_probability).tolist()
        boxes = [
            tuple(box) if number and np.isfinite(box).all() else None
            for number, box in zip(numbers, seen.boxes.tolist(), strict=True)
        ]
        return list(map(Reading, numbers, confidences, boxes))

    def look(
        self, images: Sequence[np.ndarray], parts: Sequence[np.ndarray | None] | None = None
    ) -> Predictions:
        """Look at images, as often as this reader does, and put together what was seen.

        Args:
            images: as for `read`; at least one.
            parts: for each image the part of it to look at first (left, top, right, bottom in
                pixels), or None for all of it.
        """
        parts = [None] * len(images) if parts is None else parts
        seen = self._look_all(images, parts)
        return self._search(images, parts, seen) if self.max_glimpses > 1 else seen

    def _search(self, images, parts, seen: Predictions) -> Predictions:
        """Look at the quarters where a small number was unsure; keep the surest one in any."""
        sure = seen.readings.log_probability
        whole = np.array([image.shape[1::-1] for image in images], np.float32).prod(axis=1)
        unsure = np.flatnonzero(
            (sure < np.log(UNSURE))
            & (_area(seen.boxes) < SMALL * whole)
            & np.array([part is None for part in parts])
        )
        if len(unsure) == 0:
            return seen
        owners = np.repeat(unsure, 4)
        quarters = np.concatenate([_quarters(images[index]) for index in unsure])
        near = self._look_all([images[index] for index in owners], quarters)
        found = near.readings
        good = (found.length > 0) & _inside(near.boxes, quarters)
        chances = np.where(good, found.log_probability, -np.inf).reshape(-1, 4)
        best = chances.argmax(axis=1) + 4 * np.arange(len(unsure))
        better = chances.max(axis=1) > sure[unsure]
        taken, given = unsure[better], best[better]
        for name, values in near.outputs.items():
            seen.outputs[name][taken] = values[given]
        seen.boxes[taken], seen.parts[taken] = near.boxes[given], near.parts[given]
        return seen

    def _look_all(self, images, parts) -> Predictions:
        chunks = [slice(start, start + BATCH) for start in range(0, len(images), BATCH)]
        seen = [self._look_batch(images[chunk], parts[chunk]) for chunk in chunks]
        return Predictions(
            {key: np.concatenate([one.outputs[key] for one in seen]) for key in seen[0].outputs},
            np.concatenate([one.boxes for one in seen]),
            np.concatenate([one.parts for one in seen]),
        )

    def _look_batch(self, images, parts) -> Predictions:
        whole = np.array([[0, 0, p.shape[1], p.shape[0]] for p in images], np.float32)
        parts = np.stack(
            [w if part is None else part for w, part in zip(whole, parts, strict=True)]
        )
        sums, boxes, last = {}, np.empty_like(whole), parts.copy()
        counts, going = np.zeros(len(images)), np.arange(len(images))
        for look in range(self.max_glimpses):
            outputs = self._look_once([images[index] for index in going], parts)
            boxes[going] = found = _in_image(outputs, parts)
            for name in outputs.keys() & {LENGTH, DIGITS}:
                logs = log_softmax(outputs[name])
                sums.setdefault(name, np.zeros((len(images), *logs.shape[1:])))[going] += logs
            counts[going] += 1
            last[going] = parts
            if look + 1 < self.max_glimpses:
                nearer = around(found, whole[going])
                worth = _area(nearer) < WORTH * _area(parts) if look else np.full(len(going), True)
                going, parts = going[worth], nearer[worth]
                if len(going) == 0:
                    break
        counts *= self.temperature
        means = {k: v / counts.reshape(-1, *[1] * (v.ndim - 1)) for k, v in sums.items()}
        return Predictions(means, boxes, last)

    def _look_once(self, images, parts) -> dict[str, np.ndarray]:
        size = (self._height, self._width)
        batch = [
            prepare_image(image, size, self._channels, box=part)
            for image, part in zip(images, parts, strict=True)
        ]
        # Not a plain call, which takes fifteen times as long for one image, nor `predict`, whose
        # set-up takes longer than a small batch.
        return self.model.predict_on_batch(np.stack(batch).astype("float32"))


def _in_image(outputs: dict[str, np.ndarray], parts: np.ndarray) -> np.ndarray:
    """The boxes that a model found in parts of images, in pixels of the images."""
    if BOX not in outputs:
        return np.full((len(parts), 4), np.nan, np.float32)
    shares = outputs[BOX]
    shares = np.concatenate(
        [np.minimum(shares[:, :2], shares[:, 2:]), np.maximum(shares[:, :2], shares[:, 2:])], axis=1
    )
    return np.tile(parts[:, :2], 2) + shares * np.tile(parts[:, 2:] - parts[:, :2], 2)


def _quarters(image: np.ndarray) -> np.ndarray:
    """The four overlapping quarters of an image, float32 (4, 4), in pixels."""
    height, width = image.shape[:2]
    corners = [(x, y) for y in (0.0, 1.0 - QUARTER) for x in (0.0, 1.0 - QUARTER)]
    shares = [(x, y, x + QUARTER, y + QUARTER) for x, y in corners]
    return np.array(shares, np.float32) * np.float32([width, height, width, height])


def _inside(boxes: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Bool (n,): which boxes keep off the edges of their parts, which may cut a number."""
    off = CUT * (parts[:, 2:] - parts[:, :2])
    low, high = boxes[:, :2] > parts[:, :2] + off, boxes[:, 2:] < parts[:, 2:] - off
    return (low & high).all(axis=1)


def _area(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)


def around(boxes: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The parts of images to look at for numbers that are in boxes.

    Args:
        boxes: float (n, 4), left, top, right and bottom in pixels; each meets its image.
        whole: float (n, 4), each image's 0, 0, width and height.

    Returns:
        float32 (n, 4): the boxes grown by `MARGIN`, kept inside the images; all of the images
        where a box is not known.
    """
    if not np.isfinite(boxes).all():
        return whole
    middle, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    half = np.maximum(half * (1 + MARGIN), LEAST / 2)
    low, high = np.maximum(middle - half, whole[:, :2]), np.minimum(middle + half, whole[:, 2:])
    return np.concatenate([low, high], axis=1).astype(np.float32)


def read(
    images: Iterable[np.ndarray | str | os.PathLike | bytes],
    weights: str | Path = "street_numbers",
) -> list[Reading]:
    """Read the number in each of some images.

    Loading the weights takes seconds: who reads again and again keeps a `Reader`.

    Args:
        images: uint8 arrays (height, width, 3), RGB, of any size; or paths of files, or their
            bytes, which `datasets.decode_image` decodes.
        weights: as for `Reader`.

    Returns:
        A reading for each, in order.

    Raises:
        ValueError: if there are no such weights, or a file is no image.
        OSError: if there is no such file, or it may not be opened.
    """
    decoded = [one if isinstance(one, np.ndarray) else decode_image(one) for one in images]
    return Reader(weights).read(decoded)
