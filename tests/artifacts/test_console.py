"""Numbers for the terminal."""

import pytest

from artifacts.console import count


@pytest.mark.parametrize(
    ("value", "text"),
    [(640, "640"), (7850, "7.85 k"), (999_600, "1 M"), (1_290_000, "1.29 M"), (2e10, "20 G")],
)
def test_counts_have_three_significant_digits(value, text):
    assert count(value) == text
