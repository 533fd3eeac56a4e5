"""Twins of pooling: TensorFlow's own kernels on images that are padded first."""

from __future__ import annotations

import tensorflow as tf

from layers.twins.windows import Pair, Tensor, padded, pair


def max_pool2d(
    x: Tensor,
    *,
    size: int | Pair = 2,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
) -> Tensor:
    """TensorFlow's own pooling on an image padded with its dtype's lowest value."""
    steps = pair(size if stride is None else stride)
    return tf.nn.max_pool2d(padded(x, padding, x.dtype.min), pair(size), steps, "VALID")


def avg_pool2d(
    x: Tensor,
    *,
    size: int | Pair = 2,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
) -> Tensor:
    """Average of the padded image over the average of a padded image of ones."""
    steps = pair(size if stride is None else stride)
    total, ones = (
        tf.nn.avg_pool2d(padded(image, padding), pair(size), steps, "VALID")
        for image in (x, tf.ones_like(x))
    )
    return total / ones


def global_max_pool2d(x: Tensor) -> Tensor:
    """One window as large as the image."""
    return tf.nn.max_pool2d(x, x.shape[1:3], 1, "VALID")[:, 0, 0]


def global_avg_pool2d(x: Tensor) -> Tensor:
    """The mean over both spatial axes."""
    return tf.reduce_mean(x, axis=[1, 2])


def upsample2d(x: Tensor, *, factor: int | Pair = 2) -> Tensor:
    """Every row and every column repeated."""
    fh, fw = pair(factor)
    return tf.repeat(tf.repeat(x, fh, axis=1), fw, axis=2)
