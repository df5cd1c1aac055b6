"""The package graph of the documentation."""

from __future__ import annotations

from tools.package_graph import read_graph


def test_packages_have_lines_and_imports(tmp_path):
    for name, text in {
        "train.py": "from training.fit import train\nimport models\n",
        "training/fit.py": "def train():\n    import models.registry\n",
        "models/registry.py": "import keras\n",
        "tests/test_fit.py": "import training\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    graph = read_graph(tmp_path)
    assert graph.lines == {"models": 1, "train.py": 2, "training": 2}
    assert graph.imports["train.py"] == {"training", "models"}
    assert graph.direct_imports()["train.py"] == {"training"}
    rows = graph.markdown().splitlines()[-4:]
    assert [row.split("`")[1] for row in rows[:3]] == ["train.py", "training", "models"]
    assert rows[1] == "| `training` | 2 | models |" and rows[3] == "| all | 5 | |"
