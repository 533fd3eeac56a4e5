"""Twins of the layers that rearrange their inputs, or put two together."""

from __future__ import annotations

import tensorflow as tf

from layers.twins.windows import Pair, Tensor, padded


def flatten(x: Tensor) -> Tensor:
    """All axes but the first in one."""
    return tf.reshape(x, [tf.shape(x)[0], -1])


def reshape(x: Tensor, *, shape: tuple[int, ...]) -> Tensor:
    """TensorFlow's own."""
    return tf.reshape(x, shape)


def transpose(x: Tensor, *, axes: tuple[int, ...] | None = None) -> Tensor:
    """TensorFlow's own."""
    return tf.transpose(x, perm=axes)


def concatenate(x: Tensor, z: Tensor, *, axis: int = -1) -> Tensor:
    """TensorFlow's own."""
    return tf.concat([x, z], axis=axis)


def add(x: Tensor, z: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.add(x, z)


def multiply(x: Tensor, z: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.multiply(x, z)


def pad2d(x: Tensor, *, padding: int | Pair = 1, value: float = 0) -> Tensor:
    """TensorFlow's own."""
    return padded(x, padding, value)
