"""Divide photos into train, validation and test by a hash of their names."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Sequence

from datasets.photo_folder.files import normalized

TEST_FRACTION = 0.15
VALIDATION_FRACTION = 0.10
FEWEST = 5
"""Minimum number of images for dividing a folder without splits."""


def split_of(file: str) -> str:
    """The default split of a file: 15 % test, 10 % validation, 75 % train.

    Below 0.15 of `hash_fraction` is test, below 0.25 validation.
    """
    fraction = hash_fraction(file)
    if fraction < TEST_FRACTION:
        return "test"
    return "validation" if fraction < TEST_FRACTION + VALIDATION_FRACTION else "train"


def hash_fraction(file: str) -> float:
    """The first 8 bytes of the SHA-256 of a name's last part (NFC, UTF-8), as a fraction of
    2^64."""
    name = normalized(file).encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.sha256(name).digest()[:8], "big") / 2**64


def divide(files: Sequence[str], given: Sequence[str], fold: str = "") -> tuple[list[str], str]:
    """Assign splits to files without one, such that validation is not empty.

    If the rule of `split_of` leaves a split empty, the files with the lowest `hash_fraction` become
    test and validation. If the given splits do not include validation, it is cut from train.

    Args:
        files: names of the images.
        given: their splits, "" if the rule applies.
        fold: "I/K": validation is every Kth file in the order of the hash; there is no test split
            except a given one.

    Returns:
        The splits, and a note on how they were assigned; "" if all were given.
    """
    # The whole path decides between equal names, such as 7/photo.jpg and 12/photo.jpg: in the order
    # of the files, one split would have the labels that another lacks.
    keys = [(hash_fraction(file), hash_fraction(re.sub(r"[/\\]", " ", file))) for file in files]
    order = sorted(range(len(files)), key=keys.__getitem__)
    if fold:
        part, parts = map(int, fold.split("/"))
        splits = ["test" if split == "test" else "train" for split in given]
        for index in [index for index in order if splits[index] == "train"][part - 1 :: parts]:
            splits[index] = "validation"
        return splits, f"fold {fold}"
    splits = [split or split_of(file) for split, file in zip(given, files, strict=True)]
    note = "" if all(given) else "splits by a hash of the names"
    fractions = {"test": TEST_FRACTION, "validation": VALIDATION_FRACTION}
    if any(given):
        del fractions["test"]
    if len(files) < FEWEST or fractions.keys() <= set(splits):
        return splits, note
    if any(given):
        note = "validation cut from train"
    else:
        splits = ["train"] * len(files)
        note = (
            f"the hash of the names leaves a split of {len(files)} images empty: test and "
            "validation are the first in the order of the hash; --fold 1/5 to 5/5 cross-validates, "
            "or a split column decides"
        )
    train = (index for index in order if splits[index] == "train")
    for split, fraction in fractions.items():
        for index in itertools.islice(train, max(1, round(fraction * len(files)))):
            splits[index] = split
    return splits, note
