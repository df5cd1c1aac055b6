"""Where a trained model comes from, and whether it has seen the images it is judged by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import models
from artifacts.files import read_json
from artifacts.run_folder import RunFolder
from datasets import mixing, sources


def configuration(name: str) -> dict[str, Any]:
    """The training's configuration of a run or of published weights; empty where unknown."""
    return models.provenance_of(name).get("configuration", {})


def trained_with(name: str) -> str | None:
    """The command that trained a model, where it is known."""
    return models.provenance_of(name).get("environment", {}).get("command")


def seen_images(
    names: list[str],
    dataset: str,
    split: str,
    fingerprint: str,
    data_dir: str | Path | None = None,
) -> list[str]:
    """Warnings about models that were trained or selected on images they are judged by.

    A run keeps the fingerprints of what it was trained on, which tells the very same split.
    Folders of photos, which people copy and mix, are compared image by image.

    Args:
        names: runs, files or published weights.
        dataset: what they are judged on.
        split: its split.
        fingerprint: of that split.
        data_dir: where TFDS data lies.
    """
    found, judged = [], None
    for name in names:
        run = RunFolder(Path(name))
        kept = read_json(run.metrics).get("data", {}) if run.metrics.exists() else {}
        if fingerprint in kept.values():
            found.append(f"{name} was trained or selected on these very images")
            continue
        for folder, part in _folders(configuration(name)):
            if judged is None:
                judged = set(datasets.image_hashes(dataset, split, data_dir).values())
            shared = judged & set(datasets.image_hashes(folder, part).values())
            if shared:
                found.append(
                    f"{len(shared)} of these images are in the {part} split of {folder}, "
                    f"which {name} was trained with"
                )
    return found


def _folders(configuration: dict[str, Any]) -> list[tuple[str, str]]:
    """Folders of photos, still there, that a model was trained and selected on."""
    return [
        (part.source, split)
        for key, split in (("dataset", "train"), ("validation", "validation"))
        for part in mixing.parse_mix(configuration.get(key) or "none")
        if sources.is_folder(part.source) and (Path(part.source) / "labels.csv").is_file()
    ]
