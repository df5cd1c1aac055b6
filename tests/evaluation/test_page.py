"""The page of a report says what its figures are of."""

import pytest

import models
from evaluation import page
from evaluation.comparison import compare

ENVIRONMENT = {
    "command": "evaluate.py model",
    "commit": "abc+",
    "python": "3.11",
    "backend": "tensorflow",
    "packages": {},
    "machine": {"system": "Linux", "cores": 2},
}


@pytest.fixture(scope="module")
def comparison(photos, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.keras"
    models.create("residual_cnn_tiny", input_shape=(16, 32, 3), max_digits=2).save(path)
    return compare([str(path)], str(photos), timing=False)


@pytest.mark.parametrize(
    ("commit", "words"),
    [("abc+", "abc with local changes"), ("abc", "abc"), (None, "not a checkout")],
)
def test_a_commit_with_changes_is_told_in_words(commit, words, comparison):
    text = page.render(comparison, ENVIRONMENT | {"commit": commit})
    assert f"<dt>commit</dt><dd>{words}</dd>" in text


def test_saliency_is_explained_only_beside_images_of_it(comparison):
    (result,) = comparison.results
    sentence = "the saliency of each digit"
    result.readings[:] = ["12"] * len(result.readings)
    result.correct[:] = False
    assert sentence in page.render(comparison, ENVIRONMENT)
    result.correct[:] = True
    assert sentence not in page.render(comparison, ENVIRONMENT)


def test_a_mix_is_named_without_the_parents_of_its_folders(tmp_path):
    (tmp_path / "photos").mkdir()
    assert page._short_name(str(tmp_path / "photos")) == "photos"
    assert page._short_name(f"mnist:2,{tmp_path / 'photos'}") == "mnist:2, photos:1"
    assert page._short_name("mnist") == "mnist"
