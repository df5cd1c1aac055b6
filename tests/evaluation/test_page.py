"""The page of a report says what its figures are of."""

import models
from evaluation import page
from evaluation.comparison import compare

ENVIRONMENT = {
    "command": "evaluate.py model",
    "python": "3.11",
    "backend": "tensorflow",
    "packages": {},
    "machine": {"system": "Linux", "cores": 2},
}


def test_saliency_is_explained_only_beside_images_of_it_and_a_commit_in_words(photos, tmp_path):
    path = tmp_path / "model.keras"
    arguments = {"input_shape": (16, 32, 3), "max_digits": 2, "blocks": (1, 1)}
    models.create("residual_cnn_tiny", **arguments).save(path)
    comparison = compare([str(path)], str(photos), timing=False)
    (result,) = comparison.results
    result.readings[:] = ["12"] * len(result.readings)
    for correct, commit, words in (
        (False, "abc+", "abc with local changes"),
        (True, None, "not a checkout"),
    ):
        result.correct[:] = correct
        text = page.render(comparison, ENVIRONMENT | {"commit": commit})
        assert f"<dt>commit</dt><dd>{words}</dd>" in text
        assert ("the saliency of each digit" in text) == (not correct)


def test_a_mix_is_named_without_the_parents_of_its_folders(tmp_path):
    (tmp_path / "photos").mkdir()
    assert page._short_name(str(tmp_path / "photos")) == "photos"
    assert page._short_name(f"mnist:2,{tmp_path / 'photos'}") == "mnist:2, photos:1"
    assert page._short_name("mnist") == "mnist"
