"""Alignment of readings and labels, and kinds of mistakes by example."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from evaluation.mistakes import KINDS, align, mistake_figures, mistake_kind

TEXTS = st.text("0123", max_size=6)


@given(TEXTS, TEXTS)
def test_an_alignment_is_of_both_texts_and_the_shortest(label, reading):
    pairs = align(label, reading)
    assert "".join(a for a, _ in pairs) == label
    assert "".join(b for _, b in pairs) == reading
    assert all(a or b for a, b in pairs)
    assert sum(a != b for a, b in pairs) == Levenshtein.distance(label, reading)


@pytest.mark.parametrize(
    ("label", "reading", "expected"),
    [
        ("12", "12", None),
        ("12", "", "no number read"),
        ("", "7", "number read where there is none"),
        ("12", "21", "wrong order"),
        ("123", "13", "digit missing"),
        ("13", "123", "extra digit"),
        ("13", "18", "one digit wrong"),
        ("135", "187", "several digits wrong"),
        ("135", "17", "wrong digits and wrong length"),
        ("12", "+", "refused as too long"),
        ("1234567", "+", "refused as too long"),
        ("", "+", "refused as too long"),
    ],
)
def test_kinds_of_mistakes(label, reading, expected):
    assert mistake_kind(label, reading) == expected
    assert expected is None or expected in KINDS


def test_figures_of_a_worked_example():
    values = mistake_figures(
        ["12", "12", "7", "305", "", "123456"], ["12", "1", "1", "35", "4", "+"]
    )
    assert values["edit_distance"] == pytest.approx((0 + 1 + 1 + 1 + 1 + 6) / 6)
    assert values["mistakes"] == {
        "number read where there is none": 1,
        "refused as too long": 1,
        "digit missing": 2,
        "one digit wrong": 1,
    }
    confusion = values["digit_confusion"]
    assert confusion[1][1] == 2 and confusion[2][2] == 1 and confusion[7][1] == 1
    assert confusion[2][10] == 2 and confusion[0][10] == 1  # missing
    assert confusion[10][4] == 1  # extra
    assert sum(map(sum, confusion)) == 15
    assert values["length_confusion"] == {
        "0": {"1": 1},
        "1": {"1": 1},
        "2": {"1": 1, "2": 1},
        "3": {"2": 1},
        "6": {"+": 1},
    }
