"""An exported inference graph, opened with ONNX Runtime."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from number_zoo import names, published

METADATA = "number_zoo"
"""Key of the ONNX metadata. Its value is JSON with `model`, `max_digits`, `input_shape`,
`max_glimpses`, `temperature`, `parameters`, and with `reads`, `licence` and `attention_grid` (rows
and columns), which may be null; for a locator also with `task`, which is "locate"."""

_INPUTS = {
    "read": {names.IMAGES, names.CROPS, names.IMAGE_SIZES},
    "locate": {names.IMAGES},
}


class Session:
    """An exported inference graph: a function from arrays to arrays.

    Several threads may call it at the same time: parallel batches, each computed by the calling
    thread, take less time than sequential batches on several cores.

    Args:
        weights: name of published weights, or path of a file that `export.py --format onnx` wrote.
        threads: number of threads that compute one batch.
        task: "read" or "locate", the expected task of the graph.

    Attributes:
        name: name of the weights; for a file its stem.
        path: the file.
        metadata: metadata of the file, see `METADATA`.

    Raises:
        ValueError: if there are no such weights, or the file is not a graph of this task.
    """

    def __init__(self, weights: str | Path, threads: int = 1, task: str = "read"):
        is_published = str(weights) in published.list_weights(None)
        path = published.onnx_file(str(weights)) if is_published else Path(weights)
        if not path.is_file():
            if path.suffix == ".onnx":
                raise ValueError(f"{path}: there is no such file")
            kind = "weights" if task == "read" else "locator"
            known = names.unknown_name(kind, str(weights), published.list_weights(task))
            raise ValueError(f"{known}, or the path of an .onnx file, a .keras file or a run")
        # Since 1.32, its wheels report to Microsoft and store a device ID in the home folder.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Waiting threads do not occupy their cores.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        # Both would keep memory for every image size, without a gain in time.
        options.enable_cpu_mem_arena = options.enable_mem_pattern = False
        try:
            self._session = onnxruntime.InferenceSession(
                path, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's errors have no class in common
            first_line = str(error).strip().splitlines()[0]
            cure = "Copy it again, or export it: python export.py RUN --format onnx"
            if is_published:
                cure = "Install number-zoo again: pip install --force-reinstall"
            raise ValueError(
                f"{weights} is not an ONNX model that runs: {first_line} {cure}"
            ) from error
        metadata = self._session.get_modelmeta().custom_metadata_map
        inputs = {value.name for value in self._session.get_inputs()}
        if METADATA in metadata and inputs == _INPUTS["read" if task == "locate" else "locate"]:
            raise ValueError(_other_task(weights, task))
        if METADATA not in metadata or inputs != _INPUTS[task]:
            kind = "" if task == "read" else " of a locator"
            raise ValueError(
                f"{weights} is not a graph{kind} that `export.py --format onnx` wrote: its inputs "
                f"are {', '.join(sorted(_INPUTS[task]))}. Received: {', '.join(sorted(inputs))}"
            )
        self.name = str(weights) if is_published else path.resolve().stem
        self.path = path
        self.metadata: dict[str, Any] = json.loads(metadata[METADATA])
        if is_published:
            card = published.card(str(weights))
            self.metadata |= {key: card[key] for key in ("reads", "licence", "version")}
        self._outputs = [value.name for value in self._session.get_outputs()]
        self._opened_with = weights, threads, task

    def __reduce__(self) -> tuple:
        return Session, self._opened_with  # the other process opens the file itself

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the graph on a batch: from the inputs to the outputs of
        `inference.graph.ReadNumbers`, or of a locator (`locator.Backend`)."""
        return dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))


def _other_task(weights: str | Path, task: str) -> str:
    if task == "read":
        return f"{weights} finds numbers and does not read them: it is for --locator or `locator`"
    return f"{weights} reads numbers and does not find them: it is for --weights or `weights`"


def keras_class(weights: str | Path, module: str, name: str) -> type | None:
    """The class that reads with a run folder or a `.keras` file; None for other weights.

    Args:
        weights: weights of any kind.
        module: the module of the project that defines the class.
        name: name of the class.

    Raises:
        ValueError: if Keras or the project is not installed.
    """
    path = Path(weights)
    is_published = str(weights) in published.list_weights(None)
    if is_published or not (path.is_dir() or path.suffix == ".keras"):
        return None
    try:
        importlib.import_module("artifacts.startup").quiet_tensorflow()
        return getattr(importlib.import_module(module), name)
    except ModuleNotFoundError as error:
        raise ValueError(
            f"runs and .keras files are read with Keras ({error}). Run python predict.py in the "
            "project's folder after pip install -r requirements.txt, or read an exported file: "
            f"python export.py {weights} --format onnx. Received: {weights}"
        ) from error
