"""The environment of a result."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from artifacts import environment as module
from artifacts.environment import commit, environment


def test_the_command_can_be_pasted_into_a_shell(monkeypatch):
    arguments = ["my photos", "--set", "filters=[8,8]", "a&b", ""]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    assert shlex.split(environment()["command"])[-5:] == arguments


def test_paths_in_the_command_are_those_from_the_folder_that_it_ran_in(monkeypatch):
    folder = f"{Path.cwd()}/"
    arguments = ["--dataset", f"{folder}photos:1,{folder}more:2", f"--run={folder}runs", folder]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    expected = ["--dataset", "./photos:1,./more:2", "--run=./runs", "./"]
    assert shlex.split(environment()["command"])[-4:] == expected


def test_paths_that_only_contain_the_folder_stay_in_the_command(monkeypatch):
    arguments = [f"/backup{Path.cwd()}/photos", "s3://bucket/photos"]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    assert shlex.split(environment()["command"])[-2:] == arguments
    monkeypatch.setattr(Path, "cwd", lambda: Path("/"))
    assert shlex.split(environment()["command"])[-1] == arguments[1]


@pytest.mark.parametrize(("status", "expected"), [("", "1a2b"), (" M train.py", "1a2b+")])
def test_a_commit_with_changed_files_is_marked(monkeypatch, status, expected):
    monkeypatch.setattr(module, "_git", lambda name, *_: {"status": status}.get(name, "1a2b"))
    assert commit() == expected
