"""The statistics that rendered scenes follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SceneStyle:
    """Statistics of scenes.

    Attributes:
        counts: (weight, numbers) of scenes that are not crowded.
        crowded: fraction of scenes with 6 to 14 numbers, as on a shelf.
        series: fraction of scenes of several numbers whose objects look alike.
        sides: range of the longer side in pixels (log-uniform).
        aspect: range of width over height (log-uniform).
        largest: maximum height of a digit as a fraction of the image's.
        smallest: minimum height of a digit in pixels.
        turned: fraction of scenes considered for a rotation by quarter turns; scenes most of whose
            numbers could be read in another orientation stay upright.
        turned_objects: fraction of single objects that are rotated by quarter turns.
        cut: fraction of scenes with an object that the image's edge cuts.
        glyphs: path of a file of handwritten digits (`rendered_numbers.mnist_digits`), or "".
        fonts: path of a folder of typefaces (`rendered_numbers.typefaces`), or "" for those of
            installed packages.
    """

    counts: tuple[tuple[float, int], ...] = (
        (18.0, 0), (22.0, 1), (16.0, 2), (11.0, 3), (8.0, 4), (7.0, 5), (5.0, 6), (4.0, 7),
        (4.0, 8),
    )  # fmt: skip
    crowded: float = 0.07
    series: float = 0.45
    sides: tuple[float, float] = (256.0, 512.0)
    aspect: tuple[float, float] = (0.6, 1.8)
    largest: float = 0.6
    smallest: float = 7.0
    turned: float = 0.12
    turned_objects: float = 0.03
    cut: float = 0.08
    glyphs: str = ""
    fonts: str = ""
