"""Antialiased crop and resize by matrix products, which every backend and export format supports.

The result is that of Pillow's bilinear filter (`Image.resize` with `reducing_gap=None`): each
output pixel is a mean of input pixels, weighted by a triangle around its centre that is as wide as
two input or two output pixels, whichever is wider. The weights are computed from sizes and crops at
run time, so that one graph serves images of any size.
"""

from __future__ import annotations

from keras import ops


def crop_and_resize(images, crops, size: tuple[int, int], image_sizes):
    """Cut a crop out of each image and resize it.

    Args:
        images: float32 (batch, height, width, channels).
        crops: float32 (batch, 4), left, top, right and bottom in pixels. Outside of an image its
            edge pixels are repeated.
        size: (height, width) of the result in pixels.
        image_sizes: float32 (batch, 2), width and height of each image in pixels, where images
            are padded at the right and the bottom; padding is not read.

    Returns:
        float32 (batch, *size, channels).
    """
    batch, rows, columns, _ = ops.shape(images)
    (height, width), channels = size, images.shape[3]
    left, top, right, bottom = ops.unstack(crops, 4, axis=-1)
    # Rows first, which halves the work for large images and needs no transposition.
    weights = filter_weights(top, bottom, height, rows, image_sizes[:, 1])
    x = ops.matmul(weights, ops.reshape(images, (batch, rows, columns * channels)))
    x = ops.transpose(ops.reshape(x, (batch, height, columns, channels)), (0, 2, 1, 3))
    weights = filter_weights(left, right, width, columns, image_sizes[:, 0])
    x = ops.matmul(weights, ops.reshape(x, (batch, columns, height * channels)))
    return ops.transpose(ops.reshape(x, (batch, width, height, channels)), (0, 2, 1, 3))


def filter_weights(low, high, count: int, pixels, limit):
    """Weights of input pixels for the output pixels of one axis.

    Args:
        low, high: float32 (batch,), where the crop begins and ends, in pixels.
        count: output pixels.
        pixels: input pixels, padding included.
        limit: float32 (batch,), input pixels without padding.

    Returns:
        float32 (batch, count, pixels); each row sums to 1.
    """
    low, high, limit = (ops.reshape(values, (-1, 1, 1)) for values in (low, high, limit))
    scale = (high - low) / count
    steps = ops.reshape(ops.arange(count, dtype="float32") + 0.5, (1, count, 1))
    centers = low + steps * scale
    nearest = ops.clip(centers, 0.5, limit - 0.5)
    outside = ops.abs(centers - nearest) > 0.5  # there, only the edge pixel has a weight
    width = ops.where(outside, 1.0, ops.maximum(scale, 1.0))
    places = ops.reshape(ops.arange(pixels, dtype="float32") + 0.5, (1, 1, pixels))
    weights = ops.maximum(1.0 - ops.abs(places - nearest) / width, 0.0)
    weights = weights * ops.cast(places < limit, "float32")
    return weights / ops.sum(weights, axis=-1, keepdims=True)


def to_gray(images):
    """Convert RGB (…, 3) to gray (…, 1) with ITU-R 601 weights, as Pillow does."""
    red, green, blue = ops.split(images, 3, axis=-1)
    return 0.299 * red + 0.587 * green + 0.114 * blue
