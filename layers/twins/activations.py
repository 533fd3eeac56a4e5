"""Twins of the activations: TensorFlow's own wherever it has one."""

from __future__ import annotations

import math
from typing import Any

import tensorflow as tf

Tensor = Any


def relu(x: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.nn.relu(x)


def leaky_relu(x: Tensor, *, slope: float = 0.01) -> Tensor:
    """The two halves added up; TensorFlow's own keeps its slope in float32, whatever x is."""
    return tf.nn.relu(x) - slope * tf.nn.relu(-x)


def elu(x: Tensor, *, alpha: float = 1.0) -> Tensor:
    """TensorFlow's own for the positive half; it knows α = 1 only, so the negative half is scaled."""
    return tf.nn.relu(x) + alpha * tf.nn.elu(-tf.nn.relu(-x))


def selu(x: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.nn.selu(x)


def sigmoid(x: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.math.sigmoid(x)


def tanh(x: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.math.tanh(x)


def softplus(x: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.math.softplus(x)


def silu(x: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.nn.silu(x)


def gelu(x: Tensor) -> Tensor:
    """From the complementary error function, which keeps its digits where 1 + erf cancels."""
    return x * tf.math.erfc(-x / 2**0.5) / 2


def gelu_tanh(x: Tensor) -> Tensor:
    """Composed; TensorFlow's own keeps its constants in float32, whatever x is."""
    inner = (2 / math.pi) ** 0.5 * (x + 0.044715 * x**3)
    return x * tf.math.sigmoid(2 * inner)


def maxout(x: Tensor, W: Tensor, b: Tensor) -> Tensor:
    """The largest of several affine maps."""
    pieces = [tf.linalg.matmul(x, weights) + bias for weights, bias in zip(W, b, strict=True)]
    return tf.reduce_max(tf.stack(pieces, axis=-1), axis=-1)


def swiglu(x: Tensor, W: Tensor, V: Tensor) -> Tensor:
    """A SiLU gate times a linear map."""
    return tf.nn.silu(tf.linalg.matmul(x, W)) * tf.linalg.matmul(x, V)
