"""Files of handwritten digits for rendering, as Keras stores MNIST."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np


@functools.lru_cache(maxsize=2)
def read_digits(path: str) -> tuple[np.ndarray, ...]:
    """Read a file of handwritten digits.

    Args:
        path: npz with x_train, uint8 (n, 28, 28), light digits on black, and y_train, integers
            (n,).

    Returns:
        The images of each digit from 0 to 9: uint8 (n, 28, 28).

    Raises:
        FileNotFoundError: if the file does not exist.
        ValueError: if arrays are missing or of another shape or dtype, or if a digit is missing.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(
            "`glyphs` must be an npz file of handwritten digits, as Keras stores MNIST. "
            f"Received: {path}, which does not exist. `mnist_digits.write_digits` writes one"
        )
    with np.load(path) as data:
        if not {"x_train", "y_train"} <= set(data):
            raise ValueError(
                f"{path} needs the arrays x_train and y_train. Received: {sorted(data)}"
            )
        images, labels = data["x_train"], data["y_train"]
    if images.shape != (len(labels), 28, 28) or images.dtype != np.uint8:
        raise ValueError(
            f"x_train in {path} is uint8 (n, 28, 28). "
            f"Received: {images.dtype} {images.shape} with {len(labels)} labels"
        )
    if missing := sorted(set(range(10)) - set(labels.tolist())):
        raise ValueError(f"{path} has no image of the digits {missing}")
    return tuple(images[labels == digit] for digit in range(10))


def write_digits(data_dir: str, out: Path) -> None:
    """Write the training digits of a prepared MNIST as the file that `read_digits` reads.

    Args:
        data_dir: folder of TFDS in which MNIST is prepared; nothing is downloaded.
        out: the .npz file to write.
    """
    import tensorflow_datasets as tfds

    # Without the validation split that this project cuts from MNIST.
    split = "train[:55000]"
    data = tfds.load("mnist", split=split, data_dir=data_dir, download=False, batch_size=-1)
    images, labels = data["image"].numpy()[..., 0], data["label"].numpy().astype(np.uint8)
    np.savez_compressed(out, x_train=images, y_train=labels)
