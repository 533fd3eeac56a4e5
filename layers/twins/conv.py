"""Twins of convolution: TensorFlow's own kernels on images that are padded first."""

from __future__ import annotations

import tensorflow as tf

from layers.twins.windows import Pair, Tensor, padded, pair


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
    kernel = _spread(W, *pair(dilation))
    per_group = zip(
        tf.split(padded(x, padding), groups, axis=3), tf.split(kernel, groups, axis=3), strict=True
    )
    parts = [tf.nn.conv2d(image, part, [1, *pair(stride), 1], "VALID") for image, part in per_group]
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
    (sh, sw), (ph, pw) = pair(stride), pair(padding)
    kh, kw, features, _ = W.shape
    rows, columns = (x.shape[1] - 1) * sh + kh, (x.shape[2] - 1) * sw + kw
    whole = tf.nn.conv2d_transpose(x, W, [len(x), rows, columns, features], [sh, sw], "VALID")
    return tf.nn.bias_add(whole[:, ph : rows - ph, pw : columns - pw], b)


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
