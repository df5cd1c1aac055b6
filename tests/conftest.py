"""Fixtures that several parts of the tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Quiet before TensorFlow is imported anywhere; the tests run on its backend.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real pictures that are not part of the project (NUMBER_ZOO_TEST_DATA)."""
    folder = Path(os.environ.get("NUMBER_ZOO_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real pictures at {folder}: set NUMBER_ZOO_TEST_DATA to use some")
    return folder
