"""Beyond deep learning: matrices, whose derivatives by hand fill a book of their own.

Formulas after Giles, Collected Matrix Derivative Results for Forward and Reverse Mode Algorithmic
Differentiation, 2008.
"""

from __future__ import annotations

import numpy as np

from layers.combine import summed_to
from layers.types import Array, Backward, expect


def matmul(A: Array, B: Array) -> tuple[Array, Backward]:
    """y = A B

    A (…, M, K), B (…, K, N) -> y (…, M, N), leading axes broadcast

        dA_mk = Σ_n dy_mn B_kn        dA = dy Bᵀ
        dB_kn = Σ_m A_mk dy_mn        dB = Aᵀ dy
    """
    expect(A.ndim >= 2 and B.ndim >= 2, f"A {A.shape} and B {B.shape} must have two axes or more")

    y = A @ B

    def backward(dy: Array) -> tuple[Array, Array]:
        dA = summed_to(dy @ _t(B), A.shape)
        dB = summed_to(_t(A) @ dy, B.shape)
        return dA, dB

    return y, backward


def inverse(A: Array) -> tuple[Array, Backward]:
    """y = A⁻¹

    A (…, D, D) -> y (…, D, D)

        d(A⁻¹) = −A⁻¹ dA A⁻¹
        dA = −yᵀ dy yᵀ
    """
    y = np.linalg.inv(A)

    def backward(dy: Array) -> tuple[Array]:
        dA = -_t(y) @ dy @ _t(y)
        return (dA,)

    return y, backward


def logdet(A: Array) -> tuple[Array, Backward]:
    """y = log |det A|

    A (…, D, D) -> y (…)

        d log |det A| = tr(A⁻¹ dA)
        dA = dy A⁻ᵀ
    """
    sign, y = np.linalg.slogdet(A)
    if np.iscomplexobj(A):
        # The analytic continuation: the logarithm of the determinant itself, up to its sign.
        y = y + np.log(sign * np.sign(sign.real))
    y = np.asarray(y)

    def backward(dy: Array) -> tuple[Array]:
        dA = dy[..., None, None] * _t(np.linalg.inv(A))
        return (dA,)

    return y, backward


def cholesky_solve(L: Array, B: Array) -> tuple[Array, Backward]:
    """y = (L Lᵀ)⁻¹ B

    L (D, D) lower triangular, B (D, M) -> y (D, M)

    The solution of A y = B from the Cholesky factor of A; what stands above the diagonal of L is
    not read, and its gradient is 0.

        dB = (L Lᵀ)⁻¹ dy                              a solution with the same factor
        dA = −dB yᵀ                                   A = L Lᵀ
        dL = lower triangle of (dA + dAᵀ) L
    """
    expect(L.ndim == 2 and L.shape[0] == L.shape[1], f"L has shape {L.shape}, expected (D, D)")
    expect(B.ndim == 2 and len(B) == len(L), f"B has shape {B.shape}, expected ({len(L)}, M)")

    lower = np.tril(L)
    y = _solve(lower, B)

    def backward(dy: Array) -> tuple[Array, Array]:
        dB = _solve(lower, dy)
        dA = -dB @ y.T
        dL = np.tril((dA + dA.T) @ lower)
        return dL, dB

    return y, backward


def quadratic_form(x: Array, A: Array) -> tuple[Array, Backward]:
    """y = xᵀ A x = Σ_ij x_i A_ij x_j

    x (…, D), A (D, D) -> y (…)

        dx_i = dy Σ_j (A_ij + A_ji) x_j               dx = dy (A + Aᵀ) x
        dA_ij = Σ_n dy_n x_ni x_nj                    dA = Σ dy x xᵀ
    """
    expect(A.shape == 2 * x.shape[-1:], f"A has shape {A.shape}, expected {2 * x.shape[-1:]}")

    Ax = x @ A.T
    y = np.asarray((x * Ax).sum(axis=-1))

    def backward(dy: Array) -> tuple[Array, Array]:
        weighted = dy[..., None] * x
        dx = weighted @ (A + A.T)
        dA = weighted.reshape(-1, len(A)).T @ x.reshape(-1, len(A))
        return dx, dA

    return y, backward


def cosine_similarity(x: Array, z: Array) -> tuple[Array, Backward]:
    """y = ⟨x, z⟩ / (‖x‖ ‖z‖)

    x (…, D), z (…, D) of one shape, no row zero -> y (…)

    With unit vectors u = x/‖x‖ and v = z/‖z‖: only what is perpendicular to u turns x.

        dx = dy (v − y u) / ‖x‖,    dz = dy (u − y v) / ‖z‖
    """
    expect(x.shape == z.shape, f"x {x.shape} and z {z.shape} have different shapes")

    norm_x = np.sqrt((x * x).sum(axis=-1, keepdims=True))
    norm_z = np.sqrt((z * z).sum(axis=-1, keepdims=True))
    u, v = x / norm_x, z / norm_z
    cos = (u * v).sum(axis=-1, keepdims=True)
    y = np.asarray(cos[..., 0])

    def backward(dy: Array) -> tuple[Array, Array]:
        dcos = dy[..., None]
        dx = dcos * (v - cos * u) / norm_x
        dz = dcos * (u - cos * v) / norm_z
        return dx, dz

    return y, backward


def pairwise_distances(x: Array, z: Array) -> tuple[Array, Backward]:
    """y_nm = ‖x_n − z_m‖ = √(Σ_d (x_nd − z_md)²)

    x (N, D), z (M, D) -> y (N, M)

    Differences are taken before they are squared: ‖x‖² + ‖z‖² − 2⟨x, z⟩ would be quicker, and lose
    all digits where x and z are close. At distance 0 the subgradient 0.

        dx_nd = Σ_m dy_nm (x_nd − z_md) / y_nm
        dz_md = −Σ_n dy_nm (x_nd − z_md) / y_nm
    """
    expect(x.ndim == z.ndim == 2, f"x {x.shape} and z {z.shape} must have two axes")
    expect(x.shape[1] == z.shape[1], f"x has {x.shape[1]} features, z has {z.shape[1]}")

    difference = x[:, None] - z[None]
    y = np.sqrt((difference * difference).sum(axis=2))

    def backward(dy: Array) -> tuple[Array, Array]:
        apart = y != 0
        ratio = np.where(apart, dy / np.where(apart, y, 1), 0)
        ddifference = ratio[:, :, None] * difference
        dx = ddifference.sum(axis=1)
        dz = -ddifference.sum(axis=0)
        return dx, dz

    return y, backward


def _t(x: Array) -> Array:
    """The last two axes exchanged."""
    return np.swapaxes(x, -1, -2)


def _solve(L: Array, B: Array) -> Array:
    """(L Lᵀ)⁻¹ B for a lower triangular L."""
    return np.asarray(np.linalg.solve(L.T, np.linalg.solve(L, B)))
