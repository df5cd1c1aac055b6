"""`python -m tuning` as people type it."""

import shutil

import pytest

from training.recipes import get_recipe
from tuning import __main__ as command
from tuning.trial import DEFAULT, read_records


def test_describe_shows_the_space(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    assert command.main(["deep_cnn", "--describe", "--set", "blocks=3", "--set", "epochs=4"]) == 0
    shown = capsys.readouterr().out
    assert "fixed: 3" in shown and "filters_3" in shown and "dense_layers is 1 or 2" in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deep_cn"], "unknown model 'deep_cn'. Known: deep_cnn"),
        (["deep_cnn", "--set", "blocks=2"], "blocks takes 3 to 6 (int). Received: '2'"),
        (["deep_cnn", "--tuner", "gird"], "unknown tuner 'gird'. Known: grid"),
        (["deep_cnn", "--objective", "los"], "unknown objective 'los'. Known: loss"),
        (
            ["locator_tiny", "--dataset", "rendered_scenes", "--objective", "sequence_accuracy"],
            "unknown objective 'sequence_accuracy'. Known: average_precision, loss",
        ),
        (["deep_cnn", "--trials", "0"], "trials is at least 1. Received: 0"),
        (["deep_cnn", "--space", "nowhere.py"], "nowhere.py"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_no_folder(arguments, message, capsys, tmp_path, photos):
    if "--dataset" not in arguments:
        arguments = [*arguments, "--dataset", str(photos)]
    assert command.main([*arguments, "--run", str(tmp_path / "run")]) == 2
    assert message in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "run").exists()


def test_images_are_checked_before_the_first_trial(no_training, photos, tmp_path, capsys):
    """Otherwise, every trial fails."""
    folder, run = shutil.copytree(photos, tmp_path / "photos"), tmp_path / "run"
    (folder / "000.png").write_text("no image")
    assert command.main(["deep_cnn_tiny", "--dataset", str(folder), "--run", str(run)]) == 2
    assert "1 of 60 rows cannot be used" in capsys.readouterr().err and not run.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a MODEL"),
        (["deep_cnn"], "--dataset is needed"),
        (["deep_cnn", "--dataset", "x", "--report"], "--report needs --run FOLDER and no model"),
        (["--run", "x", "--epochs", "9", "--set", "a=1"], "leave out --epochs, --set"),
        (["deep_cnn", "--dataset", "x", "--budget", "50X"], "such as 50M or 800k. Received: '50X'"),
        (["deep_cnn", "--dataset", "x", "--budget", "0M"], "Received: '0M'"),
    ],
)
def test_options_that_do_not_fit_are_an_error(arguments, message, capsys):
    with pytest.raises(SystemExit):
        command.main(arguments)
    assert message in capsys.readouterr().err


def test_a_search_with_a_space_file_ends_with_a_summary_and_resumes_by_folder(
    no_training, photos, tmp_path, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "120")
    space, folder = tmp_path / "my_space.py", tmp_path / "search"
    space.write_text(
        "def space(hp, base):\n"
        "    return {'dense_units': [hp.Choice('units', [16, 32, 64])],\n"
        "            'learning_rate': hp.Float('rate', 1e-4, 1e-2, sampling='log')}  # größer\n",
        encoding="utf-8-sig",
    )
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def space(hp, base): return {'dense_unit': hp.Int('units', 1, 3)}")
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--space"]
    assert command.main([*arguments, str(wrong), "--run", str(folder)]) == 2
    assert "unknown setting 'dense_unit'. Known: dense_units" in capsys.readouterr().err
    arguments.append(str(space))
    arguments += ["--set", "units=16,32", "--trials", "4", "--budget", "1G", "--run", str(folder)]
    assert command.main([*arguments, "--data-dir", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "5 finished" in " ".join(shown.split()) and "multiply-adds" in shown
    following = f"python train.py --config {folder}/best.json --seed 1 --data-dir {tmp_path}"
    assert following in shown.replace("\n", "")
    space.unlink()  # the folder has a copy
    records = read_records(folder)
    for option in ([], ["--report"]):
        assert command.main(["--run", str(folder), *option]) == 0
        assert read_records(folder) == records
    assert command.main(["--run", str(folder), "--trials", "5"]) == 0
    assert len(read_records(folder)) == len(records) + 1
    assert str(folder / "report.html") in capsys.readouterr().out.replace("\n", "")
    units = {record.settings["dense_units"][0] for record in records if record.trial != DEFAULT}
    assert units <= {16, 32}


def test_every_option_reaches_the_search(photos, tmp_path, monkeypatch):
    searches = []
    monkeypatch.setattr("tuning.loop.run_search", lambda search, *_, **__: searches.append(search))
    monkeypatch.setattr("tuning.report.print_summary", lambda *_: True)
    monkeypatch.setattr("tuning.report.write_report", lambda *_: "page")
    other = shutil.copytree(photos, tmp_path / "other")
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--validation", str(other)]
    arguments += ["--recipe", "digits", "--crop", "square", "--precision", "mixed_bfloat16"]
    arguments += ["--tuner", "bayesian", "--objective", "loss", "--trials", "7", "--budget", "2.5M"]
    arguments += ["--epochs", "3", "--steps", "4", "--seed", "5", "--run", str(tmp_path / "run")]
    assert command.main(arguments) == 0
    (search,) = searches
    base, recipe = search.base, get_recipe("digits")
    assert (base.dataset, base.validation, base.recipe) == (str(photos), str(other), recipe)
    assert (base.crop, base.precision, base.seed) == ("square", "mixed_bfloat16", 5)
    assert (search.tuner, search.objective, search.seed) == ("bayesian", "loss", 5)
    assert (search.trials, search.budget, search.epochs, search.steps) == (7, 2.5e6, 3, 4)


@pytest.mark.parametrize("has_best", [True, False])
def test_a_search_without_a_score_has_another_exit_status(photos, tmp_path, monkeypatch, has_best):
    monkeypatch.setattr("tuning.loop.run_search", lambda *_, **__: None)
    monkeypatch.setattr("tuning.report.print_summary", lambda *_: has_best)
    monkeypatch.setattr("tuning.report.write_report", lambda *_: "page")
    arguments = ["deep_cnn_tiny", "--dataset", str(photos), "--run", str(tmp_path)]
    assert command.main(arguments) == (0 if has_best else 1)
