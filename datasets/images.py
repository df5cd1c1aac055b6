"""Decode image files to arrays, and crop and resize arrays.

`decode_image` decodes any file that Pillow opens to uint8 RGB as a viewer would show it;
`prepare_image` crops and resizes it.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

with contextlib.suppress(ImportError):  # optional: only HEIC images need it
    import pillow_heif

    pillow_heif.register_heif_opener()

FITS = ("stretch", "pad")
"""How an image is fitted to a size: by changing its aspect ratio, or by repeating its edges."""

_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypheim", b"ftypheis", b"ftypmif1")
"""Bytes 4 to 12 of HEIC images, which iPhones take."""

_LIGHT, _MOSTLY_OPAQUE = 170.0, 0.9
"""Mean luminance from which content is light; opaque fraction above which an image is a photo with
a few transparent pixels."""


def decode_image(
    source: str | os.PathLike | bytes | io.BytesIO,
    *,
    name: str | None = None,
    formats: Sequence[str] | None = None,
) -> np.ndarray:
    """Decode an image file of any format to upright uint8 RGB.

    EXIF orientation is applied, transparency is composited over white (over
    black where what is visible is light), 16 bits are scaled to 8,
    and palettes, grey and CMYK are converted to RGB.

    Args:
        source: path of a file, or its bytes, or a file in memory.
        name: name of the image in errors. Defaults to its path.
        formats: Pillow's names of the accepted formats. Defaults to all of them.

    Returns:
        uint8 array of shape (height, width, 3), values 0 to 255.

    Raises:
        OSError: if the file does not exist or cannot be opened.
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
            ImageOps.exif_transpose(image, in_place=True)  # in place: saves a copy of a large photo
            return np.asarray(_to_rgb(image))
    except (PermissionError, MemoryError):
        raise
    except Exception as error:  # damaged files make Pillow raise many types
        if formats is None and "HEIF" not in Image.OPEN and _is_heic(file):
            raise ValueError(
                f"{name} is a HEIC image: pip install pillow-heif to read such"
            ) from error
        raise ValueError(
            f"{name} does not decode as an image (PNG, JPEG, WebP, BMP, TIFF or another kind "
            f"that Pillow reads). Received: {str(error) or type(error).__name__}"
        ) from error


def measure_image(file: str | os.PathLike) -> tuple[int, int]:
    """Width and height of an image file in pixels, from its header without decoding.

    Raises:
        Exception: of any type, if it is not an image.
    """
    with Image.open(file) as image:
        return image.size


def _is_heic(file: Path | io.BytesIO) -> bool:
    with file.open("rb") if isinstance(file, Path) else contextlib.nullcontext(file) as stream:
        stream.seek(4)
        return stream.read(8) in _HEIC


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point values of unknown range")
    if image.mode.startswith("I"):  # 16 bits (Pillow has no narrower mode that holds them)
        values = np.asarray(image).clip(0, 65535).astype(np.int32)
        values += 128
        values //= 257
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = _in_mode(image, "RGBA")
        opaque = Image.new("RGB", image.size, _background(image))
        opaque.paste(image, mask=image)
        return opaque
    return _in_mode(image, "RGB")


def _background(image: Image.Image) -> str:
    """The background of an RGBA image: black behind mostly light pixels, else white.

    White or yellow digits on a transparent background would be invisible on white.
    """
    luminance = np.asarray(image.convert("L"), np.float32)
    alpha = np.asarray(image.getchannel("A"), np.float32)
    visible = alpha.sum()
    light = visible and (luminance * alpha).sum() / visible > _LIGHT
    return "black" if light and visible < _MOSTLY_OPAQUE * alpha.size * 255 else "white"


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # convert always copies


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
    """Crop an image and resize it, antialiased.

    Args:
        image: uint8 array (height, width), (height, width, 1) or (height, width, 3).
        size: `(height, width)` of the result in pixels.
        channels: 1 (grey, ITU-R 601 weights) or 3 (RGB).
        fit: `"stretch"` changes the aspect ratio, `"pad"` keeps it and repeats the edge pixels.
        box: crop `(left, top, right, bottom)` in pixels; outside of the image the edge pixels
            are repeated. Defaults to the whole image.

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
    box = visible_box(image, size, fit=fit, box=box)
    resized = Image.fromarray(image[..., 0] if image.ndim == 3 and image.shape[2] == 1 else image)
    resized = _in_mode(resized, "L" if channels == 1 else "RGB")
    resized, box = _pad_to_contain(resized, box)
    resized = resized.resize((size[1], size[0]), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized).reshape(*size, channels)


def crop_pixels(image: np.ndarray, box: tuple[float, float, float, float]) -> np.ndarray:
    """Slice an image to a box rounded to whole pixels; at least one pixel, none from outside.

    Args:
        image: uint8 array (height, width, channels).
        box: left, top, right, bottom in pixels.
    """
    height, width = image.shape[:2]
    left = min(max(round(float(box[0])), 0), width - 1)
    top = min(max(round(float(box[1])), 0), height - 1)
    right, bottom = max(left + 1, round(float(box[2]))), max(top + 1, round(float(box[3])))
    return image[top:bottom, left:right]


def visible_box(
    image: np.ndarray,
    size: tuple[int, int],
    *,
    fit: str = "stretch",
    box: tuple[float, float, float, float] | None = None,
) -> tuple[float, float, float, float]:
    """The box of an image that `prepare_image` shows: left, top, right, bottom in pixels."""
    height, width = image.shape[:2]
    box = (0.0, 0.0, float(width), float(height)) if box is None else tuple(map(float, box))
    return _expand_to_aspect(box, size) if check_fit(fit) == "pad" else box


def _expand_to_aspect(box: tuple, size: tuple[int, int]) -> tuple:
    """The smallest box of the aspect ratio of `size` that contains `box` and shares its centre."""
    left, top, right, bottom = box
    height = max(bottom - top, (right - left) * size[0] / size[1])
    width = max(right - left, (bottom - top) * size[1] / size[0])
    x, y = (left + right) / 2, (top + bottom) / 2
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _pad_to_contain(image: Image.Image, box: tuple) -> tuple[Image.Image, tuple]:
    """Repeat the image's edges to contain `box`; return the image and the shifted box."""
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
