"""Font files of installed packages, and their glyphs as masks."""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

GLYPH_HEIGHT = 64
"""Height of a lining digit in every mask, in pixels."""

GLYPH_PAD = 12
"""Empty pixels around the ink of a mask: room for dilation and shear."""

# (module, folder in it, package on PyPI, file pattern). Families are sampled uniformly, so that a
# family of twenty faces is not sampled twenty times as often as one with a single face.
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
_WITHOUT_DIGITS = ("cmsy10.ttf", "DejaVuSerifDisplay.ttf")


@dataclass(frozen=True)
class Glyph:
    """A character as a mask.

    Attributes:
        mask: uint8 (h, w), 0 to 255, with `GLYPH_PAD` empty pixels on every side of the ink, and
            one more at the right or the bottom if h or w would be odd.
        ascent: from the baseline up to the top of the mask, in pixels.
        hull: what `convex_hull` returns for the mask.
        half: the mask at half its size.
    """

    mask: np.ndarray
    ascent: float

    @functools.cached_property
    def hull(self) -> np.ndarray:
        return convex_hull(self.mask)

    @functools.cached_property
    def half(self) -> np.ndarray:
        rows, columns = self.mask.shape
        return cv2.resize(self.mask, (columns // 2, rows // 2), interpolation=cv2.INTER_AREA)


@functools.cache
def families() -> tuple[tuple[str, ...], ...]:
    """Return the paths of the font files, one tuple for each family.

    Raises:
        ModuleNotFoundError: if a font package is not installed; the message names it.
        FileNotFoundError: if a package lacks its font files.
    """
    paths = []
    for module, folder, package, pattern in _PACKAGES:
        spec = importlib.util.find_spec(module)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(
                f"Rendering numbers needs the fonts of the package {package!r}, which is not "
                f"installed. Install it with: pip install {package}"
            )
        path = Path(next(iter(spec.submodule_search_locations))) / folder
        files = sorted(str(file) for file in path.glob(pattern) if file.name not in _WITHOUT_DIGITS)
        if not files:
            raise FileNotFoundError(
                f"The package {package!r} has no font {pattern!r} in {path}. "
                f"Install it again with: pip install --force-reinstall {package}"
            )
        paths.append(tuple(files))
    return tuple(paths)


@functools.cache
def faces(*words: str) -> tuple[str, ...]:
    """Return the font files whose paths contain one of the words; all of them without words."""
    files = [face for family in families() for face in family]
    files += [face.replace("-Bold.ttf", ".ttf") for face in files if "DejaVuSans-Bold.ttf" in face]
    # This face has Greek letters and arrows instead of punctuation.
    files = [face for face in files if "cmmi10" not in face]
    matching = tuple(face for face in files if not words or any(word in face for word in words))
    if not matching:
        raise ValueError(f"No font file has one of these words in its path. Received: {words}")
    return matching


def face_for(text: str, face: str) -> str:
    """Return the face, or one that has all characters of the text if some are missing."""
    missing = "€£°³" if face.rpartition("/")[2].startswith("cm") else "³"
    incomplete = any(sign in text for sign in missing) and "DejaVu" not in face
    return faces("DejaVuSans.ttf")[0] if incomplete else face


@functools.lru_cache(maxsize=512)
def _font(path: str) -> ImageFont.FreeTypeFont:
    # Every Pillow has the basic layout engine; raqm is optional and may place ink elsewhere.
    basic = ImageFont.Layout.BASIC
    _, top, _, bottom = ImageFont.truetype(path, 100, layout_engine=basic).getbbox("8")
    return ImageFont.truetype(path, 100 * GLYPH_HEIGHT / (bottom - top), layout_engine=basic)


@functools.lru_cache(maxsize=8192)
def glyph(path: str, character: str) -> Glyph:
    """Render a character of a font file such that an 8 is `GLYPH_HEIGHT` pixels high."""
    font = _font(path)
    # Large enough for any letter: asking the font for the ink's box takes as long as rendering.
    image = Image.new("L", (4 * GLYPH_HEIGHT, 3 * GLYPH_HEIGHT))
    baseline = 2 * GLYPH_HEIGHT
    draw = ImageDraw.Draw(image)
    draw.text((GLYPH_HEIGHT, baseline), character, fill=255, font=font, anchor="ls")
    box = image.getbbox()
    ink = np.asarray(image.crop(box))
    height, width = ink.shape
    shape = round_up_to_even(height + 2 * GLYPH_PAD), round_up_to_even(width + 2 * GLYPH_PAD)
    mask = np.zeros(shape, np.uint8)
    mask[GLYPH_PAD : GLYPH_PAD + height, GLYPH_PAD : GLYPH_PAD + width] = ink
    mask.setflags(write=False)
    return Glyph(mask, float(GLYPH_PAD + baseline - box[1]))


def round_up_to_even(length: int) -> int:
    """Return the next even integer: masks are halved."""
    return length + length % 2


def convex_hull(mask: np.ndarray) -> np.ndarray:
    """Return the convex hull of a mask's ink (levels above 100), or of the whole mask if none.

    Points are the outer corners of pixels: float32 (n, 2).
    """
    _, ink = cv2.threshold(mask, 100, 255, cv2.THRESH_BINARY)
    outlines, _ = cv2.findContours(ink, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not outlines:
        height, width = mask.shape
        return np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    outline = outlines[0] if len(outlines) == 1 else np.concatenate(outlines)
    points = cv2.convexHull(outline)[:, 0]
    # A pixel covers [x, x + 1) by [y, y + 1): right of and below the centre its far corner counts.
    left, top, width, height = cv2.boundingRect(points)
    centre = np.array([left + (width - 1) // 2, top + (height - 1) // 2], np.int32)
    return (points + (points > centre)).astype(np.float32)
