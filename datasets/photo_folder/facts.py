"""What only the images themselves tell: whether they decode, their sizes and duplicates."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from artifacts.files import write_json
from datasets.photo_folder.folder import Folder, Photo, read_rows, understand
from datasets.photo_folder.options import parse_source
from datasets.photo_folder.rows import Row
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
_VERSION = 2  # raise when the facts change, to invalidate kept ones


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


def measure(paths: Iterable[Path]) -> dict[Path, ImageFacts]:
    """Decode each image once, in threads; the facts of unchanged files are kept for other times."""
    states = {path: [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}
    if not states:
        return {}
    root = os.path.commonpath([path.absolute().parent for path in states])
    cache = Path(os.environ.get(CACHE_VARIABLE) or Path.home() / ".cache" / "number_zoo")
    cache /= f"images-{_VERSION}-{hashlib.sha256(root.encode()).hexdigest()[:16]}.json"
    known: dict[str, list] = {}
    with contextlib.suppress(OSError, ValueError):
        known = json.loads(cache.read_text())
    fresh = [path for path, state in states.items() if known.get(str(path), [None])[0] != state]
    started = reported = time.monotonic()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for number, (path, facts) in enumerate(
            zip(fresh, pool.map(_decode, fresh), strict=True), 1
        ):
            known[str(path)] = [states[path], *astuple(facts)]
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                log.info("Checking images: %d of %d", number, len(fresh))
    if fresh and time.monotonic() - started > SLOW:
        with contextlib.suppress(OSError):
            cache.parent.mkdir(parents=True, exist_ok=True)
            write_json(cache, known)
    return {path: ImageFacts(*known[str(path)][1:]) for path in states}


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
    folder = read_rows(source, several)  # bad rows are reported with those that decoding finds
    measured = measure(photo.path for photo in folder.photos)
    photos, skipped = [], list(folder.skipped)
    for photo in folder.photos:
        if error := _error(photo, measured[photo.path]):
            skipped.append(Row(photo.location, photo.file, photo.label, error=error))
        else:
            photos.append(photo)
    facts = [measured[photo.path] for photo in photos]
    notes = list(folder.notes)
    if animated := sum(fact.frames > 1 for fact in facts):
        notes.append(f"files of several frames or pages, of which the first is used: {animated}")
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
    folder = replace(folder, photos=photos, skipped=skipped, notes=notes)
    return folder.require_usable(bool(parse_source(source)[1].skip_bad)), facts


def _error(photo: Photo, facts: ImageFacts) -> str:
    """Why a photo cannot be used; "" where it can."""
    if facts.error or photo.boxes is None:
        return facts.error
    clipped = np.clip(photo.boxes, 0, [facts.width, facts.height] * 2)
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


def read_folder(source: str | Path, split: str | None = None, several: bool = False) -> list[Photo]:
    """Read the photos of a folder or table, in order.

    Args:
        source: as for `folder.understand`. With the option `skip_bad`, images are decoded to
            leave out those that are damaged.
        split: `"train"`, `"validation"` or `"test"`. Defaults to all.
        several: as for `folder.understand`.

    Raises:
        FileNotFoundError: if the folder or its labels are missing.
        ValueError: if rows cannot be used (`folder.BadRows`) or no layout fits.
    """
    skip_bad = parse_source(source)[1].skip_bad
    folder = check_folder(source, several)[0] if skip_bad else understand(source, several)
    return [photo for photo in folder.photos if split in (None, photo.split)]
