"""Parsing of mixes, and the order of examples in epochs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.mixing import Part, parse_mix, plan_epoch, quotas


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("mnist", [("mnist", 1)]),
        ("a:2,b:1", [("a", 2), ("b", 1)]),
        (" a , b:0.5 ", [("a", 1), ("b", 0.5)]),
        ("rendered_numbers/wide:3,../photos:1", [("rendered_numbers/wide", 3), ("../photos", 1)]),
        ("C:\\photos", [("C:\\photos", 1)]),
        ("C:/photos:2", [("C:/photos", 2)]),
    ],
)
def test_parse_mix(text, parts):
    assert parse_mix(text) == [Part(*part) for part in parts]


def test_a_folder_or_table_may_have_commas_and_colons_in_its_name(tmp_path):
    folder = tmp_path / "street, 2:1"
    folder.mkdir()
    assert parse_mix(folder) == parse_mix(str(folder)) == [Part(str(folder))]
    (folder / "labels.csv").touch()
    for source in (f"{folder}?skip_bad=1", f"{folder}/labels.csv", f"{folder}/labels.csv?fold=1/5"):
        assert parse_mix(source) == [Part(source)]


def test_a_folder_with_options_may_be_the_first_of_several_sources(tmp_path):
    source = f"{tmp_path}?labels=digits&fold=1%2F5"
    assert parse_mix(f"{source}:2,mnist") == [Part(source, 2), Part("mnist")]
    assert parse_mix(f"{source},mnist:3") == [Part(source), Part("mnist", 3)]
    assert parse_mix(f"{source}:2") == [Part(source, 2)]


@pytest.mark.parametrize("text", ["", "a,", "a:0", "a:-1", "a:x", ":2", "a:nan", "a:inf", "a,a:2"])
def test_an_invalid_mix(text):
    with pytest.raises(ValueError, match="Received"):
        parse_mix(text)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.01, 100), min_size=1, max_size=5), st.integers(1, 5000))
def test_quotas_follow_the_weights(weights, total):
    counts = quotas(weights, total)
    assert sum(counts) == total
    fractions = np.array(weights) / sum(weights) * total
    assert np.abs(np.array(counts) - fractions).max() <= 1


def test_the_largest_remainders_are_rounded_up():
    assert quotas([5, 3, 1], 10) == [6, 3, 1]  # of 5.56, 3.33 and 1.11
    assert quotas([1, 1, 1], 11) == [4, 4, 3]


def test_one_source_is_used_once_an_epoch_in_a_new_order():
    epochs = [plan_epoch([12], [1.0], 3, 4, seed=5, epoch=epoch) for epoch in range(3)]
    for plan in epochs:
        assert plan.shape == (3, 4, 2)
        assert sorted(plan[..., 1].ravel()) == list(range(12))
    assert not np.array_equal(epochs[0], epochs[1])
    assert np.array_equal(epochs[1], plan_epoch([12], [1.0], 3, 4, seed=5, epoch=1))
    assert not np.array_equal(epochs[1], plan_epoch([12], [1.0], 3, 4, seed=6, epoch=1))


@settings(deadline=None, max_examples=50)  # the time depends on the machine's load
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=3),
    st.integers(1, 6),
    st.integers(1, 9),
    st.integers(1, 5),
)
def test_epochs_continue_where_the_last_one_stopped(sizes, steps, batch_size, epochs):
    weights = [float(index + 1) for index in range(len(sizes))]
    plans = [plan_epoch(sizes, weights, steps, batch_size, 1, epoch) for epoch in range(epochs)]
    used = np.concatenate(plans).reshape(-1, 2)
    counts = quotas(weights, steps * batch_size)
    for number, size in enumerate(sizes):
        times = np.bincount(used[used[:, 0] == number, 1], minlength=size)
        assert times.sum() == counts[number] * epochs
        assert times.max() - times.min() <= 1


def test_a_batch_holds_the_sources_in_proportion():
    plan, other = (plan_epoch([1000, 30], [2.0, 1.0], 50, 60, seed=0, epoch=n) for n in (3, 4))
    assert not np.array_equal(plan[..., 0], other[..., 0])
    assert (plan[..., 0] == 1).sum() == 1000
    fractions = (plan[..., 0] == 1).mean(axis=1)
    assert 0.1 < fractions.min() < fractions.max() < 0.6
