"""Dropout, its randomness made an input."""

from __future__ import annotations

from layers.arguments import number
from layers.types import Array, Backward, expect


def dropout(x: Array, mask: Array, *, rate: float = 0.5) -> tuple[Array, Backward]:
    """y = x ⊙ mask / (1 − rate)

    x (…), mask (…) of booleans or 0 and 1, drawn by the caller -> y (…)

    Inverted scaling: the expected value of y is x, so that nothing changes when testing.

        dx = dy ⊙ mask / (1 − rate)                   the same mask, the same scale
    """
    number("rate", rate, least=0, below=1)
    expect(mask.shape == x.shape, f"mask has shape {mask.shape}, expected {x.shape}")

    keep = mask.astype(x.real.dtype) / (1 - rate)
    y = x * keep

    def backward(dy: Array) -> tuple[Array, None]:
        dx = dy * keep
        return dx, None

    return y, backward
