"""Object annotations in COCO, YOLO and Pascal VOC; digits are joined from left to right.

COCO: https://cocodataset.org/#format-data. YOLO: https://docs.ultralytics.com/datasets/detect.
Pascal VOC: Everingham et al. 2010, https://doi.org/10.1007/s11263-009-0275-4.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from PIL import ExifTags, Image

from datasets.photo_folder.files import read_text
from datasets.photo_folder.rows import Layout, Row, image_row, join_objects
from datasets.photo_folder.values import TEXT_KEYS, split_in

_ON_ITS_SIDE = (5, 6, 7, 8)  # EXIF orientations with a rotation by a quarter turn


def is_coco(path: Path) -> bool:
    """Whether a JSON file has the structure of COCO."""
    try:
        content = json.loads(read_text(path)[0])
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and {"images", "annotations"} <= content.keys()


def read_coco(paths: Sequence[Path], root: Path) -> Layout:
    """Read COCO files; the name of a file may name its split.

    Raises:
        ValueError: if they list no images or an annotation is not valid COCO.
    """
    rows: list[Row] = []
    for path in paths:
        content = json.loads(read_text(path)[0])
        name = path.relative_to(root).as_posix()
        try:
            rows += _coco_rows(content, name, split_in(name) if len(paths) > 1 else "")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise ValueError(
                f"{path} is not as COCO has it: {type(error).__name__} {error}"
            ) from error
    return _layout(f"COCO in {', '.join(path.name for path in paths)}", rows, paths[0])


def _coco_rows(content: dict[str, Any], name: str, split: str) -> Iterator[Row]:
    classes = {entry["id"]: entry["name"] for entry in content.get("categories") or []}
    files = {image["id"]: str(image["file_name"]) for image in content["images"]}
    for key, file in files.items():
        yield Row(f"{name}, image {key}", file, "", split=split)
    for entry in content["annotations"]:
        texts = {**entry, **(entry.get("attributes") or {})}
        written = [texts[key] for key in TEXT_KEYS if texts.get(key) is not None]
        category, image = entry["category_id"], entry["image_id"]
        label = [*written, classes.get(category, "" if classes else category)][0]
        file, location = files.get(image), f"{name}, annotation {entry.get('id')}"
        boxes, error, bbox = None, "", entry.get("bbox")  # some have a segmentation alone
        try:
            left, top, width, height = map(float, bbox)
            boxes = np.array([[left, top, left + width, top + height]])
        except (TypeError, ValueError):
            error = f"its bbox is not left, top, width and height: {bbox!r}"
        if file is None:
            error = "no image of the file has this id"
        elif label == "":
            error = f"category {category} has no name in categories"
        yield Row(location, file or f"image {image}", str(label), boxes, split, error)


def _layout(name: str, rows: Sequence[Row], path: Path) -> Layout:
    if all(row.boxes is None and not row.error for row in rows):
        raise ValueError(
            f"{path} has no annotation of an object: annotations of digits, or a labels.csv with "
            "the columns file,label, make a data set"
        )
    return Layout(name, join_objects(rows))


def read_yolo(images: Sequence[Path], root: Path) -> Layout:
    """Read YOLO's text files, next to the images, or in `labels/` for images in `images/`.

    Raises:
        ValueError: if `data.yaml` is damaged, or there is no object.
    """
    classes, source = _yolo_classes(root)
    rows: list[Row] = []
    for path in images:
        empty = image_row(path, root)
        rows.append(empty)
        if text := yolo_file(path):
            size = _upright_size(path)
            for number, line in enumerate(read_text(text)[0].splitlines(), 1):
                location = f"{text.relative_to(root).as_posix()}, line {number}"
                if line.strip():
                    rows.append(_yolo_row(replace(empty, location=location), line, classes, size))
    layout = _layout(f"YOLO ({source})", rows, root)
    notes = [] if classes else ["no data.yaml: class 7 is taken for the digit 7"]
    return replace(layout, notes=notes)


def yolo_file(image: Path) -> Path | None:
    """The text file of an image in YOLO's layout; None if there is none."""
    folders = [image.parent]
    if "images" in image.parent.parts:
        parts = list(image.parent.parts)
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
        folders.append(Path(*parts))
    paths = [folder / f"{image.stem}.txt" for folder in folders]
    return next((path for path in paths if path.is_file()), None)


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


def _yolo_row(row: Row, line: str, classes: dict[int, str], size: tuple[int, int]) -> Row:
    try:
        number, *values = map(float, line.split())
        number = int(number)
        if len(values) > 5:  # a polygon
            points = np.reshape(values, (-1, 2)) * size
            box = np.concatenate([points.min(axis=0), points.max(axis=0)])
        else:
            centre, sides = np.reshape(values[:4], (2, 2)) * size
            box = np.concatenate([centre - sides / 2, centre + sides / 2])
    except (ValueError, OverflowError):
        return replace(row, error=f"not a line of YOLO: {line[:60]!r}")
    label = classes.get(number, "") if classes else str(number)
    error = "" if label else f"class {number} has no name in data.yaml"
    return replace(row, label=label, boxes=box[None], error=error)


def _yolo_classes(root: Path) -> tuple[dict[int, str], str]:
    """Names of the classes by number, and the file that defines them; empty if there is none."""
    usual = root / "data.yaml"
    for path in [usual] if usual.is_file() else sorted(root.glob("*.y*ml")):
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
            text = read_text(root / name)[0].strip()
            return dict(enumerate(text.splitlines() if "\n" in text else text.split())), name
    return {}, "text files"


def _upright_size(path: Path) -> tuple[int, int]:
    """Width and height of the upright image; (1, 1) for a damaged image, which is reported
    later."""
    try:
        with Image.open(path) as image:
            is_turned = image.getexif().get(ExifTags.Base.Orientation) in _ON_ITS_SIDE
            return image.size[::-1] if is_turned else image.size
    except Exception:  # any error of Pillow: decoding raises it again
        return 1, 1


def read_voc(paths: Sequence[Path], images: Sequence[Path], root: Path) -> Layout:
    """Read XML files of Pascal VOC, each with the image of the same name.

    Raises:
        ValueError: if there is no object.
    """
    by_stem: dict[str, list[Path]] = {}
    for path in images:
        by_stem.setdefault(path.stem, []).append(path)
    rows: list[Row] = []
    for path in paths:
        named = by_stem.get(path.stem, [])
        # Of equal names, such as train/1.png and test/1.png, the one in the same folder, or in a
        # folder beside that of the file, or in one of the same name (labels/train, images/train).
        same = [image for image in named if image.parent == path.parent]
        beside = [image for image in named if image.parent.parent == path.parent.parent]
        namesakes = [image for image in named if image.parent.name == path.parent.name]
        named = same or beside or namesakes or named
        try:
            rows += _voc_rows(path, named, root)
        except (ElementTree.ParseError, ValueError) as error:
            image = named[0] if named else path
            location = path.relative_to(root).as_posix()
            rows.append(image_row(image, root, "", f"not as Pascal VOC has it: {error}", location))
    return _layout("Pascal VOC", rows, root)


def _voc_rows(path: Path, images: Sequence[Path], root: Path) -> list[Row]:
    if b"<!ENTITY" in path.read_bytes():
        raise ValueError("it declares entities")
    tree = ElementTree.parse(path).getroot()
    if tree.tag == "annotations":
        raise ValueError("this is CVAT's own format: export as COCO 1.0 or PASCAL VOC 1.1 instead")
    is_clear = len(images) == 1
    location = path.relative_to(root).as_posix()
    empty = image_row(images[0] if is_clear else path, root, location=location)
    if not is_clear:
        empty = replace(empty, file=tree.findtext("filename", path.stem))
    rows = [empty]
    for entry in tree.iter("object"):
        label = (entry.findtext("name") or "").strip()
        texts = [entry.findtext(f"bndbox/{edge}", "") for edge in ("xmin", "ymin", "xmax", "ymax")]
        try:
            rows.append(replace(empty, label=label, boxes=np.array([texts], float)))
        except ValueError:
            error = f"object {label!r} has no bndbox of numbers xmin, ymin, xmax and ymax"
            rows.append(replace(empty, label=label, error=error))
    return rows
