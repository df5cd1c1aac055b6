"""A sample of the cases of `make faults`, and what was found among them."""

import tempfile
import warnings

import numpy as np
import pytest

from datasets import prepared
from datasets.prepared import PreprocessSpec, prepare
from tests.faults.inject import BROKEN, FULL, Injector


def test_a_sample_of_faults_kills_and_full_disks(interpreter):
    """The same in every test run; `make faults` runs all."""
    arguments = ["--scenario", "resume", "--scenario", "export", "--sample", "4"]
    with tempfile.TemporaryDirectory() as work:  # not pytest's, which keeps the last three
        process = interpreter(
            "from tests.faults.__main__ import main; main()", "--work", work, *arguments
        )
        process.wait()
    output = process.output()
    assert "0 of 4 cases failed" in output, output
    if "SKIPPED" in output:
        warnings.warn("no full disks: this process may not mount a file system", stacklevel=1)


@pytest.mark.parametrize("fault", [FULL, BROKEN])
def test_every_operation_of_a_caching_can_fail(fault, photos, tmp_path):
    """In this process, for its cost is milliseconds."""
    spec, whole = PreprocessSpec((8, 16), 1), tmp_path / "whole"
    counter = Injector(whole)
    with counter.installed():
        (expected,) = prepare(photos, "train", spec, cache_dir=whole, limit=3)
    failures = 0
    for at, (kind, _) in enumerate(counter.trace, 1):
        folder = tmp_path / str(at)
        try:
            with Injector(folder, at, fault).installed():
                prepare(photos, "train", spec, cache_dir=folder, limit=3)
        except OSError as error:
            failures += 1
            assert str(folder) in str(error)
        else:
            assert kind == "remove"
        (again,) = prepare(photos, "train", spec, cache_dir=folder, limit=3)
        np.testing.assert_array_equal(again.images, expected.images)
        assert {path.name for path in folder.iterdir()} == {path.name for path in whole.iterdir()}
    assert failures > 15


def test_a_cache_is_reserved_before_it_is_filled(photos, tmp_path, monkeypatch):
    """Filling a sparse map on a full disk ends the process without a word."""
    monkeypatch.setattr(prepared, "_fill", lambda *_: pytest.fail("no image may be read"))
    monkeypatch.setattr(
        prepared, "reserve", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    message = r"\.npy cannot be written: No space left \(0\.315 MB needed, .* MB free in"
    with pytest.raises(OSError, match=message):
        prepare(photos, "train", PreprocessSpec((32, 80), 3), cache_dir=tmp_path)
    assert not list(tmp_path.iterdir())
