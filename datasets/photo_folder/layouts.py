"""Detect the layout of a folder: a table, annotations, or labels in names."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from datasets.photo_folder import annotations, names, tables, values
from datasets.photo_folder.files import find_images, read_text
from datasets.photo_folder.options import ReadOptions
from datasets.photo_folder.rows import Layout

LABELS_FILE = "labels.csv"

_STEMS = ("labels", "label", "annotations", "annotation", "_annotations", "metadata", "gt")
"""Names of tables in descending order of preference."""

_NOT_LABELS = {"readme", "license", "classes", "requirements", "data", "dataset", "obj"}


def read_layout(path: Path, options: ReadOptions) -> Layout:
    """Read the rows of a folder or a table, without checking them.

    Raises:
        FileNotFoundError: if there is no such folder or file.
        ValueError: if no layout matches; the message names what is missing.
    """
    if re.match(r"\w{2,}:/", str(path)):  # of ://, a path has one slash
        raise ValueError(f"{path} is a URL: download and unpack it, and name the folder")
    if not path.exists():
        if any(letter in path.name for letter in "*?["):
            raise FileNotFoundError(f"{path} is a pattern: name the folder itself")
        raise FileNotFoundError(f"There is no folder {path}")
    if path.is_dir():
        if options.name_pattern:
            return names.read_names(find_images(path), path, options.name_pattern)
        return _from_tables(path) or _from_images(path)
    suffix = path.suffix.lower()
    if suffix in (".yaml", ".yml"):
        return _from_images(path.parent)
    if suffix == ".json" and annotations.is_coco(path):
        return annotations.read_coco([path], path.parent)
    if tables.is_table(path):
        return tables.read_table(path)
    raise ValueError(
        f"{path} is no table of labels ({', '.join(tables.SUFFIXES)}) and no folder; an archive "
        "must be unpacked first"
    )


def _from_tables(folder: Path) -> Layout | None:
    """Rows of the tables of a folder or of its split folders; None if there are none."""
    entries = [path for path in sorted(folder.iterdir()) if path.name[0] not in ".~"]
    files = [p for p in entries if p.is_file() and p.stem.lower() not in _NOT_LABELS]
    jsons = [path for path in files if path.suffix.lower() == ".json"]
    jsons += sorted(folder.glob("annotations/*.json"))
    coco = [path for path in jsons if annotations.is_coco(path)]
    candidates = [path for path in files if tables.is_table(path) and path not in coco]
    candidates = [p for p in candidates if p.suffix.lower() != ".txt" or _lists_images(p)]
    candidates.sort(key=_preference)
    has_usual_name = any(path.stem.lower() in _STEMS for path in candidates)
    if coco and not has_usual_name:
        return annotations.read_coco(coco, folder)
    if has_usual_name or len(candidates) == 1:
        return tables.read_table(candidates[0])
    if not candidates:
        inner = [path for path in entries if path.is_dir() and values.split_in(path.name)]
        layouts = [(path, layout) for path in inner if (layout := _from_tables(path))]
        return _join(layouts) if layouts else None
    if all(values.split_in(path.stem) for path in candidates):
        return _join([(path, tables.read_table(path)) for path in candidates])
    images = {image.stem for image in find_images(folder)}
    if all(path.suffix.lower() == ".json" and path.stem in images for path in candidates):
        raise ValueError(
            f"{folder} has a JSON file for each image, such as {candidates[0].name}: convert them "
            "to COCO or Pascal VOC, or write a labels.csv with the columns file,label"
        )
    raise ValueError(
        f"{folder} has several tables: name one of them, such as {candidates[0]}. "
        f"Received: {', '.join(path.name for path in candidates)}"
    )


def _join(layouts: Sequence[tuple[Path, Layout]]) -> Layout:
    """Join the layouts of tables or folders that are named after splits."""
    rows = [
        replace(
            row,
            file=f"{path.name}/{row.file}" if path.is_dir() else row.file,
            split=row.split or values.split_in(path.stem),
        )
        for path, layout in layouts
        for row in layout.rows
    ]
    notes = {note: None for _, layout in layouts for note in layout.notes}
    return Layout(", ".join(f"{p.name}: {layout.name}" for p, layout in layouts), rows, [*notes])


def _preference(path: Path) -> tuple[int, int]:
    """The ranks of a table's stem and suffix; unknown ones rank last."""
    stem, suffix = path.stem.lower(), path.suffix.lower()
    return [*_STEMS, stem].index(stem), [*tables.SUFFIXES, suffix].index(suffix)


def _lists_images(path: Path) -> bool:
    """Whether the first lines of a text file are names of images followed by other text."""
    lines = read_text(path)[0].splitlines()[:5]
    return any((entry := tables.ENTRY.match(line)) and entry[2].strip() for line in lines)


def _from_images(folder: Path) -> Layout:
    """Rows of a folder without a table: from text files or names of folders."""
    images = find_images(folder)
    if not images:
        raise ValueError(
            f"{folder} has no {LABELS_FILE} and no images: a data set is images and a table with "
            "the columns file,label"
        )
    texts = [path for image in images if (path := annotations.yolo_file(image))]
    if any(folder.glob("*.y*ml")) or (texts and all(map(annotations.is_yolo, texts))):
        return annotations.read_yolo(images, folder)
    if xml := sorted(folder.rglob("*.xml")):
        return annotations.read_voc(xml, images, folder)
    if any(map(names.text_file, images)):
        return names.read_text_files(images, folder)
    if any(names.class_of(image, folder) is not None for image in images):
        return names.read_class_folders(images, folder)
    inner = sorted(path.parent for path in folder.glob(f"*/{LABELS_FILE}"))
    if folder.name == "images" and (folder.parent / LABELS_FILE).is_file():
        inner = [folder.parent]
    hint = "; if file names hold the label, add --name-pattern '{label}_*'; if folders do, name "
    hint += "them by the label alone"
    if inner:
        hint = f"; {inner[0]} has one: name that folder"
    if (folder / "digitStruct.mat").is_file():
        hint = ", or read SVHN's files as svhn_numbers (datasets/svhn_numbers/README.md)"
    raise FileNotFoundError(
        f"{folder} has {len(images)} images and no labels for them: add a {LABELS_FILE} with the "
        f"columns file,label{hint}"
    )
