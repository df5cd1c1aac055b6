"""`python -m tuning` as people type it."""

import pytest

import models
from artifacts.console import count
from tuning import __main__ as command
from tuning import loop
from tuning.objectives import OBJECTIVES


def test_list_shows_every_model_and_objective(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    assert command.main(["--list"]) == 0
    shown = capsys.readouterr().out
    for name in [*models.list_models(), *OBJECTIVES, "hyperband"]:
        assert name in shown


def test_describe_shows_what_is_left_of_a_space(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert command.main(["deep_cnn", "--describe", "--set", "blocks=3", "--set", "epochs=4"]) == 0
    shown = capsys.readouterr().out
    assert "fixed: 3" in shown and "filters_3" in shown and "filters_4" not in shown
    assert "dense_layers is 1 or 2" in shown


def test_help_has_a_command_for_each_role(capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])
    assert stop.value.code == 0
    shown = capsys.readouterr().out
    assert "examples:" in shown and "--chief 192" in shown and "--worker 192" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deep_cn", "--dataset", "mnist_numbers"], "unknown model 'deep_cn'. Known: deep_cnn"),
        (["deep_cnn"], "--dataset is needed"),
        (["deep_cnn", "--dataset", "mnits"], "mnist"),
        (["deep_cnn", "--set", "bloks=3"], "unknown setting 'bloks'"),
        (["deep_cnn", "--set", "blocks=x"], "blocks takes 3 to 6: int. Received: 'x'"),
        (["deep_cnn", "--budget", "50X"], "a limit is a number such as 50M"),
        (["deep_cnn", "--tuner", "gird"], "unknown tuner 'gird'. Known: grid"),
        (["deep_cnn", "--trials", "0"], "trials is at least 1. Received: 0"),
        (["deep_cnn", "--space", "nowhere.py"], "nowhere.py"),
        (["deep_cnn", "--chief", "here"], "the chief is at HOST:PORT. Received: 'here'"),
        (["deep_cnn", "--tuner", "hyperband", "--median-stop"], "hyperband stops the worse"),
    ],
)
def test_a_mistake_is_one_line_and_trains_nothing(arguments, message, capsys, tmp_path, photos):
    if "--dataset" not in arguments and len(arguments) > 1:
        arguments = [*arguments, "--dataset", str(photos)]
    assert command.main([*arguments, "--run", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run" / "trials").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "a MODEL is needed"),
        (["deep_cnn", "--worker", "a:1", "--run", "x"], "a worker is told"),
        (["--worker", "a:1"], "a worker is told"),
    ],
)
def test_options_that_do_not_go_together_are_said(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert message in capsys.readouterr().err


def test_a_search_with_a_space_of_ones_own_ends_with_a_table(
    no_training, photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "120")
    space = tmp_path / "my_space.py"
    space.write_text(
        "def space(hp, base):\n"
        "    return {'dense_units': [hp.Choice('units', [16, 32, 64])],\n"
        "            'learning_rate': hp.Float('rate', 1e-4, 1e-2, sampling='log')}\n"
    )
    folder = tmp_path / "search"
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--space", str(space)]
    arguments += ["--set", "units=16,32", "--trials", "4", "--run", str(folder)]
    assert command.main(arguments) == 0
    shown = capsys.readouterr().out
    assert "4 trials of deep_cnn_tiny" in shown and "numbers right" in shown
    assert f"python train.py --config {folder}/best.json" in shown.replace("\n", "")
    space.unlink()  # it is in the folder now, for whoever goes on
    assert command.main(["--run", str(folder)]) == 0
    records = loop.read_records(folder)
    assert len(records) == 4
    assert {one.settings["dense_units"][0] for one in records} <= {16, 32}
    assert count(1000) == "1 k"
