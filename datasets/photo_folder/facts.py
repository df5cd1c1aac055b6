"""What only the images themselves tell: whether they decode, their sizes and duplicates."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from artifacts.files import write_json
from datasets.photo_folder.folder import BadRow, BadRows, Folder, Photo, understand
from datasets.photo_folder.options import parse_source, with_options
from number_zoo.images import decode_image

log = logging.getLogger(__name__)

CACHE_VARIABLE = "NUMBER_ZOO_CACHE"
"""Environment variable of the folder where facts are kept, by default ~/.cache/number_zoo."""

INSIDE = 0.5
"""Fraction of a box that is within its image, at least."""

SLOW = 0.5
"""Seconds of decoding from which the facts are kept."""

_CURES = {
    ".svg": "export the drawing as PNG",
    ".pdf": "export its pages as PNG",
    ".heic": "pip install pillow-heif",
    ".heif": "pip install pillow-heif",
}
_VERSION = 1  # raise when the facts change, to invalidate kept ones


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What decoding an image tells.

    Attributes:
        width: in pixels, upright; 0 where it does not decode.
        height: in pixels.
        digest: hash of its pixels, equal for the same image in another lossless format.
        frames: frames of an animation or pages; the first is used.
        error: why it does not decode; "" where it does.
    """

    width: int = 0
    height: int = 0
    digest: str = ""
    frames: int = 1
    error: str = ""


@dataclass(frozen=True, slots=True)
class ScenePhoto:
    """An image of a folder with all of its numbers.

    Attributes:
        file: name of the image as its table has it.
        path: path of the image.
        split: "train", "validation" or "test".
        labels: the digits of each number; empty for an image without a number.
        boxes: float32 (numbers, 4): left, top, right, bottom in pixels of each; NaN where unknown.
        turns: int32 (numbers,): counter-clockwise quarter turns that make each upright.
    """

    file: str
    path: Path
    split: str
    labels: list[str]
    boxes: np.ndarray
    turns: np.ndarray


def measure(photos: Sequence[Photo]) -> list[ImageFacts]:
    """Decode each image once, in threads; the facts of unchanged files are kept for other times."""
    if not photos:
        return []
    root = os.path.commonpath([photo.path.absolute().parent for photo in photos])
    kept_in = _cache_folder() / f"images-{hashlib.sha256(root.encode()).hexdigest()[:16]}.json"
    kept: dict[str, list] = {}
    with contextlib.suppress(OSError, ValueError, AttributeError):
        kept = dict(json.loads(kept_in.read_text()).get(f"version {_VERSION}", {}))
    states = [_state(photo.path) for photo in photos]
    fresh = [
        photo for photo, state in zip(photos, states, strict=True)
        if kept.get(str(photo.path), [None])[0] != state
    ]  # fmt: skip
    started = reported = time.monotonic()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        results = pool.map(_decode, [photo.path for photo in fresh])
        for number, (photo, facts) in enumerate(zip(fresh, results, strict=True), 1):
            values = [getattr(facts, name) for name in ImageFacts.__slots__]
            kept[str(photo.path)] = [_state(photo.path), *values]
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                log.info("Checking images: %d of %d", number, len(fresh))
    if fresh and time.monotonic() - started > SLOW:
        with contextlib.suppress(OSError):
            kept_in.parent.mkdir(parents=True, exist_ok=True)
            write_json(kept_in, {f"version {_VERSION}": kept})
    return [ImageFacts(*kept[str(photo.path)][1:]) for photo in photos]


def _cache_folder() -> Path:
    return Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "number_zoo")


def _state(path: Path) -> list[int]:
    try:
        status = path.stat()
    except OSError:
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]


def _decode(path: Path) -> ImageFacts:
    try:
        image = decode_image(path)
    except (ValueError, OSError, MemoryError) as error:
        reason = str(error).replace(str(path), path.name)
        cure = _CURES.get(path.suffix.lower(), "save it anew as PNG or JPEG")
        return ImageFacts(error=f"{reason}: {cure}")
    digest = hashlib.blake2b(np.ascontiguousarray(image), digest_size=8)
    digest.update(str(image.shape).encode())
    frames = 1
    with contextlib.suppress(Exception), Image.open(path) as opened:
        frames = getattr(opened, "n_frames", 1)
    return ImageFacts(image.shape[1], image.shape[0], digest.hexdigest(), frames)


def check_folder(source: str | Path, several: bool = False) -> tuple[Folder, list[ImageFacts]]:
    """Read a folder and decode its images.

    Args:
        source: as for `folder.understand`.
        several: as for `folder.understand`.

    Returns:
        The folder, whose notes tell of duplicates and of files of several frames, and the facts
        of each of its photos.

    Raises:
        BadRows: if an image does not decode or a box is outside of it, and such are not skipped.
        ValueError: as `folder.understand` does.
    """
    skip_bad = parse_source(source)[1].skip_bad
    folder = understand(
        with_options(str(source), skip_bad="1"), several
    )  # to report all rows at once
    facts = measure(folder.photos)
    reasons = [_reason(photo, fact) for photo, fact in zip(folder.photos, facts, strict=True)]
    bad = [
        BadRow(photo.location, photo.file, reason)
        for photo, reason in zip(folder.photos, reasons, strict=True)
        if reason
    ]
    skipped = [*folder.skipped, *bad]
    if skipped and (len(bad) == len(folder.photos) or not skip_bad):
        raise BadRows(folder.source, skipped, folder.rows)
    photos = [p for p, reason in zip(folder.photos, reasons, strict=True) if not reason]
    facts = [fact for fact, reason in zip(facts, reasons, strict=True) if not reason]
    notes = list(folder.notes)
    if several := sum(fact.frames > 1 for fact in facts):
        notes.append(f"files of several frames or pages, of which the first is used: {several}")
    groups = duplicates(photos, facts)
    if across := [group for group in groups if len({photo.split for photo in group}) > 1]:
        notes.append(
            f"images in several splits: {len(across)} (such as "
            f"{' = '.join(f'{p.file} in {p.split}' for p in across[0][:2])}): give equal images "
            "one split in a split column"
        )
    if unlike := [group for group in groups if len({photo.label for photo in group}) > 1]:
        notes.append(
            f"equal images with several labels: {len(unlike)} (such as "
            f"{', '.join(f'{p.file}: {p.label}' for p in unlike[0][:2])})"
        )
    return replace(folder, photos=photos, skipped=skipped, notes=notes), facts


def _reason(photo: Photo, facts: ImageFacts) -> str:
    if facts.error or photo.boxes is None:
        return facts.error
    size = np.array([facts.width, facts.height] * 2)
    clipped = np.clip(photo.boxes, 0, size)
    inside, areas = ((b[:, 2:] - b[:, :2]).prod(axis=1) for b in (clipped, photo.boxes))
    if (inside >= INSIDE * areas).all():
        return ""
    outside = photo.boxes[np.argmin(inside / areas)].tolist()
    return (
        f"the box {' '.join(f'{edge:g}' for edge in outside)} is outside of the image of "
        f"{facts.width} x {facts.height} pixels: scale boxes of another resolution"
    )


def duplicates(photos: Sequence[Photo], facts: Sequence[ImageFacts]) -> list[list[Photo]]:
    """Groups of photos with the same pixels."""
    groups: dict[str, list[Photo]] = {}
    for photo, fact in zip(photos, facts, strict=True):
        groups.setdefault(fact.digest, []).append(photo)
    return [group for group in groups.values() if len({photo.path for photo in group}) > 1]


def read_folder(source: str | Path, split: str | None = None) -> list[Photo]:
    """Read the photos of a folder or table, in order.

    Args:
        source: as for `folder.understand`. With the option `skip_bad`, images are decoded to
            leave out those that are damaged.
        split: `"train"`, `"validation"` or `"test"`. Defaults to all.

    Raises:
        FileNotFoundError: if the folder or its labels are missing.
        ValueError: if rows cannot be used (`folder.BadRows`) or no layout fits.
    """
    return _photos(source, split, several=False)


def read_scenes(source: str | Path, split: str | None = None) -> list[ScenePhoto]:
    """Read the images of a folder or table with all of their numbers, in order.

    Each number is a row with the box of the whole number, or with those of its digits. The
    arguments and errors are those of `read_folder`.
    """
    images: dict[Path, list[Photo]] = {}
    for photo in _photos(source, split, several=True):
        images.setdefault(photo.path, []).append(photo)
    scenes = []
    for path, photos in images.items():
        numbers = [photo for photo in photos if photo.label]
        boxes = [photo.box for photo in numbers]
        scenes.append(
            ScenePhoto(
                photos[0].file,
                path,
                photos[0].split,
                [photo.label for photo in numbers],
                np.array(boxes, np.float32).reshape(-1, 4),
                np.array([photo.turn for photo in numbers], np.int32),
            )
        )
    return scenes


def is_scenes(source: str | Path) -> bool:
    """Whether an image of a folder or table has several numbers."""
    return any(len(scene.labels) > 1 for scene in read_scenes(source))


def _photos(source: str | Path, split: str | None, several: bool) -> list[Photo]:
    skip = parse_source(source)[1].skip_bad
    folder = check_folder(source, several)[0] if skip else understand(source, several)
    return [photo for photo in folder.photos if split is None or photo.split == split]
