"""The look of a number's characters."""

from __future__ import annotations

import functools
from dataclasses import dataclass

from datasets.rendered_numbers.fonts import families
from datasets.rendered_numbers.rng import Rng
from datasets.rendered_numbers.strokes import Brush, draw_brush


@dataclass(frozen=True)
class Lettering:
    """The look that the characters of one image share.

    Attributes:
        face: font file; also used for letters when the digits are drawn with a brush.
        brush: how digits are drawn as strokes, or None to take them from `face`.
        stretch: factor on the width.
        slant: pixels to the right for each pixel up.
        growth: pixels by which strokes are thicker (thinner where negative).
        wobble: largest displacement of an uneven outline, in pixels.
        rounding: sigma in pixels of the smoothing that rounds corners off; 0 leaves them.
        stencil: whether a narrow upright bridge cuts through each digit.
        spacing: gap between the ink of neighbouring digits, in units of their height.
        turn: deviation of each digit's own rotation, in radians.
        shift: deviation of each digit's own height above the line, in units of its height.
        size: deviation of each digit's own size, relative.
        slope: rise of the line on which upright digits stand, height over width.
        bow: further rise of the ends over the middle, in units of a digit's height.
        made: face of `made_faces` that digits are taken from, or "".
        pitch: distance from one character's middle to the next, in units of their height; 0 sets
            them by their ink and `spacing`.
    """

    face: str
    brush: Brush | None
    stretch: float
    slant: float
    growth: int
    wobble: float
    rounding: float
    stencil: bool
    spacing: float
    turn: float
    shift: float
    size: float
    slope: float
    bow: float
    made: str = ""
    pitch: float = 0.0
    marks: tuple[str, ...] = ()


def _draw_face(chance: Rng) -> str:
    faces = chance.choice(families())
    face = chance.choice(faces)
    # House numbers are seldom thin; a second draw halves the share of the thinnest cuts.
    if any(word in face for word in ("Thin", "Light")) and chance.happens(0.6):
        face = chance.choice(faces)
    return face


def draw_lettering(chance: Rng, enamel: bool = False) -> Lettering:
    """Draw the look of one image's characters.

    Args:
        chance: source of chance.
        enamel: whether they are on an enamel plate: mostly heavy, narrow and evenly set.
    """
    painted = chance.happens(0.38)
    face = _draw_face(chance)
    if enamel and chance.happens(0.6):
        return _enamel_lettering(face, chance)
    loose = chance.happens(0.35)  # digits put up one by one, not printed as one line
    heavy = any(word in face for word in ("Black", "Bold", "Extra", "Fredoka"))
    growth = chance.choice((-2, -1, 0, 0, 0, 0) if heavy else (0, 0, 1, 1, 2, 3, 4))
    stretch = chance.clipped(0.92, 0.2, 0.5, 1.5)
    if painted:
        growth, stretch = 0, chance.uniform(0.8, 1.15)
    return Lettering(
        face=face,
        brush=draw_brush(chance) if painted else None,
        stretch=stretch,
        slant=0.0 if chance.happens(0.6) else chance.clipped(0.08, 0.14, -0.25, 0.45),
        growth=growth,
        wobble=chance.uniform(0.5, 3.0) if chance.happens(0.4) else 0.0,
        rounding=chance.uniform(1.0, 3.0) if chance.happens(0.3) else 0.0,
        stencil=chance.happens(0.035),
        spacing=chance.uniform(0.05, 0.5) if loose else chance.clipped(0.1, 0.06, -0.03, 0.3),
        turn=chance.uniform(0.0, 0.1) if loose else 0.0,
        shift=chance.uniform(0.0, 0.07) if loose else 0.0,
        size=0.04 if loose and chance.happens(0.4) else 0.0,
        slope=chance.clipped(0.0, 0.3, -0.8, 0.8) if chance.happens(0.22) else 0.0,
        bow=chance.uniform(-0.25, 0.25) if chance.happens(0.06) else 0.0,
    )


def _enamel_lettering(face: str, chance: Rng) -> Lettering:
    """The heavy narrow digits of enamel plates: condensed serifs or a plate maker's own."""
    own = chance.happens(0.45)
    if not own:
        face = chance.choice(_heavy_serifs()) if chance.happens(0.6) else face
    return Lettering(
        face=face,
        brush=draw_brush(chance, "plate" if chance.happens(0.7) else "painted") if own else None,
        stretch=chance.uniform(0.85, 1.15) if own else chance.uniform(0.5, 0.95),
        slant=0.0 if chance.happens(0.9) else chance.uniform(0.0, 0.3),
        growth=0 if own else chance.choice((0, 0, 1, 2, 3)),
        wobble=chance.uniform(0.3, 1.5) if chance.happens(0.2) else 0.0,
        rounding=chance.uniform(1.0, 3.0) if chance.happens(0.4) else 0.0,
        stencil=False,
        spacing=chance.clipped(0.09, 0.05, -0.02, 0.25),
        turn=0.0,
        shift=0.0,
        size=0.0,
        slope=0.0,
        bow=0.0,
    )


@functools.cache
def _heavy_serifs() -> tuple[str, ...]:
    return tuple(face for faces in families() for face in faces if _is_heavy_serif(face))


def _is_heavy_serif(face: str) -> bool:
    name = face.rpartition("/")[2]
    serif = any(word in name for word in ("Serif", "Caladea", "STIX", "cmb10"))
    return serif and any(word in name for word in ("Bol", "Black", "Semibold", "cmb10"))
