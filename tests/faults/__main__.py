"""Let every single file operation of every command fail once, and look at what is left.

    python -m tests.faults                     all, which takes hours; resumes where it was stopped
    python -m tests.faults --sample 20 --seed 3
    python -m tests.faults --scenario search --fault SIGKILL

A case is a command in which one operation fails. It passes if

- the command ended with one sentence that names the file and the reason, and a status other than
  0, or was killed, or ended as if nothing had happened;
- the same command, run once more, ends with status 0 and every file as without the fault.

Where the system allows to mount one, commands also run on small disks that are really full.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.faults.commands import SEARCH, TRAINING, contents, prepare, start, wait
from tests.faults.inject import BROKEN, FAULTS, FULL, KILLED, Injector
from tests.faults.stand_ins import install

DISK = "full disk"
"""Fault of a case that runs on a small disk; its number is the size in kB."""

REASONS = {FULL: "No space left on device", BROKEN: "Input/output error"}
REASONS[DISK] = REASONS[FULL]


def train(root: Path, photos: Path) -> int:
    import train

    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--run", str(root / "run")]
    return train.main([*arguments, "--epochs", "2", *TRAINING])


def cache(root: Path, photos: Path) -> int:
    from datasets.prepared import PreprocessSpec, prepare

    try:
        prepare(photos, "train", PreprocessSpec((64, 128), 3), cache_dir=root / "cache")
    except (ValueError, OSError) as error:
        print(error)
        return 2
    return 0


def search(root: Path, photos: Path) -> int:
    import tuning.__main__

    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--run", str(root / "search")]
    return tuning.__main__.main([*arguments, "--trials", "2", "--cache-dir", str(root), *SEARCH])


def export(root: Path, photos: Path) -> int:
    import export

    arguments = ["run", "--format", "onnx", "--out", str(root / "exports" / "run.onnx")]
    return export.main([*arguments, "--dataset", str(photos), "--images", "1"])


def report(root: Path, photos: Path) -> int:
    import evaluate

    return evaluate.main(["run", "--dataset", str(photos), "--report", str(root / "report")])


SCENARIOS = {f.__name__: f for f in (train, cache, search, export, report)} | {"resume": train}


@dataclass(frozen=True)
class Case:
    """A fault in a command.

    Attributes:
        scenario: the command.
        at: the number of the operation that fails, or the size of the disk in kB.
        fault: `DISK` or one of `FAULTS`.
        what: kind and path of the operation.
    """

    scenario: str
    at: int
    fault: str
    what: str

    @property
    def name(self) -> str:
        return f"{self.scenario}-{self.at:04d}-{self.fault.replace(' ', '-')}"


class Faults:
    """The cases below a working folder, which keeps what is done."""

    def __init__(self, work: Path):
        self.work = work
        work.mkdir(parents=True, exist_ok=True)
        self.photos = prepare(work)
        self.killed = work / "killed"
        (work / "results").mkdir(exist_ok=True)

    def run(
        self, scenario: str, root: Path, log: Path, at: int = 0, fault: str = KILLED,
        trace: Path | None = None,
    ) -> int:  # fmt: skip
        """Run a command, with one operation failing; its exit status or minus a signal."""

        def command() -> int:
            install(self.photos)
            injector = Injector(root, at, fault)
            with injector.installed():
                status = SCENARIOS[scenario](root, self.photos)
            if trace:
                trace.write_text(json.dumps(injector.trace))
            return status

        return wait(start(command, log))

    @functools.cache  # noqa: B019
    def reference(self, scenario: str) -> tuple[dict, list]:
        """The files that a command without a fault leaves, and its operations."""
        root, trace = self.work / f"whole-{scenario}", self.work / f"trace-{scenario}.json"
        if not trace.exists():
            if scenario == "resume":
                self._start_from("train", self.killed)
                self._kill_in_second_epoch(self.killed)
            self._start_from(scenario, root)
            status = self.run(scenario, root, self.work / "log", trace=trace)
            if status:
                log = (self.work / "log").read_text()
                raise RuntimeError(f"{scenario} fails without a fault: {log}")
        return contents(root), json.loads(trace.read_text())

    def _start_from(self, scenario: str, root: Path, fault: str = KILLED) -> None:
        """Make the folder that a command begins with."""
        root.mkdir(exist_ok=True)
        for path in root.iterdir():
            shutil.rmtree(path)
        if scenario == "resume" and fault == DISK:  # on which a copy may not fit
            self._kill_in_second_epoch(root)
        elif scenario == "resume":
            shutil.copytree(self.killed, root, dirs_exist_ok=True)

    def _kill_in_second_epoch(self, root: Path) -> None:
        operations = [(kind, Path(path).name) for kind, path in self.reference("train")[1]]
        at = operations.index(("rename", "checkpoint.npz")) + 5
        self.run("train", root, self.work / "log", at)

    def cases(self, scenarios: Sequence[str], faults: Sequence[str]) -> list[Case]:
        """All cases of some commands and faults."""
        cases = []
        for scenario in scenarios:
            for at, (kind, path) in enumerate(self.reference(scenario)[1], 1):
                for fault in FAULTS:
                    if fault in faults and not (fault == FULL and kind == "remove"):
                        cases.append(Case(scenario, at, fault, f"{kind} {path}"))
            if DISK in faults:
                files = (self.work / f"whole-{scenario}").rglob("*")
                used = sum(-(-file.stat().st_size // 4096) * 4 for file in files)
                sizes = sorted({max(8, used * part // 8 // 4 * 4) for part in range(1, 8)})
                cases += [Case(scenario, size, DISK, f"{size} kB") for size in sizes]
        return cases

    def check(self, case: Case) -> str:
        """Run a case; returns what is wrong, or "" if it passes."""
        root, log = self.work / case.name, self.work / f"{case.name}.log"
        root.mkdir(exist_ok=True)
        if case.fault == DISK:
            _mount(root, f"size={case.at}k")
        try:
            problem = self._check(case, root, log)
        finally:
            if case.fault == DISK:
                subprocess.run(["umount", "--lazy", root], check=True)
        if not problem:
            shutil.rmtree(root)
            log.unlink()
        return problem

    def _check(self, case: Case, root: Path, log: Path) -> str:
        expected, _ = self.reference(case.scenario)
        self._start_from(case.scenario, root, case.fault)
        at = 0 if case.fault == DISK else case.at
        status = self.run(case.scenario, root, log, at, case.fault)
        text = log.read_text()
        sentence = ([line for line in text.splitlines() if line.strip()] or [""])[-1]
        if case.fault == KILLED:
            if status != -9:
                return f"was not killed but ended with {status}"
        elif status == 0:
            if case.fault == DISK:
                return "ended with status 0"
            if contents(root) != expected and not case.what.startswith("remove"):
                return "ended with status 0 in spite of the fault"
        elif (
            "Traceback" in text
            or REASONS[case.fault] not in sentence
            or str(root) not in sentence
            or status not in (1, 2)
        ):
            return f"status {status} and no clear sentence: {sentence}"
        if case.fault == DISK:
            _mount(root, "remount,size=100m")
        status = self.run(case.scenario, root, log)
        if status:
            return f"cannot be repeated (status {status}): {log.read_text()[-2000:]}"
        files = contents(root)
        for name in sorted(files.keys() | expected.keys()):
            if files.get(name) != expected.get(name):
                return f"{name} is {files.get(name)!s:.300} and not {expected.get(name)!s:.300}"
        return ""


def _mount(root: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", root], check=True)


def can_mount(work: Path) -> bool:
    """Whether this process may mount a file system."""
    probe = work / "probe"
    probe.mkdir(parents=True, exist_ok=True)
    try:
        _mount(probe, "size=8k")
    except (OSError, subprocess.CalledProcessError):
        return False
    subprocess.run(["umount", probe], check=True)
    return True


def run_cases(faults: Faults, cases: Sequence[Case], jobs: int) -> int:
    """Run cases that have no result yet, several at a time; returns how many fail."""
    results = {case: faults.work / "results" / case.name for case in cases}
    waiting = [case for case, result in results.items() if not result.exists()]
    print(f"{len(cases)} cases, {len(cases) - len(waiting)} of them done before", flush=True)
    context = multiprocessing.get_context("fork")  # with the commands imported
    with ProcessPoolExecutor(jobs, context) as pool:
        for number, problem in enumerate(pool.map(faults.check, waiting)):
            case = waiting[number]
            results[case].write_text(problem)
            text = f"{number + 1}/{len(waiting)} {case.name} {case.what}: {problem or 'ok'}"
            print(text, flush=True)
    failed = [case for case in cases if results[case].read_text()]
    for case in failed:
        results[case].unlink()  # to be run again next time
    return len(failed)


def sample(cases: Sequence[Case], number: int, rng: random.Random) -> list[Case]:
    """Cases chosen at random, in turn one of each fault."""
    shuffled = sorted(rng.sample(cases, len(cases)), key=lambda case: case.fault)
    groups = [list(group) for _, group in itertools.groupby(shuffled, lambda case: case.fault)]
    turns = itertools.chain.from_iterable(itertools.zip_longest(*groups))
    return [case for case in turns if case][:number]


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description=__doc__.partition("\n")[0]
    )
    add: Callable = parser.add_argument
    add("--scenario", choices=SCENARIOS, action="append", help="default: all")
    add("--fault", choices=(*FAULTS, DISK), action="append", help="default: all")
    add("--sample", type=int, metavar="N", help="only N cases, chosen at random")
    add("--seed", type=int, default=0, metavar="N", help="of the sample")
    add("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    add("--work", type=Path, default=Path("faults"), metavar="FOLDER", help="default: faults")
    options = parser.parse_args(arguments)
    work = options.work.resolve()
    scenarios = options.scenario or list(SCENARIOS)
    kinds = options.fault or [*FAULTS, DISK]
    if DISK in kinds and not can_mount(work):
        print("SKIPPED: full disks, since this process may not mount a file system", flush=True)
        kinds = [kind for kind in kinds if kind != DISK]
    faults = Faults(work)
    cases = faults.cases(scenarios, kinds)
    if options.sample is not None:
        cases = sample(cases, options.sample, random.Random(options.seed))
    failed = run_cases(faults, cases, options.jobs)
    print(f"{failed} of {len(cases)} cases failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
