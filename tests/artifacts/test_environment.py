"""The environment of a result."""

from __future__ import annotations

import shlex
import sys

from artifacts.environment import environment


def test_the_command_can_be_pasted_into_a_shell(monkeypatch):
    arguments = ["my photos", "--set", "filters=[8,8]", "a&b", ""]
    monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
    assert shlex.split(environment()["command"])[-5:] == arguments
