"""The same forward passes in TensorFlow, under the same names, written independently of the NumPy code.

Composed from plain operations where TensorFlow's CPU kernels have no float64 gradient (dilated and
grouped convolution) or mean something else (averages at the border).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any
Pair = tuple[int, int]


def dense(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """A matrix product and a bias."""
    return tf.nn.bias_add(tf.linalg.matmul(x, W), b)


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


def flatten(x: Tensor) -> Tensor:
    """All axes but the first in one."""
    return tf.reshape(x, [tf.shape(x)[0], -1])


def relu(x: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.nn.relu(x)


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """TensorFlow's own."""
    return tf.nn.softmax(x, axis=axis)


def softmax_cross_entropy(logits: Tensor, labels: Tensor, *, reduction: str = "mean") -> Tensor:
    """TensorFlow's fused loss from logits, averaged or added up."""
    each = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits)
    return tf.reduce_mean(each) if reduction == "mean" else tf.reduce_sum(each)


def digits_cnn(x: Tensor, *parameters: Tensor) -> Tensor:
    """The network of `network.digits_cnn`, from its parameters in the same order."""
    conv_W, conv_b, hidden_W, hidden_b, output_W, output_b = parameters
    image = max_pool2d(relu(conv2d(x, conv_W, conv_b, padding=1)))
    hidden = relu(dense(flatten(image), hidden_W, hidden_b))
    return dense(hidden, output_W, output_b)


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
