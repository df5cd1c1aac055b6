"""Crops that are turned upright, and their predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from number_zoo import names
from number_zoo.boxes import MIN_CROP, crop_around, turn_box
from number_zoo.predictions import Predict, Predictions

MAX_MARGIN = 0.5
"""Maximum margin of a crop on each side of a box, in units of the shorter side of the box."""


@dataclass(frozen=True)
class UprightCrop:
    """The crop to read for a number, cut from the image and turned upright.

    Attributes:
        pixels: uint8 (height, width, 3), a view of the image.
        window: float32 (4,), the part of `pixels` to read, in pixels; None for all of it.
        turn: number of counter-clockwise quarter turns by which the crop was rotated.
        origin: left and top of the crop in the image.
    """

    pixels: np.ndarray
    window: np.ndarray | None
    turn: int
    origin: tuple[int, int]

    @classmethod
    def around(cls, image: np.ndarray, box: np.ndarray, turn: int) -> UprightCrop:
        """Cut the crop around a box (`boxes.crop_around`), in whole pixels, with a smaller margin
        at the ends of a long number, where another number may be."""
        crop = crop_around(box, image.shape[1], image.shape[0])
        most = max(MAX_MARGIN * (box[2:] - box[:2]).min(), MIN_CROP / 2)
        crop = np.clip(crop, np.tile(box[:2] - most, 2), np.tile(box[2:] + most, 2))
        left, top = np.floor(crop[:2]).astype(int).tolist()
        right, bottom = np.ceil(crop[2:]).astype(int).tolist()
        pixels = image[top:bottom, left:right]
        window = turn_box(crop - np.float32([left, top] * 2), turn, right - left, bottom - top)
        return cls(np.rot90(pixels, turn), window, turn, (left, top))

    def in_image(self, box: np.ndarray) -> np.ndarray:
        """Transform a box (4,) from pixels of the crop to pixels of the image."""
        height, width = self.pixels.shape[:2]
        return turn_box(box, -self.turn, width, height) + np.float32(self.origin * 2)


def read_upright(crops: Sequence[UprightCrop], predict: Predict) -> Predictions:
    """Read crops that are turned upright.

    Args:
        crops: cut from images.
        predict: reads all of them.

    Returns:
        The predictions, with `box` and `crop` in pixels of the images, and `turns`.
    """
    arrays = predict([crop.pixels for crop in crops], [crop.window for crop in crops]).arrays
    for name in {names.BOX, names.CROP} & arrays.keys():
        arrays[name] = np.stack(list(map(UprightCrop.in_image, crops, arrays[name])))
    return Predictions(arrays | {names.TURNS: np.array([crop.turn for crop in crops], np.int32)})
