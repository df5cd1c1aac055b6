"""Processes that draw and compose labelled images while the accelerator trains.

Each worker fills a slot of memory shared with the parent and puts its index into a queue; the
parent copies the slot to the accelerator and releases it. Workers are forked, so `start` must run
before JAX or another library starts threads.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import mmap
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

import labels
from datasets import crops
from datasets.augmentation import Augmentation
from datasets.crops import prepare_image
from datasets.rendered_numbers.rendering import render
from datasets.rendered_numbers.styles import STYLES, TYPEFACES, ObjectStyle, Style
from datasets.rendered_scenes.crops import crop_scene
from datasets.rendered_scenes.styles import SceneStyle
from training.accelerator.compose import Maker, composers, single_digit
from training.accelerator.pack import MOST_DIGITS, Drawing, Packed, write_fonts, write_glyphs

log = logging.getLogger(__name__)

STORED_SIZE = (128, 320)
"""Height and width at which images are stored: twice the reader's input."""

CHUNK = 64
"""Number of examples in a chunk."""

SLOTS = 64
"""Number of slots in shared memory."""

Fields = dict[str, tuple[tuple[int, ...], type]]
"""Shape and dtype of the fields of an example, by name."""

FIELDS: Fields = {
    "images": ((*STORED_SIZE, 3), np.uint8),
    "length": ((), np.int32),
    "digits": ((MOST_DIGITS,), np.int32),
    "box": ((4,), np.float32),
    "digit_boxes": ((MOST_DIGITS, 4), np.float32),
    "aspect": ((), np.float32),
}
"""`digits` is -1 at positions without a digit; `box` and `digit_boxes` are fractions of the stored
image's width and height, NaN if unknown; `aspect` is width over height of the stored part."""

WEIGHTS = {
    "numbers/*": 0.11,
    "amounts/*": 0.05,
    "digits/*": 0.018,
    "drawn/default": 0.19,
    "drawn/suffixes": 0.06,
    "drawn/wide": 0.07,
    "drawn/devices": 0.05,
    "drawn/kinds": 0.20,
    "drawn/meters": 0.06,
    "drawn/symbols": 0.12,
    "drawn/typefaces": 0.15,
    "drawn/digits": 0.045,
    "drawn/handwriting": 0.03,
    "drawn/scenes": 0.12,
    "drawn/typeface scenes": 0.08,
    "strips/*": 0.035,
    "written/mnist": 0.015,
    "written/*": 0.05,
}
"""Weight of each source in a batch of the readers, by its name or by "KIND/*"."""

FIRST_SEED = 1000
"""Seed of what is drawn with `--seed 0`. The splits of the rendered data sets have lower seeds, so
that none of their images is drawn here."""

WITH_DIGITS = "drawn/meters", "drawn/kinds", "drawn/devices", "strips/"
"""Sources of numbers out of which single digits are cut."""

AUGMENTATION = replace(Augmentation.strong(), background_crop=0.15, blur=0.45, downscale=0.4)
"""Augmentation of the readers' batches: more blur than in `strong`, as in SVHN."""

Writer = Callable[[dict[str, np.ndarray], int, int, np.random.Generator], None]
"""Renders the example of an index and writes it into arrays: (arrays, row, index, generator)."""


def empty(count: int, fields: Fields = FIELDS) -> dict[str, np.ndarray]:
    """Arrays for `count` examples of the given fields."""
    return {name: np.empty((count, *shape), dtype) for name, (shape, dtype) in fields.items()}


def store(
    arrays: dict[str, np.ndarray], row: int, drawing: Drawing, rng: np.random.Generator | None
) -> None:
    """Write an example into `arrays`; with `rng`, a random crop for half of the images.

    The crop contains the number and is cut before the image is resized, so that a small number is
    stored at full resolution.
    """
    image, label, boxes = drawing
    height, width = image.shape[:2]
    visible = np.array([0, 0, width, height], np.float32)
    known = len(boxes) > 0 and np.isfinite(boxes).all()
    if rng is not None and known and rng.random() < 0.5:
        visible = _sample_crop(crops.union_box(boxes), visible, rng)
    arrays["images"][row] = prepare_image(image, STORED_SIZE, 3, box=tuple(visible))
    arrays["length"][row], arrays["digits"][row] = labels.encode(label, MOST_DIGITS)
    arrays["box"][row] = crops.relative_box(boxes, visible)
    arrays["digit_boxes"][row] = np.nan
    if known and len(boxes) == len(label) <= MOST_DIGITS:
        corner, size = np.tile(visible[:2], 2), np.tile(visible[2:] - visible[:2], 2)
        arrays["digit_boxes"][row, : len(boxes)] = (boxes - corner) / size
    arrays["aspect"][row] = (visible[2] - visible[0]) / (visible[3] - visible[1])


def _sample_crop(box: np.ndarray, whole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random part of the image that contains the box with a margin."""
    size = np.maximum(box[2:] - box[:2], 4.0)
    amount = rng.random()
    spare = size * 0.6 * (whole[2:] / (2.2 * size)).clip(1.0) ** amount
    low = np.maximum(box[:2] - spare * rng.uniform(0.6, 1.4, 2), whole[:2])
    high = np.minimum(box[2:] + spare * rng.uniform(0.6, 1.4, 2), whole[2:])
    return np.concatenate([low, high]).astype(np.float32)


def real_examples(packs: dict[str, Packed], split: str) -> dict[str, dict[str, np.ndarray]]:
    """The packed images of a split as arrays, by "ROLE/FOLDER"."""
    examples = {}
    for name, packed in packs.items():
        if name.endswith(f"/{split}"):
            arrays = empty(len(packed.labels))
            for row, (image, label, boxes) in enumerate(packed.drawings()):
                store(arrays, row, (image, label, boxes), None)
            examples[name.removesuffix(f"/{split}")] = arrays
    return examples


def reader_writers(packs: dict[str, Packed], seed: int, folder: Path) -> dict[str, Writer]:
    """The writers of examples for readers: every style of `rendered_numbers`, crops of rendered
    scenes, both with packed fonts too, the makers of `composers`, and single digits cut out of some
    of these. The arguments are those of `scene_feed.writers`."""
    glyphs, seed = write_glyphs(packs, folder), FIRST_SEED + seed

    def rendered(style: Style) -> Maker:
        if isinstance(style, ObjectStyle):
            style = replace(style, glyphs=glyphs)

        def make(index: int) -> Drawing:
            drawing = render(seed, index, style)
            return drawing.image, drawing.label, drawing.boxes

        return make

    def writer(maker: Maker) -> Writer:
        return lambda arrays, row, index, rng: store(arrays, row, maker(index), rng)

    makers = {f"drawn/{name}": rendered(style) for name, style in STYLES.items()}
    scene = SceneStyle(glyphs=glyphs)
    makers["drawn/scenes"] = functools.partial(crop_scene, seed, style=scene)
    if fonts := write_fonts(packs, folder):
        makers["drawn/typefaces"] = rendered(replace(TYPEFACES, fonts=fonts))
        scene = replace(scene, fonts=fonts)
        makers["drawn/typeface scenes"] = functools.partial(crop_scene, seed, style=scene)
    makers |= composers(packs, seed)
    numbers = [maker for name, maker in makers.items() if name.startswith(WITH_DIGITS)]

    def digit(index: int) -> Drawing:
        rng = np.random.default_rng([seed, 2, index])
        return single_digit(rng, numbers[rng.integers(len(numbers))](index))

    makers["drawn/digits"] = digit
    return {name: writer(maker) for name, maker in makers.items()}


def weight_of(source: str) -> float:
    """The weight of a source of the readers, or of "KIND/*"; 0 if there is none."""
    return WEIGHTS.get(source, WEIGHTS.get(f"{source.partition('/')[0]}/*", 0.0))


@dataclass(frozen=True)
class Feed:
    """Running workers, the weights of their sources, and the fields of examples; see `start`.

    `ended` is set before the workers are stopped.
    """

    weights: dict[str, float]
    fields: Fields
    slots: list[dict[str, np.ndarray]]
    full: multiprocessing.Queue
    free: multiprocessing.Queue
    processes: list[multiprocessing.Process]
    ended: threading.Event

    def chunk(self, timeout: float) -> tuple[str, dict[str, np.ndarray]] | None:
        """The next chunk: its kind and a copy of its arrays; None after the timeout.

        Raises:
            RuntimeError: if no worker runs before the end.
        """
        try:
            kind, slot = self.full.get(timeout=timeout)
        except queue.Empty:
            if self.ended.is_set() or any(process.is_alive() for process in self.processes):
                return None
            statuses = [process.exitcode for process in self.processes]
            raise RuntimeError(
                "no worker renders images: start --workers of 1 or more; fewer if the memory was "
                f"too small for them. Received: {len(statuses)}, ended with {statuses}"
            ) from None
        arrays = {name: array.copy() for name, array in self.slots[slot].items()}
        self.free.put(slot)
        return kind, arrays


@contextlib.contextmanager
def start(
    writers: dict[str, Writer],
    weights: dict[str, float],
    workers: int,
    seed: int,
    fields: Fields = FIELDS,
) -> Iterator[Feed]:
    """Within the block, workers render chunks of `CHUNK` examples, of kinds chosen by weight.

    Args:
        writers: by kind.
        weights: by kind.
        workers: number of processes; they also end with this one.
        seed: seed of all drawing.
        fields: fields of an example.
    """
    context = multiprocessing.get_context("fork")
    slots = [_shared(fields) for _ in range(SLOTS)]
    full, free = context.Queue(), context.Queue()
    for slot in range(SLOTS):
        free.put(slot)
    processes = [
        context.Process(
            target=_work,
            args=(number, workers, writers, weights, seed, slots, full, free),
            daemon=True,
        )
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    ended = threading.Event()
    try:
        yield Feed(weights, fields, slots, full, free, processes, ended)
    finally:
        ended.set()
        for process in processes:
            process.terminate()


def _shared(fields: Fields) -> dict[str, np.ndarray]:
    """Arrays of a chunk in memory that forked processes share."""
    return {
        name: np.frombuffer(mmap.mmap(-1, array.nbytes), array.dtype).reshape(array.shape)
        for name, array in empty(CHUNK, fields).items()
    }


def _work(number, workers, writers, weights, seed, slots, full, free) -> None:
    os.nice(10)  # the compilation of the first step has priority
    cv2.setNumThreads(1)
    kinds = list(weights)
    probabilities = np.array(list(weights.values())) / sum(weights.values())
    rng = np.random.default_rng([seed, 1, number])
    # The workers render different indices, and one of the first chunks of each kind early.
    index, failures = number * (1 << 32), 0
    first = kinds[number::workers]
    while True:
        slot = free.get()
        kind = first.pop() if first else kinds[rng.choice(len(kinds), p=probabilities)]
        row = 0
        while row < CHUNK:
            index += 1
            try:
                writers[kind](slots[slot], row, index, rng)
                row += 1
            except Exception as error:  # a failed rendering must not end the training
                failures += 1
                log.warning("%s %d: %r", kind, index, error)
                time.sleep(0.01 if failures < 100 else 1.0)
        full.put((kind, slot))
