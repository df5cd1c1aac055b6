"""A process that is killed while it writes."""

import subprocess
import sys

from tests.conftest import ROOT

_CODE = """
import os, signal, sys, pathlib
from artifacts.files import atomic_path
with atomic_path(pathlib.Path(sys.argv[1])) as temporary:
    temporary.write_text("{")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_while_writing(path):
    """Start a process that begins to write a file, and is killed."""
    done = subprocess.run([sys.executable, "-c", _CODE, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -9
