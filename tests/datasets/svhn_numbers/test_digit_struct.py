"""The reader of digitStruct.mat: genuine files, unusual entries, damaged files."""

from __future__ import annotations

import csv

import h5py
import numpy as np
import pytest

from datasets.svhn_numbers.digit_struct import DigitStructError, Entry, read_digit_struct
from datasets.svhn_numbers.write_digit_struct import write_digit_struct

ENTRIES = [
    Entry("1.png", "5", np.array([[43, 7, 62, 37]])),
    Entry("2.png", "210", np.array([[9, 5, 11, 8], [14, 8, 22, 31], [21, 6, 29, 33]])),
    Entry("3.png", "0", np.array([[-3, -1, 20, 30]])),
    Entry("4.png", "97", np.array([[41, 6, 53, 28], [30, 7, 40, 29]])),
    Entry("5.png", "123456", np.array([[8 * n, 3, 8 * n + 7, 21] for n in range(6)])),
]


@pytest.fixture
def mat(tmp_path):
    """A small file in the official structure, for a test to damage."""
    path = tmp_path / "digitStruct.mat"
    write_digit_struct(path, ENTRIES)
    return path


@pytest.mark.parametrize(
    ("folder", "split", "count"),
    [
        ("svhn_sample/train", "train", 256),
        ("svhn_sample/genuine/train", "train", 39),
        ("svhn_sample/genuine/test", "test", 40),
    ],
)
def test_genuine_files_read_as_annotated(shared_data, folder, split, count):
    entries = read_digit_struct(shared_data / folder / "digitStruct.mat")
    assert len(entries) == count
    with (shared_data / "svhn_annotations" / f"{split}.csv").open() as file:
        for entry, row in zip(entries, csv.DictReader(file), strict=False):
            boxes = [[float(value) for value in box.split()] for box in row["boxes"].split(";")]
            assert (entry.name, entry.label) == (row["file"], row["digits"])
            np.testing.assert_array_equal(entry.boxes, np.array(boxes, np.float32))


@pytest.mark.parametrize("compressed", [False, True])
def test_unusual_entries_survive_writing_and_reading(mat, compressed):
    """One digit, 10 for zero, six digits, boxes off the image, boxes out of order."""
    with h5py.File(mat, "r+") as file:
        assert file[file["digitStruct/bbox"][2, 0]]["label"][0, 0] == 10
        if compressed:  # as MATLAB may store long lists
            values = file["digitStruct/name"][()]
            del file["digitStruct/name"]
            file["digitStruct"].create_dataset(
                "name", data=values, dtype=h5py.ref_dtype, chunks=(2, 1), compression="gzip"
            )
    for entry, written in zip(read_digit_struct(mat), ENTRIES, strict=True):
        assert (entry.name, entry.label) == (written.name, written.label)
        assert entry.boxes.dtype == np.float32
        np.testing.assert_array_equal(entry.boxes, written.boxes)


VALUES = (
    ("label", 0, "label is 1 to 9, or 10"),
    ("label", 11, "Received: .*11"),
    ("label", 2.5, r"Received: .*2\.5"),
    ("label", np.nan, "Received: .*nan"),
    ("top", -np.inf, "finite edges"),
    ("width", -4, "area above 0"),
    ("height", 0, "area above 0"),
)
NAMES = (("../x", "a name is that of a file"), ("\0", "a name is that of a file"), ("\ud800", ""))
REFERENCES = (("top", "digitStruct"), ("top", "digitStruct/name"), ("top", None),
              (None, "digitStruct/bbox"), (None, "digitStruct"))  # fmt: skip


@pytest.mark.parametrize("damage", [*VALUES, *NAMES, *REFERENCES, "removed", "shortened"])
def test_an_invalid_entry_is_named(mat, damage):
    problem = ""
    with h5py.File(mat, "r+") as file:
        group = file[file["digitStruct/bbox"][1, 0]]
        if damage in VALUES:
            field, value, problem = damage
            file[group[field][1, 0]][0, 0] = value
        elif damage in NAMES:
            text, problem = damage
            name = file[file["digitStruct/name"][1, 0]]
            name[: len(text), 0] = [ord(letter) for letter in text]
        elif damage in REFERENCES:
            field, target = damage
            references = group[field] if field else file["digitStruct/bbox"]
            references[1, 0] = file[target].ref if target else h5py.h5r.Reference()
        else:
            values = group["left"][:2]
            del group["left"]
            if damage == "shortened":
                group.create_dataset("left", data=values, dtype=h5py.ref_dtype)
    with pytest.raises(DigitStructError, match=f"entry 2 of 5: .*{problem}") as caught:
        read_digit_struct(mat)
    assert str(mat) in str(caught.value)


def test_a_file_of_another_kind_or_cut_short_is_named(tmp_path, mat):
    data = mat.read_bytes()
    contents = [data[:length] for length in (0, 1, 7, 520, 2000, len(data) // 2, len(data) - 1)]
    for content in [*contents, b"MATLAB 5.0 MAT-file, not HDF5 at all" * 100]:
        mat.write_bytes(content)
        with pytest.raises(DigitStructError, match=r"is not a digitStruct\.mat") as caught:
            read_digit_struct(mat)
        assert str(mat) in str(caught.value)
    with h5py.File(mat, "w") as file:
        file["something"] = 1
    with pytest.raises(DigitStructError, match=r"is not a digitStruct\.mat"):
        read_digit_struct(mat)
    with pytest.raises(FileNotFoundError):
        read_digit_struct(tmp_path / "absent.mat")
