"""Twins of the layers for images: TensorFlow's own kernels on images that are padded first."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any
Pair = tuple[int, int]


def conv2d(
    x: Tensor,
    W: Tensor,
    b: Tensor,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> Tensor:
    """TensorFlow's own convolution; each group by itself, dilated kernels with zeros in between."""
    kernel = _spread(W, *_pair(dilation))
    per_group = zip(
        tf.split(_padded(x, padding), groups, axis=3), tf.split(kernel, groups, axis=3), strict=True
    )
    parts = [
        tf.nn.conv2d(image, part, [1, *_pair(stride), 1], "VALID") for image, part in per_group
    ]
    return tf.nn.bias_add(tf.concat(parts, axis=3), b)


def conv1d(
    x: Tensor,
    W: Tensor,
    b: Tensor,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> Tensor:
    """TensorFlow's own, group by group, dilated kernels with zeros in between."""
    padded = tf.pad(x, [[0, 0], [padding, padding], [0, 0]])
    kernel = _spread(W[:, None], dilation, 1)[:, 0]
    per_group = zip(tf.split(padded, groups, axis=2), tf.split(kernel, groups, axis=2), strict=True)
    parts = [tf.nn.conv1d(sequence, part, stride, "VALID") for sequence, part in per_group]
    return tf.nn.bias_add(tf.concat(parts, axis=2), b)


def conv2d_transpose(
    x: Tensor, W: Tensor, b: Tensor, *, stride: int | Pair = 1, padding: int | Pair = 0
) -> Tensor:
    """TensorFlow's own without padding, whose border is cut off."""
    (sh, sw), (ph, pw) = _pair(stride), _pair(padding)
    kh, kw, features, _ = W.shape
    rows, columns = (x.shape[1] - 1) * sh + kh, (x.shape[2] - 1) * sw + kw
    whole = tf.nn.conv2d_transpose(x, W, [len(x), rows, columns, features], [sh, sw], "VALID")
    return tf.nn.bias_add(whole[:, ph : rows - ph, pw : columns - pw], b)


def max_pool2d(
    x: Tensor,
    *,
    size: int | Pair = 2,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
) -> Tensor:
    """TensorFlow's own pooling on an image padded with its dtype's lowest value."""
    steps = _pair(size if stride is None else stride)
    return tf.nn.max_pool2d(_padded(x, padding, x.dtype.min), _pair(size), steps, "VALID")


def avg_pool2d(
    x: Tensor,
    *,
    size: int | Pair = 2,
    stride: int | Pair | None = None,
    padding: int | Pair = 0,
) -> Tensor:
    """Average of the padded image over the average of a padded image of ones."""
    steps = _pair(size if stride is None else stride)
    total, ones = (
        tf.nn.avg_pool2d(_padded(image, padding), _pair(size), steps, "VALID")
        for image in (x, tf.ones_like(x))
    )
    return total / ones


def global_avg_pool2d(x: Tensor) -> Tensor:
    """The mean over both spatial axes."""
    return tf.reduce_mean(x, axis=[1, 2])


def global_max_pool2d(x: Tensor) -> Tensor:
    """One window as large as the image."""
    return tf.nn.max_pool2d(x, x.shape[1:3], 1, "VALID")[:, 0, 0]


def upsample2d(x: Tensor, *, factor: int | Pair = 2) -> Tensor:
    """Every row and every column repeated."""
    fh, fw = _pair(factor)
    return tf.repeat(tf.repeat(x, fh, axis=1), fw, axis=2)


def pad2d(x: Tensor, *, padding: int | Pair = 1, value: float = 0) -> Tensor:
    """TensorFlow's own."""
    return _padded(x, padding, value)


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


def _padded(x: Tensor, padding: int | Pair, value: float = 0) -> Tensor:
    ph, pw = _pair(padding)
    return tf.pad(x, [[0, 0], [ph, ph], [pw, pw], [0, 0]], constant_values=value)


def _spread(W: Tensor, dh: int, dw: int) -> Tensor:
    """A dilated kernel as an ordinary one, with zeros between its entries."""
    kh, kw, depth, features = W.shape
    rows = tf.reshape(
        tf.pad(W[:, None], [[0, 0], [0, dh - 1], [0, 0], [0, 0], [0, 0]]),
        [kh * dh, kw, depth, features],
    )
    both = tf.reshape(
        tf.pad(rows[:, :, None], [[0, 0], [0, 0], [0, dw - 1], [0, 0], [0, 0]]),
        [kh * dh, kw * dw, depth, features],
    )
    return both[: (kh - 1) * dh + 1, : (kw - 1) * dw + 1]
