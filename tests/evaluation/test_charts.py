"""Charts are matplotlib figures that notebooks can show, and draw what they are given."""

from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex, to_rgb

from artifacts.plot_style import svg
from evaluation import charts
from evaluation.paired import compare_pairs


def compared(**figures):
    """A comparison of one model."""
    return SimpleNamespace(results=[SimpleNamespace(name="model", figures=figures)])


def test_learning_curves_are_those_of_the_histories():
    rows = [{"epoch": n, "val_sequence_accuracy": n / 10} for n in (1, 2, 3)]
    axes = charts.plot_learning_curves({"run": rows}).axes[0]
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([10, 20, 30])
    assert axes.get_ylabel() == "sequence accuracy, %"
    of_keras = SimpleNamespace(epoch=[0, 1], history={"loss": [3.0, 2.0], "val_loss": [4.0, 3.0]})
    lines = charts.plot_learning_curves({"model": of_keras}, "val_loss").axes[0].lines
    assert [list(line.get_ydata()) for line in lines] == [[4.0, 3.0], [3.0, 2.0]]
    assert list(lines[0].get_xdata()) == [1, 2]


def test_readings_are_coloured_by_whether_they_are_correct():
    images = [np.zeros((10, 20, 3), np.uint8)] * 3
    figure = charts.plot_readings(images, ["1", "2", ""], [0.9, 0.8, 0.7], ["1", "3", ""])
    titles = [axes.title for axes in figure.axes[:3]]
    assert [title.get_text() for title in titles] == ["1  90%", "2  80%  is 3", "none  70%"]
    colours = [to_hex(title.get_color()) for title in titles]
    assert colours[0] == colours[2] != colours[1]


def test_identifiers_of_two_charts_of_a_page_differ():
    curve = [{"coverage": 0.5, "accuracy": 1.0}, {"coverage": 1.0, "accuracy": 0.9}]
    figure = charts.plot_coverage(compared(coverage_curve=curve))
    texts = [svg(figure, name) for name in ("first", "second")]
    identifiers = [set(text.split('clipPath id="')[1].split('"')[:1]) for text in texts]
    assert identifiers[0].isdisjoint(identifiers[1])


def test_a_curve_that_starts_with_a_mistake_stays_within_its_axes():
    curve = [{"coverage": 0.1, "accuracy": 0.0}, {"coverage": 1.0, "accuracy": 0.9}]
    for points, is_clipped in ((curve, True), (curve[1:], False)):
        figure = charts.plot_coverage(compared(coverage_curve=points))
        assert figure.axes[0].lines[0].get_clip_on() == is_clipped


def test_no_accuracy_axis_goes_beyond_100_percent():
    curve = [{"coverage": 0.5, "accuracy": 1.0}, {"coverage": 1.0, "accuracy": 0.9}]
    bins = [{"confidence": 1.0, "accuracy": 1.0, "interval": (0.9, 1.0), "images": 50}]
    latency = {
        "sequence_accuracy": 1.0,
        "sequence_accuracy_interval": (0.9, 1.0),
        "latency_ms": 2.0,
    }
    noise = {"unit": "%", "severities": [0, 1], "accuracy": {"model": [1.0, 0.5]}}
    for figure in (
        charts.plot_coverage(compared(coverage_curve=curve)),
        charts.plot_reliability(compared(reliability=bins)),
        charts.plot_latency(compared(**latency)),
        charts.plot_corruption(SimpleNamespace(corruption={"noise": noise})),
    ):
        assert figure.axes[0].get_ylim()[1] == 100


@pytest.mark.parametrize("count", [0, 3, 6, 7, 9])
def test_counts_of_a_confusion_contrast_with_their_cells(count):
    """By the ratio of WCAG 2, of which 4.5 is the least for text."""
    counts = np.full((11, 11), count)
    counts[0, 1] = 9
    (result,) = compared(digit_confusion=counts).results
    axes = charts.plot_confusion(result).axes[0]
    (cells,) = axes.images
    for text in axes.texts:
        column, row = text.get_position()
        cell = cells.cmap(cells.norm(cells.get_array()[row, column]))
        light, dark = sorted(map(luminance, (cell, text.get_color())), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def luminance(colour) -> float:
    """Relative luminance of an sRGB colour, as WCAG 2 defines it."""
    channels = np.array(to_rgb(colour))
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def test_a_difference_is_coloured_only_where_its_interval_excludes_0():
    correct = {
        name: np.arange(1000) < count for name, count in (("a", 900), ("b", 500), ("c", 501))
    }
    pairs = SimpleNamespace(pairs=compare_pairs(correct))
    axes = charts.plot_differences(pairs).axes[0]
    points = [line for line in axes.lines if line.get_marker() == "o"]
    assert [round(float(line.get_xdata()[0]), 1) for line in points] == [40.0, 39.9, -0.1]
    colours = [line.get_color() for line in points]
    assert colours[0] == colours[1] != colours[2]


def test_mistakes_are_the_most_confident_ones():
    result = SimpleNamespace(
        name="model",
        readings=["1", "2", "3", "4"],
        confidence=np.array([0.9, 0.5, 0.8, 0.7]),
        correct=np.array([True, False, False, False]),
    )
    images = SimpleNamespace(
        texts=["1", "5", "6", "7"], load=lambda chosen: {i: np.zeros((4, 4, 3)) for i in chosen}
    )
    figure = charts.plot_mistakes(SimpleNamespace(results=[result], images=images), "model", 2)
    assert [axes.get_title() for axes in figure.axes] == ["3  80%  is 6", "4  70%  is 7"]
    assert "2 most confident of 3 mistakes in 4 images" in figure.get_suptitle()


def test_scores_are_bars_in_percent():
    axes = charts.plot_scores({"a": {"x": 0.5, "y": 0.25}, "b": {"x": 1.0, "y": 0.0}}).axes[0]
    assert [bar.get_height() for bar in axes.patches] == [50.0, 25.0, 100.0, 0.0]
