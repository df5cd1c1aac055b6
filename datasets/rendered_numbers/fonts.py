"""Font files to draw in: those of installed packages, or of a folder."""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib.util
import itertools
from collections.abc import Iterator
from pathlib import Path

# Patterns of the font files in each package on PyPI, one for each family. Families are sampled
# uniformly, so that a family of twenty faces is not sampled twenty times as often as a single face.
_FONTS = {
    "font-roboto": ("Roboto-*.ttf",),
    "font-lato": ("Lato-*.ttf",),
    "font-source-sans-pro": ("SourceSansPro-*.ttf",),
    "font-source-serif-pro": ("SourceSerifPro-*.ttf",),
    "font-fredoka-one": ("*.ttf",),
    "font-amatic-sc": ("*.ttf",),
    "font-caladea": ("*.ttf",),
    "font-intuitive": ("*.ttf",),
    "font-manrope": ("Manrope-[BERMSL]*.ttf",),
    "font-hanken-grotesk": ("*.otf",),
    "font-fjallaone": ("*.ttf",),
    "matplotlib": ("DejaVuSans-*.ttf", "DejaVuSansMono*.ttf", "DejaVuSerif*.ttf",
                   "STIXGeneral*.ttf", "cm[rbst]*10.ttf", "cm[mt]i10.ttf"),
}  # fmt: skip
_WITHOUT_DIGITS = ("cmsy10.ttf", "DejaVuSerifDisplay.ttf")

_folder: contextvars.ContextVar[str] = contextvars.ContextVar("font_folder", default="")


@contextlib.contextmanager
def fonts_in(folder: str) -> Iterator[None]:
    """Let `families` and `faces` give the files of a folder, as `typefaces` writes it.

    Args:
        folder: the folder, or "" for the files of installed packages.
    """
    token = _folder.set(folder)
    try:
        yield
    finally:
        _folder.reset(token)


def families() -> tuple[tuple[str, ...], ...]:
    """Return the paths of the font files in use (see `fonts_in`), one tuple for each family.

    Raises:
        ModuleNotFoundError: if a font package is not installed; the message names it.
        FileNotFoundError: if a package or the folder lacks font files.
    """
    folder = _folder.get()
    return _folder_families(folder) if folder else installed_families()


@functools.cache
def _folder_families(folder: str) -> tuple[tuple[str, ...], ...]:
    files = sorted(map(str, Path(folder).glob("*.woff")))
    if not files:
        raise FileNotFoundError(f"`fonts` must be a folder of .woff files. Received: {folder}")
    by_family = itertools.groupby(files, lambda path: path.rpartition("-")[0])
    return tuple(tuple(paths) for _, paths in by_family)


@functools.cache
def installed_families() -> tuple[tuple[str, ...], ...]:
    """Return the paths of the font files of installed packages, one tuple for each family.

    Raises:
        ModuleNotFoundError: if a font package is not installed; the message names it.
        FileNotFoundError: if a package lacks its font files.
    """
    paths = []
    for package, patterns in _FONTS.items():
        spec = importlib.util.find_spec(package.replace("-", "_"))
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(
                f"Rendering numbers needs the fonts of the package {package!r}, which is not "
                f"installed. Install it with: pip install {package}"
            )
        folder = "mpl-data/fonts/ttf" if package == "matplotlib" else "files"
        path = Path(next(iter(spec.submodule_search_locations))) / folder
        for pattern in patterns:
            files = sorted(str(f) for f in path.glob(pattern) if f.name not in _WITHOUT_DIGITS)
            if not files:
                raise FileNotFoundError(
                    f"The package {package!r} has no font {pattern!r} in {path}. "
                    f"Install it again with: pip install --force-reinstall {package}"
                )
            paths.append(tuple(files))
    return tuple(paths)


def faces(*words: str) -> tuple[str, ...]:
    """Return the font files whose names contain one of the words; all of them without words.

    Where no file of the folder in use has such a name, those of installed packages are returned.
    """
    return _faces(families(), words) or _faces(installed_families(), words)


@functools.cache
def _faces(families: tuple[tuple[str, ...], ...], words: tuple[str, ...]) -> tuple[str, ...]:
    files = [face for family in families for face in family]
    files += [
        face.replace("-Bold.ttf", ".ttf") for face in files if is_named(face, "DejaVuSans-Bold.ttf")
    ]
    # This face has Greek letters and arrows instead of punctuation.
    files = [face for face in files if not is_named(face, "cmmi10")]
    return tuple(face for face in files if not words or is_named(face, *words))


def is_named(face: str, *words: str) -> bool:
    """Return whether the name of a font file, without its folder, contains one of the words."""
    name = Path(face).name
    return any(word in name for word in words)


def face_for(text: str, face: str) -> str:
    """Return the face, or one that has all characters of the text if some are missing."""
    name = Path(face).name
    missing = "€£°³" if name.startswith("cm") or name.endswith(".woff") else "³"
    incomplete = any(sign in text for sign in missing) and not is_named(face, "DejaVu")
    return faces("DejaVuSans.ttf")[0] if incomplete else face
