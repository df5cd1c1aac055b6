"""Times with a colon, decimals, and numbers with a unit, letter or sign right beside them."""

from __future__ import annotations

from dataclasses import replace

from .codes import render_code_label, render_dot_display, render_ink_jet
from .fonts import face_for, faces
from .layout import layout_line
from .planar_object import PlanarObject, sample_digits
from .printed import render_line, sample_print_style
from .rng import Rng
from .segments import render_segment_display
from .text_style import TextStyle

_LENGTHS = ((14.0, 1), (24.0, 2), (22.0, 3), (14.0, 4), (8.0, 5), (4.0, 6))
# Without I, O and l, which are like 1 and 0 in many typefaces.
_UNITS = (
    "g", "kg", "mg", "L", "ml", "cl", "cm", "mm", "m", "km", "%", "°", "°C", "°F", "V", "A", "W",
    "kW", "kWh", "Hz", "h", "s", "min", "€", "$", "£", "'", '"', "x", "XL", "B", "S", "Z", "Q", "G",
    "D", "b", "q", "a", "c", "d", "e", "i", "z", "st", "nd", "rd", "th", "am", "PM", "kcal", "lb",
    "oz", "ft", "bar", "psi", "dB", "GB", "px", "er", "€/kg", "km/h", "m/s", "mph", "&", "+", "-",
    "=", "/", "?", "!", "*", ")", "gb", "sq", "qm",
)  # fmt: skip
_SIGNS = (
    "&", "Q", "S", "B", "G", "Z", "@", "€", "$", "£", "#", "x", "+", "No", "V", "A", "R", "T", "D",
    "g", "q", "b", "i", "a", "(", "=", "-", "/", "<", ">", "C", "E", "Nr.", "No.", "Gate", "Room",
    "Bus", "Level", "Size", "Platform", "Gleis", "Quai", "Bldg", "Zimmer", "Lot",
)  # fmt: skip
_DECIMALS = ((2.0, 1), (1.0, 2), (0.3, 3))


def sample_time(rng: Rng) -> str:
    """Sample a time of day, a duration or a score: two or three numbers with colons."""
    kind = rng.weighted_choice(((5.0, "time"), (2.0, "seconds"), (1.5, "score")))
    if kind == "score":
        return f"{rng.randrange(1 + rng.choice((5, 20, 100)))}:{rng.randrange(100)}"
    hours, minutes = rng.randrange(24), rng.randrange(60)
    time = f"{hours}:{minutes:02}" if rng.bernoulli(0.4) else f"{hours:02}:{minutes:02}"
    return time if kind == "time" else f"{time}:{rng.randrange(60):02}"


def sample_decimal(rng: Rng) -> str:
    """Sample a number with a decimal point or comma."""
    whole = sample_digits(rng.weighted_choice(_LENGTHS[:5]), rng, leading_zeros=0.03)
    return whole + rng.choice(".,") + rng.digits(rng.weighted_choice(_DECIMALS))


def render_time(rng: Rng, height: float) -> PlanarObject:
    """Render a time: on a clock or scoreboard, printed by ink-jet, or in type."""
    text = sample_time(rng)
    kind = rng.weighted_choice(
        ((4.0, "segments"), (1.5, "dots"), (1.0, "ink-jet"), (1.0, "label"), (4.0, "print"))
    )
    if kind == "segments":
        return render_segment_display(rng, height, rng.bernoulli(0.6), text)
    if kind == "dots":
        return render_dot_display(rng, height, text)
    if kind == "ink-jet":
        return render_ink_jet(rng, height, text)
    if kind == "label":
        return render_code_label(rng, height, text)
    return _render_type(rng, height, text)


def render_measure(rng: Rng, height: float) -> PlanarObject:
    """Render a number with a unit or sign after it, or a letter, sign or word before it."""
    if rng.bernoulli(0.3):
        number = sample_decimal(rng)
    else:
        number = sample_digits(rng.weighted_choice(_LENGTHS), rng, leading_zeros=0.03)
    gap = "" if rng.bernoulli(0.6) else " "
    if rng.bernoulli(0.7):
        return _render_type(rng, height, number + gap + rng.choice(_UNITS))
    return _render_type(rng, height, rng.choice(_SIGNS) + gap + number)


def render_decimal(rng: Rng, height: float) -> PlanarObject:
    """Render a number with a decimal point or comma, on a display or in type."""
    text = sample_decimal(rng)
    if rng.bernoulli(0.4):
        return render_segment_display(rng, height, rng.bernoulli(0.5), text.replace(",", "."))
    return _render_type(rng, height, text)


def _render_type(rng: Rng, height: float, text: str) -> PlanarObject:
    """Render a text in type, in three of ten monospaced: its signs are as wide as its digits."""
    if rng.bernoulli(0.3):
        face = rng.choice(faces("Mono", "cmtt", "Courier"))
        style = TextStyle(face=face, pitch=rng.uniform(0.74, 0.95), monospaced=True)
    else:
        style = sample_print_style(rng, plain=0.6)
    style = replace(style, face=face_for(text, style.face))
    return render_line(text, layout_line(text, style, height, rng, 1.2), height, rng, 0.05)
