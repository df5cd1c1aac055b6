"""Several devices and several processes train like one device."""

import csv
import json
import socket
from dataclasses import replace

import keras
import numpy as np
import pytest

from artifacts.files import RunError
from tests.conftest import COMPILE_FAST
from tests.faults.commands import SETTINGS
from tests.training.conftest import command_line
from training.distribution import DataParallel, Mirrored, Strategy, choose_strategy
from training.fit import train

EPOCHS, KILLED_IN = 3, 2
JOB = """
import json, os, sys, train, training.callbacks, training.distribution
training.distribution.HEARTBEAT_TIMEOUT = 10
begin = training.callbacks.SeedEpoch.on_epoch_begin
def on_epoch_begin(callback, epoch, logs=None):
    if epoch + 1 == int(sys.argv[2]):
        os.kill(os.getpid(), 9)
    begin(callback, epoch, logs)
training.callbacks.SeedEpoch.on_epoch_begin = on_epoch_begin
sys.exit(any([train.main(arguments) for arguments in json.loads(sys.argv[1])]))
"""
"""Runs `train.py` for each list of arguments, and is killed at the begin of an epoch."""


def rows_of(folder):
    path = folder / "history.csv"
    if not path.exists():
        return []
    with path.open() as file:
        return [
            {k: float(v) for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)
        ]


@pytest.fixture
def address():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_two_processes_one_killed_then_four_devices_train_like_one(
    photos, tmp_path, address, interpreter
):
    pytest.importorskip("jax")

    def job(folder, *options):
        return command_line(photos, folder, EPOCHS, *options, settings=[*SETTINGS, "filters=[8]"])

    def start(*command_lines, devices=1, killed_in=0):
        flags = f"{COMPILE_FAST} --xla_force_host_platform_device_count={devices}"
        jobs = json.dumps(command_lines)
        return interpreter(JOB, jobs, killed_in, KERAS_BACKEND="jax", XLA_FLAGS=flags)

    folder, unused = tmp_path / "run", tmp_path / "unused"
    join = ("--distribute", address, "--processes", "2", "--process")
    chief = start(job(folder, *join, "0"))
    other = start(job(unused, *join, "1"), killed_in=KILLED_IN)
    assert chief.wait() != 0 and other.wait() == -9, chief.output()[-2000:]
    assert "Rerun the command in every process to resume" in chief.output()
    assert len(rows_of(folder)) == KILLED_IN - 1
    assert not unused.exists()

    # Then four devices, and in the same process an uninterrupted run on one device.
    process = start(job(folder, "--distribute"), job(tmp_path / "one"), devices=4)
    assert process.wait() == 0, process.output()[-2000:]
    assert "resuming after epoch" in process.output() and "4 devices" in process.output()
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


def test_processes_that_do_not_connect_or_have_other_devices_are_named(monkeypatch):
    jax = pytest.importorskip("jax")

    def fails(*_, **__):
        raise RuntimeError("DEADLINE_EXCEEDED")

    strategy = DataParallel("node0:7000", 2, 1)
    monkeypatch.setattr(jax.distributed, "initialize", fails)
    message = "not all 2 processes connected to process 0 at node0:7000 .* DEADLINE_EXCEEDED"
    with pytest.raises(RunError, match=message), strategy.scope():
        pass
    monkeypatch.setattr(jax.distributed, "initialize", lambda *_, **__: None)
    monkeypatch.setattr(jax, "device_count", lambda: 3)
    monkeypatch.setattr(jax, "local_device_count", lambda: 1)
    with pytest.raises(RunError, match="Process 1 has 1 of the 3 in 2"), strategy.scope():
        pass


def test_mirrored_devices_save_a_model_that_loads_anywhere(tiny, tmp_path):
    strategy = choose_strategy()
    assert isinstance(strategy, Mirrored) and strategy.devices >= 2
    assert strategy.is_chief and strategy.shard == (0, 1)
    with pytest.raises(ValueError, match=r"must be a multiple of their number, \d+\. Received: 1"):
        strategy.check_batch_size(1)
    arguments = tiny.arguments | {"filters": [8]}
    last = replace(tiny, arguments=arguments, recipe=replace(tiny.recipe, checkpoint="last"))
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
        ((None, None, 0), "tensorflow", "need --distribute HOST:PORT"),
        *(((address, 2, 0), "jax", "takes HOST:PORT") for address in ("a:65536", "a:0", ":7000")),
        (("10.0.0.1:7000", None, None), "jax", "needs --processes N and --process I"),
        (("10.0.0.1:7000", 2, 2), "jax", "from 0 to N-1. Received: 2 and 2"),
        (("10.0.0.1:7000", 2, -1), "jax", "from 0 to N-1. Received: 2 and -1"),
    ],
)
def test_wrong_arguments_are_refused(monkeypatch, arguments, backend, message):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(ValueError, match=message):
        choose_strategy(*arguments)


def test_processes_differ_in_their_shard_only(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    strategies = [choose_strategy("[::1]:7000", 3, process) for process in range(3)]
    assert {strategy.address for strategy in strategies} == {"[::1]:7000"}
    assert [strategy.is_chief for strategy in strategies] == [True, False, False]
    assert [strategy.shard for strategy in strategies] == [(0, 3), (1, 3), (2, 3)]


def test_a_batch_is_split_evenly():
    strategy = Strategy()
    strategy.devices = 4
    strategy.check_batch_size(8)
    with pytest.raises(ValueError, match=r"of their number, 4\. Received: 6"):
        strategy.check_batch_size(6)
