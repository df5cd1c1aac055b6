"""Kill trainings, or the processes of a search, at random moments, and compare how they end.

    python -m tests.faults.kills train --kills 100
    python -m tests.faults.kills search --kills 100 --stand-ins

A killed process is started again until the command ends. Every file must then equal that of a
command that was never killed: configuration, scores, history, weights. If one differs, the exit
status is 1. With --stand-ins nothing is computed, so that most kills fall on the writing of files.
"""

from __future__ import annotations

import argparse
import functools
import os
import random
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from tests.faults import stand_ins
from tests.faults.commands import SEARCH, TRAINING, contents, prepare, start, wait

NAMES = ("chief", "first", "second")


def _train(folder: Path, photos: Path) -> int:
    import tensorflow as tf

    import train

    tf.config.run_functions_eagerly(True)  # compiling would be most of the time
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--run", str(folder), "--epochs", "8"]
    return train.main(arguments + TRAINING)


def _search(folder: Path, photos: Path, name: str = "", port: int = 0) -> int:
    import tensorflow as tf
    from keras_tuner.src.distribute import oracle_chief

    import tuning.__main__

    tf.config.run_functions_eagerly(True)
    # A chief without work checks only every 20 seconds whether its workers have left.
    oracle_chief.time = type("Clock", (), {"sleep": lambda seconds: time.sleep(0.5)})
    if name:
        os.environ["KERASTUNER_TUNER_ID"] = name
        os.environ["KERASTUNER_ORACLE_IP"] = "127.0.0.1"
        os.environ["KERASTUNER_ORACLE_PORT"] = str(port)
        if name != "chief":
            return tuning.__main__.main(["--run", str(folder)])
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--run", str(folder), "--trials", "8"]
    arguments += ["--cache-dir", str(folder.parent / "cache"), *SEARCH]
    return tuning.__main__.main(arguments)


def kill_training(work: Path, photos: Path, kills: int, rng: random.Random) -> int:
    """Returns the number of trainings that did not end as the one without a kill."""
    began = time.monotonic()
    assert wait(start(functools.partial(_train, work / "whole", photos), work / "log")) == 0
    duration = time.monotonic() - began
    expected, killed, runs, different = contents(work / "whole"), 0, 0, 0
    while killed < kills:
        folder, runs = work / "killed", runs + 1
        shutil.rmtree(folder, ignore_errors=True)
        while True:
            began = time.monotonic()
            process = start(functools.partial(_train, folder, photos), work / "log")
            limit = rng.uniform(0, 1.1 * duration) if killed < kills else float("inf")
            status = _wait_until(process, began + limit)
            if status is None:
                os.kill(process, signal.SIGKILL)
                wait(process)
                killed += 1
                print(f"kill {killed} in training {runs} after {limit:.1f} s", flush=True)
                continue
            if status:
                print((work / "log").read_text())
            duration = 0.7 * duration + 0.3 * max(time.monotonic() - began, 1)
            break
        different += _differs(contents(folder), expected, status)
    print(f"{killed} kills in {runs} trainings: {different} did not end as one without kills")
    return different


def kill_search(work: Path, photos: Path, kills: int, rng: random.Random) -> int:
    """Returns the number of searches that did not end as the one without a kill."""
    began = time.monotonic()
    assert wait(start(functools.partial(_search, work / "whole", photos), work / "log")) == 0
    pause = (time.monotonic() - began) / 9  # of a trial
    expected, killed, runs, different = _of_search(work / "whole"), 0, 0, 0
    while killed < kills:
        folder, runs = work / "killed", runs + 1
        shutil.rmtree(folder, ignore_errors=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]

        def launch(name, folder=folder, port=port):
            command = functools.partial(_search, folder, photos, name, port)
            return start(command, work / f"log-{name}")

        processes = {"chief": launch("chief")}
        while not (folder / "search.json").exists():
            assert _wait_until(processes["chief"], time.monotonic() + 0.2) is None
        processes |= {name: launch(name) for name in NAMES[1:]}
        due, restarts = time.monotonic() + rng.uniform(0, 2 * pause), 0
        while processes:
            for name, process in list(processes.items()):
                status = _wait_until(process, 0)
                if status == 0:
                    del processes[name]
                elif status is not None:  # a worker whose chief was killed
                    restarts += 1
                    assert restarts < 100, (work / f"log-{name}").read_text()
                    processes[name] = launch(name)
            if killed < kills and time.monotonic() > due and len(processes) == len(NAMES):
                name = rng.choice(NAMES)
                os.kill(processes[name], signal.SIGKILL)
                wait(processes[name])
                killed += 1
                print(f"kill {killed} in search {runs}: {name}", flush=True)
                processes[name] = launch(name)
                due = time.monotonic() + rng.uniform(0, 2 * pause)
            time.sleep(0.1)
        different += _differs(_of_search(folder), expected, 0)
    print(f"{killed} kills in {runs} searches: {different} did not end as one without kills")
    return different


def _wait_until(process: int, deadline: float) -> int | None:
    """The exit status of a process; None if it still runs at the deadline."""
    while True:
        done, status = os.waitpid(process, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            return None
        time.sleep(0.02)


def _of_search(folder: Path) -> dict:
    """The files of a search but for keras-tuner's state, which names the workers."""
    files = contents(folder)
    return {name: value for name, value in files.items() if not name.startswith("oracle")}


def _differs(files: dict, expected: dict, status: int) -> bool:
    for name in sorted(files.keys() | expected.keys()):
        if files.get(name) != expected.get(name):
            print(f"DIFFERENT: {name}: {files.get(name)} is not {expected.get(name)}", flush=True)
            status = 1
    return bool(status)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.kills", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("command", choices=("train", "search"))
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--stand-ins", action="store_true", help="compute nothing")
    parser.add_argument("--work", type=Path, default=Path("faults"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    work = options.work.resolve() / f"kills-{options.command}{'-stand-ins' * options.stand_ins}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    photos, kill = prepare(work), kill_training if options.command == "train" else kill_search
    if options.stand_ins:
        stand_ins.install(photos)
    return bool(kill(work, photos, options.kills, random.Random(options.seed)))


if __name__ == "__main__":
    sys.exit(main())
