"""The comparison end to end, on images made here."""

import csv
import json
import re
import shutil
import weakref
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import datasets
import evaluate
import evaluation
import models
import number_zoo
from datasets import photo_folder
from evaluation import timing
from evaluation.comparison import compare
from evaluation.figures import choose_thresholds
from inference.provenance import leak_warnings
from inference.split_images import SplitImages, random_indices
from number_zoo import files
from number_zoo.published import SMALL_WEIGHTS, onnx_file
from tests.conftest import draw_plate

QUICK = ["--corruption-samples", "0", "--no-timing"]


def save_model(path, name="residual_cnn_tiny", max_digits=2):
    small = {"blocks": (1, 1)} if name == "residual_cnn_tiny" else {"filters": (8, 8)}
    models.create(name, input_shape=(16, 32, 3), max_digits=max_digits, **small).save(path)
    return str(path)


def make_folder(folder, labels, split="test"):
    """Images of one grey each, which identifies them: 10, 11, 12 …"""
    folder.mkdir()
    rows = ["file,label,split"]
    for index, label in enumerate(labels):
        Image.new("RGB", (32, 16), (10 + index,) * 3).save(folder / f"{index}.png")
        rows.append(f"{index}.png,{label},{split}")
    (folder / "labels.csv").write_text("\n".join(rows))
    return str(folder)


def test_files_hold_every_model_and_what_failed_and_replace_those_of_an_earlier_report(
    photos, tmp_path, capsys
):
    good = save_model(tmp_path / "good.keras")
    bad = tmp_path / "bad[red].keras"
    bad.write_bytes(b"no model")
    report = tmp_path / "report"
    report.mkdir()
    sheets = ("readings-1.png", "readings-2.png", "readings-mine.png")
    for name in (*sheets, "readings.csv", "results.json"):
        (report / name).write_bytes(b"old")
    arguments = [good, str(bad), "--dataset", str(photos), "--report", str(report), *QUICK]
    assert evaluate.main(arguments) == 1
    results = json.loads((report / "results.json").read_text())
    assert list(results["models"]) == ["constant answer", good]
    assert results["crop"] == "full"
    assert list(results["failed"]) == [str(bad)]
    assert any("few" in warning for warning in results["warnings"])
    with (report / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    figures = results["models"][good]
    assert len(rows) == figures["images"]
    correct = sum(row["label"] == row[good] for row in rows)
    assert correct / len(rows) == figures["sequence_accuracy"]
    shown = capsys.readouterr().out
    assert f"Failed: {bad}: " in shown  # neither wrapped nor taken for markup
    assert "readings-1.png" in shown.replace("\n", "")
    assert {path.name for path in report.glob("*.png")} == {"readings-1.png", "readings-mine.png"}
    assert (report / "readings-1.png").read_bytes() != b"old"
    assert not (report / "readings.csv").exists()  # of all numbers in images


def test_the_page_is_self_contained_and_complete(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(timing, "BATCH", 8)
    monkeypatch.setattr(timing, "ROUNDS", 3)
    paths = [
        save_model(tmp_path / "first.keras"),
        save_model(tmp_path / "second.keras", "deep_cnn_tiny", max_digits=7),
    ]
    report = tmp_path / "report"
    arguments = [*paths, "--dataset", str(photos), "--report", str(report)]
    assert evaluate.main([*arguments, "--corruption-samples", "3"]) == 0
    text = (report / "index.html").read_text()
    assert text.count("<svg") == 6  # coverage, reliability, latency, two confusions, corruption
    assert 'src="data:image/jpeg;base64,' in text
    assert not re.findall(r'(?:src|href)="(?!data:)\w[^"]*', text), "it works offline"
    for words in ("constant answer", "no significant difference", "those of the test split"):
        assert words in text
    assert f"<h1>{photos.name}: evaluation of 2 models</h1>" in text.replace("<wbr>", "")
    assert str(photos) in text.split("<h2>Provenance</h2>")[1]
    headings = re.findall(r"first\.keras</th>(.*)|second\.keras</th>(.*)", text)
    columns = [max(map(len, (re.findall("<th>read", h) for h in pair))) for pair in headings]
    assert columns[-2:] == [4, 9], "0 to N digits and longer, for each model's own N"
    results = json.loads((report / "results.json").read_text())
    assert len(results["pairs"]) == 1 and len(results["corruption"]) == 7
    for figures in list(results["models"].values())[1:]:
        assert figures["latency_ms"] > 0 and figures["images_per_second"] > 0
        assert figures["thresholds_chosen_on"] == "validation"
        wrong = figures["images"] * (1 - figures["sequence_accuracy"])
        assert sum(figures["mistakes"].values()) == round(wrong)


def test_without_a_usable_model_no_data_is_read_and_no_report_written(
    photos, tmp_path, monkeypatch, capsys
):
    def read(*_, **__):
        raise AssertionError("data was read")

    monkeypatch.setattr(datasets, "labels", read)
    bad = tmp_path / "bad.keras"
    bad.write_bytes(b"no model")
    report = tmp_path / "report"
    report.mkdir()
    (report / "results.json").write_text("good")
    arguments = ["street_numbrs", str(bad), "--dataset", str(photos), "--report", str(report)]
    assert evaluate.main(arguments) == 2
    error = capsys.readouterr().err
    assert "Received: street_numbrs" in error and "bad.keras is not a Keras model" in error
    assert [path.read_text() for path in report.iterdir()] == ["good"]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, None])
def test_images_and_labels_of_a_limited_mix_belong_together(limit, tmp_path):
    """The label of each image is its grey, wherever in the mix the limit falls."""
    first = make_folder(tmp_path / "first", ["10", "11", "12"])
    second = make_folder(tmp_path / "second", ["10", "11"])
    mix = f"{first}:2,{second}:1"
    images = SplitImages(mix, "test", limit=limit)
    loaded = images.load(range(len(images.labels)))
    assert [str(image[0, 0, 0]) for image in loaded.values()] == images.texts


def test_chosen_images_are_loaded_in_order_and_as_crops(tmp_path, monkeypatch):
    folder = Path(make_folder(tmp_path / "photos", ["10", "11", "12"]))
    rows = [f"{index}.png,{index + 10},test,10 4 20 12" for index in range(3)]
    (folder / "labels.csv").write_text("\n".join(["file,label,split,boxes", *rows]))
    loaded = SplitImages(str(folder), "test").load([2, 0, 2], "union")
    assert [(index, int(image[0, 0, 0])) for index, image in loaded.items()] == [(2, 12), (0, 10)]
    assert {image.shape for image in loaded.values()} == {(10, 14, 3)}
    monkeypatch.setattr(number_zoo.reader, "MAX_PIXELS", 70)
    (reduced,) = SplitImages(str(folder), "test").load([0], "union", reduce=True).values()
    assert reduced.shape == (5, 7, 3)


def test_few_large_images_are_in_memory_while_readers_are_timed(monkeypatch):
    """Of a phone's photos, 64 would take 2.3 GB."""
    references = []

    class Photos(dict):
        def __getitem__(self, key):
            photo = np.zeros((10, 10, 3), np.uint8)
            references.append(weakref.ref(photo))
            assert sum(reference() is not None for reference in references) <= 4
            return photo

    reads = []
    monkeypatch.setattr(files, "PIXELS", 200)
    photos = Photos.fromkeys(range(64))
    times = timing.time_readers({"fake": lambda images: reads.append(len(images))}, photos)
    assert reads == [2] * (1 + timing.BATCHES) + [1] * (timing.WARM_UP + timing.ROUNDS)
    assert times["fake"]["images_per_second"] > 0


def test_images_are_searched_as_the_command_does(tmp_path, capsys):
    folder, report = Path(make_folder(tmp_path / "photos", ["175"])), tmp_path / "report"
    photo = Image.new("RGB", (2400, 1800), (90, 110, 90))
    draw_plate(photo, 0, "175", (1500, 1100, 1620, 1150))
    photo.save(folder / "0.png")
    for crop, correct in (("full", 0), ("search", 1)):
        arguments = [SMALL_WEIGHTS, "--dataset", str(folder), "--crop", crop]
        assert evaluate.main([*arguments, "--report", str(report), *QUICK]) == 0
        results = json.loads((report / "results.json").read_text())
        figures = results["models"][SMALL_WEIGHTS]
        assert figures["sequence_accuracy"] == correct and figures["crop"] == crop


def test_labels_too_long_for_a_model_are_told_with_the_cure(tmp_path):
    model = save_model(tmp_path / "model.keras")
    some = make_folder(tmp_path / "some", ["1234567", "12", "12345678"])
    comparison = compare([model], some, timing=False)
    (result,) = comparison.results
    assert result.figures["unreadable_labels"] == 2
    assert result.correct[[0, 2]].sum() == 0
    assert any(
        "2 of 3 labels are unreadable" in warning and "--set max_digits=8" in warning
        for warning in comparison.warnings
    )
    every = make_folder(tmp_path / "every", ["1234567", "12345678"])
    with pytest.raises(ValueError, match=r"max_digits=2\).*--set max_digits=8"):
        compare([model], every, timing=False)


@pytest.mark.parametrize(("split", "count"), [("validation", 3), ("test", 5)])
def test_thresholds_are_chosen_on_validation(split, count, tmp_path, monkeypatch, capsys):
    folder = make_folder(tmp_path / "photos", ["1", "2", "3", "4", "5"])
    table = tmp_path / "photos" / "labels.csv"
    table.write_text(table.read_text().replace("test", split, 3))
    counts = []

    def count_images(correct, confidence):
        counts.append(len(correct))
        return choose_thresholds(correct, confidence)

    monkeypatch.setattr("evaluation.figures.choose_thresholds", count_images)
    model = save_model(tmp_path / "model.keras")
    comparison = compare([model], folder, timing=False)
    threshold = comparison.results[0].figures["coverage"]["0.98"]["threshold"]
    evaluation.show(comparison)
    shown = capsys.readouterr().out
    assert counts[0] == count and f"chosen on {split}" in shown
    assert ("none" if threshold is None else f"{threshold:.4f}") in shown
    assert ("optimistic" in shown) == (split == "test")


def test_copied_training_images_are_named(photos, tmp_path):
    """A run says what it was trained with; a test folder that shares its images is named."""
    run = tmp_path / "run"
    run.mkdir()
    save_model(run / "model.keras")
    configuration = {"dataset": str(photos), "validation": str(photos), "crop": "full", "seed": 3}
    record = {"configuration": configuration, "environment": {"command": "train.py net"}}
    (run / "config.json").write_text(json.dumps(record))
    copied = tmp_path / "copied"
    copied.mkdir()
    train = photo_folder.read_folder(photos, "train")[:5]
    selected = photo_folder.read_folder(photos, "validation")[:2]
    for photo in train + selected:
        shutil.copy(photo.path, copied / f"new_{photo.file}")
    rows = [f"new_{photo.file},{photo.label},test" for photo in train + selected]
    (copied / "labels.csv").write_text("\n".join(["file,label,split", *rows]))
    report = tmp_path / "report"
    arguments = [str(run), "--report", str(report), *QUICK]
    assert evaluate.main([*arguments, "--dataset", str(copied)]) == 0
    results = json.loads((report / "results.json").read_text())
    for count, split in ((5, "train"), (2, "validation")):
        shared = f"{count} of these images are in the {split} split"
        assert any(shared in warning for warning in results["warnings"])
    assert results["models"][str(run)]["seed"] == 3
    assert "train.py net" in (report / "index.html").read_text()
    assert leak_warnings([str(run)], str(photos), "test") == []
    assert leak_warnings([str(run)], str(copied), "validation") == []  # copied to test only
    # A known fingerprint gives one warning for each model, without that of each image.
    data = {"photos train": datasets.fingerprint(photos, "train")}
    (run / "metrics.json").write_text(json.dumps({"data": data}))
    warnings = leak_warnings([str(run), str(run)], str(photos), "train")
    assert len(warnings) == 2 and all("trained or selected on these" in text for text in warnings)
    # The folder that was trained on has changed since.
    edited = make_folder(tmp_path / "edited", ["1", "x"], "train")
    record["configuration"] = {"dataset": edited}
    (run / "config.json").write_text(json.dumps(record))
    (warning,) = leak_warnings([str(run)], str(photos), "test")
    assert "train split of" in warning and "1 of 2 rows cannot be used" in warning


def test_published_weights_and_exported_files_are_read_as_predict_reads_them(photos, tmp_path):
    name, file = "street_numbers_small", str(tmp_path / "copy.onnx")
    shutil.copyfile(onnx_file(name), file)
    compared = compare([name, file], str(photos), timing=False)
    evaluation.write_report(compared, tmp_path / "report")
    first, second = compared.results
    readings = number_zoo.Reader(name).predict(
        [e.read() for e in datasets.examples(photos, "test")]
    )
    assert first.readings == second.readings == readings.decoded.numbers()
    assert first.figures["sha256"] == second.figures["sha256"] == models.card(name)["onnx_sha256"]
    assert first.figures["multiply_adds"] > 0 and second.figures["multiply_adds"] is None
    # With other glimpses than those of the file, published weights are read with Keras.
    compared = compare([name, file], str(photos), timing=False, max_glimpses=1)
    (result,), ((failed, reason),) = compared.results, compared.failed
    assert result.figures["max_glimpses"] == 1
    assert result.figures["sha256"] == models.card(name)["sha256"]
    assert failed == file and "exported with max_glimpses=4" in reason


@pytest.mark.parametrize("kind", ["run", "exported", "published"])
def test_fingerprints_of_training_data_warn_of_a_leak(kind, photos, tmp_path, monkeypatch):
    """Also of a part of a mix, and without the folder that was trained on."""
    data = {"photos train": datasets.fingerprint(photos, "train")}
    name = str(tmp_path / "run")
    if kind != "published":
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "metrics.json").write_text(json.dumps({"data": data}))
    if kind == "exported":
        run, name = name, str(tmp_path / "run.onnx")
        Path(f"{name}.json").write_text(json.dumps({"weights": run}))
    if kind == "published":
        name = "published"
        card = {"data": data, "training": {"configuration": {}}}
        monkeypatch.setattr(models.published, "list_weights", lambda *_: [name])
        monkeypatch.setattr(models.published, "card", lambda _: card)
    other = make_folder(tmp_path / "other", ["1"], "train")
    for dataset in (str(photos), f"{photos}:1,{other}:1"):
        (warning,) = leak_warnings([name], dataset, "train")
        assert "trained or selected on these images" in warning and str(photos) in warning
    assert leak_warnings([name], str(photos), "test") == []


def test_random_samples_do_not_repeat():
    chosen = random_indices(100, 30)
    assert len(set(chosen.tolist())) == 30 and (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(random_indices(100, 30), chosen)
    assert len(random_indices(5, 30)) == 5
