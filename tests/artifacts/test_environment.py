"""The environment of a result."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

from artifacts.environment import environment


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
