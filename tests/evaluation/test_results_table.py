"""The tables of README.md and docs/results.md, from copies of results."""

import json

import pytest

import evaluate
from evaluation.results_table import BEGIN, END


def keep(root, name, accuracy, crop="full", chosen_on="validation"):
    figures = {
        "images": 4000,
        "sequence_accuracy": accuracy,
        "sequence_accuracy_interval": [accuracy - 0.01, accuracy + 0.01],
        "coverage": {"0.98": {"coverage": 0.5}, "0.99": {"coverage": 0.25}},
    }
    baseline = figures | {"sequence_accuracy": 0.01, "sequence_accuracy_interval": [0.0, 0.02]}
    trained = {"crop": crop, "trained_with": "train.py net", "thresholds_chosen_on": chosen_on}
    results = {
        "dataset": "photos",
        "split": "test",
        "crop": crop,
        "models": {"constant answer": baseline, name: figures | trained},
        "environment": {"command": f"evaluate.py {name} --dataset photos"},
    }
    (root / "docs" / "results" / f"{name}.json").write_text(json.dumps(results))


@pytest.fixture
def project(tmp_path, monkeypatch):
    folder = tmp_path / "docs" / "results"
    folder.mkdir(parents=True)
    (folder / "highlights.json").write_text('[["net", "net"]]')
    for path in (tmp_path / "README.md", tmp_path / "docs" / "results.md"):
        path.write_text(f"Before\n{BEGIN}\nold\n{END}\nafter\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_highlights_and_all_results_are_written_with_their_commands(project):
    keep(project, "net", 0.925)
    keep(project, "other", 0.5, "union", chosen_on="test")
    assert evaluate.main(["--table"]) == 0
    readme, full = project / "README.md", project / "docs" / "results.md"
    for path in (readme, full):
        text = path.read_text()
        assert text.startswith("Before\n") and text.endswith("\nafter\n") and "old" not in text
        row = "photos, test (4,000) | whole image | `net` | 92.50 % | 91.5 – 93.5 | 50.0 % | 25.0 %"
        assert f"| {row} |\n" in text
    assert "other" not in readme.read_text()
    text = full.read_text()
    assert "| true box + 30 % | `other` | 50.00 % | 49.0 – 51.0 | 50.0 %* | 25.0 %* |" in text
    assert text.count("constant answer | 1.00 %") == 1  # the same images, the same row
    assert "- `net` was trained with `train.py net`\n" in text
    assert "- measured with `evaluate.py other --dataset photos`\n" in text
    assert evaluate.main(["--table"]) == 0
    assert full.read_text() == text


@pytest.mark.parametrize(
    ("path", "content", "error"),
    [
        ("docs/results/net.json", None, "no results"),
        ("docs/results.md", "no marks", "results.md has no place"),
        ("docs/results/bad.json", "{", "bad.json is not JSON"),
        ("docs/results/bad.json", '{"models": {"a": {}}}', "bad.json has no"),
        ("docs/results/highlights.json", '[["net", "gone"]]', "do not exist: [('net', 'gone')]"),
    ],
)
def test_an_error_names_the_file_and_nothing_changes(path, content, error, project, capsys):
    keep(project, "net", 0.9)
    if content is None:
        (project / path).unlink()
    else:
        (project / path).write_text(content)
    before = (project / "README.md").read_text()
    assert evaluate.main(["--table"]) == 2
    assert (project / "README.md").read_text() == before
    assert error in capsys.readouterr().err
