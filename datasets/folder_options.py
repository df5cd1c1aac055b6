"""Command-line options for reading folders, and the check of all folders of a mixture."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from artifacts.files import write_csv
from datasets import mixing, photo_folder
from datasets.sources import is_folder

log = logging.getLogger(__name__)


def add_folder_options(parser: argparse.ArgumentParser) -> None:
    """Add `--labels`, `--skip-bad`, `--name-pattern` and `--fold` to a command."""
    add = parser.add_argument_group("folders of photos").add_argument
    add("--labels", choices=("digits",), help="drop the letters and signs around the digits of a "
        "label: 12A is 12")  # fmt: skip
    add("--skip-bad", action="store_const", const="1", help="leave out unusable rows; a "
        "run lists them in skipped.csv")  # fmt: skip
    add("--name-pattern", metavar="PATTERN", help="the label in file names: {label} for it "
        "and * for anything, such as {label}_*")  # fmt: skip
    add("--fold", metavar="I/K", help="cross-validation: fold I of K is the validation "
        "split, the others are the train split")  # fmt: skip


def read_folder_options(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Put the options into the names of the folders in `dataset` and `validation`.

    Ends with the parser's error if a value does not fit, or no folder is given.
    """
    given = {name: value for name in photo_folder.OPTIONS if (value := getattr(options, name))}
    if not given:
        return
    try:
        mixes = {
            name: mixing.parse_mix(mix)
            for name in ("dataset", "validation")
            if (mix := getattr(options, name, None))
        }
        if not any(is_folder(part.source) for parts in mixes.values() for part in parts):
            names = ", ".join(f"--{name.replace('_', '-')}" for name in given)
            raise ValueError(f"leave {names} out: these are for folders of photos, none is given")
        for name, parts in mixes.items():
            setattr(options, name, _with_options(parts, given))
    except ValueError as error:
        parser.error(str(error))


def _with_options(parts: Sequence[mixing.Part], given: dict[str, str]) -> str:
    sources = [
        photo_folder.with_options(part.source, **given) if is_folder(part.source) else part.source
        for part in parts
    ]
    if len(parts) == 1:
        return sources[0]
    return ",".join(f"{name}:{part.weight:g}" for name, part in zip(sources, parts, strict=True))


def check_mixes(
    *needs: tuple[str, Sequence[str]], several: bool = False
) -> list[photo_folder.Folder]:
    """Check the labels and images of all folders of mixtures, and log one line for each.

    Args:
        needs: names, folders or mixtures, each with the splits that must not be empty.
        several: whether an image may have several numbers, each in a separate row.

    Raises:
        ValueError: if rows or images cannot be used, or a split is empty.
    """
    needed: dict[str, set[str]] = {}
    for mix, names in needs:
        for part in mixing.parse_mix(mix):
            needed.setdefault(part.source, set()).update(names)
    folders = []
    for source, names in needed.items():
        if is_folder(source):
            folder = photo_folder.understand(source, several, decode=True)
            log.info("%s", folder.summary())
            if reason := photo_folder.unusable_splits(folder, sorted(names)):
                raise ValueError(reason)
            folders.append(folder)
    return folders


def write_skipped(folders: Iterable[photo_folder.Folder], path: Path) -> None:
    """Write the rows that folders leave out to a CSV file: location, image file and reason."""
    rows = [(folder.source, row) for folder in folders for row in folder.skipped]
    if rows:
        cells = ((source, row.location, row.file, row.error) for source, row in rows)
        write_csv(path, [("folder", "location", "file", "reason"), *cells])
