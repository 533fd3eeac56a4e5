"""Twins of the linear layers and of those that rearrange."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def dense(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """A matrix product and a bias."""
    return tf.nn.bias_add(tf.linalg.matmul(x, W), b)


def bilinear(x: Tensor, z: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """One Einstein sum."""
    return tf.einsum("nd,ne,dem->nm", x, z, W) + b


def embedding(ids: Tensor, table: Tensor) -> Tensor:
    """Rows gathered."""
    return tf.gather(table, ids)


def dropout(x: Tensor, mask: Tensor, *, rate: float = 0.5) -> Tensor:
    """What is masked is 0, what is left is scaled up."""
    return tf.where(tf.cast(mask, tf.bool), x / (1 - rate), tf.zeros_like(x))


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
