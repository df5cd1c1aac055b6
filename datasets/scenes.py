"""Images with any number of numbers: examples of every source, and crops of them for training."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from datasets import mixing, photo_folder, registry, sources

MAX_NUMBERS = 32
"""Rows of the targets of an image."""

LEAST_VISIBLE = 0.8
"""Fraction of a number's box that a crop must show for the number to count."""

LEAST_HEIGHT = 5.0
"""Least side in pixels of a number's box that counts in a crop."""


@dataclass(frozen=True, slots=True)
class SceneExample:
    """An encoded image with all of its numbers.

    Attributes:
        id: name that stays the same from run to run.
        image: the file's path, or its bytes.
        boxes: float32 (n, 4): left, top, right, bottom of each number in pixels; NaN where unknown.
        labels: the digits of each.
        turns: int32 (n,): counter-clockwise quarter turns that make each upright.
        ignored_boxes: float32 (k, 4): numbers that are not to be found, nor to be left out.
    """

    id: str
    image: Path | bytes
    boxes: np.ndarray
    labels: list[str]
    turns: np.ndarray
    ignored_boxes: np.ndarray

    def read(self) -> bytes:
        """The encoded bytes of the image."""
        return self.image if isinstance(self.image, bytes) else self.image.read_bytes()


def is_scenes(source: str | Path) -> bool:
    """Whether a source, or a part of a mix, has images with several numbers."""
    for part in mixing.parse_mix(source):
        if not sources.is_folder(part.source):
            if registry.describe(part.source).scenes:
                return True
        elif any(len(scene.labels) > 1 for scene in read_scenes(part.source)):
            return True
    return False


def read_scenes(source: str | Path, split: str | None = None) -> list[SceneExample]:
    """Read the images of a folder or table with all of their numbers, in order.

    Each number is a row with the box of the whole number, or with those of its digits. The
    arguments and errors are those of `photo_folder.read_folder`.
    """
    images: dict[Path, list[photo_folder.Photo]] = {}
    for photo in photo_folder.read_folder(source, split, several=True):
        images.setdefault(photo.path, []).append(photo)
    scenes = []
    for path, photos in images.items():
        numbers = [photo for photo in photos if photo.label]
        boxes, turns = [photo.box for photo in numbers], [photo.turn for photo in numbers]
        labels = [photo.label for photo in numbers]
        scenes.append(_example(photos[0].file, path, boxes, labels, turns))
    return scenes


def scene_examples(
    source: str | Path,
    split: str,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> Iterator[SceneExample]:
    """Yield the images of a split with all of their numbers, always in the same order.

    Images of data sets of one number have that number, with the box around its digits' boxes.

    Args:
        source: name of a data set, folder or table, or a mix; see `read_scenes`.
        split: `"train"`, `"validation"` or `"test"`.
        data_dir: folder of prepared TFDS data; see `sources.resolve_data_dir`.
        limit: only the first so many of each source.
    """
    sources.check_split(split)
    for part in mixing.parse_mix(source):
        if sources.is_folder(part.source):
            stream = read_scenes(part.source, split)
        elif registry.describe(part.source).scenes:
            stream = map(_from_row, sources.tfds_rows(part.source, split, data_dir))
        else:
            stream = map(_from_number, sources.examples(part.source, split, data_dir, limit))
        yield from itertools.islice(stream, limit)


def scene_count(source: str | Path, split: str, data_dir: str | Path | None = None) -> int:
    """Number of examples that `scene_examples` yields for the same arguments."""
    return sum(
        len(read_scenes(part.source, split))
        if sources.is_folder(part.source)
        else sources.tfds_size(part.source, split, data_dir)
        for part in mixing.parse_mix(source)
    )


def _from_number(example: sources.Example) -> SceneExample:
    if not example.label:
        return _example(example.id, example.image, [], [], [])
    box = example.crop_box("union", margin=0.0) if example.boxes is not None else [np.nan] * 4
    return _example(example.id, example.image, [box], [example.label], [0])


def _from_row(row: dict) -> SceneExample:
    labels = [label.decode() for label in row["labels"]]
    return SceneExample(
        row["id"].decode(), row["image"], row["boxes"], labels, row["turns"], row["ignored_boxes"]
    )


def _example(
    name: str, image: Path | bytes, boxes: Sequence, labels: list[str], turns: list[int]
) -> SceneExample:
    boxes = np.array(boxes, np.float32).reshape(-1, 4)
    turns = np.array(turns, np.int32)
    return SceneExample(name, image, boxes, labels, turns, np.empty((0, 4), np.float32))


def view(
    image: np.ndarray,
    size: tuple[int, int],
    scale: float,
    corner: tuple[float, float] = (0.0, 0.0),
    padding: tuple[int, int, int] = (0, 0, 0),
) -> np.ndarray:
    """Resize an image by a factor and cut out a part, antialiased.

    Args:
        image: uint8 (h, w, 3).
        size: `(height, width)` of the result in pixels.
        scale: pixels of the result for a pixel of the image.
        corner: x and y in the image of the result's upper left corner.
        padding: colour of what is outside of the image.

    Returns:
        uint8 (*size, 3).
    """
    height, width = image.shape[:2]
    canvas = np.empty((*size, 3), np.uint8)
    canvas[:] = padding
    # The visible part of the image: to whole pixels of the result.
    x0, x1 = _visible(corner[0], width, scale, size[1])
    y0, y1 = _visible(corner[1], height, scale, size[0])
    if x1 > x0 and y1 > y0:
        box = [
            corner[0] + x0 / scale, corner[1] + y0 / scale,
            corner[0] + x1 / scale, corner[1] + y1 / scale,
        ]  # fmt: skip
        box = np.clip(box, 0, [width, height] * 2).tolist()
        part = Image.fromarray(image).resize((x1 - x0, y1 - y0), Image.Resampling.BILINEAR, box)
        canvas[y0:y1, x0:x1] = np.asarray(part)
    return canvas


def _visible(corner: float, side: int, scale: float, target: int) -> tuple[int, int]:
    """First and last pixel of the result, along one axis, that show the image."""
    first, last = -corner * scale, (side - corner) * scale
    return max(round(first), 0), min(max(round(last), round(first) + 1), target)


def view_targets(
    example: SceneExample,
    size: tuple[int, int],
    scale: float,
    corner: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    """The targets of a locator for what `view` shows.

    Returns:
        float32 (MAX_NUMBERS, 5): left, top, right, bottom in pixels of the result, and the turn;
        NaN for no number. The turn is NaN for boxes to be ignored: those of the example, numbers
        of which less than `LEAST_VISIBLE` is in view, and ones below `LEAST_HEIGHT`. Of more than
        `MAX_NUMBERS` the largest are there.

    Raises:
        ValueError: if a box is unknown.
    """
    if np.isnan(example.boxes).any():
        raise ValueError(
            f"{example.id} has a number without a box: give the box of every number, for example "
            "in the column boxes of labels.csv"
        )
    turns = np.concatenate([example.turns, np.full(len(example.ignored_boxes), np.nan)])
    boxes = np.concatenate([example.boxes, example.ignored_boxes]).astype(np.float64)
    boxes = scale * (boxes - np.tile(corner, 2))
    clipped = np.clip(boxes, 0, [size[1], size[0]] * 2)
    sides = clipped[:, 2:] - clipped[:, :2]
    areas = sides.prod(axis=1)
    visible = areas / np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-6)
    turns[(visible < LEAST_VISIBLE) | (sides.min(axis=1, initial=np.inf) < LEAST_HEIGHT)] = np.nan
    rows = np.column_stack([clipped, turns])[areas > 0]
    rows = rows[np.argsort(-areas[areas > 0], kind="stable")][:MAX_NUMBERS]
    targets = np.full((MAX_NUMBERS, 5), np.nan, np.float32)
    targets[: len(rows)] = rows
    return targets
