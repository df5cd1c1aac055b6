"""How strongly images are changed at random in training; `distort.py` is what changes them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace

_LIMITS = {"rotation": 45.0, "noise": 128.0, "zoom": 3.0, "zoom_out": 3.0, "gamma": 3.0}
_MOVES = (
    *("random_crop", "background_crop", "zoom", "zoom_out", "stretch", "shift"),
    *("rotation", "shear", "perspective"),
)


@dataclass(frozen=True)
class Augmentation:
    """How strongly images are changed; 0 switches a change off.

    Each image draws its own amounts, evenly between the extremes. Nothing is mirrored or
    turned far: a 6 must not become a 9.

    Attributes:
        random_crop: probability of a random crop that contains the number, of any size from
            slightly more than the number's box to the whole image. Needs the number's box.
        background_crop: probability of a crop beside the number, labelled as an image without a
            number. Needs the number's box and enough room beside it.
        zoom: the number grows by a factor from 1/(1 + zoom) to 1 + zoom.
        zoom_out: on top of that it shrinks, by a factor from 1/(1 + zoom_out) to 1.
        stretch: width over height changes by a factor from 1/(1 + stretch) to 1 + stretch.
        shift: moves by up to this share of the width and of the height, each way.
        rotation: turns by up to so many degrees, each way.
        shear: leans by up to this share of the height, each way; half as much in y.
        perspective: the scale changes by up to this share from edge to edge.
        brightness: adds up to this share of 255, each way; the mean stays off black and white.
        contrast: distance from the image's mean changes by a factor 1/(1 + c) to 1 + c.
        channel_gain: each channel's gain changes by a factor 1/(1 + c) to 1 + c.
        gamma: exponent from 1/(1 + gamma) to 1 + gamma.
        illumination_gradient: one side gets darker than the other by up to this fraction, in any
            direction.
        invert: probability that light and dark change places.
        grey: probability that the colours are taken out.
        blur: probability of a Gaussian blur, standard deviation up to 2.5 % of the height, drawn
            apart for x and y.
        downscale: probability of fewer pixels: reduced by a factor of 1 to 3 and enlarged again.
        compress: probability of JPEG compression, quality 15 to 75.
        noise: standard deviation of added noise, up to so many levels of 255: fine grey noise of
            that and coarser coloured noise of half of that.
        erase: probability that one patch is painted over with an even colour.
        erase_size: sides of that patch, up to this share of the height; keep it under a digit's.
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
                raise TypeError(f"{field.name} is a number. Received: {value!r}")
            if not 0 <= value <= limit:
                raise ValueError(f"{field.name} is from 0 to {limit:g}. Received: {value!r}")

    @classmethod
    def none(cls) -> Augmentation:
        """No change at all."""
        return cls()

    @classmethod
    def light(cls) -> Augmentation:
        """Small moves: for clean images, such as MNIST."""
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
        """`photo` with larger amounts: for long training on few images."""
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
        """Every change `factor` times as strong and as likely, up to its limit.

        Args:
            factor: 0 or more; 1 changes nothing.
        """
        if factor < 0:
            raise ValueError(f"augmentation is scaled by 0 or more. Received: {factor!r}")
        amounts = {
            name: min(factor * amount, _LIMITS.get(name, 1.0))
            for name, amount in asdict(self).items()
            if name != "erase_size"
        }
        return replace(self, **amounts)

    @property
    def moves(self) -> bool:
        """Whether pixels change places, so that images need room and detail to spare."""
        return any(getattr(self, name) for name in _MOVES)

    @property
    def changes(self) -> bool:
        """Whether anything changes at all."""
        return any(getattr(self, one.name) for one in fields(self) if one.name != "erase_size")

    def to_dict(self) -> dict[str, float]:
        """The strengths as JSON takes them; `Augmentation(**strengths)` is the way back."""
        return asdict(self)
