"""The named data sets: description, sizes, defaults and splits."""

from __future__ import annotations

import fnmatch
import functools
from dataclasses import dataclass, field
from pathlib import Path

from number_zoo.names import unknown_name

SPLITS = ("train", "validation", "test")

_LAST_TENTH = {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}
_OWN_VALIDATION = {"train": "train", "validation": "validation", "test": "test"}


@dataclass(frozen=True)
class DataSet:
    """A named data set.

    Attributes:
        name: name in commands and functions: a TFDS builder, or `"builder/configuration"`.
        description: one line for a table.
        images: counts of images in (train and validation, test).
        image_size: default `(height, width)` of images in pixels.
        channels: 1 (grey) or 3 (RGB).
        max_digits: default number of digit positions.
        preparing: cost of the first use: the size of the download, or the time to generate the
            images.
        scenes: whether an image may show several numbers, as yielded by `examples(several=True)`;
            `max_digits` then applies to each number.
        splits: TFDS split instruction of each split. Validation is never cut from test.
    """

    name: str
    description: str
    images: tuple[int, int]
    image_size: tuple[int, int]
    channels: int
    max_digits: int
    preparing: str
    scenes: bool = False
    splits: dict[str, str] = field(default_factory=lambda: dict(_LAST_TENTH))

    @property
    def builder(self) -> str:
        """The TFDS name, without configuration."""
        return self.name.partition("/")[0]

    @property
    def config(self) -> str | None:
        """Name of the builder's configuration; None for its first."""
        return self.name.partition("/")[2] or None

    @property
    def folder(self) -> Path | None:
        """Folder of the project's TFDS builder; None for TFDS's own data sets."""
        folder = Path(__file__).parent / self.builder
        return folder if folder.is_dir() else None


_mnist_numbers = functools.partial(
    DataSet, image_size=(48, 128), channels=1, max_digits=5, splits=_OWN_VALIDATION
)
_rendered = functools.partial(
    DataSet,
    images=(20_000, 2_000),
    image_size=(64, 128),
    channels=3,
    max_digits=5,
    preparing="renders images for a few minutes",
)
_svhn_numbers = functools.partial(DataSet, image_size=(64, 64), channels=3, max_digits=5)

_DATA_SETS = (
    DataSet(
        name="mnist",
        description="Handwritten digits, 28 x 28, grey (LeCun et al. 1998)",
        images=(60_000, 10_000),
        image_size=(28, 28),
        channels=1,
        max_digits=1,
        preparing="downloads 11 MB",
        splits={"train": "train[:55000]", "validation": "train[55000:]", "test": "test"},
    ),
    _mnist_numbers(
        "mnist_numbers",
        "Numbers of 1 to 5 MNIST digits composed on a 48 x 128 canvas",
        images=(225_000, 10_000),
        preparing="downloads 11 MB unless mnist is there, then composes for ten minutes",
    ),
    _mnist_numbers(
        "mnist_numbers/small",
        "A tenth of these images, for first experiments",
        images=(22_000, 2_000),
        preparing="downloads 11 MB unless mnist is there, then composes for a minute",
    ),
    _rendered(
        "rendered_numbers",
        "House numbers rendered from fonts, in the style of street photos",
        images=(60_000, 6_000),
    ),
    _rendered(
        "rendered_numbers/wide",
        "Street scenes with a small number; a tenth have none",
        image_size=(128, 256),
    ),
    _rendered(
        "rendered_numbers/suffixes",
        "House numbers followed by letters, or by a hyphen and another number",
    ),
    _rendered(
        "rendered_numbers/devices",
        "Rendered meters, displays, labels, race bibs and number plates",
    ),
    _rendered(
        "rendered_numbers/kinds",
        "Numbers of any kind: meters, codes, bibs, handwriting; a tenth without",
        images=(60_000, 6_000),
        image_size=(64, 192),
        max_digits=10,
        preparing="renders images for a few minutes, with MNIST's digits if MNIST is prepared",
    ),
    _rendered(
        "rendered_numbers/meters",
        "Rendered mechanical counters and seven-segment displays",
        image_size=(64, 192),
        max_digits=10,
    ),
    _rendered(
        "rendered_numbers/typefaces",
        "Printed numbers in many typefaces, in test others than in train",
        images=(60_000, 6_000),
        image_size=(64, 192),
        max_digits=10,
        preparing="renders images for a few minutes, in font files that npm installs (12 MB)",
    ),
    _rendered(
        "rendered_numbers/handwriting",
        "Handwritten amounts, of MNIST's digits if MNIST is prepared",
        image_size=(64, 192),
        max_digits=8,
    ),
    _rendered(
        "rendered_numbers/symbols",
        "Times, decimals and numbers with units, under glare; text and fittings without",
        images=(60_000, 6_000),
        image_size=(64, 192),
        max_digits=10,
    ),
    _rendered(
        "rendered_scenes",
        "Rendered scenes with 0 to 14 numbers of any kind, some of them turned",
        images=(21_000, 1_000),
        image_size=(320, 320),
        max_digits=10,
        scenes=True,
        splits=_OWN_VALIDATION,
    ),
    _rendered(
        "rendered_scenes/crops",
        "Crops of such scenes around one number, with others at its sides; a seventh have none",
        images=(21_000, 1_000),
        image_size=(64, 192),
        max_digits=10,
        splits=_OWN_VALIDATION,
    ),
    DataSet(
        name="svhn_cropped",
        description="Street View digits, 32 x 32, colour (Netzer et al. 2011)",
        images=(73_257, 26_032),
        image_size=(32, 32),
        channels=3,
        max_digits=1,
        preparing="downloads 1.5 GB",
    ),
    _svhn_numbers(
        "svhn_numbers",
        "Street View house numbers, whole images (Netzer et al. 2011)",
        images=(33_402, 13_068),
        preparing="downloads 0.7 GB",
    ),
    _svhn_numbers(
        "svhn_numbers/full",
        "The same with the 202,353 easier images of extra for training",
        images=(235_755, 13_068),
        preparing="downloads 2.6 GB",
        splits=_LAST_TENTH | {"train": "train[:90%]+extra"},
    ),
)
DATA_SETS = {data_set.name: data_set for data_set in _DATA_SETS}


def list_datasets(pattern: str = "*") -> list[str]:
    """Names of the data sets that match a shell-style pattern, such as `"*numbers*"`."""
    return fnmatch.filter(DATA_SETS, pattern)


def describe(name: str) -> DataSet:
    """Get the description of a data set by its name.

    Raises:
        ValueError: if the name is unknown; the message lists the known names, nearest first.
    """
    if name in DATA_SETS:
        return DATA_SETS[name]
    known = [*DATA_SETS, "the path of a folder or table of labels"]
    raise ValueError(unknown_name("data set", name, known))
