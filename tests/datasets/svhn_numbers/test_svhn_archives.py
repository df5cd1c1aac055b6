"""Archives and folders of a split: read completely, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from datasets.svhn_numbers.archives import ArchiveError, find_split, read_split
from datasets.svhn_numbers.digit_struct import DigitStructError
from tests.conftest import encode_image
from tests.datasets.svhn_numbers.samples import (
    draw_entries,
    draw_png,
    folder_members,
    make_archive,
    make_folder,
)

ENTRIES = draw_entries(6)


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "train", ENTRIES)


@pytest.fixture
def archive(folder, tmp_path):
    return make_archive(tmp_path / "train.tar.gz", folder_members(folder))


def check_complete(path):
    examples = {entry.name: (entry, image) for entry, image in read_split(path, "train")}
    assert len(examples) == len(ENTRIES)
    for index, written in enumerate(ENTRIES):
        entry, image = examples[written.name]
        assert image == draw_png(index)
        assert entry.label == written.label
        np.testing.assert_array_equal(entry.boxes, written.boxes)


def test_a_folder_and_its_archive_hold_the_same(folder, tmp_path):
    check_complete(folder)
    assert find_split("train", tmp_path) == folder
    members = folder_members(folder)
    extra = [("train/._1.png", b"x"), (f"{'long' * 60}/x.png", b"x"), ("../train/9.png", b"x")]
    archive = make_archive(tmp_path / "train.tar.gz", extra + members[::-1])
    check_complete(archive)
    assert find_split("train", tmp_path) == archive, "preferred to the folder"
    assert find_split("extra", tmp_path) is None


@pytest.mark.parametrize("fraction", [0.0, 0.01, 0.3, 0.6, 0.9, "changed"])
def test_a_damaged_archive_is_named(archive, fraction):
    data = bytearray(archive.read_bytes())
    if fraction == "changed":
        data[len(data) * 2 // 3] ^= 0x10
    else:
        data = data[: int(len(data) * fraction)]
    archive.write_bytes(bytes(data))
    words = r"damaged or incomplete|holds no|do not decode"
    with pytest.raises(ArchiveError, match=words) as caught:
        list(read_split(archive, "train"))
    assert str(archive) in str(caught.value)


def test_a_damaged_struct_is_named_by_its_archive(folder, archive):
    members = dict(folder_members(folder))
    members["train/digitStruct.mat"] = members["train/digitStruct.mat"][:5000]
    make_archive(archive, members.items())
    with pytest.raises(DigitStructError, match=f"{archive}: digitStruct.mat"):
        list(read_split(archive, "train"))


@pytest.mark.parametrize("as_archive", [True, False])
def test_absent_and_unlisted_images_are_named(folder, tmp_path, as_archive):
    def path():
        members = folder_members(folder)
        return make_archive(tmp_path / "train.tar.gz", members) if as_archive else folder

    (folder / "99.png").write_bytes(draw_png(99))
    with pytest.raises(ArchiveError, match=r"1 images present but not listed: 99\.png"):
        list(read_split(path(), "train"))
    (folder / "2.png").unlink()
    (folder / "5.png").unlink()
    with pytest.raises(ArchiveError, match=r"2 images listed but absent: 2\.png, 5\.png"):
        list(read_split(path(), "train"))


@pytest.mark.parametrize("content", [b"", b"not an image", draw_png(2)[:-900], "gif"])
def test_an_image_that_does_not_decode_is_named(folder, content):
    if content == "gif":
        content = encode_image(Image.new("RGB", (4, 4)), "GIF")
    (folder / "3.png").write_bytes(content)
    with pytest.raises(ArchiveError, match=r"1 images that do not decode as PNG: 3\.png") as caught:
        list(read_split(folder, "train"))
    assert str(folder) in str(caught.value)
