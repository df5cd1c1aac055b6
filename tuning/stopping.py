"""When a trial ends before its last epoch: because it stands still, or others did better."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import keras

from artifacts.run_folder import RunFolder
from tuning.objectives import Objective

OTHERS = 4
"""Trials that there must be before their median says anything."""


class StopTrial(keras.callbacks.Callback):
    """End a training that will not be the best.

    It reads the run's history anew at each epoch, so a trial that goes on after a kill is judged
    as if nothing had happened.

    Args:
        run: the trial's run.
        objective: what is judged.
        patience: epochs without a better one after which it stands still; None for never.
        others: runs of earlier trials; where there are `OTHERS` of them, a trial whose best lies
            below the median of what they had reached by then ends, from a third of its epochs on.
        epochs: how many the trial would have.

    Attributes:
        reason: why the trial was ended; "" if it was not.
    """

    def __init__(
        self,
        run: RunFolder,
        objective: Objective,
        patience: int | None,
        others: Sequence[RunFolder],
        epochs: int,
    ):
        super().__init__()
        self.run = run
        self.objective = objective
        self.patience = patience
        self.others = others
        self.epochs = epochs
        self.reason = ""

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        gains = self._gains(self.run.read_history(done))
        if done < self.epochs:
            self.reason = self._still(gains) or self._behind(gains)
        self.model.stop_training = self.model.stop_training or bool(self.reason)

    def _gains(self, rows: Sequence[Mapping[str, float]]) -> list[float]:
        return [self.objective.gain(row[self.objective.column]) for row in rows]

    def _still(self, gains: Sequence[float]) -> str:
        if self.patience is None or len(gains) <= self.patience:
            return ""
        best = gains.index(max(gains)) + 1
        return f"no better since epoch {best}" if len(gains) - best >= self.patience else ""

    def _behind(self, gains: Sequence[float]) -> str:
        done = len(gains)
        if not self.others or 3 * done < self.epochs:
            return ""
        histories = [self._gains(other.read_history(done)) for other in self.others]
        reached = [max(found) for found in histories if found]
        if len(reached) < OTHERS or max(gains) >= statistics.median(reached):
            return ""
        return f"after epoch {done} below the median of {len(reached)} trials"
