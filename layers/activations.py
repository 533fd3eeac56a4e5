"""Activations: what stands between the linear layers.

Exponentials are only taken of numbers that are not positive, so that large inputs do not overflow.
"""

from __future__ import annotations

import math

import numpy as np

from layers.arguments import number
from layers.normal import normal_cdf
from layers.types import Array, Backward, expect

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805
"""Klambauer et al., Self-Normalizing Neural Networks, 2017: mean 0 and variance 1 are a fixed point."""
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)
CUBIC = 0.044715
"""Hendrycks and Gimpel, Gaussian Error Linear Units, 2016: the cubic term that fits tanh to erf."""


def relu(x: Array) -> tuple[Array, Backward]:
    """y = max(x, 0)

    x (…) -> y (…)

        dx = dy [x > 0]               at 0 the subgradient 0
    """
    y = np.maximum(x, 0)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy * (x.real > 0)
        return (dx,)

    return y, backward


def leaky_relu(x: Array, *, slope: float = 0.01) -> tuple[Array, Backward]:
    """y = x if x > 0 else slope · x

    x (…) -> y (…)

        dx = dy ([x > 0] + slope [x ≤ 0])             at 0 the subgradient slope
    """
    number("slope", slope)

    positive = x.real > 0
    y = np.where(positive, x, slope * x)

    def backward(dy: Array) -> tuple[Array]:
        dx = np.where(positive, dy, slope * dy)
        return (dx,)

    return y, backward


def elu(x: Array, *, alpha: float = 1.0) -> tuple[Array, Backward]:
    """y = x if x > 0 else α (eˣ − 1)

    x (…) -> y (…)

        dx = dy ([x > 0] + α eˣ [x ≤ 0])              at 0 the subgradient α
    """
    number("alpha", alpha)

    positive = x.real > 0
    negative_part = np.where(positive, 0, x)
    y = np.where(positive, x, alpha * np.expm1(negative_part))

    def backward(dy: Array) -> tuple[Array]:
        dx = np.where(positive, dy, dy * alpha * np.exp(negative_part))
        return (dx,)

    return y, backward


def selu(x: Array) -> tuple[Array, Backward]:
    """y = λ (x if x > 0 else α (eˣ − 1)),  α = 1.6733, λ = 1.0507

    x (…) -> y (…)

        dx = λ dy ([x > 0] + α eˣ [x ≤ 0])            at 0 the subgradient λα
    """
    unit, backward_elu = elu(x, alpha=SELU_ALPHA)
    y = SELU_SCALE * unit

    def backward(dy: Array) -> tuple[Array | None, ...]:
        dunit = SELU_SCALE * dy
        return backward_elu(dunit)

    return y, backward


def sigmoid(x: Array) -> tuple[Array, Backward]:
    """y = σ(x) = 1 / (1 + e⁻ˣ)

    x (…) -> y (…)

        dx = dy y (1 − y)
    """
    y = _sigmoid(x)

    def backward(dy: Array) -> tuple[Array]:
        # 1 − y is σ(−x): taken so, it keeps its digits where y is nearly 1.
        dx = dy * y * _sigmoid(-x)
        return (dx,)

    return y, backward


def tanh(x: Array) -> tuple[Array, Backward]:
    """y = tanh x

    x (…) -> y (…)

        dx = dy (1 − y²)
    """
    y = np.tanh(x)

    def backward(dy: Array) -> tuple[Array]:
        # 1 − tanh² x = 4 σ(2x) σ(−2x), which keeps its digits where y is nearly ±1.
        dx = dy * 4 * _sigmoid(2 * x) * _sigmoid(-2 * x)
        return (dx,)

    return y, backward


def softplus(x: Array) -> tuple[Array, Backward]:
    """y = log(1 + eˣ) = max(x, 0) + log(1 + e^{−|x|})

    x (…) -> y (…)

        dx = dy σ(x)
    """
    y = _softplus(x)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy * _sigmoid(x)
        return (dx,)

    return y, backward


def silu(x: Array) -> tuple[Array, Backward]:
    """y = x σ(x)

    x (…) -> y (…)

        dx = dy (σ + x σ (1 − σ))                     σ = σ(x)
    """
    s = _sigmoid(x)
    y = x * s

    def backward(dy: Array) -> tuple[Array]:
        ds = dy * x
        dx = dy * s + ds * s * _sigmoid(-x)
        return (dx,)

    return y, backward


def gelu(x: Array) -> tuple[Array, Backward]:
    """y = x Φ(x) = x (1 + erf(x/√2)) / 2

    x (…) -> y (…)

        dx = dy (Φ(x) + x φ(x))                       φ(x) = e^{−x²/2} / √(2π)
    """
    cdf = normal_cdf(x)
    y = x * cdf

    def backward(dy: Array) -> tuple[Array]:
        density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
        dcdf = dy * x
        dx = dy * cdf + dcdf * density
        return (dx,)

    return y, backward


def gelu_tanh(x: Array) -> tuple[Array, Backward]:
    """y = x (1 + tanh u) / 2,  u = √(2/π) (x + 0.044715 x³)

    x (…) -> y (…)

        du = dy x (1 − tanh² u) / 2
        dx = dy (1 + tanh u) / 2 + du √(2/π) (1 + 3 · 0.044715 x²)
    """
    u = SQRT_2_OVER_PI * (x + CUBIC * x * x * x)
    # (1 + tanh u) / 2 = σ(2u), which does not cancel where u is far below 0.
    half = _sigmoid(2 * u)
    y = x * half

    def backward(dy: Array) -> tuple[Array]:
        dhalf = dy * x
        du = dhalf * 2 * half * _sigmoid(-2 * u)
        dx = dy * half + du * SQRT_2_OVER_PI * (1 + 3 * CUBIC * x * x)
        return (dx,)

    return y, backward


def maxout(x: Array, W: Array, b: Array) -> tuple[Array, Backward]:
    """y_nm = max_k (Σ_d x_nd W_kdm + b_km)

    x (N, D), W (K, D, M), b (K, M) -> y (N, M)

    At a tie the first of the largest takes the gradient.

        dz_knm = dy_nm [k is the first argmax]
        dx_nd = Σ_km dz_knm W_kdm,    dW_kdm = Σ_n x_nd dz_knm,    db_km = Σ_n dz_knm
    """
    expect(x.ndim == 2 and x.shape[1] == W.shape[1], f"x is {x.shape}, W expects (N, {W.shape[1]})")

    z = x @ W + b[:, None]
    winner = z.real.argmax(axis=0)
    y = np.take_along_axis(z, winner[None], axis=0)[0]

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        pieces = np.arange(len(W))[:, None, None]
        dz = dy * (winner == pieces)
        dx = (dz @ W.transpose(0, 2, 1)).sum(axis=0)
        dW = x.T @ dz
        db = dz.sum(axis=1)
        return dx, dW, db

    return y, backward


def swiglu(x: Array, W: Array, V: Array) -> tuple[Array, Backward]:
    """y = silu(x W) ⊙ (x V)

    x (N, D), W (D, M), V (D, M) -> y (N, M)

        dgate = dy ⊙ value,    dvalue = dy ⊙ gate     the product rule
        da = dgate ⊙ silu′(a),                        a = x W
        dx = da Wᵀ + dvalue Vᵀ,    dW = xᵀ da,    dV = xᵀ dvalue
    """
    expect(W.shape == V.shape, f"W {W.shape} and V {V.shape} have different shapes")

    a = x @ W
    gate, backward_silu = silu(a)
    value = x @ V
    y = gate * value

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dgate = dy * value
        dvalue = dy * gate
        (da,) = backward_silu(dgate)
        dx = da @ W.T + dvalue @ V.T
        dW = x.T @ da
        dV = x.T @ dvalue
        return dx, dW, dV

    return y, backward


def _sigmoid(x: Array) -> Array:
    """1 / (1 + e⁻ˣ) = e^{min(x, 0)} / (1 + e^{−|x|})"""
    return np.asarray(np.exp(np.minimum(x, 0)) / (1 + np.exp(_minus_abs(x))))


def _softplus(x: Array) -> Array:
    """log(1 + eˣ) = max(x, 0) + log(1 + e^{−|x|})"""
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(_minus_abs(x))))


def _minus_abs(x: Array) -> Array:
    """−|x|, of a complex x by its real part, which NumPy compares first."""
    return np.asarray(np.minimum(x, -x))
