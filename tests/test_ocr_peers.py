"""The comparison with OCR engines: which of the recognized text is the number."""

from __future__ import annotations

import pytest

from benchmarks.ocr_peers import best_number


@pytest.mark.parametrize(
    ("runs", "number"),
    [
        ([], ""),
        ([(0.9, "SOS")], ""),
        ([(0.9, "No. 65")], "65"),
        ([(0.8, "12.75"), (0.7, "99")], "1275"),
        ([(0.5, "7"), (0.5, "1234")], "1234"),
    ],
)
def test_the_most_confident_run_of_digits_is_the_number(runs, number):
    assert best_number(runs) == number


def test_a_hyphen_ends_a_number():
    assert best_number([(0.6, "12-14")]) in ("12", "14")
