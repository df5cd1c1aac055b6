"""Self-contained HTML pages: templates, their filters, and embedded images."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup, escape
from PIL import Image

from artifacts.console import count

_WIDTH, _HEIGHT = 160, 110


def template(path: Path) -> jinja2.Template:
    """The template of a page; it may include or extend those in the folder of this module."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([path.parent, Path(__file__).parent]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "percent": _percent,
        "interval": _interval,
        "count": count,
        "breakable": _breakable,
        "commit": _commit,
    }
    return environment.get_template(path.name)


def thumbnail(image: np.ndarray) -> Image.Image:
    """A uint8 image (height, width, 3) resized to fit a card of the page."""
    scale = min(_WIDTH / image.shape[1], _HEIGHT / image.shape[0])
    size = tuple(max(1, round(side * scale)) for side in image.shape[1::-1])
    return Image.fromarray(image).resize(size, Image.Resampling.BICUBIC)


def embed(image: np.ndarray | Image.Image) -> str:
    """An image as a data URL."""
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    data = io.BytesIO()
    image.save(data, "JPEG", quality=88)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def _percent(fraction: float | None, digits: int = 2) -> str:
    return "–" if fraction is None else f"{100 * fraction:.{digits}f} %"


def _interval(ends: tuple[float, float] | None) -> str:
    return "–" if ends is None else f"{100 * ends[0]:.1f} – {100 * ends[1]:.1f} %"


def _commit(commit: str | None) -> str:
    """A commit from `artifacts.environment.commit` as text."""
    if commit is None:
        return "not a checkout"
    return commit.replace("+", " with local changes")


def _breakable(name: str) -> Markup:
    """A name with line breaks allowed after / and _."""
    text = escape(name)
    for mark in "/_":
        text = text.replace(mark, Markup(f"{mark}<wbr>"))
    return text
