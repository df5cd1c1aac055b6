"""Query parameters of a request: models, box, explain, all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from fastapi import Query

from number_zoo.names import unknown_name
from number_zoo.server.problems import Refused

ModelNames = Annotated[
    list[str] | None,
    Query(description="Names from `/api/models`; may be given several times. Default: the first"),
]
BoxText = Annotated[
    str | None,
    Query(
        description="Bounding box of the number: left, top, right and bottom in pixels of the "
        "upright image. Only this region is read; for requests with one image",
        examples=["10,20,110,60"],
    ),
]
Explain = Annotated[bool, Query(description="Return an attention map for each digit")]
AllNumbers = Annotated[
    bool,
    Query(
        alias="all",
        description="Read all numbers in each image, not only the most likely",
    ),
]

_SMALLEST_BOX = 3.0
"""Least width and height of a box in pixels; smaller ones are mistakes, such as fractions."""


@dataclass(frozen=True)
class Parameters:
    """What a request asks for.

    Attributes:
        models: names of the models.
        box: float32 (4,), the box to read in pixels; None to detect it.
        explain: whether to return attention maps.
        all_numbers: whether to read all numbers.
    """

    models: Sequence[str]
    box: np.ndarray | None = None
    explain: bool = False
    all_numbers: bool = False


def chosen_models(names: Sequence[str] | None, known: Iterable[str]) -> list[str]:
    """The models of a request, each once; the first of the known by default.

    Raises:
        Refused: 422, if one is not known.
    """
    for name in names or ():
        if name not in known:
            raise Refused(422, unknown_name("model", name, known))
    return list(dict.fromkeys(names or list(known)[:1]))


def parse_box(text: str | None) -> np.ndarray | None:
    """Read a box, float32 (4,): left, top, right and bottom in pixels.

    Raises:
        Refused: 422, if it is not four finite numbers in order.
    """
    if text is None:
        return None
    try:
        box = np.array([float(edge) for edge in text.split(",")], np.float32)
    except ValueError:
        box = np.empty(0, np.float32)
    if box.shape != (4,) or not np.isfinite(box).all() or not (box[2:] > box[:2]).all():
        raise Refused(
            422, "box is left,top,right,bottom in pixels, with right > left and bottom > top. "
            f"Received: {text!r}"
        )  # fmt: skip
    return box


def clip_box(box: np.ndarray, width: int, height: int) -> np.ndarray:
    """The part of a box inside an image.

    Raises:
        Refused: 422, if that is too small, as for a box in fractions of the image.
    """
    size = np.float32([width, height])
    inside = np.clip(box, 0, np.tile(size, 2))
    if (inside[2:] - inside[:2] < np.minimum(size, _SMALLEST_BOX)).any():
        raise Refused(
            422, f"box is left,top,right,bottom in pixels of the image, {width} x {height}, not in "
            f"fractions of it; at least {_SMALLEST_BOX:.0f} pixels wide and high. "
            f"Received: {', '.join(f'{edge:g}' for edge in box)}"
        )  # fmt: skip
    return inside
