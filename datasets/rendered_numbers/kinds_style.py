"""Which kinds of numbers a data set of drawn numbers has, other than those of houses."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class KindStyle:
    """Statistics of a data set of numbers of many kinds.

    Attributes:
        kinds: (weight, kind); each kind is a name in `kinds.KINDS`.
        turned: share of images that show a number turned by a quarter or half turn; their label
            is "", since a turned number is not to be read as if it were upright.
        crops: (weight, name) of how images are cut: "tight" 0 to 2 pixels around the number,
            "close" up to its height, "loose" up to several times its height, "far" so that it
            covers 3 to 10 % of the image.
        digit_height: median height of a digit in pixels, and deviation of its logarithm.
        tiny: share of images whose digits are 8 to 15 pixels high.
        largest: pixels of the longer side that no image exceeds.
        glyphs: path of a file of handwritten digits as `keras.datasets.mnist` keeps them (npz with
            x_train, uint8 (n, 28, 28), and y_train, uint8 (n,)), or "": handwriting then is of
            strokes alone.
    """

    kinds: tuple[tuple[float, str], ...]
    turned: float = 0.06
    crops: tuple[tuple[float, str], ...] = (
        (14.0, "tight"),
        (48.0, "close"),
        (30.0, "loose"),
        (8.0, "far"),
    )
    digit_height: tuple[float, float] = (27.0, 0.5)
    tiny: float = 0.07
    largest: int = 320
    glyphs: str = ""


_DISPLAYS = ((9.0, "lcd"), (7.0, "led"))
_COUNTERS = ((15.0, "counter"),)
_CODES = ((5.0, "ink-jet"), (4.0, "dot-display"), (5.0, "code label"))
_CARRIED = ((5.0, "bib"), (4.0, "jersey"), (4.0, "number plate"), (3.0, "card"))
_HANDWRITTEN = ((16.0, "handwriting"),)
_PRINTED = ((11.0, "print"), (5.0, "cut"), (3.0, "vertical"), (2.0, "diagonal"))
_ABSENT = ((8.0, "words"), (3.0, "nothing"))

KINDS = KindStyle(
    _DISPLAYS + _COUNTERS + _CODES + _CARRIED + _HANDWRITTEN + _PRINTED + _ABSENT,
)
"""All kinds: displays, counters, codes, bibs, cards, handwriting, print, and no number."""

METERS = replace(KINDS, kinds=_DISPLAYS + _COUNTERS + ((0.6, "nothing"), (0.6, "words")))
"""Meters and displays alone."""

CHEQUES = replace(KINDS, kinds=((1.0, "handwriting"),), turned=0.01)
"""Handwritten amounts alone."""

KIND_STYLES = {"kinds": KINDS, "meters": METERS, "handwriting": CHEQUES}
