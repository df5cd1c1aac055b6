"""Run folders: opened for one configuration by one process, and removed if nothing came of them."""

import re

import pytest

from artifacts.files import RunError, read_json
from artifacts.run_folder import (
    changed_labels,
    first_difference,
    open_run,
    read_run_configuration,
)
from tests.artifacts.conftest import killed_while_writing

CONFIGURATION = {"model": "deep_cnn", "seed": 0}


def test_a_run_keeps_its_configuration_environment_and_history(tmp_path):
    with open_run(tmp_path / "run", CONFIGURATION) as run:
        run.write_history([{"epoch": 1, "loss": 2.5}, {"epoch": 2, "loss": 2.25}])
    with open_run(tmp_path / "run", CONFIGURATION) as run:
        assert read_run_configuration(run.config) == CONFIGURATION and not run.finished
        assert run.read_history(1) == [{"epoch": 1, "loss": 2.5}]
    environment = read_json(run.config)["environment"]
    assert environment["packages"]["numpy"] and environment["python"]


def test_a_run_of_another_configuration_other_files_and_a_file_are_refused(tmp_path):
    with open_run(tmp_path / "run", CONFIGURATION) as run:
        run.checkpoint.touch()
    (tmp_path / "thesis.txt").write_text("")
    for folder, message in (
        (tmp_path / "run", r"another configuration \(seed: 0, now 7\)"),
        (tmp_path, r"not empty and not a run \(it holds run, thesis\.txt\)"),
        (tmp_path / "thesis.txt", "is a file"),
    ):
        with pytest.raises(RunError, match=message), open_run(folder, CONFIGURATION | {"seed": 7}):
            pass
    assert {path.name for path in tmp_path.iterdir()} == {"run", "thesis.txt"}


@pytest.mark.parametrize("is_finished", [False, True])
def test_changed_labels_are_named_before_the_settings_that_follow_from_them(tmp_path, is_finished):
    with open_run(tmp_path / "run", CONFIGURATION | {"steps": 32}, {"photos train": "1a"}) as run:
        (run.metrics if is_finished else run.checkpoint).touch()
    changed = CONFIGURATION | {"steps": 33}, {"photos train": "2b"}
    with pytest.raises(RunError, match="images of photos train"), open_run(run.folder, *changed):
        pass


def test_an_unfinished_run_of_other_labels_is_refused(tmp_path):
    with open_run(tmp_path / "run", CONFIGURATION, {"photos train": "1a"}) as run:
        run.checkpoint.touch()
    message = r"run cannot be resumed: labels or images of photos train have changed"
    changed = {"photos train": "2b", "others train": "3c"}
    with pytest.raises(RunError, match=message), open_run(run.folder, CONFIGURATION, changed):
        pass
    with open_run(run.folder, CONFIGURATION, {"photos train": "1a"}):
        run.metrics.touch()
    run.checkpoint.unlink()  # as at the end of a training
    with open_run(run.folder, CONFIGURATION, changed):
        assert changed_labels(run.config, changed) == ["photos train"]


def test_digests_of_earlier_versions_are_compared_without_the_sizes_of_images(tmp_path):
    with open_run(tmp_path, CONFIGURATION, {"photos train": "1a"}) as run:
        for digest, changed in (("1a 5f", []), ("2b 5f", ["photos train"])):
            assert changed_labels(run.config, {"photos train": digest, "new": "3c"}) == changed


def test_a_run_without_an_epoch_takes_another_configuration(tmp_path):
    with open_run(tmp_path, CONFIGURATION, {"photos train": "1a"}) as run:
        run.tensorboard.mkdir()
    labels = {"photos train": "2b"}
    with open_run(tmp_path, CONFIGURATION | {"seed": 7}, labels) as run:
        assert not changed_labels(run.config, labels)
        assert read_run_configuration(run.config) == CONFIGURATION | {"seed": 7}
        assert not run.tensorboard.exists()
    (tmp_path / "notes.txt").touch()
    with pytest.raises(ValueError, match="built"), open_run(tmp_path, CONFIGURATION):
        raise ValueError("cannot be built")
    assert (tmp_path / "notes.txt").exists()


def test_a_folder_with_the_config_json_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": []}')
    (tmp_path / "weights.bin").touch()
    message = "not the configuration of a run"
    with pytest.raises(RunError, match=message), open_run(tmp_path, CONFIGURATION):
        pass
    assert (tmp_path / "config.json").read_text() == '{"architectures": []}'


def test_a_kill_while_the_configuration_is_written_is_harmless(tmp_path):
    (tmp_path / ".lock").touch()
    killed_while_writing(tmp_path / "config.json")
    with open_run(tmp_path, CONFIGURATION) as run:
        assert read_run_configuration(run.config) == CONFIGURATION
    assert {path.name for path in tmp_path.iterdir()} == {".lock", "config.json"}


def test_a_new_run_that_fails_leaves_nothing_and_a_resumed_one_everything(tmp_path):
    def fail(checkpoint):
        with (
            pytest.raises(ValueError, match="cannot be built"),
            open_run(tmp_path / "run", CONFIGURATION) as run,
        ):
            run.tensorboard.mkdir(exist_ok=True)
            if checkpoint:
                run.checkpoint.write_text("")
            raise ValueError("cannot be built")

    fail(checkpoint=False)
    assert not list(tmp_path.iterdir())
    fail(checkpoint=True)
    fail(checkpoint=False)
    assert (tmp_path / "run" / "checkpoint.npz").exists()
    with pytest.raises(KeyboardInterrupt), open_run(tmp_path / "other", CONFIGURATION) as run:
        run.metrics.touch()  # then a finished run deletes its checkpoint
        raise KeyboardInterrupt
    assert run.finished


def test_the_first_difference_is_named_by_its_key():
    old = {"seed": 0, "recipe": {"epochs": 2, "batch_size": 8}}
    assert first_difference(old, {"seed": 0, "recipe": {"epochs": 3}}) == (
        "recipe.epochs: 2, now 3"
    )
    assert first_difference({"a": 1}, {"a": 1, "b": 2}) == "b: None, now 2"
    assert (
        first_difference({"a": "x" * 60}, {"a": "x" * 59}) == f"a: '{'x' * 60}', now '{'x' * 59}'"
    )
    shown = first_difference({"space": "a\n" * 1000}, {"space": "b"})
    assert shown.endswith("a…, now 'b'") and len(shown) < 120
    settings = [f"setting_{index}=1" for index in range(9)]
    shown = first_difference({"overrides": settings}, {"overrides": [*settings[:-1], "lr=2"]})
    assert re.fullmatch(r"overrides: ….*setting_8=1'\], now ….*lr=2'\]", shown)
