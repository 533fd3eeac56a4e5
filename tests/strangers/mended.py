"""Code in the styles of people who were never met, in which a planted mistake once had no name or the wrong line."""

import math

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def output_gate_forward(xt, a_prev, c_next, Wo, bo, Wc):
    concat = np.concatenate([a_prev, xt], axis=0)
    ot = sigmoid(np.dot(Wo, concat) + bo)
    a_next = ot * np.tanh(c_next) + np.dot(Wc, a_prev)
    return a_next, (xt, a_prev, c_next, ot, Wo, Wc, concat)


def output_gate_backward(da_next, cache):
    xt, a_prev, c_next, ot, Wo, Wc, concat = cache
    n_a = len(a_prev)
    dWc = np.dot(da_next, a_prev.T)
    dc_next = da_next * ot * (1 - np.tanh(c_next) ** 2)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dWo = np.dot(dot, concat.T)
    dbo = np.sum(dot, axis=1, keepdims=True)
    da_prev = np.dot(Wo[:, :n_a].T, dot) + np.dot(Wc.T, da_next)
    dxt = np.dot(Wo[:, n_a:].T, dot)
    return dxt, da_prev, dc_next, dWo, dbo, dWc


def cost(theta, X, t):
    m, n = X.shape
    J = 0.0
    grad = np.zeros(n)
    for i in range(m):
        a = 0.0
        for j in range(n):
            a += theta[j] * X[i, j]
        h = 1.0 / (1.0 + math.exp(-a))
        J += -t[i] * math.log(h) - (1 - t[i]) * math.log(1 - h)
        for j in range(n):
            grad[j] += (h - t[i]) * X[i, j]
    return J / m, grad / m


def gates_forward(x, W, c0):
    d = len(c0)
    a = x @ W
    s = np.zeros_like(a)
    c = np.zeros((len(x), d))
    for t in range(len(x)):
        s[t, : 2 * d] = 1 / (1 + np.exp(-a[t, : 2 * d]))
        s[t, 2 * d :] = np.tanh(a[t, 2 * d :])
        before = c[t - 1] if t > 0 else c0
        c[t] = s[t, :d] * s[t, 2 * d :] + s[t, d : 2 * d] * before
    return c, (x, W, c0, a, s, c)


def gates_backward(dc_in, cache):
    x, W, c0, a, s, c = cache
    d = len(c0)
    dc = dc_in.copy()
    ds = np.zeros_like(s)
    da = np.zeros_like(a)
    dc0 = np.zeros_like(c0)
    for t in reversed(range(len(x))):
        ds[t, :d] = s[t, 2 * d :] * dc[t]
        ds[t, 2 * d :] = s[t, :d] * dc[t]
        if t > 0:
            ds[t, d : 2 * d] = c[t - 1] * dc[t]
            dc[t - 1] += s[t, d : 2 * d] * dc[t]
        else:
            ds[t, d : 2 * d] = c0 * dc[t]
            dc0 += s[t, d : 2 * d] * dc[t]
        y = s[t, : 2 * d]
        da[t, : 2 * d] = y * (1 - y) * ds[t, : 2 * d]
        da[t, 2 * d :] = (1 - s[t, 2 * d :] ** 2) * ds[t, 2 * d :]
    return da @ W.T, x.T @ da, dc0


MISTAKES = [
    ("output_gate", "da_next * np.tanh(c_next) * ot", "da_next * c_next * ot", "missing-mask"),
    ("cost", "(h - t[i]) * X[i, j]", "(h - t[i]) * h * (1 - h) * X[i, j]", "missing-mask"),
    ("gates", "y * (1 - y) * ds[t, : 2 * d]", "y * (1 - y) * ds[t, d:]", "shifted"),
]
