"""Decoding of image files."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from number_zoo.images import decode_image, measure_image, to_array
from tests.conftest import encode_image

RED = (200, 30, 40)


def red(mode: str = "RGB") -> Image.Image:
    return Image.new("RGB", (6, 4), RED).convert(mode)


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.full((4, 6), 40_000, np.uint16))


def clear_palette() -> bytes:
    image = Image.new("P", (6, 4), 1)
    image.putpalette([0, 0, 0, *RED])
    return encode_image(image, transparency=1)


@pytest.mark.parametrize(
    ("colour", "background"),
    [((255, 255, 255), 0), ((255, 230, 0), 0), ((20, 30, 20), 255), (RED, 255)],
)
def test_content_on_transparent_pixels_stays_visible(colour, background):
    image = Image.new("RGBA", (6, 4), (255, 255, 255, 0))
    image.putpixel((2, 1), (*colour, 255))
    pixels = decode_image(encode_image(image))
    assert pixels[1, 2].tolist() == list(colour)
    assert pixels[0, 0].tolist() == [background] * 3


def test_a_light_photo_with_few_transparent_pixels_is_composited_over_white():
    image = Image.new("RGBA", (20, 20), (240, 240, 240, 255))
    image.putpixel((0, 0), (0, 0, 0, 0))
    assert decode_image(encode_image(image))[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("coded", "colour", "tolerance"),
    [
        (encode_image(red()), RED, 0),
        (encode_image(red(), "JPEG", quality=95), RED, 4),
        (encode_image(red("CMYK"), "JPEG", quality=95), RED, 6),
        (encode_image(red("CMYK"), "TIFF"), RED, 2),
        (encode_image(red().quantize(2)), RED, 0),
        (encode_image(red("L")), (82, 82, 82), 1),
        (encode_image(red("1").convert("1", dither=0)), (0, 0, 0), 255),
        (encode_image(Image.new("RGBA", (6, 4), (*RED, 255))), RED, 0),
        (encode_image(Image.new("RGBA", (6, 4), (*RED, 0))), (255, 255, 255), 0),
        (encode_image(Image.new("RGBA", (6, 4), (0, 0, 0, 51))), (204, 204, 204), 1),
        (encode_image(Image.new("LA", (6, 4), (10, 255))), (10, 10, 10), 0),
        (clear_palette(), (255, 255, 255), 0),
        (encode_image(sixteen_bits()), (156, 156, 156), 0),
        (encode_image(sixteen_bits(), "TIFF"), (156, 156, 156), 0),
        (encode_image(Image.new("I;16", (6, 4), 65_535), "TIFF"), (255, 255, 255), 0),
        (encode_image(Image.new("I;16", (6, 4), 255), "TIFF"), (255, 255, 255), 0),
        (encode_image(red(), "WEBP", lossless=True), RED, 0),
        (encode_image(red(), "BMP"), RED, 0),
        (encode_image(red(), "GIF"), RED, 26),
    ],
)
def test_every_format_becomes_rgb(coded, colour, tolerance, tmp_path):
    (tmp_path / "image").write_bytes(coded)
    for source in (coded, tmp_path / "image", str(tmp_path / "image")):
        image = decode_image(source)
        assert image.dtype == np.uint8
        assert image.shape == (4, 6, 3)
        assert np.abs(image.astype(int) - colour).max() <= tolerance


def test_premultiplied_alpha_is_composited():
    for mode, colour in (("La", (10, 255)), ("RGBa", (10, 10, 10, 255))):
        image = Image.new(mode[:-1] + "A", (6, 4), colour).convert(mode)
        assert (to_array(image) == 10).all()


def test_floats_are_rounded():
    assert (to_array(np.full((4, 6), 99.6)) == 100).all()


def test_exif_orientation_is_applied():
    stored = Image.new("RGB", (6, 4))
    stored.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = 6  # display it rotated clockwise by 90 degrees
    image = decode_image(encode_image(stored, exif=exif))
    assert image.shape == (6, 4, 3)
    assert image[0, 3].tolist() == [255, 255, 255]


def test_damaged_exif_is_ignored():
    exif = Image.Exif()
    exif[0x0112], exif[0x0100] = 6, 640  # orientation and width
    intact = exif.tobytes()
    width_as_text = intact.replace(b"\x01\x00\x00\x04", b"\x01\x00\x00\x02")
    no_header = intact.replace(b"MM\x00*", b"MMMM")
    for damaged, shape in ((width_as_text, (6, 4, 3)), (no_header, (4, 6, 3))):
        assert damaged != intact
        for kind in ("PNG", "JPEG"):
            coded = encode_image(Image.new("RGB", (6, 4)), kind, exif=damaged)
            assert (
                decode_image(coded).shape == to_array(Image.open(io.BytesIO(coded))).shape == shape
            )


@pytest.mark.parametrize(
    "coded",
    [b"", b"not an image", encode_image(red())[:45], encode_image(red(), "JPEG")[:300]],
    ids=["empty", "text", "cut png", "cut jpeg"],
)
def test_what_does_not_decode_is_named(coded, tmp_path):
    (tmp_path / "door.jpg").write_bytes(coded)
    with pytest.raises(ValueError, match=r"door\.jpg does not decode"):
        decode_image(tmp_path / "door.jpg")
    kind = "an empty file" if not coded else "a file of an unknown kind" if b"not" in coded else ""
    with pytest.raises(ValueError, match=f"gate does not decode .* Received: {kind}"):
        decode_image(coded, name="gate")


def test_heic_is_read_or_what_reads_it_is_named(tmp_path, monkeypatch):
    (tmp_path / "IMG_1.HEIC").write_bytes(encode_image(red(), "HEIF", quality=95))
    image = decode_image(tmp_path / "IMG_1.HEIC")
    assert measure_image(tmp_path / "IMG_1.HEIC") == (6, 4) and image.shape == (4, 6, 3)
    assert np.abs(image.astype(int) - RED).max() <= 6
    monkeypatch.delitem(Image.OPEN, "HEIF")
    monkeypatch.setattr(Image, "ID", [kind for kind in Image.ID if kind != "HEIF"])
    for source in (tmp_path / "IMG_1.HEIC", (tmp_path / "IMG_1.HEIC").read_bytes()):
        with pytest.raises(ValueError, match=r"IMG_1\.HEIC is a HEIC .* pip install pillow-heif"):
            decode_image(source, name="IMG_1.HEIC")


def test_a_missing_file_and_an_unknown_range(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        decode_image(tmp_path / "missing.png")
    with pytest.raises(FileNotFoundError, match="URLs are not read, download it"):
        decode_image("https://example.org/26.jpg")
    with pytest.raises(IsADirectoryError, match="is a folder, not an image"):
        decode_image(tmp_path)
    with pytest.raises(OSError, match="/dev/null is a pipe or a device"):
        decode_image("/dev/null")
    with pytest.raises(ValueError, match="range"):
        decode_image(encode_image(Image.new("F", (4, 4), 0.5), "TIFF"))
