"""Twins of softmax and its relatives."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """TensorFlow's own."""
    return tf.nn.softmax(x, axis=axis)


def log_softmax(x: Tensor, *, axis: int = -1) -> Tensor:
    """TensorFlow's own."""
    return tf.nn.log_softmax(x, axis=axis)


def logsumexp(x: Tensor, *, axis: int = -1) -> Tensor:
    """TensorFlow's own."""
    return tf.reduce_logsumexp(x, axis=axis)
