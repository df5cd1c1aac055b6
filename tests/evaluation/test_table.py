"""The README's table, from kept results."""

import json

import pytest

import evaluate
from evaluation import table


def kept(folder, name, accuracy, crop="full"):
    figures = {
        "images": 4000,
        "sequence_accuracy": accuracy,
        "sequence_accuracy_interval": [accuracy - 0.01, accuracy + 0.01],
        "coverage": {"0.98": 0.5, "0.99": 0.25},
    }
    results = {
        "dataset": "photos",
        "split": "test",
        "crop": crop,
        "models": {
            "constant answer": figures
            | {"sequence_accuracy": 0.01, "sequence_accuracy_interval": [0.005, 0.015]},
            name: figures | {"crop": crop, "trained_with": "train.py net"},
        },
        "environment": {"command": f"evaluate.py {name} --dataset photos"},
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(results))


def test_every_model_gets_a_row_with_its_crop_and_its_commands(tmp_path, monkeypatch):
    kept(tmp_path / "docs" / "results", "net", 0.925)
    kept(tmp_path / "docs" / "results", "other", 0.5, "union")
    (tmp_path / "README.md").write_text(f"Before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    monkeypatch.chdir(tmp_path)
    assert evaluate.main(["--table"]) == 0
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("Before\n") and text.endswith("\nafter\n") and "old" not in text
    row = "| photos, test (4,000) | whole images | `net` | 92.50 % | 91.5 – 93.5 | 50.0 % | 25.0 % "
    assert f"{row}|\n" in text
    assert "| true box + 30 % | `other` | 50.00 % |" in text
    assert text.count("constant answer | 1.00 %") == 1  # the same images, the same row
    assert "- `net` was trained with `train.py net`\n" in text
    assert "- measured with `evaluate.py other --dataset photos`\n" in text
    again = text
    assert evaluate.main(["--table"]) == 0
    assert (tmp_path / "README.md").read_text() == again


@pytest.mark.parametrize("what", ["no results", "no marks", "no json", "other json"])
def test_what_cannot_be_done_is_said_and_nothing_changes(what, tmp_path, monkeypatch, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("text" if what == "no marks" else f"{table.BEGIN}\n{table.END}\n")
    before = readme.read_text()
    if what != "no results":
        kept(tmp_path / "docs" / "results", "net", 0.9)
    if what.endswith("json"):
        path = tmp_path / "docs" / "results" / "bad.json"
        path.write_text("{" if what == "no json" else '{"models": {"a": {}}}')
    monkeypatch.chdir(tmp_path)
    assert evaluate.main(["--table"]) == 2
    assert readme.read_text() == before
    expected = {"no results": "no results", "no marks": "README.md"}
    assert expected.get(what, "bad.json") in capsys.readouterr().err
