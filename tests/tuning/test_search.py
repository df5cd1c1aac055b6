"""Searches: every trial a run, failures and kills recorded, the best one ready to train longer."""

import contextlib
import dataclasses
import json
import logging
import statistics
import types

import pytest

import models
import train
from artifacts.files import RunError, lock
from artifacts.run_folder import RunFolder
from tests.tuning.conftest import SETTINGS
from training import fit
from training.configuration import read_configuration, run_configuration
from tuning import loop, oracles, progress, trial
from tuning.candidates import candidate
from tuning.records import (
    FAILED,
    FINISHED,
    STOPPED,
    Record,
    read_record,
    read_records,
    read_refused,
    run_of,
)
from tuning.search import open_search, plan, read_search


@pytest.fixture(scope="module")
def found(photos, tmp_path_factory):
    """One search that nothing disturbed: two trials, of no more parameters than the default."""
    folder = tmp_path_factory.mktemp("search") / "whole"
    search = plan("deep_cnn_tiny", str(photos), settings=SETTINGS, trials=2, epochs=2, steps=1)
    made = search.make_space()
    default = candidate(search.base, made.settings(made.hyperparameters.values), 1)
    most = models.create(default.model, **default.arguments).count_params()
    search = dataclasses.replace(search, limits={"parameters": most})
    return search, folder, loop.run_search(search, folder, cache_dir=folder.parent / "cache")


def test_every_trial_is_a_run_like_any_other(found):
    search, folder, records = found
    assert [one.status for one in records] == [FINISHED] * 2
    for one in records:
        run = RunFolder(folder / "trials" / one.trial)
        assert run.finished and run.model.exists() and not run.checkpoint.exists()
        metrics = json.loads(run.metrics.read_text())
        assert one.score == metrics["validation"]["sequence_accuracy"]
        assert metrics["parameters"] <= search.limits["parameters"]
        made = run_configuration(run)
        assert made.arguments["filters"] == one.settings["filters"]
        assert (made.recipe.epochs, made.recipe.batch_size) == (2, 8)
        assert made.recipe.steps_per_epoch == search.base.recipe.batch_size // 8
        assert {key.split()[-1] for key in metrics["data"]} == {"train", "validation"}


def test_what_was_refused_is_counted_and_was_not_trained(found):
    _, folder, records = found
    refused = read_refused(folder)
    assert refused and all("parameters, the limit is" in one["reason"] for one in refused)
    assert len(list((folder / "trials").iterdir())) == len(records)


def test_the_best_is_written_over_the_full_length(found):
    search, folder, records = found
    best = max(records, key=lambda one: (one.score, -one.validation["loss"]))
    made = read_configuration(folder / "best.json")
    assert made.arguments["filters"] == best.settings["filters"]
    assert made.recipe.epochs == search.base.recipe.epochs
    of_base = search.base.recipe.steps_per_epoch * search.base.recipe.batch_size
    assert made.recipe.steps_per_epoch * made.recipe.batch_size == of_base
    assert json.loads((folder / "best.json").read_text())["found"]["trial"] == best.trial


def test_train_takes_the_best_with_another_seed(found, monkeypatch, tmp_path, capsys):
    _, folder, _ = found
    asked = {}

    def note(configuration, run, **_):
        asked["configuration"] = configuration
        raise ValueError("noted")

    monkeypatch.setattr(fit, "train", note)
    file = str(folder / "best.json")
    assert train.main(["--config", file, "--seed", "7", "--epochs", "3"]) == 2
    best = read_configuration(folder / "best.json")
    recipe = dataclasses.replace(best.recipe, epochs=3)
    assert asked["configuration"] == dataclasses.replace(best, seed=7, recipe=recipe)
    with pytest.raises(SystemExit):
        train.main(["deep_cnn", "--config", file])
    assert "--config says already what is trained" in capsys.readouterr().err
    (tmp_path / "no.json").write_text("{}")
    assert train.main(["--config", str(tmp_path / "no.json")]) == 2
    assert "no.json is not the configuration of a run" in capsys.readouterr().err


def test_tensorboard_finds_the_values_and_scores(found):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.plugins.hparams import metadata, plugin_data_pb2

    _, folder, records = found
    for one in records:
        events = EventAccumulator(str(folder / "trials" / one.trial / "tensorboard" / "trial"))
        events.Reload()
        data = events.PluginTagToContent(metadata.PLUGIN_NAME)[metadata.SESSION_START_INFO_TAG]
        started = plugin_data_pb2.HParamsPluginData.FromString(data).session_start_info
        values = {name: value.number_value for name, value in started.hparams.items()}
        assert values == pytest.approx(dict(one.values))
        assert {"score", "sequence_accuracy"} <= set(events.Tags()["tensors"])


def test_a_finished_search_does_nothing_and_one_with_more_trials_goes_on(
    tiny, tmp_path, no_training, caplog
):
    records = loop.run_search(tiny(), tmp_path / "search")
    with caplog.at_level(logging.INFO):
        assert loop.run_search(tiny(), tmp_path / "search") == records
    assert "going on after 3 trials" in caplog.text
    more = loop.run_search(tiny(trials=5), tmp_path / "search")
    assert more[:3] == records and len(more) == 5
    assert read_search(tmp_path / "search") == tiny(trials=5)


def test_another_search_is_kept_out(found, tmp_path):
    search, folder, _ = found
    other = dataclasses.replace(search, tuner="bayesian")
    with pytest.raises(RunError, match=r"another search \(tuner is 'random' there and 'bayesian'"):
        loop.run_search(other, folder)
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(RunError, match="holds files and is no search"):
        loop.run_search(search, tmp_path)
    with pytest.raises(RunError, match=r"is not a search: it has no search\.json"):
        read_search(tmp_path)
    new = tmp_path / "new"
    with (
        open_search(new, search),
        pytest.raises(RunError, match="another process is searching"),
        open_search(new, search),
    ):
        pass


class Killed(BaseException):
    """What a test kills a process with."""


def test_killed_in_a_trial_it_goes_on_to_the_same_end(found, tmp_path, monkeypatch):
    search, folder, whole = found

    class Kill(trial.StopTrial):
        def on_epoch_end(self, epoch, logs=None):
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(trial, "StopTrial", Kill)
        with pytest.raises(Killed):
            loop.run_search(search, tmp_path / "search", cache_dir=folder.parent / "cache")
    assert read_record(tmp_path / "search", "0").status == "running"
    one = dataclasses.replace(search, trials=1)
    (again,) = loop.run_search(one, tmp_path / "search", cache_dir=folder.parent / "cache")
    assert again.values == whole[0].values and again.validation == whole[0].validation


def test_a_trial_that_another_worker_is_at_is_left_to_it(tiny, tmp_path, monkeypatch, no_training):
    search, folder = tiny(trials=1), tmp_path / "search"
    (done,) = loop.run_search(search, folder)
    bench = trial.Bench(search, folder, search.make_space(), 1)
    another = contextlib.ExitStack()
    another.enter_context(lock(run_of(folder, "0").folder, "training"))
    monkeypatch.setattr(trial, "train", None)
    monkeypatch.setattr(trial.time, "sleep", lambda seconds: another.close())
    assert trial.do_trial(bench, "0", done.values) == done


def test_a_trial_that_fails_is_recorded_and_the_search_goes_on(
    tiny, tmp_path, monkeypatch, no_training
):
    def fail_once(configuration, folder, **rest):
        if folder.name == "0":
            raise MemoryError("no room\nfor this")
        return no_training(configuration, folder, **rest)

    monkeypatch.setattr(trial, "train", fail_once)
    records = loop.run_search(tiny(trials=2), tmp_path / "search")
    assert [one.status for one in records] == [FAILED, FINISHED]
    assert records[0].reason == "MemoryError: no room"


def test_a_search_in_which_all_fails_gives_up(tiny, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no space left on the device")

    monkeypatch.setattr(trial, "train", fail)
    monkeypatch.setattr(trial, "_clear_memory", lambda: None)
    with pytest.raises(loop.SearchFailed, match=r"5 trials failed .* no space left on the device"):
        loop.run_search(tiny(trials=20), tmp_path / "search")
    assert len(read_records(tmp_path / "search")) == loop.FAILURES


def test_a_search_that_finds_no_candidate_within_the_limits_says_so(
    tiny, tmp_path, monkeypatch, caplog
):
    monkeypatch.setattr(oracles, "DRAWS", 2)
    with caplog.at_level(logging.INFO):
        assert loop.run_search(tiny(limits=["parameters=9"]), tmp_path / "search") == []
    assert "ended after 0 of 3 trials: no new candidate was found, 3 were refused" in caplog.text
    assert len(read_refused(tmp_path / "search")) == 3


def test_a_trial_that_kills_the_process_is_given_up(tiny, tmp_path, monkeypatch):
    search = tiny(trials=2, epochs=1)
    bench = trial.Bench(search, tmp_path, search.make_space(), 3)
    values = bench.space.hyperparameters.values
    for _ in range(trial.STARTS):
        trial._begin(bench, "0", values, trial.run_of(tmp_path, "0"))
    with pytest.raises(trial.TrialFailed, match="is there memory enough"):
        trial.do_trial(bench, "0", values)
    assert read_record(tmp_path, "0").status == FAILED


def test_hyperbands_best_go_on_where_they_were(tiny, tmp_path, monkeypatch, no_training):
    begun = {}

    def note(configuration, folder, **rest):
        begun[folder.name] = (len(RunFolder(folder).read_history(99)), rest["until"])
        return no_training(configuration, folder, **rest)

    monkeypatch.setattr(trial, "train", note)
    search = tiny(tuner="hyperband", trials=None, epochs=3)
    records = loop.run_search(search, tmp_path / "search")
    assert {(0, 1), (1, 3), (0, 3)} <= set(begun.values())
    for one in records:
        run = RunFolder(tmp_path / "search" / "trials" / one.trial)
        assert one.status == FINISHED
        assert one.epochs == begun[one.trial][1] == len(run.read_history(99))
        assert run_configuration(run).recipe.epochs == 3


def test_time_left_does_not_count_what_the_first_trial_prepares(tiny, tmp_path):
    search = tiny(trials=4)
    bench = trial.Bench(search, tmp_path, search.make_space(), 1)
    oracle = types.SimpleNamespace(tuner_ids={"one"})
    shown = progress.Progress(bench, oracle)
    first = Record("0", FINISHED, seconds=1000.0)
    assert shown._left([first]) == 3000
    assert shown._left([first, Record("1", FINISHED, seconds=10.0)]) == 20
    oracle.tuner_ids = {"one", "two"}
    assert shown._left([first, Record("1", FINISHED, seconds=10.0)]) == 10


def test_trials_that_stand_still_are_stopped(tiny, tmp_path, no_training):
    search = tiny(trials=6, epochs=8, patience=2)
    records = loop.run_search(search, tmp_path / "search")
    assert {one.status for one in records} == {FINISHED, STOPPED}
    for one in records:
        scores = [
            row["val_sequence_accuracy"]
            for row in run_of(tmp_path / "search", one.trial).read_history(99)
        ]
        assert one.epochs == len(scores)
        if one.status == STOPPED:
            assert one.reason == f"no better since epoch {one.epochs - 2}"
            assert max(scores[-2:]) <= scores[-3] == max(scores)


def test_trials_below_the_median_of_the_others_are_stopped(tiny, tmp_path, no_training):
    search = tiny(trials=12, epochs=6, median_stop=True)
    records = loop.run_search(search, tmp_path / "search")
    rows = [run_of(tmp_path / "search", one.trial).read_history(99) for one in records]
    assert all(one.status == FINISHED for one in records[:4])
    stopped = [number for number, one in enumerate(records) if one.status == STOPPED]
    assert stopped
    for number in stopped:
        done = records[number].epochs
        reached = [max(row["val_sequence_accuracy"] for row in one[:done]) for one in rows]
        assert done >= 2 and reached[number] < statistics.median(reached[:number])
        assert records[number].reason == f"after epoch {done} below the median of {number} trials"


def test_what_is_searched_for_cannot_be_set_and_is_said(photos):
    with pytest.raises(ValueError, match=r"filters is what the search is for.*filters_1"):
        plan("deep_cnn", str(photos), settings=["filters=8,8"])
    with pytest.raises(ValueError, match=r"the grid has .* points: narrow"):
        plan("deep_cnn", str(photos), tuner="grid")
    with pytest.raises(ValueError, match=r"unknown tuner 'randm'\. Known: random"):
        plan("deep_cnn", str(photos), tuner="randm")
    with pytest.raises(ValueError, match=r"unknown objective 'los'\. Known: loss"):
        plan("deep_cnn", str(photos), objective="los")
