"""Decode, crop and resize a split once, into arrays in memory or in a cache file.

Decoding images takes longer than the rest of the pipeline, so it is done once. The images are
uint8, and larger than the model's input if augmentation needs a margin.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import logging
import math
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from artifacts.files import atomic_path, remove_leftovers, reserve, write_text
from datasets import crops, mixing, sources
from datasets.example import Example

log = logging.getLogger(__name__)

_CHUNK = 512
_CACHE_VERSION = 3  # increase when the same settings give other pixels, to invalidate cache files


@dataclass(frozen=True)
class PreprocessSpec:
    """How images are cropped and resized before they are stored.

    Attributes:
        size: `(height, width)` in pixels.
        channels: 1 or 3.
        crop: one of `crops.CROPS`; an image without a number is never cropped.
        margin: fraction by which the number's box is enlarged (for crops other than `"full"`).
        context: factor by which the box is enlarged once more, as room for augmentation.
    """

    size: tuple[int, int]
    channels: int
    crop: str = "full"
    margin: float = 0.3
    context: float = 1.0


@dataclass(frozen=True)
class Prepared:
    """The examples of a split as arrays.

    Attributes:
        images: uint8 (m, height, width, channels), of the examples that are used; may be a memory
            map.
        rows: int64 (n,): the row of `images` of each example; -1 for those that are not used.
        labels: n strings of digits.
        ids: n names.
        boxes: float32 (n, 4): left, top, right, bottom of each number as fractions of the stored
            image's width and height; NaN if unknown or if there is no number.
    """

    images: np.ndarray
    rows: np.ndarray
    labels: list[str]
    ids: list[str]
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


def prepare(
    source: str | Path,
    split: str,
    spec: PreprocessSpec,
    *,
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
    used: Sequence[np.ndarray] | None = None,
) -> list[Prepared]:
    """Decode, crop and resize a split of each source of a mixture.

    Args:
        source: name of a data set, path of a folder, or a mixture of these.
        split: `"train"`, `"validation"` or `"test"`.
        spec: how images are cropped and resized.
        cache_dir: folder for the result, for data larger than memory and for later runs. The name
            of a file depends on its content. Defaults to memory.
        data_dir: folder of prepared TFDS data.
        limit: maximum number of examples of each source, from the first.
        used: bool (n,) of each source, the examples that are read. Defaults to all; not for a
            `cache_dir`.

    Raises:
        MemoryError: if the images do not fit in memory and there is no `cache_dir`; no image is
            read before.
        ValueError: if the split is empty, an image does not decode, or a source has no boxes for
            the crop.
    """
    mix = mixing.parse_mix(source)
    if cache_dir is None:
        count = sources.size(source, split, data_dir, limit)
        if used is not None:
            count = sum(int(mask.sum()) for mask in used)
        _check_memory((count, *spec.size, spec.channels), source)
    return [
        _prepare_source(part.source, split, spec, cache_dir, data_dir, limit, mask)
        for part, mask in zip(mix, used or [None] * len(mix), strict=True)
    ]


def _prepare_source(source: str, split: str, spec, cache_dir, data_dir, limit, used) -> Prepared:
    count = sources.size(source, split, data_dir, limit)
    if count == 0:
        raise ValueError(f"{source} has no images in its {split} split")
    used = np.ones(count, bool) if used is None else used
    rows = np.where(used, np.cumsum(used) - 1, -1)
    shape = (int(used.sum()), *spec.size, spec.channels)
    stream = sources.examples(source, split, data_dir, limit)
    name = f"{source} {split}"
    if cache_dir is None:
        array = np.empty(shape, np.uint8)
        return Prepared(array, rows, *_fill(array, rows, stream, spec, name))
    state = sources.state(str(source), split, data_dir)
    key = [_CACHE_VERSION, str(source), split, asdict(spec), state, count]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    stem = "".join(letter if letter.isalnum() else "_" for letter in Path(source).name)
    path = Path(cache_dir) / f"{stem}-{split}-{digest}.npy"
    remove_leftovers(path.parent)
    if not (path.is_file() and path.with_suffix(".json").is_file()):
        _write_cache(path, shape, rows, stream, spec, name)
    texts, ids, boxes = json.loads(path.with_suffix(".json").read_text())
    return Prepared(np.load(path, mmap_mode="r"), rows, texts, ids, np.array(boxes, np.float32))


def _write_cache(path: Path, shape: tuple, *arguments) -> None:
    """Write the array and then the labels: only with both is the cache complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(path, math.prod(shape)) as part:
        array = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        reserve(part, part.stat().st_size)
        texts, ids, boxes = _fill(array, *arguments)
        array.flush()
        del array
    write_text(path.with_suffix(".json"), json.dumps([texts, ids, boxes.tolist()]))


def _fill(
    array, rows: np.ndarray, stream, spec: PreprocessSpec, name: str
) -> tuple[list, list, np.ndarray]:
    """Write the images of a split into their `rows` of `array`, except for those of row -1; return
    all labels, ids and boxes."""
    started = reported = time.monotonic()
    texts, ids = [], []
    boxes = np.full((len(rows), 4), np.nan, np.float32)
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        while chunk := list(itertools.islice(stream, _CHUNK)):
            used = [index for index in range(len(chunk)) if rows[len(ids) + index] >= 0]
            results = pool.map(_preprocess, [chunk[index] for index in used], [spec] * len(used))
            for index, (image, box) in zip(used, results, strict=True):
                array[rows[len(ids) + index]], boxes[len(ids) + index] = image, box
            texts += [example.label for example in chunk]
            ids += [example.id for example in chunk]
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                log.info("Reading %s: %d of %d images", name, len(ids), len(rows))
    if len(ids) != len(rows):
        raise ValueError(f"{name}: expected {len(rows)} images. Received: {len(ids)}")
    count = f"{len(ids)}" if len(array) == len(ids) else f"{len(array)} of {len(ids)}"
    log.info("Read %s: %s images in %.1f s", name, count, time.monotonic() - started)
    return texts, ids, boxes


def _preprocess(example: Example, spec: PreprocessSpec) -> tuple[np.ndarray, np.ndarray]:
    """The image to be stored, and the number's box in it."""
    image = example.decode()
    box = example.crop_box(spec.crop, spec.margin, spec.context)
    visible = (0, 0, image.shape[1], image.shape[0]) if box is None else box
    stored = crops.prepare_image(image, spec.size, spec.channels, box=visible)
    return stored, crops.relative_box(example.boxes, np.array(visible, np.float64))


def _check_memory(shape: tuple, source) -> None:
    required, free = math.prod(shape), _free_memory()
    if required > 0.8 * free:
        raise MemoryError(
            f"The images of {source} take {required / 1e9:.1f} GB at {shape[1]} x {shape[2]} and "
            f"{free / 1e9:.1f} GB are free: pass a cache_dir (--cache-dir) to keep them in files"
        )


def _free_memory() -> float:
    """Bytes that are free; infinity where the system does not tell."""
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # only Linux reports free memory this way
        return math.inf
