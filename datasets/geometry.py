"""Geometry of augmentation: random numbers, random and background crops, transforms, boxes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from datasets.augmentation import Augmentation

MIN_CROP_SCALE = 1.35
"""Ratio of the side of the smallest random crop to that of the number, so that the following
transforms do not cut off digits."""

BACKGROUND_GAP = 1.25
"""Ratio of the side of a background crop with its gap to the number to the side without the gap;
the gap is a margin for the following transforms."""

MIN_BACKGROUND = 0.15
"""Side of the smallest background crop, as a fraction of the image's."""


DRAWS = (
    *("random_crop", "crop_size", "crop_x", "crop_y"),
    *("background_crop", "background_side", "background_shape"),
    *("zoom", "zoom_out", "stretch", "shift_x", "shift_y", "rotation", "shear_x", "shear_y"),
    *("tilt_x", "tilt_y", "brightness", "contrast", "red", "green", "blue", "gamma"),
    *("illumination_gradient", "illumination_angle", "invert", "grey"),
    *("blur", "blur_x", "blur_y", "downscale", "downscale_factor"),
    *("compress", "quality", "fine_noise", "coarse_noise", "erase", "erase_x", "erase_y"),
    *("erase_width", "erase_height", "erase_red", "erase_green", "erase_blue"),
)
"""Names of the random numbers of an image; their order affects the result of a seed."""


class Draws:
    """Random numbers by name, mapped to the requested distributions.

    They are those of a batch (a NumPy or JAX array [draws, B]; results are arrays [B]) or of one
    image ([draws]; results are floats).
    """

    def __init__(self, draws: np.ndarray | list[float], names: Sequence[str] = DRAWS):
        self._draws = dict(zip(names, draws, strict=True))

    def uniform(self, name: str, low: float, high: float) -> np.ndarray:
        """Uniform between `low` and `high`."""
        return low + (high - low) * self._draws[name]

    def uniforms(self, names: Sequence[str], low: float, high: float) -> np.ndarray:
        """Uniform between `low` and `high`, for a batch: [B, names]."""
        columns = [self.uniform(name, low, high) for name in names]
        return columns[0].__array_namespace__().stack(columns, axis=1)

    def symmetric(self, name: str, strength: float) -> np.ndarray:
        """Uniform between -`strength` and `strength`."""
        return self.uniform(name, -strength, strength)

    def factor(self, name: str, strength: float) -> np.ndarray:
        """Log-uniform between 1/(1 + strength) and 1 + strength."""
        xp = self._draws[name].__array_namespace__()
        return xp.exp(self.symmetric(name, xp.log1p(strength)))

    def bernoulli(self, name: str, probability: float) -> np.ndarray:
        """True with the given probability."""
        return self._draws[name] < probability


def random_crops(
    draw: Draws, probability: float, boxes: np.ndarray, visible_fraction: float
) -> np.ndarray:
    """Compute the part of each image that is visible before the transforms.

    Args:
        draw: random numbers.
        probability: of a crop around the number; the others show the middle of the image.
        boxes: float [B, 4], fractions of the stored image; NaN where unknown. NumPy or JAX.
        visible_fraction: width and height of the middle part, as a fraction of the image's.

    Returns:
        float [B, 4], left, top, right and bottom as fractions of the stored image. Sizes are
        log-uniform between `MIN_CROP_SCALE` times the number's size and the middle part's. Crops
        lie within the image unless the number does not allow it.
    """
    xp = boxes.__array_namespace__()
    near, far = boxes[:, :2], boxes[:, 2:]
    known = xp.isfinite(boxes).all(axis=1)
    smallest = MIN_CROP_SCALE * xp.clip(far - near, 1e-3, None)
    smallest = xp.where(known[:, None], xp.minimum(smallest, visible_fraction), visible_fraction)
    size = smallest * (visible_fraction / smallest) ** draw.uniform("crop_size", 0.0, 1.0)[:, None]
    margin = (MIN_CROP_SCALE - 1) / 2 * (far - near)
    # The crop contains the number with its margin and stays within the image.
    low = xp.minimum(xp.maximum(far + margin - size, 0.0), 1.0 - size)
    high = xp.maximum(xp.minimum(near - margin, 1.0 - size), low)
    corner = low + (high - low) * draw.uniforms(("crop_x", "crop_y"), 0.0, 1.0)
    chosen = known & draw.bernoulli("random_crop", probability)
    first, last = (1 - visible_fraction) / 2, (1 + visible_fraction) / 2
    middle = xp.array([first, first, last, last])
    return xp.where(chosen[:, None], xp.concatenate([corner, corner + size], axis=1), middle)


def background_crops(draw: Draws, probability: float, boxes: np.ndarray) -> np.ndarray:
    """Compute a part of each image that does not contain its number.

    Args:
        draw: random numbers.
        probability: of a background crop, for images with a known box and room beside it.
        boxes: float [B, 4], fractions of the stored image; NaN where unknown. NumPy or JAX.

    Returns:
        float [B, 4], left, top, right and bottom as fractions of the stored image; NaN where there
        is none. The crop is left of, above, right of or below the number, with probabilities in
        proportion to the room on each side.
    """
    xp = boxes.__array_namespace__()
    rooms = xp.nan_to_num(xp.concatenate([boxes[:, :2], 1.0 - boxes[:, 2:]], axis=1))
    rooms = xp.where(rooms / BACKGROUND_GAP >= MIN_BACKGROUND, rooms, 0.0)
    cumulative = xp.cumsum(rooms, axis=1)
    chosen = (cumulative[:, 3] > 0) & draw.bernoulli("background_crop", probability)
    target = draw.uniform("background_side", 0.0, 1.0) * cumulative[:, 3]
    side = (cumulative <= target[:, None]).sum(axis=1).clip(max=3)
    room = xp.take_along_axis(rooms, side[:, None], axis=1)[:, 0]
    # `along` is the direction away from the number, `across` the other.
    along = xp.maximum(room / BACKGROUND_GAP * draw.uniform("crop_size", 0.5, 1.0), MIN_BACKGROUND)
    across = (along * draw.uniform("background_shape", 0.5, 2.0)).clip(MIN_BACKGROUND, 1.0)
    start = (room - along * BACKGROUND_GAP) * draw.uniform("crop_x", 0.0, 1.0)
    start_across = (1.0 - across) * draw.uniform("crop_y", 0.0, 1.0)
    start = xp.where(side < 2, start, 1.0 - start - along)
    crops = xp.stack([start, start_across, start + along, start_across + across], axis=1)
    upright = crops[:, np.array([1, 0, 3, 2])]
    crops = xp.where((side % 2 == 1)[:, None], upright, crops)
    return xp.where(chosen[:, None], crops, xp.nan)


def transforms(
    a: Augmentation,
    draw: Draws,
    size: tuple[int, int],
    stored_size: tuple[int, int],
    visible: np.ndarray,
) -> np.ndarray:
    """Compute the transforms from result pixels to pixels of the stored images.

    Args:
        a: strengths of the changes.
        draw: random numbers.
        size: (height, width) of the result in pixels.
        stored_size: (height, width) of the stored images in pixels.
        visible: float [B, 4], the part that the result shows without any change, as fractions.

    Returns:
        float64 [B, 3, 3], homogeneous matrices from result to stored pixels.
    """
    height, width = size
    zoom = draw.factor("zoom", a.zoom) / np.exp(draw.uniform("zoom_out", 0, np.log1p(a.zoom_out)))
    stretch = np.sqrt(draw.factor("stretch", a.stretch))
    angle = np.deg2rad(draw.symmetric("rotation", a.rotation))
    scale, turn, skew, place = (np.tile(np.eye(3), (len(zoom), 1, 1)) for _ in range(4))
    scale[:, 0, 0], scale[:, 1, 1] = 1 / (zoom * stretch), stretch / zoom
    turn[:, 0, 0] = turn[:, 1, 1] = np.cos(angle)
    turn[:, 1, 0], turn[:, 0, 1] = np.sin(angle), -np.sin(angle)
    skew[:, 0, 1] = draw.symmetric("shear_x", a.shear)
    skew[:, 1, 0] = draw.symmetric("shear_y", a.shear / 2)
    skew[:, 2, 0] = draw.symmetric("tilt_x", a.perspective) / width
    skew[:, 2, 1] = draw.symmetric("tilt_y", a.perspective) / height
    for axis, shift in ((0, "shift_x"), (1, "shift_y")):
        pixels = stored_size[1 - axis]
        low, high = visible[:, axis] * pixels, visible[:, axis + 2] * pixels
        place[:, axis, axis] = (high - low) / size[1 - axis]
        # Pixel centres: the middle of pixels 0 to n - 1 is (n - 1) / 2.
        middle = (low + high - 1) / 2
        place[:, axis, 2] = middle + draw.symmetric(shift, a.shift) * (high - low)
    centre = np.array([[1, 0, -(width - 1) / 2], [0, 1, -(height - 1) / 2], [0, 0, 1]])
    return place @ turn @ skew @ scale @ centre


def move_boxes(
    boxes: np.ndarray, matrices: np.ndarray, size: tuple[int, int], stored_size: tuple[int, int]
) -> np.ndarray:
    """Transform boxes in stored images to upright boxes in results.

    Args:
        boxes: float [B, 4], fractions of the stored image; NaN where unknown.
        matrices: float64 [B, 3, 3], as returned by `transforms`.
        size: (height, width) of the results in pixels.
        stored_size: (height, width) of the stored images in pixels.

    Returns:
        float32 [B, 4], fractions of the result, clipped to [0, 1]; NaN where unknown or outside.
    """
    if not np.isfinite(boxes).any():
        return boxes
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]] * np.array(stored_size[::-1]) - 0.5
    corners = np.concatenate([corners, np.ones((*corners.shape[:2], 1))], axis=2)
    moved = corners @ np.linalg.inv(matrices).transpose(0, 2, 1)
    moved = (moved[..., :2] / moved[..., 2:] + 0.5) / np.array(size[::-1])
    upright = np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1).clip(0.0, 1.0)
    inside = (upright[:, 2:] - upright[:, :2] > 1e-3).all(axis=1)
    return np.where(inside[:, None], upright, np.nan).astype(np.float32)
