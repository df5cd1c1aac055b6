"""Corruptions do what their names say, more at each severity."""

import weakref
from types import SimpleNamespace

import numpy as np
import pytest

from evaluation.corruption import CORRUPTIONS, corruption_accuracy
from number_zoo import files

BY_NAME = {corruption.name: corruption for corruption in CORRUPTIONS}


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    image = np.full((40, 60, 3), 120, np.uint8)
    image[10:30, 20:40] = rng.integers(160, 255, (20, 20, 3))
    return image


@pytest.mark.parametrize("name", BY_NAME)
def test_each_severity_changes_more(name, image):
    corruption, changes = BY_NAME[name], []
    for severity in corruption.severities:
        corrupted = corruption.apply(image, severity, np.random.default_rng(1))
        assert corrupted.dtype == np.uint8 and corrupted.ndim == 3 and corrupted.size
        if corrupted.shape == image.shape:
            changes.append(float(np.abs(corrupted.astype(float) - image).mean()))
        else:
            changes.append(abs(np.log(corrupted.size / image.size)))
    assert (np.diff([0, *changes]) > 0).all()


def test_severities_are_in_the_units_they_state(image):
    def apply(name, severity, image=image):
        return BY_NAME[name].apply(image, severity, np.random.default_rng(0))

    assert apply("low light", 75).mean() == pytest.approx(image.mean() / 4, 0.02)
    assert apply("low resolution", 2).shape == (20, 30, 3)
    assert apply("wide framing", 2).shape == (80, 120, 3)
    grey = np.full((100, 100, 3), 128, np.uint8)
    assert apply("noise", 20, grey).std() == pytest.approx(20, rel=0.02)
    rows, columns = np.nonzero((apply("shift", 10) > 150).any(axis=2))
    assert abs(columns.min() - 20) == 6 and abs(rows.min() - 10) == 4


class Brightness:
    """Reads "1" in bright images, "+" in dark ones."""

    def predict(self, images):
        numbers = ["1" if image.mean() > 60 else "+" for image in images]
        return SimpleNamespace(decoded=SimpleNamespace(numbers=lambda: numbers))


def test_accuracy_of_each_reader_at_each_severity():
    images = [np.full((10, 10, 3), level, np.uint8) for level in (100, 130, 200, 100)]
    labels = ["1", "1", "1", "123456"]  # too long for the reader: never correct
    low_light = BY_NAME["low light"]
    results = corruption_accuracy({"bright": Brightness().predict}, images, labels, [low_light])
    assert results["low light"]["severities"] == [0, 50, 75, 90, 95]
    assert results["low light"]["accuracy"] == {"bright": [0.75, 0.5, 0, 0, 0]}


def test_few_corrupted_images_are_in_memory(image, monkeypatch):
    """Framed three times as wide, 75 photos of a phone would take 24 GB."""

    class OneByOne(Brightness):
        def predict(self, images):
            assert len(images) == 1
            return super().predict(images)

    monkeypatch.setattr(files, "PIXELS", 1)
    references = []

    def decoded():
        for _ in range(5):
            original = image.copy()
            references.append(weakref.ref(original))
            assert sum(reference() is not None for reference in references) <= 3
            yield original

    results = corruption_accuracy({"one": OneByOne().predict}, decoded(), ["1"] * 5)
    assert results["shift"]["accuracy"]["one"][0] == 1
