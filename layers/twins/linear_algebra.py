"""Twins of the matrix functions and the distances."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def matmul(A: Tensor, B: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.linalg.matmul(A, B)


def inverse(A: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.linalg.inv(A)


def logdet(A: Tensor) -> Tensor:
    """TensorFlow's own."""
    return tf.linalg.slogdet(A).log_abs_determinant


def cholesky_solve(L: Tensor, B: Tensor) -> Tensor:
    """Two triangular systems, one after the other."""
    below = tf.linalg.triangular_solve(L, B, lower=True)
    return tf.linalg.triangular_solve(L, below, lower=True, adjoint=True)


def quadratic_form(x: Tensor, A: Tensor) -> Tensor:
    """One Einstein sum."""
    return tf.einsum("...i,ij,...j->...", x, A, x)


def cosine_similarity(x: Tensor, z: Tensor) -> Tensor:
    """The product over the root of the product of the squares."""
    squares = tf.reduce_sum(x * x, axis=-1) * tf.reduce_sum(z * z, axis=-1)
    return tf.reduce_sum(x * z, axis=-1) * tf.math.rsqrt(squares)


def pairwise_distances(x: Tensor, z: Tensor) -> Tensor:
    """The norm of each difference; where there is none, a square root that is not taken of 0."""
    squares = tf.reduce_sum((x[:, None] - z[None]) ** 2, axis=2)
    apart = squares > 0
    return tf.where(apart, tf.sqrt(tf.where(apart, squares, tf.ones_like(squares))), 0.0)
