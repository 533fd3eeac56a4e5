"""Twins of the normalizations: TensorFlow's moments and its unfused batch normalization."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def batch_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Moments over all axes but the last."""
    mean, variance = tf.nn.moments(x, axes=list(range(len(x.shape) - 1)))
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps)


def batch_norm_inference(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor, variance: Tensor, *, eps: float = 1e-5
) -> Tensor:
    """TensorFlow's own, with the statistics given."""
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps)


def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Moments over the last axis."""
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps)


def group_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, groups: int, eps: float = 1e-5) -> Tensor:
    """The groups cut apart, normalized each by itself, and put together again."""
    axes = list(range(1, len(x.shape)))
    parts = []
    for part in tf.split(x, groups, axis=-1):
        mean, variance = tf.nn.moments(part, axes=axes, keepdims=True)
        parts.append(tf.nn.batch_normalization(part, mean, variance, None, None, eps))
    return tf.concat(parts, axis=-1) * gamma + beta


def instance_norm(x: Tensor, gamma: Tensor, beta: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Moments over the pixels."""
    axes = list(range(1, len(x.shape) - 1))
    mean, variance = tf.nn.moments(x, axes=axes, keepdims=True)
    return tf.nn.batch_normalization(x, mean, variance, beta, gamma, eps)


def rms_norm(x: Tensor, gamma: Tensor, *, eps: float = 1e-5) -> Tensor:
    """Divided by the root of the mean square."""
    return gamma * x * tf.math.rsqrt(tf.reduce_mean(tf.square(x), axis=-1, keepdims=True) + eps)
