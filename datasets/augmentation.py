"""Random changes that keep a number readable, made for a whole batch at a time.

All randomness comes from stateless operations and one seed, so a batch is a function of its
pictures and that seed. Nothing is mirrored or turned far: a 6 must not become a 9.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace

import tensorflow as tf


@dataclass(frozen=True)
class Augmentation:
    """How strongly pictures are changed; 0 switches a change off.

    Each picture draws its own amounts, evenly between the extremes unless it says otherwise.

    Attributes:
        zoom: the number grows by a factor between 1/(1 + zoom) and 1 + zoom.
        zoom_out: the same, but only smaller: between 1/(1 + zoom_out) and 1; comes on top.
        stretch: width over height changes by a factor between 1/(1 + stretch) and 1 + stretch.
        shift: moves by up to this share of the width and of the height, each way.
        rotation: turns by up to so many degrees, each way.
        shear: leans by up to this share of the height, each way; and half that in y.
        perspective: the scale changes by up to this share from one edge to the other.
        brightness: adds up to this share of 255, each way.
        contrast: distance from the picture's mean changes by a factor 1/(1 + c) to 1 + c.
        colour: each channel's gain changes by a factor 1/(1 + c) to 1 + c.
        gamma: exponent between 1/(1 + gamma) and 1 + gamma.
        shade: one side becomes darker than the opposite by up to this share, any direction.
        invert: probability that light and dark change places.
        grey: probability that colours are taken out.
        blur: probability of a blur, of up to two binomial 5 x 5 filters.
        coarse: probability that the picture is reduced to 1/2 or 1/3 and enlarged again.
        noise: standard deviation of added noise, up to this many levels of 255; half of it fine,
            half coarse.
        erase: probability that one patch is painted over with an even colour.
        erase_size: side of that patch, up to this share of the height; keep it under a digit.
    """

    zoom: float = 0.0
    zoom_out: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    rotation: float = 0.0
    shear: float = 0.0
    perspective: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    colour: float = 0.0
    gamma: float = 0.0
    shade: float = 0.0
    invert: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    coarse: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    erase_size: float = 0.15

    def __post_init__(self):
        limits = {"rotation": 45.0, "noise": 128.0, "zoom": 3.0, "zoom_out": 3.0, "gamma": 3.0}
        for field in fields(self):
            value = getattr(self, field.name)
            limit = limits.get(field.name, 1.0)
            if not 0 <= value <= limit:
                raise ValueError(f"{field.name} is 0 to {limit:g}. Received: {value!r}")

    @classmethod
    def none(cls) -> Augmentation:
        """No change at all."""
        return cls()

    @classmethod
    def light(cls) -> Augmentation:
        """Small moves and small changes of light: for clean pictures, such as MNIST."""
        return cls(zoom=0.1, stretch=0.08, shift=0.06, rotation=8.0, shear=0.08)

    @classmethod
    def photo(cls) -> Augmentation:
        """What street photos ask for: moves, light, colour, blur and noise."""
        return cls(
            zoom=0.12,
            zoom_out=0.15,
            stretch=0.15,
            shift=0.06,
            rotation=6.0,
            shear=0.12,
            perspective=0.1,
            brightness=0.15,
            contrast=0.4,
            colour=0.2,
            gamma=0.3,
            shade=0.2,
            invert=0.15,
            grey=0.1,
            blur=0.25,
            coarse=0.15,
            noise=10.0,
            erase=0.15,
        )

    @classmethod
    def strong(cls) -> Augmentation:
        """`photo` with larger amounts: for long training on few pictures."""
        return replace(
            cls.photo(),
            zoom=0.18,
            zoom_out=0.3,
            stretch=0.25,
            shift=0.1,
            rotation=10.0,
            shear=0.2,
            perspective=0.2,
            brightness=0.25,
            contrast=0.6,
            colour=0.35,
            gamma=0.5,
            shade=0.35,
            invert=0.3,
            blur=0.35,
            coarse=0.3,
            noise=16.0,
            erase=0.3,
        )

    @property
    def moves(self) -> bool:
        """Whether pixels change places, so that pictures need room and detail to spare."""
        return any(getattr(self, name) for name in _GEOMETRIC)

    def to_dict(self) -> dict[str, float]:
        """The strengths as JSON takes them; `Augmentation(**d)` is the way back."""
        return asdict(self)


_GEOMETRIC = ("zoom", "zoom_out", "stretch", "shift", "rotation", "shear", "perspective")


def augment(
    pictures: tf.Tensor,
    augmentation: Augmentation,
    seed: tf.Tensor,
    size: tuple[int, int],
    view: float = 1.0,
) -> tf.Tensor:
    """Change a batch of pictures at random.

    Args:
        pictures: uint8 or float [B, height, width, C], values 0 to 255.
        augmentation: how strongly.
        seed: int32 [2], as stateless operations take it.
        size: `(height, width)` of the result in pixels.
        view: share of the pictures' width and height that the result shows when nothing moves;
            the rest around it is there to be moved into.

    Returns:
        float32 [B, *size, C], values 0 to 255.
    """
    draw = _Draw(seed, tf.shape(pictures)[0])
    pictures = _warp(pictures, augmentation, draw, size, view)
    pictures = _soften(pictures, augmentation, draw)
    pictures = _relight(pictures, augmentation, draw)
    pictures = _add_noise(pictures, augmentation, draw)
    pictures = _erase(pictures, augmentation, draw)
    return tf.clip_by_value(pictures, 0.0, 255.0)


class _Draw:
    """Random amounts for a batch, each from a seed of its own derived from one."""

    def __init__(self, seed: tf.Tensor, batch: tf.Tensor):
        self._seed, self._batch, self._count = seed, batch, 0

    def next_seed(self) -> tf.Tensor:
        self._count += 1
        return tf.random.fold_in(self._seed, self._count)

    def uniform(self, low: float, high: float, *shape: int) -> tf.Tensor:
        """float32 [B, *shape], evenly between low and high."""
        return tf.random.stateless_uniform((self._batch, *shape), self.next_seed(), low, high)

    def factor(self, strength: float, *shape: int) -> tf.Tensor:
        """float32 [B, *shape]: 1/(1 + strength) to 1 + strength, evenly in the logarithm."""
        most = math.log1p(strength)
        return tf.exp(self.uniform(-most, most, *shape))

    def chance(self, probability: float, *shape: int) -> tf.Tensor:
        """float32 [B, *shape]: 1 with the given probability, else 0."""
        return tf.cast(self.uniform(0.0, 1.0, *shape) < probability, tf.float32)


def _warp(pictures, augmentation: Augmentation, draw: _Draw, size, view: float) -> tf.Tensor:
    """Shift, scale, turn, lean and tilt with one projective transform, sampled bilinearly."""
    height, width = pictures.shape[1:3]
    pictures = tf.cast(pictures, tf.float32)
    if not augmentation.moves and view == 1.0 and (height, width) == tuple(size):
        return pictures
    matrices = _transforms(augmentation, draw, size, (height * view, width * view), (height, width))
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=matrices,
        output_shape=tf.constant(size, tf.int32),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="NEAREST",
    )


def _transforms(augmentation: Augmentation, draw: _Draw, size, shown, kept) -> tf.Tensor:
    """float32 [B, 8]: for each pixel of the result, where in the kept picture it comes from."""
    a, (height, width) = augmentation, size
    zoom = draw.factor(a.zoom) * tf.exp(-draw.uniform(0.0, math.log1p(a.zoom_out)))
    stretch = tf.sqrt(draw.factor(a.stretch))
    angle = draw.uniform(-a.rotation, a.rotation) * (math.pi / 180)
    lean_x, lean_y = draw.uniform(-a.shear, a.shear), draw.uniform(-a.shear, a.shear) / 2
    tilt_x = draw.uniform(-a.perspective, a.perspective) / width
    tilt_y = draw.uniform(-a.perspective, a.perspective) / height
    shift_x, shift_y = draw.uniform(-a.shift, a.shift), draw.uniform(-a.shift, a.shift)
    one, zero = tf.ones_like(zoom), tf.zeros_like(zoom)

    def matrix(*rows):
        return tf.stack([tf.stack(row, axis=-1) for row in rows], axis=-2)

    cos, sin = tf.cos(angle), tf.sin(angle)
    turn = matrix((cos, -sin, zero), (sin, cos, zero), (zero, zero, one))
    skew = matrix((one, lean_x, zero), (lean_y, one, zero), (tilt_x, tilt_y, one))
    scale = matrix(
        (1 / (zoom * stretch), zero, zero), (zero, stretch / zoom, zero), (zero, zero, one)
    )
    to_centre = tf.constant(
        [[1.0, 0.0, -(width - 1) / 2], [0.0, 1.0, -(height - 1) / 2], [0.0, 0.0, 1.0]]
    )
    ratio_x, ratio_y = one * (shown[1] / width), one * (shown[0] / height)
    from_centre = matrix(
        (ratio_x, zero, (kept[1] - 1) / 2 + shift_x * shown[1]),
        (zero, ratio_y, (kept[0] - 1) / 2 + shift_y * shown[0]),
        (zero, zero, one),
    )
    whole = from_centre @ turn @ skew @ scale @ to_centre
    return tf.reshape(whole / whole[:, 2:, 2:], (-1, 9))[:, :8]


def _soften(pictures, augmentation: Augmentation, draw: _Draw) -> tf.Tensor:
    """Blur some pictures, and reduce some to a coarser grid."""
    if augmentation.coarse:
        factor = draw.chance(augmentation.coarse, 1, 1, 1)
        half = draw.chance(0.5, 1, 1, 1)
        coarse = half * _reduce(pictures, 2) + (1 - half) * _reduce(pictures, 3)
        pictures += factor * (coarse - pictures)
    if augmentation.blur:
        for _ in range(2):
            amount = draw.chance(augmentation.blur, 1, 1, 1) * draw.uniform(0.0, 1.0, 1, 1, 1)
            pictures += amount * (_binomial(pictures) - pictures)
    return pictures


def _reduce(pictures: tf.Tensor, factor: int) -> tf.Tensor:
    """Average over factor x factor blocks, enlarged again bilinearly."""
    small = tf.nn.avg_pool2d(pictures, factor, factor, "SAME")
    return tf.image.resize(small, pictures.shape[1:3], "bilinear")


def _binomial(pictures: tf.Tensor) -> tf.Tensor:
    """Blur by the filter 1 4 6 4 1 in both directions."""
    padded = tf.pad(pictures, [[0, 0], [2, 2], [2, 2], [0, 0]], "SYMMETRIC")
    for axis in (1, 2):
        length = pictures.shape[axis]
        taps = [tf.gather(padded, tf.range(i, i + length), axis=axis) for i in range(5)]
        padded = (taps[0] + taps[4] + 4 * (taps[1] + taps[3]) + 6 * taps[2]) / 16
    return padded


def _relight(pictures, augmentation: Augmentation, draw: _Draw) -> tf.Tensor:
    """Change light and colour."""
    a, channels = augmentation, pictures.shape[-1]
    if a.grey and channels == 3:
        grey = tf.image.rgb_to_grayscale(pictures)
        pictures += draw.chance(a.grey, 1, 1, 1) * (grey - pictures)
    if a.invert:
        pictures = tf.abs(pictures - 255.0 * draw.chance(a.invert, 1, 1, 1))
    if a.gamma:
        level = tf.clip_by_value(pictures / 255.0, 1e-3, 1.0)
        pictures = 255.0 * tf.pow(level, draw.factor(a.gamma, 1, 1, 1))
    gain = draw.factor(a.contrast, 1, 1, 1)
    mean = tf.reduce_mean(pictures, axis=(1, 2, 3), keepdims=True)
    offset = mean * (1 - gain) + 255.0 * draw.uniform(-a.brightness, a.brightness, 1, 1, 1)
    if a.colour and channels == 3:
        colour = draw.factor(a.colour, 1, 1, channels)
        gain, offset = gain * colour, offset * colour
    pictures = pictures * gain + offset
    if a.shade:
        pictures *= 1 + _ramp(pictures.shape[1:3], draw) * draw.uniform(0.0, a.shade, 1, 1, 1)
    return pictures


def _ramp(size, draw: _Draw) -> tf.Tensor:
    """[B, height, width, 1]: rises from about -1/2 to 1/2 in a random direction."""
    angle = draw.uniform(0.0, 2 * math.pi, 1, 1, 1)
    x = tf.reshape(tf.linspace(-0.5, 0.5, size[1]), (1, 1, -1, 1))
    y = tf.reshape(tf.linspace(-0.5, 0.5, size[0]), (1, -1, 1, 1))
    return tf.cos(angle) * x + tf.sin(angle) * y


def _add_noise(pictures, augmentation: Augmentation, draw: _Draw) -> tf.Tensor:
    """Add fine noise and noise of twice the grain."""
    if not augmentation.noise:
        return pictures
    batch, (height, width, channels) = tf.shape(pictures)[0], pictures.shape[1:]
    fine = tf.random.stateless_normal((batch, height, width, 1), draw.next_seed())
    shape = (batch, (height + 1) // 2, (width + 1) // 2, channels)
    coarse = tf.random.stateless_normal(shape, draw.next_seed())
    coarse = tf.image.resize(coarse, (height, width), "nearest")
    most = augmentation.noise
    return (
        pictures
        + fine * draw.uniform(0.0, most, 1, 1, 1)
        + coarse * draw.uniform(0.0, most, 1, 1, 1) / 2
    )


def _erase(pictures, augmentation: Augmentation, draw: _Draw) -> tf.Tensor:
    """Paint one patch of some pictures in an even colour."""
    if not augmentation.erase:
        return pictures
    height, width, channels = pictures.shape[1:]
    side = augmentation.erase_size * height / 2
    half_x, half_y = draw.uniform(side / 3, side, 1, 1, 1), draw.uniform(side / 3, side, 1, 1, 1)
    x, y = draw.uniform(0.0, float(width), 1, 1, 1), draw.uniform(0.0, float(height), 1, 1, 1)
    columns = tf.reshape(tf.range(width, dtype=tf.float32), (1, 1, -1, 1)) + 0.5
    rows = tf.reshape(tf.range(height, dtype=tf.float32), (1, -1, 1, 1)) + 0.5
    inside = tf.cast(tf.abs(columns - x) < half_x, tf.float32) * tf.cast(
        tf.abs(rows - y) < half_y, tf.float32
    )
    colour = draw.uniform(0.0, 255.0, 1, 1, channels)
    return pictures + inside * draw.chance(augmentation.erase, 1, 1, 1) * (colour - pictures)
