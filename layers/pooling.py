"""Pooling: the largest of each window, or the mean of it."""

from __future__ import annotations

from functools import reduce

import numpy as np

from layers.arguments import Pair, pair
from layers.types import Array, Backward, expect
from layers.windows import fold, pad, windows


def max_pool2d(
    x: Array, *, size: int | Pair = 2, stride: int | Pair | None = None, padding: int | Pair = 0
) -> tuple[Array, Backward]:
    """y_nijc = max_uv x_{n, i·s+u−p, j·s+v−p, c}

    x (N, H, W, C) -> y (N, H', W', C)

    Padding never wins. At a tie the first of the largest, row by row, takes the whole gradient: one
    of the subgradients. (Giving it to all of them in full is not a subgradient.) A NaN wins.

        dwindow_uv = dy [uv is the first argmax]      dx += dwindow, added where windows overlap
    """
    size = pair("size", size)
    stride = size if stride is None else pair("stride", stride)
    # A window that is padding alone has nothing to pool.
    padding = pair("padding", padding, least=0, below=size)
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")

    view = windows(pad(x, padding, -np.inf), size, stride)
    y = reduce(_larger, (view[:, :, :, u, v] for u, v in np.ndindex(*size)))

    def backward(dy: Array) -> tuple[Array]:
        found = np.zeros_like(y, dtype=bool)

        def dwindow(u: int, v: int) -> Array:
            nonlocal found
            # Not smaller than the largest: equal to it, or NaN.
            first = ~((view[:, :, :, u, v].real < y.real) | found)
            found = found | first
            return np.asarray(dy * first)

        dx = fold(dwindow, x.shape, size, stride, padding)
        return (dx,)

    return y, backward


def _larger(y: Array, challenger: Array) -> Array:
    """The larger of two, by their real parts; the first of equals; NaN, which nothing beats."""
    if np.iscomplexobj(y):
        return np.where(~(challenger.real <= y.real) & (y == y), challenger, y)
    return np.maximum(y, challenger)


def avg_pool2d(
    x: Array, *, size: int | Pair = 2, stride: int | Pair | None = None, padding: int | Pair = 0
) -> tuple[Array, Backward]:
    """y_nijc = 1/k_ij Σ_uv x_{n, i·s+u−p, j·s+v−p, c}

    x (N, H, W, C) -> y (N, H', W', C)

    k_ij counts the pixels of the window that lie in the image: padding is not averaged in.

        dwindow_uv = dy / k                           dx += dwindow, added where windows overlap
    """
    size = pair("size", size)
    stride = size if stride is None else pair("stride", stride)
    # A window that is padding alone has nothing to pool.
    padding = pair("padding", padding, least=0, below=size)
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")

    view = windows(pad(x, padding), size, stride)
    inside = windows(pad(np.ones((1, *x.shape[1:3], 1), dtype=x.dtype), padding), size, stride)
    k = inside.sum(axis=(3, 4))
    y = view.sum(axis=(3, 4)) / k

    def backward(dy: Array) -> tuple[Array]:
        share = dy / k
        dx = fold(lambda u, v: share, x.shape, size, stride, padding)
        return (dx,)

    return y, backward


def global_max_pool2d(x: Array) -> tuple[Array, Backward]:
    """y_nc = max_ij x_nijc

    x (N, H, W, C) -> y (N, C)

    At a tie the first of the largest takes the gradient.

        dx_nijc = dy_nc [ij is the first argmax]
    """
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")

    pixels = x.reshape(len(x), -1, x.shape[3])
    winner = pixels.real.argmax(axis=1)[:, None]
    y = np.take_along_axis(pixels, winner, axis=1)[:, 0]

    def backward(dy: Array) -> tuple[Array]:
        dpixels = np.zeros(pixels.shape, dtype=dy.dtype)
        np.put_along_axis(dpixels, winner, dy[:, None], axis=1)
        dx = dpixels.reshape(x.shape)
        return (dx,)

    return y, backward


def global_avg_pool2d(x: Array) -> tuple[Array, Backward]:
    """y_nc = 1/(HW) Σ_ij x_nijc

    x (N, H, W, C) -> y (N, C)

        dx_nijc = dy_nc / (HW)
    """
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")

    _, H, W, _ = x.shape
    y = x.mean(axis=(1, 2))

    def backward(dy: Array) -> tuple[Array]:
        each = dy / (H * W)
        dx = np.broadcast_to(each[:, None, None], x.shape).copy()
        return (dx,)

    return y, backward


def upsample2d(x: Array, *, factor: int | Pair = 2) -> tuple[Array, Backward]:
    """y_{n, i·f+u, j·f+v, c} = x_nijc  for 0 ≤ u, v < f

    x (N, H, W, C) -> y (N, f·H, f·W, C)

    Every pixel is repeated f times in both directions (nearest neighbour).

        dx_nijc = Σ_uv dy_{n, i·f+u, j·f+v, c}
    """
    fh, fw = pair("factor", factor)
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")

    N, H, W, C = x.shape
    y = x.repeat(fh, axis=1).repeat(fw, axis=2)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy.reshape(N, H, fh, W, fw, C).sum(axis=(2, 4))
        return (dx,)

    return y, backward
