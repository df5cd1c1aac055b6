"""Colours of walls, plates and ink."""

from __future__ import annotations

import colorsys
import functools

from .drawing import Colour
from .rng import Rng

# (weight, ((mean, standard deviation) of hue, saturation and value)), estimated from photos of
# house numbers; each from 0 to 1.
_WALL_COLOURS = (
    (2.6, ((0.10, 0.05), (0.06, 0.05), (0.82, 0.10))),  # white and light grey
    (2.2, ((0.10, 0.04), (0.20, 0.10), (0.70, 0.13))),  # beige, cream, sandstone
    (2.2, ((0.09, 0.06), (0.09, 0.06), (0.52, 0.14))),  # grey
    (1.9, ((0.50, 0.30), (0.25, 0.20), (0.16, 0.08))),  # dark: iron gates, doors, shade
    (1.4, ((0.04, 0.02), (0.42, 0.14), (0.60, 0.15))),  # salmon, terracotta, orange
    (0.8, ((0.12, 0.02), (0.48, 0.15), (0.66, 0.14))),  # ochre, yellow
    (0.7, ((0.49, 0.05), (0.28, 0.13), (0.58, 0.16))),  # teal, green
    (1.5, ((0.60, 0.04), (0.14, 0.09), (0.62, 0.16))),  # bluish white and grey
    (1.2, ((0.02, 0.03), (0.45, 0.15), (0.34, 0.12))),  # brick, brown, wine red
    (0.35, ((0.62, 0.05), (0.60, 0.15), (0.40, 0.15))),  # blue paint
    (0.3, ((0.35, 0.06), (0.45, 0.15), (0.35, 0.12))),  # green paint
)
_DARK_COLOURS = (
    (5.0, ((0.60, 0.10), (0.25, 0.15), (0.12, 0.07))),  # black
    (2.5, ((0.10, 0.05), (0.15, 0.10), (0.30, 0.10))),  # dark grey, iron, old bronze
    (2.0, ((0.63, 0.03), (0.65, 0.15), (0.35, 0.12))),  # navy, blue
    (1.2, ((0.07, 0.03), (0.50, 0.15), (0.28, 0.10))),  # brown
    (0.7, ((0.99, 0.02), (0.70, 0.12), (0.48, 0.14))),  # red
    (0.5, ((0.40, 0.06), (0.55, 0.15), (0.28, 0.10))),  # green
)
_LIGHT_COLOURS = (
    (6.0, ((0.15, 0.10), (0.06, 0.05), (0.90, 0.08))),  # white
    (2.0, ((0.12, 0.03), (0.30, 0.15), (0.80, 0.12))),  # cream, brass, gold
    (1.5, ((0.58, 0.05), (0.12, 0.08), (0.72, 0.10))),  # aluminium
    (0.3, ((0.25, 0.25), (0.60, 0.20), (0.85, 0.10))),  # bright paint
)
_ENAMEL_COLOURS = (
    (6.0, ((0.635, 0.02), (0.72, 0.12), (0.42, 0.13))),  # blue
    (3.5, ((0.645, 0.03), (0.55, 0.15), (0.22, 0.08))),  # dark blue
    (1.2, ((0.60, 0.10), (0.25, 0.15), (0.10, 0.05))),  # black
    (0.5, ((0.38, 0.08), (0.55, 0.15), (0.25, 0.10))),  # green
    (0.5, ((0.99, 0.02), (0.65, 0.12), (0.38, 0.10))),  # red
    (0.4, ((0.55, 0.03), (0.55, 0.12), (0.55, 0.10))),  # light blue
)

BLACK, WHITE = (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)


def luminance(colour: Colour) -> float:
    """Return the perceived brightness of a colour (Rec. 601 luma), 0 to 255."""
    return 0.299 * colour[0] + 0.587 * colour[1] + 0.114 * colour[2]


def contrast(first: Colour, second: Colour) -> float:
    """Return the absolute difference of the luminance of two colours, 0 to 255."""
    return abs(luminance(first) - luminance(second))


def mix(first: Colour, second: Colour, fraction: float) -> Colour:
    """Interpolate between two colours; fraction 0 is `first`, 1 is `second`."""
    return tuple(a + (b - a) * fraction for a, b in zip(first, second, strict=True))


def brightened(colour: Colour, amount: float) -> Colour:
    """Return a colour with an amount added to each channel, clipped to [0, 255]."""
    return tuple(min(max(channel + amount, 0.0), 255.0) for channel in colour)


def _sample(table, rng: Rng) -> Colour:
    (hue, hue_std), (saturation, saturation_std), (value, value_std) = rng.weighted_choice(table)
    hue = rng.normal(hue, hue_std) % 1.0
    saturation = rng.clipped_normal(saturation, saturation_std, 0.0, 1.0)
    value = rng.clipped_normal(value, value_std, 0.03, 1.0)
    return tuple(255 * channel for channel in colorsys.hsv_to_rgb(hue, saturation, value))


wall_colour = functools.partial(_sample, _WALL_COLOURS)
"""Sample the colour of a wall, door or gate."""

enamel_colour = functools.partial(_sample, _ENAMEL_COLOURS)
"""Sample the ground colour of an enamel plate with light digits."""

light_colour = functools.partial(_sample, _LIGHT_COLOURS)
"""Sample a light colour of paint or metal."""

dark_colour = functools.partial(_sample, _DARK_COLOURS)
"""Sample a dark colour of paint or metal."""


def ink_colour(ground: Colour, rng: Rng) -> Colour:
    """Sample a colour that is distinguishable from `ground`, sometimes barely."""
    brightness = luminance(ground)
    dark_probability = min(max((brightness - 40) / 110, 0.02), 0.97)
    ink = dark_colour(rng) if rng.bernoulli(dark_probability) else light_colour(rng)
    if contrast(ink, ground) < 56:
        ink = (240.0, 240.0, 236.0) if brightness < 115 else (28.0, 28.0, 32.0)
    if rng.bernoulli(0.4):  # faded, of the wall's material, or in its shade
        ink = mix(ink, ground, rng.uniform(0.0, max(1 - 46 / contrast(ink, ground), 0.0)))
    return ink
