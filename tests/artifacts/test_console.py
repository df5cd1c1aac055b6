"""Numbers for the terminal."""

import pytest

from artifacts.console import count, duration


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
