"""What a training prints."""

import logging
from pathlib import Path
from types import SimpleNamespace

import pytest

from training import summary
from training.callbacks import log_epoch


def history_row(accuracy, epoch=1):
    return {
        "epoch": epoch,
        "seconds": 10.0,
        "loss": 1.0,
        "val_loss": 1.0,
        "val_sequence_accuracy": accuracy,
        "val_character_accuracy": 0.5,
        "val_length_accuracy": 0.5,
    }


def test_an_epoch_is_logged_with_the_best_accuracy_so_far(caplog):
    with caplog.at_level(logging.INFO):
        log_epoch([history_row(0.75, epoch=1), history_row(0.25, epoch=2)], last=4)
    assert "epoch 2/4" in caplog.text and "20 s left" in caplog.text
    assert "sequence accuracy 25.00 % (best 75.00 %)" in caplog.text


@pytest.mark.parametrize(
    ("glimpses", "weights", "start"),
    [(1, None, ""), (4, "street_numbers", " street_numbers"), (4, "runs/earlier", "")],
)
def test_the_end_of_a_training(glimpses, weights, start, capsys, monkeypatch):
    """Glimpses are a column only of models that take several; the next command compares a run with
    the published weights that it was started from."""
    monkeypatch.setenv("COLUMNS", "120")
    configuration = SimpleNamespace(
        model="net", validation="my [1]?fold=1/5", crop="full", weights=weights
    )
    scores = {name.removeprefix("val_"): value for name, value in history_row(0.5).items()}
    inference = {"sequence_accuracy": 0.625, "max_glimpses": glimpses}
    metrics = {"validation": scores, "inference": inference, "epoch": 2}
    summary.show_run(configuration, Path("run"), metrics, Path("my data"))
    shown = capsys.readouterr().out
    assert "50.00%" in shown
    assert ("62.50%" in shown) == ("glimpses" in shown) == (glimpses > 1)
    assert shown.endswith(
        f"Next: python evaluate.py run{start} --dataset 'my [1]?fold=1/5' --data-dir 'my data'\n"
    )  # for shells
