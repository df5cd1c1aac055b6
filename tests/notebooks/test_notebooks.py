"""The notebooks run, and every figure that they were published with is there and not blank."""

from __future__ import annotations

import re

import jupyter_client
import nbformat
import numpy as np
import pytest

from tools import notebooks

SMALL = {
    "1": {"images": 128, "epochs": 1, "test_images": 100},
    "2": {"images": 64, "epochs": 1, "test_images": 60},
    "3": {"count": 110},
    "4": {
        "architecture": "residual_cnn_tiny",
        "weights": "conv_transformer_small.any10",
        "count": 60,
        "steps": 1,
        "test_images": 4,
    },
    "5": {
        "trials": 2,
        "steps": 1,
        "long_epochs": 1,
        "long_steps": 1,
        "seeds": 1,
        "test_images": 100,
    },
}
"""Parameters of each notebook by the start of its name."""

KERNEL = f"""
import os
from ipykernel import kernelapp
os.chdir({str(notebooks.FOLDER)!r})
kernelapp.launch_new_instance()
"""

BEFORE = """%reset -f
%matplotlib inline
import dataclasses, matplotlib, project_root, tensorflow
from datasets.registry import DATA_SETS
matplotlib.rcParams["figure.dpi"] = 50
tensorflow.config.run_functions_eagerly(True)
parts = {"train": "train[:1000]", "validation": "train[1000:]", "test": "test"}
DATA_SETS["mnist"] = dataclasses.replace(DATA_SETS["mnist"], splits=parts)"""
"""Forget the notebook before. Tracing functions takes longer than the few steps of the tests."""

PRIVATE = re.compile(r"/(work|home|root|tmp|Users|venv)/|site-packages")


class Kernel(jupyter_client.KernelManager):
    """The kernel of a process that runs already."""

    has_kernel = True

    async def _async_is_alive(self):
        return self.process.poll() is None

    is_alive = _async_is_alive


@pytest.fixture(scope="module")
def kernel(data_dir, tmp_path_factory):
    """One kernel for all notebooks, a fork: importing TensorFlow takes longer than most of them."""
    from tests.interpreters import Interpreter

    manager, log = Kernel(), tmp_path_factory.mktemp("kernel") / "log"
    manager.write_connection_file()
    arguments = ["-f", manager.connection_file, "--log-level=ERROR"]
    manager.process = Interpreter(KERNEL, *arguments, log=log, TFDS_DATA_DIR=str(data_dir))
    yield manager
    manager.process.kill()
    manager.cleanup_connection_file()


def _published(source) -> nbformat.NotebookNode:
    return nbformat.read(source.with_suffix(".ipynb"), as_version=4)


def _outputs(notebook, kind):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    return [output for output in outputs if output["output_type"] == kind]


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_every_figure(source, kernel, tmp_path):
    values = {"folder": str(tmp_path)} | SMALL[source.name.partition("_")[0]]
    notebook = notebooks.read(source, values)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(BEFORE))
    notebooks.execute(notebook, km=kernel)
    figures = [image for _, image in notebooks.figures(notebook)]
    assert len(figures) == len(list(notebooks.figures(_published(source))))
    for figure in figures:
        assert figure.getcolors(8) is None, "blank, or nearly"
        ink = np.asarray(figure) < 200  # beside the white of the paper
        assert ink.any(axis=2).mean() > 0.005


@pytest.mark.parametrize("source", notebooks.sources(), ids=lambda path: path.stem)
def test_what_is_published_is_of_the_same_text_and_clean(source):
    published, text = _published(source), notebooks.read(source)
    assert [cell.source for cell in published.cells] == [cell.source for cell in text.cells]
    assert source.with_suffix(".ipynb").stat().st_size < 600_000
    assert list(notebooks.figures(published))
    assert published.metadata.language_info.name == "python"
    for output in _outputs(published, "stream"):
        assert output["name"] == "stdout", output["text"]
    assert not PRIVATE.search(str([cell.get("outputs") for cell in published.cells]))


def test_an_unknown_parameter_is_an_error():
    with pytest.raises(ValueError, match="no parameter 'nothing'"):
        notebooks.read(notebooks.sources(["1"])[0], {"nothing": 1})


def test_outputs_are_kept_only_with_the_code_that_made_them():
    source = notebooks.sources(["1"])[0]
    published, text = _published(source), notebooks.read(source)
    notebooks.keep_outputs(text, published)
    assert len(list(notebooks.figures(text))) == len(list(notebooks.figures(published))) > 0
    with pytest.raises(ValueError, match="the code has changed"):
        notebooks.keep_outputs(notebooks.read(source, {"epochs": 1}), published)
