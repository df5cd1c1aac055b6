"""Several devices and several processes train like one device."""

import csv
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import keras
import numpy as np
import pytest

from artifacts.files import RunError
from tests.conftest import COMPILE_FAST, ROOT
from tests.training.conftest import command_line
from training.distribution import DataParallel, Mirrored, choose_strategy
from training.fit import train

EPOCHS = 16
JOB = """
import json, sys, train, training.distribution
training.distribution.HEARTBEAT_TIMEOUT = 10
sys.exit(any([train.main(arguments) for arguments in json.loads(sys.argv[1])]))
"""


def rows_of(folder):
    path = folder / "history.csv"
    if not path.exists():
        return []
    with path.open() as file:
        return [
            {k: float(v) for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)
        ]


def start(*command_lines, devices=1):
    """A process that runs `train.py` on JAX, once for each list of arguments."""
    flags = f"{COMPILE_FAST} --xla_force_host_platform_device_count={devices}"
    return subprocess.Popen(
        [sys.executable, "-c", JOB, json.dumps(command_lines)],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": "jax", "XLA_FLAGS": flags},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_two_processes_one_killed_then_four_devices_train_like_one(photos, tmp_path, address):
    pytest.importorskip("jax")
    folder, unused = tmp_path / "run", tmp_path / "unused"
    join = ("--distribute", address, "--processes", "2", "--process")
    chief = start(command_line(photos, folder, EPOCHS, *join, "0"))
    other = start(command_line(photos, unused, EPOCHS, *join, "1"))
    deadline = time.monotonic() + 600
    while len(rows_of(folder)) < 2:
        assert chief.poll() is None and other.poll() is None, chief.communicate()[0][-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    other.kill()
    output, _ = chief.communicate(timeout=120)
    other.communicate()
    assert chief.returncode != 0
    assert "Rerun the command in every process to resume" in output
    assert 2 <= len(rows_of(folder)) < EPOCHS
    assert not unused.exists()

    # Then four devices, and in the same process an uninterrupted run on one device.
    process = start(
        command_line(photos, folder, EPOCHS, "--distribute"),
        command_line(photos, tmp_path / "one", EPOCHS),
        devices=4,
    )
    output, _ = process.communicate(timeout=600)
    assert process.returncode == 0, output[-2000:]
    assert "resuming after epoch" in output and "4 devices" in output
    rows = rows_of(folder)
    assert [row["epoch"] for row in rows] == list(range(1, EPOCHS + 1))
    for row, expected in zip(rows, rows_of(tmp_path / "one"), strict=True):
        # AdamW divides by the size of gradients, which amplifies rounding from step to step.
        tolerance = 1e-5 if row["epoch"] <= 2 else 1e-2
        assert row["loss"] == pytest.approx(expected["loss"], rel=tolerance)
        assert row["val_loss"] == pytest.approx(expected["val_loss"], rel=tolerance)


def test_processes_that_differ_are_refused(monkeypatch):
    multihost_utils = pytest.importorskip("jax.experimental.multihost_utils")

    def differs(value):
        raise AssertionError

    DataParallel().assert_equal({"configuration": {"seed": 0}})
    monkeypatch.setattr(multihost_utils, "assert_equal", differs)
    with pytest.raises(RunError, match=r'differ in configuration.*Process 1 has {"seed": 0}'):
        DataParallel("node0:7000", 2, 1).assert_equal({"configuration": {"seed": 0}})


def test_mirrored_devices_save_a_model_that_loads_anywhere(tiny, tmp_path):
    strategy = choose_strategy()
    assert isinstance(strategy, Mirrored) and strategy.devices >= 2
    assert strategy.is_chief and strategy.shard == (0, 1)
    with pytest.raises(ValueError, match=r"must be a multiple of their number, \d+\. Received: 1"):
        strategy.check_batch_size(1)
    last = replace(tiny, recipe=replace(tiny.recipe, checkpoint="last"))
    metrics = train(last, tmp_path, until=2, strategy=strategy)
    assert metrics["epoch"] == metrics["epochs"] == 2
    assert metrics["validation"]["loss"] == rows_of(tmp_path)[-1]["val_loss"]
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


@pytest.mark.parametrize(
    ("arguments", "backend", "message"),
    [
        ((None, 2, None), "jax", "need --distribute HOST:PORT"),
        (("10.0.0.1:7000", 2, 0), "tensorflow", "needs the Keras backend jax: "),
        ((), "torch", "backend jax or tensorflow: .* Received: torch"),
        (("shallow_cnn", 2, 0), "jax", r"takes HOST:PORT .* Received: shallow_cnn"),
        (("10.0.0.1:65536", 2, 0), "jax", "takes HOST:PORT"),
        (("10.0.0.1:7000", None, None), "jax", "needs --processes N and --process I"),
        (("10.0.0.1:7000", 2, 2), "jax", "from 0 to N-1. Received: 2 and 2"),
    ],
)
def test_wrong_arguments_are_refused(monkeypatch, arguments, backend, message):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(ValueError, match=message):
        choose_strategy(*arguments)


def test_processes_differ_in_their_shard_only(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    chief, other = (choose_strategy("[::1]:7000", 2, process) for process in range(2))
    assert chief.address == other.address == "[::1]:7000"
    assert (chief.is_chief, chief.shard) == (True, (0, 2))
    assert (other.is_chief, other.shard) == (False, (1, 2))
