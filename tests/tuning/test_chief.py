"""A chief and two workers on one machine; a worker that is killed resumes its trial."""

import multiprocessing
import os
import signal
import socket
import time

import pytest

from artifacts.files import RunError
from tests.tuning.conftest import fake_train, without_training
from tuning.loop import run_search
from tuning.trial import DEFAULT, FINISHED, read_records

DEADLINE = 120.0


def process(search, folder, name, port, stuck=None):
    """A chief or a worker; a worker with a file `stuck` writes it in its first trial and waits."""
    from keras_tuner.src.distribute import oracle_chief

    # A chief without work checks only every 20 seconds whether its workers have left.
    oracle_chief.time = type("Clock", (), {"sleep": lambda seconds: time.sleep(0.5)})
    os.environ["KERASTUNER_TUNER_ID"] = name
    os.environ["KERASTUNER_ORACLE_IP"] = "127.0.0.1"
    os.environ["KERASTUNER_ORACLE_PORT"] = str(port)

    def train(configuration, run, **rest):
        if stuck and run.name != DEFAULT:
            stuck.write_text(run.name)
            time.sleep(DEADLINE)
        return fake_train(configuration, run, **rest)

    with pytest.MonkeyPatch.context() as patch:
        without_training(patch, train)
        run_search(search, folder)


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)


@pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="processes cost too much"
)
def test_a_worker_that_is_killed_and_restarted_resumes_its_trial(tiny, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder, stuck = tmp_path / "search", tmp_path / "stuck"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tuning.loop"])  # or each would import TensorFlow anew
    processes = []

    def start(*arguments):
        started = context.Process(target=process, args=(tiny(trials=5), folder, *arguments))
        started.start()
        processes.append(started)
        return started

    try:
        chief = start("chief", port)
        wait_until((folder / "search.json").exists)
        killed = start("first", port, stuck)
        wait_until(stuck.exists)
        second = start("second", port)
        os.kill(killed.pid, signal.SIGKILL)
        first = start("first", port)
        wait_until(lambda: chief.exitcode is not None)
        assert chief.exitcode == 0
        wait_until(lambda: first.exitcode == second.exitcode == 0)
        late = start("first", port)  # after the end, where it would wait for the chief
        wait_until(lambda: late.exitcode == 0)
    finally:
        for started in processes:
            started.kill()
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
