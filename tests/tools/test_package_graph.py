"""The package graph of the documentation."""

from __future__ import annotations

import pytest

from tools.package_graph import PackageGraph, main, read_graph


@pytest.fixture
def checkout(tmp_path):
    for name, text in {
        "train.py": "from training.fit import train\nimport models\n",
        "training/fit.py": "def train():\n    import models.registry\n",
        "models/registry.py": "import keras\n",
        "tests/test_fit.py": "import training\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_rooms_have_lines_and_imports(checkout):
    graph = read_graph(checkout)
    assert graph.lines == {"models": 1, "train.py": 2, "training": 2}
    assert graph.imports["train.py"] == {"training", "models"}
    assert graph.order() == ["train.py", "training", "models"]
    assert graph.direct_imports()["train.py"] == {"training"}
    assert "| `training` | 2 | models |" in graph.markdown()


def test_a_cycle_is_an_error(checkout, capsys):
    (checkout / "models/registry.py").write_text("import training\n")
    assert main(["--root", str(checkout)]) == 1
    assert "import cycle: " in capsys.readouterr().err


def test_the_project_has_no_cycle():
    graph: PackageGraph = read_graph()
    assert graph.cycles() == []
    assert {"models", "datasets", "training", "evaluation"} <= set(graph.order())
