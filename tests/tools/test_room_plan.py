"""The room plan of the documentation."""

from __future__ import annotations

import pytest

from tools.room_plan import RoomPlan, main, read_plan


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
    plan = read_plan(checkout)
    assert plan.lines == {"models": 1, "train.py": 2, "training": 2}
    assert plan.imports["train.py"] == {"training", "models"}
    assert plan.order() == ["train.py", "training", "models"]
    assert plan.direct_imports()["train.py"] == {"training"}
    assert "| `training` | 2 | models |" in plan.markdown()


def test_a_cycle_is_an_error(checkout, capsys):
    (checkout / "models/registry.py").write_text("import training\n")
    assert main(["--root", str(checkout)]) == 1
    assert "import cycle: " in capsys.readouterr().err


def test_the_project_has_no_cycle():
    plan: RoomPlan = read_plan()
    assert plan.cycles() == []
    assert {"models", "datasets", "training", "evaluation"} <= set(plan.order())
