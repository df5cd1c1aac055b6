"""The commands as people type them."""

import importlib
import json
import re
import shutil
import subprocess
import sys

import pytest

import datasets
import evaluate
import export
import models
import predict
import train
import tuning.__main__ as tuning_command
from evaluation import folder_page
from exporting import formats
from tests.conftest import ROOT
from training import fit
from training.recipes import RECIPES


def test_list_shows_every_name_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert train.main(["--list"]) == 0
    shown = capsys.readouterr().out
    for name in [*models.list_models(), *datasets.list_datasets(), *RECIPES]:
        assert name in shown
    assert "64 x 160 x 3" in shown and "…" not in shown


@pytest.mark.parametrize("command", [train, evaluate, export, predict])
def test_help_has_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        command.main(["--help"])
    assert stop.value.code == 0
    assert "examples:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["deep_cn"], "unknown model 'deep_cn'. Known: deep_cnn"),
        (["deep_cnn", "--dataset", "mnits"], "mnist"),
        (["deep_cnn", "--dataset", "./nowhere"], "nowhere"),
        (["deep_cnn", "--weights", "./nowhere"], "./nowhere"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(arguments, message, capsys, tmp_path, photos):
    if "--dataset" not in arguments:
        arguments = [*arguments, "--dataset", str(photos)]
    run = tmp_path / "run"
    assert train.main([*arguments, "--run", str(run)]) == 2
    error = capsys.readouterr().err
    assert message in error.splitlines()[-1]
    assert not run.exists()  # nothing that would refuse the corrected command


def test_a_folder_that_is_no_run_is_left_as_it_is(capsys, tmp_path, photos):
    folder = shutil.copytree(photos, tmp_path / "photos")
    with (folder / "labels.csv").open("a") as table:
        table.write("000.png,1x\n")
    arguments = ["deep_cnn_tiny", "--dataset", str(folder), "--skip-bad", "--run", str(folder)]
    assert train.main(arguments) == 2
    assert "not empty and not a run" in capsys.readouterr().err
    assert not (folder / "skipped.csv").exists()


def test_images_that_do_not_fit_in_memory_are_one_line(monkeypatch, capsys, tmp_path, photos):
    monkeypatch.setattr("datasets.prepared._free_memory", lambda: 0)
    run = tmp_path / "run"
    assert train.main(["shallow_cnn", "--dataset", str(photos), "--run", str(run)]) == 2
    assert "--cache-dir" in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "option", "least"),
    [
        (evaluate, "--limit", 1),
        (evaluate, "--max-glimpses", 1),
        (evaluate, "--corruption-samples", 0),
        (export, "--max-glimpses", 1),
        (export, "--images", 1),
    ],
)
def test_a_number_below_the_least_is_refused(command, option, least, capsys):
    arguments = {evaluate: ["x", "--dataset", "mnist"], export: ["x", "--format", "onnx"]}
    with pytest.raises(SystemExit):
        command.main([*arguments[command], option, str(least - 1)])
    assert f"{option} is {least} or more. Received: {least - 1}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--table"], "--table evaluates no models"),
        (
            ["x", "--dataset", "mnist", "--crop", "union", "--max-glimpses", "2"],
            "a crop is read in one glimpse. Received: 2",
        ),
    ],
)
def test_an_option_of_evaluate_without_an_effect_is_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        evaluate.main(arguments)
    assert message in capsys.readouterr().err


def test_a_wrong_suffix_of_an_exported_file_is_refused_at_once(capsys):
    for form, suffix in export.SUFFIXES.items():
        assert suffix == formats.FORMATS[form].suffix
        with pytest.raises(SystemExit):
            export.main(["x", "--format", form, "--out", "reader.wrong"])
        assert f"--out of {form} ends in {suffix}. Received: reader" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "{photos}", "--fold", "6/5"], "a fold is I/K"),
        (["--dataset", "{photos}:0", "--fold", "1/5"], "weights above 0"),
        (["--dataset", "mnist", "--fold", "1/5", "--skip-bad"], "leave --skip-bad, --fold out"),
    ],
)
@pytest.mark.parametrize(
    "command", [(train, "shallow_cnn"), (evaluate, "x"), (tuning_command, "shallow_cnn")]
)
def test_a_wrong_option_of_folders_is_refused(command, arguments, message, photos, capsys):
    with pytest.raises(SystemExit):
        command[0].main([command[1], *(part.format(photos=photos) for part in arguments)])
    assert message in capsys.readouterr().err


def test_a_report_is_a_folder_before_anything_is_read(tmp_path, capsys, photos):
    (tmp_path / "file").touch()
    arguments = ["x", "--dataset", str(photos), "--report", str(tmp_path / "file" / "report")]
    assert evaluate.main(arguments) == 2
    assert f"{tmp_path / 'file'} is a file: name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "message"),
    [(["labels.csv", "readings-1.png"], "is not empty and not such a report (it holds"),
     (["index.html", "results.json"], "has a report of evaluate.py")],
)  # fmt: skip
def test_a_report_is_not_mixed_with_other_files(names, message, tmp_path, capsys, photos):
    for name in names:
        (tmp_path / name).write_text("mine")
    options = ["--dataset", str(photos), "--report"]
    if "labels.csv" in names:
        assert evaluate.main(["x", *options, str(tmp_path)]) == 2
        assert message in capsys.readouterr().err
        assert evaluate.main(["x", *options, str(photos / "report")]) == 2
        assert "Name another folder with --report" in capsys.readouterr().err
    assert folder_page.main([str(photos), "--report", str(tmp_path)]) == 2
    assert message in capsys.readouterr().err
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        names, "mine"
    )


@pytest.mark.parametrize(
    ("command", "arguments", "does"),
    [
        (export, ["street_numbers", "--format", "onnx"], "exporting.export"),
        (evaluate, ["street_numbers", "--dataset", "mnist"], "evaluation.comparison.compare"),
    ],
)
def test_what_is_interrupted_says_so(command, arguments, does, monkeypatch, capsys):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(does, stop)
    assert command.main(arguments) == 130
    assert capsys.readouterr().err.endswith(f"{command.__name__}.py: stopped\n")


def test_no_arguments_train_the_demo(monkeypatch, capsys):
    asked = {}

    def note(configuration, folder, **_):
        asked.update(model=configuration.model, dataset=configuration.dataset)
        raise ValueError("noted")

    monkeypatch.setattr(fit, "train", note)
    assert train.main([]) == 2
    assert asked == {"model": "residual_cnn_small", "dataset": "rendered_numbers"}


FIRST_IMPORTS = """
import importlib, json, os, sys, traceback
import numpy, PIL.Image, rich.console  # once for all

class Stop:
    def find_spec(self, name, path=None, target=None):
        if name in ("tensorflow", "keras", "jax"):
            callers = [frame.name for frame in traceback.extract_stack()]
            print(command, "quiet" if "quiet_tensorflow" in callers else callers, flush=True)
            os._exit(0)

sys.meta_path.insert(0, Stop())
for command, arguments in json.loads(sys.argv[1]).items():
    if not os.fork():
        importlib.import_module(command).main(arguments)
        os._exit(0)
    os.wait()
"""
"""Commands, each in a process, up to their first import of TensorFlow or Keras."""

REACHES_TENSORFLOW = {
    "train": ["--list"],
    "evaluation.folder_page": ["{photos}", "--no-reader"],
    "evaluate": ["street_numbers", "--dataset", "mnist"],
    "export": ["street_numbers", "--format", "onnx"],
    "tuning.__main__": ["shallow_cnn", "--describe"],
    "tools.convert_text_recognizer": ["none.onnx", "new.keras"],
    "tools.crop_numbers": ["photos", "new"],
    "tools.interpolate_weights": ["run", "new"],
    "tools.make_negatives": ["mnist", "new"],
    "tools.pseudo_label_boxes": ["photos", "new.csv"],
    "tools.publish": ["run", "--name", "new"],
    "training.accelerator.finish": [
        *("weights.npz", "runs", "--dataset", "a", "--validation", "a", "--steps", "1")
    ],
    "tools.readings_figure": ["out.png"],
}
NO_TENSORFLOW = {
    "number_zoo.command",  # on ONNX Runtime
    "tools.check_wheel",
    "number_zoo.server.__main__",
    "tools.contact_sheet",
    "tools.notebooks",  # in a kernel
    "tools.package_graph",
    "training.accelerator.__main__",  # on JAX, as the next
    "training.accelerator.locate",
    "training.accelerator.pack",
}


def test_every_command_imports_tensorflow_without_its_start_up_lines(photos):
    modules = [path.relative_to(ROOT) for path in (*ROOT.glob("*.py"), *ROOT.glob("[!.]*/**/*.py"))]
    commands = {
        ".".join(path.with_suffix("").parts)
        for path in modules
        if path.parts[0] not in ("benchmarks", "datasets", "tests")
        and "def main(" in (ROOT / path).read_text(encoding="utf-8")
    }
    assert commands == REACHES_TENSORFLOW.keys() | NO_TENSORFLOW
    for name in REACHES_TENSORFLOW:
        assert "\n    run_command(main)\n" in (ROOT / f"{name.replace('.', '/')}.py").read_text()
    jobs = json.dumps(REACHES_TENSORFLOW).replace("{photos}", str(photos))
    code = [sys.executable, "-c", FIRST_IMPORTS, jobs]
    done = subprocess.run(code, cwd=ROOT, capture_output=True, text=True, check=True)
    quiet = {name for name in REACHES_TENSORFLOW if f"{name} quiet" in done.stdout.splitlines()}
    assert quiet == REACHES_TENSORFLOW.keys(), done.stdout + done.stderr


def test_commands_in_the_docs_have_only_options_that_exist(capsys):
    command = re.compile(
        r"(?<![\w/])((?:train|evaluate|predict|export)\.py|-m (?:tuning|app|tools\.\w+))"
        r"([^`|#\"\n]*)"
    )
    used: dict[str, set[str]] = {}
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "Makefile"]:
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        for name, arguments in command.findall(text):
            used.setdefault(name, set()).update(re.findall(r"(?<=\s)--[a-z][a-z-]*", arguments))
    assert len(used) > 5
    for name, options in used.items():
        module = name.removeprefix("-m ").removesuffix(".py")
        module = f"{module}.__main__" if module in ("tuning", "app") else module
        with pytest.raises(SystemExit):
            importlib.import_module(module).main(["--help"])
        shown = capsys.readouterr().out
        assert options <= set(re.findall(r"--[a-z][a-z-]*", shown)), name
