"""A chief and two workers on one machine, of which one is killed in the middle of a trial."""

import multiprocessing
import socket
import time
from pathlib import Path

import pytest

from tests.tuning.conftest import train_nothing, without_training
from tuning import loop, oracles, trial
from tuning.records import FINISHED
from tuning.search import open_search

DEADLINE = 300.0


def _short_waits():
    from keras_tuner.src.distribute import oracle_chief

    oracles.SILENCE, trial.SIGN_OF_LIFE, loop.IDLE, loop.WATCH = 4.0, 0.5, 0.2, 0.5
    # A chief that has nothing left to hand out looks every 20 seconds whether all have left.
    oracle_chief.time = type("Clock", (), {"sleep": lambda seconds: time.sleep(0.5)})


def be_chief(search, folder, address):
    _short_waits()
    loop.run_search(search, folder, chief=address)


def be_worker(folder, address, name, stuck: Path | None):
    _short_waits()

    def train(configuration, run, **rest):
        if stuck:
            stuck.touch()
            time.sleep(DEADLINE)
        return train_nothing(configuration, run, **rest)

    with pytest.MonkeyPatch.context() as patch:
        without_training(patch, train)
        loop.run_worker(folder, address, name=name)


def _wait_until(true):
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < DEADLINE, "waited too long"
        time.sleep(0.2)


@pytest.mark.skipif(
    "forkserver" not in multiprocessing.get_all_start_methods(), reason="processes cost too much"
)
def test_a_killed_workers_trial_is_done_by_the_other(tiny, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    folder, stuck = tmp_path / "search", tmp_path / "stuck"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tuning.loop"])  # or each would import TensorFlow anew
    search = tiny(trials=4)
    chief = context.Process(target=be_chief, args=(search, folder, address))
    first = context.Process(target=be_worker, args=(folder, address, "first", stuck))
    second = context.Process(target=be_worker, args=(folder, address, "second", None))
    processes = (chief, first, second)
    try:
        chief.start()
        first.start()
        _wait_until(stuck.exists)
        (lost,) = loop.read_records(folder)
        assert (lost.status, lost.worker) == ("running", "first")
        second.start()
        first.kill()
        _wait_until(lambda: chief.exitcode is not None and second.exitcode is not None)
        assert chief.exitcode == second.exitcode == 0
    finally:
        for one in processes:
            if one.pid:
                one.kill()
    records = loop.read_records(folder)
    assert len(records) == 4
    assert {(one.status, one.worker) for one in records} == {(FINISHED, "second")}
    assert (folder / "best.json").exists()


def test_an_address_that_is_taken_is_said(tiny, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match="in use"):
            loop.run_search(tiny(), tmp_path / "search", chief=address)


def test_a_worker_waits_for_its_chief_but_not_for_ever(tiny, tmp_path, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with open_search(tmp_path / "search", tiny()):
        pass
    monkeypatch.setattr(loop, "WAIT", 0.0)
    with pytest.raises(loop.SearchFailed, match=f"no chief answers at {address}"):
        loop.run_worker(tmp_path / "search", address)
