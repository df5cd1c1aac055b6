"""Several devices and several processes train what one device would have trained."""

import csv
import json
import os
import socket
import subprocess
import sys
import time
from dataclasses import replace

import keras
import pytest

from tests.conftest import COMPILE_FAST, ROOT
from tests.training.conftest import DENSE
from training import fit
from training.distribution import check_even, choose
from training.watch import GONE

EPOCHS = 16
JOB = "import json, sys, train; sys.exit(any([*map(train.main, json.loads(sys.argv[1]))]))"


def rows_of(folder):
    path = folder / "history.csv"
    if not path.exists():
        return []
    with path.open() as file:
        return [
            {k: float(v) for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)
        ]


def training(photos, folder, *extra):
    """Arguments of `train.py` for a tiny model with dropout."""
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--recipe", "photos"]
    arguments += ["--epochs", str(EPOCHS), "--batch-size", "8"]
    for setting in DENSE:
        arguments += ["--set", setting]
    return [*arguments, "--run", str(folder), *extra]


def start(*trainings, devices=1):
    """A process on JAX with so many devices that does these trainings."""
    flags = f"{COMPILE_FAST} --xla_force_host_platform_device_count={devices}"
    return subprocess.Popen(
        [sys.executable, "-c", JOB, json.dumps(trainings)],
        cwd=ROOT,
        env=os.environ | {"KERAS_BACKEND": "jax", "XLA_FLAGS": flags},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def two_ports():
    """A port that is free together with the one after it."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = first.getsockname()[1]
            try:
                with socket.create_server(("127.0.0.1", port + 1)):
                    return port
            except OSError:
                continue


def test_two_processes_one_killed_then_four_devices_train_as_one_would(
    photos, tmp_path, monkeypatch
):
    pytest.importorskip("jax")
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # one that is killed leaves what it had there
    join = ("--distribute", f"127.0.0.1:{two_ports()}", "--processes")
    folder = tmp_path / "run"
    leader = start(training(photos, folder, *join, "2", "--process", "0"))
    other = start(training(photos, tmp_path / "none", *join, "2", "--process", "1"))
    deadline = time.monotonic() + 600
    while len(rows_of(folder)) < 2:
        assert leader.poll() is None and other.poll() is None, leader.communicate()[0][-2000:]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    other.kill()
    told, _ = leader.communicate(timeout=60)
    other.communicate()
    assert leader.returncode == GONE
    assert "process 1 (127.0.0.1) has ended in the middle of the training" in told
    assert "The same command goes on after the last finished epoch" in told
    before = rows_of(folder)
    assert 2 <= len(before) < EPOCHS
    assert not (tmp_path / "none").exists()

    # Then, in the same process, a run on one device that nothing disturbs.
    last = start(
        training(photos, folder, *join, "1", "--process", "0"),
        training(photos, tmp_path / "alone"),
        devices=4,
    )
    told, _ = last.communicate(timeout=600)
    assert last.returncode == 0, told[-2000:]
    assert "going on after epoch" in told and "4 devices in all" in told
    after = rows_of(folder)
    assert [row["epoch"] for row in after] == list(range(1, EPOCHS + 1))
    for found, expected in zip(after, rows_of(tmp_path / "alone"), strict=True):
        # AdamW divides by the size of gradients: what rounding changes grows from step to step.
        near = 1e-5 if found["epoch"] <= 2 else 1e-2
        assert found["loss"] == pytest.approx(expected["loss"], rel=near)
        assert found["val_loss"] == pytest.approx(expected["val_loss"], rel=near)
    assert json.loads((folder / "metrics.json").read_text())["epochs"] == EPOCHS


def test_mirrored_devices_train_as_one_and_keep_a_model_that_loads_anywhere(tiny, tmp_path):
    # Dropout and clipping are each device's own.
    arguments = tiny.arguments | {"dense_dropout": 0.0}
    plain = replace(tiny, arguments=arguments, recipe=replace(tiny.recipe, clip_norm=0.0))
    devices = choose()
    assert devices.strategy.num_replicas_in_sync >= 2
    fit.train(plain, tmp_path / "mirrored", until=2, devices=devices)
    fit.train(plain, tmp_path / "usual", until=2)
    found, expected = rows_of(tmp_path / "mirrored"), rows_of(tmp_path / "usual")
    for name in ("loss", "val_loss"):
        values = [row[name] for row in expected]
        assert [row[name] for row in found] == pytest.approx(values, rel=1e-3)
    model = keras.saving.load_model(tmp_path / "mirrored" / "model.keras")
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert norms and not any(layer.synchronized for layer in norms)


def test_batches_are_shared_evenly(tiny):
    devices = choose()
    assert devices.leads and devices.share == (0, 1)
    devices.check_batch(7 * devices.strategy.num_replicas_in_sync)
    with pytest.raises(ValueError, match=r"equal part on each of 4: .* Received: 6"):
        check_even(6, 4)


@pytest.mark.parametrize(
    ("arguments", "backend", "message"),
    [
        ((None, 2, None), "jax", "go with --distribute HOST:PORT"),
        (("10.0.0.1:7000", 2, 0), "tensorflow", "Several processes train with the Keras backend"),
        ((), "torch", "backend jax or tensorflow: .* Received: torch"),
        (("shallow_cnn", 2, 0), "jax", r"takes HOST:PORT .* Received: 'shallow_cnn'"),
        (("10.0.0.1:65535", 2, 0), "jax", "takes HOST:PORT"),
        (("10.0.0.1:7000", None, None), "jax", "needs --processes N and --process I"),
        (("10.0.0.1:7000", 2, 2), "jax", "from 0 to N-1. Received: 2 and 2"),
    ],
)
def test_what_does_not_fit_is_said_before_anything_starts(monkeypatch, arguments, backend, message):
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    with pytest.raises(ValueError, match=message):
        choose(*arguments)


def test_the_processes_of_a_training_differ_in_their_share_alone(monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    first, last = choose("[::1]:7000", 2, 0), choose("[::1]:7000", 2, 1)
    assert (first.host, first.port) == (last.host, last.port) == ("::1", 7000)
    assert (first.leads, first.share) == (True, (0, 2))
    assert (last.leads, last.share) == (False, (1, 2))
