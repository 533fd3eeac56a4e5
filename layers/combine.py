"""Layers that rearrange their input and compute nothing."""

from __future__ import annotations

from layers.types import Array, Backward


def flatten(x: Array) -> tuple[Array, Backward]:
    """y_nk = x_{n, …} with all axes but the first laid out in one

    x (N, …) -> y (N, D), D the product of the other sizes

        dx = dy laid back into x's shape
    """
    y = x.reshape(len(x), -1)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy.reshape(x.shape)
        return (dx,)

    return y, backward
