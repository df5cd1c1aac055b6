"""Changes batches of images at random, as an `Augmentation` says.

Every random number comes from TensorFlow's stateless operations and one seed, so a batch is a
function of its images and that seed. What is then done with the numbers is done by OpenCV, on
bytes: the same work takes TensorFlow's operations some ten times as long on a CPU, where it
would slow down the training beside it.
"""

from __future__ import annotations

from statistics import NormalDist

import cv2
import numpy as np
import tensorflow as tf

from datasets import geometry
from datasets.augmentation import Augmentation

# A batch is made by one thread, several batches by several: OpenCV's own threads, over images
# this small, cost more than they bring.
cv2.setNumThreads(1)

_DRAWS = (
    *("random_crop", "window_size", "window_x", "window_y"),
    *("background_crop", "elsewhere_side", "elsewhere_shape"),
    *("zoom", "zoom_out", "stretch", "shift_x", "shift_y", "rotation", "shear_x", "shear_y"),
    *("tilt_x", "tilt_y", "brightness", "contrast", "red", "green", "blue", "gamma"),
    *(
        "illumination_gradient",
        "shade_angle",
        "invert",
        "grey",
        "blur",
        "blur_x",
        "blur_y",
        "downscale",
        "coarseness",
    ),
    *("compress", "quality", "fine_noise", "coarse_noise", "erase", "erase_x", "erase_y"),
    *("erase_width", "erase_height", "erase_red", "erase_green", "erase_blue"),
)
_COLUMN = {name: column for column, name in enumerate(_DRAWS)}

# Standard normal quantiles of the 256 values of a byte: turns random bytes into Gaussian noise.
_QUANTILES = np.array([[NormalDist().inv_cdf((i + 0.5) / 256) for i in range(256)]], np.float32)

_LEVELS = np.linspace(0.0, 1.0, 256, dtype=np.float32)[None, :, None]


def augment(
    images: tf.Tensor,
    augmentation: Augmentation,
    seed: tf.Tensor,
    size: tuple[int, int],
    view: float = 1.0,
    boxes: tf.Tensor | None = None,
    rows: tuple[int, int] | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Change a batch of images at random.

    Args:
        images: uint8 [B, height, width, C].
        augmentation: how strongly.
        seed: int [2], as stateless operations take it.
        size: `(height, width)` of the result in pixels.
        view: share of the images' width and height that the result shows when nothing moves;
            the rest around it is there to be moved into.
        boxes: float32 [B, 4], left, top, right and bottom of the number in each image as
            shares of its width and height; NaN where unknown. Defaults to unknown.
        rows: `(first, all)` where the images are those from `first` on of a larger batch of
            `all`: they are then changed as they are within it.

    Returns:
        float32 [B, *size, C], values 0 to 255, and the boxes as shares of the result; NaN where
        unknown or where the result does not show the number.
    """
    channels = images.shape[3]
    batch = tf.shape(images)[0]
    boxes = tf.fill((batch, 4), np.float32(np.nan)) if boxes is None else boxes
    if not augmentation.changes and view == 1.0 and tuple(images.shape[1:3]) == tuple(size):
        return tf.cast(images, tf.float32), boxes
    first, drawn = rows or (0, batch)
    draws = tf.random.stateless_uniform((drawn, len(_DRAWS)), tf.random.fold_in(seed, 0))
    grain = _grain_bytes(size, channels) if augmentation.noise else 0
    words = tf.random.stateless_uniform(
        (drawn, -(-grain // 4)), tf.random.fold_in(seed, 1), None, None, tf.int32
    )
    draws, words = (each[first : first + batch] for each in (draws, words))

    def change(images, draws, words, boxes):
        return distort(images, draws, words.view(np.uint8), augmentation, size, view, boxes)

    given = [images, draws, words, boxes]
    changed, boxes = tf.numpy_function(change, given, (tf.float32, tf.float32))
    changed.set_shape((images.shape[0], *size, channels))
    boxes.set_shape((images.shape[0], 4))
    return changed, boxes


def distort(
    images: np.ndarray,
    draws: np.ndarray,
    grain: np.ndarray,
    augmentation: Augmentation,
    size: tuple[int, int],
    view: float = 1.0,
    boxes: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Change a batch of images by given random numbers; see `augment`.

    Args:
        images: uint8 [B, height, width, C].
        draws: float32 [B, draws], from 0 to 1.
        grain: uint8 [B, at least so many as there are pixels of noise].
        augmentation: how strongly.
        size: `(height, width)` of the result in pixels.
        view: share of the images that the result shows.
        boxes: float32 [B, 4], as `augment` takes them.

    Returns:
        float32 [B, *size, C], values 0 to 255, and the boxes as shares of the result.
    """
    a, draw = augmentation, _Draws(draws.T)
    batch, *kept, channels = images.shape
    if boxes is None:
        boxes = np.full((batch, 4), np.nan, np.float32)
    if a.moves or view != 1.0 or tuple(kept) != tuple(size):
        shown = geometry.windows(draw, a.random_crop, boxes, view)
        if a.background_crop:
            beside = geometry.parts_beside(draw, a.background_crop, boxes)
            gone = np.isfinite(beside)
            shown, boxes = np.where(gone, beside, shown), np.where(gone, np.nan, boxes)
        matrices = geometry.transforms(a, draw, size, kept, shown)
        images = _warp(images, matrices, size, bool(a.perspective))
        boxes = geometry.move_boxes(boxes, matrices, size, kept)
    each = [_Draws(row) for row in draws.tolist()]
    images = [_soften(image, a, own) for image, own in zip(images, each, strict=True)]
    tables = _light_tables(images, a, draw, channels)
    result = np.empty((batch, *size, channels), np.float32)
    for index, image in enumerate(images):
        if tables is not None:
            image = cv2.LUT(image, tables[index, :, None])
        lit = result[index]
        lit[...] = image.reshape(lit.shape)
        _erase(lit, a, each[index])
        _shade(lit, a, each[index])
        _add_noise(lit, a, each[index], grain[index])
        np.clip(lit, 0.0, 255.0, out=lit)
    return result, boxes


class _Draws:
    """Random numbers by name, brought into the ranges that are asked for.

    Of a whole batch ([draws, B]; results are arrays [B]) or of one image ([draws]).
    """

    def __init__(self, draws: np.ndarray | list[float]):
        self._draws = draws

    def between(self, name: str, low: float, high: float) -> np.ndarray:
        """Evenly between `low` and `high`."""
        return low + (high - low) * self._draws[_COLUMN[name]]

    def either_way(self, name: str, strength: float) -> np.ndarray:
        """Evenly between -`strength` and `strength`."""
        return self.between(name, -strength, strength)

    def factor(self, name: str, strength: float) -> np.ndarray:
        """From 1/(1 + strength) to 1 + strength, evenly in the logarithm."""
        return np.exp(self.either_way(name, np.log1p(strength)))

    def happens(self, name: str, probability: float) -> np.ndarray:
        """True with the given probability."""
        return self._draws[_COLUMN[name]] < probability


def _warp(images, matrices: np.ndarray, size, perspective: bool) -> list[np.ndarray]:
    """Move, scale, turn, lean and tilt at once; beyond the edges the edge pixels go on.

    Not mirrored there: digits at the edge would get a mirrored twin.
    """
    how = {
        "dsize": (size[1], size[0]),
        "flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        "borderMode": cv2.BORDER_REPLICATE,
    }
    pairs = zip(images, matrices, strict=True)
    if perspective:
        return [cv2.warpPerspective(image, matrix, **how) for image, matrix in pairs]
    return [cv2.warpAffine(image, matrix[:2], **how) for image, matrix in pairs]


def _soften(image: np.ndarray, a: Augmentation, draw: _Draws) -> np.ndarray:
    """Take away colour and detail: grey, blur, fewer pixels, compression."""
    height, width = image.shape[:2]
    if image.ndim == 3 and image.shape[2] == 3 and draw.happens("grey", a.grey):
        image = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    if draw.happens("blur", a.blur):
        sigmas = [draw.between(name, 0.1, 0.025 * height) for name in ("blur_x", "blur_y")]
        image = cv2.GaussianBlur(image, (0, 0), sigmas[0], sigmaY=sigmas[1])
    if draw.happens("downscale", a.downscale):
        factor = draw.between("coarseness", 1.0, 3.0)
        small = (max(1, round(width / factor)), max(1, round(height / factor)))
        image = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    if draw.happens("compress", a.compress):
        quality = int(draw.between("quality", 15.0, 75.0))
        _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
        image = cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
    return image


def _light_tables(images: list, a: Augmentation, draw: _Draws, channels: int):
    """uint8 [B, 256, C]: what each level becomes by light and colour; None if nothing changes."""
    if not any((a.invert, a.gamma, a.contrast, a.brightness, a.channel_gain)):
        return None
    means = np.array([image.mean() for image in images], np.float32) / 255

    def column(values):
        return values.astype(np.float32)[:, None, None]

    inverted = column(draw.happens("invert", a.invert))
    levels, means = np.abs(_LEVELS - inverted), np.abs(column(means) - inverted)
    gamma = column(draw.factor("gamma", a.gamma))
    levels, means = levels**gamma, means**gamma
    shifted = means + column(draw.either_way("brightness", a.brightness))
    # What is dark stays above black and what is light below white, or the digits would be gone.
    shifted = np.clip(shifted, np.minimum(means, 0.12), np.maximum(means, 0.88))
    levels = shifted + (levels - means) * column(draw.factor("contrast", a.contrast))
    if channels == 3:
        gains = [draw.factor(name, a.channel_gain) for name in ("red", "green", "blue")]
        levels = levels * np.stack(gains, axis=-1).astype(np.float32)[:, None, :]
    return np.ascontiguousarray((levels * 255 + 0.5).clip(0, 255).astype(np.uint8))


def _erase(image: np.ndarray, a: Augmentation, draw: _Draws) -> None:
    if not draw.happens("erase", a.erase):
        return
    height, width, channels = image.shape
    most = a.erase_size * height
    tall, wide = (
        round(draw.between(name, most / 3, most)) for name in ("erase_height", "erase_width")
    )
    top = int(draw.between("erase_y", 0, height)) - tall // 2
    left = int(draw.between("erase_x", 0, width)) - wide // 2
    colour = [draw.between(name, 0, 255) for name in ("erase_red", "erase_green", "erase_blue")]
    image[max(0, top) : max(0, top + tall), max(0, left) : max(0, left + wide)] = colour[:channels]


def _shade(image: np.ndarray, a: Augmentation, draw: _Draws) -> None:
    """Darken one side and lighten the opposite one."""
    if not a.illumination_gradient:
        return
    height, width, channels = image.shape
    angle = draw.between("shade_angle", 0.0, 2 * np.pi)
    depth = draw.between("illumination_gradient", 0.0, a.illumination_gradient)
    x = np.arange(width, dtype=np.float32) * np.float32(np.cos(angle) * depth / width)
    y = np.arange(height, dtype=np.float32) * np.float32(np.sin(angle) * depth / height)
    ramp = x + y[:, None]
    ramp += 1 - ramp[height // 2, width // 2]
    image *= _spread(ramp, channels)


def _spread(plane: np.ndarray, channels: int) -> np.ndarray:
    """[H, W] to [H, W, channels], each channel the same; a copy beats NumPy's broadcasting."""
    return cv2.merge([plane] * channels).reshape(*plane.shape, channels)


def _grain_bytes(size, channels: int) -> int:
    height, width = size
    return height * width + (-(-height // 2)) * (-(-width // 2)) * channels


def _add_noise(image: np.ndarray, a: Augmentation, draw: _Draws, grain: np.ndarray) -> None:
    """Add fine grey noise and coloured noise of twice the grain."""
    if not a.noise:
        return
    height, width, channels = image.shape
    rows, columns = -(-height // 2), -(-width // 2)
    noise = cv2.LUT(grain[None, : _grain_bytes((height, width), channels)], _QUANTILES)[0]
    fine = noise[: height * width].reshape(height, width)
    coarse = noise[height * width :].reshape(rows, columns, channels)
    fine *= draw.between("fine_noise", 0.0, a.noise)
    coarse *= draw.between("coarse_noise", 0.0, a.noise / 2)
    coarse = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_NEAREST)
    image += coarse.reshape(image.shape)
    image += _spread(fine, channels)
