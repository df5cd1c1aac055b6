"""How far a search is, and the best it has found so far."""

from __future__ import annotations

import dataclasses
import logging

from artifacts.console import duration
from artifacts.environment import environment
from artifacts.files import write_json
from tuning.candidates import candidate
from tuning.oracles import SearchOracle
from tuning.records import FAILED, RUNNING, Record, best, read_records
from tuning.trial import Bench

log = logging.getLogger(__name__)


class Progress:
    """A line for each trial that has ended, and the best so far in a file.

    Args:
        bench: where the trials are done.
        oracle: who hands them out.
    """

    def __init__(self, bench: Bench, oracle: SearchOracle):
        self.bench = bench
        self.oracle = oracle
        self.kept: str | None = None

    def trial_ended(self, trial: str) -> None:
        """Say what came of a trial, and how far the search is."""
        aim = self.bench.search.aim
        records = read_records(self.bench.folder)
        ended = next(one for one in records if one.trial == trial)
        leader = best(records, aim)
        what = ended.reason if ended.status == FAILED else f"{aim.label} {aim.show(ended.score)}"
        if ended.scored and ended.reason:
            what += f", stopped: {ended.reason}"
        done = [one for one in records if one.status != RUNNING]
        log.info(
            "trial %s %s: %s  (best %s)  %s%s done%s  %s left",
            trial,
            ended.status,
            what,
            f"{aim.show(leader.score)}, trial {leader.trial}" if leader else "none",
            len(done),
            f" of {total}" if (total := len(self._work())) else "",
            self._losses(done),
            duration(self._left(done)),
        )
        if leader is not None and leader.trial != self.kept:
            self.kept = leader.trial
            keep_best(self.bench, leader)

    def _losses(self, done: list[Record]) -> str:
        failed = sum(one.status == FAILED for one in done)
        found = [(len(self.oracle.refused), "refused"), (failed, "failed")]
        return "".join(f", {count} {what}" for count, what in found if count)

    def _work(self) -> list[int]:
        """Epochs of each trial that the search will have."""
        search = self.bench.search
        if search.tuner == "hyperband":
            return self.oracle.planned()[: search.trials]
        points = self.bench.space.combinations()
        return [search.epochs] * min(search.trials or points, points)

    def _left(self, done: list[Record]) -> float:
        """Seconds that the trials left will take, if they go like those behind."""
        work = self._work()
        behind = sum(sorted(work)[: len(done)])
        workers = max(1, len(self.oracle.tuner_ids))
        # The first also prepares the images, which may take longer than all that follow.
        timed = done[1:] or done
        seconds = sum(one.seconds for one in timed) / len(timed) * len(done)
        return seconds / max(1, behind) * (sum(work) - behind) / workers


def keep_best(bench: Bench, record: Record) -> None:
    """Write the configuration that a trial found, over the full length, as `best.json`."""
    search = bench.search
    found = candidate(search.base, record.settings, bench.full_steps)
    value = {
        "configuration": found.to_json(),
        "found": {"objective": search.objective} | dataclasses.asdict(record),
        "environment": environment(),
    }
    write_json(bench.folder / "best.json", value)


def say_what_was_found(bench: Bench) -> None:
    """Where a search goes on, say so, and write its best again in case a kill came between."""
    records = read_records(bench.folder)
    done = [one for one in records if one.status != RUNNING]
    if records:
        log.info("%s: going on after %d trials", bench.folder, len(done))
    leader = best(records, bench.search.aim)
    if leader is not None:
        keep_best(bench, leader)
