"""The fully connected layer."""

from __future__ import annotations

from layers.types import Array, Backward, expect


def dense(x: Array, W: Array, b: Array) -> tuple[Array, Backward]:
    """y = x W + b

    x (N, D), W (D, M), b (M,) -> y (N, M)

        dx_nd = Σ_m dy_nm W_dm        dx = dy Wᵀ
        dW_dm = Σ_n x_nd dy_nm        dW = xᵀ dy
        db_m  = Σ_n dy_nm             db = 1ᵀ dy
    """
    expect(x.ndim == 2 and x.shape[1] == len(W), f"x has shape {x.shape}, expected (N, {len(W)})")
    expect(b.shape == W.shape[1:], f"b has shape {b.shape}, expected {W.shape[1:]}")

    y = x @ W + b

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dx = dy @ W.T
        dW = x.T @ dy
        db = dy.sum(axis=0)
        return dx, dW, db

    return y, backward
