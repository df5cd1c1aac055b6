"""Random changes of image batches in JAX operations, on the accelerator.

The changes are those of `datasets.distort`, with the strengths of the same `Augmentation` and the
crops of `datasets.geometry`, for trainings that need more images than CPU cores can augment. A
batch is a function of its images and a key.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from datasets import geometry
from datasets.augmentation import JPEG_QUALITY
from datasets.distort import change_levels
from datasets.geometry import Draws

CUT = 0.06
"""Maximum fraction of a number's width or height that geometric changes may cut off; changes that
would cut off more are not applied to the image."""

_QUANTA = np.array([
    [16, 11, 10, 16, 24, 40, 51, 61], [12, 12, 14, 19, 26, 58, 60, 55],
    [14, 13, 16, 24, 40, 57, 69, 56], [14, 17, 22, 29, 51, 87, 80, 62],
    [18, 22, 37, 56, 68, 109, 103, 77], [24, 35, 55, 64, 81, 104, 113, 92],
    [49, 64, 78, 87, 103, 121, 120, 101], [72, 92, 95, 98, 112, 100, 103, 99],
], np.float32)  # fmt: skip
"""JPEG's luminance quantization, ITU-T T.81, table K.1."""

NAMES = (
    *geometry.DRAWS,
    *("glimpse", "glimpse_width", "glimpse_margin", "glimpse_spare"),
    *("glimpse_left", "glimpse_top", "glimpse_right", "glimpse_bottom"),
    *("turned", "quarters", "faint", "faint_contrast"),
    *("sharpen", "sharpness", "downscale_y", "downscale_x"),
    *("shadow", "shadow_angle", "shadow_place", "shadow_edge", "shadow_depth"),
)
"""Names of the random numbers of an image."""

Batch = dict[str, jax.Array]


def draw_numbers(key: jax.Array, count: int) -> Draws:
    """The random numbers of a batch, by one call, since each call takes 0.1 s to compile."""
    return Draws(jax.random.uniform(key, (len(NAMES), count)), NAMES)


def augment(
    batch: Batch, key: jax.Array, a: dict[str, jax.Array], size: tuple[int, int]
) -> tuple[jax.Array, Batch]:
    """Change a batch of images at random.

    Args:
        batch: `images` uint8 (n, h, w, 3) and the labels that `feed.empty` describes.
        key: a JAX random key.
        a: strengths by the names of `datasets.augmentation.Augmentation`; `turned`, the probability
            of a rotation by 90, 180 or 270 degrees with the label of no number; `faint`, the
            probability of a number of low contrast in surroundings of full contrast; and `shadow`,
            the probability of a shadow with an edge across the image.
        size: (height, width) of the result.

    Returns:
        float32 images (n, *size, 3), 0 to 255, and their labels: `length`, `digits`, `box` as
        fractions of the result, and `digit_boxes`; NaN if the result shows no number.
    """
    draw_key, noise_key = jax.random.split(key)
    draw = draw_numbers(draw_key, batch["length"].shape[0])
    matrices, gone, turned = _choose_views(batch, draw, a)
    images = sample(batch["images"], matrices, size)
    box = move_boxes(batch["box"], matrices)
    shown = jnp.clip(box, 0.0, 1.0)
    known = jnp.isfinite(batch["box"]).all(axis=1)
    outside = known & ~((shown[:, 2:] - shown[:, :2]) > 1e-3).all(axis=1)
    gone = gone | turned | outside
    moved = {
        "length": jnp.where(gone, 0, batch["length"]),
        "digits": jnp.where(gone[:, None], -1, batch["digits"]),
        "box": jnp.where(gone[:, None], jnp.nan, shown),
        "digit_boxes": jnp.where(
            gone[:, None, None], jnp.nan, move_boxes(batch["digit_boxes"], matrices)
        ),
    }
    digit = _digit_size(box, moved["digit_boxes"], batch["length"], size)
    images = soften(images, draw, a, digit)
    images, faint = _fade(images, moved["box"], draw, a)
    images = light(images, draw, a)
    images = shade(compress(images, draw, a), draw, a)
    images = disturb(images, draw, noise_key, a, digit, jnp.where(faint, 0.3, 1.0))
    return jnp.clip(images, 0.0, 255.0), moved


def _digit_size(box, digit_boxes, length, size):
    """(n, 2) height and width of the smallest digit in pixels; an estimate if boxes are unknown."""
    smallest = jnp.nanmin(digit_boxes[..., 2:] - digit_boxes[..., :2], axis=1)
    in_a_row = (box[:, 2:] - box[:, :2]) / jnp.stack(
        [jnp.maximum(length, 1), jnp.ones_like(length)], axis=1
    )
    sides = jnp.where(jnp.isfinite(smallest), smallest, in_a_row)[:, ::-1] * jnp.array(
        size, jnp.float32
    )
    return jnp.where(jnp.isfinite(sides), sides, jnp.array([20.0, 10.0])).clip(4.0, None)


def _choose_views(batch: Batch, draw: Draws, a):
    """Homographies (n, 3, 3) from the result, x and y in [-0.5, 0.5], to fractions of the image.

    Also returns which results do not show the number, and which are turned.
    """
    box, aspect = batch["box"], batch["aspect"]
    crops = _number_crops(box, aspect, draw, a)
    background = geometry.background_crops(draw, a["background_crop"], box)
    gone = jnp.isfinite(background[:, 0]) & (batch["length"] > 0)
    crops = jnp.where(gone[:, None], background, crops)
    # Upside down, 0 1 2 5 6 8 9 can still be read; on their sides, 0 1 6 8 9 may be.
    quarter = jnp.clip(1 + jnp.floor(draw.uniform("quarters", 0.0, 3.0)), 1, 3)
    telling = jnp.where(
        (quarter == 2)[:, None],
        jnp.isin(batch["digits"], jnp.array([3, 4, 7])),
        jnp.isin(batch["digits"], jnp.array([2, 3, 4, 5, 7])),
    ).any(axis=1)
    turned = telling & ~gone & draw.bernoulli("turned", a["turned"])
    quarter = jnp.where(turned, quarter, 0.0)
    matrices = _homographies(crops, aspect, draw, a, quarter)
    plain = _homographies(crops, aspect, draw, dict.fromkeys(a, 0.0), quarter)
    moved = move_boxes(box, matrices)
    sides = jnp.tile(moved[:, 2:] - moved[:, :2], 2)
    over = jnp.concatenate([-moved[:, :2], moved[:, 2:] - 1.0], axis=1)
    cut = (over > CUT * sides).any(axis=1) & ~turned  # False where the box is unknown
    return jnp.where((cut | gone)[:, None, None], plain, matrices), gone, turned


def _number_crops(box, aspect, draw: Draws, a):
    """The part of each image before the transforms: the whole image, a random crop that contains
    the number, or a reader's next glimpse at the number."""
    glimpses = 0.45 * a["random_crop"]
    crops = (a["random_crop"] - glimpses) / (1.0 - glimpses)  # of the other images
    crops = geometry.random_crops(draw, crops, box, 1.0)
    near, far = box[:, :2], box[:, 2:]
    extent = jnp.maximum(far - near, 1e-3)
    # A glimpse: the box expanded by the reader's margin, in width by at least that in height.
    wide = (extent[:, 1] / (extent[:, 0] * aspect)).clip(0.15, 1.0)
    shrink = jnp.stack([draw.uniform("glimpse_width", wide, 1.0), jnp.ones_like(wide)], axis=1)
    grown = extent * 0.5 * draw.uniform("glimpse_margin", 0.35, 1.1)[:, None] * shrink
    # Narrow numbers may have wider margins, so that their digits are stretched less.
    narrow = draw.uniform("glimpse_spare", 0.0, 1.8) * (extent + 2 * grown)[:, 1] / aspect
    narrow = (0.5 * (narrow - (extent + 2 * grown)[:, 0])).clip(0.0, None)
    grown = grown + jnp.stack([narrow, jnp.zeros_like(narrow)], axis=1)
    low = near - grown * draw.uniforms(("glimpse_left", "glimpse_top"), 0.7, 1.3)
    high = far + grown * draw.uniforms(("glimpse_right", "glimpse_bottom"), 0.7, 1.3)
    glimpse = jnp.concatenate([low, high], axis=1).clip(0.0, 1.0)
    chosen = jnp.isfinite(box).all(axis=1) & draw.bernoulli("glimpse", glimpses)
    return jnp.where(chosen[:, None], glimpse, crops)


def _homographies(crops, aspect, draw: Draws, a, quarter):
    sides = crops[:, 2:] - crops[:, :2]
    shift = draw.uniforms(("shift_x", "shift_y"), -a["shift"], a["shift"])
    centre = (crops[:, :2] + crops[:, 2:]) / 2 + shift * sides
    zoom_out = jnp.exp(draw.uniform("zoom_out", 0.0, jnp.log1p(a["zoom_out"])))
    zoom = draw.factor("zoom", a["zoom"]) / zoom_out
    stretch = jnp.sqrt(draw.factor("stretch", a["stretch"]))
    width, height = sides[:, 0] * aspect, sides[:, 1]
    # Wide numbers cannot be rotated as much as square ones without leaving the image.
    level = (1.5 * height / width).clip(0.0, 1.0)
    angle = jnp.deg2rad(draw.symmetric("rotation", a["rotation"])) * level
    lean = draw.symmetric("shear_x", a["shear"]) * (1.5 * width / height).clip(0.0, 1.0)
    climb = draw.symmetric("shear_y", a["shear"] / 2) * level
    zero, unit = jnp.zeros_like(zoom), jnp.ones_like(zoom)
    scale = matrix(width / (zoom * stretch), zero, zero, height * stretch / zoom)
    turn = matrix(jnp.cos(angle), -jnp.sin(angle), jnp.sin(angle), jnp.cos(angle))
    skew = matrix(unit, lean, climb, unit)
    normalize = matrix(1 / aspect, zero, zero, unit)
    cos, sin = jnp.cos(quarter * jnp.pi / 2), jnp.sin(quarter * jnp.pi / 2)
    with jax.default_matmul_precision("highest"):
        linear = normalize @ turn @ skew @ scale @ matrix(cos, -sin, sin, cos)
    tilt = draw.uniforms(("tilt_x", "tilt_y"), -a["perspective"], a["perspective"])
    return homographies(linear, centre, tilt)


def matrix(a, b, c, d):
    return jnp.stack([jnp.stack([a, b], axis=-1), jnp.stack([c, d], axis=-1)], axis=-2)


def homographies(linear, centre, tilt):
    """Homographies (n, 3, 3) from linear parts (n, 2, 2), centres (n, 2) and tilts (n, 2)."""
    top = linear + centre[:, :, None] * tilt[:, None, :]
    top = jnp.concatenate([top, centre[:, :, None]], axis=2)
    bottom = jnp.concatenate([tilt, jnp.ones((len(tilt), 1))], axis=1)[:, None, :]
    return jnp.concatenate([top, bottom], axis=1)


def move_boxes(boxes, matrices):
    """Transform boxes (n, ..., 4) in fractions of images to upright boxes in fractions of results,
    not clipped."""
    x, y = boxes[..., jnp.array([0, 2, 2, 0])], boxes[..., jnp.array([1, 1, 3, 3])]
    points = jnp.stack([x, y, jnp.ones_like(x)], axis=-1)  # (n, ..., 4, 3)
    inverses = jnp.linalg.inv(matrices)
    moved = jnp.einsum("nij,n...kj->n...ki", inverses, points, precision="highest")
    moved = moved[..., :2] / moved[..., 2:] + 0.5
    return jnp.concatenate([moved.min(axis=-2), moved.max(axis=-2)], axis=-1)


def sample(images, matrices, size):
    """Sample uint8 images (n, h, w, 3) bilinearly, four samples per pixel; edge pixels are
    repeated."""
    count, rows, columns, channels = images.shape
    height, width = size
    y = (jnp.arange(2 * height) + 0.5) / (2 * height) - 0.5
    x = (jnp.arange(2 * width) + 0.5) / (2 * width) - 0.5
    grid = jnp.stack(jnp.broadcast_arrays(x[None, :], y[:, None], 1.0), axis=-1).reshape(-1, 3)
    places = jnp.einsum("nij,pj->nip", matrices, grid, precision="highest")
    x = (places[:, 0] / places[:, 2] * columns - 0.5).clip(0.0, columns - 1.0)
    y = (places[:, 1] / places[:, 2] * rows - 0.5).clip(0.0, rows - 1.0)
    left, top = jnp.floor(x).astype(jnp.int32), jnp.floor(y).astype(jnp.int32)
    right, bottom = jnp.minimum(left + 1, columns - 1), jnp.minimum(top + 1, rows - 1)
    x, y = (x - left)[..., None], (y - top)[..., None]
    flat = images.reshape(count, rows * columns, channels)

    def take(row, column):
        index = row * columns + column
        return jax.vmap(lambda image, place: image[place])(flat, index).astype(jnp.float32)

    upper = take(top, left) * (1 - x) + take(top, right) * x
    lower = take(bottom, left) * (1 - x) + take(bottom, right) * x
    sampled = upper * (1 - y) + lower * y
    return sampled.reshape(count, height, 2, width, 2, channels).mean(axis=(2, 4))


def soften(images, draw: Draws, a, digit):
    """Blur, sharpen and downscale by one matrix for the rows and one for the columns.

    A digit remains readable: at least about 6.5 pixels high and 4.5 wide.
    """
    grey = images @ jnp.array([[0.299], [0.587], [0.114]])
    images = jnp.where(_per_image(draw.bernoulli("grey", a["grey"])), grey, images)
    blurred, coarse = (draw.bernoulli(name, a[name]) for name in ("blur", "downscale"))
    sharper = draw.bernoulli("sharpen", 0.4 * a["blur"])
    amount, excess = draw.uniform("downscale_factor", 0.0, 1.0), draw.uniform("sharpness", 0.2, 1.2)
    for axis, name, least in ((0, "y", 6.5), (1, "x", 4.4)):
        pixels, side = images.shape[1 + axis], digit[:, axis]
        sigma = draw.uniform(f"blur_{name}", 0.05, 1.0) * (0.16 * side).clip(0.3, 4.0)
        sigma = jnp.where(blurred, sigma, 1e-3)
        most = (side / least).clip(1.0, 6.0)
        near = (amount + draw.symmetric(f"downscale_{name}", 0.15)).clip(0.0, 1.0)
        factor = jnp.where(coarse, 1.0 + (most - 1.0) * near, 1.0)
        filters = _reduction(pixels, factor) @ _gaussian(pixels, sigma)
        halo = _gaussian(pixels, jnp.full_like(sigma, 1.5))
        halo = excess[:, None, None] * (jnp.eye(pixels) - halo)
        filters = filters + jnp.where(sharper[:, None, None], filters @ halo, 0.0)
        if axis == 0:
            images = jnp.einsum("nij,njwc->niwc", filters, images)
        else:
            images = jnp.einsum("nij,nhjc->nhic", filters, images)
    return images


def _gaussian(pixels: int, sigma):
    """(n, pixels, pixels): matrices of Gaussian blurs."""
    steps = jnp.arange(pixels, dtype=jnp.float32)
    weights = jnp.exp(-0.5 * ((steps[:, None] - steps) / sigma[:, None, None]) ** 2)
    return weights / weights.sum(axis=2, keepdims=True)


def _reduction(pixels: int, factor):
    """(n, pixels, pixels): matrices that reduce by a factor of 1 or more, and enlarge again."""
    steps = jnp.arange(pixels, dtype=jnp.float32)
    factor = factor[:, None, None]
    down = (1 - jnp.abs((steps + 0.5) / factor - (steps[:, None] + 0.5))).clip(0.0, None)
    down = down / jnp.maximum(down.sum(axis=2, keepdims=True), 1e-6)
    up = (1 - jnp.abs((steps[:, None] + 0.5) / factor - (steps + 0.5))).clip(0.0, None)
    up = jnp.where(steps < pixels / factor - 0.25, up, 0.0)
    up = up / jnp.maximum(up.sum(axis=2, keepdims=True), 1e-6)
    return up @ down


def _per_image(values):
    """Values (n,) as (n, 1, 1, 1)."""
    return values[:, None, None, None]


def _fade(images, box, draw: Draws, a):
    """Reduce numbers to 0.15 to 0.45 of their contrast, as on a dim display; also returns which."""
    _, height, width, _ = images.shape
    faint = draw.bernoulli("faint", a["faint"]) & jnp.isfinite(box).all(axis=1)
    near, far = box[:, :2] - 0.02, box[:, 2:] + 0.02

    def inside(axis, pixels):
        place = (jnp.arange(pixels) + 0.5) / pixels
        edge = jnp.minimum(place - near[:, axis, None], far[:, axis, None] - place)
        return (edge * pixels / 2 + 0.5).clip(0.0, 1.0)

    mask = inside(1, height)[:, :, None, None] * inside(0, width)[:, None, :, None]
    mask = jnp.where(_per_image(faint), mask, 0.0)
    total = jnp.maximum(mask.sum(axis=(1, 2), keepdims=True), 1e-3)
    mean = (mask * images).sum(axis=(1, 2), keepdims=True) / total
    contrast = _per_image(0.15 * 3.0 ** draw.uniform("faint_contrast", 0.0, 1.0))
    return images + mask * (contrast - 1.0) * (images - mean), faint


def light(images, draw: Draws, a):
    """Change inversion, gamma, brightness, contrast and colour."""
    levels = (images / 255).clip(0.0, 1.0)
    levels = change_levels(levels, levels.mean(axis=(1, 2, 3), keepdims=True), draw, a)
    return (levels * 255).clip(0.0, 255.0)


def compress(images, draw: Draws, a):
    """Quantize 8 x 8 blocks as JPEG of a quality within `JPEG_QUALITY` does."""
    count, height, width, _ = images.shape
    chosen = _per_image(draw.bernoulli("compress", a["compress"]))
    quality = draw.uniform("quality", *JPEG_QUALITY)
    scale = jnp.where(quality < 50, 50 / quality, 2 - quality / 50)
    to_ycc = np.array(
        [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5], [0.5, -0.4187, -0.0813]], np.float32
    ).T
    u, x = np.mgrid[0:8, 0:8]
    dct = np.cos((2 * x + 1) * u * np.pi / 16) * np.where(u == 0, 8**-0.5, 0.5)
    blocks = (images @ to_ycc).reshape(count, height // 8, 8, width // 8, 8, 3)
    coefficients = jnp.einsum("ui,vj,naibjc->naubvc", dct, dct, blocks)
    quanta = _QUANTA[None, None, :, None, :, None] * np.array([1.0, 1.7, 1.7], np.float32)
    quanta = quanta * scale[:, None, None, None, None, None]
    coefficients = jnp.round(coefficients / quanta) * quanta
    blocks = jnp.einsum("ui,vj,naubvc->naibjc", dct, dct, coefficients)
    back = blocks.reshape(images.shape) @ np.linalg.inv(to_ycc)
    return jnp.where(chosen, back, images)


def _ramp(angle, height: int, width: int):
    """A ramp (n, h, w, 1) in the direction of the angle, 0 in the middle of the image."""
    y, x = jnp.arange(height)[:, None, None] / height, jnp.arange(width)[:, None] / width
    return jnp.cos(angle) * (x - 0.5) + jnp.sin(angle) * (y - 0.5)


def shade(images, draw: Draws, a):
    """Darken one side of an edge, as a shadow does."""
    angle = _per_image(draw.uniform("shadow_angle", 0.0, 2 * jnp.pi))
    place = _per_image(draw.uniform("shadow_place", -0.3, 0.3))
    edge = 0.004 * 20.0 ** _per_image(draw.uniform("shadow_edge", 0.0, 1.0))
    depth = draw.uniform("shadow_depth", 0.3, 0.8) * draw.bernoulli("shadow", a["shadow"])
    ramp = _ramp(angle, *images.shape[1:3])
    return images * (1 - _per_image(depth) * jax.nn.sigmoid((ramp - place) / edge))


def disturb(images, draw: Draws, key: jax.Array, a, digit, grain):
    """Add a uniform patch, an illumination gradient, and noise with strength times `grain`."""
    count, height, width, _ = images.shape
    y, x = jnp.arange(height)[:, None, None], jnp.arange(width)[:, None]
    most = 0.15 * height
    tallest, widest = (jnp.minimum(most, part * digit[:, i]) for i, part in ((0, 0.4), (1, 0.5)))
    tall = _per_image(draw.uniform("erase_height", most / 3, tallest))
    wide = _per_image(draw.uniform("erase_width", most / 3, widest))
    middle_y = _per_image(draw.uniform("erase_y", 0.0, height))
    middle_x = _per_image(draw.uniform("erase_x", 0.0, width))
    patch = (jnp.abs(y - middle_y) < tall / 2) & (jnp.abs(x - middle_x) < wide / 2)
    patch = patch & _per_image(draw.bernoulli("erase", a["erase"]))
    colour = draw.uniforms(("erase_red", "erase_green", "erase_blue"), 0.0, 255.0)
    images = jnp.where(patch, colour[:, None, None], images)
    angle = _per_image(draw.uniform("illumination_angle", 0.0, 2 * jnp.pi))
    depth = _per_image(draw.uniform("illumination_gradient", 0.0, a["illumination_gradient"]))
    images = images * (1 + depth * _ramp(angle, height, width))
    fine = _per_image(draw.uniform("fine_noise", 0.0, a["noise"]) * grain)
    coarse = _per_image(draw.uniform("coarse_noise", 0.0, a["noise"] / 2) * grain)
    fine_key, coarse_key = jax.random.split(key)
    grains = jax.random.normal(fine_key, (count, height, width, 1))
    blotches = jax.random.normal(coarse_key, (count, height // 2, width // 2, 3))
    blotches = blotches.repeat(2, axis=1).repeat(2, axis=2)
    return images + fine * grains + coarse * blotches
