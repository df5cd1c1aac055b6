"""Archives and folders of a split: read whole, or refused by name."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib

import numpy as np
import pytest
from PIL import Image

from datasets.svhn_numbers import archives
from datasets.svhn_numbers.archives import ArchiveError, Skipped, find_split, read_split
from datasets.svhn_numbers.digit_struct import DigitStructError
from tests.datasets.svhn_numbers.samples import (
    draw_entries,
    draw_png,
    folder_members,
    make_archive,
    make_folder,
)

ENTRIES = draw_entries(6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_folder(tmp_path_factory.mktemp("svhn") / "train", ENTRIES)


def check_all_there(path):
    examples = {example.entry.name: example for example in read_split(path, "train")}
    assert len(examples) == len(ENTRIES)
    for index, entry in enumerate(ENTRIES):
        example = examples[entry.name]
        assert example.image == draw_png(index)
        np.testing.assert_array_equal(example.entry.labels, entry.labels)
        np.testing.assert_array_equal(example.entry.boxes, entry.boxes)


def test_a_folder_and_its_archives_hold_the_same(folder, tmp_path):
    check_all_there(folder)
    check_all_there(make_archive(tmp_path / "train.tar.gz", folder_members(folder)))
    check_all_there(make_archive(tmp_path / "train.tar", folder_members(folder)[::-1]))


def test_long_names_folders_and_hidden_files_do_no_harm(folder, tmp_path):
    directory = tarfile.TarInfo("train")
    directory.type = tarfile.DIRTYPE
    more = [(directory, b""), ("train/._1.png", b"x"), (f"{'long' * 60}/x.png", b"x")]
    check_all_there(make_archive(tmp_path / "train.tar.gz", more + folder_members(folder)))


def test_find_split_takes_the_first_of_archive_or_folder(folder, tmp_path):
    assert find_split("train", [tmp_path, folder.parent]) == folder
    archive = make_archive(tmp_path / "train.tar.gz", [])
    assert find_split("train", [tmp_path, folder.parent]) == archive
    assert find_split("extra", [tmp_path, folder.parent]) is None


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    return header


UNSAFE = {
    "parent": ("train/../../evil.png", "leaves the archive's folder"),
    "absolute": ("/etc/evil.png", "leaves the archive's folder"),
    "backslash": ("train\\..\\evil.png", "leaves the archive's folder"),
    "symbolic link": (special("train/7.png", tarfile.SYMTYPE, "/etc/passwd"), "neither file nor"),
    "hard link": (special("train/7.png", tarfile.LNKTYPE, "train/1.png"), "neither file nor"),
    "device": (special("train/7.png", tarfile.CHRTYPE), "neither file nor"),
    "pipe": (special("train/7.png", tarfile.FIFOTYPE), "neither file nor"),
    "twice": ("train/1.png", "two members called 1.png"),
}


@pytest.mark.parametrize("case", UNSAFE)
@pytest.mark.parametrize("skip_broken", [False, True])
def test_an_unsafe_archive_is_refused_even_when_skipping(folder, tmp_path, case, skip_broken):
    member, problem = UNSAFE[case]
    path = make_archive(tmp_path / "train.tar.gz", [*folder_members(folder), (member, b"")])
    with pytest.raises(ArchiveError, match=problem) as caught:
        list(read_split(path, "train", skip_broken=skip_broken))
    assert str(path) in str(caught.value)
    assert [file.name for file in tmp_path.iterdir()] == ["train.tar.gz"]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("name", ["train.tar.gz", "train.tar"])
def test_an_archive_cut_short_is_refused(folder, tmp_path, name, share):
    path = make_archive(tmp_path / name, folder_members(folder))
    data = path.read_bytes()
    if name.endswith(".tar"):  # past the last member, a tar is padding
        data = data[: sum(512 + -(-len(m[1]) // 512) * 512 for m in folder_members(folder))]
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ArchiveError, match=r"cut short|broken|holds no"):
        list(read_split(path, "train"))


def test_a_tar_without_its_end_is_refused(folder, tmp_path):
    """Cut between two members: nothing in it is broken, only the end is missing."""
    members = folder_members(folder)
    path = make_archive(tmp_path / "train.tar", members)
    whole = sum(512 + -(-len(data) // 512) * 512 for _, data in members)
    path.write_bytes(path.read_bytes()[:whole])
    with pytest.raises(ArchiveError, match="cut short"):
        list(read_split(path, "train"))


def test_damage_in_a_compressed_archive_is_noticed(folder, tmp_path):
    path = make_archive(tmp_path / "train.tar.gz", folder_members(folder))
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3] ^= 0x10
    path.write_bytes(bytes(data))
    with pytest.raises(ArchiveError):
        list(read_split(path, "train"))


def test_a_bomb_is_refused_before_it_unpacks(tmp_path):
    """A gigabyte of nulls in a megabyte: refused at a hundredth of it."""
    path = tmp_path / "train.tar.gz"
    header = tarfile.TarInfo("train/digitStruct.mat")
    header.size = 1 << 40
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    with path.open("wb") as file:
        file.write(packer.compress(header.tobuf(tarfile.GNU_FORMAT)))
        for _ in range(256):
            file.write(packer.compress(bytes(1 << 20)))
        file.write(packer.flush())
    with pytest.raises(ArchiveError, match="unpacks to more than"):
        list(read_split(path, "train"))


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    header = special("train/1.png", tarfile.XHDTYPE)
    header.size = 1 << 40
    path = tmp_path / "train.tar"
    path.write_bytes(header.tobuf(tarfile.GNU_FORMAT) + bytes(4096))
    with pytest.raises(ArchiveError, match="a header of 1099511627776 bytes"):
        list(read_split(path, "train"))


@pytest.mark.parametrize("as_archive", [True, False])
def test_listed_absent_and_unlisted_images(tmp_path, as_archive):
    source = make_folder(tmp_path / "train", ENTRIES)
    (source / "2.png").unlink()
    (source / "5.png").unlink()

    def path():
        members = folder_members(source)
        return make_archive(tmp_path / "train.tar.gz", members) if as_archive else source

    with pytest.raises(ArchiveError, match=r"2 images listed but absent: 2\.png, 5\.png"):
        list(read_split(path(), "train"))
    (source / "2.png").write_bytes(draw_png(1))
    (source / "5.png").write_bytes(draw_png(4))
    (source / "99.png").write_bytes(draw_png(99))
    with pytest.raises(ArchiveError, match=r"1 images present but not listed: 99\.png"):
        list(read_split(path(), "train"))
    (source / "2.png").unlink()
    skipped = Skipped()
    read = list(read_split(path(), "train", skip_broken=True, skipped=skipped))
    assert sorted(example.entry.name for example in read) == [
        "1.png",
        "3.png",
        "4.png",
        "5.png",
        "6.png",
    ]
    assert skipped.counts == {"images listed but absent": 1, "images present but not listed": 1}
    assert "99.png" in str(skipped)


def gif() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4)).save(out, "gif")
    return out.getvalue()


def huge() -> bytes:
    """The head of a PNG that says 60,000 x 60,000."""
    data = bytearray(draw_png(0))
    data[16:24] = (60_000).to_bytes(4, "big") * 2
    data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    return bytes(data)


BROKEN = {
    "empty": b"",
    "text": b"not an image",
    "cut": draw_png(2)[:-900],
    "cut by the end mark": draw_png(2)[:-12],
    "changed": draw_png(2)[:700] + b"\0\0\0" + draw_png(2)[703:],
    "another format": gif(),
    "huge": huge(),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_image_that_does_not_decode_is_named_or_counted(tmp_path, case):
    source = make_folder(tmp_path / "train", ENTRIES)
    (source / "3.png").write_bytes(BROKEN[case])
    with pytest.raises(ArchiveError, match=r"3\.png: it ") as caught:
        list(read_split(source, "train"))
    assert str(source) in str(caught.value)
    skipped = Skipped()
    read = list(read_split(source, "train", skip_broken=True, skipped=skipped))
    assert len(read) == 5 and skipped.counts == {"images that do not decode": 1}


def test_a_broken_struct_is_named_by_its_archive(folder, tmp_path):
    members = dict(folder_members(folder))
    members["train/digitStruct.mat"] = members["train/digitStruct.mat"][:5000]
    path = make_archive(tmp_path / "train.tar.gz", members.items())
    with pytest.raises(DigitStructError, match="cut short") as caught:
        list(read_split(path, "train"))
    assert f"{path}: digitStruct.mat" in str(caught.value)


def test_a_image_of_absurd_size_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "MOST_IMAGE_BYTES", 1000)
    path = make_archive(tmp_path / "train.tar.gz", folder_members(folder))
    for source in (folder, path):
        with pytest.raises(ArchiveError, match="1000"):
            list(read_split(source, "train"))


def test_two_gzip_streams_in_one_file_read_as_one(folder, tmp_path):
    """As parallel compressors write them."""
    data = gzip.decompress(make_archive(tmp_path / "a.tar.gz", folder_members(folder)).read_bytes())
    path = tmp_path / "train.tar.gz"
    path.write_bytes(gzip.compress(data[:3000]) + gzip.compress(data[3000:]))
    check_all_there(path)
