"""Layers as strangers write them (time first, channels first, loops, other names), and their mistakes.

Every second mistake is set aside: the hypotheses were written with the others in view, these are only
measured. A mistake is a text in the source that is replaced by another, the gradient it spoils, and the
codes that would be true of it.
"""

from __future__ import annotations

import inspect
import linecache
from dataclasses import dataclass

import numpy as np


def elman(x, h0, U, V, c):
    """Time first, states stacked."""
    T = x.shape[0]
    hs = [h0]
    for t in range(T):
        hs.append(np.tanh(x[t] @ U + hs[-1] @ V + c))
    out = np.stack(hs[1:])

    def backward(g):
        gx, gU, gV, gc = np.zeros_like(x), np.zeros_like(U), np.zeros_like(V), np.zeros_like(c)
        carried = np.zeros_like(h0)
        for t in range(T - 1, -1, -1):
            total = g[t] + carried
            z = total * (1 - hs[t + 1] ** 2)
            gx[t] = z @ U.T
            gU += x[t].T @ z
            gV += hs[t].T @ z
            gc += z.sum(0)
            carried = z @ V.T
        return gx, carried, gU, gV, gc

    return out, backward


def last_state(x, U, V):
    """Only the last state is returned."""
    h = np.zeros((x.shape[0], V.shape[0]))
    hs = [h]
    for t in range(x.shape[1]):
        h = np.tanh(x[:, t] @ U + h @ V)
        hs.append(h)

    def backward(g):
        gx, gU, gV = np.zeros_like(x), np.zeros_like(U), np.zeros_like(V)
        gh = g
        for t in reversed(range(x.shape[1])):
            z = gh * (1 - hs[t + 1] ** 2)
            gx[:, t] = z @ U.T
            gU += x[:, t].T @ z
            gV += hs[t].T @ z
            gh = z @ V.T
        return gx, gU, gV

    return h, backward


def exponential_average(x, a):
    """s_t = a s_{t-1} + (1 − a) x_t along the last axis."""
    s = np.zeros_like(x)
    before = np.zeros(x.shape[0])
    for t in range(x.shape[1]):
        before = a * before + (1 - a) * x[:, t]
        s[:, t] = before

    def backward(g):
        gx, ga, run = np.zeros_like(x), np.zeros_like(a), np.zeros(x.shape[0])
        for t in range(x.shape[1] - 1, -1, -1):
            run = g[:, t] + run
            gx[:, t] = (1 - a) * run
            old = s[:, t - 1] if t > 0 else 0.0
            ga += (run * (old - x[:, t])).sum()
            run = a * run
        return gx, ga

    return s, backward


def convolution(image, kernel, bias):
    """Channels first: (N, C, H, W) with (F, C, k, k), padding 1."""
    k = kernel.shape[2]
    padded = np.pad(image, ((0, 0), (0, 0), (1, 1), (1, 1)))
    H, W = image.shape[2] + 3 - k, image.shape[3] + 3 - k
    out = np.zeros((image.shape[0], kernel.shape[0], H, W))
    for i in range(H):
        for j in range(W):
            patch = padded[:, :, i : i + k, j : j + k]
            out[:, :, i, j] = np.einsum("ncuv,fcuv->nf", patch, kernel) + bias

    def backward(g):
        gp, gk = np.zeros_like(padded), np.zeros_like(kernel)
        for i in range(H):
            for j in range(W):
                here = g[:, :, i, j]
                gp[:, :, i : i + k, j : j + k] += np.einsum("nf,fcuv->ncuv", here, kernel)
                gk += np.einsum("nf,ncuv->fcuv", here, padded[:, :, i : i + k, j : j + k])
        gb = g.sum(axis=(0, 2, 3))
        return gp[:, :, 1:-1, 1:-1], gk, gb

    return out, backward


def pool(z):
    """Maxima of pairs along the last axis."""
    pairs = z.reshape(z.shape[0], -1, 2)
    winner = pairs.argmax(axis=2)

    def backward(g):
        gz = np.zeros_like(pairs)
        chosen = pairs.argmax(axis=2)
        n, m = np.indices(chosen.shape)
        gz[n, m, chosen] = g
        return gz.reshape(z.shape)

    return np.take_along_axis(pairs, winner[..., None], 2)[..., 0], backward


def affine(X, M, v):
    """One example at a time."""
    Y = np.stack([x @ M + v for x in X])

    def backward(G):
        GX, GM, Gv = np.zeros_like(X), np.zeros_like(M), np.zeros_like(v)
        for n in range(len(X)):
            GX[n] = M @ G[n]
            GM += np.outer(X[n], G[n])
            Gv += G[n]
        return GX, GM, Gv

    return Y, backward


def embed_bag(table, ids):
    """The sum of the rows of each bag."""
    out = table[ids].sum(axis=1)

    def backward(g):
        gt = np.zeros_like(table)
        for bag, grad in zip(ids, g, strict=True):
            for i in bag:
                gt[i] += grad
        return gt, None

    return out, backward


def gelu(u):
    """The approximation by tanh."""
    c = np.sqrt(2 / np.pi)
    t = np.tanh(c * (u + 0.044715 * u**3))
    out = 0.5 * u * (1 + t)

    def backward(g):
        inner = c * (1 + 3 * 0.044715 * u**2)
        return g * (0.5 * (1 + t) + 0.5 * u * (1 - t**2) * inner)

    return out, backward


def sigmoid(u):
    s = 1 / (1 + np.exp(-u))

    def backward(g):
        return g * s * (1 - s)

    return s, backward


def softplus(u):
    out = np.log1p(np.exp(u))

    def backward(g):
        return g / (1 + np.exp(-u))

    return out, backward


def swish(u):
    s = 1 / (1 + np.exp(-u))

    def backward(g):
        return g * (s + u * s * (1 - s))

    return u * s, backward


def prelu(u, slope):
    """One slope for each feature."""
    out = np.where(u > 0, u, slope * u)

    def backward(g):
        gu = np.where(u > 0, g, slope * g)
        gs = np.where(u > 0, 0.0, u * g).sum(axis=0)
        return gu, gs

    return out, backward


def unit(u):
    """u / |u|, row by row."""
    norm = np.sqrt((u**2).sum(axis=1, keepdims=True))
    e = u / norm

    def backward(g):
        return (g - e * (g * e).sum(axis=1, keepdims=True)) / norm

    return e, backward


def batch_standardized(F, gain, shift):
    """Channels first (N, C, L): statistics over batch and length."""
    mean = F.mean(axis=(0, 2), keepdims=True)
    centred = F - mean
    var = (centred**2).mean(axis=(0, 2), keepdims=True)
    inv = 1 / np.sqrt(var + 1e-5)
    hat = centred * inv
    out = gain[None, :, None] * hat + shift[None, :, None]

    def backward(g):
        m = F.shape[0] * F.shape[2]
        ggain = (g * hat).sum(axis=(0, 2))
        gshift = g.sum(axis=(0, 2))
        ghat = g * gain[None, :, None]
        through_mean = ghat.sum(axis=(0, 2), keepdims=True) / m
        through_var = hat * (ghat * hat).sum(axis=(0, 2), keepdims=True) / m
        gF = inv * (ghat - through_mean - through_var)
        return gF, ggain, gshift

    return out, backward


def cross_entropy(scores, target):
    shifted = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    p = p / p.sum(axis=1, keepdims=True)
    N = len(target)
    loss = -np.log(p[np.arange(N), target]).mean()

    def backward(g):
        d = p.copy()
        d[np.arange(N), target] -= 1
        return g * d / N, None

    return loss, backward


def ridge(X, w, t):
    """Half the mean squared error, with a penalty."""
    r = X @ w - t
    loss = 0.5 * (r**2).mean() + 0.05 * (w**2).sum()

    def backward(g):
        n = len(t)
        gX = g * np.outer(r, w) / n
        gw = g * (X.T @ r / n + 0.1 * w)
        return gX, gw, -g * r / n

    return loss, backward


def cumulative(v):
    """Running sums along the last axis."""
    out = np.cumsum(v, axis=1)

    def backward(g):
        return np.cumsum(g[:, ::-1], axis=1)[:, ::-1]

    return out, backward


def kernel_matrix(A, B):
    """exp(−γ |a − b|²)."""
    gamma = 0.3
    diff = A[:, None, :] - B[None, :, :]
    K = np.exp(-gamma * (diff**2).sum(axis=2))

    def backward(g):
        w = -2 * gamma * (g * K)[:, :, None] * diff
        return w.sum(axis=1), -w.sum(axis=0)

    return K, backward


def attend(Q, K, V):
    """Queries and keys with a temperature."""
    tau = np.sqrt(Q.shape[1])
    s = Q @ K.T / tau
    e = np.exp(s - s.max(axis=1, keepdims=True))
    a = e / e.sum(axis=1, keepdims=True)

    def backward(g):
        gV = a.T @ g
        ga = g @ V.T
        gs = a * (ga - (a * ga).sum(axis=1, keepdims=True))
        gQ = gs @ K / tau
        gK = gs.T @ Q / tau
        return gQ, gK, gV

    return a @ V, backward


def residual(x, W):
    """x + tanh(x W)."""
    t = np.tanh(x @ W)

    def backward(g):
        z = g * (1 - t**2)
        return g + z @ W.T, x.T @ z

    return x + t, backward


RNG = np.random.default_rng(11)


def normal(*shape):
    return RNG.normal(size=shape)


INPUTS = {
    elman: [normal(4, 3, 2), normal(3, 3), normal(2, 3), normal(3, 3) / 2, normal(3)],
    last_state: [normal(3, 4, 2), normal(2, 3), normal(3, 3) / 2],
    exponential_average: [normal(3, 5), np.array(0.7)],
    convolution: [normal(2, 2, 5, 5), normal(3, 2, 3, 3), normal(3)],
    pool: [normal(3, 6)],
    affine: [normal(4, 3), normal(3, 3), normal(3)],
    embed_bag: [normal(6, 3), np.array([[0, 2, 2], [2, 4, 4], [5, 0, 1]])],
    gelu: [normal(4, 3)],
    sigmoid: [normal(4, 3)],
    softplus: [normal(4, 3)],
    swish: [normal(4, 3)],
    prelu: [normal(4, 4), np.array([0.2, 0.1, 0.3, 0.25])],
    unit: [normal(4, 3)],
    batch_standardized: [normal(4, 3, 5), 1 + normal(3) / 4, normal(3)],
    cross_entropy: [normal(5, 4), np.array([0, 3, 1, 1, 2])],
    ridge: [normal(6, 3), normal(3), normal(6)],
    cumulative: [normal(3, 5)],
    kernel_matrix: [normal(4, 3), normal(5, 3)],
    attend: [normal(4, 3), normal(5, 3), normal(5, 2)],
    residual: [normal(4, 3), normal(3, 3)],
}


@dataclass(frozen=True)
class Case:
    """A mistake in a stranger's layer: `true` are the codes that would be true of `gradient`."""

    layer: object
    right: str
    wrong: str
    gradient: str
    true: tuple[str, ...]
    """Besides `unknown`, which is honest and names nothing."""

    @property
    def planted(self):
        """The layer with the mistake in it, and with source that can be read."""
        source = inspect.getsource(self.layer)
        assert source.count(self.right) == 1, (self.layer.__name__, self.right)
        text, name = (
            source.replace(self.right, self.wrong),
            f"<{self.layer.__name__}: {self.wrong}>",
        )
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
        scope = {"np": np}
        exec(compile(text, name, "exec"), scope)
        return scope[self.layer.__name__]


CASES = [
    Case(elman, "total = g[t] + carried", "total = g[t]", "x", ("carry-dropped",)),
    Case(elman, "carried = z @ V.T", "carried = z @ V", "x", ("carry-dropped", "transposed")),
    Case(
        elman, "carried = z @ V.T", "carried = total @ V.T", "x", ("carry-dropped", "missing-mask")
    ),
    Case(elman, "gc += z.sum(0)", "gc = z.sum(0)", "c", ("overlap-overwritten", "not-summed")),
    Case(elman, "gU += x[t].T @ z", "gU = x[t].T @ z", "U", ("overlap-overwritten", "not-summed")),
    Case(elman, "gV += hs[t].T @ z", "gV += hs[t + 1].T @ z", "V", ("shifted",)),
    Case(last_state, "gh = z @ V.T", "gh = z", "x", ("carry-dropped",)),
    Case(last_state, "gh = z @ V.T", "gh = g", "U", ("carry-dropped",)),
    Case(exponential_average, "run = g[:, t] + run", "run = g[:, t]", "x", ("carry-dropped",)),
    Case(exponential_average, "gx[:, t] = (1 - a) * run", "gx[:, t] = run", "x", ("scaled",)),
    Case(
        convolution,
        'k] += np.einsum("nf,fcuv',
        'k] = np.einsum("nf,fcuv',
        "image",
        ("overlap-overwritten",),
    ),
    Case(convolution, "here, kernel)", "here, kernel[:, :, ::-1, ::-1])", "image", ("flipped",)),
    Case(convolution, "gp[:, :, 1:-1, 1:-1]", "gp[:, :, :-2, :-2]", "image", ("shifted",)),
    Case(convolution, "g.sum(axis=(0, 2, 3))", "g.mean(axis=(0, 2, 3))", "bias", ("averaged",)),
    Case(
        convolution,
        "g.sum(axis=(0, 2, 3))",
        "g.sum(axis=(2, 3))[0]",
        "bias",
        ("not-summed", "overlap-overwritten"),
    ),
    Case(convolution, "gk += np.einsum", "gk = np.einsum", "kernel", ("overlap-overwritten",)),
    Case(
        pool,
        "chosen = pairs.argmax(axis=2)",
        "chosen = pairs.argmin(axis=2)",
        "z",
        ("missing-mask",),
    ),
    Case(pool, "gz[n, m, chosen] = g", "gz[:] = g[..., None]", "z", ("missing-mask",)),
    Case(
        affine,
        "GM += np.outer(X[n], G[n])",
        "GM = np.outer(X[n], G[n])",
        "M",
        ("overlap-overwritten", "not-summed"),
    ),
    Case(affine, "Gv += G[n]", "Gv = G[n]", "v", ("overlap-overwritten", "not-summed")),
    Case(affine, "np.outer(X[n], G[n])", "np.outer(G[n], X[n])", "M", ("transposed",)),
    Case(affine, "M @ G[n]", "G[n] @ M", "X", ("transposed",)),
    Case(embed_bag, "gt[i] += grad", "gt[i] = grad", "table", ("repeated-index-lost",)),
    Case(embed_bag, "for i in bag:", "for i in set(bag):", "table", ("repeated-index-lost",)),
    Case(gelu, "inner = c * (1 + 3 * 0.044715", "inner = c * (1 + 3 * 0.04471", "u", ("inexact",)),
    Case(gelu, "(1 - t**2) * inner", "(1 - t**2)", "u", ("extra-term",)),
    Case(sigmoid, "g * s * (1 - s)", "g * s * (1 - s) * s * (1 - s)", "u", ("missing-mask",)),
    Case(sigmoid, "g * s * (1 - s)", "g * s", "u", ("missing-mask",)),
    Case(sigmoid, "g * s * (1 - s)", "g * u * (1 - u)", "u", ("missing-mask",)),
    Case(softplus, "g / (1 + np.exp(-u))", "g / (1 + np.exp(-out))", "u", ("missing-mask",)),
    Case(softplus, "g / (1 + np.exp(-u))", "g / (1 + np.exp(-u) + 1e-6)", "u", ("inexact",)),
    Case(swish, "(s + u * s * (1 - s))", "s", "u", ("extra-term",)),
    Case(swish, "(s + u * s * (1 - s))", "(s - u * s * (1 - s))", "u", ("extra-term",)),
    Case(prelu, ".sum(axis=0)", ".sum(axis=1)", "slope", ("not-summed",)),
    Case(prelu, "np.where(u > 0, g, slope * g)", "g", "u", ("missing-mask",)),
    Case(prelu, ".sum(axis=0)", ".sum()", "slope", ("not-summed",)),
    Case(
        unit,
        "(g - e * (g * e).sum(axis=1, keepdims=True))",
        "g",
        "u",
        ("statistics-held-constant", "diagonal-only"),
    ),
    Case(unit, "(g * e).sum(axis=1", "(g * e).sum(axis=0", "u", ("not-summed",)),
    Case(
        batch_standardized,
        "ghat - through_mean - through_var",
        "ghat - through_mean",
        "F",
        ("statistics-held-constant",),
    ),
    Case(
        batch_standardized,
        "ghat - through_mean - through_var",
        "ghat - through_var",
        "F",
        ("statistics-held-constant",),
    ),
    Case(
        batch_standardized,
        "gshift = g.sum(axis=(0, 2))",
        "gshift = g.sum(axis=(0, 2)) / m",
        "shift",
        ("averaged",),
    ),
    Case(
        batch_standardized,
        "m = F.shape[0] * F.shape[2]",
        "m = F.shape[0]",
        "F",
        ("statistics-held-constant",),
    ),
    Case(cross_entropy, "g * d / N", "g * d", "scores", ("scaled",)),
    Case(cross_entropy, "g * d / N", "g * d / N + 0.01 * scores", "scores", ("extra-term",)),
    Case(
        cross_entropy,
        "d = p.copy()",
        "d = np.clip(p, 1e-6, 1).copy() + 2e-7",
        "scores",
        ("inexact", "extra-term"),
    ),
    Case(cross_entropy, "d = p.copy()", "d = shifted.copy()", "scores", ()),
    Case(ridge, "+ 0.1 * w", "+ 0.05 * w", "w", ("extra-term",)),
    Case(ridge, "gX = g * np.outer(r, w) / n", "gX = g * np.outer(r, w)", "X", ("scaled",)),
    Case(ridge, "-g * r / n", "g * r / n", "t", ("sign-flipped",)),
    Case(
        cumulative,
        "np.cumsum(g[:, ::-1], axis=1)[:, ::-1]",
        "np.cumsum(g, axis=1)",
        "v",
        ("flipped",),
    ),
    Case(
        cumulative,
        "np.cumsum(g[:, ::-1], axis=1)[:, ::-1]",
        "g.copy()",
        "v",
        ("diagonal-only", "missing-mask"),
    ),
    Case(kernel_matrix, "w = -2 * gamma", "w = -gamma", "A", ("scaled",)),
    Case(kernel_matrix, "-w.sum(axis=0)", "w.sum(axis=0)", "B", ("sign-flipped",)),
    Case(
        kernel_matrix, "w.sum(axis=1), ", "w[:, -1], ", "A", ("overlap-overwritten", "not-summed")
    ),
    Case(
        attend,
        "(ga - (a * ga).sum(axis=1, keepdims=True))",
        "ga",
        "Q",
        ("diagonal-only", "statistics-held-constant"),
    ),
    Case(attend, "(a * ga).sum(axis=1", "(a * ga).sum(axis=0", "Q", ("not-summed",)),
    Case(attend, "gK = gs.T @ Q / tau", "gK = gs.T @ Q", "K", ("scaled",)),
    Case(attend, "gV = a.T @ g", "gV = s.T @ g", "V", ()),
    Case(residual, "g + z @ W.T", "z @ W.T", "x", ("extra-term",)),
    Case(residual, "g + z @ W.T", "g + 0.5 * z @ W.T", "x", ("extra-term", "scaled")),
    Case(residual, "x.T @ z", "x.T @ z + 1e-3 * W", "W", ("extra-term",)),
    Case(residual, "z = g * (1 - t**2)", "z = g * (1 - t)", "W", ()),
]

SEEN, HELD_OUT = CASES[::2], CASES[1::2]
