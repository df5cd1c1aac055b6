"""The typographic style of the characters of an image."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from .fonts import families, installed_families, is_named
from .rng import Rng
from .strokes import Brush, sample_brush


@dataclass(frozen=True)
class TextStyle:
    """Typographic style that the characters of a line share.

    Attributes:
        face: font file; also used for letters if digits are rendered with a brush.
        brush: brush of the digits, or None to take them from `face`.
        stretch: horizontal scale.
        slant: horizontal shear: pixels to the right for each pixel up.
        growth: pixels by which strokes are dilated, or eroded if negative.
        wobble: maximum displacement of an uneven outline, in pixels.
        rounding: standard deviation in pixels of the smoothing that rounds corners; 0 for none.
        stencil: whether a narrow upright gap cuts through each digit.
        spacing: gap between the ink of adjacent characters, in units of a digit's height.
        rotation_jitter: standard deviation of each character's rotation, in radians.
        baseline_jitter: standard deviation of each character's height above the baseline, in
            units of a digit's height.
        size_jitter: standard deviation of each character's relative size.
        slope: slope of the baseline on which upright digits stand.
        bow: rise of the line's ends above its middle, in units of a digit's height.
        display_face: face of `glyphs.display_glyph` for the digits, or "".
        pitch: distance between the centres of adjacent digits, in units of their height; 0 places
            them by their ink and `spacing`.
        monospaced: whether `pitch` is that of all characters, not of digits alone.
        marks: marks of `glyphs.add_mark` for the digits.
    """

    face: str = ""
    brush: Brush | None = None
    stretch: float = 1.0
    slant: float = 0.0
    growth: int = 0
    wobble: float = 0.0
    rounding: float = 0.0
    stencil: bool = False
    spacing: float = 0.1
    rotation_jitter: float = 0.0
    baseline_jitter: float = 0.0
    size_jitter: float = 0.0
    slope: float = 0.0
    bow: float = 0.0
    display_face: str = ""
    pitch: float = 0.0
    monospaced: bool = False
    marks: tuple[str, ...] = ()


def sample_text_style(rng: Rng, enamel: bool = False) -> TextStyle:
    """Sample the style of a house number.

    Args:
        enamel: whether it is on an enamel plate: mostly heavy, narrow and evenly spaced.
    """
    painted = rng.bernoulli(0.38)
    family = rng.choice(families())
    face = rng.choice(family)
    # House numbers are seldom thin: sampling again halves the fraction of the thinnest faces.
    if is_named(face, "Thin", "Light") and rng.bernoulli(0.6):
        face = rng.choice(family)
    if enamel and rng.bernoulli(0.6):
        return _sample_enamel_style(face, rng)
    loose = rng.bernoulli(0.35)  # digits mounted separately, not printed as one line
    heavy = is_named(face, "Black", "Bold", "Extra", "Fredoka")
    growth = rng.choice((-2, -1, 0, 0, 0, 0) if heavy else (0, 0, 1, 1, 2, 3, 4))
    stretch = rng.clipped_normal(0.92, 0.2, 0.5, 1.5)
    if painted:
        growth, stretch = 0, rng.uniform(0.8, 1.15)
    return TextStyle(
        face=face,
        brush=sample_brush(rng) if painted else None,
        stretch=stretch,
        slant=0.0 if rng.bernoulli(0.6) else rng.clipped_normal(0.08, 0.14, -0.25, 0.45),
        growth=growth,
        wobble=rng.uniform(0.5, 3.0) if rng.bernoulli(0.4) else 0.0,
        rounding=rng.uniform(1.0, 3.0) if rng.bernoulli(0.3) else 0.0,
        stencil=rng.bernoulli(0.035),
        spacing=rng.uniform(0.05, 0.5) if loose else rng.clipped_normal(0.1, 0.06, -0.03, 0.3),
        rotation_jitter=rng.uniform(0.0, 0.1) if loose else 0.0,
        baseline_jitter=rng.uniform(0.0, 0.07) if loose else 0.0,
        size_jitter=0.04 if loose and rng.bernoulli(0.4) else 0.0,
        slope=rng.clipped_normal(0.0, 0.3, -0.8, 0.8) if rng.bernoulli(0.22) else 0.0,
        bow=rng.uniform(-0.25, 0.25) if rng.bernoulli(0.06) else 0.0,
    )


def _sample_enamel_style(face: str, rng: Rng) -> TextStyle:
    """Sample the heavy narrow digits of enamel plates: condensed serifs, or brush strokes."""
    stroked = rng.bernoulli(0.45)
    if not stroked:
        face = rng.choice(_heavy_serifs()) if rng.bernoulli(0.6) else face
    return TextStyle(
        face=face,
        brush=sample_brush(rng, "plate" if rng.bernoulli(0.7) else "painted") if stroked else None,
        stretch=rng.uniform(0.85, 1.15) if stroked else rng.uniform(0.5, 0.95),
        slant=0.0 if rng.bernoulli(0.9) else rng.uniform(0.0, 0.3),
        growth=0 if stroked else rng.choice((0, 0, 1, 2, 3)),
        wobble=rng.uniform(0.3, 1.5) if rng.bernoulli(0.2) else 0.0,
        rounding=rng.uniform(1.0, 3.0) if rng.bernoulli(0.4) else 0.0,
        spacing=rng.clipped_normal(0.09, 0.05, -0.02, 0.25),
    )


@functools.cache
def _heavy_serifs() -> tuple[str, ...]:
    return tuple(
        face
        for family in installed_families()
        for face in family
        if is_named(face, "Serif", "Caladea", "STIX", "cmb10")
        and is_named(face, "Bol", "Black", "Semibold", "cmb10")
    )
