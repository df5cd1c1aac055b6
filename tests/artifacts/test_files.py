"""Atomic writes, JSON and locks."""

import os

import pytest

from artifacts.files import (
    RunError,
    atomic_path,
    first_difference,
    lock,
    read_json,
    remove_temporary,
    write_json,
)


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    with pytest.raises(OSError, match="No space left"), atomic_path(path) as temporary:
        temporary.write_text("ne")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_of_one_file_do_not_share_a_temporary_file(tmp_path):
    path = tmp_path / "history.csv"
    with atomic_path(path) as first:
        first.write_text("first")
        with atomic_path(path) as second:
            assert first != second and first.name == second.name == path.name
            second.write_text("second")
        assert path.read_text() == "second"
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_data_is_on_the_disk_before_the_file_is_replaced(tmp_path, monkeypatch):
    path = tmp_path / "metrics.json"
    path.write_text("{}")
    synced = []

    def fsync(descriptor):
        synced.append(os.pread(descriptor, 100, 0))
        assert path.read_text() == "{}"

    monkeypatch.setattr(os, "fsync", fsync)
    write_json(path, {"epochs": 1})
    assert synced == [path.read_bytes()] and read_json(path) == {"epochs": 1}


def test_what_a_killed_writer_left_is_removed(tmp_path):
    writer = atomic_path(tmp_path / "config.json")
    temporary = writer.__enter__()  # and never leaves, as if it was killed
    temporary.write_text("{")
    remove_temporary(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"config\.json is not JSON"):
        read_json(tmp_path / "config.json")


def test_the_first_difference_is_named_by_its_key():
    old = {"seed": 0, "recipe": {"epochs": 2, "batch_size": 8}}
    assert first_difference(old, {"seed": 0, "recipe": {"epochs": 3}}) == (
        "recipe.epochs: 2, now 3"
    )


def test_a_locked_folder_cannot_be_locked_again(tmp_path):
    with (
        lock(tmp_path, "training"),
        pytest.raises(RunError, match="another process is training"),
        lock(tmp_path, "training"),
    ):
        pass
    with lock(tmp_path, "training"):
        pass
