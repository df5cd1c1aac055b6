"""Numbers for the terminal."""

import pytest
from rich.console import Console

from artifacts.console import count, duration, table


@pytest.mark.parametrize(
    ("value", "text"),
    [(640, "640"), (7850, "7.85 k"), (999_600, "1 M"), (1_290_000, "1.29 M"), (2e10, "20 G")],
)
def test_counts_have_three_significant_digits(value, text):
    assert count(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (89, "89 s"), (100, "2 min"), (3600, "60 min"), (5400, "1 h 30 min"),
     (7500, "2 h 05 min"), (100_000, "27 h 47 min")],
)  # fmt: skip
def test_durations_are_of_at_most_two_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (80, ["runs/my_town/deep_cnn.any10 98.01%"]),
        (26, ["runs/my_town/ 98.01%", "deep_cnn.any10"]),
        (22, ["runs/my_ 98.01%", "town/deep_", "cnn.any10"]),
    ],
)
def test_a_name_that_does_not_fit_is_broken_after_a_separator(width, lines, capsys):
    rows = [("runs/my_town/deep_cnn.any10", "98.01%")]
    Console(width=width).print(table("", ("model", "accuracy"), rows, right=("accuracy",)))
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [line for line in shown if line][2:] == lines
