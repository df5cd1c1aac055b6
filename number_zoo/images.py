"""Decode image files of any format to uint8 RGB arrays, as a viewer would show them."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

with contextlib.suppress(ImportError):  # optional: only HEIC images need it
    import pillow_heif

    pillow_heif.register_heif_opener()

_HEIC = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypheim", b"ftypheis", b"ftypmif1")
"""Bytes 4 to 12 of HEIC images, the format of iPhones."""

_LIGHT, _MOSTLY_OPAQUE = 170.0, 0.9
"""Mean luminance from which on the content of a transparent image is light; opaque fraction above
which it is a photo with a few transparent pixels."""


def decode_image(
    source: str | os.PathLike | bytes | bytearray | memoryview | BinaryIO,
    *,
    name: str | None = None,
    formats: Sequence[str] | None = None,
) -> np.ndarray:
    """Decode an image file of any format to upright uint8 RGB.

    EXIF orientation is applied, transparency is composited over white (over black if the visible
    content is light), 16 bits are scaled to 8, and palettes, grey and CMYK are converted to RGB.

    Args:
        source: path of a file, or its bytes, or an open binary file.
        name: name of the image in errors. Defaults to its path.
        formats: Pillow's names of the accepted formats. Defaults to all of them.

    Returns:
        uint8 array of shape (height, width, 3), values 0 to 255.

    Raises:
        OSError: if the file does not exist or cannot be opened.
        ValueError: if it is not an image or is damaged.
    """
    if isinstance(source, str | os.PathLike):
        file, name = Path(source), name or str(source)
        if not file.is_file():
            raise _no_file(file, name)
    else:
        file, name = _in_memory(source), name or "image"
    try:
        with Image.open(file, formats=formats) as image:
            _turn_upright(image)
            return np.asarray(to_rgb(image))
    except (PermissionError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        most = 2 * Image.MAX_IMAGE_PIXELS / 1e6
        raise ValueError(
            f"{name} has more than the {most:.0f} megapixels that are accepted. Reduce its size"
        ) from error
    except Exception as error:  # damaged files make Pillow raise many types
        if formats is None and "HEIF" not in Image.OPEN and _is_heic(file):
            raise ValueError(
                f"{name} is a HEIC image: pip install pillow-heif to read such images"
            ) from error
        kinds = "PNG, JPEG, WebP, BMP, TIFF or another kind that Pillow reads"
        kinds = ", ".join(formats) if formats else kinds
        raise ValueError(
            f"{name} does not decode as an image ({kinds}). Received: {_what_is_wrong(file, error)}"
        ) from error


def _turn_upright(image: Image.Image) -> None:
    """Apply the EXIF orientation in place, which saves a copy of a large photo.

    Damaged EXIF is ignored, as viewers do.
    """
    image.load()  # raises the errors of the pixels
    # Of many types; those of writing the other EXIF tags come after the pixels are turned.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(image, in_place=True)


def _in_memory(source: bytes | bytearray | memoryview | BinaryIO) -> io.BytesIO:
    if isinstance(source, io.BytesIO):
        return source
    if isinstance(source, io.TextIOBase):
        raise ValueError(f'open an image file as binary: open(path, "rb"). Received: {source!r}')
    if not hasattr(source, "read"):
        return io.BytesIO(source)
    if source.seekable():
        source.seek(0)
    return io.BytesIO(source.read())


def _no_file(file: Path, name: str) -> OSError:
    if "://" in name:
        return FileNotFoundError(f"There is no image at {name}: URLs are not read, download it")
    if file.is_dir() and name:
        return IsADirectoryError(f"{name} is a folder, not an image: give the files in it")
    if name and file.exists():
        return OSError(f"{name} is a pipe or a device, not a file: give what is read from it")
    return FileNotFoundError(f"There is no image at {name or repr(name)}")


def _what_is_wrong(file: Path | io.BytesIO, error: Exception) -> str:
    empty = not (file.stat().st_size if isinstance(file, Path) else file.getbuffer().nbytes)
    if isinstance(error, UnidentifiedImageError):  # its message names the object in memory
        return "an empty file" if empty else "a file of an unknown kind"
    return str(error) or type(error).__name__


def measure_image(
    image: np.ndarray | Image.Image | str | os.PathLike | bytes | BinaryIO,
) -> tuple[int, int]:
    """Width and height of an image in pixels; of a file from its header without decoding.

    Raises:
        Exception: of any type, if it is not an image.
    """
    if isinstance(image, np.ndarray):
        return image.shape[1::-1]
    if isinstance(image, Image.Image):
        return image.size
    is_bytes = isinstance(image, bytes | bytearray | memoryview)
    with Image.open(io.BytesIO(image) if is_bytes else image) as opened:
        return opened.size


def _is_heic(file: Path | io.BytesIO) -> bool:
    with file.open("rb") if isinstance(file, Path) else contextlib.nullcontext(file) as stream:
        stream.seek(4)
        return stream.read(8) in _HEIC


def to_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("floating-point values of unknown range: scale them to 8 bits")
    if image.mode.startswith("I"):  # 16 bits (Pillow has no narrower mode that holds them)
        values = np.asarray(image).clip(0, 65535).astype(np.int32)
        if values.max() > 255:  # else these are 8 bits in a wider type, or all black
            values += 128
            values //= 257
        return Image.fromarray(values.astype(np.uint8)).convert("RGB")
    if image.mode in ("LA", "PA", "RGBA", "La", "RGBa") or "transparency" in image.info:
        image = in_mode(in_mode(image, "LA") if image.mode == "La" else image, "RGBA")
        opaque = Image.new("RGB", image.size, _background(image))
        opaque.paste(image, mask=image)
        return opaque
    return in_mode(image, "RGB")


def _background(image: Image.Image) -> str:
    """The background of an RGBA image: black behind mostly light pixels, else white.

    White or yellow digits on a transparent background would be invisible on white.
    """
    luminance = np.asarray(image.convert("L"), np.float32)
    alpha = np.asarray(image.getchannel("A"), np.float32)
    visible = alpha.sum()
    light = visible and (luminance * alpha).sum() / visible > _LIGHT
    return "black" if light and visible < _MOSTLY_OPAQUE * alpha.size * 255 else "white"


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    return image if image.mode == mode else image.convert(mode)  # `convert` always copies


def is_encoded(value: object) -> bool:
    """Whether a value is an image file: a path, its bytes, or an open file."""
    kinds = str | os.PathLike | bytes | bytearray | memoryview
    return isinstance(value, kinds) or hasattr(value, "read")


def to_array(image: np.ndarray | Image.Image | str | os.PathLike | bytes | BinaryIO) -> np.ndarray:
    """Convert an image of any kind to uint8 RGB.

    Args:
        image: a path, the bytes of a file or an open file, as `decode_image` takes them; a PIL
            image; or an array (height, width) or (height, width, 1 or 3), uint8 or float in
            [0, 255].

    Returns:
        uint8 array (height, width, 3); uint8 RGB is returned as it is.

    Raises:
        ValueError, OSError: as `decode_image`, or if the array is not an image.
    """
    if isinstance(image, Image.Image):
        image = image.copy()
        _turn_upright(image)
        return np.asarray(to_rgb(image))
    if is_encoded(image):
        return decode_image(image)
    if not isinstance(image, np.ndarray):
        raise TypeError(
            "an image is a path, the bytes of a file, an open file, a PIL image or an array. "
            f"Received: {type(image).__name__}"
        )
    accepted = image.dtype == np.uint8 or image.dtype.kind == "f"
    channels = image.shape[2:] in ((), (1,), (3,))
    if not (accepted and image.ndim in (2, 3) and channels and image.size):
        raise ValueError(
            "an image is an array (height, width) or (height, width, 3), uint8 or float in "
            f"[0, 255]. Received: {image.dtype} of shape {image.shape}"
            + ": scale it to [0, 255] and use .astype(np.uint8)"
            * (not accepted)
        )
    if image.dtype != np.uint8:
        low, high = float(image.min()), float(image.max())
        if not (low >= 0 and high <= 255) or 0 < high <= 1:
            raise ValueError(
                f"a float image has values in [0, 255]. Received: {low:.3g} to {high:.3g}"
                + ": multiply it by 255" * (0 <= low <= high <= 1)
            )
        image = image.round().astype(np.uint8)
    image = image[..., None] if image.ndim == 2 else image
    return image if image.shape[2] == 3 else image.repeat(3, axis=2)
