"""An exported inference graph, opened with ONNX Runtime."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from number_zoo import names, published

METADATA = "number_zoo"
"""Key of the ONNX metadata, whose value is JSON: `model`, `max_digits`, `input_shape`,
`max_glimpses`, `temperature`, `parameters`, and `reads`, `licence` and `attention_grid` (rows and
columns), which may be null."""

_INPUTS = {names.IMAGES, names.CROPS, names.IMAGE_SIZES}


class Session:
    """An exported inference graph: arrays in, arrays out.

    Several threads may call it at the same time: batches in parallel, each computed in the thread
    that calls, take less time than one batch after the other on several cores.

    Args:
        weights: name of published weights, or path of a file that `export.py --format onnx` wrote.
        threads: cores that compute one batch.

    Attributes:
        name: name of the weights; for a file its stem.
        metadata: what the file says of itself, see `METADATA`.

    Raises:
        ValueError: if there are no such weights, or the file is not such a graph.
    """

    def __init__(self, weights: str | Path, threads: int = 1):
        # Its wheels since 1.32 report to Microsoft and keep a device ID in the home folder.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime

        is_published = str(weights) in published.list_weights()
        path = Path(weights)
        path = published.onnx_file(str(weights)) if is_published else path
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait for the next operation leave their cores to others.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 3
        # Both keep memory for every size of images that was read, at no gain in time.
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
        if METADATA not in metadata or inputs != _INPUTS:
            raise ValueError(
                f"{weights} is not a graph that `export.py --format onnx` wrote: its inputs are "
                f"{', '.join(sorted(_INPUTS))}. Received: {', '.join(sorted(inputs))}"
            )
        self.name = str(weights) if is_published else path.resolve().stem
        self.metadata: dict[str, Any] = json.loads(metadata[METADATA])
        if is_published:
            card = published.card(str(weights))
            self.metadata |= {key: card[key] for key in ("reads", "licence", "version")}
        self._outputs = [value.name for value in self._session.get_outputs()]

    def __call__(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run the graph on a batch: inputs and outputs of `inference.graph.ReadNumbers`."""
        return dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))
