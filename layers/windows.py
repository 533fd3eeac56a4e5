"""Sliding windows over images: cutting them out, and putting what flows back into its place."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from layers.arguments import Pair
from layers.types import Array


def pad(x: Array, padding: Pair, value: float = 0) -> Array:
    """x (N, H, W, C) with `padding` rows above and below and columns left and right."""
    ph, pw = padding
    if ph == pw == 0:
        return x
    N, H, W, C = x.shape
    padded = np.full_like(x, value, shape=(N, H + 2 * ph, W + 2 * pw, C))
    padded[:, ph : ph + H, pw : pw + W] = x
    return padded


def windows(x: Array, size: Pair, stride: Pair, dilation: Pair = (1, 1)) -> Array:
    """A view (N, H', W', kh, kw, C) of x (N, H, W, C): the window at each output pixel.

    windows[n, i, j, u, v, c] = x[n, i·s + u·d, j·s + v·d, c]
    """
    reach = tuple((k - 1) * d + 1 for k, d in zip(size, dilation, strict=True))
    if x.shape[1] < reach[0] or x.shape[2] < reach[1]:
        raise ValueError(
            f"a window of size {size} and dilation {dilation} covers {reach[0]}×{reach[1]} pixels, "
            f"expected at most the {x.shape[1]}×{x.shape[2]} of x with its padding"
        )
    view = sliding_window_view(x, reach, axis=(1, 2))
    view = view[:, :: stride[0], :: stride[1], :, :: dilation[0], :: dilation[1]]
    return view.transpose(0, 1, 2, 4, 5, 3)


def as_rows(view: Array, groups: int = 1) -> Array:
    """Windows as a matrix for each group of channels, a row a window: (groups, N·H'·W', kh·kw·C/groups).

    Copied in long runs: those of an image's row where a channel is alone, else those of a window's.
    """
    N, rows, columns, kh, kw, C = view.shape
    apart = view.reshape(N, rows, columns, kh, kw, groups, C // groups)
    if groups == C:
        across = apart.transpose(5, 3, 4, 6, 0, 1, 2).reshape(groups, kh * kw, N * rows * columns)
        return across.transpose(0, 2, 1)
    along = apart.transpose(5, 0, 1, 2, 3, 4, 6)
    return along.reshape(groups, N * rows * columns, kh * kw * (C // groups))


def fold(
    piece: Callable[[int, int], Array],
    shape: tuple[int, ...],
    size: Pair,
    stride: Pair,
    padding: Pair,
    dilation: Pair = (1, 1),
) -> Array:
    """The way back of pad and windows: what flows into each window, added up where windows overlap.

    dx[n, i·s + u·d − p, j·s + v·d − p, c] += piece(u, v)[n, i, j, c]

    `piece(u, v)` (N, H', W', C) is what flows into the pixel u, v of every window.
    """
    N, H, W, C = shape
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    # Where every pixel lies in one window at most, there is nothing to add up.
    apart = size[0] * dh <= sh and size[1] * dw <= sw
    dpadded: Array | None = None
    for u, v in np.ndindex(*size):
        flowing = piece(u, v)
        if dpadded is None:
            dpadded = np.zeros_like(flowing, shape=(N, H + 2 * ph, W + 2 * pw, C))
        below, right = u * dh + flowing.shape[1] * sh, v * dw + flowing.shape[2] * sw
        there = slice(None), slice(u * dh, below, sh), slice(v * dw, right, sw)
        if apart:
            dpadded[there] = flowing
        else:
            dpadded[there] += flowing
    assert dpadded is not None
    return dpadded[:, ph : ph + H, pw : pw + W]
