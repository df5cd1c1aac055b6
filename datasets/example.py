"""The type of the examples of every source: an encoded image and the numbers that it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from datasets import crops
from number_zoo.images import decode_image


@dataclass(frozen=True, slots=True)
class Example:
    """An encoded image and the numbers that it shows: at most one, unless several are requested.

    Lists are converted to arrays; `boxes=None` means unknown boxes, `turns=None` zeros.

    Attributes:
        id: name that is the same in every run.
        image: the file's path, or its bytes.
        labels: the digits of each number; empty if the image shows none.
        boxes: float32 (n, 4): left, top, right, bottom of each number in pixels; NaN if unknown.
        turns: int32 (n,): counter-clockwise quarter turns that make each number upright.
        ignored_boxes: float32 (k, 4): numbers that count neither as found nor as missed.
    """

    id: str
    image: Path | bytes
    labels: Sequence[str] = ()
    boxes: np.ndarray | None = None
    turns: np.ndarray | None = None
    ignored_boxes: np.ndarray = ()

    def __post_init__(self):
        count = len(self.labels)
        boxes = np.full((count, 4), np.nan) if self.boxes is None else self.boxes
        turns = np.zeros(count) if self.turns is None else self.turns
        object.__setattr__(self, "boxes", np.array(boxes, np.float32).reshape(-1, 4))
        object.__setattr__(self, "turns", np.array(turns, np.int32))
        ignored_boxes = np.array(self.ignored_boxes, np.float32).reshape(-1, 4)
        object.__setattr__(self, "ignored_boxes", ignored_boxes)

    @property
    def label(self) -> str:
        """The digits of the first number; `""` if the image shows none."""
        return self.labels[0] if self.labels else ""

    @property
    def box(self) -> np.ndarray:
        """float32 (4,): the box of the first number; NaN if it is unknown or there is none."""
        return self.boxes[0] if self.labels else np.full(4, np.nan, np.float32)

    def crop_box(self, crop: str, margin: float = 0.3, context: float = 1.0) -> np.ndarray | None:
        """The box of a crop, as from `crops.crop_box`; None for the whole image.

        For an image without a number, the crop is always the whole image.

        Raises:
            ValueError: if the crop needs the number's box and it is unknown.
        """
        if crops.check_crop(crop) == "full" or not self.labels:
            return None
        if np.isnan(self.box).any():
            raise ValueError(
                f"{self.id} has no digit boxes, so crop={crop!r} is impossible; use crop='full'"
            )
        return crops.crop_box(self.box, crop, margin, context)

    def read(self) -> bytes:
        """The encoded bytes of the image."""
        return self.image if isinstance(self.image, bytes) else self.image.read_bytes()

    def decode(self) -> np.ndarray:
        """The image decoded: uint8 (height, width, 3), RGB; errors name its path, or else its id.

        Raises:
            OSError, ValueError: as `number_zoo.decode_image`.
        """
        return decode_image(self.image, name=self.id if isinstance(self.image, bytes) else None)

    def digest(self) -> str:
        """SHA-256 of the encoded image, to find images that are in two splits."""
        return hashlib.sha256(self.read()).hexdigest()
