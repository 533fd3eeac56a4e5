"""Twins of the losses."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def softmax_cross_entropy(
    logits: Tensor, labels: Tensor, *, reduction: str = "mean", label_smoothing: float = 0.0
) -> Tensor:
    """TensorFlow's fused loss from logits and smoothed one-hot rows."""
    classes = int(logits.shape[1])
    onehot = tf.one_hot(labels, classes, dtype=logits.dtype)
    smoothed = onehot * (1 - label_smoothing) + label_smoothing / classes
    each = tf.nn.softmax_cross_entropy_with_logits(labels=smoothed, logits=logits)
    return _reduced(each, reduction)


def binary_cross_entropy(logits: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    """TensorFlow's own from logits."""
    each = tf.nn.sigmoid_cross_entropy_with_logits(labels=targets, logits=logits)
    return _reduced(each, reduction)


def mean_squared_error(predictions: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    """TensorFlow's squared difference."""
    return _reduced(tf.math.squared_difference(predictions, targets), reduction)


def mean_absolute_error(predictions: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    """The absolute value of the difference."""
    return _reduced(tf.abs(predictions - targets), reduction)


def huber(
    predictions: Tensor, targets: Tensor, *, delta: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """A square up to δ, and from there on a line: written as the part below δ and the part above."""
    distance = tf.abs(predictions - targets)
    below = tf.minimum(distance, delta)
    return _reduced(below * below / 2 + delta * (distance - below), reduction)


def hinge(
    scores: Tensor, labels: Tensor, *, margin: float = 1.0, reduction: str = "mean"
) -> Tensor:
    """All classes, the right one taken off again, where the margin alone is left."""
    right = tf.gather(scores, labels, axis=1, batch_dims=1)
    each = tf.reduce_sum(tf.nn.relu(scores - right[:, None] + margin), axis=1) - margin
    return _reduced(each, reduction)


def kl_divergence(logits: Tensor, targets: Tensor, *, reduction: str = "mean") -> Tensor:
    """Cross-entropy less entropy."""
    cross = -tf.reduce_sum(targets * tf.nn.log_softmax(logits), axis=1)
    entropy = -tf.reduce_sum(tf.math.xlogy(targets, targets), axis=1)
    return _reduced(cross - entropy, reduction)


def l2_penalty(W: Tensor, *, strength: float = 1.0) -> Tensor:
    """TensorFlow's own, which has the half too."""
    return strength * tf.nn.l2_loss(W)


def _reduced(each: Tensor, reduction: str) -> Tensor:
    return tf.reduce_mean(each) if reduction == "mean" else tf.reduce_sum(each)
