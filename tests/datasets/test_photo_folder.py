"""Folders as people have them: layouts, values, files, splits, and all bad rows in one error."""

from __future__ import annotations

import json
import sys
from dataclasses import astuple

import numpy as np
import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from datasets.photo_folder import (
    BadRows,
    ImageFacts,
    facts,
    parse_source,
    read_folder,
    split_of,
    understand,
    unusable_splits,
    with_options,
)
from datasets.photo_folder.splits import divide
from datasets.photo_folder.values import (
    Unclear,
    check_inside,
    float_column,
    parse_label,
    parse_turn,
    split_in,
)
from tests.datasets.folders import put, put_images


def labels_of(source) -> dict[str, str]:
    return {photo.path.name: photo.label for photo in understand(source).photos}


A7, B12, C3 = {"a.png": "007"}, {"a.png": "007", "b.png": "12"}, {"c.png": "3"}
CSV = {
    "plain": ("file,label\na.png,007\n", A7),
    "BOM, CRLF": ("\ufefffile,label\r\na.png,007\r\n", A7),
    "semicolons, other order": ("label;file\n007;a.png\n", A7),
    "spaces and more columns": ("File , Label ,note\n a.png , 007 ,x\n", A7),
    "quotes": ('note,file,label\n"two\nlines, comma",a.png,"007"\n\n', A7),
    "bars": ("file|label\na.png|007\n", A7),
    "old Mac line ends": ("file,label\ra.png,007\r", A7),
    "header in capitals": ("FILE NAME,Plate Text\na.png,007\n", A7),
    "predict.py": ("file,number,confidence,left,top,right,bottom\na.png,007,0.9,1,2,30,18\n", A7),
    "header in another language": ("Bild;Zahl\na.png;007\nb.png;12\n", B12),
    "no header": ("a.png,007\nb.png,12\n", B12),
    "no header, other order": ("007,a.png\n12,b.png\n", B12),
    "index of pandas": (",file,label\n0,a.png,007\n1,b.png,12\n", B12),
    "sep=": ("sep=;\r\nfile;label\r\na.png;007\r\n", A7),
    "sep= of a tab": ("sep=\t\nfile\tlabel\na.png\t007\n", A7),
    "UTF-16": ("file\tlabel\r\na.png\t007\r\n".encode("utf-16"), A7),
    "UTF-16 without a mark": ("file,label\na.png,007\n".encode("utf-16-le"), A7),
    "UTF-16, high byte first": ("file,label\na.png,007\n".encode("utf-16-be"), A7),
    "a zero byte": (b"file,label\na.png,007\0\n", A7),
    "UTF-32": ("file,label\na.png,007\n".encode("utf-32"), A7),
    "Windows-1252": ("file;label\nTür.png;12\n".encode("cp1252"), {"Tür.png": "12"}),
    "decomposed": ("file,label\nTu\u0308r.png,12\n", {"Tür.png": "12"}),
    "names in single quotes": ("file,label\n'a.png',007\n", A7),
    "rows of separators": ("file,label,,\na.png,007,,\n,,,\n , ,,\n", A7),
    "comments": ("# my photos\nfile,label\n#x,1\na.png,007\n", A7),
    "titles above": ("Photo\nof 2026\nFile,Label\na.png,007\n", A7),
    "floats and a gap": (
        "file,label\na.png,7.0\nb.png,12.0\nc.png,3.0\nTür.png,\n",
        {"a.png": "7", "b.png": "12", "c.png": "3"},
    ),
    "a row twice": ("file,label\na.png,007\na.png,007\n", A7),
    "no fields for empty columns": ("file,label,boxes\na.png,007\n", A7),
    "backslashes": ("file,label\n.\\images\\deep\\c.png,3\n", C3),
    "folder of another computer": ("file,label\nC:\\me\\a.png,007\n", A7),
    "path from elsewhere": ("file,label\nphotos/a.png,007\n", A7),
    "absolute path": ("file,label\n/home/me/photos/a.png,007\n", A7),
    "parent folder": ("file,label\n../a.png,007\n", A7),
    "URL": ("image_url,label\nhttps://x.org/b/a.png?w=9,007\n", A7),
    "URL of a file": ("url,label\nfile:///C:/my%20photo.png,3\n", {"my photo.png": "3"}),
    "Label Studio": ("id,image,text\n1,/data/upload/1/a1b2c3d4-a.png,007\n", A7),
    "other format": ("file,label\nA.jpeg,007\n", A7),
    "columns of other numbers": (
        "Nr,Bild,file_size,confidence,House Number\n1,a.png,99,0.9,007\n2,b.png,98,0.8,12\n",
        B12,
    ),
    "VIA": ('filename,file_size,region_attributes\na.png,1234,"{""text"":""007""}"\n', A7),
    "decimal commas of edges": ("file;label;left;top;right;bottom\na.png;007;1,5;2;30,5;18\n", A7),
    "several known names": ("image_id,file,text,label\n1,a.png,x,007\n", A7),
    "column without a name": ("file,\na.png,007\nb.png,12\n", B12),
    "a comma in every name": ('file,label\n"photos, 2024/a.png",007\n', A7),
    "a comma in names before semicolons": ('"photos, 2024/a.png";007\n', A7),
    "lines quoted as a whole": ('"file,label"\n"a.png,007"\n"b.png,12"\n', B12),
    "spaces in a CSV": ("file label\na.png 007\nb.png 12\n", B12),
    "without suffix": ("image_id,label\na,007\n", A7),
    "other case": ("file,label\nA.PNG,007\n", A7),
    "below another folder": ("file,label\nc.png,3\n", C3),
    "split words": ("file,label,subset\na.png,007,Val\nb.png,12,training\n", B12),
    "objects of TensorFlow": (
        "filename,width,height,class,xmin,ymin,xmax,ymax\n"
        "b.png,40,20,2,20,2,30,18\nb.png,40,20,1,5,2,15,18\n",
        {"b.png": "12"},
    ),
}
"""A labels.csv, and the labels that are read."""

VOC = "".join(
    f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>1</ymin><xmax>{left + 9}</xmax>"
    "<ymax>9</ymax></bndbox></object>"
    for name, left in (("two", 20), ("1", 5))
)
COCO = {
    "images": [{"id": 1, "file_name": "b.png"}, {"id": 2, "file_name": "a.png"}],
    "categories": [{"id": 3, "name": "1"}, {"id": 4, "name": "2"}],
    "annotations": [
        {"image_id": 1, "category_id": 4, "bbox": [20, 1, 9, 9]},
        {"image_id": 1, "category_id": 3, "bbox": [5, 1, 9, 9]},
    ],
}
HABITS = {habit: ("labels.csv", *row) for habit, row in CSV.items()} | {
    "name in capitals": ("LABELS.CSV", "file,label\na.png,007\n", A7),
    "tabs": ("labels.tsv", "file\tlabel\na.png\t007\n", A7),
    "text with tabs": ("labels.txt", "a.png\t007\nb.png\t12\n", B12),
    "text with spaces": ("labels.txt", "a.png 007\nb.png  1 2\n", B12),
    "text with commas": ("gt.txt", 'a.png, "007"\nb.png, "12"\n', B12),
    "text with a name of two words": ("labels.txt", "my photo.png 12\n", {"my photo.png": "12"}),
    "JSON lines": ("metadata.jsonl", '{"file_name": "a.png", "text": "007"}\n\n', A7),
    "JSON rows": ("labels.json", '[{"image": "b.png", "value": 12}]', {"b.png": "12"}),
    "JSON columns": ("x.json", '{"image": {"3": "a.png"}, "label": {"3": "007"}}', A7),
    "JSON column by file": ("x.json", '{"label": {"a.png": "007"}}', A7),
    "JSON rows after classes": (
        "x.json",
        '{"classes": ["7"], "rows": [{"file": "a.png", "label": "007"}]}',
        A7,
    ),
    "JSON map of annotations": ("x.json", '{"a.png": [{"text": "007"}], "b.png": [1, 2]}', B12),
    "JSON map": ("labels.json", '{"a.png": "007", "b.png": 12}', B12),
    "JSON map of objects": ("labels.json", '{"a.png": {"label": "007", "split": "test"}}', A7),
    "JSON rows without a label": (
        "x.json",
        '[{"file": "a.png"}, {"file": "b.png", "label": "12"}]',
        {"a.png": "", "b.png": "12"},
    ),
    "JSON boxes": ("x.ndjson", '{"file": "a.png", "label": "007", "bbox": [1, 2, 9, 9]}', A7),
    "lists of digits": ("x.jsonl", '{"file": "b.png", "label": [1, 2]}', {"b.png": "12"}),
    "PPOCRLabel": ("Label.txt", 'x/a.png\t[{"transcription": "007", "points": [[1, 2]]}]\n', A7),
    "Tesseract": ("a.gt.txt", "007\n", A7),
    "sidecar": ("a.txt", "007", A7),
    "YOLO": ("b.txt", "2 0.7 0.5 0.2 0.8\n1 0.3 0.5 0.2 0.8\n", {"b.png": "12"}),
    "YOLO of polygons": ("b.txt", "1 0.1 0.1 0.2 0.1 0.2 0.9\n", {"b.png": "1"}),
    "VOC": ("b.xml", f"<annotation><filename>x</filename>{VOC}</annotation>", {"b.png": "12"}),
    "COCO": ("annotations/instances.json", json.dumps(COCO), {"b.png": "12", "a.png": ""}),
}
"""A file, its content, and the labels that are read."""


@pytest.mark.parametrize("habit", HABITS)
def test_habits_are_taken_as_they_are(tmp_path, habit):
    name, content, expected = HABITS[habit]
    put_images(tmp_path, "a.png", "b.png", "images/deep/c.png", "Tür.png", "my photo.png")
    put(tmp_path, {name: content})
    labels = labels_of(tmp_path)
    assert {file: labels.get(file) for file in expected} == expected
    assert set(labels) - set(expected) <= {"a.png", "c.png", "Tür.png", "my photo.png"}
    assert all(labels[file] == "" for file in set(labels) - set(expected))  # images of YOLO
    if name.endswith((".csv", ".tsv", ".jsonl")):
        assert labels_of(tmp_path / name) == labels


def voc(objects: str) -> str:
    return f"<annotation><filename>b.png</filename>{objects}</annotation>"


def coco(**annotation) -> str:
    first = {"id": 5, "image_id": 1, "category_id": 3, "bbox": [5, 1, 9, 9]}
    return json.dumps(COCO | {"annotations": [first, {**first, "id": 6, **annotation}]})


YAML = {"data.yaml": "names: [zero]\n", "args.yaml": "epochs: 3\n"}
BAD_OBJECTS = {
    "class": (YAML | {"b.txt": "\n7 .5 .5 1 1\n"}, "b.txt, line 2: b.png: class 7 has no name"),
    "decimal commas": (YAML | {"b.txt": "0 0,5 0,5 1 1\n"}, "b.txt, line 1: b.png: not a line"),
    "twice": (YAML | {"b.txt": "0 .5 .5 1 1\n" * 2}, "b.png: the box of b.txt, line 1 once more"),
    "no box": ({"b.xml": voc("<object><name>7</name></object>")}, "object '7' has no bndbox"),
    "image": ({"x.json": coco(image_id=9)}, "annotation 6: image 9: no image of the file"),
    "category": ({"x.json": coco(category_id=9)}, "annotation 6: b.png: category 9 has no name"),
    "bbox": ({"x.json": coco(bbox=None)}, "annotation 6: b.png: its bbox is not left"),
    "no bbox": (
        {"x.json": coco().replace("bbox", "segmentation")},
        "annotation 5: b.png: its bbox is not left",
    ),
    "same": ({"x.json": coco()}, "annotation 6: b.png: the box of x.json, annotation 5 once more"),
}
"""Files, and the row that cannot be used."""


@pytest.mark.parametrize("case", BAD_OBJECTS)
def test_objects_that_cannot_be_used_are_named(tmp_path, case):
    files, message = BAD_OBJECTS[case]
    with pytest.raises(BadRows) as raised:
        read_folder(put(put_images(tmp_path, "a.png", "b.png"), files))
    assert message in str(raised.value)


def test_links_are_followed_and_those_to_nothing_are_named(tmp_path):
    put_images(tmp_path / "disk", "a.png")
    folder = put_images(tmp_path / "f", "8/b.png")
    (folder / "7").symlink_to(tmp_path / "disk")
    (folder / "8" / "cycle").symlink_to(folder)
    assert labels_of(folder) == {"a.png": "7", "b.png": "8"}
    (folder / "8" / "c.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(BadRows, match=r"8/c\.png: it is a link to a file that is missing"):
        read_folder(folder)


@pytest.mark.parametrize("images", ["{}/1.png", "{}/images/1.png", "images/{}/1.png"])
def test_files_of_voc_are_those_of_the_images_beside_them(tmp_path, images):
    put_images(tmp_path, images.format("train"), images.format("test"))
    folder = images.replace("images", "labels").replace("png", "xml")
    boxes = voc("<object><name>7</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax>"
        "<ymax>9</ymax></bndbox></object>")  # fmt: skip
    put(tmp_path, {folder.format("train"): boxes, folder.format("test"): voc(VOC)})
    photos = {(photo.split, photo.label) for photo in read_folder(tmp_path)}
    assert photos == {("train", "7"), ("test", "12")}


def test_names_of_yolo_classes_may_have_spaces(tmp_path):
    put(put_images(tmp_path, "a.png"), {"a.txt": "1 0.7 0.5 0.2 0.8\n"})
    for names in ("digit 6\ndigit 7\n", "number plate\r\n7\r\n", "6 7\n"):
        put(tmp_path, {"classes.txt": names})
        assert labels_of(tmp_path) == {"a.png": "7"}


def test_spreadsheets(tmp_path, monkeypatch):
    book = openpyxl.Workbook()
    for row in (("Image", "Label"), ("a.png", "007"), ("b.png", 7), (None, None), ("c.png", 12)):
        book.active.append(row)
    put_images(tmp_path, "a.png", "b.png", "c.png")
    for shown in ("000", "000;[Red]-000", '"No. "000_)', "[$-407]0\\-00", "0 00"):
        book.active["B3"].number_format = shown
        book.save(tmp_path / "labels.xlsx")
        assert labels_of(tmp_path) == {"a.png": "007", "b.png": "007", "c.png": "12"}
    book.active["B2"] = "=3+4"  # written without a value
    book.save(tmp_path / "labels.xlsx")
    with pytest.raises(ValueError, match=r"'=3\+4' is a formula without its value: save the file"):
        labels_of(tmp_path)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ValueError, match="pip install openpyxl"):
        understand(tmp_path)


def test_labels_in_folders_and_names(tmp_path):
    folders = put_images(
        tmp_path / "f",
        "train/digit-7/a.png",
        "train/12/b.png",
        "val/none/c.png",
        "test/Seven/d.png",
    )
    photos = [(photo.label, photo.split) for photo in read_folder(folders)]
    assert photos == [("7", "test"), ("12", "train"), ("7", "train"), ("", "validation")]
    names = str(put_images(tmp_path / "n", "159_0.png", "7_1.png", "x.png"))
    with pytest.raises(FileNotFoundError, match="--name-pattern"):
        understand(names)
    source = with_options(names, name_pattern="{label}_*", skip_bad="1")
    assert labels_of(source) == {"159_0.png": "159", "7_1.png": "7"}
    assert [row.file for row in understand(source).skipped] == ["x.png"]
    assert labels_of(with_options(names, name_pattern=r"^(?P<label>\d*)"))["x.png"] == ""


@pytest.mark.parametrize(
    ("images", "files", "expected"),
    [
        (
            ("a.png", "b.png"),
            {"rec_gt_train.txt": "a.png 1\n", "rec_gt_test.txt": "b.png 2\n"},
            [("2", "test"), ("1", "train")],
        ),
        (
            ("train/a.png", "valid/a.png"),
            {"train/x.csv": "file,label\na.png,1\n", "valid/x.csv": "a.png,2\n"},
            [("1", "train"), ("2", "validation")],
        ),
        (
            ("images/train/a.png", "images/val/b.png"),
            {
                "data.yaml": "names: {0: zero, 1: digit_9}\n",
                "labels/train/a.txt": "1 .25 .5 .5 1\n0 .75 .5 .5 1\n",
            },
            [("90", "train"), ("", "validation")],
        ),
    ],
)
def test_splits_in_names_of_tables_and_folders(tmp_path, images, files, expected):
    photos = read_folder(put(put_images(tmp_path, *images), files))
    assert [(photo.label, photo.split) for photo in photos] == expected
    if "data.yaml" in files:
        assert photos[0].boxes.tolist() == [[0, 0, 20, 20], [20, 0, 40, 20]]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        *(('="007"', "007"), ("'007", "007"), ("’007", "007"), ("“007”", "007"), ("", "")),
        *(("００７", "007"), ("0 4 7 1 1", "04711"), ("[0, 4]", "04"), ("1.234", "1234")),
        *(("1,234,567", "1234567"), ("12\u202f345", "12345"), ("[07]", "alone (07)")),
        ("+1,234", "1234"),
        *(("„007“", "007"), ("' 7", "7"), ('{"text": "007", "label": "plate"}', "007")),
        *(('[{"text": "1"}, {"text": "2"}]', "2 numbers"), ('[{"text": "1"}, 2]', "2 numbers")),
        *(("12 345", "12345"), ("1'234", "1234"), ("none", ""), ("(none)", ""), ("no number", "")),
        *((" 7\u200b", "7"), ("\u00a07", "7")),
        *(("12A", "--labels digits"), ("7.0", "spreadsheet"), ("nan", "missing")),
        *(("?", "not a number"), ("-", "not a number"), ("1.5", "alone (15)"), ("-1", "alone (1)")),
        *(("12-3", "2 numbers"), ("3/4", "2 numbers"), ("1.2E+05", "as text"), ("٣", "no digits")),
        *(("1E-5", "as text"), ("#N/A", "missing"), ("–", "not a number"), ("7,0", "spreadsheet")),
        *(("1.05", "alone (105)"), ("1.5 m", "letters and signs"), ("2026-01-12 00:00:00", "date")),
        *(("2026-01-12", "date"), ("TRUE", "no digits"), ("12 34", "2 numbers")),
    ],
)  # fmt: skip
def test_what_a_label_means(text, label):
    if label.isdigit() or not label:
        assert parse_label(text) == label
    else:
        with pytest.raises(Unclear) as raised:
            parse_label(text)
        assert label in str(raised.value)


def test_the_last_word_of_a_name_decides_its_split():
    assert [split_in(name) for name in ("test_set/train", "train/val/7", "contest")] == [
        "train", "validation", ""
    ]  # fmt: skip


def test_a_turn_is_a_number_of_quarter_turns():
    assert [parse_turn(text) for text in ("", "0", '="3"')] == [0, 0, 3]
    for text in ("4", "-1", "90"):
        with pytest.raises(Unclear, match="0 to 3"):
            parse_turn(text)


def test_a_box_that_is_mostly_outside_of_its_image_is_named():
    check_inside(np.float32([[-10, 0, 10, 20], [30, 10, 50, 20]]), 40, 20)
    with pytest.raises(Unclear, match=r"the box -12\.5 0 10 20 is outside of the image of 40 x 20"):
        check_inside(np.float32([[0, 0, 10, 20], [-12.5, 0, 10, 20]]), 40, 20)


def test_two_labels_with_a_point_are_not_yet_a_column_of_floats():
    assert float_column(["7.0", "", "nan", "12.0", "3.0"])
    assert not float_column(["7.0", "12.0"]) and not float_column(["7.0", "12.0", "3"])


def test_a_row_with_an_image_is_no_comment(tmp_path):
    put(put_images(tmp_path, "a.png", "b.png"), {"labels.csv": "label,file\n12,b.png\n#7,a.png\n"})
    assert labels_of(f"{tmp_path}?labels=digits") == {"b.png": "12", "a.png": "7"}


def test_letters_are_dropped_on_request():
    texts = {"12A": "12", "#45": "45", "25%": "25", "1.5": "15", "-1": "1", "B7": "7", "7": "7"}
    assert {text: parse_label(text, digits_only=True) for text in texts} == texts
    for text in ("12-3", "7.0", "?", "A", '{"a":' * 100_000):
        with pytest.raises(Unclear):
            parse_label(text, digits_only=True)


@pytest.mark.parametrize(
    ("text", "boxes"),
    [
        *(("", None), ("[]", None), ("nan,nan,nan,nan", None), ("1 2 3 4", [[1, 2, 3, 4]])),
        *(("1,2,3,4", [[1, 2, 3, 4]]), ("[1, 2, 3, 4]", [[1, 2, 3, 4]])),
        *((text, [[1, 2, 3, 4], [3, 2, 5.5, 4]])
          for text in ("1 2 3 4;3 2 5.5 4", "[[1, 2, 3, 4], [3, 2, 5.5, 4]]")),
        *(("1 2 3", "'1 2 3'"), ("1 2 x 4", "semicolons"), ("5 2 5 4", "right > left")),
        *((".1 .2 .5 1", "in pixels: multiply"), ("1,2 3,4;3,2 5,4", [[1, 2, 3, 4], [3, 2, 5, 4]])),
        *((text, "decimal comma") for text in ("10,1 20,2 30,3 60,4", "1,5 2 3 4", "1,5;2;3;4")),
        *((text, "decimal comma") for text in ("1 2 3 4;3,5 2 5 4", "-1,5 2 3 4")),
        ("10,2, 20,5, 30,1, 40,7", "decimal comma"),
        *(("1 1 nan 4", "nan"), ("1 1 2 2;2 1 3 2;3 1 4 2", "2 digits")),
    ],
)  # fmt: skip
def test_boxes(tmp_path, text, boxes):
    put(put_images(tmp_path, "a.png"), {"labels.tsv": f"file\tlabel\tboxes\na.png\t12\t{text}\n"})
    if isinstance(boxes, str):
        with pytest.raises(BadRows, match=boxes):
            understand(tmp_path)
    else:
        (photo,) = understand(tmp_path).photos
        assert photo.boxes is boxes is None or photo.boxes.tolist() == boxes


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, ["labels.csv", "no images"]),
        ({"a.png": "x"}, ["1 images and no labels", "file,label"]),
        ({"1.png": "x", "digitStruct.mat": "x"}, ["file,label", "svhn_numbers"]),
        ({"labels.csv": ""}, ["no rows"]),
        ({"labels.csv": "file,label"}, ["no rows"]),
        ({"labels.csv": "file,split\na.png,train\n"}, ["no column of labels", "plate_text"]),
        ({"labels.csv": "x,y\n1,2\n"}, ["no column of images", "filename", "'x, y'"]),
        ({"x.csv": "file,label\n", "y.csv": "file,label\n"}, ["several tables", "x.csv"]),
        (
            {"labels.csv": "Bild,Zahl,Alter\na.png,5,12\n"},
            ["several", "'Zahl', 'Alter'"],
        ),
        ({"labels.csv": "a.png,1\nb.png,2,x\nc.png,3\n"}, ["b.png: more fields"]),
        ({"labels.csv": "a.png,12,3\nb.png,4,7\n"}, ["several columns", "2, 3", "write a header"]),
        ({"x.json": '[{"id": 1, "annotations": [], "data": {}}]'}, ["Label Studio", "JSON-MIN"]),
        ({f"{name}.{end}": "{}" for name in "ab" for end in ("png", "json")}, ["convert", "COCO"]),
        ({"a.png": "x", "a.xml": "<annotations/>"}, ["CVAT", "COCO"]),
        ({"the_7th/a.png": "x"}, ["label alone"]),
        ({"labels.csv": "file,label,label\na.png,,1\n"}, ["several columns are named 'label'"]),
        ({"a.png": "x", "labels.yaml": "a.png: 1"}, ["no names of classes", "file,label"]),
        ({"labels.csv": "file,label\na.png,1\n", "a.zip": "x"}, ["unpack a.zip"]),
        ({"labels.csv": "x,007,a.png\ny\nz\n"}, ["3 of 3 rows", "fewer fields"]),
        ({"labels.xlsx": "x"}, ["spreadsheet", "save it as CSV"]),
        ({"labels.xls": "x"}, ["save it as .xlsx or .csv"]),
        ({"labels.json": "[1]", "a.png": "x"}, ["no row for each image"]),
        ({"labels.jsonl": "{"}, ["not JSON"]),
        ({"labels.json": "3", "a.png": "x"}, ["not JSON with a row for each image"]),
        (
            {"a.png": "", "a.jsonl": '{"file": "a", "number": null, "box": null}'},
            ["'null' is a missing value"],
        ),
        ({"inner/labels.csv": "file,label\n", "inner/a.png": "x"}, ["inner has one"]),
        ({"a.png": "x", "data.yaml": "names: 3"}, ["no names of classes"]),
        ({"c.json": '{"images": [{}], "annotations": []}'}, ["not as COCO"]),
        ({"c.json": '{"images": [], "annotations": []}'}, ["no annotation of an object"]),
        ({"a.png": "x", "a.xml": "<annotation/>"}, ["no annotation of an object"]),
    ],
)
def test_what_is_no_data_set_says_what_is_missing(tmp_path, files, words):
    with pytest.raises((ValueError, OSError)) as raised:
        understand(put(tmp_path, files))
    for word in words:
        assert word in str(raised.value)


SOURCES = {
    "https://x.org/photos.zip": "download and unpack",
    "photos/*.jpg": "name the folder",
    "./nowhere": "no folder",
    "./x?lables=1": "labels",
    "./x?fold=6/5": "I/K",
}


@pytest.mark.parametrize("source", SOURCES)
def test_sources_that_are_no_folder(source):
    with pytest.raises((ValueError, OSError), match=SOURCES[source]):
        understand(source)


def test_all_bad_rows_are_one_error_and_can_be_skipped(tmp_path):
    put_images(tmp_path, "a.png", "b.png", "small.png", "x/c.png", "y/c.png")
    put(tmp_path, {"broken.png": b"\x89PNG", "drawing.svg": "<svg/>"})
    bad = {
        "a.png,13,,": "labelled '13' here and '12' at",
        "a.png,12,,test": "split 'test' here and '' at labels.csv, line 2",
        "b.png,12a,,": "digits alone (12)",
        "gone.png,1,,": "no such image",
        "smal.png,1,,": "the nearest name is small.png",
        "c.png,1,,": "2 files may be meant (x/c.png, y/c.png)",
        ",1,,": "no file is named",
        "b.png": "fewer fields",
        "b.png,1,,later": "train, validation or test. Received: 'later'",
        "b.png,1,,train,x": "more fields",
        "b.png,1,1 2 3,": "semicolons",
    }
    bad |= {f"no{index}.png,1,,": "no such image" for index in range(20)}
    table = "file,label,boxes,split\n" + "".join(f"{row}\n" for row in ["a.png,12,,", *bad])
    put(tmp_path, {"labels.csv": table})
    with pytest.raises(BadRows) as raised:
        understand(tmp_path)
    lines = str(raised.value).splitlines()
    assert lines[0] == f"{tmp_path}: 31 of 32 rows cannot be used:"
    for number, reason in enumerate([*bad.values()][:20], 1):
        assert f"line {number + 2}: " in lines[number] and reason in lines[number]
    cure = "Correct them, or leave them out with --skip-bad (?skip_bad=1 after the name)"
    assert lines[-2:] == ["  and 11 more", cure]
    folder = understand(f"{tmp_path}?skip_bad=1")
    assert [photo.label for photo in folder.photos] == ["12"] and len(folder.skipped) == 31
    # The nearest name is searched for 20 missing images at most: it takes hours for 10,000.
    rows = "".join(f"smal{index}.png,1\n" for index in range(30))
    put(tmp_path, {"labels.csv": f"file,label\n{rows}"})
    with pytest.raises(BadRows) as raised:
        understand(tmp_path)
    assert sum("nearest name is small.png" in row.error for row in raised.value.rows) == 20
    # What only decoding tells.
    put(tmp_path, {"labels.csv": "file,label,boxes\na.png,1,0 0 90 90\nb.png,2,-2 0 41 20\n"
        "broken.png,3,\ndrawing.svg,4,\nsmall.png,5,\nx/c.png,6a,\n"})  # fmt: skip
    with pytest.raises(BadRows) as raised:
        understand(tmp_path, decode=True)
    shown = str(raised.value)
    assert "4 of 6" in shown and "alone (6)" in shown and "outside of the image of 40 x 20" in shown
    assert "broken.png does not decode" in shown and "export the drawing as PNG" in shown
    assert [p.label for p in read_folder(f"{tmp_path}?skip_bad=1")] == ["2", "5"]


def test_duplicates_and_animations_are_noted(tmp_path):
    put_images(tmp_path, "a.png", "c.png")
    Image.open(tmp_path / "a.png").save(tmp_path / "b.bmp")
    frames = [Image.new("RGB", (9, 9), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "d.gif", save_all=True, append_images=frames[1:])
    put(tmp_path, {"labels.csv": "file,label,split\na.png,1,train\nb.bmp,2,test\n"
        "c.png,3,validation\nd.gif,4,train\n"})  # fmt: skip
    folder = understand(tmp_path, decode=True)
    notes = "; ".join(folder.notes)
    assert "a.png in train = b.bmp in test" in notes and "a.png: 1, b.bmp: 2" in notes
    assert "the first is used: 1" in notes
    facts = [photo.facts for photo in folder.photos]
    assert [(fact.width, fact.frames) for fact in facts] == [(40, 1), (40, 1), (40, 1), (9, 2)]


def test_a_file_stays_in_its_split():
    splits = {
        "000000.png": "train",
        "000001.png": "test",
        "p17.png": "validation",
        "p34.png": "test",
    }
    splits |= {"images/000001.png": "test", "images\\000001.png": "test"}
    assert {file: split_of(file) for file in splits} == splits
    assert split_of("Tu\u0308r.png") == split_of("Tür.png")
    splits = [split_of(f"{index}.jpg") for index in range(20_000)]
    assert splits.count("test") == pytest.approx(3000, abs=150)
    assert splits.count("validation") == pytest.approx(2000, abs=130)


def test_images_are_decoded_once(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBER_ZOO_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(facts, "SLOW", 0)
    put(put_images(tmp_path / "f", "a.png", "b.png"), {"f.csv": "a.png,1\nb.png,2\n"})
    decoded = []
    monkeypatch.setattr(facts, "_decode", lambda path: decoded.append(path.name) or ImageFacts(9))
    understand(tmp_path / "f", decode=True)
    Image.new("RGB", (7, 7)).save(tmp_path / "f" / "b.png")
    assert [photo.facts.width for photo in understand(tmp_path / "f", decode=True).photos] == [9, 9]
    assert sorted(decoded) == ["a.png", "b.png", "b.png"]


def test_an_error_of_the_system_is_not_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBER_ZOO_CACHE", str(tmp_path / "kept"))
    monkeypatch.setattr(facts, "SLOW", 0)
    put(put_images(tmp_path / "f", "a.png"), {"f.csv": "a.png,1\n"})
    with monkeypatch.context() as patch, pytest.raises(BadRows):
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
        understand(tmp_path / "f", decode=True)
    assert len(understand(tmp_path / "f", decode=True).photos) == 1


def test_folds_leave_a_given_test_split_and_take_every_other_image_once():
    given = ["test", "validation", "train", "", "train"]
    folds = [divide([f"{n}.png" for n in range(5)], given, f"{fold}/2")[0] for fold in (1, 2)]
    assert [fold[0] for fold in folds] == ["test", "test"]
    for pair in list(zip(*folds, strict=True))[1:]:
        assert sorted(pair) == ["train", "validation"]


def test_few_photos_have_no_empty_split(tmp_path):
    for count in (3, 5, 12):
        folder = put_images(tmp_path / str(count), *(f"a{i}.png" for i in range(count)))
        rows = "".join(f"a{i}.png,{i}\n" for i in range(count))
        put(folder, {"labels.csv": f"file,label\n{rows}"})
        understood = understand(folder)
        splits = [photo.split for photo in understood.photos]
        if count == 3:
            assert "--fold 1/3" in unusable_splits(understood)
        else:
            assert set(splits) == {"train", "validation", "test"}
            assert not unusable_splits(understood)
    folds = [read_folder(f"{folder}?fold={fold}/3", "validation") for fold in (1, 2, 3)]
    assert sorted(p.file for fold in folds for p in fold) == sorted(f"a{i}.png" for i in range(12))
    put(folder, {"labels.csv": "file,label,split\n" + rows.replace("\n", ",train\n")})
    assert {photo.split for photo in read_folder(folder)} == {"train", "validation"}


def test_equal_names_are_not_split_by_the_order_of_folders(tmp_path):
    put_images(tmp_path, *(f"{label}/photo.png" for label in range(20, 60)))
    photos = read_folder(tmp_path)
    for split in ("train", "validation", "test"):
        labels = [int(photo.label) for photo in photos if photo.split == split]
        assert min(labels) < 40 <= max(labels)


def test_options_are_part_of_the_name():
    source = with_options("a,b", labels="digits", name_pattern="{label}:*", skip_bad="")
    assert "," not in source.partition("?")[2] and ":" not in source.partition("?")[2]
    path, options = parse_source(with_options(source, fold="1/5"))
    assert (str(path), astuple(options)) == ("a,b", ("digits", "", "{label}:*", "1/5"))


def test_the_summary_is_one_line(tmp_path):
    table = "filename;text;split\na.png;12;train\nB.png;;val\na.png;12;\n"
    put(put_images(tmp_path, "a.png", "b.png"), {"labels.csv": table})
    assert understand(tmp_path).summary() == (
        f"{tmp_path}: labels.csv (CSV with ';'; filename as file, text as label, split); 2 images; "
        "digits: 1 of 2, 1 without a number; train 1, validation 1, test 0; names that differ from "
        "their files in case, form or suffix: 1; repeated rows: 1"
    )


ACCEPTED = (BadRows, ValueError, FileNotFoundError)
CELLS = st.one_of(
    st.sampled_from(["a.png", "b.png", "7", "12A", "", "nan", "file", "label", "split", "test",
        "sep=;", "#", '"', "1 2 3 4", "boxes", "=\"007\"", "left", "x" * 300, "\0", "../a.png"]),
    st.text(max_size=8),
)  # fmt: skip


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(st.lists(CELLS, max_size=6), max_size=6),
    delimiter=st.sampled_from([",", ";", "\t", "|", " ", ": "]),
    name=st.sampled_from(["labels.csv", "labels.tsv", "labels.txt", "labels.json", "labels.jsonl",
        "labels.xlsx", "a.gt.txt", "a.txt", "a.xml", "data.yaml", "_annotations.coco.json"]),
    encoding=st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-32-le"]),
    shape=st.sampled_from(["{}", '[{{"file": "{}"}}]', '{{"images": [{}], "annotations": []}}',
        "<a>{}</a>", "names: {}"]),
)  # fmt: skip
def test_no_table_ends_in_a_traceback(tmp_path, rows, delimiter, name, encoding, shape):
    for path in tmp_path.iterdir():
        if path.suffix != ".png":
            path.unlink()  # the table of the example before
    if not (tmp_path / "a.png").exists():
        put_images(tmp_path, "a.png", "b.png")
    text = "\n".join(delimiter.join(row) for row in rows)
    if name.endswith((".json", ".xml", ".yaml")):
        text = shape.format(text)
    put(tmp_path, {name: text.encode(encoding, "replace")})
    try:
        photos = understand(f"{tmp_path}?labels=digits", decode=True).photos
    except ACCEPTED as error:
        assert str(error)
    else:
        assert all(photo.label.isascii() and photo.path.is_file() for photo in photos)
        assert all(photo.label.isdigit() for photo in photos if photo.label)


def test_street_numbers(shared_data):
    splits = [photo.split for photo in read_folder(shared_data / "street_numbers")]
    assert [splits.count(split) for split in ("train", "validation", "test")] == [2229, 300, 402]
