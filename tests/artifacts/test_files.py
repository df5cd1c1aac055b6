"""Atomic writes, their leftovers and errors, JSON and locks."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from artifacts.files import (
    RunError,
    atomic_path,
    expand_user,
    lock,
    read_json,
    remove_leftovers,
    reserve,
    temporary_files_in,
    write_bytes,
    write_csv,
    write_errors,
    write_json,
    write_text,
)
from tests.artifacts.conftest import killed_while_writing


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.keras"
    path.write_text("old")
    message = rf"{path} cannot be written: No space left .* \(2,000\.000 MB needed, .* MB free in"
    with pytest.raises(OSError, match=message), atomic_path(path, 2 * 10**9) as temporary:
        temporary.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_names_that_are_not_utf_8_keep_their_bytes(tmp_path):
    write_text(tmp_path / "predictions.csv", "T\udc81r.png,ä\r\n")
    assert (tmp_path / "predictions.csv").read_bytes() == b"T\x81r.png,\xc3\xa4\r\n"


def test_a_user_without_a_home_has_the_folder_of_temporary_files(monkeypatch):
    def fail(_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", fail)
    assert expand_user("~/x") == Path(tempfile.gettempdir(), "x")
    assert expand_user("~nobody/x") == Path("~nobody/x")


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


def test_leftovers_of_the_dead_are_removed_and_files_of_the_living_kept(tmp_path):
    killed_while_writing(tmp_path / "config.json")
    (leftover,) = tmp_path.iterdir()
    with atomic_path(tmp_path / "history.csv") as alive:
        assert not leftover.exists()
        alive.write_text("epoch")
        remove_leftovers(tmp_path)
    (tmp_path / ".zoo-tmp-killed-before-its-lock").mkdir()
    write_bytes(tmp_path / "config.json", b"{}")
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "history.csv"}


def test_a_folder_is_replaced_whole(tmp_path):
    for content in ("old", "new"):
        with atomic_path(tmp_path / "run") as folder:
            (folder / content).mkdir(parents=True)
            (folder / content / "file").write_text(content)
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "new", "file"]


def test_rows_are_written_as_csv_with_the_same_line_ends_on_every_system(tmp_path):
    write_csv(tmp_path / "a.csv", [("file", "label"), ("a,b.png", "007"), ("c.png", 7)])
    assert (tmp_path / "a.csv").read_bytes() == b'file,label\r\n"a,b.png",007\r\nc.png,7\r\n'


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (OSError(errno.EIO, "Input/output error"), "new cannot be written: Input/output error"),
        (FileNotFoundError(errno.ENOENT, "No such file", "photo.jpg"), "photo.jpg"),
        (OSError("old cannot be written: why"), "^old cannot be written: why$"),
    ],
)
def test_an_error_names_the_file_that_could_not_be_written(error, message, tmp_path):
    with pytest.raises(OSError, match=message), write_errors(tmp_path / "new"):
        raise error


@pytest.mark.parametrize("fallocate", [True, False])
def test_reserved_files_have_no_holes_and_keep_their_content(fallocate, tmp_path, monkeypatch):
    if not fallocate:
        monkeypatch.delattr(os, "posix_fallocate", raising=False)
    path = tmp_path / "cache.npy"
    path.write_bytes(b"header")
    reserve(path, 3_000_000)
    assert path.read_bytes() == b"header".ljust(3_000_000, b"\0")
    assert path.stat().st_size == 3_000_000 and path.stat().st_blocks * 512 >= 3_000_000


def test_temporary_files_of_libraries_lie_where_they_are_found(tmp_path):
    with temporary_files_in(tmp_path):
        assert tempfile.gettempdir() == str(tmp_path)
    assert tempfile.gettempdir() != str(tmp_path)


def test_a_key_that_a_file_of_another_version_lacks_is_named(tmp_path):
    write_json(tmp_path / "metrics.json", {"validation": {"loss": 1.0}})
    metrics = read_json(tmp_path / "metrics.json")
    for lacking, key in ((metrics, "inference"), (metrics["validation"], "accuracy")):
        with pytest.raises(RunError, match=rf"metrics\.json has no '{key}': .*Received: "):
            lacking[key]
    assert metrics.get("inference") is None and {**metrics} == metrics


def test_a_file_that_is_not_json_is_named(tmp_path):
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(RunError, match=r"config\.json is not JSON"):
        read_json(tmp_path / "config.json")


def test_a_locked_folder_cannot_be_locked_again(tmp_path):
    with (
        lock(tmp_path, "training"),
        pytest.raises(RunError, match="another process is training"),
        lock(tmp_path, "training"),
    ):
        pass
    with lock(tmp_path, "training"):
        pass
