"""Parse the cells of tables: labels, boxes and splits as written by people and spreadsheets."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import numpy as np

from number_zoo.files import SUFFIXES

IMAGE = re.compile(f"(?:{'|'.join(map(re.escape, sorted(SUFFIXES)))})$", re.IGNORECASE)
"""Matches the suffix of the name of an image file."""

NO_NUMBER = {"none", "(none)", "no number", "no_number", "no-number", "nonumber", "background"}
"""Labels of an image without a number, besides an empty label."""

TEXT_KEYS = ("text", "transcription", "label", "number", "value", "reading", "digits", "caption")
"""Keys of the text of an object in annotations."""

_FULL_WIDTH = str.maketrans("０１２３４５６７８９", "0123456789")
_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_CLASS = re.compile(r"(?:class|digit|label|num|number)[ _-]*(\d+)", re.IGNORECASE | re.ASCII)
_SPLITS = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(("validation", "valid", "val", "dev", "eval"), "validation"),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
}
_GROUPS = re.compile(r"[+]?\d{1,3}(?:([.,'’ \u00a0\u202f_])\d{3})(?:\1\d{3})*", re.ASCII)
_SINGLE_DIGITS = re.compile(r"\d( +\d)+|\[ *\d *(, *\d *)*\]", re.ASCII)  # 0 4 7, [0, 4, 7]
_FLOAT = re.compile(r"(\d+)[.,](0+)")
_DECIMAL = re.compile(r"\d+[.,]\d+")
_INVISIBLE = re.compile("[\u200b-\u200f\u2060\ufeff\x00]")
_MISSING = re.compile("nan|null|na|n/a|#n/a|<na>|nat|nil|undefined", re.IGNORECASE)
_UNKNOWN = re.compile(r"[?*_\-–— .]+")
_SCIENTIFIC = re.compile(r"\d+([.,]\d+)?[eE][+-]?\d+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d.*|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")
_UNCLEAR = {
    _MISSING: "is a missing value: write the digits, or leave the cell empty for an image without "
    "a number",
    _UNKNOWN: "is not a number: write the digits, or leave the row out; an empty cell means "
    "an image without a number",
    _SCIENTIFIC: "is rounded by a spreadsheet: format the column as text",
    _DATE: "is a date, into which spreadsheets convert numbers: format the column as text",
}
"""Explanations of invalid labels, and their corrections."""


class Unclear(ValueError):
    """A value without a unique meaning; the message states the correction."""


def clean(text: str) -> str:
    """Remove surrounding space, invisible characters and the marks of spreadsheets from a cell.

    `="007"`, `'007` and `“007”` become `007`, and so do objects with a text, which annotation tools
    write into tables: `{"text": "007"}`, `[{"transcription": "007", "points": …}]`.
    """
    text = _INVISIBLE.sub("", text).strip()
    if text.startswith(("{", "[{")):
        return _annotated(text)
    if text.startswith("="):
        text = text[1:].strip()
    if len(text) > 1 and text[0] in "\"“„'‘’`" and text[-1] in "\"”“'’`":
        return text[1:-1].strip()
    return text.lstrip("'’`").strip()


def class_label(name: str) -> str:
    """The digits in the name of a class or folder such as `7`, `seven` or `digit_7`; else the
    name."""
    name = clean(name)
    if match := _CLASS.fullmatch(name):
        return match[1]
    return str(_WORDS.index(name.lower())) if name.lower() in _WORDS else name


def _annotated(text: str) -> str:
    """The texts in the JSON of an annotation tool; the JSON itself if it has none."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return text
    texts = []
    for entry in content if isinstance(content, list) else [content]:
        if not isinstance(entry, dict):
            return text
        written = [entry[key] for key in TEXT_KEYS if key in entry]
        texts += [str(written[0])] if written else []
    return " / ".join(texts) or text


def parse_label(text: str, digits_only: bool = False) -> str:
    """Convert a label to its digits; "" for an image without a number.

    Full-width digits, single digits separated by spaces, thousands separators, and words for "no
    number" are accepted.

    Args:
        text: the label as written.
        digits_only: whether letters and signs around a single run of digits are removed, as well as
            a decimal point within it.

    Raises:
        Unclear: if the label is ambiguous or has no digits.
    """
    label = clean(text).translate(_FULL_WIDTH)
    if not label or label.lower() in NO_NUMBER:
        return ""
    if label.isascii() and label.isdigit():
        return label
    if _SINGLE_DIGITS.fullmatch(label) or _GROUPS.fullmatch(label):
        return re.sub(r"\D", "", label)
    shown = repr(text.strip()[:40])
    for pattern, reason in _UNCLEAR.items():
        if pattern.fullmatch(label):
            raise Unclear(f"label {shown} {reason}")
    if text.strip().startswith("="):
        raise Unclear(
            f"label {shown} is a formula without its value: save the file in a spreadsheet program"
        )
    if match := _FLOAT.fullmatch(label):
        raise Unclear(
            f"label {shown} is {match[1]} as a spreadsheet writes it, or {match[1] + match[2]} "
            "with its point dropped: write the digits alone"
        )
    runs = re.findall(r"\d+(?:[.,]\d+)*", label, re.ASCII)
    if len(runs) > 1:
        raise Unclear(
            f"label {shown} holds {len(runs)} numbers: write the one that is largest in the image"
        )
    if not runs:
        raise Unclear(
            f"label {shown} has no digits: write those of the number, or nothing for an image "
            "without a number"
        )
    digits = re.sub(r"\D", "", runs[0])
    if digits_only:
        return digits
    is_decimal = _DECIMAL.fullmatch(label)
    what = "a decimal point is no digit" if is_decimal else "letters and signs are not read"
    raise Unclear(
        f"label {shown}: {what}: write the digits alone ({digits}), or add --labels digits"
    )


def float_column(labels: Sequence[str]) -> bool:
    """Whether all labels end in `.0`: integers that were written as floats, as pandas does."""
    written = [label for label in map(clean, labels) if label and not _MISSING.fullmatch(label)]
    return len(written) > 2 and all(re.fullmatch(r"\d+\.0", label, re.ASCII) for label in written)


_DECIMAL_COMMAS = re.compile(
    r"NUM(?:(?:,?\s+NUM){3}|(?:\s*;\s*NUM){3})".replace("NUM", r"-?\d+(?:,\d+)?")
)
"""Four numbers, or four points."""


def parse_boxes(text: str) -> np.ndarray | None:
    """Parse boxes: float (n, 4), left, top, right, bottom in pixels; None if there are none.

    Edges and boxes are separated by spaces, commas, semicolons or brackets.

    Raises:
        Unclear: if the text is something else.
    """
    text = text.strip(" ,;|()[]")
    parts = [text, *re.split(r"\s*;\s*", text)]
    if re.search(r"\d,\d", text) and any(map(_DECIMAL_COMMAS.fullmatch, parts)):
        raise Unclear(
            "a comma in boxes may be a decimal comma: write 1.5 for 1,5, or spaces between edges. "
            f"Received: {text[:60]!r}"
        )
    edges = re.split(r"[\s,;|()\[\]]+", text)
    if all(not edge or _MISSING.fullmatch(edge) for edge in edges):
        return None
    try:
        boxes = np.array(edges, float).reshape(-1, 4)
    except ValueError:
        boxes = np.full((1, 4), np.nan)
    if not (np.abs(boxes) < 1e9).all():
        raise Unclear(
            "boxes are left, top, right and bottom in pixels, several joined by semicolons. "
            f"Received: {text[:60]!r}"
        )
    return boxes


def format_boxes(boxes: np.ndarray | None) -> str:
    """Format boxes (n, 4) for `parse_boxes`; "" for None."""
    rows = [] if boxes is None else boxes.tolist()
    return ";".join(" ".join(f"{edge:g}" for edge in box) for box in rows)


def check_boxes(boxes: np.ndarray, label: str) -> np.ndarray:
    """Boxes as float32, after a check that each has an area in pixels and that there is one box, or
    one for each digit.

    Raises:
        Unclear: if not.
    """
    if not (boxes[:, 2:] > boxes[:, :2]).all():
        raise Unclear(
            "a box has right > left and bottom > top (not its width and height). "
            f"Received: {boxes.tolist()}"
        )
    if boxes.max() <= 1:
        raise Unclear(
            "boxes are in pixels: multiply fractions by the width and height of the image. "
            f"Received: {format_boxes(boxes)}"
        )
    if len(boxes) not in (1, len(label)):
        raise Unclear(
            f"{len(label)} digits have as many boxes, or one for all of them. "
            f"Received: {len(boxes)}"
        )
    return boxes.astype(np.float32)


def check_inside(boxes: np.ndarray, width: int, height: int) -> None:
    """Check that at least half of each box is within an image of this size.

    Raises:
        Unclear: if not.
    """
    clipped = np.clip(boxes, 0, [width, height] * 2)
    inside, areas = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (clipped, boxes))
    fractions = inside / areas
    if fractions.min() < 0.5:
        outside = format_boxes(boxes[[np.argmin(fractions)]])
        raise Unclear(
            f"the box {outside} is outside of the image of "
            f"{width} x {height} pixels: scale boxes of another resolution"
        )


def parse_split(text: str) -> str:
    """The split in a cell or the name of a folder; "" for an empty cell.

    Raises:
        Unclear: for any other word.
    """
    word = clean(text).lower()
    if word and word not in _SPLITS:
        raise Unclear(f"a split is train, validation or test. Received: {text!r}")
    return _SPLITS.get(word, "")


def parse_turn(text: str) -> int:
    """The number of quarter turns in a cell; 0 for an empty cell.

    Raises:
        Unclear: if the text is not 0 to 3.
    """
    if (word := clean(text) or "0") not in ("0", "1", "2", "3"):
        raise Unclear(
            "turn is the number of counter-clockwise quarter turns that make the number upright, "
            f"0 to 3. Received: {text!r}"
        )
    return int(word)


def split_in(name: str) -> str:
    """The split in a name such as `rec_gt_train` or `images/val/a`; "" if there is none."""
    for word in reversed(re.split(r"[^a-z]+", name.lower())):
        if word in _SPLITS:
            return _SPLITS[word]
    return ""
