"""Files to arrays and arrays to a model's input: the same two steps for training and reading.

`decode_image` turns any file that Pillow opens into uint8 RGB as a viewer would show it, and
`prepare_image` cuts and resizes it. Everything that feeds a model goes through these two, so
that an image looks the same to a model wherever it comes from.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

with contextlib.suppress(ImportError):  # only those who have such images need it
    import pillow_heif

    pillow_heif.register_heif_opener()

FITS = ("stretch", "pad")
"""How an image is made to fit: its aspect changed, or kept with the edges repeated."""

_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypheim", b"ftypheis", b"ftypmif1")
"""What a HEIC image, as iPhones take it, has from its fifth byte on."""

LARGE = 2_000_000
"""Pixels from which on no more of an image is handed to Pillow, which copies it, than it needs."""


def decode_image(
    source: str | os.PathLike | bytes | io.BytesIO,
    *,
    name: str | None = None,
    formats: Sequence[str] | None = None,
) -> np.ndarray:
    """Decode an image file of any kind to uint8 RGB, turned upright.

    EXIF orientation is applied, transparent parts are laid over white, 16 bits are scaled to 8,
    and palettes, grey and CMYK become RGB.

    Args:
        source: path of a file, or a file's bytes, or a file in memory.
        name: what errors call the image. Defaults to its path.
        formats: Pillow's names of the kinds of file that are tried. Defaults to all of them.

    Returns:
        uint8 array of shape (height, width, 3), values 0 to 255.

    Raises:
        OSError: if there is no such file, or it may not be opened.
        ValueError: if it is not an image or is damaged.
    """
    if isinstance(source, bytes | io.BytesIO):
        file = io.BytesIO(source) if isinstance(source, bytes) else source
        name = name or "image"
    else:
        file, name = Path(source), name or str(source)
        if not file.is_file():
            raise FileNotFoundError(f"There is no image at {name}")
    try:
        with Image.open(file, formats=formats) as image:
            ImageOps.exif_transpose(image, in_place=True)  # a photo has room for few copies
            return np.asarray(_to_rgb(image))
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # damaged files make Pillow raise whatever there is
        if formats is None and "HEIF" not in Image.OPEN and _is_heic(file):
            raise ValueError(
                f"{name} is a HEIC image: pip install pillow-heif to read such"
            ) from error
        raise ValueError(
            f"{name} does not decode as an image (PNG, JPEG, WebP, BMP, TIFF or another kind "
            f"that Pillow reads). Received: {str(error) or type(error).__name__}"
        ) from error


def measure_image(file: str | os.PathLike) -> tuple[int, int]:
    """Width and height of an image file in pixels, as its first bytes say; nothing is decoded.

    Raises:
        Exception: of whatever kind, if it is not an image.
    """
    with Image.open(file) as image:
        return image.size


def _is_heic(file: Path | io.BytesIO) -> bool:
    with file.open("rb") if isinstance(file, Path) else contextlib.nullcontext(file) as stream:
        stream.seek(4)
        return stream.read(8) in _HEIC


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point values, whose range is not known")
    if image.mode.startswith("I"):  # 16 bits (Pillow has no narrower mode that holds them)
        values = np.asarray(image).clip(0, 65535).astype(np.int32)
        values += 128
        values //= 257
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = _in_mode(image, "RGBA")
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image)
        return white
    return _in_mode(image, "RGB")


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # which always copies


def check_fit(fit: str) -> str:
    """Return `fit` if it is one of `FITS`, else raise ValueError."""
    if fit not in FITS:
        raise ValueError(f"fit is one of {', '.join(FITS)}. Received: {fit!r}")
    return fit


def prepare_image(
    image: np.ndarray,
    size: tuple[int, int],
    channels: int,
    *,
    fit: str = "stretch",
    box: tuple[float, float, float, float] | None = None,
) -> np.ndarray:
    """Cut an image and resize it, antialiased, to a model's input.

    Args:
        image: uint8 array (height, width), (height, width, 1) or (height, width, 3).
        size: `(height, width)` of the result in pixels.
        channels: 1 (grey, ITU-R 601 weights) or 3 (RGB).
        fit: `"stretch"` changes the aspect, `"pad"` keeps it and repeats the edge pixels.
        box: part to show, `(left, top, right, bottom)` in pixels; where it leaves the image
            the edge pixels are repeated. Defaults to the whole image.

    Returns:
        uint8 array of shape (*size, channels), values 0 to 255.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3):
        raise ValueError(
            "An image is uint8, height x width x channels. "
            f"Received: {image.dtype} of shape {image.shape}"
        )
    if channels not in (1, 3):
        raise ValueError(f"channels is 1 (grey) or 3 (RGB). Received: {channels}")
    box = shown_part(image, size, fit=fit, box=box)
    if image.shape[0] * image.shape[1] >= LARGE:
        image, box = _needed(image, size, box)
    resized = Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    resized = _in_mode(resized, "L" if channels == 1 else "RGB")
    resized, box = _pad_to_hold(resized, box)
    resized = resized.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized).reshape(*size, channels)


def cut(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """The part of an image within a box, to whole pixels; at least one pixel, none from outside.

    Args:
        image: uint8 array (height, width, channels).
        box: left, top, right, bottom in pixels.
    """
    height, width = image.shape[:2]
    left, top = (
        min(max(round(float(edge)), 0), side - 1)
        for edge, side in ((box[0], width), (box[1], height))
    )
    right, bottom = max(left + 1, round(float(box[2]))), max(top + 1, round(float(box[3])))
    return image[top:bottom, left:right]


def shown_part(
    image: np.ndarray,
    size: tuple[int, int],
    *,
    fit: str = "stretch",
    box: tuple[float, float, float, float] | None = None,
) -> tuple[float, float, float, float]:
    """The part of an image that `prepare_image` shows: left, top, right, bottom in pixels."""
    height, width = image.shape[:2]
    box = (0.0, 0.0, float(width), float(height)) if box is None else tuple(map(float, box))
    return _grow_to_aspect(box, size) if check_fit(fit) == "pad" else box


def _grow_to_aspect(box: tuple, size: tuple[int, int]) -> tuple:
    """The smallest box around the centre of `box` that holds it and has the aspect of `size`."""
    left, top, right, bottom = box
    height = max(bottom - top, (right - left) * size[0] / size[1])
    width = max(right - left, (bottom - top) * size[1] / size[0])
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _needed(image: np.ndarray, size: tuple[int, int], box: tuple) -> tuple[np.ndarray, tuple]:
    """The part of an image that resizing `box` needs, and the box in it."""
    left, top, right, bottom = box
    across = _span(left, right, size[1], image.shape[1])
    down = _span(top, bottom, size[0], image.shape[0])
    x, y = across.start, down.start
    return image[down, across], (left - x, top - y, right - x, bottom - y)


def _span(low: float, high: float, pixels: int, side: int) -> slice:
    # A new pixel is made of old ones up to its own width away, so of some beyond the box.
    beyond = int(max(1.0, (high - low) / pixels)) + 2
    start = min(max(0, int(low) - beyond), side - 1)
    return slice(start, max(start + 1, int(high) + beyond))


def _pad_to_hold(image: Image.Image, box: tuple) -> tuple[Image.Image, tuple]:
    """Repeat the image's edges until `box` lies within; return the image and the moved box."""
    left, top, right, bottom = box
    before = [max(0, int(np.ceil(-edge))) for edge in (top, left)]
    after = [
        max(0, int(np.ceil(edge - side)))
        for edge, side in ((bottom, image.height), (right, image.width))
    ]
    if not any(before + after):
        return image, box
    widths = [(before[0], after[0]), (before[1], after[1])]
    array = np.asarray(image)
    array = np.pad(array, widths + [(0, 0)] * (array.ndim - 2), mode="edge")
    return Image.fromarray(array), (
        left + before[1],
        top + before[0],
        right + before[1],
        bottom + before[0],
    )
