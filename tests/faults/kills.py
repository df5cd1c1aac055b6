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

PROCESSES = {"train": ("alone",), "search": ("chief", "first", "second")}
"""Names of the processes of each command."""

TRIALS = 8
"""Epochs of a training, trials of a search: there is about one kill in each."""

RESTARTS = 100
"""Restarts without a kill after which a command counts as broken: a worker without its chief ends,
and so does one that is started before it."""


def _train(folder: Path, photos: Path) -> int:
    import train

    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--run", str(folder)]
    return train.main([*arguments, "--epochs", str(TRIALS), *TRAINING])


def _search(folder: Path, photos: Path) -> int:
    from keras_tuner.src.distribute import oracle_chief

    import tuning.__main__

    # A chief without work checks only every 20 seconds whether its workers have left.
    oracle_chief.time = type("Clock", (), {"sleep": lambda seconds: time.sleep(0.5)})
    if os.environ.get("KERASTUNER_TUNER_ID", "chief") != "chief":
        return tuning.__main__.main(["--run", str(folder)])
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--run", str(folder)]
    arguments += ["--trials", str(TRIALS), "--cache-dir", str(folder.parent / "cache"), *SEARCH]
    return tuning.__main__.main(arguments)


def _run(command: str, folder: Path, photos: Path, name: str = "", port: int = 0) -> int:
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)  # compiling would be most of the time
    if command == "train":
        return _train(folder, photos)
    if name:
        os.environ["KERASTUNER_TUNER_ID"] = name
        os.environ["KERASTUNER_ORACLE_IP"] = "127.0.0.1"
        os.environ["KERASTUNER_ORACLE_PORT"] = str(port)
    return _search(folder, photos)


def kill(command: str, work: Path, photos: Path, kills: int, rng: random.Random) -> int:
    """Kill a command's processes; returns how often it did not end as one without a kill."""
    began = time.monotonic()
    run = functools.partial(_run, command)
    assert wait(start(functools.partial(run, work / "whole", photos), work / "log")) == 0
    pause = (time.monotonic() - began) / (TRIALS + 1)
    expected, killed, runs, different = _comparable(work / "whole"), 0, 0, 0
    while killed < kills:
        folder, runs = work / "killed", runs + 1
        shutil.rmtree(folder, ignore_errors=True)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]

        def launch(name, folder=folder, port=port):
            started = functools.partial(run, folder, photos, name, port)
            return start(started, work / f"log-{name}")

        processes = {name: launch(name) for name in PROCESSES[command]}
        due, restarts = time.monotonic() + rng.uniform(0, 2 * pause), 0
        while processes:
            for name, process in list(processes.items()):
                ended, status = os.waitpid(process, os.WNOHANG)
                if ended and status == 0:
                    del processes[name]
                elif ended:
                    restarts += 1
                    assert restarts < RESTARTS, (work / f"log-{name}").read_text()
                    processes[name] = launch(name)
            everyone = len(processes) == len(PROCESSES[command])
            if killed < kills and time.monotonic() > due and everyone:
                name = rng.choice(PROCESSES[command])
                os.kill(processes[name], signal.SIGKILL)
                wait(processes[name])
                killed += 1
                print(f"kill {killed} in {command} {runs}: {name}", flush=True)
                processes[name] = launch(name)
                due = time.monotonic() + rng.uniform(0, 2 * pause)
            time.sleep(0.1)
        different += _differs(_comparable(folder), expected)
    print(f"{killed} kills in {runs} runs: {different} did not end as one without kills")
    return different


def _comparable(folder: Path) -> dict:
    """The files of a command but for keras-tuner's state, which names the workers."""
    files = contents(folder)
    return {name: value for name, value in files.items() if not name.startswith("oracle")}


def _differs(files: dict, expected: dict) -> bool:
    names = [n for n in sorted(files.keys() | expected.keys()) if files.get(n) != expected.get(n)]
    for name in names:
        print(f"DIFFERENT: {name}: {files.get(name)} is not {expected.get(name)}", flush=True)
    return bool(names)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.kills", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("command", choices=PROCESSES)
    parser.add_argument("--kills", type=int, default=100, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--stand-ins", action="store_true", help="compute nothing")
    parser.add_argument("--work", type=Path, default=Path("faults"), metavar="FOLDER")
    options = parser.parse_args(arguments)
    work = options.work.resolve() / f"kills-{options.command}{'-stand-ins' * options.stand_ins}"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    photos = prepare(work)
    if options.stand_ins:
        stand_ins.install(photos)
    return bool(kill(options.command, work, photos, options.kills, random.Random(options.seed)))


if __name__ == "__main__":
    sys.exit(main())
