"""Compose numbers from single digits (strips, handwritten amounts), and cut single digits out.

A few thousand labelled digits give an unlimited supply of labelled numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from training.accelerator.pack import MNIST, MOST_DIGITS, Drawing, Packed

Maker = Callable[[int], Drawing]
"""Makes the drawing of an index."""


@dataclass(frozen=True)
class DigitBank:
    """Single digits by class.

    Attributes:
        images: for each class 0 to 9 a list of uint8 images (height, width, 3).
        colours: for each class float32 (n, 3), the median colour of each image.
    """

    images: list[list[np.ndarray]]
    colours: list[np.ndarray]

    @classmethod
    def collect(cls, digits: Iterable[tuple[str, np.ndarray]]) -> DigitBank:
        """Sort (label, image) pairs by class; labels of other than one digit are left out.

        Raises:
            ValueError: if a digit has no image.
        """
        images = [[] for _ in range(10)]
        for label, image in digits:
            if len(label) == 1:
                images[int(label)].append(image)
        if not all(images):
            raise ValueError(
                "A digit bank holds every digit 0 to 9. "
                f"Received: {[len(of_class) for of_class in images]} images of each"
            )
        colours = [
            np.array([np.median(image.reshape(-1, 3), axis=0) for image in of_class], np.float32)
            for of_class in images
        ]
        return cls(images, colours)

    def draw(self, rng: np.random.Generator, label: str, alike: int = 12) -> list[np.ndarray]:
        """Images of the digits of `label`: each is the closest in colour to the first digit among
        `alike` random candidates, since the digits of a number have similar colours."""
        anchor, chosen = None, []
        for value in map(int, label):
            picks = rng.integers(len(self.images[value]), size=alike if anchor is not None else 1)
            if anchor is None:
                anchor = self.colours[value][picks[0]]
            distances = np.abs(self.colours[value][picks] - anchor).sum(axis=1)
            chosen.append(self.images[value][picks[distances.argmin()]])
        return chosen


def random_label(rng: np.random.Generator, shortest: int, longest: int, zeros: float = 0.0) -> str:
    """A random label of uniform length; its first digits are zeros with probability `zeros`."""
    length = int(rng.integers(shortest, longest + 1))
    digits = rng.integers(0, 10, length)
    if rng.random() < zeros:
        digits[: rng.integers(0, length + 1)] = 0
    return "".join(map(str, digits))


def strip(rng: np.random.Generator, bank: DigitBank, shortest: int, longest: int) -> Drawing:
    """Compose digits side by side as on a meter: equal heights, equal gaps, a frame, and a wall."""
    label = random_label(rng, shortest, longest, zeros=0.4)
    height = int(rng.integers(24, 64))
    tiles = bank.draw(rng, label, alike=int(rng.choice([1, 12, 40])))
    stretch = rng.uniform(0.8, 1.25)
    widths = [
        max(6, round(height * np.clip(tile.shape[1] / tile.shape[0] * stretch, 0.35, 1.1)))
        for tile in tiles
    ]
    gap = int(height * rng.choice([0.0, rng.uniform(0, 0.12), rng.uniform(0.1, 0.5)]))
    frame = int(height * rng.uniform(0.0, 0.35))
    margin = (height * rng.uniform(0.0, 0.9, 4) * rng.choice([0.1, 1.0])).astype(int)
    edges = [tile[row] for tile in tiles for row in (0, -1)]
    shade = np.median(np.concatenate(edges).astype(np.float32), axis=0)
    if rng.random() < 0.3:
        shade = shade * rng.uniform(0.2, 1.4)
    inner_width = sum(widths) + gap * (len(tiles) - 1)
    rows, columns = height + 2 * frame, inner_width + 2 * frame
    image = np.empty((rows + margin[0] + margin[1], columns + margin[2] + margin[3], 3), np.float32)
    image[...] = rng.uniform(20, 235) + rng.normal(0, 8, 3)
    top, left = margin[0], margin[2]
    image[top : top + rows, left : left + columns] = shade
    x, boxes = left + frame, []
    for tile, width in zip(tiles, widths, strict=True):
        y = top + frame + int(rng.normal(0, 0.015) * height)
        y = min(max(y, 0), image.shape[0] - height)
        image[y : y + height, x : x + width] = cv2.resize(
            tile, (width, height), interpolation=cv2.INTER_AREA
        )
        boxes.append((x, y, x + width, y + height))
        x += width + gap
    image += _grain(rng, image.shape, rng.uniform(0, 5))
    return image.clip(0, 255).astype(np.uint8), label, np.array(boxes, np.float32)


def amount(
    rng: np.random.Generator, bank: DigitBank, papers: list[np.ndarray], longest: int
) -> Drawing:
    """Compose handwritten digits on paper, some touching, with separators and closing strokes.

    The paper is multiplied by the digits (their brightness relative to their original paper), so
    that ink over ink remains ink.
    """
    label = random_label(rng, 1, longest if rng.random() < 0.3 else min(6, longest))
    label = label.rstrip("0") or "0"
    label += "0" * int(rng.integers(0, 4)) if rng.random() < 0.3 else ""
    label = label[:longest]
    tiles = bank.draw(rng, label, alike=int(rng.choice([1, 6])))
    height = int(rng.integers(26, 56))
    inks, x, slope = [], 0.0, rng.normal(0, 0.04)
    spread, overlap = rng.uniform(0.02, 0.12), rng.uniform(-0.12, 0.25)
    separators = rng.random() < 0.4
    for index, tile in enumerate(tiles):
        tall = height * np.exp(rng.normal(0, 0.1))
        scale = tall / tile.shape[0]
        wide = int(np.clip(tile.shape[1] * scale, 4, 1.5 * height))
        ink = _ink(cv2.resize(tile, (wide, max(6, int(tall))), interpolation=cv2.INTER_AREA))
        inks.append((x, slope * x + rng.normal(0, spread) * height, ink))
        x += wide + overlap * height * rng.uniform(0.3, 1.2)
        if separators and index < len(tiles) - 1 and (len(tiles) - 1 - index) % 3 == 0:
            x += 0.2 * height
    low = min(y for _, y, _ in inks)
    high = max(y + ink.shape[0] for _, y, ink in inks)
    left, top, right, bottom = (height * rng.uniform(0.0, 0.5, 4)).astype(int)
    closing = int(rng.uniform(0.3, 1.2) * height) if rng.random() < 0.3 else 0
    size = (int(high - low) + top + bottom + 2, int(x) + left + right + closing + height)
    paper = papers[rng.integers(len(papers))]
    image = cv2.resize(paper, (size[1], size[0]), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    boxes, end = [], 0
    for x, y, ink in inks:
        x, y = int(x) + left, int(y - low) + top
        area = image[y : y + ink.shape[0], x : x + ink.shape[1]]
        area *= ink[: area.shape[0], : area.shape[1], None]
        boxes.append((x, y, x + ink.shape[1], y + ink.shape[0]))
        end = max(end, x + ink.shape[1])
    if separators:
        _strokes(rng, image, boxes, height)
    if closing:
        y = int(np.mean([(box[1] + box[3]) / 2 for box in boxes]))
        for offset in (0, int(0.2 * height))[: int(rng.integers(1, 3))]:
            start = (end + int(0.15 * height), y + offset)
            cv2.line(image, start, (end + closing, y + offset), (40.0,) * 3, 2, cv2.LINE_AA)
    image = image[:, : end + right + closing + 2]
    image += _grain(rng, image.shape, rng.uniform(0, 4))
    return image.clip(0, 255).astype(np.uint8), label, np.array(boxes, np.float32)


def _ink(tile: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(tile, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return (grey / max(1.0, float(np.percentile(grey, 75)))).clip(0.0, 1.0)


def _strokes(rng, image, boxes, height) -> None:
    for index in range(len(boxes) - 1):
        if (len(boxes) - 1 - index) % 3 == 0:
            x, y = int(boxes[index][2] + 0.08 * height), int(boxes[index][3] - 1)
            end = (x - int(rng.integers(0, 3)), y + int(rng.integers(0, 5)))
            cv2.line(image, (x, y), end, (50.0,) * 3, int(rng.integers(1, 4)), cv2.LINE_AA)


def _grain(rng, shape, deviation) -> np.ndarray:
    return rng.normal(0, deviation, (*shape[:2], 1)).astype(np.float32)


MOST_SHOWN = 0.35
"""Maximum visible fraction of the digits beside a single digit."""


def single_digit(rng: np.random.Generator, drawing: Drawing) -> Drawing:
    """Cut one digit out of a number, with margins that may show parts of the digits beside it.

    A number whose digits have no boxes is returned as it is.
    """
    image, label, boxes = drawing
    if len(label) < 2 or len(boxes) != len(label):
        return drawing
    height, width = image.shape[:2]
    place = int(rng.integers(len(label)))
    box, others = boxes[place], np.delete(boxes, place, axis=0)
    sides = box[2:] - box[:2]
    sides = np.maximum(sides, 0.5 * sides[1])
    for largest in (0.7, 0.35, 0.15, 0.0):
        margins = np.tile(sides * largest, 2) * rng.uniform(-0.08, 1.0, 4)
        window = box + margins * np.float32([-1, -1, 1, 1])
        window = np.concatenate([np.floor(window[:2]), np.ceil(window[2:])]).astype(int)
        window = window.clip(0, [width, height, width, height])
        shown = np.minimum(others[:, 2:], window[2:]) - np.maximum(others[:, :2], window[:2])
        shown = shown.clip(0.0, None).prod(axis=1)
        if (shown < MOST_SHOWN * (others[:, 2:] - others[:, :2]).prod(axis=1)).all():
            break
    left, top, right, bottom = window
    if min(right - left, bottom - top) < 4:
        return drawing
    box = (box - np.float32([left, top, left, top])).clip(0, [right - left, bottom - top] * 2)
    return image[top:bottom, left:right], label[place], box[None].astype(np.float32)


def composers(packs: dict[str, Packed], seed: int) -> dict[str, Maker]:
    """Makers of compositions of the packs' digits: "strips/FOLDER" and "written/FOLDER"."""

    def seeded(function: Callable[..., Drawing], *arguments) -> Maker:
        return lambda index: function(np.random.default_rng([seed, index]), *arguments)

    cv2.setNumThreads(1)  # OpenCV's threads would not survive the fork
    makers = {}
    for name, packed in packs.items():
        role, _, folder = name.removesuffix("/train").partition("/")
        if name == MNIST:
            inks = [_trimmed(255 - image) for image in packed.images()]
            bank = DigitBank.collect(zip(packed.labels, inks, strict=True))
            papers = [np.full((8, 8, 3), level, np.uint8) for level in range(120, 256, 8)]
            makers["written/mnist"] = seeded(amount, bank, papers, MOST_DIGITS + 1)
        elif not name.endswith("/train"):
            continue
        elif role == "digits":
            bank = DigitBank.collect(zip(packed.labels, packed.images(), strict=True))
            makers[f"strips/{folder}"] = seeded(strip, bank, 2, MOST_DIGITS + 2)
        elif role == "amounts":
            bank = DigitBank.collect(packed.digits())
            # A wide median filter leaves only the paper of an amount.
            papers = [cv2.medianBlur(image, 21) for image in packed.images()]
            makers[f"written/{folder}"] = seeded(amount, bank, papers, MOST_DIGITS + 1)
    return makers


def _trimmed(digit: np.ndarray) -> np.ndarray:
    """Crop a dark digit on white to its ink with a margin of one pixel."""
    left, top, width, height = cv2.boundingRect((digit[..., 0] < 200).astype(np.uint8))
    ink = digit[top : top + height, left : left + width]
    return cv2.copyMakeBorder(ink, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
