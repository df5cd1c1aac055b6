"""Charts are matplotlib figures that notebooks can show, and draw what they are given."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from evaluation import charts


def test_learning_curves_are_those_of_the_histories():
    rows = [{"epoch": n, "val_sequence_accuracy": n / 10} for n in (1, 2, 3)]
    axes = charts.plot_learning_curves({"run": rows}).axes[0]
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert axes.get_ylabel() == "sequence accuracy"


def test_readings_are_coloured_by_whether_they_are_correct():
    images = [np.zeros((10, 20, 3), np.uint8)] * 3
    figure = charts.plot_readings(images, ["1", "2", ""], [0.9, 0.8, 0.7], ["1", "3", ""])
    titles = [axes.title for axes in figure.axes[:3]]
    assert [title.get_text() for title in titles] == ["1  90%", "2  80%  is 3", "none  70%"]
    colours = [to_hex(title.get_color()) for title in titles]
    assert colours[0] == colours[2] != colours[1]


def test_identifiers_of_two_charts_of_a_page_differ():
    curve = [{"coverage": 0.5, "accuracy": 1.0}, {"coverage": 1.0, "accuracy": 0.9}]
    figure = charts.plot_coverage({"model": curve})
    texts = [charts.svg(figure, name) for name in ("first", "second")]
    identifiers = [set(text.split('clipPath id="')[1].split('"')[:1]) for text in texts]
    assert identifiers[0].isdisjoint(identifiers[1])
