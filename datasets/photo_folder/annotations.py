"""Annotations of objects: COCO, YOLO and Pascal VOC, whose digits are joined from left to right.

COCO: https://cocodataset.org/#format-data. YOLO: https://docs.ultralytics.com/datasets/detect.
Pascal VOC: Everingham et al. 2010, https://doi.org/10.1007/s11263-009-0275-4.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import Image

from datasets.photo_folder.rows import Layout, Row, join_objects
from datasets.photo_folder.tables import read_text
from datasets.photo_folder.values import TEXT_KEYS, split_in

_TRANSPOSED = (5, 6, 7, 8)  # values of EXIF's orientation that turn an image on its side
_ORIENTATION = 0x0112


def is_coco(path: Path) -> bool:
    """Whether a JSON file is of the form of COCO."""
    try:
        content = json.loads(read_text(path)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"images", "annotations"} <= content.keys()


def read_coco(paths: Sequence[Path], root: Path) -> Layout:
    """Read files of COCO, each perhaps of one split.

    Raises:
        ValueError: if they list no images or an annotation is not as COCO has it.
    """
    rows: list[Row] = []
    for path in paths:
        content = json.loads(read_text(path)[0])
        name = path.relative_to(root).as_posix()
        split = split_in(name) if len(paths) > 1 else ""
        try:
            rows += _coco_rows(content, name, split)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(
                f"{path} is not as COCO has it: {type(error).__name__} {error}"
            ) from error
    _check_objects(rows, paths[0], "lists no image")
    return Layout(f"COCO in {', '.join(path.name for path in paths)}", join_objects(rows))


def _coco_rows(content: dict[str, Any], name: str, split: str) -> list[Row]:
    classes = {entry["id"]: str(entry["name"]) for entry in content.get("categories", [])}
    files = {image["id"]: str(image["file_name"]) for image in content["images"]}
    rows = [Row(f"{name}, image {key}", file, "", split=split) for key, file in files.items()]
    for entry in content["annotations"]:
        texts = {**entry, **(entry.get("attributes") or {})}
        written = [str(texts[key]) for key in TEXT_KEYS if texts.get(key) is not None]
        label = [*written, classes.get(entry["category_id"], str(entry["category_id"]))][0]
        left, top, width, height = map(float, entry["bbox"])
        box = np.array([[left, top, left + width, top + height]])
        location = f"{name}, annotation {entry.get('id')}"
        rows.append(Row(location, files[entry["image_id"]], label, box, split))
    return rows


def _check_objects(rows: Sequence[Row], path: Path, what: str) -> None:
    if not any(isinstance(row.boxes, np.ndarray) for row in rows):
        raise ValueError(
            f"{path} {what} with an object: annotations of digits, or a labels.csv with the "
            "columns file,label, make a data set"
        )


def read_yolo(images: Sequence[Path], root: Path) -> Layout:
    """Read YOLO's text files, beside their images or in `labels/` where those are in `images/`.

    Raises:
        ValueError: if `data.yaml` is damaged, or there is no object.
    """
    classes, source = _yolo_classes(root)
    rows: list[Row] = []
    for path in images:
        text = yolo_file(path)
        file = path.relative_to(root).as_posix()
        split = split_in(Path(file).parent.as_posix())
        rows.append(Row(file, file, "", split=split))
        if text is None:
            continue
        width, height = _upright_size(path)
        for number, line in enumerate(read_text(text)[0].splitlines(), 1):
            if line.strip():
                location = f"{text.relative_to(root).as_posix()}, line {number}"
                rows.append(_yolo_row(location, file, line, classes, (width, height), split))
    _check_objects(rows, root, "has YOLO files, but none")
    notes = [] if classes else ["no data.yaml: class 7 is taken for the digit 7"]
    return Layout(f"YOLO ({source})", join_objects(rows), notes)


def yolo_file(image: Path) -> Path | None:
    """The text file of an image in YOLO's layout; None where there is none."""
    parts = list(image.parent.parts)
    if "images" in parts:
        at = len(parts) - 1 - parts[::-1].index("images")
        parts[at] = "labels"
    for folder in (image.parent, Path(*parts)):
        if (path := folder / f"{image.stem}.txt").is_file():
            return path
    return None


def is_yolo(path: Path) -> bool:
    """Whether every line of a text file is a class and four or more fractions."""
    lines = [line.split() for line in read_text(path)[0].splitlines() if line.strip()]
    try:
        values = [[float(value) for value in line] for line in lines]
        return all(
            len(line) >= 5 and line[0].is_integer() and min(line[1:]) >= -1 and max(line[1:]) <= 2
            for line in values
        )
    except (ValueError, OverflowError):
        return False


def _yolo_row(location, file, line, classes, size, split) -> Row:
    try:
        number, *values = map(float, line.split())
        label = classes.get(int(number), "") if classes else str(int(number))
        width, height = size
        if len(values) > 5:  # a polygon
            points = np.reshape(values, (-1, 2)) * (width, height)
            box = np.concatenate([points.min(axis=0), points.max(axis=0)])[None]
        else:
            x, y, w, h = (np.array(values[:4]) * (width, height, width, height)).tolist()
            box = np.array([[x - w / 2, y - h / 2, x + w / 2, y + h / 2]])
    except (ValueError, OverflowError):
        return Row(location, file, "", split=split, error=f"not a line of YOLO: {line[:60]!r}")
    error = "" if label else f"class {int(number)} has no name in data.yaml"
    return Row(location, file, label, box, split, error)


def _yolo_classes(root: Path) -> tuple[dict[int, str], str]:
    """Names of the classes by number, and the file that has them; empty where there is none."""
    for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        try:
            import yaml
        except ImportError as error:
            raise ValueError(f"{path}: pip install pyyaml to read YOLO's data sets") from error
        try:
            names = yaml.safe_load(read_text(path)[0])["names"]
            names = names if isinstance(names, dict) else dict(enumerate(names))
            return {int(key): str(name) for key, name in names.items()}, path.name
        except (yaml.YAMLError, KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{path} has no names of classes, as YOLO's data.yaml does ({error}): labels "
                "belong into a labels.csv with the columns file,label"
            ) from error
    for name in ("classes.txt", "labels/classes.txt", "images/classes.txt", "obj.names"):
        if (root / name).is_file():
            lines = read_text(root / name)[0].split()
            return dict(enumerate(lines)), name
    return {}, "text files"


def _upright_size(path: Path) -> tuple[int, int]:
    """Width and height of an image as it is shown; of a damaged one (1, 1), which fails later."""
    try:
        with Image.open(path) as image:
            turned = image.getexif().get(_ORIENTATION) in _TRANSPOSED
            return image.size[::-1] if turned else image.size
    except Exception:  # of any kind: decoding reports it
        return 1, 1


def read_voc(paths: Sequence[Path], images: Sequence[Path], root: Path) -> Layout:
    """Read XML files of Pascal VOC, each with the image of the same name.

    Raises:
        ValueError: if there is no object.
    """
    beside: dict[str, list[Path]] = {}
    for path in images:
        beside.setdefault(path.stem, []).append(path)
    rows: list[Row] = []
    for path in paths:
        location = path.relative_to(root).as_posix()
        same = beside.get(path.stem, [])
        try:
            if b"<!ENTITY" in path.read_bytes():
                raise ValueError("it declares entities")
            tree = ElementTree.parse(path).getroot()
            file = same[0].relative_to(root).as_posix() if len(same) == 1 else tree.findtext(
                "filename", path.stem)  # fmt: skip
            if tree.tag == "annotations":
                raise ValueError(
                    "this is CVAT's own format: export as COCO 1.0 or PASCAL VOC 1.1 instead"
                )
            split = split_in(Path(file).parent.as_posix())
            rows.append(Row(location, file, "", split=split))
            for entry in tree.iter("object"):
                edges = [float(entry.findtext(f"bndbox/{edge}", "")) for edge in (
                    "xmin", "ymin", "xmax", "ymax")]  # fmt: skip
                name = (entry.findtext("name") or "").strip()
                rows.append(Row(location, file, name, np.array([edges]), split))
        except (ElementTree.ParseError, ValueError) as error:
            file = same[0].relative_to(root).as_posix() if same else location
            rows.append(Row(location, file, "", error=f"not as Pascal VOC has it: {error}"))
    if not any(row.error for row in rows):
        _check_objects(rows, root, f"has {len(paths)} files of Pascal VOC, but none")
    return Layout("Pascal VOC", join_objects(rows))
