"""Facts that require decoding the images: errors, sizes and hashes of the pixels."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from artifacts.files import expand_user, write_json
from number_zoo.images import decode_image

log = logging.getLogger(__name__)

CACHE_VARIABLE = "NUMBER_ZOO_CACHE"
"""Environment variable of the folder where facts are cached, by default ~/.cache/number_zoo."""

SLOW = 0.5
"""Seconds of decoding from which on the facts are cached."""

_CURES = {
    ".svg": "export the drawing as PNG",
    ".pdf": "export its pages as PNG",
    ".heic": "pip install pillow-heif",
    ".heif": "pip install pillow-heif",
}
_VERSION = 3  # increase when the facts change, to invalidate cached ones


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """Result of decoding an image.

    Attributes:
        width: in pixels, upright; 0 if it does not decode.
        height: in pixels.
        digest: hash of its pixels, equal for the same image in another lossless format.
        frames: number of frames or pages; the first is used.
        error: reason why the image cannot be decoded; "" if it can.
    """

    width: int = 0
    height: int = 0
    digest: str = ""
    frames: int = 1
    error: str = ""


def measure(paths: Iterable[Path]) -> dict[Path, ImageFacts]:
    """Decode each image once, in threads; the facts of unchanged files are cached.

    Errors are not: they may be of the system, such as a missing package or permission.
    """
    states = {path: [path.stat().st_size, path.stat().st_mtime_ns] for path in paths}
    if not states:
        return {}
    try:
        root = os.path.commonpath([path.absolute().parent for path in states])
    except ValueError:  # on several drives of Windows
        root = ""
    digest = hashlib.sha256(root.encode(errors="surrogateescape")).hexdigest()[:16]
    folder = os.environ.get(CACHE_VARIABLE) or expand_user("~/.cache/number_zoo")
    cache = Path(folder, f"images-{_VERSION}-{digest}.json")
    records: dict[str, list] = {}
    with contextlib.suppress(OSError, ValueError):
        records = json.loads(cache.read_text())
    changed = [path for path, state in states.items() if records.get(str(path), [None])[0] != state]
    started = reported = time.monotonic()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for number, (path, facts) in enumerate(
            zip(changed, pool.map(_decode, changed), strict=True), 1
        ):
            records[str(path)] = [states[path], *astuple(facts)]
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                log.info("Checking images: %d of %d", number, len(changed))
    if changed and time.monotonic() - started > SLOW:
        with contextlib.suppress(OSError):
            cache.parent.mkdir(parents=True, exist_ok=True)
            write_json(cache, {path: record for path, record in records.items() if not record[-1]})
    return {path: ImageFacts(*records[str(path)][1:]) for path in states}


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
