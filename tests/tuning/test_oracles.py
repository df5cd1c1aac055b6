"""The oracles: what they refuse, and that they go on where a kill left them."""

import pytest

from training.configuration import configure
from tuning import loop, oracles
from tuning.search import Search
from tuning.trial import Bench

LAYERS = """
def space(hp, base):
    layers = hp.Int("layers", 1, 3)
    units = []
    for n in (1, 2, 3):
        with hp.conditional_scope("layers", [m for m in (1, 2, 3) if m >= n]):
            units.append(hp.Choice(f"units_{n}", [16, 32, 64, 128]))
    return {"dense_units": [one for one in units if one], "dense_dropout": hp.Float("drop", 0, 0.6)}
"""


@pytest.fixture
def oracle_of(tmp_path, monkeypatch):
    """A function that makes the oracle of a search, or takes it up again, with its own refusal."""

    def make(tuner, refuse=lambda values: None, folder="search", shared=False, **asked):
        asked = {"trials": 5, "epochs": 9} | asked
        base = configure("deep_cnn_tiny", "rendered_numbers")
        search = Search(base, tuner=tuner, space=LAYERS, **asked)
        bench = Bench(search, tmp_path / folder, search.make_space(), 10)
        made = loop._oracle(bench, shared)
        made._refusal, made._on_end = refuse, lambda trial: None
        made._set_project_dir(str(bench.folder), "oracle")
        if (bench.folder / "oracle" / "oracle.json").exists():
            made.reload()
        if tuner == "bayesian":
            made.gpr.n_restarts_optimizer = 0  # twenty take seconds
        return made

    return make


def play(oracle, trials, score=lambda values: values["layers"], worker="me"):
    """Let so many trials end with what `score` gives; the values of all that there were."""
    seen = []
    for _ in range(trials):
        trial = oracle.create_trial(worker)
        if trial.status == "STOPPED":
            break
        seen.append(trial.hyperparameters.values)
        oracle.update_trial(trial.trial_id, {"sequence_accuracy": float(score(seen[-1]))})
        trial.status = "COMPLETED"
        oracle.end_trial(trial)
    return seen


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband", "grid"])
def test_the_first_trial_is_the_default_and_none_comes_twice(tuner, oracle_of):
    seen = play(oracle_of(tuner), 5)
    assert len(seen) == 5
    first = {name: value for name, value in seen[0].items() if "/" not in name}
    assert first == {"layers": 1, "units_1": 16, "drop": 0.0}
    assert len({str(sorted(values.items())) for values in seen}) == 5


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband", "grid"])
def test_what_is_refused_is_no_trial_but_counted(tuner, oracle_of):
    def refuse(values):
        return "too deep" if values["layers"] != 2 else None

    oracle = oracle_of(tuner, refuse)
    seen = play(oracle, 5, score=lambda values: values["units_1"])
    assert len(seen) == 5 and all(values["layers"] == 2 for values in seen)
    assert oracle.refused and {one["reason"] for one in oracle.refused} == {"too deep"}
    assert oracle.get_state()["refused"] == oracle.refused


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband", "grid"])
def test_a_search_of_which_all_is_refused_ends(tuner, oracle_of, monkeypatch):
    monkeypatch.setattr(oracles, "DRAWS", 20)
    oracle = oracle_of(tuner, lambda values: "no", trials=4)
    if tuner == "grid":
        oracle.hyperparameters = _narrow(oracle)
    assert play(oracle, 1) == []
    assert oracle.refused


def _narrow(oracle):
    """The oracle's space with few points, so that a grid comes to its end."""
    kept = [hp for hp in oracle.hyperparameters.space if hp.name in ("layers", "units_1")]
    made = type(oracle.hyperparameters)()
    made.merge(kept)
    return made


@pytest.mark.parametrize("tuner", ["random", "bayesian", "hyperband", "grid"])
def test_killed_in_the_middle_of_a_trial_it_takes_that_trial_up_again(tuner, oracle_of):
    killed = oracle_of(tuner)
    play(killed, 3)
    begun = killed.create_trial("me")
    again = oracle_of(tuner)
    assert again.create_trial("me").trial_id == begun.trial_id
    rest = play(again, 2)
    assert rest[0] == begun.hyperparameters.values
    if tuner != "bayesian":  # whose random numbers begin anew
        assert rest == play(oracle_of(tuner, folder="whole"), 5)[3:]


def test_a_trial_that_the_oracle_had_no_time_to_write_down_is_not_lost(oracle_of):
    for tuner in ("random", "grid"):
        killed = oracle_of(tuner, folder=tuner)
        play(killed, 3)
        state = killed._get_oracle_fname()
        with open(state) as file:  # noqa: PTH123
            before = file.read()
        begun = killed.create_trial("me")
        with open(state, "w") as file:  # noqa: PTH123
            file.write(before)
        again = oracle_of(tuner, folder=tuner)
        assert again.create_trial("me").trial_id == begun.trial_id
        values = play(again, 5)
        assert len(values) == 2 and values[0] == begun.hyperparameters.values


def test_to_a_bayesian_search_what_was_refused_is_as_bad_as_the_worst(oracle_of):
    oracle = oracle_of("bayesian", lambda values: "no" if values["drop"] > 0.3 else None, trials=4)
    play(oracle, 3, score=lambda values: values["drop"])
    x, y = oracle._vectorize_trials()
    assert len(x) == len(y) == 3 + len(oracle.refused) > 3
    drop = [hp.name for hp in oracle._nonfixed_space()].index("drop")
    assert (x[3:, drop] > 0.5).all() and (x[:3, drop] <= 0.5).all()
    assert (y[3:] == y[:3].max()).all()


def test_hyperband_plans_as_many_trials_as_it_makes(oracle_of):
    oracle = oracle_of("hyperband", trials=None)
    planned = oracle.planned()
    seen = play(oracle, 1000)
    assert len(seen) == len(planned)
    trained = sum(one["tuner/epochs"] - one["tuner/initial_epoch"] for one in seen)
    assert trained == sum(planned)


def test_a_silent_workers_trial_goes_to_another(oracle_of, monkeypatch):
    oracle = oracle_of("random", shared=True, trials=2)
    first = oracle.create_trial("a")
    second = oracle.create_trial("b")
    assert oracle.create_trial("c").status == "IDLE"  # one of them may yet be lost
    now = oracles.time.monotonic()
    monkeypatch.setattr(oracles.time, "monotonic", lambda: now + oracles.SILENCE + 1)
    oracle.get_trial(second.trial_id)  # b shows that it is alive
    assert oracle.create_trial("c").trial_id == first.trial_id
    assert "a" not in oracle.tuner_ids


def test_a_worker_that_was_only_asleep_keeps_its_trial(oracle_of, monkeypatch):
    oracle = oracle_of("random", shared=True, trials=2)
    mine, yours = oracle.create_trial("a"), oracle.create_trial("b")
    now = oracles.time.monotonic()
    monkeypatch.setattr(oracles.time, "monotonic", lambda: now + oracles.SILENCE + 1)
    assert sorted(oracle.release_silent()) == [mine.trial_id, yours.trial_id]
    oracle.get_trial(mine.trial_id)  # a wakes up in time, b does not
    assert oracle.create_trial("c").trial_id == yours.trial_id
    assert oracle.create_trial("d").status == "IDLE"
    for worker in ("b", "c"):  # both come to its end
        yours.status = "COMPLETED"
        oracle.update_trial(yours.trial_id, {"sequence_accuracy": 0.5})
        oracle.end_trial(yours)
        assert oracle.end_order == [yours.trial_id], worker
    assert list(oracle.ongoing_trials) == ["a"]


def test_a_chief_that_comes_back_leaves_trials_with_their_workers(oracle_of):
    oracle = oracle_of("random", shared=True)
    mine, yours = oracle.create_trial("a"), oracle.create_trial("b")
    again = oracle_of("random", shared=True)
    assert again.create_trial("a").trial_id == mine.trial_id
    assert again.create_trial("c").trial_id not in (mine.trial_id, yours.trial_id)


def test_numbers_keep_their_digits_on_the_way_from_a_worker(oracle_of):
    oracle = oracle_of("random")
    play(oracle, 1)
    trial = oracle.create_trial("me")
    sent = trial.hyperparameters.values["drop"] = 0.1234567
    trial.status = "FAILED"
    oracle.end_trial(trial)
    kept = oracle.trials[trial.trial_id].hyperparameters
    assert kept.values["drop"] != sent and kept.space
