"""Convolution."""

from __future__ import annotations

import numpy as np

from layers.types import Array, Backward, expect
from layers.windows import Pair, fold, pad, pair, windows


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
        dpatches_nijuvc = Σ_m dy_nijm W_uvcm          dpatches = dy Wᵀ
        dx_{n, i·s+u·d−p, j·s+v·d−p, c} += dpatches_nijuvc
    """
    stride, padding, dilation = pair(stride), pair(padding), pair(dilation)
    kh, kw, depth, M = W.shape
    expect(x.ndim == 4, f"x has shape {x.shape}, expected (N, H, W, C)")
    expect(x.shape[3] == depth * groups, f"x has {x.shape[3]} channels, W expects {depth * groups}")
    expect(M % groups == 0, f"{M} features do not split into {groups} groups")
    expect(b.shape == (M,), f"b has shape {b.shape}, expected ({M},)")

    view = windows(pad(x, padding), (kh, kw), stride, dilation)
    N, rows, columns = view.shape[:3]
    # One matrix a group: its patches as rows, its features as columns.
    patches = [
        np.ascontiguousarray(view[..., part]).reshape(-1, kh * kw * depth)
        for part in _parts(depth * groups, groups)
    ]
    kernels = [W[..., part].reshape(kh * kw * depth, -1) for part in _parts(M, groups)]
    y = _joined([p @ k for p, k in zip(patches, kernels, strict=True)]) + b
    y = y.reshape(N, rows, columns, M)

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        flat = dy.reshape(-1, M)
        dys = [flat[:, part] for part in _parts(M, groups)]
        db = flat.sum(axis=0)
        dW = _joined([p.T @ d for p, d in zip(patches, dys, strict=True)]).reshape(W.shape)
        dpatches = _joined(
            [(d @ k.T).reshape(-1, depth) for d, k in zip(dys, kernels, strict=True)]
        ).reshape(N, rows, columns, kh, kw, -1)
        dx = fold(dpatches, x.shape, stride, padding, dilation)
        return dx, dW, db

    return y, backward


def _parts(size: int, groups: int) -> list[slice]:
    return [slice(g * size // groups, (g + 1) * size // groups) for g in range(groups)]


def _joined(parts: list[Array]) -> Array:
    return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
