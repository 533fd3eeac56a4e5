"""What the twins of convolution and pooling share: pairs of sizes, and a padded image."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any
Pair = tuple[int, int]


def pair(value: int | Pair) -> Pair:
    """One number for both directions, or one for each."""
    return (value, value) if isinstance(value, int) else value


def padded(x: Tensor, padding: int | Pair, value: float = 0) -> Tensor:
    """An image with `padding` rows above and below and columns left and right."""
    ph, pw = pair(padding)
    return tf.pad(x, [[0, 0], [ph, ph], [pw, pw], [0, 0]], constant_values=value)
