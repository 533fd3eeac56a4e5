"""How arrays lie in memory: who goes through them in that order reads and writes long runs."""

from __future__ import annotations

import numpy as np

from layers.types import Array


def outermost_first(a: Array) -> list[int]:
    """All axes of a but the last in the order in which they lie in memory: usually their own.

    Of images that lie pixel by pixel, side by side, the first comes last.
    """
    return sorted(range(a.ndim - 1), key=lambda axis: -a.strides[axis])


def copied_as(x: Array, a: Array) -> Array:
    """A copy of a, which has x's shape, with its axes in the order of x's."""
    copy = np.empty_like(x, dtype=a.dtype)
    copy[...] = a
    return copy
