"""Strengths of random changes to training images; `distort.py` applies them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

JPEG_QUALITY = (15, 75)
"""Lowest and highest quality of JPEG compression."""

_LIMITS = {"rotation": 45.0, "noise": 128.0, "zoom": 3.0, "zoom_out": 3.0, "gamma": 3.0}
MOVES = (
    *("random_crop", "background_crop", "zoom", "zoom_out", "stretch", "shift"),
    *("rotation", "shear", "perspective"),
)
"""Fields of geometric changes."""


@dataclass(frozen=True)
class Augmentation:
    """Strengths of random changes to images; 0 disables a change.

    Amounts are drawn uniformly (factors and exponents log-uniformly) and independently for each
    image. There are no reflections and no large rotations, since a 6 must not become a 9.

    Attributes:
        random_crop: probability of a random crop that contains the number, of any size from
            slightly more than the number's box to the whole image. Needs the number's box.
        background_crop: probability of a crop next to the number, labelled as an image without a
            number. Needs the number's box and enough room next to it.
        zoom: scales by a factor in [1/(1 + zoom), 1 + zoom].
        zoom_out: scales down further, by a factor in [1/(1 + zoom_out), 1].
        stretch: changes width over height by a factor in [1/(1 + stretch), 1 + stretch].
        shift: maximum translation, as a fraction of the width and of the height.
        rotation: maximum angle in degrees.
        shear: maximum shear in x; half as much in y.
        perspective: maximum relative change of scale from edge to edge.
        brightness: maximum change of the mean, as a fraction of 255; the mean is limited to keep a
            distance from black and white.
        contrast: scales the distance to the image's mean by a factor in [1/(1 + c), 1 + c].
        channel_gain: scales each channel by a factor in [1/(1 + c), 1 + c].
        gamma: exponent in [1/(1 + gamma), 1 + gamma].
        illumination_gradient: maximum difference in brightness between opposite sides, as a
            fraction, in a random direction.
        invert: probability of inverting dark and light.
        grey: probability of removing colour.
        blur: probability of a Gaussian blur, standard deviations up to 2.5 % of the height, drawn
            separately for x and y.
        downscale: probability of reducing by a factor of 1 to 3 and enlarging again.
        compress: probability of JPEG compression, quality 15 to 75.
        noise: maximum standard deviation of grey noise per pixel, in levels of 255; coarser
            coloured noise has up to half of it.
        erase: probability of filling a random rectangle with a colour.
        erase_size: maximum side of that rectangle, as a fraction of the height; keep it below
            the size of a digit.
    """

    random_crop: float = 0.0
    background_crop: float = 0.0
    zoom: float = 0.0
    zoom_out: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    rotation: float = 0.0
    shear: float = 0.0
    perspective: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    channel_gain: float = 0.0
    gamma: float = 0.0
    illumination_gradient: float = 0.0
    invert: float = 0.0
    grey: float = 0.0
    blur: float = 0.0
    downscale: float = 0.0
    compress: float = 0.0
    noise: float = 0.0
    erase: float = 0.0
    erase_size: float = 0.15

    def __post_init__(self):
        for field in fields(self):
            value, limit = getattr(self, field.name), _LIMITS.get(field.name, 1.0)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise TypeError(f"augmentation.{field.name} is a number. Received: {value!r}")
            if not 0 <= value <= limit:
                raise ValueError(
                    f"augmentation.{field.name} is from 0 to {limit:g}. Received: {value!r}"
                )

    @classmethod
    def none(cls) -> Augmentation:
        """No change at all."""
        return cls()

    @classmethod
    def light(cls) -> Augmentation:
        """Small geometric changes: for clean images, such as MNIST."""
        return cls(zoom=0.1, stretch=0.08, shift=0.06, rotation=8.0, shear=0.08)

    @classmethod
    def photo(cls) -> Augmentation:
        """For street photos: geometry, light, colour, blur and noise."""
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
            channel_gain=0.2,
            gamma=0.3,
            illumination_gradient=0.25,
            invert=0.15,
            grey=0.1,
            blur=0.25,
            downscale=0.15,
            compress=0.1,
            noise=8.0,
            erase=0.15,
        )

    @classmethod
    def strong(cls) -> Augmentation:
        """`photo` with larger amounts, for long training on few images."""
        return replace(
            cls.photo(),
            random_crop=0.7,
            background_crop=0.08,
            zoom=0.18,
            zoom_out=0.3,
            stretch=0.25,
            shift=0.1,
            rotation=10.0,
            shear=0.15,
            perspective=0.15,
            brightness=0.2,
            contrast=0.5,
            channel_gain=0.25,
            gamma=0.4,
            illumination_gradient=0.35,
            invert=0.25,
            blur=0.3,
            downscale=0.25,
            compress=0.2,
            noise=10.0,
            erase=0.3,
        )

    def scaled(self, factor: float) -> Augmentation:
        """Multiply every strength and probability by `factor`, up to its limit.

        Args:
            factor: 0 or more; 1 changes nothing.

        Raises:
            ValueError: if the factor is negative.
        """
        if factor < 0:
            raise ValueError(f"an augmentation is scaled by 0 or more. Received: {factor!r}")
        amounts = {
            name: min(factor * amount, _LIMITS.get(name, 1.0))
            for name, amount in asdict(self).items()
            if name != "erase_size"
        }
        return replace(self, **amounts)

    @property
    def moves(self) -> bool:
        """Whether there are geometric changes, so that images are stored with a margin and more
        pixels."""
        return any(getattr(self, name) for name in MOVES)

    @property
    def changes(self) -> bool:
        """Whether anything changes at all."""
        return any(
            getattr(self, field.name) for field in fields(self) if field.name != "erase_size"
        )
