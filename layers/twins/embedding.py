"""The twin of the embedding."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def embedding(ids: Tensor, table: Tensor) -> Tensor:
    """Rows gathered."""
    return tf.gather(table, ids)
