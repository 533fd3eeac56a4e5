"""Attention, positions, and the transformer block composed of them."""

from __future__ import annotations

import numpy as np

from layers.activations import gelu
from layers.arguments import number, split, truth
from layers.dense import dense
from layers.normalization import layer_norm
from layers.softmax import softmax
from layers.types import Array, Backward, expect, present


def attention(q: Array, k: Array, v: Array, *, causal: bool = False) -> tuple[Array, Backward]:
    """y = softmax(q kᵀ / √D) v

    q (…, T, D), k (…, S, D), v (…, S, E) -> y (…, T, E)

    `causal`: a query sees the keys up to its own position. Their scores are −∞ before the softmax,
    so that their probability, and with it every gradient through them, is exactly 0.

        dv_se = Σ_t p_ts dy_te                        dv = pᵀ dy
        dp_ts = Σ_e dy_te v_se                        dp = dy vᵀ
        dscores_ts = p_ts (dp_ts − Σ_r dp_tr p_tr)    the softmax's way back
        dq = dscores k / √D,    dk = dscoresᵀ q / √D
    """
    truth("causal", causal)
    D, T, S = q.shape[-1], q.shape[-2], k.shape[-2]
    expect(k.shape[-1] == D, f"keys have {k.shape[-1]} features, queries {D}")
    expect(v.shape[-2] == S, f"there are {v.shape[-2]} values for {S} keys")

    scale = D**-0.5
    scores = q @ _t(k) * scale
    if causal:
        scores = np.where(np.arange(S) > np.arange(T)[:, None], -np.inf, scores)
    p, backward_softmax = softmax(scores)
    y = p @ v

    def backward(dy: Array) -> tuple[Array, Array, Array]:
        dv = _t(p) @ dy
        dp = dy @ _t(v)
        (dscores,) = backward_softmax(dp)
        assert dscores is not None
        dq = dscores @ k * scale
        dk = _t(dscores) @ q * scale
        return dq, dk, dv

    return y, backward


def multi_head_attention(
    x: Array, Wq: Array, Wk: Array, Wv: Array, Wo: Array, *, heads: int, causal: bool = False
) -> tuple[Array, Backward]:
    """y = concat_h attention(x Wq_h, x Wk_h, x Wv_h) Wo

    x (N, T, D), Wq, Wk, Wv (D, D), Wo (D, D) -> y (N, T, D)

    Vaswani et al., Attention Is All You Need, 2017: the D features are shared out among the heads.

        djoined = dy Woᵀ,    dWo = Σ_n joinedᵀ dy
        dq, dk, dv = the way back of attention, head by head
        dx = dq Wqᵀ + dk Wkᵀ + dv Wvᵀ                 x is used three times: three terms
        dWq = Σ_n xᵀ dq,    dWk = Σ_n xᵀ dk,    dWv = Σ_n xᵀ dv
    """
    expect(x.ndim == 3, f"x has shape {x.shape}, expected (N, T, D)")
    heads = split("heads", heads, Wq.shape[1], "features")

    q = x @ Wq
    k = x @ Wk
    v = x @ Wv
    each, backward_attention = attention(
        _split(q, heads), _split(k, heads), _split(v, heads), causal=causal
    )
    joined = _join(each)
    y = joined @ Wo

    def backward(dy: Array) -> tuple[Array, ...]:
        dWo = _summed(joined, dy)
        djoined = dy @ Wo.T
        deach = _split(djoined, heads)
        dq, dk, dv = (_join(d) for d in backward_attention(deach) if d is not None)
        dWq, dWk, dWv = _summed(x, dq), _summed(x, dk), _summed(x, dv)
        dx = dq @ Wq.T + dk @ Wk.T + dv @ Wv.T
        return dx, dWq, dWk, dWv, dWo

    return y, backward


def sinusoidal_encoding(x: Array, *, base: float = 10_000.0) -> tuple[Array, Backward]:
    """y_ntd = x_ntd + sin(t ω_d) for even d, + cos(t ω_{d−1}) for odd,  ω_d = base^{−d/D}

    x (N, T, D) -> y (N, T, D)

    Vaswani et al., 2017. A constant is added, so the gradient passes unchanged.

        dx = dy
    """
    number("base", base, above=0)

    angles = _angles(x.shape[1], x.shape[2], base)
    even, odd = np.sin(angles), np.cos(angles)
    encoding = np.stack([even, odd], axis=-1).reshape(x.shape[1], -1)[:, : x.shape[2]]
    y = x + encoding.astype(x.real.dtype)

    def backward(dy: Array) -> tuple[Array]:
        dx = dy.copy()
        return (dx,)

    return y, backward


def rotary_encoding(x: Array, *, base: float = 10_000.0) -> tuple[Array, Backward]:
    """(y_2k, y_2k+1) = (x_2k, x_2k+1) turned by the angle t ω_k,  ω_k = base^{−2k/D}

    x (…, T, D), D even -> y (…, T, D)

    Su et al., RoFormer, 2021, with neighbouring features as pairs. A rotation's way back is the
    rotation by the opposite angle.

        y_2k = x_2k cos − x_2k+1 sin          dx_2k = dy_2k cos + dy_2k+1 sin
        y_2k+1 = x_2k sin + x_2k+1 cos        dx_2k+1 = −dy_2k sin + dy_2k+1 cos
    """
    number("base", base, above=0)
    T, D = x.shape[-2:]
    expect(D % 2 == 0, f"x has {D} features, expected an even number")

    angles = _angles(T, D, base)
    cos, sin = np.cos(angles).astype(x.real.dtype), np.sin(angles).astype(x.real.dtype)
    even, odd = x[..., ::2], x[..., 1::2]
    y = np.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1).reshape(x.shape)

    def backward(dy: Array) -> tuple[Array]:
        dy_even, dy_odd = dy[..., ::2], dy[..., 1::2]
        deven = dy_even * cos + dy_odd * sin
        dodd = -dy_even * sin + dy_odd * cos
        dx = np.stack([deven, dodd], axis=-1).reshape(x.shape)
        return (dx,)

    return y, backward


def transformer_block(
    x: Array,
    gamma1: Array,
    beta1: Array,
    Wq: Array,
    Wk: Array,
    Wv: Array,
    Wo: Array,
    gamma2: Array,
    beta2: Array,
    W1: Array,
    b1: Array,
    W2: Array,
    b2: Array,
    *,
    heads: int,
    causal: bool = False,
) -> tuple[Array, Backward]:
    """y = h + W₂ gelu(W₁ norm(h)),  h = x + attention(norm(x)),  normalized before each branch

    x (N, T, D), gamma, beta (D,), Wq … Wo (D, D), W1 (D, F), b1 (F,), W2 (F, D), b2 (D,) -> y (N, T, D)

    The pre-norm block of Xiong et al., 2020, composed of layers whose ways back are known. What
    flows into a residual sum flows on unchanged into both of its sides.

        dh = dy + the way back of the second branch at dy
        dx = dh + the way back of the first branch at dh
    """
    normed1, back_norm1 = layer_norm(x, gamma1, beta1)
    attended, back_attention = multi_head_attention(
        normed1, Wq, Wk, Wv, Wo, heads=heads, causal=causal
    )
    h = x + attended
    normed2, back_norm2 = layer_norm(h, gamma2, beta2)
    hidden, back_W1 = dense(normed2.reshape(-1, x.shape[2]), W1, b1)
    active, back_gelu = gelu(hidden)
    branch, back_W2 = dense(active, W2, b2)
    y = h + branch.reshape(x.shape)

    def backward(dy: Array) -> tuple[Array | None, ...]:
        dbranch = dy.reshape(-1, x.shape[2])
        dactive, dW2, db2 = present(back_W2(dbranch))
        (dhidden,) = present(back_gelu(dactive))
        dnormed2, dW1, db1 = present(back_W1(dhidden))
        dh2, dgamma2, dbeta2 = present(back_norm2(dnormed2.reshape(x.shape)))
        dh = dy + dh2
        dnormed1, dWq, dWk, dWv, dWo = present(back_attention(dh))
        dx1, dgamma1, dbeta1 = present(back_norm1(dnormed1))
        dx = dh + dx1
        return dx, dgamma1, dbeta1, dWq, dWk, dWv, dWo, dgamma2, dbeta2, dW1, db1, dW2, db2

    return y, backward


def _t(x: Array) -> Array:
    """The last two axes exchanged."""
    return np.swapaxes(x, -1, -2)


def _split(x: Array, heads: int) -> Array:
    """(N, T, heads · d) to (N, heads, T, d)."""
    return x.reshape(*x.shape[:2], heads, -1).transpose(0, 2, 1, 3)


def _join(x: Array) -> Array:
    """(N, heads, T, d) to (N, T, heads · d)."""
    return x.transpose(0, 2, 1, 3).reshape(len(x), x.shape[2], -1)


def _summed(x: Array, dy: Array) -> Array:
    """Σ_nt x_nti dy_ntj: the gradient of a weight that every sample and position shares."""
    return x.reshape(-1, x.shape[2]).T @ dy.reshape(-1, dy.shape[2])


def _angles(T: int, D: int, base: float) -> Array:
    """t ω_k for each position t and each pair k of features."""
    return np.arange(T)[:, None] * base ** (-np.arange(0, D, 2) / D)
