"""Convolution and max pooling as the plain loops that a lecture shows first: the specification.

The fast versions in `conv.py` and `pooling.py` are held against these. Nothing here is quick.
"""

from __future__ import annotations

import numpy as np

from layers.types import Array, Backward


def conv2d(
    x: Array, W: Array, b: Array, *, stride: int = 1, padding: int = 0
) -> tuple[Array, Backward]:
    """y_nijm = b_m + Σ_uvc x_{n, i·s+u−p, j·s+v−p, c} W_uvcm

    x (N, H, W, C), W (kh, kw, C, M), b (M,) -> y (N, H', W', M)
    """
    N, height, width, C = x.shape
    kh, kw, _, M = W.shape
    rows = (height + 2 * padding - kh) // stride + 1
    columns = (width + 2 * padding - kw) // stride + 1

    def places() -> list[tuple[int, ...]]:
        """Every meeting of an output pixel with an image pixel: n, i, j, row, column, u, v."""
        found: list[tuple[int, ...]] = []
        for n in range(N):
            for i in range(rows):
                for j in range(columns):
                    for u in range(kh):
                        for v in range(kw):
                            row, column = i * stride + u - padding, j * stride + v - padding
                            if 0 <= row < height and 0 <= column < width:
                                found.append((n, i, j, row, column, u, v))
        return found

    y = np.zeros((N, rows, columns, M), dtype=x.dtype)
    y += b
    for n, i, j, row, column, u, v in places():
        for c in range(C):
            for m in range(M):
                y[n, i, j, m] += x[n, row, column, c] * W[u, v, c, m]

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dx, dW, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(b)
        for n, i, j, row, column, u, v in places():
            for c in range(C):
                for m in range(M):
                    dx[n, row, column, c] += dy[n, i, j, m] * W[u, v, c, m]
                    dW[u, v, c, m] += dy[n, i, j, m] * x[n, row, column, c]
        for n in range(N):
            for i in range(rows):
                for j in range(columns):
                    for m in range(M):
                        db[m] += dy[n, i, j, m]
        return dx, dW, db

    return y, backward


def max_pool2d(x: Array, *, size: int = 2, stride: int | None = None) -> tuple[Array, Backward]:
    """y_nijc = max_uv x_{n, i·s+u, j·s+v, c}

    x (N, H, W, C) -> y (N, H', W', C)
    """
    stride = size if stride is None else stride
    N, height, width, C = x.shape
    rows, columns = (height - size) // stride + 1, (width - size) // stride + 1
    y = np.zeros((N, rows, columns, C), dtype=x.dtype)
    winner = {}
    for n in range(N):
        for i in range(rows):
            for j in range(columns):
                for c in range(C):
                    best = (i * stride, j * stride)
                    for u in range(size):
                        for v in range(size):
                            # Strictly larger: the first of equals stays.
                            if x[n, i * stride + u, j * stride + v, c] > x[n, best[0], best[1], c]:
                                best = (i * stride + u, j * stride + v)
                    winner[n, i, j, c] = best
                    y[n, i, j, c] = x[n, best[0], best[1], c]

    def backward(dy: Array) -> tuple[Array]:
        dx = np.zeros_like(x)
        for (n, i, j, c), (row, column) in winner.items():
            dx[n, row, column, c] += dy[n, i, j, c]
        return (dx,)

    return y, backward
