"""A chief and two workers on one machine; a worker that is killed resumes its trial."""

import os
import socket
import sys
import time
from pathlib import Path

import pytest

from artifacts.files import RunError
from tests.tuning.conftest import fake_train, plan_tiny, without_training
from tuning.loop import run_search
from tuning.trial import DEFAULT, FINISHED, read_records

DEADLINE = 120.0


def process():
    """A chief or a worker; a worker with a file `stuck` writes it in its first trial and waits."""
    photos, folder, name, port, *stuck = sys.argv[1:]
    from keras_tuner.src.distribute import oracle_chief

    # A chief without work checks only every 20 seconds whether its workers have left.
    oracle_chief.time = type("Clock", (), {"sleep": lambda seconds: time.sleep(0.5)})
    os.environ["KERASTUNER_TUNER_ID"] = name
    os.environ["KERASTUNER_ORACLE_IP"] = "127.0.0.1"
    os.environ["KERASTUNER_ORACLE_PORT"] = port

    def train(configuration, run, **rest):
        if stuck and run.name != DEFAULT:
            Path(stuck[0]).write_text(run.name)
            time.sleep(DEADLINE)
        return fake_train(configuration, run, **rest)

    with pytest.MonkeyPatch.context() as patch:
        without_training(patch, train)
        run_search(plan_tiny(photos, trials=5), Path(folder))


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


def test_a_worker_that_is_killed_and_restarted_resumes_its_trial(photos, tmp_path, interpreter):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder, stuck = tmp_path / "search", tmp_path / "stuck"
    code = "from tests.tuning.test_chief import process; process()"

    def start(*arguments):
        return interpreter(code, photos, folder, *arguments)

    chief = start("chief", port)
    wait_until((folder / "search.json").exists)
    killed = start("first", port, stuck)
    wait_until(stuck.exists)
    second = start("second", port)
    killed.kill()
    first = start("first", port)
    for started in (chief, first, second):
        assert started.wait() == 0, started.output()
    assert start("first", port).wait() == 0  # after the end, where it would wait for the chief
    records = {record.trial: record for record in read_records(folder)}
    assert set(records) == {"0", "1", "2", "3", "4", DEFAULT}
    assert {record.status for record in records.values()} == {FINISHED}
    assert records[stuck.read_text()].worker == "first"
    assert (folder / "best.json").exists()


def test_a_worker_needs_the_folder_of_its_search(tiny, tmp_path, monkeypatch):
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker")
    monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
    with pytest.raises(ValueError, match=r"Missing: .*KERASTUNER_ORACLE_PORT"):
        run_search(tiny(), tmp_path / "search")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "")  # no name
    with pytest.raises(ValueError, match=r"Missing: .*KERASTUNER_TUNER_ID"):
        run_search(tiny(), tmp_path / "search")
    monkeypatch.setenv("KERASTUNER_TUNER_ID", "worker")
    monkeypatch.setenv("KERASTUNER_ORACLE_PORT", "7777")
    with pytest.raises(RunError, match="start the chief before its workers"):
        run_search(tiny(), tmp_path / "search")


def test_a_port_that_is_taken_is_an_error(tiny, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("KERASTUNER_TUNER_ID", "chief")
        monkeypatch.setenv("KERASTUNER_ORACLE_IP", "127.0.0.1")
        monkeypatch.setenv("KERASTUNER_ORACLE_PORT", str(taken.getsockname()[1]))
        with pytest.raises(OSError, match="in use"):
            run_search(tiny(), tmp_path / "search")
