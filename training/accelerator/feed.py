"""Processes that draw and compose labelled images while the accelerator trains.

Each worker fills a slot of memory shared with the parent and names it in a queue; the parent
copies it to the accelerator and hands the slot back. Workers are forked, so `start` has to run
before JAX or anything else starts threads.
"""

from __future__ import annotations

import functools
import logging
import mmap
import multiprocessing
import queue
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

import labels
from datasets import crops
from datasets.images import prepare_image
from training.accelerator import compose, pack
from training.accelerator.scene_crops import scene_crop

log = logging.getLogger(__name__)

KEPT = (128, 320)
"""Height and width at which images are kept: twice the reader's input."""

CHUNK = 64
MOST_DIGITS = pack.MOST_DIGITS
Fields = tuple[tuple[str, type, tuple[int, ...]], ...]
"""Name, dtype and shape of what an example holds."""

FIELDS: Fields = (
    ("images", np.uint8, (*KEPT, 3)),
    ("length", np.int32, ()),
    ("digits", np.int32, (MOST_DIGITS,)),
    ("box", np.float32, (4,)),
    ("digit_boxes", np.float32, (MOST_DIGITS, 4)),
    ("aspect", np.float32, ()),
)

Drawing = tuple[np.ndarray, str, np.ndarray]
"""uint8 image (height, width, 3), label, float32 boxes (digits, 4) in pixels, or (1, 4) of all."""

Maker = Callable[[int], Drawing]
"""Draws the image of an index."""

Writer = Callable[[dict[str, np.ndarray], int, int, np.random.Generator], None]
"""Draws the example of an index and writes it into arrays: (arrays, row, index, generator)."""


def empty(count: int, fields: Fields = FIELDS) -> dict[str, np.ndarray]:
    """Arrays for `count` examples.

    Returns:
        Of `FIELDS`: `images` uint8 (n, *KEPT, 3), `length` int32 (n,), `digits` int32 (n, 10), -1
        where there is none, `box` float32 (n, 4) and `digit_boxes` float32 (n, 10, 4) as shares of
        the kept image's width and height, NaN where unknown, `aspect` float32 (n,), width over
        height of what is kept.
    """
    return {name: np.empty((count, *shape), kind) for name, kind, shape in fields}


def keep(
    arrays: dict[str, np.ndarray], row: int, drawing: Drawing, rng: np.random.Generator | None
) -> None:
    """Write an example into `arrays`: a window of it for half of the images, where `rng` is given.

    A window holds the number and is cut before the image is resized, so that a small number is
    kept with all its pixels.
    """
    image, label, boxes = drawing
    height, width = image.shape[:2]
    shown = np.array([0, 0, width, height], np.float32)
    known = len(boxes) > 0 and np.isfinite(boxes).all()
    if rng is not None and known and rng.random() < 0.5:
        shown = _window(crops.union_box(boxes), shown, rng)
    arrays["images"][row] = prepare_image(image, KEPT, 3, box=tuple(shown))
    length, digits = labels.encode(label, MOST_DIGITS)
    arrays["length"][row], arrays["digits"][row] = length, digits
    arrays["box"][row] = crops.relative_box(boxes if known else None, shown)
    arrays["digit_boxes"][row] = np.nan
    if known and len(boxes) == len(label) and len(label) <= MOST_DIGITS:
        corner, size = np.tile(shown[:2], 2), np.tile(shown[2:] - shown[:2], 2)
        arrays["digit_boxes"][row, : len(boxes)] = (boxes - corner) / size
    arrays["aspect"][row] = (shown[2] - shown[0]) / (shown[3] - shown[1])


def _window(box: np.ndarray, whole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A part of the image that holds the box with room to spare."""
    size = np.maximum(box[2:] - box[:2], 4.0)
    amount = rng.random()
    spare = size * 0.6 * (whole[2:] / (2.2 * size)).clip(1.0) ** amount
    low = np.maximum(box[:2] - spare * rng.uniform(0.6, 1.4, 2), whole[:2])
    high = np.minimum(box[2:] + spare * rng.uniform(0.6, 1.4, 2), whole[2:])
    return np.concatenate([low, high]).astype(np.float32)


def real_examples(packs: dict[str, pack.Packed], split: str) -> dict[str, dict[str, np.ndarray]]:
    """The packed images of a split as arrays, by "ROLE/FOLDER"."""
    kept = {}
    for name, packed in packs.items():
        if not name.endswith(f"/{split}"):
            continue
        arrays = empty(len(packed.labels))
        for row, (image, label) in enumerate(zip(packed.images(), packed.labels, strict=True)):
            boxes = packed.boxes[row]
            keep(arrays, row, (image, label, boxes[np.isfinite(boxes[:, 0])]), None)
        kept[name.removesuffix(f"/{split}")] = arrays
    return kept


def makers(
    packs: dict[str, pack.Packed], extra: dict, seed: int, glyphs: str = ""
) -> dict[str, Maker]:
    """What can be drawn: every style of `rendered_numbers`, and what the packs can compose.

    `glyphs` is a file of handwritten digits for `styles.ObjectStyle`.
    """
    from datasets.rendered_numbers.rendering import render
    from datasets.rendered_numbers.styles import STYLES, ObjectStyle

    def drawn(style) -> Maker:
        if isinstance(style, ObjectStyle):
            style = replace(style, glyphs=glyphs)

        def make(index):
            drawing = render(seed, index, style)
            return drawing.image, drawing.label, drawing.boxes

        return make

    def seeded(function, *arguments) -> Maker:
        return lambda index: function(np.random.default_rng([seed, index]), *arguments)

    by_kind = {f"drawn/{name}": drawn(style) for name, style in STYLES.items()}
    by_kind["drawn/scenes"] = functools.partial(scene_crop, seed=seed, glyphs=glyphs)
    for name, packed in packs.items():
        role, folder, split = name.split("/")
        if split != "train" or role == "numbers":
            continue
        images = packed.images()
        if role == "digits":
            bank = compose.DigitBank.collect(list(zip(packed.labels, images, strict=True)))
            by_kind[f"strips/{folder}"] = seeded(compose.strip, bank, 2, MOST_DIGITS + 2)
        else:
            bank = compose.DigitBank.collect(list(_digits_of(packed, images)))
            papers = [compose.paper_of(image) for image in images]
            by_kind[f"written/{folder}"] = seeded(compose.amount, bank, papers, MOST_DIGITS + 1)
    if "mnist_sheet" in extra:
        ink = [_trimmed(255 - digit) for digit in _mnist(extra)]
        named = zip(map(str, extra["mnist_labels"]), ink, strict=True)
        bank = compose.DigitBank.collect(list(named))
        plain = [np.full((8, 8, 3), level, np.uint8) for level in range(120, 256, 8)]
        by_kind["written/mnist"] = seeded(compose.amount, bank, plain, MOST_DIGITS + 1)
    return by_kind


def _mnist(extra: dict) -> np.ndarray:
    return cv2.imdecode(extra["mnist_sheet"], cv2.IMREAD_GRAYSCALE).reshape(-1, 28, 28)


def kinds(pack_file: Path) -> list[str]:
    """Names of what `makers` makes of a pack."""
    from datasets.rendered_numbers.styles import STYLES

    with np.load(pack_file) as arrays:
        names = [name.partition("#")[0].split("/") for name in arrays if name.endswith("#labels")]
        mnist = "mnist_sheet" in arrays
    roles = {"digits": "strips", "amounts": "written"}
    composed = [
        f"{roles[role]}/{folder}"
        for role, folder, split in names
        if split == "train" and role in roles
    ]
    return [
        *(f"drawn/{name}" for name in (*STYLES, "scenes")),
        *composed,
        *(["written/mnist"] if mnist else []),
    ]


def weight_of(source: str, weights: dict[str, float]) -> float:
    """The weight of a source: its own, or that of the pattern "KIND/*" it fits, or 0."""
    return weights.get(source, weights.get(f"{source.partition('/')[0]}/*", 0.0))


def _digits_of(packed: pack.Packed, images) -> Iterator[tuple[str, np.ndarray]]:
    for label, image, boxes in zip(packed.labels, images, packed.boxes, strict=True):
        if len(label) > 1 and not np.isfinite(boxes[: len(label)]).all():
            continue
        for digit, box in zip(label, boxes, strict=False):
            left, top, right, bottom = np.round(box).astype(int)
            cut = image[max(top, 0) : bottom, max(left, 0) : right]
            if min(cut.shape[:2]) >= 4:
                yield digit, cut


def _trimmed(digit: np.ndarray) -> np.ndarray:
    rows = np.flatnonzero((digit < 200).any(axis=1))
    columns = np.flatnonzero((digit < 200).any(axis=0))
    cut = digit[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cv2.cvtColor(
        cv2.copyMakeBorder(cut, 1, 1, 1, 1, cv2.BORDER_REPLICATE), cv2.COLOR_GRAY2RGB
    )


@dataclass(frozen=True)
class Feed:
    """Running workers; see `start`."""

    slots: list[dict[str, np.ndarray]]
    full: multiprocessing.Queue
    free: multiprocessing.Queue
    processes: list

    def chunk(self, timeout: float = 0.0) -> tuple[str, dict[str, np.ndarray]] | None:
        """The next chunk: its kind and a copy of its arrays; None where none is ready in time."""
        try:
            kind, slot = self.full.get(timeout > 0, timeout or None)
        except queue.Empty:
            return None
        arrays = {name: array.copy() for name, array in self.slots[slot].items()}
        self.free.put(slot)
        return kind, arrays

    def stop(self) -> None:
        """End the workers."""
        for process in self.processes:
            process.terminate()


def start(
    writers: Callable[[], dict[str, Writer]],
    weights: dict[str, float],
    workers: int,
    seed: int,
    slots: int = 64,
    fields: Fields = FIELDS,
) -> Feed:
    """Start workers that draw chunks of `CHUNK` examples, kinds chosen by weight.

    Args:
        writers: makes the writers, by kind; called in each worker.
        weights: kind to weight; a kind that has no writer is an error in the log and is left out.
        workers: processes.
        seed: seed of all drawing.
        slots: chunks that are under way at most.
        fields: what an example holds.
    """
    context = multiprocessing.get_context("fork")
    memory = [_shared(fields) for _ in range(slots)]
    full, free = context.Queue(), context.Queue()
    for slot in range(slots):
        free.put(slot)
    arguments = (writers, weights, seed, memory, full, free)
    processes = [
        context.Process(target=_work, args=(number, workers, *arguments), daemon=True)
        for number in range(workers)
    ]
    for process in processes:
        process.start()
    return Feed(memory, full, free, processes)


def reader_writers(pack_file: Path, seed: int) -> Callable[[], dict[str, Writer]]:
    """The writers of examples for readers: all kinds of `makers`."""
    glyphs = write_glyphs(pack_file)

    def writer(maker: Maker) -> Writer:
        return lambda arrays, row, index, rng: keep(arrays, row, maker(index), rng)

    def prepare():
        by_kind = makers(*pack.load(pack_file), seed, glyphs)
        return {kind: writer(maker) for kind, maker in by_kind.items()}

    return prepare


def write_glyphs(pack_file: Path) -> str:
    """Write the pack's handwritten digits as `keras.datasets.mnist` keeps them; "" without any."""
    _, extra = pack.load(pack_file)
    if "mnist_sheet" not in extra:
        return ""
    path = Path(tempfile.mkdtemp()) / "digits.npz"
    np.savez(path, x_train=_mnist(extra), y_train=extra["mnist_labels"])
    return str(path)


def _shared(fields: Fields) -> dict[str, np.ndarray]:
    """Arrays of a chunk in memory that forked processes share."""
    arrays = {}
    for name, kind, shape in fields:
        count = int(np.prod((CHUNK, *shape)))
        memory = mmap.mmap(-1, max(1, count * np.dtype(kind).itemsize))
        arrays[name] = np.frombuffer(memory, kind, count).reshape(CHUNK, *shape)
    return arrays


def _work(number, workers, writers, weights, seed, memory, full, free) -> None:
    cv2.setNumThreads(1)
    by_kind = writers()
    if number == 0 and set(weights) != set(by_kind):
        log.warning("Kinds with a weight: %s. Received: %s", sorted(weights), sorted(by_kind))
    kinds = [kind for kind in weights if kind in by_kind]
    chances = np.array([weights[kind] for kind in kinds])
    rng = np.random.default_rng([seed, 1, number])
    # The workers draw different indices, and the first chunks of all kinds early.
    index, failures = number * (1 << 32), 0
    first = kinds[number % len(kinds) :: workers] if number < len(kinds) else []
    while True:
        slot = free.get()
        kind = first.pop() if first else kinds[rng.choice(len(kinds), p=chances / chances.sum())]
        row = 0
        while row < CHUNK:
            index += 1
            try:
                by_kind[kind](memory[slot], row, index, rng)
                row += 1
            except Exception as error:  # one bad drawing must not end the training
                failures += 1
                log.warning("%s %d: %r", kind, index, error)
                time.sleep(0.01 if failures < 100 else 1.0)
        full.put((kind, slot))
