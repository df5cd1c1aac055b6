"""Labels in the names of folders or files, or in a text file next to each image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from datasets.photo_folder.files import read_text
from datasets.photo_folder.rows import Layout, image_row
from datasets.photo_folder.values import NO_NUMBER, class_label


def text_file(image: Path) -> Path | None:
    """The text file with the label of an image, `a.gt.txt` or `a.txt`; None if there is none."""
    names = (f"{image.stem}.gt.txt", f"{image.name}.txt", f"{image.stem}.txt")
    return next((path for name in names if (path := image.with_name(name)).is_file()), None)


def read_text_files(images: Sequence[Path], root: Path) -> Layout:
    """Read a text file next to each image, as in Tesseract's training data."""
    texts = {image: path for image in images if (path := text_file(image))}
    rows = [
        image_row(image, root, read_text(path)[0].strip(), "", path.relative_to(root).as_posix())
        for image, path in texts.items()
    ]
    missing = len(images) - len(texts)
    notes = [f"{missing} images without a text file are left out"] if missing else []
    return Layout("a text file beside each image", rows, notes)


def class_of(image: Path, root: Path) -> str | None:
    """The label in the name of an image's folder; None if it is no label."""
    name = class_label(image.parent.name) if image.parent != root else ""
    return name if name.lower() in NO_NUMBER or (name.isascii() and name.isdigit()) else None


def read_class_folders(images: Sequence[Path], root: Path) -> Layout:
    """Read a folder for each label, optionally within split folders."""
    rows = []
    for image in images:
        label, folder = class_of(image, root), image.parent.relative_to(root).as_posix()
        error = f"its folder {folder!r} is not named by a label" if label is None else ""
        rows.append(image_row(image, root, label or "", error))
    return Layout("a folder for each label", rows)


def read_names(images: Sequence[Path], root: Path, pattern: str) -> Layout:
    """Read labels from the names of files.

    Args:
        images: the files.
        root: the folder.
        pattern: the name with `{label}` for the label and `*` for anything, such as `{label}_*`;
            or a regular expression with a group `(?P<label>…)`, which may match a part.

    Raises:
        ValueError: if the pattern has no label or is no regular expression.
    """
    expression = pattern
    if "{label}" in pattern:
        start = "(?<!\\d)" if pattern.startswith("*") else "^"
        end = "$" if re.search(r"\.\w+$", pattern) else r"(\.\w+)?$"
        escaped = re.escape(pattern).replace(r"\*", ".*?")
        expression = start + escaped.replace(r"\{label\}", r"(?P<label>\d+|none)") + end
    try:
        compiled = re.compile(expression)
        if "label" not in compiled.groupindex:
            raise ValueError("it has no label")
    except (re.error, ValueError) as error:
        raise ValueError(
            f"a name pattern has {{label}} for the label and * for anything, such as {{label}}_*. "
            f"Received: {pattern!r} ({error})"
        ) from error
    rows = []
    for image in images:
        match = compiled.search(image.name)
        error = "" if match else f"its name does not fit the pattern {pattern!r}"
        rows.append(image_row(image, root, (match["label"] or "") if match else "", error))
    return Layout(f"labels in file names ({pattern})", rows)
