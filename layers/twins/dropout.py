"""The twin of dropout."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def dropout(x: Tensor, mask: Tensor, *, rate: float = 0.5) -> Tensor:
    """What is masked is 0, what is left is scaled up."""
    return tf.where(tf.cast(mask, tf.bool), x / (1 - rate), tf.zeros_like(x))
