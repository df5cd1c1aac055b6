"""Reading a folder of photos, and errors that name file and line."""

from __future__ import annotations

import pytest
from PIL import Image

from datasets.photo_folder import read_folder, split_of


def put_image(folder, name="a.png"):
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (4, 4)).save(folder / name)


@pytest.mark.parametrize(
    ("file", "split"),
    [
        ("000000.png", "train"),
        ("000001.png", "test"),
        ("p17.png", "validation"),
        ("p34.png", "test"),
        ("p30.png", "validation"),
        ("front_door.jpg", "train"),
        ("images/000001.png", "test"),
        ("images\\000001.png", "test"),
    ],
)
def test_a_file_stays_in_its_split(file, split):
    assert split_of(file) == split


def test_fractions_of_the_splits():
    splits = [split_of(f"{index}.jpg") for index in range(20_000)]
    assert splits.count("test") == pytest.approx(3000, abs=150)
    assert splits.count("validation") == pytest.approx(2000, abs=130)
    assert splits.count("train") == pytest.approx(15_000, abs=200)


@pytest.mark.parametrize(
    "text",
    [
        "file,label\na.png,007\n",
        "file,label",
        "\ufefffile,label\r\na.png,007\r\n",
        "label;file\n007;a.png\n",
        "File , Label ,note\n a.png , 007 ,x\n",
        'note,file,label\n"two\nlines, and a comma",a.png,"007"\n\n',
        "file\tlabel\na.png\t007\n",
    ],
    ids=["plain", "empty", "bom crlf", "semicolons", "spaces", "quotes", "tabs"],
)
def test_variants_of_csv(tmp_path, text):
    put_image(tmp_path)
    (tmp_path / "labels.csv").write_bytes(text.encode())
    if text == "file,label":
        with pytest.raises(ValueError, match="no rows"):
            read_folder(tmp_path)
        return
    (photo,) = read_folder(tmp_path)
    assert (photo.file, photo.label, photo.path) == ("a.png", "007", tmp_path / "a.png")


def test_images_in_images_and_deeper_and_without_a_number(tmp_path):
    put_image(tmp_path, "images/a.png")
    put_image(tmp_path, "garden/gate.png")
    (tmp_path / "labels.csv").write_text("file,label\na.png,\ngarden/gate.png,12\n")
    photos = read_folder(tmp_path)
    assert [photo.label for photo in photos] == ["", "12"]
    assert photos[0].path == tmp_path / "images" / "a.png"


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        (None, FileNotFoundError, ["labels.csv", "file,label"]),
        (b"name,label\na.png,1\n", ValueError, ["line 1", "'file'", "name,label"]),
        (b"file,number\na.png,1\n", ValueError, ["line 1", "'label'"]),
        (b"", ValueError, ["line 1", "'file'"]),
        (b"file,label\na.png,1\nb.png,2\n", FileNotFoundError, ["line 3", "b.png"]),
        (b"file,label\na.png,12a\n", ValueError, ["line 2", "'12a'"]),
        (b"file,label\na.png,-1\n", ValueError, ["line 2", "'-1'"]),
        ("file,label\na.png,٣\n".encode(), ValueError, ["line 2"]),
        (b"file,label\na.png,1\na.png,1\n", ValueError, ["line 3", "already on line 2"]),
        (b"file,label\na.png\n", ValueError, ["line 2", "fewer fields"]),
        (b"file,label\n/etc/a.png,1\n", ValueError, ["line 2", "within the folder"]),
        (b"file,label\nC:\\a.png,1\n", ValueError, ["line 2", "within the folder"]),
        (b"file,label\n../a.png,1\n", ValueError, ["line 2", "'..'"]),
        (b"file,label\nx/..\\a.png,1\n", ValueError, ["line 2", "'..'"]),
        (b"file,label\n,1\n", ValueError, ["line 2", "Received: ''"]),
        (b"file,label\na\xff.png,1\n", ValueError, ["UTF-8"]),
        (b"file,label,split\na.png,1,dev\n", ValueError, ["line 2", "'dev'"]),
        (b"file,label,boxes\na.png,1,1 2 3\n", ValueError, ["line 2", "'1 2 3'"]),
        (b"file,label,boxes\na.png,1,1 2 x 4\n", ValueError, ["line 2", "semicolons"]),
        (b"file,label,boxes\na.png,1,5 2 5 4\n", ValueError, ["line 2", "right > left"]),
        (b"file,label,boxes\na.png,1,1 1 nan 4\n", ValueError, ["line 2", "nan"]),
        (b"file,label,boxes\na.png,123,1 1 2 2;2 1 3 2\n", ValueError, ["line 2", "3 digits"]),
    ],
)
def test_errors_name_file_and_line(tmp_path, text, error, words):
    put_image(tmp_path)
    if text is not None:
        (tmp_path / "labels.csv").write_bytes(text)
    with pytest.raises(error) as raised:
        read_folder(tmp_path)
    for word in [str(tmp_path), *words]:
        assert word in str(raised.value)


def test_boxes_and_splits_are_read_where_a_row_has_them(tmp_path):
    for name in ("a", "b", "c"):
        put_image(tmp_path, f"{name}.png")
    (tmp_path / "labels.csv").write_text(
        "file,label,boxes,split\n"
        "a.png,12,1 2 3 4;3 2 5.5 4,test\n"
        "b.png,345,1 1 9 9,\n"
        "c.png,6,,train\n"
    )
    a, b, c = read_folder(tmp_path)
    assert a.split == "test" and b.split == split_of("b.png") and c.split == "train"
    assert a.boxes.tolist() == [[1, 2, 3, 4], [3, 2, 5.5, 4]]
    assert b.boxes.tolist() == [[1, 1, 9, 9]]
    assert c.boxes is None
    assert "a.png" in [photo.file for photo in read_folder(tmp_path, "test")]


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_folder(tmp_path / "nowhere")


def test_splits_are_disjoint_and_complete(make_folder):
    folder = make_folder()
    parts = {split: read_folder(folder, split) for split in ("train", "validation", "test")}
    names = [photo.file for part in parts.values() for photo in part]
    assert sorted(names) == [f"p{index:02d}.png" for index in range(40)]
    assert [photo.file for photo in parts["test"]] == ["p03.png", "p34.png"]
    assert [photo.file[1:3] for photo in parts["validation"]] == ["17", "23", "30", "31", "33"]


def test_street_numbers(shared_data):
    sizes = [
        len(read_folder(shared_data / "street_numbers", split))
        for split in ("train", "validation", "test")
    ]
    assert sizes == [2229, 300, 402]
