"""Labels that are in the names of folders and files, or in a text file beside each image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from datasets.photo_folder.rows import Layout, Row
from datasets.photo_folder.tables import read_text
from datasets.photo_folder.values import NO_NUMBER, class_label, split_in


def text_file(image: Path) -> Path | None:
    """The file with the label of an image beside it, `a.gt.txt` or `a.txt`; None for none."""
    for name in (f"{image.stem}.gt.txt", f"{image.name}.txt", f"{image.stem}.txt"):
        if (path := image.with_name(name)).is_file():
            return path
    return None


def read_text_files(images: Sequence[Path], root: Path) -> Layout:
    """Read a text file beside each image, as Tesseract's training has them."""
    rows, without = [], 0
    for path in images:
        file = path.relative_to(root).as_posix()
        if (text := text_file(path)) is None:
            without += 1
            continue
        label = read_text(text)[0].strip()
        location = text.relative_to(root).as_posix()
        rows.append(Row(location, file, label, split=split_in(Path(file).parent.as_posix())))
    notes = [f"{without} images without a text file are left out"] if without else []
    return Layout("a text file beside each image", rows, notes)


def class_of(image: Path, root: Path) -> str | None:
    """The label that the folder of an image names; None where it names none."""
    name = class_label(image.parent.name) if image.parent != root else ""
    return name if name.lower() in NO_NUMBER or (name.isascii() and name.isdigit()) else None


def read_class_folders(images: Sequence[Path], root: Path) -> Layout:
    """Read a folder for each label, perhaps within folders of splits."""
    rows = []
    for path in images:
        file, label = path.relative_to(root).as_posix(), class_of(path, root)
        folder = path.parent.relative_to(root).as_posix()
        error = "" if label is not None else f"its folder {folder!r} is not named by a label"
        split = split_in(path.parent.parent.relative_to(root).as_posix()) if label else ""
        rows.append(Row(file, file, label or "", split=split, error=error))
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
    if "{label}" in pattern:
        parts = [re.escape(part).replace(r"\*", ".*?") for part in pattern.split("{label}")]
        suffix = "" if re.search(r"\.\w+$", pattern) else r"(\.\w+)?"
        expression = r"(?P<label>\d+|none)".join(parts) + suffix + "$"
        expression = ("^" if not pattern.startswith("*") else "(?<!\\d)") + expression
    else:
        expression = pattern
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
    for path in images:
        file = path.relative_to(root).as_posix()
        match = compiled.search(path.name)
        error = "" if match else f"its name does not fit the pattern {pattern!r}"
        label = (match["label"] or "") if match else ""
        rows.append(
            Row(file, file, label, split=split_in(Path(file).parent.as_posix()), error=error)
        )
    return Layout(f"labels in file names ({pattern})", rows)
