"""The provenance of a trained model, and warnings if its training used the evaluated images."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import datasets
import models
from datasets import mixing, photo_folder, sources


def configuration(name: str) -> dict[str, Any]:
    """The training configuration of a run or of published weights; empty if unknown."""
    return models.provenance_of(name).get("configuration", {})


def trained_with(name: str) -> str | None:
    """The command that trained a model; None if unknown."""
    return models.provenance_of(name).get("environment", {}).get("command")


def leak_warnings(
    names: Iterable[str],
    dataset: str,
    split: str,
    data_dir: str | Path | None = None,
) -> list[str]:
    """Warnings about models whose training or selection used evaluated images.

    Runs and the cards of published weights contain a fingerprint of each split that was used, which
    identifies the split under any name. Folders of photos, which may be copied and mixed, are
    compared image by image if the training folder still exists.

    Args:
        names: runs, files or published weights.
        dataset: name, folder or mixture that they are evaluated on.
        split: its split.
        data_dir: folder of prepared TFDS data.
    """
    evaluated = {
        part.source: datasets.fingerprint(part.source, split, data_dir)
        for part in mixing.parse_mix(dataset)
    }
    warnings, hashes = [], None
    for name in names:
        used = set(models.training_data(name).values())
        if leaked := [source for source, print_ in evaluated.items() if print_ in used]:
            warnings.append(
                f"{name} was trained or selected on these images: the {split} split of "
                f"{', '.join(leaked)}"
            )
            continue
        for folder, used_split in _photo_folders(configuration(name)):
            if hashes is None:
                evaluated_images = datasets.examples(dataset, split, data_dir, several=True)
                hashes = {image.digest() for image in evaluated_images}
            stream = datasets.examples(folder, used_split, several=True)
            try:
                shared = hashes & {image.digest() for image in stream}
            except (ValueError, OSError) as error:  # the folder has changed since the training
                warnings.append(
                    f"the {used_split} split of {folder}, which {name} was trained with, may have "
                    f"some of these images: it cannot be read ({str(error).splitlines()[0]})"
                )
                continue
            if shared:
                warnings.append(
                    f"{len(shared)} of these images are in the {used_split} split of {folder}, "
                    f"which {name} was trained with"
                )
    return warnings


def _photo_folders(configuration: dict[str, Any]) -> list[tuple[str, str]]:
    """Existing folders of photos, with splits, that a model was trained and selected on."""
    return [
        (part.source, split)
        for key, split in (("dataset", "train"), ("validation", "validation"))
        for part in mixing.parse_mix(configuration.get(key) or "none")
        if sources.is_folder(part.source) and photo_folder.parse_source(part.source)[0].exists()
    ]
