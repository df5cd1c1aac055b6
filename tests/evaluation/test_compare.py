"""The comparison end to end, on images made here."""

import csv
import json
import re
import shutil

import evaluate
import models
from datasets import photo_folder


def test_files_hold_every_model_and_what_failed(photos, tmp_path, capsys):
    good = tmp_path / "good.keras"
    models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2).save(good)
    bad = tmp_path / "bad.keras"
    bad.write_bytes(b"no model")
    report = tmp_path / "report"
    arguments = [str(good), str(bad), "--dataset", str(photos), "--report", str(report)]
    status = evaluate.main([*arguments, "--worse", "0", "--no-timing"])
    assert status == 1
    results = json.loads((report / "results.json").read_text())
    assert list(results["models"]) == ["constant answer", str(good)]
    assert results["crop"] == "full"
    assert list(results["failed"]) == [str(bad)]
    assert any("few" in warning for warning in results["warnings"])
    with (report / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = results["models"][str(good)]
    assert len(rows) == found["images"]
    share = sum(row["number"] == row[str(good)] for row in rows) / len(rows)
    assert share == found["sequence_accuracy"]
    assert "bad.keras" in capsys.readouterr().out


def test_the_page_holds_all_it_shows(photos, tmp_path, capsys):
    paths = [tmp_path / "first.keras", tmp_path / "second.keras"]
    for name, path in zip(("residual_cnn_tiny", "deep_cnn_tiny"), paths, strict=True):
        models.create(name, input_shape=(16, 32, 3), max_digits=2).save(path)
    report = tmp_path / "report"
    arguments = [*map(str, paths), "--dataset", str(photos), "--report", str(report)]
    assert evaluate.main([*arguments, "--worse", "3", "--split", "train"]) == 0
    text = (report / "index.html").read_text()
    assert text.count("<svg") == 6  # coverage, reliability, cost, two confusions, robustness
    assert 'src="data:image/jpeg;base64,' in text
    outside = re.findall(r'(?:src|href)="(?!data:)\w[^"]*', text)
    assert not outside, "a page that works offline points nowhere"
    for words in (
        "constant answer",
        "no difference shown",
        "Is the difference real?",
        *map(str, paths),
    ):
        assert words in text
    results = json.loads((report / "results.json").read_text())
    assert len(results["pairs"]) == 1 and len(results["robustness"]) == 7
    for found in list(results["models"].values())[1:]:
        assert found["latency_ms"] > 0 and found["images_per_second"] > 0
        assert found["file_size"] > 1000
        assert sum(found["mistakes"].values()) == round(
            found["images"] * (1 - found["sequence_accuracy"])
        )


def test_an_unknown_data_set_is_an_error_that_lists_the_known(tmp_path, capsys):
    assert evaluate.main([str(tmp_path), "--dataset", "mnits"]) == 2
    assert "mnist" in capsys.readouterr().err


def test_copied_training_images_are_told(photos, tmp_path):
    """A run says what it was trained with; a test folder that shares its images is told."""
    run = tmp_path / "run"
    run.mkdir()
    models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2).save(
        run / "model.keras"
    )
    configuration = {"dataset": str(photos), "validation": str(photos), "crop": "full", "seed": 3}
    made = {"configuration": configuration, "environment": {"command": "train.py net"}}
    (run / "config.json").write_text(json.dumps(made))
    copied = tmp_path / "copied"
    copied.mkdir()
    train = photo_folder.read_folder(photos, "train")[:5]
    for photo in train:
        shutil.copy(photo.path, copied / f"new_{photo.file}")
    rows = [f"new_{photo.file},{photo.number},test" for photo in train]
    (copied / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    report = tmp_path / "report"
    arguments = [str(run), "--report", str(report), "--worse", "0", "--no-timing"]
    assert evaluate.main([*arguments, "--dataset", str(copied)]) == 0
    results = json.loads((report / "results.json").read_text())
    assert any("5 of these images are in the train split" in w for w in results["warnings"])
    assert results["models"][str(run)]["seed"] == 3
    page = (report / "index.html").read_text()
    assert "train.py net" in page
    assert "test_<wbr>copied_<wbr>training" in page  # a heading that narrow columns can break
    assert evaluate.main([*arguments, "--dataset", str(photos)]) == 0
    assert not any(
        "of these images" in w
        for w in json.loads((report / "results.json").read_text())["warnings"]
    )
