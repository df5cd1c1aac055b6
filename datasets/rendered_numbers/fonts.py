"""Finds the font packages and keeps the glyphs of their faces as masks."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT = 64
"""Height of a lining digit in every mask, in pixels."""

PAD = 12
"""Empty pixels around a glyph's ink in its mask: room to grow thicker or to lean."""

# (module, folder in it, package on PyPI, family, files). The faces of a family share its weight,
# so that a family with twenty cuts is not drawn twenty times as often as one with a single cut.
_SANS = ("Regular", "Medium", "Semibold", "SemiBold", "Bold", "Black", "ExtraBold")
_PACKAGES = (
    ("font_roboto", "files", "font-roboto", "Roboto-*.ttf"),
    ("font_lato", "files", "font-lato", "Lato-*.ttf"),
    ("font_source_sans_pro", "files", "font-source-sans-pro", "SourceSansPro-*.ttf"),
    ("font_source_serif_pro", "files", "font-source-serif-pro", "SourceSerifPro-*.ttf"),
    ("font_fredoka_one", "files", "font-fredoka-one", "*.ttf"),
    ("font_amatic_sc", "files", "font-amatic-sc", "*.ttf"),
    ("font_caladea", "files", "font-caladea", "*.ttf"),
    ("font_intuitive", "files", "font-intuitive", "*.ttf"),
    ("font_manrope", "files", "font-manrope", "Manrope-[BERMSL]*.ttf"),
    ("font_hanken_grotesk", "files", "font-hanken-grotesk", "*.otf"),
    ("font_fjallaone", "files", "font-fjallaone", "*.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf", "matplotlib", "DejaVuSans-*.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf", "matplotlib", "DejaVuSansMono*.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf", "matplotlib", "DejaVuSerif*.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf", "matplotlib", "STIXGeneral*.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf", "matplotlib", "cm[rbst]*10.ttf"),
    ("matplotlib", "mpl-data/fonts/ttf", "matplotlib", "cm[mt]i10.ttf"),
)
_NO_DIGITS = ("cmsy10.ttf", "DejaVuSerifDisplay.ttf")


@dataclass(frozen=True)
class Glyph:
    """One character as ink.

    Attributes:
        mask: uint8 (h, w), 0 to 255, with `PAD` empty pixels on every side of the ink, and one
            more at the right and at the bottom where it takes that to make h and w even.
        rise: from the baseline up to the top of the mask, in pixels.
        hull: corners of the ink's convex hull, as `hull` returns them; found once, when asked for.
        half: the mask at half its size.
    """

    mask: np.ndarray
    rise: float

    @functools.cached_property
    def hull(self) -> np.ndarray:
        return hull(self.mask)

    @functools.cached_property
    def half(self) -> np.ndarray:
        rows, columns = self.mask.shape
        return cv2.resize(self.mask, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)

    @property
    def ink_width(self) -> int:
        """Width of the ink, in pixels."""
        return self.mask.shape[1] - 2 * PAD


@functools.cache
def families() -> tuple[tuple[str, ...], ...]:
    """Paths of the font files, one tuple for each family.

    Raises:
        ModuleNotFoundError: if a font package is not installed; it names the package for pip.
        FileNotFoundError: if a package is there and has none of its font files.
    """
    found = []
    for module, folder, package, pattern in _PACKAGES:
        spec = importlib.util.find_spec(module)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(
                f"Drawing numbers needs the fonts of the package {package!r}, which is not "
                f"installed. Install it with: pip install {package}"
            )
        place = Path(next(iter(spec.submodule_search_locations))) / folder
        files = sorted(str(path) for path in place.glob(pattern) if path.name not in _NO_DIGITS)
        if not files:
            raise FileNotFoundError(
                f"The package {package!r} holds no font {pattern!r} in {place}. "
                f"Install it again with: pip install --force-reinstall {package}"
            )
        found.append(tuple(files))
    return tuple(found)


@functools.lru_cache(maxsize=512)
def _font(path: str) -> ImageFont.FreeTypeFont:
    # The basic layout engine comes with every Pillow; raqm does not, and may place ink elsewhere.
    basic = ImageFont.Layout.BASIC
    _, top, _, bottom = ImageFont.truetype(path, 100, layout_engine=basic).getbbox("8")
    return ImageFont.truetype(path, 100 * HEIGHT / (bottom - top), layout_engine=basic)


@functools.lru_cache(maxsize=8192)
def glyph(path: str, character: str) -> Glyph:
    """Return a character of a face as a mask in which an 8 is `HEIGHT` pixels high.

    Args:
        path: font file, one of `families()`.
        character: one character.
    """
    font = _font(path)
    # Room for any letter: to ask the font for the ink's box first takes as long as to draw it.
    image = Image.new("L", (4 * HEIGHT, 3 * HEIGHT))
    baseline = 2 * HEIGHT
    ImageDraw.Draw(image).text((HEIGHT, baseline), character, fill=255, font=font, anchor="ls")
    box = image.getbbox()
    ink = np.asarray(image.crop(box))
    height, width = ink.shape
    mask = np.zeros((even(height + 2 * PAD), even(width + 2 * PAD)), np.uint8)
    mask[PAD : PAD + height, PAD : PAD + width] = ink
    mask.setflags(write=False)
    return Glyph(mask, float(PAD + baseline - box[1]))


def even(length: int) -> int:
    """The length, or one more: masks are halved."""
    return length + length % 2


def hull(mask: np.ndarray, threshold: int = 100) -> np.ndarray:
    """Return the corners of the convex hull of a mask's ink.

    Args:
        mask: uint8 (h, w).
        threshold: ink is what lies above it.

    Returns:
        float32 (n, 2): x and y of the pixels' outer corners; the whole mask where it has no ink.
    """
    _, ink = cv2.threshold(mask, threshold, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        height, width = mask.shape
        return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    outline = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
    points = cv2.convexHull(outline)[:, 0]
    # A pixel covers [x, x + 1) by [y, y + 1): right of and below the middle its far corner counts.
    left, top, width, height = cv2.boundingRect(points)
    middle = np.array([left + (width - 1) // 2, top + (height - 1) // 2], np.int32)
    return (points + (points > middle)).astype(np.float32)
