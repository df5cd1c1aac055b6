"""Recognize the layout of a folder: a table, annotations, or labels in names."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from datasets.photo_folder import annotations, names, tables, values
from datasets.photo_folder.files import find_images
from datasets.photo_folder.options import ReadOptions
from datasets.photo_folder.rows import Layout
from datasets.photo_folder.values import IMAGE

LABELS_FILE = "labels.csv"

_STEMS = ("labels", "label", "annotations", "annotation", "_annotations", "metadata", "gt")
"""Names of tables that are preferred to others, best first."""

_NOT_LABELS = {"readme", "license", "classes", "requirements", "data", "dataset", "obj"}


def read_layout(path: Path, options: ReadOptions) -> tuple[Layout, Path]:
    """Read the rows of a folder or a table, unchecked, and the folder that images are looked for.

    Raises:
        FileNotFoundError: if there is no such folder or file.
        ValueError: if no layout fits, with what was looked for.
    """
    if "://" in str(path) or re.match(r"https?:/", str(path)):
        raise ValueError(f"{path} is a URL: download and unpack it, and name the folder")
    if not path.exists():
        if any(letter in path.name for letter in "*?["):
            raise FileNotFoundError(f"{path} is a pattern: name the folder itself")
        raise FileNotFoundError(f"There is no folder {path}")
    if path.is_file():
        if path.suffix.lower() in (".yaml", ".yml"):
            return _from_images(path.parent, options)
        if path.suffix.lower() == ".json" and annotations.is_coco(path):
            return annotations.read_coco([path], path.parent), path.parent
        if tables.is_table(path):
            return tables.read_table(path), path.parent
        raise ValueError(
            f"{path} is no table of labels ({', '.join(tables.SUFFIXES)}) and no folder; an "
            "archive must be unpacked first"
        )
    if options.name_pattern:
        return names.read_names(find_images(path), path, options.name_pattern), path
    layout = _from_tables(path)
    return (layout, path) if layout else _from_images(path, options)


def _from_tables(folder: Path) -> Layout | None:
    """Rows of the folder's tables; None where it has none."""
    files = [
        path for path in sorted(folder.iterdir()) if path.name[0] not in ".~" and path.is_file()
    ]
    files = [path for path in files if path.stem.lower() not in _NOT_LABELS]
    jsons = [path for path in files if path.suffix.lower() == ".json"]
    jsons += sorted(folder.glob("annotations/*.json")) + sorted(
        folder.glob("*/_annotations.coco.json")
    )
    coco = [path for path in jsons if annotations.is_coco(path)]
    found = [path for path in files if tables.is_table(path) and path not in coco]
    found = [path for path in found if path.suffix.lower() != ".txt" or _lists_images(path)]
    if not found:
        return annotations.read_coco(coco, folder) if coco else None
    best = sorted(found, key=_preference)
    if len(best) > 1 and _preference(best[0])[0] == len(_STEMS):
        if coco:
            return annotations.read_coco(coco, folder)
        splits = [values.split_in(path.stem) for path in best]
        if not all(splits):
            raise ValueError(
                f"{folder} has several tables: name one of them, such as {best[0]}. "
                f"Received: {', '.join(path.name for path in best)}"
            )
        layouts = [tables.read_table(path) for path in best]
        rows = [
            replace(row, split=row.split or split)
            for layout, split in zip(layouts, splits, strict=True)
            for row in layout.rows
        ]
        notes = [note for layout in layouts for note in layout.notes]
        return Layout(", ".join(layout.name for layout in layouts), rows, notes)
    return tables.read_table(best[0])


def _preference(path: Path) -> tuple[int, int]:
    stem, suffix = path.stem.lower(), path.suffix.lower()
    return (
        _STEMS.index(stem) if stem in _STEMS else len(_STEMS),
        tables.SUFFIXES.index(suffix) if suffix in tables.SUFFIXES else len(tables.SUFFIXES),
    )


def _lists_images(path: Path) -> bool:
    """Whether a text file has a name of an image and something more in its first lines."""
    lines = tables.read_text(path)[0].splitlines()[:5]
    return any(re.search(IMAGE.pattern[:-1] + r"[\"']?[\s,;|]+\S", line, re.I) for line in lines)


def _from_images(folder: Path, options: ReadOptions) -> tuple[Layout, Path]:
    """Rows of a folder without a table: from files beside the images, or from folders' names."""
    images = find_images(folder)
    if not images:
        raise ValueError(
            f"{folder} has no {LABELS_FILE} and no images: a data set is images and a table with "
            "the columns file,label"
        )
    texts = [path for image in images if (path := annotations.yolo_file(image))]
    if any(folder.glob("*.y*ml")) or (texts and all(map(annotations.is_yolo, texts))):
        return annotations.read_yolo(images, folder), folder
    xml = sorted(folder.rglob("*.xml"))
    if xml:
        return annotations.read_voc(xml, images, folder), folder
    if any(names.text_file(image) for image in images):
        return names.read_text_files(images, folder), folder
    if any(names.class_of(image, folder) is not None for image in images):
        return names.read_class_folders(images, folder), folder
    inner = sorted(path.parent for path in folder.glob(f"*/{LABELS_FILE}"))
    hint = f"; {inner[0]} has one: name that folder" if inner else ""
    if (
        not inner
        and sum(bool(re.match(r"\d+[_-]", image.name)) for image in images) > len(images) / 2
    ):
        hint = "; if file names begin with the label, add --name-pattern '{label}_*'"
    raise FileNotFoundError(
        f"{folder} has {len(images)} images and no labels for them: add a {LABELS_FILE} with the "
        f"columns file,label{hint}"
    )
