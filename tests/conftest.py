"""Fixtures that several parts of the tests share."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

# Quiet before TensorFlow is imported anywhere; the tests run on its backend.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# What is known of the tests' images does not belong beside that of the user's.
os.environ["NUMBER_ZOO_CACHE"] = str(Path(tempfile.gettempdir()) / "number_zoo_tests")

ROOT = Path(__file__).resolve().parent.parent
COMPILE_FAST = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
"""XLA_FLAGS for a process on JAX: compiling takes longer than all the rest of a small test."""


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real images that are not part of the project (NUMBER_ZOO_TEST_DATA)."""
    folder = Path(os.environ.get("NUMBER_ZOO_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}: set NUMBER_ZOO_TEST_DATA to use some")
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory):
    """Sixty images of one- and two-digit numbers, with a labels.csv."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    write_photos(folder)
    return folder


def write_photos(folder: Path) -> None:
    """Write sixty images of one- and two-digit numbers, with a labels.csv."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = ["file,label"]
    for index in range(60):
        number = str(rng.integers(0, 100))
        image = Image.new("RGB", (40, 24), tuple(rng.integers(150, 255, 3).tolist()))
        ImageDraw.Draw(image).text((10, 5), number, fill=(10, 10, 10))
        image.save(folder / f"{index:03d}.png")
        rows.append(f"{index:03d}.png,{number}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
