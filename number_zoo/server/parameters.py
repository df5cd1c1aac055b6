"""Query parameters of a request to read images."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, Field, WithJsonSchema, field_validator, model_validator

from number_zoo.names import unknown_name
from number_zoo.server.problems import Refused

_NUMBERS = {"type": "string", "pattern": "^[0-9]+(,[0-9]+)*$"}

_SMALLEST_BOX = 3.0
"""Minimum width and height of a box in pixels; smaller boxes are errors, such as fractions."""


class Parameters(BaseModel):
    """Query parameters of a request."""

    model: list[str] = Field(
        [],
        description="Names from `/api/models`; may be repeated. Default: the first model",
    )
    box: str | None = Field(
        None,
        description="Bounding box of the number: left, top, right and bottom in pixels of the "
        "upright image. Only this region is read; only for requests with one image",
        examples=["10,20,110,60"],
    )
    explain: bool = Field(False, description="Return an attention map for each digit")
    all: bool = Field(False, description="Read all numbers in each image, not only the most likely")
    lexicon: list[Annotated[str, WithJsonSchema(_NUMBERS)]] = Field(
        [],
        description="The only numbers to read, with leading zeros, separated by commas; may be "
        "repeated. A long list belongs in the body. Default: the server's lexicon, or any number",
        examples=[["7,12,118"]],
    )

    @model_validator(mode="before")
    @classmethod
    def _are_known(cls, values: dict[str, Any]) -> dict[str, Any]:
        if unknown := [name for name in values if name not in cls.model_fields]:
            raise Refused(422, unknown_name("parameter", unknown, cls.model_fields))
        return values

    @field_validator("box")
    @classmethod
    def _is_box(cls, text: str) -> str:
        try:
            box = _edges(text)
        except ValueError:
            box = np.empty(0)
        if box.shape != (4,) or not np.isfinite(box).all() or not (box[2:] > box[:2]).all():
            raise ValueError(
                "accepted are left,top,right,bottom in pixels, with right > left and bottom > top"
            )
        return text

    def box_in(self, width: int, height: int) -> np.ndarray | None:
        """The part of the box that is inside an image, float32 (4,); None without a box.

        Raises:
            Refused: 422, if this part is too small, as for a box in fractions of the image.
        """
        if self.box is None:
            return None
        box, size = _edges(self.box), np.float32([width, height])
        inside = np.clip(box, 0, np.tile(size, 2))
        if (inside[2:] - inside[:2] < np.minimum(size, _SMALLEST_BOX)).any():
            raise Refused(
                422, f"box is left,top,right,bottom in pixels of the image, {width} x {height}, "
                f"not in fractions of it; at least {_SMALLEST_BOX:.0f} pixels wide and high. "
                f"Received: {', '.join(f'{edge:g}' for edge in box)}"
            )  # fmt: skip
        return inside


def _edges(text: str) -> np.ndarray:
    return np.array([float(edge) for edge in text.split(",")], np.float32)
