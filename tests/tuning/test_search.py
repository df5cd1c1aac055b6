"""Searches: trials are runs, failures are recorded, kills are survived, the best is written."""

import dataclasses
import json
import logging

import grpc
import keras_tuner as kt
import pytest

import models
from artifacts.files import RunError, lock
from artifacts.run_folder import RunFolder
from datasets import Augmentation
from tests.tuning.conftest import fake_train
from training.configuration import configure, read_configuration
from tuning import loop, trial
from tuning.loop import best_configuration, run_search
from tuning.search import plan, read_search, search_folder
from tuning.trial import (
    DEFAULT,
    FAILED,
    FINISHED,
    REFUSED,
    best_first,
    candidate,
    read_records,
)

TUNERS = ("random", "bayesian", "hyperband", "grid")


def searched(search, folder):
    """Run a search; its records without the default's."""
    run_search(search, folder)
    return [record for record in read_records(folder) if record.trial != DEFAULT]


@pytest.mark.usefixtures("eager")
def test_every_trial_is_a_run_and_the_best_is_written_at_full_length(tiny, tmp_path):
    search, folder = tiny(trials=1), tmp_path / "search"
    run_search(search, folder, cache_dir=tmp_path / "cache")
    records = read_records(folder)
    assert [record.trial for record in records] == ["0", DEFAULT]
    for record in records:
        run = RunFolder(folder / "trials" / record.trial)
        assert run.finished and run.model.exists() and not run.checkpoint.exists()
        assert (
            record.score == json.loads(run.metrics.read_text())["validation"]["sequence_accuracy"]
        )
        recipe = read_configuration(run.config).recipe
        assert (recipe.epochs, recipe.steps_per_epoch, recipe.batch_size) == (2, 1, 8)
        events = (run.tensorboard / "trial").glob("events*")
        assert any(b"hparams" in file.read_bytes() for file in events)
    best = min(records, key=lambda record: (-record.score, record.validation["loss"]))
    configuration = read_configuration(folder / "best.json")
    assert configuration.recipe.epochs == search.base.recipe.epochs
    if best.trial != DEFAULT:
        assert configuration.arguments["filters"] == best.settings["filters"]


@pytest.mark.parametrize("tuner", TUNERS)
def test_a_finished_search_resumes_with_more_trials(tuner, tiny, tmp_path, no_training):
    search = tiny(tuner=tuner, epochs=3)
    first = searched(search, tmp_path)
    assert [record.status for record in first] == [FINISHED] * 3
    assert searched(search, tmp_path) == first
    longer = dataclasses.replace(search, trials=5)
    more = searched(longer, tmp_path)
    assert more[:3] == first and len(more) == 5
    assert read_search(tmp_path) == longer
    assert len({str(record.values) + str(record.epochs) for record in more}) == 5


@pytest.mark.parametrize("tuner", TUNERS)
def test_a_killed_search_resumes_the_trial_that_it_was_at(
    tuner, tiny, tmp_path, no_training, monkeypatch
):
    def killed(*_, **__):
        raise KeyboardInterrupt

    search = tiny(tuner=tuner, trials=4, epochs=3)
    calls = []

    def train(configuration, folder, **rest):
        calls.append(folder.name)
        return (killed if len(calls) == 3 else fake_train)(configuration, folder, **rest)

    monkeypatch.setattr(trial, "train", train)
    with pytest.raises(KeyboardInterrupt):
        run_search(search, tmp_path / "killed")
    resumed = searched(search, tmp_path / "killed")
    assert calls == [DEFAULT, "0", "1", "1", "2", "3"]
    if tuner != "bayesian":  # its random numbers start anew
        whole = searched(search, tmp_path / "whole")
        assert [r.values for r in resumed] == [r.values for r in whole]


@pytest.mark.parametrize("tuner", TUNERS)
def test_damaged_state_of_keras_tuner_costs_no_finished_trial(
    tuner, tiny, tmp_path, no_training, monkeypatch
):
    search = tiny(tuner=tuner, epochs=3)
    first = searched(search, tmp_path)
    runs = {path: path.stat().st_mtime for path in tmp_path.glob("trials/*/history.csv")}
    (tmp_path / "oracle" / "oracle.json").write_text("")  # as a full disk leaves it
    assert searched(search, tmp_path) == first
    (tmp_path / "oracle" / "trial_9").mkdir()  # as a kill before oracle.json is written leaves it
    assert searched(search, tmp_path) == first
    assert runs == {path: path.stat().st_mtime for path in tmp_path.glob("trials/*/history.csv")}


@pytest.fixture
def context(tiny, tmp_path, no_training):
    """What the trials of a search have in common, to run one without the search."""
    return trial.TrialContext(tiny(), tmp_path)


def test_a_record_of_another_version_is_named(tmp_path):
    (tmp_path / "trials").mkdir()
    (tmp_path / "trials" / "0000.json").write_text('{"trial": "0000", "speed": 1}')
    with pytest.raises(RunError, match=r"0000\.json is not the record of a trial: .*'speed'"):
        read_records(tmp_path)


def test_a_run_of_another_candidate_is_replaced(context, tmp_path):
    for width in (4, 16):
        trial.run_trial(context, "0", {"filters_1": width})
        arguments = read_configuration(tmp_path / "trials" / "0" / "config.json").arguments
        assert arguments["filters"][0] == width


def test_a_trial_whose_tensorboard_summary_is_not_written_is_not_done(
    context, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(trial, "_write_hparams", full)
    with pytest.raises(OSError, match="No space"):
        trial.run_trial(context, "0", {"filters_1": 4})
    assert trial.read_records(tmp_path) == []


def test_a_folder_of_another_search_or_other_files_is_refused(tiny, tmp_path, no_training, caplog):
    folder = tmp_path / "search"
    leftover = folder / ".zoo-tmp-of-a-killed-process"
    leftover.mkdir(parents=True)
    run_search(tiny(trials=1), folder)
    assert not leftover.exists()
    leftover = folder / "trials" / "0" / ".zoo-tmp-of-a-killed-process"
    leftover.mkdir(parents=True)
    run_search(tiny(trials=1), folder)
    assert not leftover.exists()
    with pytest.raises(RunError, match=r"is another search \(.*seed.*Name another folder"):
        run_search(tiny(trials=1, seed=3), folder)
    with lock(folder, "searching"), pytest.raises(RunError, match="another process is searching"):
        run_search(tiny(trials=1), folder)
    content = json.loads((folder / "search.json").read_text())
    changed = content | {"hyperparameters": content["hyperparameters"][:-1]}
    (folder / "search.json").write_text(json.dumps(changed))
    with pytest.raises(RunError, match="search space of deep_cnn_tiny has changed since"):
        run_search(tiny(trials=1), folder)
    content["labels"] |= dict.fromkeys(content["labels"], "of other labels")
    (folder / "search.json").write_text(json.dumps(content))
    for other in (tiny(trials=2), tiny(trials=1, steps=2)):  # steps follow from the images
        with pytest.raises(RunError, match="search cannot be resumed: labels or images of"):
            run_search(other, folder)
    run_search(tiny(trials=1), folder)  # as a finished run
    assert "search is finished. It was searched before labels or images of" in caplog.text
    assert json.loads((folder / "search.json").read_text()) == content
    with pytest.raises(RunError, match="is not empty and not a search"):
        run_search(tiny(), folder / "trials")
    with pytest.raises(RunError, match=r"it has no search\.json"):
        read_search(tmp_path)


def test_the_best_configuration_is_that_of_a_trial_within_the_budget(tiny, tmp_path, no_training):
    run_search(tiny(trials=6), tmp_path)
    best = read_configuration(tmp_path / "best.json")
    assert best_configuration(tmp_path).to_json() == best.to_json()
    cost = min(record.multiply_adds for record in read_records(tmp_path))
    cheap = best_configuration(tmp_path, budget=cost)
    assert 10_000 * cheap.arguments["filters"][0] == cost < 10_000 * best.arguments["filters"][0]
    with pytest.raises(ValueError, match="no finished trial of at most 1 multiply-adds"):
        best_configuration(tmp_path, budget=1)


def test_candidates_over_the_budget_are_refused_and_not_trained(tiny, tmp_path, no_training):
    base = tiny().base
    budget = models.multiply_adds(models.create(base.model, **base.arguments)) * 1.2
    records = searched(tiny(trials=8, budget=budget), tmp_path)
    refused = [record for record in records if record.status == REFUSED]
    assert {record.status for record in records} == {FINISHED, REFUSED}
    for record in refused:
        assert "multiply-adds, the budget is" in record.reason
        assert not (tmp_path / "trials" / record.trial).exists()
    context = trial.TrialContext(tiny(budget=1.0), tmp_path / "other")
    assert trial.run_trial(context, DEFAULT, {}).status == FINISHED  # the baseline has no budget


def test_a_failed_trial_is_recorded_and_five_in_succession_end_the_search(
    tiny, tmp_path, no_training, monkeypatch
):
    def train(configuration, folder, **rest):
        if folder.name in ("01", "03", "04", "05", "06", "07"):
            raise MemoryError("no room")
        return fake_train(configuration, folder, **rest)

    monkeypatch.setattr(trial, "train", train)
    with pytest.raises(kt.errors.FatalError, match=r"5 trials failed in succession.*no room"):
        run_search(tiny(trials=20), tmp_path)
    statuses = {record.trial: record.status for record in read_records(tmp_path)}
    assert [statuses[f"0{n}"] for n in range(4)] == [FINISHED, FAILED, FINISHED, FAILED]
    assert "08" not in statuses


def test_a_full_disk_stops_the_search_and_loses_no_trial(tiny, tmp_path, no_training, monkeypatch):
    full_at = DEFAULT

    def train(configuration, folder, **rest):
        if folder.name == full_at:
            raise OSError("no space left on device")
        return fake_train(configuration, folder, **rest)

    monkeypatch.setattr(trial, "train", train)
    with pytest.raises(OSError, match="no space left"):
        run_search(tiny(), tmp_path)
    full_at = "1"
    with pytest.raises(kt.errors.FatalError, match=r"trial 1 was stopped: no space left.*resume"):
        run_search(tiny(), tmp_path)
    full_at = None
    assert [record.status for record in searched(tiny(), tmp_path)] == [FINISHED] * 3


def test_a_score_that_keras_tuner_cannot_store_stops_the_search(
    tiny, tmp_path, no_training, monkeypatch
):
    """keras-tuner would go on, and never use the trial."""
    stored = kt.Oracle.update_trial

    def update(oracle, trial_id, *arguments, **keywords):
        if trial_id == "1":
            raise OSError("no space left on device")
        return stored(oracle, trial_id, *arguments, **keywords)

    with monkeypatch.context() as patch, pytest.raises(kt.errors.FatalError, match="no space left"):
        patch.setattr(kt.Oracle, "update_trial", update)
        run_search(tiny(), tmp_path)
    assert [record.status for record in searched(tiny(), tmp_path)] == [FINISHED] * 3
    states = [json.loads(path.read_text()) for path in tmp_path.glob("oracle/trial_*/trial.json")]
    assert [state["status"] for state in states] == ["COMPLETED"] * 3


def test_a_worker_without_its_chief_says_so(tiny, tmp_path, no_training, monkeypatch):
    class Gone(grpc.RpcError):
        def details(self):
            return "Socket closed"

    monkeypatch.setattr(loop._ZooTuner, "search", lambda *_, **__: (_ for _ in ()).throw(Gone()))
    with pytest.raises(RunError, match=r"chief was stopped or failed \(Socket closed\): start it"):
        run_search(tiny(), tmp_path)


def test_hyperbands_best_trials_continue_where_they_stopped(
    tiny, tmp_path, no_training, monkeypatch
):
    started = {}

    def train(configuration, folder, **rest):
        started[folder.name] = (len(RunFolder(folder).read_history(99)), rest["until"])
        return fake_train(configuration, folder, **rest)

    monkeypatch.setattr(trial, "train", train)
    search = tiny(tuner="hyperband", trials=None, epochs=3)
    for record in searched(search, tmp_path):
        assert record.epochs == started[record.trial][1]
        run = RunFolder(tmp_path / "trials" / record.trial)
        assert read_configuration(run.config).recipe.epochs == 3
    assert {(0, 1), (1, 3), (0, 3)} <= set(started.values())


def test_a_trial_waits_for_another_process_at_the_same_run(context, monkeypatch, caplog):
    run = context.run("0")
    run.folder.mkdir(parents=True)
    holder = lock(run.folder, "training")
    holder.__enter__()
    monkeypatch.setattr(trial.time, "sleep", lambda _: holder.__exit__(None, None, None))
    with caplog.at_level(logging.INFO):
        assert trial.run_trial(context, "0", {}).status == FINISHED
    assert "trial 0: waiting for the process" in caplog.text


@pytest.fixture
def base():
    """Twelve epochs of 100 steps of 32 images."""
    settings = ["steps_per_epoch=100", "ema_momentum=0.99", "batch_size=32", "epochs=12"]
    return configure("deep_cnn_tiny", "rendered_numbers", settings=settings)


def test_a_candidate_has_the_settings_and_keeps_images_and_averaging(base):
    assert candidate(base, {}, 100) == base
    changed = candidate(base, {"filters": [8, 8, 8], "weight_decay": 0.5}, 100)
    assert changed.arguments["filters"] == [8, 8, 8] and changed.recipe.weight_decay == 0.5
    short = candidate(base, {"batch_size": 64}, 100, (3, 20)).recipe
    assert (short.epochs, short.steps_per_epoch, short.batch_size) == (3, 10, 64)
    assert short.ema_momentum == pytest.approx(0.99**40)
    with pytest.raises(ValueError, match="unknown setting 'filter'"):
        candidate(base, {"filter": 3}, 100)
    mnist = configure("shallow_cnn", "mnist")
    assert mnist.recipe.steps_per_epoch is None
    assert candidate(mnist, {"batch_size": 64}, 430).recipe.steps_per_epoch is None


def test_a_trial_is_a_quarter_of_the_recipe_in_a_folder_of_its_search(photos):
    search = plan("deep_cnn_tiny", str(photos), settings=["epochs=9", "steps_per_epoch=42"])
    assert (search.epochs, search.steps, search.trials) == (2, 10, 20)
    folder = search_folder(search)
    assert folder == search_folder(dataclasses.replace(search, trials=99))  # resumed with more
    assert folder != search_folder(dataclasses.replace(search, seed=1))


def test_the_best_trial_has_the_highest_accuracy_or_the_lowest_loss():
    scores = [(0.5, 1.0), (0.9, 3.0), (0.9, 2.0), (0.2, 0.5)]
    records = [
        trial.TrialRecord(str(n), FINISHED, score=score, validation={"loss": loss})
        for n, (score, loss) in enumerate(scores)
    ]
    assert [r.trial for r in best_first(records, "sequence_accuracy")] == ["2", "1", "0", "3"]
    assert [r.trial for r in best_first(records, "loss")] == ["3", "0", "2", "1"]


def test_settings_are_sorted_into_overrides_and_the_base_configuration(tiny, photos):
    search = tiny("learning_rate=0.5", "clip_norm=2.0")
    recipe = search.base.recipe
    assert (recipe.clip_norm, recipe.batch_size, recipe.learning_rate) == (2.0, 8, 0.5)
    values = search.make_space().active({})
    assert values["batch_size"] == 8 and values["learning_rate"] == 0.5
    assert search.make_space().settings({})["augmentation"] == 0
    none = tiny("augmentation=none")  # without augmentation there is no strength of it to search
    assert "augmentation" not in none.make_space().names and not none.base.recipe.augmentation.moves
    light = tiny("augmentation=light")  # not a strength of the default's: that of every trial
    assert light.base.recipe.augmentation == Augmentation.light()
    assert light.make_space().settings({})["augmentation"] == 1
    with pytest.raises(ValueError, match=r"filters is what is searched.*filters_1"):
        plan("deep_cnn", str(photos), settings=["filters=8,8"])
    with pytest.raises(ValueError, match="the grid has over 1,000 points: narrow it"):
        plan("deep_cnn", str(photos), tuner="grid")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_workers_values_in_32_bits_do_not_reach_a_bayesian_oracle(tiny, tmp_path):
    search = tiny("conv_dropout=0.1,0.2", tuner="bayesian", trials=9)
    oracle = loop._ZooTuner(trial.TrialContext(search, tmp_path)).oracle
    for score in range(5):
        sent = oracle.create_trial("worker")
        oracle.update_trial(sent.trial_id, {"sequence_accuracy": float(score)})
        received = kt.engine.trial.Trial.from_proto(sent.to_proto())
        received.status = "COMPLETED"
        oracle.end_trial(received)
        assert sent.hyperparameters.values["conv_dropout"] in (0.1, 0.2)
