"""Recurrent layers, back-propagation through time written out.

On the way back, what reaches a hidden state comes from two sides: from the output at its own time
step, and from the next step, which read it. Weights are the same at every step, so their gradients add
up over time: one product over all steps at once.
"""

from __future__ import annotations

import numpy as np

from layers.activations import sigmoid
from layers.sums import total
from layers.types import Array, Backward, expect


def rnn(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Backward]:
    """h_t = tanh(x_t Wx + h_{t−1} Wh + b)

    x (N, T, D), h0 (N, H), Wx (D, H), Wh (H, H), b (H,) -> h (N, T, H)

        dh_t = dy_t + da_{t+1} Whᵀ                    from the output, and from the next step
        da_t = dh_t (1 − h_t²)
        dx_t = da_t Wxᵀ,    dh_0 = da_1 Whᵀ
        dWx = Σ_t x_tᵀ da_t,    dWh = Σ_t h_{t−1}ᵀ da_t,    db = Σ_nt da_nt
    """
    N, T, H = _recurrent(x, (h0,), Wx, Wh, b, gates=1)

    inputs = x @ Wx + b
    h = np.empty_like(inputs, shape=(N, T, H), dtype=np.result_type(inputs, h0, Wh))
    for t in range(T):
        a = inputs[:, t] + _before(h, h0, t) @ Wh
        h[:, t] = np.tanh(a)

    def backward(dy: Array) -> tuple[Array, ...]:
        da, carry = np.empty_like(h), np.zeros_like(h0)
        for t in reversed(range(T)):
            dh = dy[:, t] + carry
            da[:, t] = dh * (1 - h[:, t] * h[:, t])
            carry = da[:, t] @ Wh.T
        dh0 = carry
        dx, dWx, db = _through_inputs(da, x, Wx)
        dWh = _product(_all_before(h, h0), da)
        return dx, dh0, dWx, dWh, db

    return h, backward


def lstm(x: Array, h0: Array, c0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Backward]:
    """h_t = o ⊙ tanh c_t,  c_t = f ⊙ c_{t−1} + i ⊙ g,  gates i, f, o = σ(a), g = tanh(a)

    x (N, T, D), h0, c0 (N, H), Wx (D, 4H), Wh (H, 4H), b (4H,) -> h (N, T, H)

    with a = x_t Wx + h_{t−1} Wh + b cut into four, in the order i, f, g, o (Hochreiter and
    Schmidhuber, 1997; the forget gate from Gers et al., 2000).

        dh = dy_t + da_{t+1} Whᵀ                      from the output, and from the next step
        dc = dh o (1 − tanh² c_t) + dc_{t+1} f_{t+1}  through the output, and along the cell
        di = dc g,    df = dc c_{t−1},    dg = dc i,    do = dh tanh c_t
        da = (di i(1−i), df f(1−f), dg (1−g²), do o(1−o))
        dx, dWx, dWh, db from da as in the plain recurrent layer
    """
    N, T, H = _recurrent(x, (h0, c0), Wx, Wh, b, gates=4)

    inputs = x @ Wx + b
    dtype = np.result_type(inputs, h0, c0, Wh)
    h, c, i, f, g, o = (np.empty((N, T, H), dtype=dtype) for _ in range(6))
    for t in range(T):
        a = inputs[:, t] + _before(h, h0, t) @ Wh
        ai, af, ag, ao = _gates(a, H)
        i[:, t], f[:, t], g[:, t], o[:, t] = _σ(ai), _σ(af), np.tanh(ag), _σ(ao)
        c[:, t] = f[:, t] * _before(c, c0, t) + i[:, t] * g[:, t]
        h[:, t] = o[:, t] * np.tanh(c[:, t])

    def backward(dy: Array) -> tuple[Array, ...]:
        tanh_c, c_before = np.tanh(c), _all_before(c, c0)
        da = np.empty((N, T, 4 * H), dtype=dy.dtype)
        carry_h, carry_c = np.zeros_like(h0), np.zeros_like(c0)
        for t in reversed(range(T)):
            dh = dy[:, t] + carry_h
            dc = dh * o[:, t] * (1 - tanh_c[:, t] ** 2) + carry_c
            di, df = dc * g[:, t], dc * c_before[:, t]
            dg, do = dc * i[:, t], dh * tanh_c[:, t]
            dai = di * i[:, t] * (1 - i[:, t])
            daf = df * f[:, t] * (1 - f[:, t])
            dag = dg * (1 - g[:, t] ** 2)
            dao = do * o[:, t] * (1 - o[:, t])
            da[:, t] = np.concatenate([dai, daf, dag, dao], axis=1)
            carry_c = dc * f[:, t]
            carry_h = da[:, t] @ Wh.T
        dh0, dc0 = carry_h, carry_c
        dx, dWx, db = _through_inputs(da, x, Wx)
        dWh = _product(_all_before(h, h0), da)
        return dx, dh0, dc0, dWx, dWh, db

    return h, backward


def gru(x: Array, h0: Array, Wx: Array, Wh: Array, b: Array) -> tuple[Array, Backward]:
    """h_t = (1 − z) ⊙ n + z ⊙ h_{t−1},  r, z = σ(…),  n = tanh(x_t Wx_n + (r ⊙ h_{t−1}) Wh_n + b_n)

    x (N, T, D), h0 (N, H), Wx (D, 3H), Wh (H, 3H), b (3H,) -> h (N, T, H)

    Weights in the order r, z, n. The reset gate is applied before the product, as in the paper of
    Cho et al., 2014; some libraries apply it after, to (h_{t−1} Wh_n), which is another function.

        dh = dy_t + what h_t gave to the next step
        dz = dh (h_{t−1} − n),    dn = dh (1 − z)
        dan = dn (1 − n²),    dreset = dan Wh_nᵀ,     reset = r h_{t−1}
        dr = dreset h_{t−1},    dar = dr r(1−r),    daz = dz z(1−z)
        dh_{t−1} = dh z + dreset r + dar Wh_rᵀ + daz Wh_zᵀ
        dWh_n = Σ_t resetᵀ dan,    dWh_r = Σ_t h_{t−1}ᵀ dar,    dWh_z = Σ_t h_{t−1}ᵀ daz
    """
    N, T, H = _recurrent(x, (h0,), Wx, Wh, b, gates=3)

    inputs = x @ Wx + b
    dtype = np.result_type(inputs, h0, Wh)
    h, r, z, n, reset = (np.empty((N, T, H), dtype=dtype) for _ in range(5))
    Wh_gates, Wh_n = Wh[:, : 2 * H], Wh[:, 2 * H :]
    for t in range(T):
        before = _before(h, h0, t)
        ar, az = _gates(inputs[:, t, : 2 * H] + before @ Wh_gates, H)
        r[:, t], z[:, t] = _σ(ar), _σ(az)
        reset[:, t] = r[:, t] * before
        n[:, t] = np.tanh(inputs[:, t, 2 * H :] + reset[:, t] @ Wh_n)
        h[:, t] = (1 - z[:, t]) * n[:, t] + z[:, t] * before

    def backward(dy: Array) -> tuple[Array, ...]:
        h_before = _all_before(h, h0)
        da = np.empty((N, T, 3 * H), dtype=dy.dtype)
        carry = np.zeros_like(h0)
        for t in reversed(range(T)):
            dh = dy[:, t] + carry
            dz = dh * (h_before[:, t] - n[:, t])
            dn = dh * (1 - z[:, t])
            dan = dn * (1 - n[:, t] ** 2)
            dreset = dan @ Wh_n.T
            dr = dreset * h_before[:, t]
            dar = dr * r[:, t] * (1 - r[:, t])
            daz = dz * z[:, t] * (1 - z[:, t])
            dgates = np.concatenate([dar, daz], axis=1)
            carry = dh * z[:, t] + dreset * r[:, t] + dgates @ Wh_gates.T
            da[:, t] = np.concatenate([dgates, dan], axis=1)
        dh0 = carry
        dx, dWx, db = _through_inputs(da, x, Wx)
        dWh_gates = _product(h_before, da[:, :, : 2 * H])
        dWh_n = _product(reset, da[:, :, 2 * H :])
        dWh = np.concatenate([dWh_gates, dWh_n], axis=1)
        return dx, dh0, dWx, dWh, db

    return h, backward


def _σ(x: Array) -> Array:
    return sigmoid(x)[0]


def _gates(a: Array, H: int) -> list[Array]:
    """a (N, …·H) cut into parts of H columns, one a gate: five times quicker than np.split, at every step."""
    return [a[:, first : first + H] for first in range(0, a.shape[1], H)]


def _before(h: Array, h0: Array, t: int) -> Array:
    """The state that step t reads."""
    return h[:, t - 1] if t > 0 else h0


def _all_before(h: Array, h0: Array) -> Array:
    """The states that the steps read, (N, T, H)."""
    return np.concatenate([h0[:, None], h[:, :-1]], axis=1)


def _product(x: Array, da: Array) -> Array:
    """Σ_nt x_nti da_ntj: the gradient of a weight that every time step shares."""
    return x.reshape(-1, x.shape[2]).T @ da.reshape(-1, da.shape[2])


def _through_inputs(da: Array, x: Array, Wx: Array) -> tuple[Array, Array, Array]:
    """The way back of a = x Wx + b, all time steps at once: dx, dWx, db."""
    dx = da @ Wx.T
    dWx = _product(x, da)
    db = total(da)
    return dx, dWx, db


def _recurrent(
    x: Array, states: tuple[Array, ...], Wx: Array, Wh: Array, b: Array, *, gates: int
) -> tuple[int, int, int]:
    """N, T and H, if the shapes fit together."""
    expect(x.ndim == 3, f"x has shape {x.shape}, expected (N, T, D)")
    N, T, D = x.shape
    H = len(Wh)
    for state in states:
        expect(state.shape == (N, H), f"an initial state has shape {state.shape}, not {(N, H)}")
    for name, array, shape in (
        ("Wx", Wx, (D, gates * H)),
        ("Wh", Wh, (H, gates * H)),
        ("b", b, (gates * H,)),
    ):
        expect(array.shape == shape, f"{name} has shape {array.shape}, expected {shape}")
    return N, T, H
