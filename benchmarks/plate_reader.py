"""fast-plate-ocr's architecture, untrained, as an ONNX file to compare latency with.

    python -m venv plates && plates/bin/pip install "fast-plate-ocr[train]"
    plates/bin/python benchmarks/plate_reader.py cct_xs_v1.yaml default_latin_plate_config.yaml

Its weights are fetched from the web by name and are not in the package. Latency hardly depends on
them; who has the trained file gives it to `--also` of benchmarks/export_latency.py as it is. The
two YAML files are in its repository, in `models/` and `config/`.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np


def write_erfc(graph) -> None:
    """Say 1 − Erf for Erfc, of exact GELU, which ONNX does not have and tf2onnx leaves standing."""
    from onnx import helper, numpy_helper

    graph.initializer.append(numpy_helper.from_array(np.array(1, np.float32), "one"))
    nodes = []
    for node in graph.node:
        if node.op_type == "Erfc":
            erf = f"{node.output[0]}/erf"
            nodes.append(helper.make_node("Erf", node.input, [erf]))
            node = helper.make_node("Sub", ["one", erf], node.output)
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def main() -> None:
    """Build the model that the files describe and write it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", type=Path, help="its architecture, YAML")
    parser.add_argument("plate", type=Path, help="what it reads, YAML")
    parser.add_argument("--out", type=Path, default=Path("plate_reader.onnx"))
    options = parser.parse_args()

    import onnx
    import tensorflow as tf
    import tf2onnx
    from fast_plate_ocr.train.model.config import load_plate_config_from_yaml
    from fast_plate_ocr.train.model.model_builders import build_model
    from fast_plate_ocr.train.model.model_schema import load_model_config_from_yaml

    plate = load_plate_config_from_yaml(options.plate)
    model = build_model(load_model_config_from_yaml(options.model), plate)
    size = [None, *model.input_shape[1:]]

    @tf.function(input_signature=[tf.TensorSpec(size, tf.uint8, name="images")])
    def read(images):
        return model(tf.cast(images, tf.float32), training=False)

    exported, _ = tf2onnx.convert.from_function(read, read.input_signature, opset=17)
    write_erfc(exported.graph)
    onnx.save(exported, options.out)
    print(f"{options.out}: {model.count_params():,} parameters, {size[1:]}")


if __name__ == "__main__":
    main()
