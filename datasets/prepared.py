"""A split decoded, cropped and resized once, as arrays in memory or in a file.

Decoding images costs more than all the rest of the pipeline, so it is done once. The images
are uint8 and a little larger than the model's input where augmentation needs room.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

import labels
from datasets import crops, images, sources

log = logging.getLogger(__name__)

_CHUNK = 512
_FORMAT = 2  # raise when the same settings make other pixels, so that old files are not used


@dataclass(frozen=True)
class PreprocessSpec:
    """How images are cut and resized before they are kept.

    Attributes:
        size: `(height, width)` kept, in pixels.
        channels: 1 or 3.
        crop: one of `crops.CROPS`; an image without a number is shown whole in any case.
        margin: share by which the number's box is grown (for crops other than `"full"`).
        context: factor by which the box is grown once more, for augmentation to move into.
        fit: one of `images.FITS`.
    """

    size: tuple[int, int]
    channels: int
    crop: str = "full"
    margin: float = 0.3
    context: float = 1.0
    fit: str = "stretch"

    def __post_init__(self):
        crops.check_crop(self.crop)
        images.check_fit(self.fit)


@dataclass(frozen=True)
class Prepared:
    """The examples of a split as arrays.

    Attributes:
        images: uint8 (n, height, width, channels); may be a memory map.
        numbers: n strings of digits.
        ids: n names.
        boxes: float32 (n, 4), left, top, right and bottom of each number as shares of the kept
            image's width and height; NaN where the source does not say or shows no number.
    """

    images: np.ndarray
    numbers: list[str]
    ids: list[str]
    boxes: np.ndarray

    def __len__(self) -> int:
        return len(self.numbers)

    def encode(self, max_digits: int) -> tuple[np.ndarray, np.ndarray]:
        """Labels as `labels.encode` makes them: int32 (n,) lengths and (n, max_digits) digits.

        Raises:
            ValueError: if `max_digits` is 1 and a number has not exactly one digit, for a model
                of single digits has no way to say so.
        """
        if max_digits == 1:
            for name, number in zip(self.ids, self.numbers, strict=True):
                if len(number) != 1:
                    raise ValueError(
                        "max_digits=1 is for images of one digit each. "
                        f"Received: {name} with the number {number!r}"
                    )
        encoded = [labels.encode(number, max_digits) for number in self.numbers]
        lengths = np.array([length for length, _ in encoded], np.int32)
        return lengths, np.array([digits for _, digits in encoded], np.int32)


def prepare(
    source: str | Path,
    split: str,
    view: PreprocessSpec,
    *,
    cache_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    limit: int | None = None,
) -> Prepared:
    """Decode, cut and resize a split of a single source.

    Args:
        source: name of a data set or path of a folder.
        split: `"train"`, `"validation"` or `"test"`.
        view: how images are cut and resized.
        cache_dir: folder in which to keep the result, for data larger than memory and for the
            next start; files are named by what they hold and replace nothing. Defaults to memory.
        data_dir: folder of prepared TFDS data.
        limit: only the first so many examples.

    Raises:
        MemoryError: if the images do not fit in memory and there is no `cache_dir`.
        ValueError: if an image does not decode or the source has no boxes for the crop.
    """
    count = sources.size(source, split, data_dir)
    count = count if limit is None else min(count, limit)
    if count == 0:
        raise ValueError(f"{source} has no images in its {split} split")
    shape = (count, *view.size, view.channels)
    if cache_dir is None:
        _check_memory(shape, source)
        array = np.empty(shape, np.uint8)
        return Prepared(array, *_fill(array, source, split, view, data_dir, limit))
    facts = [
        _FORMAT,
        str(source),
        split,
        asdict(view),
        sources.state(source, split, data_dir),
        count,
    ]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    name = "".join(letter if letter.isalnum() else "_" for letter in Path(source).name)
    path = Path(cache_dir) / f"{name}-{split}-{key}.npy"
    if not path.with_suffix(".json").is_file():
        _write_file(path, shape, source, split, view, data_dir, limit)
    numbers, ids, boxes = json.loads(path.with_suffix(".json").read_text())
    return Prepared(np.load(path, mmap_mode="r"), numbers, ids, np.array(boxes, np.float32))


def _write_file(path: Path, shape: tuple, *what) -> None:
    """Write the array, then the labels; the labels' file says that both are whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.{os.getpid()}.part")
    try:
        array = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=shape)
        numbers, ids, boxes = _fill(array, *what)
        array.flush()
        del array
        part.replace(path)
        part.write_text(json.dumps([numbers, ids, boxes.tolist()]))
        part.replace(path.with_suffix(".json"))
    finally:
        part.unlink(missing_ok=True)


def _fill(array, source, split, view, data_dir, limit) -> tuple[list[str], list[str], np.ndarray]:
    """Write the images of a split into `array`; return its numbers, ids and boxes."""
    started = reported = time.monotonic()
    numbers, ids = [], []
    boxes = np.empty((len(array), 4), np.float32)
    stream = sources.examples(source, split, data_dir, limit)
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        for chunk in sources.chunks(stream, _CHUNK):
            start = len(ids)
            for index, shown in enumerate(pool.map(lambda one: _show(one, view), chunk), start):
                array[index], boxes[index] = shown
            numbers += [example.number for example in chunk]
            ids += [example.id for example in chunk]
            if time.monotonic() - reported > 10:
                reported = time.monotonic()
                log.info("Reading %s %s: %d of %d images", source, split, len(ids), len(array))
    if len(ids) != len(array):
        raise ValueError(f"{source} {split}: expected {len(array)} images. Received: {len(ids)}")
    log.info("Read %s %s: %d images in %.1f s", source, split, len(ids), time.monotonic() - started)
    return numbers, ids, boxes


def _show(example: sources.Example, view: PreprocessSpec) -> tuple[np.ndarray, np.ndarray]:
    """The image as it is kept, and the number's box in it."""
    image = images.decode_image(example.image, name=_name(example))
    box = example.crop_box(view.crop, view.margin, view.context)
    part = np.array(images.shown_part(image, view.size, fit=view.fit, box=box))
    kept = images.prepare_image(image, view.size, view.channels, box=part)
    return kept, crops.number_box(example.boxes, part)


def _name(example: sources.Example) -> str:
    return example.id if isinstance(example.image, bytes) else str(example.image)


def _check_memory(shape: tuple, source) -> None:
    wanted = int(np.prod(shape, dtype=np.int64))
    try:
        facts = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        free = int(facts["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):  # only Linux says what is free; elsewhere try
        return
    if wanted > 0.8 * free:
        raise MemoryError(
            f"The images of {source} take {wanted / 1e9:.1f} GB at {shape[1]} x {shape[2]} and "
            f"{free / 1e9:.1f} GB are free: give a cache_dir to keep them in a file"
        )
