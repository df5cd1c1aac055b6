"""The commands that train each of the published weights from nothing, in their order.

docs/experiments.md describes their duration and results. Photo folders are expected in the working
directory; they are not part of the project.
"""

from __future__ import annotations

import logging
import os
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """A command of the project.

    Attributes:
        command: as it is typed.
        makes: the file that it writes last; if it exists, the step is done.
        env: environment variables.
    """

    command: str
    makes: Path
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plan:
    """The training of a published run.

    Attributes:
        run: folder of the run.
        needs: folders of photos.
        steps: the commands, in order.
    """

    run: Path
    needs: tuple[str, ...]
    steps: tuple[Step, ...]


def _train(arguments: str, run: str) -> Step:
    return Step(f"python train.py {arguments} --recipe photos --run runs/{run}", _metrics(run))


def _metrics(run: str) -> Path:
    return Path("runs", run, "metrics.json")


_STREET = (
    _train(
        "residual_cnn --dataset rendered_numbers:5,rendered_numbers/wide:2,street_numbers:2 "
        "--validation street_numbers --set augmentation=strong --set weight_decay=0.05 --epochs 56",
        "photos_c",
    ),
    _train(
        "residual_cnn --dataset rendered_numbers:4,rendered_numbers/wide:2,"
        "rendered_numbers/devices:2,street_numbers:3 --validation street_numbers "
        "--set 'blocks=(2,6)' --weights runs/photos_c --epochs 34 --learning-rate 1.5e-3",
        "photos_e",
    ),
    Step(
        "python -m tools.interpolate_weights runs/photos_e runs/photos_f --alpha 0.75",
        _metrics("photos_f"),
    ),
)

_PHOTOS = ("street_numbers", "cheque_amounts", "scene_digits", "meter_digits")
_DRAWN = (
    "rendered_numbers",
    *(f"rendered_numbers/{style}" for style in ("wide", "suffixes", "devices", "kinds")),
    "rendered_numbers/handwriting",
    "rendered_scenes/crops",
)
_PACKED = (
    *_STREET,
    Step(
        "python -m tools.pseudo_label_boxes street_numbers runs/any10_boxes.csv "
        "--weights runs/photos_f",
        Path("runs/any10_boxes.csv"),
    ),
    Step(
        "sh -c 'cp -rT street_numbers runs/any10_street && "
        "cp runs/any10_boxes.csv runs/any10_street/labels.csv && touch runs/any10_street/boxed'",
        Path("runs/any10_street/boxed"),
    ),
    Step(
        "python -m training.accelerator.pack runs/any10_pack.npz --numbers runs/any10_street "
        "--digits meter_digits scene_digits --amounts cheque_amounts --mnist 12000",
        Path("runs/any10_pack.npz"),
    ),
)


def _accelerate(module: str, options: str, out: str) -> Step:
    return Step(
        f"python -m {module} runs/any10_pack.npz {options} --out runs/{out}",
        Path("runs", out, "weights.npz"),
        {"KERAS_BACKEND": "jax"},
    )


def _finish(
    weights: str, options: str, folder: str, last: str, drawn: tuple[str, ...] = ()
) -> Step:
    """Convert the weights of an accelerator to runs; `last` is the run that is written last.

    The validation images of `drawn`, data sets like the images drawn in training, calibrate too.
    """
    return Step(
        f"python -m training.accelerator.finish runs/{weights}/weights.npz {folder} "
        f"--dataset {','.join(_PHOTOS + drawn)} {options}",
        Path(folder, last, "metrics.json"),
    )


_INIT = (
    "--learning-rate 1.2e-3 "
    "--init runs/any10_first/conv_transformer runs/any10_first/conv_transformer_small"
)
_ANY10 = (
    *_PACKED,
    _accelerate("training.accelerator", "--seconds 578 --workers 15", "any10_first"),
    _finish(
        "any10_first",
        "--validation street_numbers --steps 18000",
        "runs/any10_first",
        "conv_transformer_small",
    ),
    _accelerate("training.accelerator", f"--seconds 715 --workers 15 --seed 2 {_INIT}", "any10"),
    _finish(
        "any10",
        f"--validation street_numbers --steps 21780 {_INIT}",
        "runs",
        "conv_transformer_small",
        _DRAWN,
    ),
)


def _fine_tune_text(
    weights: str,
    mix: str,
    run: str,
    *,
    frozen: str,
    ema_momentum: str,
    learning_rate: str,
    epochs: int,
) -> Step:
    """Train `text_transformer` further from weights, on a CPU."""
    return Step(
        f"python train.py text_transformer --weights {weights} --recipe fine_tuning "
        f"--precision mixed_bfloat16 --validation street_numbers --dataset {mix} "
        "--set augmentation=strong --set augmentation.blur=0.4 --set augmentation.downscale=0.4 "
        f"--set augmentation.background_crop=0.15 --set {shlex.quote(f'frozen={frozen}')} "
        f"--set ema_momentum={ema_momentum} --set checkpoint=last --learning-rate {learning_rate} "
        f"--batch-size 64 --epochs {epochs} --set steps_per_epoch=150 --run runs/{run}",
        _metrics(run),
    )


_RECOGNIZER = "runs/rapidocr/rapidocr/models/PP-OCRv6_rec_small.onnx"
_PREPARE_TEXT = (
    Step(
        "python -m pip download --no-deps --dest runs rapidocr==3.10.0",
        Path("runs/rapidocr-3.10.0-py3-none-any.whl"),
    ),
    Step(
        "python -m zipfile -e runs/rapidocr-3.10.0-py3-none-any.whl runs/rapidocr",
        Path(_RECOGNIZER),
    ),
    Step(
        f"python -m tools.convert_text_recognizer {_RECOGNIZER} runs/text_start.keras "
        "--start runs/conv_transformer",
        Path("runs/text_start.keras"),
    ),
    _fine_tune_text(
        "runs/text_start.keras",
        "rendered_numbers:4,rendered_numbers/suffixes:4,rendered_numbers/kinds:8,"
        "rendered_numbers/wide:3,rendered_numbers/devices:2,rendered_numbers/handwriting:4,"
        "rendered_scenes/crops:5,street_numbers:8,cheque_amounts:5,meter_digits:2,scene_digits:2",
        "text",
        frozen="",
        ema_momentum="0.995",
        learning_rate="1.2e-3",
        epochs=8,
    ),
)
_INIT_TEXT = "--learning-rate 1.2e-3 --init runs/text runs/conv_transformer_small"
_TEXT = (
    *_ANY10,
    *_PREPARE_TEXT,
    _accelerate(
        "training.accelerator",
        f"--readers text_transformer conv_transformer_small --seconds 715 --workers 15 --seed 3 "
        f"{_INIT_TEXT} --slower 'text_(stem|stage)' 0.3",
        "text_any10",
    ),
    _finish(
        "text_any10",
        f"--validation street_numbers --steps 13638 {_INIT_TEXT}",
        "runs/text_any10",
        "conv_transformer_small",
        _DRAWN,
    ),
    _fine_tune_text(
        "runs/text_any10/text_transformer",
        "rendered_numbers/symbols:9,rendered_numbers/kinds:7,rendered_numbers:2,"
        "rendered_numbers/suffixes:3,rendered_numbers/wide:2,rendered_numbers/devices:2,"
        "rendered_numbers/handwriting:3,rendered_scenes/crops:5,street_numbers:5,cheque_amounts:3,"
        "meter_digits:2,scene_digits:1",
        "symbols",
        frozen="text_stem|text_stage1|text_stage2",
        ema_momentum="0.998",
        learning_rate="4e-4",
        epochs=12,
    ),
    Step(
        "python -m tools.interpolate_weights runs/symbols runs/symbols_05 --alpha 0.5",
        _metrics("symbols_05"),
    ),
)

_SCENES = (
    *_PACKED,
    _accelerate(
        "training.accelerator.locate", "--seconds 577 --workers 14 --batch-size 64", "scenes"
    ),
    _finish(
        "scenes",
        "--validation rendered_scenes --steps 11381 --batch-size 64",
        "runs",
        "locator",
    ),
)

PLANS = {
    "street_numbers": Plan(Path("runs/photos_f"), ("street_numbers",), _STREET),
    "street_numbers_small": Plan(
        Path("runs/photos_small"),
        ("street_numbers",),
        (
            _train(
                "residual_cnn_small --dataset rendered_numbers:4,rendered_numbers/wide:2,"
                "rendered_numbers/devices:2,street_numbers:2 --validation street_numbers "
                "--epochs 40",
                "photos_small",
            ),
        ),
    ),
    "text_transformer.any10": Plan(Path("runs/symbols_05"), _PHOTOS, _TEXT),
    "conv_transformer_small.any10": Plan(Path("runs/conv_transformer_small"), _PHOTOS, _ANY10),
    "locator.scenes": Plan(Path("runs/locator"), _PHOTOS, _SCENES),
}
"""Plans by the name of the weights. `.any10` and `.scenes` are trained on one accelerator."""


def run_plan(plan: Plan) -> None:
    """Run the remaining steps. A stopped step resumes if its command can resume.

    Raises:
        ValueError: if a folder of photos is missing.
        RuntimeError: if a command fails.
    """
    if missing := [folder for folder in plan.needs if not Path(folder, "labels.csv").is_file()]:
        raise ValueError(
            f"the training needs folders of photos with a labels.csv in {Path.cwd()}: "
            f"{', '.join(plan.needs)}. Missing: {', '.join(missing)}"
        )
    for step in plan.steps:
        if step.makes.exists():
            log.info("Done before: %s", step.command)
            continue
        log.info("Running: %s", step.command)
        program, *arguments = shlex.split(step.command)
        command = [sys.executable if program == "python" else program, *arguments]
        status = subprocess.run(command, env=os.environ | dict(step.env), check=False).returncode
        if status or not step.makes.exists():
            raise RuntimeError(
                f"this command failed (status {status}), and is the first when publishing again: "
                f"{step.command}"
            )
