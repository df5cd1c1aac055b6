"""Fixtures that several parts of the tests share."""

from __future__ import annotations

import functools
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
# On JAX, compiling takes longer than all the rest of a small test.
COMPILE_FAST = (
    "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true "
    "--xla_cpu_use_fusion_emitters=false"
)
os.environ.setdefault("XLA_FLAGS", COMPILE_FAST)

ROOT = Path(__file__).resolve().parent.parent


def pytest_collection_finish(session: pytest.Session) -> None:
    """Fork the server of interpreters while TensorFlow is imported and does not run."""
    if any("interpreter" in getattr(item, "fixturenames", ()) for item in session.items):
        from tests.interpreters import start_server

        start_server()


@pytest.fixture(scope="module")
def eager():
    """Models are trained eagerly: tracing takes longer than the few steps of a test."""
    import keras

    with pytest.MonkeyPatch.context() as patch:
        compile_eagerly = functools.partialmethod(keras.Model.compile, run_eagerly=True)
        patch.setattr(keras.Model, "compile", compile_eagerly)
        yield


@pytest.fixture
def interpreter(tmp_path):
    """A function that starts an `Interpreter` of code, arguments and environment variables."""
    from tests.interpreters import Interpreter

    started = []

    def start(code: str, *arguments: object, **environment: str) -> Interpreter:
        log = tmp_path / f"interpreter{len(started)}.log"
        started.append(Interpreter(code, *map(str, arguments), log=log, **environment))
        return started[-1]

    yield start
    for process in started:
        process.kill()


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
