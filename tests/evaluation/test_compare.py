"""The comparison end to end, on pictures made here."""

import csv
import json

import evaluate
import models


def test_files_hold_every_model_and_what_failed(photos, tmp_path, capsys):
    good = tmp_path / "good.keras"
    models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2).save(good)
    bad = tmp_path / "bad.keras"
    bad.write_bytes(b"no model")
    report = tmp_path / "report"
    status = evaluate.main([str(good), str(bad), "--dataset", str(photos), "--report", str(report)])
    assert status == 1
    results = json.loads((report / "results.json").read_text())
    assert list(results["models"]) == ["constant answer", str(good)]
    assert results["crop"] == "full"
    assert list(results["failed"]) == [str(bad)]
    assert any("few" in warning for warning in results["warnings"])
    with (report / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = results["models"][str(good)]
    assert len(rows) == found["pictures"]
    share = sum(row["number"] == row[str(good)] for row in rows) / len(rows)
    assert share == found["number_accuracy"]
    assert "bad.keras" in capsys.readouterr().out


def test_an_unknown_data_set_is_an_error_that_lists_the_known(tmp_path, capsys):
    assert evaluate.main([str(tmp_path), "--dataset", "mnits"]) == 2
    assert "mnist" in capsys.readouterr().err
