"""What a command computes, in milliseconds; every file is still written by the project's own code.

Gradients, predictions and the conversion of a model are replaced by something that depends on the
weights, so that a resumed training ends with other weights if its checkpoint is not exact.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np


def install(photos: Path) -> None:
    """Replace computations for the rest of the process."""
    import keras
    import keras_tuner.src.backend.io

    import datasets
    import evaluation.comparison
    import evaluation.page
    import evaluation.report
    import models
    import training.distribution
    import training.finish
    import training.tasks
    import tuning.report
    from exporting import convert, formats

    def fit(model, stream, *, epochs, initial_epoch, callbacks, steps_per_epoch, **_):
        callbacks = keras.callbacks.CallbackList(callbacks, model=model, steps=steps_per_epoch)
        callbacks.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            callbacks.on_epoch_begin(epoch)
            for index, variable in enumerate(model.optimizer.variables[2:]):
                variable.assign(variable * 0.9 + 0.01 * (index + epoch))
            for variable in model.trainable_variables:
                variable.assign_add(0.1 * keras.ops.sin(variable))
            model.optimizer.iterations.assign_add(steps_per_epoch)
            callbacks.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)})
        callbacks.on_train_end()

    def predict(strategy, model, data):
        return sum(float(np.sum(x)) for x in model.get_weights())

    def scores(task, total, truth):
        names = ("sequence_accuracy", "character_accuracy", "length_accuracy", "loss")
        return dict.fromkeys(names, total % 1)

    labels = SimpleNamespace(as_numpy_iterator=lambda: [(None, {"digits": np.zeros((1, 2))})])
    reader = SimpleNamespace(
        model=SimpleNamespace(output={"digits": np.zeros((1, 2, 10))}, input_shape=(1, 16, 32, 3),
                              layers=[], name="deep_cnn_tiny"),
        max_glimpses=1, temperature=1.0,
        metadata={},
    )  # fmt: skip
    checked = evaluation.comparison.Result("run", {}, ["1"] * 60, np.full(60, 0.5), np.ones(60))
    convert_check = convert.Check("photos", 1, 1, 1, 1, 0.0, 0, 1.0, 1.0)

    def compare(names, dataset, **_):
        images = evaluation.comparison.SplitImages(dataset, "train")
        return evaluation.comparison.Comparison(
            images, "full", "abc", checked, 2 * [checked], [], {}, 0
        )

    for target, name, replacement in (
        (datasets, "load_training", lambda *_, **__: None),
        (datasets, "load", lambda *_, **__: labels),
        (keras.Model, "fit", fit),
        (training.distribution.Strategy, "predict", predict),
        (training.tasks.ReadTask, "scores", scores),
        (training.finish, "calibrate", lambda *_: {"max_glimpses": 1, "sequence_accuracy": 0.5}),
        (models, "multiply_adds", lambda _: 1000),
        # keras-tuner then writes with Python's functions, in the same order.
        (keras_tuner.src.backend.io, "tf", None),
        (convert, "Reader", lambda *_: reader),
        (convert, "in_float32", lambda model: model),
        (convert, "build_inference_model", lambda *_, **__: SimpleNamespace(inputs=[], output={})),
        (convert, "check", lambda *_: convert_check),
        (convert.models, "file_digest", lambda _: "abc"),
        (convert.models, "model_file", Path),
        (convert.models, "task_of", lambda _: "read"),
        (formats, "_write_onnx", None),
        (evaluation.comparison, "compare", compare),
        (evaluation.page, "render", lambda *_: 2000 * "page "),
        (evaluation.report, "show", lambda *_: None),
        (tuning.report, "svg", lambda *_: ""),
    ):
        mock.patch.object(target, name, replacement).start()
    onnx = formats.FORMATS["onnx"]
    changed = {
        "write": lambda _, path, *__: path.write_bytes(b"file" * 50_000),
        "open": mock.Mock(),
    }
    mock.patch.dict(formats.FORMATS, onnx=type(onnx)(**{**vars(onnx), **changed})).start()
