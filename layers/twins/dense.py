"""Twins of the fully connected layer and its relative with two inputs."""

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
