"""Handwritten numbers, as on cheques: digits that touch and overlap, on lined or printed paper.

The digits are those of MNIST's training set where a file of them is given, mixed with digits drawn
as strokes; without such a file all are strokes. To write the file from a prepared data set:

python -m datasets.rendered_numbers.handwriting --data-dir FOLDER --out mnist_train.npz
"""

from __future__ import annotations

import argparse
import functools
import math
from pathlib import Path

import cv2
import numpy as np

from datasets.rendered_numbers.blur import blurred
from datasets.rendered_numbers.chance import Chance
from datasets.rendered_numbers.fonts import HEIGHT, hull
from datasets.rendered_numbers.layer import Layer, lay
from datasets.rendered_numbers.panel import (
    Panel,
    can_be_turned,
    draw_digits,
    faces,
    put_box,
    put_words,
)
from datasets.rendered_numbers.strokes import Brush, stroke_glyph
from datasets.rendered_numbers.surfaces import MIDDLE, STEP, Colour, crop, mix

LENGTHS = ((5.0, 1), (9.0, 2), (15.0, 3), (22.0, 4), (24.0, 5), (14.0, 6), (7.0, 7), (4.0, 8))
"""(weight, digits)."""

_SIDE = 28
_CROPS = ((24.0, "tight"), (62.0, "close"), (12.0, "loose"), (2.0, "far"))
_PAPERS = ((0.86, 0.88, 0.86), (0.92, 0.90, 0.82), (0.82, 0.88, 0.92), (0.93, 0.86, 0.86),
           (0.84, 0.90, 0.80), (0.95, 0.95, 0.95), (0.72, 0.72, 0.72))  # fmt: skip
_INKS = ((4.0, (25.0, 25.0, 30.0)), (3.0, (25.0, 40.0, 130.0)), (1.5, (50.0, 50.0, 60.0)),
         (1.0, (40.0, 70.0, 170.0)), (0.4, (150.0, 30.0, 40.0)))  # fmt: skip


@functools.lru_cache(maxsize=2)
def read_glyphs(path: str) -> tuple[np.ndarray, ...]:
    """Read a file of handwritten digits.

    Args:
        path: npz with x_train, uint8 (n, 28, 28), light ink on black, and y_train, integers (n,).

    Returns:
        For each digit from 0 to 9 its images: uint8 (n, 28, 28).

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it holds something else, or one of the digits is missing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            "`glyphs` is an npz file of handwritten digits, as Keras keeps MNIST. "
            f"Received: {path}, which is not there. Write one with: "
            f"python -m datasets.rendered_numbers.handwriting --data-dir FOLDER --out {path}"
        )
    with np.load(path) as data:
        if not {"x_train", "y_train"} <= set(data):
            raise ValueError(
                f"{path} needs the arrays x_train and y_train. Received: {sorted(data)}"
            )
        images, labels = data["x_train"], data["y_train"]
    if images.shape != (len(labels), _SIDE, _SIDE) or images.dtype != np.uint8:
        raise ValueError(
            f"x_train in {path} is uint8 (n, {_SIDE}, {_SIDE}). "
            f"Received: {images.dtype} {images.shape} with {len(labels)} labels"
        )
    by_digit = tuple(images[labels == digit] for digit in range(10))
    missing = [digit for digit, drawn in enumerate(by_digit) if not len(drawn)]
    if missing:
        raise ValueError(f"{path} holds no image of the digits {missing}")
    return by_digit


def write_glyphs(data_dir: str, out: Path, split: str = "train[:55000]") -> int:
    """Write the training digits of a prepared MNIST as the file that `read_glyphs` reads.

    Args:
        data_dir: folder of TFDS in which MNIST is prepared; nothing is downloaded.
        out: the .npz file to write.
        split: which part of the train split, as TFDS names it; what is left out by default is
            MNIST's validation part here.

    Returns:
        How many digits were written.

    Raises:
        ValueError: if `split` takes from another split than train.
    """
    if not split.startswith("train") or "+" in split:
        raise ValueError(f"Only the train split may be drawn from. Received: {split!r}")
    import tensorflow_datasets as tfds

    data = tfds.load("mnist", split=split, data_dir=data_dir, download=False, batch_size=-1)
    images, labels = data["image"].numpy()[..., 0], data["label"].numpy().astype(np.uint8)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(out.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, x_train=images, y_train=labels)
    partial.replace(out)
    return len(labels)


class _Pen:
    """How one writer writes: what the digits of a number share.

    Attributes:
        share: share of digits that are from the file.
        slant: to the right for each unit up.
        thickness: of the pen, in pixels of a digit `HEIGHT` high.
        brush: form of the digits that are drawn as strokes.
    """

    def __init__(self, scanned: bool, chance: Chance) -> None:
        self.share = chance.weighted(((0.45, 1.0), (0.25, 0.7), (0.3, 0.0))) if scanned else 0.0
        self.slant = chance.clipped(0.12, 0.2, -0.25, 0.7)
        self.thickness = chance.log_uniform(2.6, 9.5)
        self.even = chance.uniform(0.4, 1.0)
        self.brush = Brush(
            forms=tuple(chance.unit() for _ in range(10)),
            width=chance.uniform(0.42, 0.75),
            thickness=self.thickness / HEIGHT,
            nib=0.0,
            nib_angle=0.0,
            jitter=chance.uniform(0.02, 0.055),
            balls=False,
            segments=False,
            written=True,
        )


def _scanned(image: np.ndarray, pen: _Pen) -> np.ndarray:
    """A digit of 28 x 28 as smooth ink about `HEIGHT` high, upright, of the pen's thickness."""
    left, top, width, height = cv2.boundingRect(cv2.threshold(image, 60, 255, cv2.THRESH_BINARY)[1])
    # Upright by its second moments, so that all digits can be given one slant.
    moments = cv2.moments(image)
    skew = moments["mu11"] / moments["mu02"] if moments["mu02"] > 1 else 0.0
    skew = min(max(skew, -0.6), 0.6)
    scale = HEIGHT / max(height, 8)
    room = 16
    columns = round((width + abs(skew) * height) * scale) + 2 * room
    rows = round(height * scale) + 2 * room
    x, y = left + width / 2, top + height / 2
    shape = np.array([[scale, -skew * scale, 0.0], [0.0, scale, 0.0]])
    shape[:, 2] = np.array([columns / 2, rows / 2]) - shape[:, :2] @ np.array([x, y])
    large = cv2.warpAffine(image, shape, (columns, rows), flags=cv2.INTER_CUBIC)
    large = blurred(large, 1.6)
    _, ink = cv2.threshold(large, 110, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(ink, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    length = sum(cv2.arcLength(outline, True) for outline in outlines) / 2
    now = cv2.countNonZero(ink) / max(length, 1.0)
    # The pen's thickness by moving the threshold of the distance from the outline.
    growth = (pen.thickness - now) / 2 * pen.even
    growth = min(max(growth, -0.38 * now), 3.0)
    if growth > 0:
        inverse = cv2.distanceTransform(255 - ink, cv2.DIST_L2, 3)
        return cv2.convertScaleAbs(np.clip(growth + 0.5 - inverse, 0, 1), alpha=255)
    inside = cv2.distanceTransform(ink, cv2.DIST_L2, 3)
    return cv2.convertScaleAbs(np.clip(inside + growth, 0, 1), alpha=255)


def draw_handwriting(chance: Chance, height: float, glyphs: str = "") -> Panel:
    """Draw a handwritten number on paper.

    Args:
        chance: source of chance.
        height: height of a digit, in pixels.
        glyphs: path of a file that `read_glyphs` reads, or "" for strokes alone.
    """
    number = draw_digits(chance.weighted(LENGTHS), chance, zeros=0.03)
    if chance.happens(0.25) and len(number) > 2:  # round amounts
        zeros = 1 + chance.below(min(3, len(number) - 1))
        number = number[:-zeros] + "0" * zeros
    scanned = read_glyphs(glyphs) if glyphs else ()
    pen = _Pen(bool(scanned), chance)
    margin = 1.3 * height
    rows = round(2 * margin + 1.25 * height)
    columns = round(2 * margin + (0.95 * len(number) + 1.2) * height)
    ink = np.zeros((rows, columns), np.uint8)
    base, line_slope = margin + 1.05 * height, chance.clipped(0.0, 0.035, -0.1, 0.1)
    gap = chance.clipped(0.05, 0.1, -0.12, 0.3)
    small_zero = chance.uniform(0.6, 1.0) if chance.happens(0.5) else 1.0
    marks = _separators(number, chance)
    x, hulls = margin, []
    for place, digit in enumerate(number):
        one = number[place] == "1"
        size = height * chance.clipped(1.0, 0.08, 0.75, 1.25) * (small_zero if digit == "0" else 1)
        if scanned and chance.happens(pen.share):
            mask = _scanned(chance.choice(scanned[int(digit)]), pen)
        else:
            mask = stroke_glyph(pen.brush, digit, chance).mask
        scale = size / HEIGHT
        slant = pen.slant + chance.normal(0, 0.05)
        drop = chance.normal(0, 0.04) * height
        if digit in "79" and chance.happens(0.15):
            drop += 0.15 * height
        wide = 1.0 if one else chance.clipped(1.0, 0.1, 0.8, 1.25)
        shape = np.array([[scale * wide, -scale * slant], [0.0, scale]])
        corners = hull(mask) @ shape.T.astype(np.float32)
        low, high = corners.min(axis=0), corners.max(axis=0)
        move = np.array([x - low[0], base + drop - high[1] - line_slope * (x - margin)])
        if hulls:
            # As far as the ink allows: a leaning digit may reach over its neighbour.
            step = max(gap + chance.normal(0, 0.04), -0.08) * height
            if marks.get(place):
                step = max(step, 0.0)
            else:
                move[0] += step - _room(hulls[-1], corners + move, height)
        _stamp(ink, mask, shape, move)
        hulls.append((corners + move).astype(np.float32))
        x = float(hulls[-1][:, 0].max())
        if marks.get(place + 1):
            x = _put_mark(ink, marks[place + 1], x, base - line_slope * (x - margin), height, pen,
                          slant, chance)  # fmt: skip
    end = x
    if chance.happens(0.35):
        _put_tail(ink, end, base - line_slope * (end - margin), height, pen, chance)
    layer = Layer(rows, columns)
    colour = _put_paper(layer, base, height, chance)
    if chance.happens(0.2):
        face = chance.choice(faces("Serif", "Roboto-Reg", "Lato-Reg"))
        sign = chance.choice(("$", "€", "£", "#", "EUR", "No.", "CHF", "Bs."))
        place = margin - chance.uniform(0.25, 0.6) * height, base - 0.5 * height
        put_words(layer, sign, face, place, height * chance.uniform(0.4, 0.8), mix(colour,
                  (0.0, 0.0, 0.0), 0.7), chance, chance.uniform(0.4, 0.9), 1.0)  # fmt: skip
    _put_written(layer, ink, height, chance)
    inside = (margin, margin, end, base)
    return Panel(layer, number, hulls, height, inside, crops=_CROPS, fine=0.65, wall=colour,
                 masonry=False, turnable=can_be_turned(number))  # fmt: skip


def _room(before: np.ndarray, after: np.ndarray, height: float) -> float:
    """Least distance across between two hulls (float (n, 2)), the second to the right."""
    low = max(before[:, 1].min(), after[:, 1].min())
    high = min(before[:, 1].max(), after[:, 1].max())
    if high - low < 0.1 * height:  # hardly side by side
        return float(after[:, 0].min() - before[:, 0].max())
    levels = np.linspace(low, high, 9)[1:-1]
    rights, lefts = _edge(before, levels, np.max), _edge(after, levels, np.min)
    # A low zero under the arm of a 7 would otherwise slip far below it.
    most = 0.35 * height + float(after[:, 0].min() - before[:, 0].max())
    return min(float((lefts - rights).min()), most)


def _edge(hull_points: np.ndarray, levels: np.ndarray, end) -> np.ndarray:
    """The leftmost (`np.min`) or rightmost (`np.max`) x of a convex hull at each height."""
    x, y = hull_points.T
    next_x, next_y = np.roll(x, -1), np.roll(y, -1)
    low, high = np.minimum(y, next_y), np.maximum(y, next_y)
    rise = np.where(next_y == y, 1.0, next_y - y)
    at = x + (next_x - x) * (levels[:, None] - y) / rise
    inside = (levels[:, None] >= low) & (levels[:, None] <= high)
    fill = np.inf if end is np.min else -np.inf
    return end(np.where(inside, at, fill), axis=1)


def _separators(number: str, chance: Chance) -> dict[int, str]:
    """Points or commas before the digits at these places: thousands, sometimes cents."""
    marks: dict[int, str] = {}
    if len(number) > 3 and chance.happens(0.45):
        mark = chance.choice("..,")
        for place in range(len(number) - 3, 0, -3):
            marks[place] = mark
    elif len(number) > 2 and chance.happens(0.15):
        marks[len(number) - 2] = chance.choice(".,")
    return marks


def _stamp(canvas: np.ndarray, mask: np.ndarray, shape: np.ndarray, move: np.ndarray) -> None:
    """Draw a mask at an affine place, in pixels counted from corners."""
    rows, columns = mask.shape
    corners = np.array([[0, 0], [columns, 0], [0, rows], [columns, rows]]) @ shape.T + move
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(corners.max(axis=0)).astype(int), canvas.shape[::-1])
    if (high <= low).any():
        return
    offset = move - low + shape @ np.array([0.5, 0.5]) - 0.5
    matrix = np.column_stack([shape, offset])
    part = cv2.warpAffine(mask, matrix, tuple((high - low).tolist()), flags=cv2.INTER_AREA)
    area = canvas[low[1] : high[1], low[0] : high[0]]
    np.maximum(area, part, out=area)


def _line(ink: np.ndarray, points: list[tuple[float, float]], thickness: float) -> None:
    fixed = np.rint(np.array(points) * 16).astype(np.int32)
    cv2.polylines(ink, [fixed], False, 255, max(1, round(thickness)), cv2.LINE_AA, 4)


def _put_mark(ink, mark: str, x: float, base: float, height: float, pen, slant, chance) -> float:
    """Draw a point or comma after a digit; returns where the next digit begins."""
    thick = pen.thickness * height / HEIGHT
    x += height * chance.uniform(0.06, 0.2)
    y = base - thick / 2 - height * chance.uniform(-0.03, 0.06)
    if mark == ".":
        _line(ink, [(x, y), (x + 0.3, y)], thick * chance.uniform(1.0, 1.5))
    else:
        tail = height * chance.uniform(0.08, 0.18)
        _line(ink, [(x, y), (x - 0.4 * tail, y + tail)], thick)
    return x + height * chance.uniform(0.06, 0.22)


def _put_tail(ink, x: float, base: float, height: float, pen, chance: Chance) -> None:
    """Draw what follows an amount: a dash, two dashes, a point, a cross, a stroke under it."""
    thick = pen.thickness * height / HEIGHT
    kind = chance.choice(("dash", "dash", "equal", "point", "hash", "dash point"))
    x += height * chance.uniform(0.22, 0.4)
    y = base - height * chance.uniform(0.3, 0.55)
    reach = height * chance.uniform(0.3, 0.8)
    rise = chance.normal(0, 0.05) * height
    if kind == "point" or kind == "dash point":
        _line(
            ink, [(x - 0.1 * height, base - thick), (x - 0.1 * height + 0.3, base - thick)], thick
        )
    if "dash" in kind:
        _line(ink, [(x, y), (x + reach, y + rise)], thick)
    elif kind == "equal":
        for step in (0.0, 0.16 * height):
            _line(ink, [(x, y + step), (x + 0.6 * reach, y + step + rise)], thick)
    elif kind == "hash":
        side = 0.5 * height
        for share in (0.33, 0.67):
            _line(ink, [(x, y + (share - 0.5) * side), (x + side, y + (share - 0.5) * side)], thick)
            _line(ink, [(x + (share + 0.1) * side, y - 0.5 * side),
                        (x + (share - 0.1) * side, y + 0.5 * side)], thick)  # fmt: skip


def _put_paper(layer: Layer, base: float, height: float, chance: Chance) -> Colour:
    """Cover the layer with paper: grain, guilloche, rules, printed text; returns its colour."""
    rows, columns = layer.paint.shape[:2]
    bright = 255 * chance.uniform(0.72, 1.0)
    colour = tuple(part * bright for part in chance.choice(_PAPERS))
    if chance.happens(0.5):
        colour = (sum(colour) / 3,) * 3
    put_box(layer, (0, 0, columns, rows), colour)
    view = layer.paint
    dark = mix(colour, chance.choice(((60.0, 70.0, 120.0), (60.0, 60.0, 60.0), (110.0, 60.0, 60.0),
                                      (40.0, 90.0, 70.0))), 0.8)  # fmt: skip
    if chance.happens(0.65):
        _put_guilloche(view, dark, height, chance)
    if chance.happens(0.2):
        face = chance.choice(faces("Serif", "Lato-Bold", "Roboto-Bold"))
        word = chance.choice(("BANCO", "BANK", "PAY", "CHEQUE", "DOLLARS", "EURO", "VOID"))
        for _ in range(1 + chance.below(3)):
            place = chance.uniform(0, columns), chance.uniform(0, rows)
            put_words(layer, word, face, place, height * chance.uniform(0.2, 0.9), dark, chance,
                      chance.uniform(0.08, 0.3))  # fmt: skip
    if chance.happens(0.55):  # the rule to write on, or several, or a box
        thick = max(1, round(height * chance.uniform(0.02, 0.05)))
        mask = np.zeros((rows, columns), np.uint8)
        y = base + height * chance.uniform(0.0, 0.25)
        apart = height * chance.uniform(1.3, 1.8)
        for step in (-1, 0, 1) if chance.happens(0.4) else (0,):
            level = round((y + step * apart) * 16)
            cv2.line(mask, (0, level), (columns * 16, level), 255, thick, cv2.LINE_AA, 4)
        layer.put(mask, dark, chance.uniform(0.3, 1.0))
    return colour


def _put_guilloche(view: np.ndarray, colour: Colour, height: float, chance: Chance) -> None:
    """Lay the fine wavy lines of security paper over a picture, in place."""
    rows, columns = view.shape[:2]
    mask = np.zeros((rows, columns), np.uint8)
    step = height * chance.uniform(0.09, 0.2)
    wave, swing = height * chance.uniform(0.8, 4.0), height * chance.uniform(0.03, 0.25)
    slope, drift = chance.normal(0, 0.25), chance.uniform(-0.5, 0.5)
    x = np.arange(0, columns + 4, 4, dtype=np.float64)
    lines = []
    for place in range(-8, math.ceil(rows / step) + 8):
        phase = 2 * np.pi * x / wave + drift * place
        y = place * step + swing * np.sin(phase) + slope * (x - columns / 2)
        lines.append(np.rint(np.column_stack([x, y]) * 16).astype(np.int32))
    cv2.polylines(mask, lines, False, 255, 1, cv2.LINE_AA, 4)
    lay(view, mask, (*colour, 1.0), chance.uniform(0.15, 0.7))


def _put_written(layer: Layer, ink: np.ndarray, height: float, chance: Chance) -> None:
    """Lay the ink, of uneven strength as a pen leaves it."""
    colour = chance.weighted(_INKS)
    if chance.happens(0.25):  # a blotting or felt pen
        ink = blurred(ink, 0.03 * height)
    strength = chance.uniform(0.6, 1.0)
    if chance.happens(0.4):
        grain = crop(chance.choice(("rough", "stains", "stucco")), ink.shape[::-1], chance)
        fade = cv2.convertScaleAbs(grain, alpha=30 / STEP, beta=225 - 30 * MIDDLE / STEP)
        ink = cv2.multiply(ink, fade, scale=1 / 255)
    layer.put(ink, colour, strength)


def main(arguments: list[str] | None = None) -> None:
    """Write the file of digits as the command line says."""
    parser = argparse.ArgumentParser(
        prog="python -m datasets.rendered_numbers.handwriting",
        description="Write MNIST's training digits as a file that drawing reads.",
    )
    parser.add_argument("--data-dir", required=True, help="folder of TFDS with MNIST prepared")
    parser.add_argument("--out", type=Path, required=True, help="the .npz file to write")
    parser.add_argument("--split", default="train[:55000]", help="part of the train split")
    options = parser.parse_args(arguments)
    count = write_glyphs(options.data_dir, options.out, options.split)
    print(f"Wrote {count} digits to {options.out}")


if __name__ == "__main__":
    main()
