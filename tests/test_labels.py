"""The encoding of labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import labels


@given(st.text("0123456789", min_size=0, max_size=5))
def test_decoding_inverts_encoding(label):
    length, digits = labels.encode(label, 5)
    assert length == len(label)
    assert digits.dtype == np.int32 and digits.shape == (5,)
    assert (digits[length:] == labels.ABSENT).all()
    assert labels.decode(length, digits) == label


def test_zero_is_a_digit():
    length, digits = labels.encode("007", 5)
    assert length == 3 and digits.tolist() == [0, 0, 7, -1, -1]


def test_a_label_of_more_digits_is_encoded_as_longer():
    length, digits = labels.encode("123456", 5)
    assert length == 6 and (digits == labels.ABSENT).all()
    assert labels.decode(length, digits) == "+"


@pytest.mark.parametrize("label", ["12a", "-1", " 1", "1.0", "٣", "½", None, 12])
def test_what_is_no_label_is_refused(label):
    with pytest.raises(ValueError, match="a string of digits"):
        labels.encode(label, 5)


def test_max_digits_is_at_least_one():
    with pytest.raises(ValueError, match="at least 1"):
        labels.encode("1", 0)
