"""The reader of digitStruct.mat: genuine files, odd entries, files broken on purpose."""

from __future__ import annotations

import csv

import h5py
import numpy as np
import pytest

from datasets.svhn_numbers.digit_struct import (
    DigitStructError,
    Entry,
    main,
    parse_digit_struct,
    read_digit_struct,
)
from datasets.svhn_numbers.write_digit_struct import write_digit_struct
from tests.datasets.svhn_numbers import fuzz

ENTRIES = [
    Entry("1.png", np.array([5]), np.array([[43, 7, 62, 37]])),
    Entry(
        "2.png", np.array([2, 1, 0]), np.array([[9, 5, 11, 8], [14, 8, 22, 31], [21, 6, 29, 33]])
    ),
    Entry("3.png", np.array([0]), np.array([[-3, -1, 20, 30]])),
    Entry("4.png", np.array([9, 7]), np.array([[41, 6, 53, 28], [30, 7, 40, 29]])),
    Entry("5.png", np.arange(1, 7), np.array([[8 * n, 3, 8 * n + 7, 21] for n in range(6)])),
]


@pytest.fixture
def mat(tmp_path):
    """A small file in the official structure, for a test to break."""
    path = tmp_path / "digitStruct.mat"
    write_digit_struct(path, ENTRIES)
    return path


def first_field(file: h5py.File, entry: int, name: str) -> h5py.Dataset:
    return file[file["digitStruct/bbox"][entry, 0]][name]


def official(shared_data, split: str):
    with (shared_data / "svhn_annotations" / f"{split}.csv").open() as file:
        yield from csv.DictReader(file)


@pytest.mark.parametrize(
    ("folder", "split", "count"),
    [
        ("svhn_sample/train", "train", 256),
        ("svhn_sample/genuine/train", "train", 39),
        ("svhn_sample/genuine/test", "test", 40),
    ],
)
def test_reads_genuine_files_as_annotated(shared_data, folder, split, count):
    structs = read_digit_struct(shared_data / folder / "digitStruct.mat")
    assert len(structs) == count
    for index, (entry, row) in enumerate(zip(structs, official(shared_data, split), strict=False)):
        boxes = [[float(value) for value in box.split()] for box in row["boxes"].split(";")]
        assert (entry.name, structs.number(index)) == (row["file"], row["digits"])
        np.testing.assert_array_equal(entry.boxes, np.array(boxes, np.float32))


@pytest.mark.parametrize("split", ["train", "test", "extra"])
def test_agrees_with_h5py_on_genuine_files(shared_data, split):
    path = shared_data / "svhn_sample/genuine" / split / "digitStruct.mat"
    structs = read_digit_struct(path)
    with h5py.File(path) as file:
        for index, entry in enumerate(structs):
            name = file[file["digitStruct/name"][index, 0]][:, 0]
            assert entry.name == "".join(map(chr, name))
            group = file[file["digitStruct/bbox"][index, 0]]
            values = {
                key: [file[v][0, 0] if isinstance(v, h5py.Reference) else v for v in field[:, 0]]
                for key, field in group.items()
            }
            np.testing.assert_array_equal(entry.labels, np.array(values["label"]) % 10)
            np.testing.assert_array_equal(entry.boxes[:, 0], values["left"])
            bottom = np.add(values["top"], values["height"])
            np.testing.assert_array_equal(entry.boxes[:, 3], bottom)


def test_odd_entries_survive_writing_and_reading(mat):
    """One digit, 10 for zero, six digits, boxes off the image, boxes out of order."""
    structs = read_digit_struct(mat)
    assert [structs.number(index) for index in range(5)] == ["5", "210", "0", "97", "123456"]
    assert structs.labels.dtype == np.int32 and structs.boxes.dtype == np.float32
    assert structs.digit_counts.tolist() == [1, 3, 1, 2, 6]
    for read, written in zip(structs, ENTRIES, strict=True):
        assert read.name == written.name
        np.testing.assert_array_equal(read.boxes, written.boxes)
    with h5py.File(mat) as file:
        assert first_field(file, 2, "label")[0, 0] == 10
        assert isinstance(first_field(file, 1, "label")[0, 0], h5py.Reference)


@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"fletcher32": True}])
def test_reads_lists_that_are_chunked_and_compressed(mat, options):
    plain = read_digit_struct(mat)
    with h5py.File(mat, "r+") as file:
        for name in ("name", "bbox"):
            values = file[f"digitStruct/{name}"][()]
            del file[f"digitStruct/{name}"]
            file["digitStruct"].create_dataset(
                name,
                data=values,
                dtype=h5py.ref_dtype,
                chunks=(2, 1),
                compression="gzip",
                **options,
            )
    packed = read_digit_struct(mat)
    assert packed.names.tolist() == plain.names.tolist()
    np.testing.assert_array_equal(packed.boxes, plain.boxes)


def test_reads_a_list_of_a_hundred_chunks(tmp_path):
    """More chunks than one node of the index holds, so the index has two levels."""
    path = tmp_path / "digitStruct.mat"
    write_digit_struct(path, ENTRIES * 40)
    with h5py.File(path, "r+") as file:
        values = file["digitStruct/bbox"][()]
        del file["digitStruct/bbox"]
        file["digitStruct"].create_dataset(
            "bbox", data=values, dtype=h5py.ref_dtype, chunks=(2, 1), compression="gzip"
        )
    structs = read_digit_struct(path)
    assert structs.digit_counts.tolist() == [1, 3, 1, 2, 6] * 40


def spoil_value(field, value):
    def spoil(file):
        target = first_field(file, 1, field)
        file[target[1, 0]][0, 0] = value

    return spoil


def replace_reference(field, find_target):
    def spoil(file):
        target = first_field(file, 1, field)
        target[1, 0] = find_target(file).ref

    return spoil


def spoil_name(text):
    def spoil(file):
        target = file[file["digitStruct/name"][1, 0]]
        target[: len(text), 0] = [ord(letter) for letter in text]

    return spoil


def shorten_list(file):
    group = file[file["digitStruct/bbox"][1, 0]]
    values = group["left"][:2]
    del group["left"]
    group.create_dataset("left", data=values, dtype=h5py.ref_dtype)


def lengthen_list(file):
    group = file[file["digitStruct/bbox"][1, 0]]
    values = np.repeat(group["left"][:1], 65, axis=0)
    for name in list(group):
        del group[name]
        group.create_dataset(name, data=values, dtype=h5py.ref_dtype)


def remove_field(file):
    del file[file["digitStruct/bbox"][1, 0]]["width"]


def point_bbox_at(target):
    def spoil(file):
        file["digitStruct/bbox"][1, 0] = file[target].ref

    return spoil


def null_reference(file):
    first_field(file, 1, "top")[1, 0] = h5py.h5r.Reference()


BROKEN = {
    "label 0": (spoil_value("label", 0), "label is 1 to 9, or 10"),
    "label 11": (spoil_value("label", 11), "Received: 11"),
    "label 2.5": (spoil_value("label", 2.5), "Received: 2.5"),
    "label NaN": (spoil_value("label", np.nan), "Received: nan"),
    "left NaN": (spoil_value("left", np.nan), "left nan"),
    "top infinite": (spoil_value("top", -np.inf), "top -inf"),
    "width negative": (spoil_value("width", -4), "width and a height above 0"),
    "height zero": (spoil_value("height", 0), "width and a height above 0"),
    "absurdly far": (spoil_value("left", 1e9), "reaches at most"),
    "reference to itself": (
        replace_reference("left", lambda file: first_field(file, 1, "left")),
        "bbox/left",
    ),
    "reference to a group": (
        replace_reference("top", lambda file: file["digitStruct"]),
        "bbox/top",
    ),
    "reference to text": (
        replace_reference("top", lambda file: file[file["digitStruct/name"][0, 0]]),
        "bbox/top",
    ),
    "reference to nowhere": (null_reference, "bbox/top points nowhere"),
    "boxes are the list of boxes": (point_bbox_at("digitStruct/bbox"), "bbox is no group"),
    "boxes are the whole struct": (point_bbox_at("digitStruct"), "bbox has no member"),
    "field missing": (remove_field, "no member called width"),
    "fields of two lengths": (shorten_list, "differ in length"),
    "65 digits": (lengthen_list, "not 1 to 64 values"),
    "name with a slash": (spoil_name("../x"), "name holds a slash"),
    "name with a null": (spoil_name("\0"), "name holds"),
    "name with half a character": (spoil_name("\ud800"), "name holds"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_entry_is_named_or_skipped(mat, case):
    spoil, problem = BROKEN[case]
    with h5py.File(mat, "r+") as file:
        spoil(file)
    with pytest.raises(DigitStructError) as caught:
        read_digit_struct(mat)
    assert str(mat) in str(caught.value) and "entry 2 of 5" in str(caught.value)
    assert problem in str(caught.value)
    structs = read_digit_struct(mat, skip_broken=True)
    assert structs.names.tolist() == ["1.png", "3.png", "4.png", "5.png"]
    assert structs.digit_counts.tolist() == [1, 1, 2, 6]
    assert list(structs.skipped) == [1] and problem in structs.skipped[1]
    np.testing.assert_array_equal(structs.entry(2).boxes, ENTRIES[3].boxes)


def test_the_command_prints_csv_and_errors(mat, capsys):
    main([str(mat)])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "file,digits,boxes"
    assert lines[2:4] == ["2.png,210,9 5 11 8;14 8 22 31;21 6 29 33", "3.png,0,-3 -1 20 30"]
    with h5py.File(mat, "r+") as file:
        remove_field(file)
    main([str(mat), "--skip-broken"])
    captured = capsys.readouterr()
    assert len(captured.out.splitlines()) == 5 and "left out entry 2" in captured.err
    with pytest.raises(SystemExit):
        main([str(mat)])
    assert "entry 2 of 5" in capsys.readouterr().err


def test_what_is_not_the_file_is_refused_by_name(tmp_path, mat):
    newer = tmp_path / "newer.mat"
    with h5py.File(newer, "w", libver="latest") as file:
        file["digitStruct/name"] = 1
    other = tmp_path / "other.mat"
    with h5py.File(other, "w") as file:
        file["something"] = 1
    empty = tmp_path / "empty.mat"
    empty.write_bytes(b"")
    text = tmp_path / "text.mat"
    text.write_text("MATLAB 5.0 MAT-file, not HDF5 at all" * 100)
    for path, problem in [
        (newer, "newer format"),
        (other, "no member called digitStruct"),
        (empty, "empty"),
        (text, "not an HDF5 file"),
    ]:
        with pytest.raises(DigitStructError, match=problem) as caught:
            read_digit_struct(path)
        assert str(path) in str(caught.value)
    with pytest.raises(FileNotFoundError):
        read_digit_struct(tmp_path / "absent.mat")


def test_a_file_cut_short_anywhere_is_refused(mat):
    data = mat.read_bytes()
    for length in (1, 7, 512, 520, 600, 2000, len(data) // 2, len(data) - 1):
        with pytest.raises(DigitStructError, match=r"cut short|not an HDF5 file"):
            parse_digit_struct(data[:length], "cut.mat")


@pytest.mark.parametrize("rows", [2**40, 2**62, -1, 0])
def test_absurd_sizes_are_refused(mat, rows):
    data = bytearray(mat.read_bytes())
    with h5py.File(mat) as file:
        for name in ("name", "bbox"):
            header = 512 + h5py.h5o.get_info(file[f"digitStruct/{name}"].id).addr
            at = data.index((5).to_bytes(8, "little") + (1).to_bytes(8, "little"), header)
            data[at : at + 8] = rows.to_bytes(8, "little", signed=True)
    with pytest.raises(DigitStructError, match="not 1 to"):
        parse_digit_struct(bytes(data), "absurd.mat")


def test_a_list_that_unpacks_to_more_than_it_says_is_refused(mat):
    """A bomb: a few bytes that would unpack to a gigabyte of references."""
    with h5py.File(mat, "r+") as file:
        del file["digitStruct/bbox"]
        file["digitStruct"].create_dataset(
            "bbox", (2**27, 1), h5py.ref_dtype, chunks=(2**20, 1), compression="gzip"
        )
    with pytest.raises(DigitStructError, match="not 1 to"):
        read_digit_struct(mat)


def test_entries_that_share_their_digits_cannot_multiply_them(mat):
    """A small file in which thousands of entries point to the same 64 digits."""
    with h5py.File(mat, "r+") as file:
        lengthen_list(file)
        group = file[file["digitStruct/bbox"][1, 0]]
        for name in list(group):
            values = group[name][:64]
            del group[name]
            group.create_dataset(name, data=values, dtype=h5py.ref_dtype)
        for name in ("name", "bbox"):
            values = np.repeat(file[f"digitStruct/{name}"][1:2], 400, axis=0)
            del file[f"digitStruct/{name}"]
            file["digitStruct"].create_dataset(name, data=values, dtype=h5py.ref_dtype)
    with pytest.raises(DigitStructError, match="no room for"):
        read_digit_struct(mat)


@pytest.mark.parametrize("split", ["train", "test", "extra"])
def test_mutated_genuine_files_are_read_or_refused(shared_data, split):
    data = (shared_data / "svhn_sample/genuine" / split / "digitStruct.mat").read_bytes()
    touched = fuzz.touched_positions(data)
    outcomes = {
        fuzz.run_case(fuzz.mutate(data, touched, case), skip_broken=bool(case % 2))
        for case in range(60)
    }
    assert outcomes == {"read", "refused", "read in part"}
