"""The named data sets: what they are, how large, and which part of them is which split."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass, field

from artifacts.names import unknown_name

SPLITS = ("train", "validation", "test")

_CUT_BY_TENTH = {"train": "train[:90%]", "validation": "train[90%:]", "test": "test"}


@dataclass(frozen=True)
class DataSet:
    """A named data set.

    Attributes:
        name: how it is asked for.
        description: one line for a table.
        kind: `"digits"` (one digit an image) or `"numbers"`.
        images: `(train and validation, test)` counts.
        image_size: `(height, width)` in pixels that suits it.
        channels: 1 (grey) or 3 (RGB).
        max_digits: places that hold (nearly) all of its numbers.
        boxes: whether its digits have boxes, so that it can be cropped to its numbers.
        module: module with our own TFDS `Builder`; None for those that TFDS itself has.
        config: the builder's configuration, where it has several.
        preparing: what the first use costs: a download, or time to draw.
        splits: split to TFDS split instruction. Validation is always cut from train.
    """

    name: str
    description: str
    kind: str
    images: tuple[int, int]
    image_size: tuple[int, int]
    channels: int
    max_digits: int
    preparing: str
    boxes: bool = False
    module: str | None = None
    config: str | None = None
    splits: dict[str, str] = field(default_factory=lambda: dict(_CUT_BY_TENTH))

    @property
    def builder(self) -> str:
        """The TFDS name, without configuration."""
        return self.name.partition("/")[0]


DATA_SETS = {
    data_set.name: data_set
    for data_set in (
        DataSet(
            name="mnist",
            description="Handwritten digits, 28 x 28, grey (LeCun et al. 1998)",
            kind="digits",
            images=(60_000, 10_000),
            image_size=(28, 28),
            channels=1,
            max_digits=1,
            preparing="downloads 11 MB",
            splits={"train": "train[:55000]", "validation": "train[55000:]", "test": "test"},
        ),
        DataSet(
            name="mnist_numbers",
            description="Numbers of 1 to 5 MNIST digits composed on a 48 x 128 canvas",
            kind="numbers",
            images=(60_000, 10_000),
            image_size=(48, 128),
            channels=1,
            max_digits=5,
            boxes=True,
            module="datasets.mnist_numbers.mnist_numbers_dataset_builder",
            preparing="downloads 11 MB (mnist) unless it is there and draws for three minutes",
            splits={"train": "train", "validation": "validation", "test": "test"},
        ),
        DataSet(
            name="rendered_numbers",
            description="House numbers drawn from fonts, as street photos show them",
            kind="numbers",
            images=(60_000, 6_000),
            image_size=(64, 128),
            channels=3,
            max_digits=5,
            boxes=True,
            module="datasets.rendered_numbers.rendered_numbers_dataset_builder",
            config="default",
            preparing="draws for a few minutes",
        ),
        DataSet(
            name="rendered_numbers/wide",
            description="Street scenes of which the number is a small part; a tenth have none",
            kind="numbers",
            images=(20_000, 2_000),
            image_size=(128, 256),
            channels=3,
            max_digits=5,
            boxes=True,
            module="datasets.rendered_numbers.rendered_numbers_dataset_builder",
            config="wide",
            preparing="draws for a few minutes",
        ),
        DataSet(
            name="rendered_numbers/devices",
            description="Drawn meters, displays, labels, race bibs and number plates",
            kind="numbers",
            images=(20_000, 2_000),
            image_size=(64, 128),
            channels=3,
            max_digits=5,
            boxes=True,
            module="datasets.rendered_numbers.rendered_numbers_dataset_builder",
            config="devices",
            preparing="draws for a few minutes",
        ),
        DataSet(
            name="rendered_numbers/kinds",
            description="Numbers of any kind: meters, codes, bibs, handwriting; a tenth without",
            kind="numbers",
            pictures=(60_000, 6_000),
            picture_size=(64, 192),
            channels=3,
            max_digits=10,
            boxes=True,
            module="datasets.rendered_numbers.rendered_numbers_dataset_builder",
            config="kinds",
            preparing="draws for a few minutes, with MNIST's digits where MNIST is prepared",
        ),
        DataSet(
            name="rendered_numbers/meters",
            description="Drawn mechanical counters and displays of seven segments",
            kind="numbers",
            pictures=(20_000, 2_000),
            picture_size=(64, 192),
            channels=3,
            max_digits=10,
            boxes=True,
            module="datasets.rendered_numbers.rendered_numbers_dataset_builder",
            config="meters",
            preparing="draws for a few minutes",
        ),
        DataSet(
            name="rendered_numbers/handwriting",
            description="Handwritten amounts, of MNIST's digits where MNIST is prepared",
            kind="numbers",
            pictures=(20_000, 2_000),
            picture_size=(64, 192),
            channels=3,
            max_digits=8,
            boxes=True,
            module="datasets.rendered_numbers.rendered_numbers_dataset_builder",
            config="handwriting",
            preparing="draws for a few minutes",
        ),
        DataSet(
            name="svhn_cropped",
            description="Street View digits, 32 x 32, colour (Netzer et al. 2011)",
            kind="digits",
            images=(73_257, 26_032),
            image_size=(32, 32),
            channels=3,
            max_digits=1,
            preparing="downloads 1.5 GB",
        ),
        DataSet(
            name="svhn_numbers",
            description="Street View house numbers, whole images (Netzer et al. 2011)",
            kind="numbers",
            images=(33_402, 13_068),
            image_size=(64, 64),
            channels=3,
            max_digits=5,
            boxes=True,
            module="datasets.svhn_numbers.svhn_numbers_dataset_builder",
            config="train_test",
            preparing="downloads 0.7 GB",
        ),
        DataSet(
            name="svhn_numbers/full",
            description="The same with the 202,353 easier images of extra to train on",
            kind="numbers",
            images=(235_755, 13_068),
            image_size=(64, 64),
            channels=3,
            max_digits=5,
            boxes=True,
            module="datasets.svhn_numbers.svhn_numbers_dataset_builder",
            config="full",
            preparing="downloads 2.6 GB",
            splits=_CUT_BY_TENTH | {"train": "train[:90%]+extra"},
        ),
    )
}


def list_datasets(pattern: str = "*") -> list[str]:
    """Names of the known data sets that match a shell-style pattern, such as `"*numbers*"`."""
    return fnmatch.filter(DATA_SETS, pattern)


def describe(name: str) -> DataSet:
    """What is known of a named data set.

    Raises:
        ValueError: if there is none of that name; lists the known ones, the nearest first.
    """
    if name in DATA_SETS:
        return DATA_SETS[name]
    known = [*DATA_SETS, "the path of a folder with a labels.csv"]
    raise ValueError(unknown_name("data set", name, known))
