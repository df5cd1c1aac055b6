"""The convolutions of a text recognizer as initial weights."""

import keras
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import models
from models.text_features import text_features
from tools.convert_text_recognizer import START, main


def write_recognizer(path, features):
    """A file with convolutions of the shapes of `features`, and one after the pooling."""
    rng, nodes, arrays = np.random.default_rng(0), [], []
    layers = [layer for layer in features.layers if hasattr(layer, "kernel_size")]
    for index, layer in enumerate(layers):
        height, width, channels, filters = layer.kernel.shape
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        shape = (channels, 1) if depthwise else (filters, channels)
        kernel = rng.normal(0, 0.05, (*shape, height, width)).astype("float32")
        bias = rng.normal(size=(1, shape[0], 1, 1)).astype("float32")
        arrays += [
            numpy_helper.from_array(kernel, f"kernel{index}"),
            numpy_helper.from_array(bias, f"bias{index}"),
        ]
        source = f"out{index - 1}" if index else "x"
        nodes += [
            helper.make_node(
                "Conv",
                [source, f"kernel{index}"],
                [f"conv{index}"],
                strides=list(layer.strides),
                pads=[1, 1, 1, 1] if height == 3 else None,
                group=channels if depthwise else 1,
            ),
            # The recognizer adds some biases from the left.
            helper.make_node("Add", [f"bias{index}", f"conv{index}"], [f"out{index}"]),
        ]
    nodes.append(helper.make_node("AveragePool", ["out0"], ["pooled"], kernel_shape=[3, 2]))
    nodes.append(helper.make_node("Conv", ["pooled", "kernel1"], ["y"]))
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 160])
    y = helper.make_tensor_value_info("out0", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "recognizer", [x], [y], arrays)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)]), path)


def test_the_model_has_the_convolutions_and_the_reader_s_other_layers(tmp_path):
    images = keras.Input((32, 64, 3))
    write_recognizer(tmp_path / "rec.onnx", keras.Model(images, text_features(images)))
    path = tmp_path / "new" / "text.keras"
    assert main([str(tmp_path / "rec.onnx"), str(path)]) == 0
    model, reader = models.load(path), models.load(START)
    for name in ("encoder1_attention", "digits", "length", "edge_logits"):
        for weights, expected in zip(
            model.get_layer(name).get_weights(), reader.get_layer(name).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(weights, expected)
    # The first convolution as ONNX Runtime computes it, from BGR values in [-1, 1].
    recognizer = onnx.load(tmp_path / "rec.onnx")
    depthwise = numpy_helper.to_array(recognizer.graph.initializer[2 * 5])
    del recognizer.graph.node[2:], recognizer.graph.initializer[2:]
    session = onnxruntime.InferenceSession(recognizer.SerializeToString())
    x = np.random.default_rng(1).uniform(0, 255, (1, 64, 160, 3)).astype("float32")
    (expected,) = session.run(None, {"x": (x[..., ::-1] / 127.5 - 1).transpose(0, 3, 1, 2)})
    stem = keras.Model(model.input, model.get_layer("text_stem1").output)
    np.testing.assert_allclose(
        np.asarray(stem(x)), np.maximum(expected.transpose(0, 2, 3, 1), 0), atol=1e-3
    )
    np.testing.assert_array_equal(
        model.get_layer("text_stage1_block1_depthwise").kernel[..., 0],
        depthwise[:, 0].transpose(1, 2, 0),
    )


def test_other_files_are_refused(tmp_path, capsys):
    images = keras.Input((32, 64, 3))
    other = keras.layers.Conv2D(8, 3, padding="same")(images)
    write_recognizer(tmp_path / "other.onnx", keras.Model(images, other))
    (tmp_path / "text.onnx").write_text("no model")
    for name, message in (("other", "other.onnx: other convolutions"), ("text", "is not an ONNX")):
        assert main([str(tmp_path / f"{name}.onnx"), str(tmp_path / "new.keras")]) == 2
        assert message in capsys.readouterr().err
    assert not (tmp_path / "new.keras").exists()
    assert main([str(tmp_path / "other.onnx"), str(tmp_path / "new.onnx")]) == 2
    assert "ends in .keras. Received" in capsys.readouterr().err
