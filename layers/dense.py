"""The fully connected layer, and its relative with two inputs."""

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


def bilinear(x: Array, z: Array, W: Array, b: Array) -> tuple[Array, Backward]:
    """y_nm = Σ_de x_nd W_dem z_ne + b_m

    x (N, D), z (N, E), W (D, E, M), b (M,) -> y (N, M)

    The pairs x_d z_e of a sample, laid out as one long row, are the input of a dense layer.

        dpairs_nde = Σ_m dy_nm W_dem
        dx_nd = Σ_e dpairs_nde z_ne,    dz_ne = Σ_d dpairs_nde x_nd
        dW_dem = Σ_n x_nd z_ne dy_nm,   db_m = Σ_n dy_nm
    """
    D, E, M = W.shape
    expect(x.ndim == 2 and x.shape[1] == D, f"x has shape {x.shape}, expected (N, {D})")
    expect(z.shape == (len(x), E), f"z has shape {z.shape}, expected ({len(x)}, {E})")
    expect(b.shape == (M,), f"b has shape {b.shape}, expected ({M},)")

    pairs = (x[:, :, None] * z[:, None, :]).reshape(-1, D * E)
    weights = W.reshape(D * E, M)
    y = pairs @ weights + b

    def backward(dy: Array) -> tuple[Array, Array, Array, Array]:
        dpairs = dy @ weights.T
        dproducts = dpairs.reshape(-1, D, E)
        dx = (dproducts @ z[:, :, None])[:, :, 0]
        dz = (x[:, None, :] @ dproducts)[:, 0]
        dW = (pairs.T @ dy).reshape(W.shape)
        db = dy.sum(axis=0)
        return dx, dz, dW, db

    return y, backward
