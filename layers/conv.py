"""Convolution: in two dimensions, in one, and turned round."""

from __future__ import annotations

import numpy as np

from layers.arguments import Pair, pair, split, whole
from layers.memory import outermost_first
from layers.sums import plus, total
from layers.types import Array, Backward, expect
from layers.windows import as_rows, fold, pad, windows


def conv2d(
    x: Array,
    W: Array,
    b: Array,
    *,
    stride: int | Pair = 1,
    padding: int | Pair = 0,
    dilation: int | Pair = 1,
    groups: int = 1,
) -> tuple[Array, Backward]:
    """y_nijm = b_m + Σ_uvc x_{n, i·s+u·d−p, j·s+v·d−p, c} W_uvcm

    x (N, H, W, C), W (kh, kw, C/groups, M), b (M,) -> y (N, H', W', M)

    with H' = (H + 2p − (kh−1)·d − 1) // s + 1. Channels and features are split into `groups` that
    do not see each other. Cut into patches, a convolution is a product of matrices, and so are its
    gradients; only putting the patches back has overlaps to add up.

        dW_uvcm = Σ_nij patches_nijuvc dy_nijm        dW = patchesᵀ dy
        db_m    = Σ_nij dy_nijm                       db = 1ᵀ dy
        dpatches_nijuvc = Σ_m dy_nijm W_uvcm          dpatches = dy Wᵀ, for each u and v
        dx_{n, i·s+u·d−p, j·s+v·d−p, c} += dpatches_nijuvc
    """
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    padding = pair("padding", padding, least=0)
    kh, kw, depth, M = W.shape
    groups = split("groups", groups, M, "features")
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")
    expect(
        x.shape[3] == depth * groups,
        f"x has {x.shape[3]} channels, W with groups={groups} expects {depth * groups}",
    )
    expect(b.shape == (M,), f"b has shape {b.shape}, expected ({M},)")

    view = windows(pad(x, padding), (kh, kw), stride, dilation)
    # Images and pixels are visited in the order in which they lie in memory.
    order = outermost_first(x)
    visited = [view.shape[axis] for axis in order]

    def laid_back(pixels: Array) -> Array:
        """A row a pixel, for each group, as images (N, H', W', …)."""
        images = pixels.transpose(1, 0, 2).reshape(*visited, -1)
        return images.transpose(*np.argsort(order), 3)

    # A matrix for each group: its patches, a row a pixel; its weights, a column a feature.
    patches = as_rows(view.transpose(*order, 3, 4, 5), groups)
    kernel = W.reshape(kh, kw, depth, groups, -1).transpose(0, 1, 3, 2, 4)
    weights = W.reshape(kh * kw * depth, groups, -1).transpose(1, 0, 2)
    y = plus(laid_back(patches @ weights), b)

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        db = total(dy)
        dys = dy.transpose(*order, 3).reshape(-1, groups, M // groups).transpose(1, 0, 2)
        dweights = patches.transpose(0, 2, 1) @ dys
        dW = dweights.transpose(1, 0, 2).reshape(W.shape)
        # Where every channel is alone, all at once: a row for each u and v, its pixels in long runs.
        alone = weights @ dys.transpose(0, 2, 1) if depth == 1 else None

        def dpatches(u: int, v: int) -> Array:
            if alone is not None:
                return laid_back(alone[:, u * kw + v, :, None])
            into = dys @ kernel[u, v].transpose(0, 2, 1)
            return laid_back(into)

        dx = fold(dpatches, x.shape, (kh, kw), stride, padding, dilation)
        return dx, dW, db

    return y, backward


def conv1d(
    x: Array,
    W: Array,
    b: Array,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
) -> tuple[Array, Backward]:
    """y_ntm = b_m + Σ_uc x_{n, t·s+u·d−p, c} W_ucm

    x (N, T, C), W (k, C/groups, M), b (M,) -> y (N, T', M)

    A sequence is an image of one row, so that nothing new has to be derived.

        dx, dW, db = those of conv2d, the row taken away again
    """
    expect(x.ndim == 3, f"x has shape {x.shape}, expected (N, T, C)")
    stride, dilation = whole("stride", stride), whole("dilation", dilation)
    padding = whole("padding", padding, least=0)

    image, backward2d = conv2d(
        x[:, None],
        W[None],
        b,
        stride=(1, stride),
        padding=(0, padding),
        dilation=(1, dilation),
        groups=groups,
    )
    y = image[:, 0]

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dx, dW, db = backward2d(dy[:, None])
        assert dx is not None and dW is not None and db is not None
        return dx[:, 0], dW[0], db

    return y, backward


def conv2d_transpose(
    x: Array, W: Array, b: Array, *, stride: int | Pair = 1, padding: int | Pair = 0
) -> tuple[Array, Backward]:
    """y_{n, i·s+u−p, j·s+v−p, m} += Σ_c x_nijc W_uvmc,  and b_m once

    x (N, H, W, C), W (kh, kw, M, C), b (M,) -> y (N, H', W', M)

    with H' = (H−1)·s + kh − 2p. The way back of a convolution run forwards: every pixel of x paints
    the kernel on y, and where paintings overlap they add up. Its own way back is a convolution.

        dpatches_nijuvm = dy_{n, i·s+u−p, j·s+v−p, m}     dy cut into patches
        dx_nijc = Σ_uvm dpatches_nijuvm W_uvmc            dx = dpatches Wᵀ
        dW_uvmc = Σ_nij dpatches_nijuvm x_nijc            dW = dpatchesᵀ x
        db_m    = Σ_nhw dy_nhwm
    """
    stride = pair("stride", stride)
    kh, kw, M, C = W.shape
    expect(x.ndim == 4 and x.shape[3] == C, f"x has shape {x.shape}, expected (N, H, W, {C})")
    expect(b.shape == (M,), f"b has shape {b.shape}, expected ({M},)")

    N, H, width, _ = x.shape
    painting = (H - 1) * stride[0] + kh, (width - 1) * stride[1] + kw
    # A pixel at least is left between what is cut off on either side.
    half = (painting[0] + 1) // 2, (painting[1] + 1) // 2
    padding = pair("padding", padding, least=0, below=half)
    rows, columns = painting[0] - 2 * padding[0], painting[1] - 2 * padding[1]

    pixels, kernel = x.reshape(-1, C), W.reshape(-1, C)

    def painted(u: int, v: int) -> Array:
        return np.asarray((pixels @ W[u, v].T).reshape(N, H, width, M))

    y = fold(painted, (N, rows, columns, M), (kh, kw), stride, padding) + b

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        db = total(dy)
        dpatches = windows(pad(dy, padding), (kh, kw), stride).reshape(-1, kh * kw * M)
        dx = (dpatches @ kernel).reshape(x.shape)
        dW = (dpatches.T @ pixels).reshape(W.shape)
        return dx, dW, db

    return y, backward
