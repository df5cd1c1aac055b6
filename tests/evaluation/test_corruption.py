"""Damage to images: each does what its name says, more at each level."""

import numpy as np
import pytest

from evaluation.corruption import DAMAGES, robustness

BY_NAME = {damage.name: damage for damage in DAMAGES}


def image():
    rng = np.random.default_rng(0)
    shade = np.full((40, 60, 3), 120, np.uint8)
    shade[10:30, 20:40] = rng.integers(160, 255, (20, 20, 3))
    return shade


@pytest.mark.parametrize("name", BY_NAME)
def test_each_level_changes_more_and_gives_a_image(name):
    damage, clean, off = BY_NAME[name], image(), []
    for level in damage.levels:
        worse = damage.apply(clean, level, np.random.default_rng(1))
        assert worse.dtype == np.uint8 and worse.ndim == 3 and worse.size
        if worse.shape == clean.shape:
            off.append(float(np.abs(worse.astype(float) - clean).mean()))
        else:
            off.append(abs(np.log(worse.size / clean.size)))
    assert (np.diff([0, *off]) > 0).all()


def test_levels_are_in_the_units_they_state():
    clean, rng = image(), np.random.default_rng(0)
    assert BY_NAME["darkness"].apply(clean, 75, rng).mean() == pytest.approx(clean.mean() / 4, 0.02)
    assert BY_NAME["coarseness"].apply(clean, 2, rng).shape == (20, 30, 3)
    assert BY_NAME["loose framing"].apply(clean, 2, rng).shape == (80, 120, 3)
    grey = np.full((100, 100, 3), 128, np.uint8)
    assert BY_NAME["noise"].apply(grey, 20, rng).std() == pytest.approx(20, rel=0.02)
    moved = BY_NAME["shift"].apply(clean, 10, rng)
    rows, columns = np.nonzero((moved > 150).any(axis=2))
    assert abs(columns.min() - 20) == 6 and abs(rows.min() - 10) == 4


class Bright:
    """Reads "1" in bright images and "2" in dark ones."""

    def look(self, images):
        class Predictions:
            class readings:
                @staticmethod
                def numbers():
                    return ["1" if one.mean() > 60 else "2" for one in images]

        return Predictions


def test_accuracy_is_told_for_each_reader_and_level():
    grey = [np.full((10, 10, 3), level, np.uint8) for level in (100, 130, 200)]
    found = robustness({"bright": Bright()}, grey, ["1", "1", "1"], [BY_NAME["darkness"]])
    assert found["darkness"]["levels"] == [0, 50, 75, 90, 95]
    assert found["darkness"]["accuracy"] == {"bright": [1.0, pytest.approx(2 / 3), 0, 0, 0]}
