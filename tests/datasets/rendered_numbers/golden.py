"""Write `golden.npz`: thumbnails, labels and boxes of rendered images.

python -m tests.datasets.rendered_numbers.golden

Run it only when rendered images are meant to change, together with the builder's version.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from datasets.rendered_numbers.rendering import RenderedImage, render
from datasets.rendered_numbers.styles import STYLES

PATH = Path(__file__).with_name("golden.npz")
SEED, COUNT = 3, 12


def thumbnail(image: np.ndarray) -> np.ndarray:
    """Return an image as grey levels of 16 x 32 pixels: uint8."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return cv2.resize(grey, (32, 16), interpolation=cv2.INTER_AREA)


def render_golden(style: str) -> list[RenderedImage]:
    """Render the images of a style."""
    return [render(SEED, index, STYLES[style]) for index in range(COUNT)]


def main() -> None:
    """Write the file."""
    arrays = {}
    for style in STYLES:
        images = render_golden(style)
        arrays[f"{style}/thumbnails"] = np.stack([thumbnail(image.image) for image in images])
        arrays[f"{style}/sizes"] = np.array([image.image.shape[:2] for image in images])
        arrays[f"{style}/labels"] = np.array([image.label for image in images])
        arrays[f"{style}/boxes"] = np.concatenate([image.boxes for image in images])
    np.savez_compressed(PATH, **arrays)


if __name__ == "__main__":
    main()
