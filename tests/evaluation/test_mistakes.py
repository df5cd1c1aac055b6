"""Alignment against a brute-force search, and kinds of mistakes by example."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evaluation.mistakes import KINDS, align, edit_distance, kind, mistake_figures

NUMBERS = st.text("0123", max_size=5)


@functools.cache
def distance(a: str, b: str) -> int:
    """Levenshtein's distance by its definition."""
    if not a or not b:
        return len(a) + len(b)
    return min(
        distance(a[1:], b[1:]) + (a[0] != b[0]), distance(a[1:], b) + 1, distance(a, b[1:]) + 1
    )


@given(NUMBERS, NUMBERS)
def test_an_alignment_is_of_both_numbers_and_the_shortest(truth, reading):
    pairs = align(truth, reading)
    assert "".join(a for a, _ in pairs) == truth
    assert "".join(b for _, b in pairs) == reading
    assert all(a or b for a, b in pairs)
    assert sum(a != b for a, b in pairs) == edit_distance(truth, reading)
    assert edit_distance(truth, reading) == distance(truth, reading)


@pytest.mark.parametrize(
    ("truth", "reading", "expected"),
    [
        ("12", "12", None),
        ("12", "", "nothing read"),
        ("", "7", "read where nothing is"),
        ("12", "21", "wrong order"),
        ("123", "13", "digit missing"),
        ("13", "123", "digit too many"),
        ("13", "18", "one digit wrong"),
        ("135", "187", "several digits wrong"),
        ("135", "17", "wrong and of another length"),
        ("12", "123+", "digit too many"),
    ],
)
def test_kinds_of_mistakes(truth, reading, expected):
    assert kind(truth, reading) == expected
    assert expected is None or expected in KINDS


def test_figures_of_a_worked_example():
    truths, readings = ["12", "12", "7", "305", ""], ["12", "1", "1", "35", "4"]
    found = mistake_figures(truths, readings)
    assert found["edit_distance"] == pytest.approx((0 + 1 + 1 + 1 + 1) / 5)
    assert found["mistakes"] == {
        "read where nothing is": 1,
        "digit missing": 2,
        "one digit wrong": 1,
    }
    confusion = found["digit_confusion"]
    assert confusion[1][1] == 2 and confusion[2][2] == 1
    assert confusion[2][10] == 1 and confusion[0][10] == 1  # not read
    assert confusion[7][1] == 1
    assert confusion[10][4] == 1  # not there
    assert sum(map(sum, confusion)) == 9
    assert found["length_confusion"] == {
        "0": {"1": 1},
        "1": {"1": 1},
        "2": {"1": 1, "2": 1},
        "3": {"2": 1},
    }
