"""Imported first by each notebook: makes the project's packages importable, from its folder."""

import logging
import os
import sys
from pathlib import Path

import matplotlib
import tensorflow_datasets as tfds
from IPython import get_ipython

ROOT = Path(__file__).resolve().parent.parent

os.chdir(ROOT)
sys.path.insert(0, str(ROOT))

from artifacts.startup import quiet_tensorflow  # noqa: E402

quiet_tensorflow()
logging.getLogger("tensorflow").setLevel(logging.ERROR)  # warns of many models in one process
tfds.disable_progress_bar()
matplotlib.rcParams["figure.dpi"] = 110
if shell := get_ipython():
    shell.run_line_magic("matplotlib", "inline")
