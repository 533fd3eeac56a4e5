"""Backward passes in the manners of many hands: caches in objects and dictionaries, lists, views, loops, records.

Each mistake of the list at the end changes one line; the line was written down before anything was checked.
"""

import functools
from dataclasses import dataclass, field

import numpy as np


class Layer:
    def __init__(self):
        self.cache = {}
        self.grads = {}

    @property
    def width(self):
        return self.cache["x"].shape[-1]

    @property
    def xhat(self):
        return self.cache["xhat"]

    def __call__(self, x):
        return self.forward(x)


class Norm(Layer):
    def __init__(self, scale, shift):
        super().__init__()
        self.scale = scale
        self.shift = shift

    def forward(self, x):
        self.cache["x"] = x
        mu = x.mean(axis=-1, keepdims=True)
        sd = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-5)
        xhat = (x - mu) / sd
        self.cache["xhat"] = xhat
        self.cache["sd"] = sd
        return self.scale * xhat + self.shift

    def backward(self, g):
        sd = self.cache["sd"]
        self.grads["scale"] = (g * self.xhat).sum(axis=0)
        self.grads["shift"] = g.sum(axis=0)
        dxhat = g * self.scale
        inner = (
            self.width * dxhat
            - dxhat.sum(axis=-1, keepdims=True)
            - self.xhat * (dxhat * self.xhat).sum(axis=-1, keepdims=True)
        )
        dx = inner / (self.width * sd)
        return dx


class GatedNorm(Norm):
    """Norm, then a gate: y = n * sigmoid(n)."""

    def forward(self, x):
        n = super().forward(x)
        s = 1.0 / (1.0 + np.exp(-n))
        self.cache["n"] = n
        self.cache["s"] = s
        return n * s

    def backward(self, g):
        n, s = self.cache["n"], self.cache["s"]
        dn = g * (s + n * s * (1 - s))
        return super().backward(dn)


def run_forward(X, params):
    cache = {"A0": X}
    L = len(params) // 2
    for l in range(1, L + 1):
        cache[f"Z{l}"] = cache[f"A{l - 1}"] @ params[f"W{l}"] + params[f"b{l}"]
        cache[f"A{l}"] = np.tanh(cache[f"Z{l}"]) if l < L else cache[f"Z{l}"]
    return cache


def run_backward(cache, params, Y):
    m = Y.shape[0]
    L = len(params) // 2
    grads = {}
    dA = cache[f"A{L}"] - Y
    for l in range(L, 0, -1):
        if l == L:
            dZ = dA
        else:
            dZ = dA * (1 - cache[f"A{l}"] ** 2)
        grads[f"dW{l}"] = cache[f"A{l - 1}"].T @ dZ / m
        grads[f"db{l}"] = dZ.sum(axis=0) / m
        dA = dZ @ params[f"W{l}"].T
    return grads


def loss(W1, b1, W2, b2, W3, b3, X, Y):
    params = {"W1": W1, "b1": b1, "W2": W2, "b2": b2, "W3": W3, "b3": b3}
    cache = run_forward(X, params)
    cost = 0.5 * np.sum((cache["A3"] - Y) ** 2) / Y.shape[0]
    grads = run_backward(cache, params, Y)
    return cost, [grads[k] for k in ("dW1", "db1", "dW2", "db2", "dW3", "db3")]


def squashed(a):
    return 1 / (1 + np.exp(-a))


def gated(xs, h0, U, V, A):
    steps = []
    prev = h0
    outs = []
    for x in xs:
        f = squashed(prev @ V)
        cand = np.tanh(x @ A + (prev * f) @ U)
        h = (1 - f) * prev + f * cand
        steps.append((x, prev, f, cand))
        outs.append(h)
        prev = h

    def backward(d_outs):
        gU, gV, gA = np.zeros_like(U), np.zeros_like(V), np.zeros_like(A)
        d_xs = []
        d_h = np.zeros_like(h0)
        for (x, prev, f, cand), d_out in zip(reversed(steps), d_outs[::-1]):
            d_h = d_h + d_out
            d_c = d_h * f * (1 - cand**2)
            d_f = d_h * (cand - prev) + (d_c @ U.T) * prev
            d_af = d_f * f * (1 - f)
            gA += x.T @ d_c
            gU += (prev * f).T @ d_c
            gV += prev.T @ d_af
            d_xs.insert(0, d_c @ A.T)
            d_prev = d_h * (1 - f) + d_c @ U.T * f + d_af @ V.T
            d_h = d_prev
        return np.array(d_xs), d_h, gU, gV, gA

    return np.array(outs), backward


def counted(function):
    @functools.wraps(function)
    def inner(*args, **kwargs):
        inner.calls += 1
        return function(*args, **kwargs)

    inner.calls = 0
    return inner


def affine(x, W, b):
    return x @ W + b


@counted
def affine_grad(g, x, W):
    return g @ W.T, x.T @ g, g.sum(0)


slope = 0.1


def block(x, W1, b1, W2, b2):
    """y = x + 0.5 * (leaky(x W1 + b1) W2 + b2)"""
    pre = affine(x, W1, b1)
    hidden = np.where(pre > 0, pre, slope * pre)
    out = affine(hidden, W2, b2)
    y = x + 0.5 * out

    def backward(g_out):
        g_hidden, gW2, gb2 = affine_grad(g_out * 0.5, hidden, W2)
        g_pre = g_hidden * np.where(pre > 0, 1.0, slope)
        g_x, gW1, gb1 = affine_grad(g_pre, x, W1)
        return g_x + g_out, gW1, gb1, gW2, gb2

    return y, backward


def depthwise(img, ker, bias, *, s=2, dil=2):
    B, H, W, C = img.shape
    kh, kw, _ = ker.shape
    oh = (H - dil * (kh - 1) - 1) // s + 1
    ow = (W - dil * (kw - 1) - 1) // s + 1
    out = np.zeros((B, oh, ow, C))
    for p in range(oh):
        for q in range(ow):
            win = img[:, s * p : s * p + kh * dil : dil, s * q : s * q + kw * dil : dil, :]
            out[:, p, q, :] = (win * ker).sum(axis=(1, 2)) + bias

    def backward(dout):
        gimg = np.zeros_like(img)
        gker = np.zeros_like(ker)
        for b in range(B):
            for c in range(C):
                for p in range(oh):
                    top = s * p
                    for q in range(ow):
                        left = s * q
                        d = dout[b, p, q, c]
                        gimg[b, top : top + kh * dil : dil, left : left + kw * dil : dil, c] += (
                            d * ker[:, :, c]
                        )
                        gker[:, :, c] += (
                            d * img[b, top : top + kh * dil : dil, left : left + kw * dil : dil, c]
                        )
        gbias = np.einsum("bpqc->c", dout)
        return gimg, gker, gbias

    return out, backward


def mha(X, Wq, Wk, Wv, Wo):
    """X (B, N, M); Wq, Wk, Wv (M, H, D); Wo (H, D, M)"""
    scale = Wq.shape[-1] ** -0.5
    Q = np.einsum("bnm,mhd->bhnd", X, Wq)
    K = np.einsum("bnm,mhd->bhnd", X, Wk)
    V = np.einsum("bnm,mhd->bhnd", X, Wv)
    S = np.einsum("bhid,bhjd->bhij", Q, K) * scale
    S = S - S.max(axis=-1, keepdims=True)
    P = np.exp(S)
    P /= P.sum(axis=-1, keepdims=True)
    O = np.einsum("bhij,bhjd->bhid", P, V)
    Y = np.einsum("bhnd,hdm->bnm", O, Wo)

    def grad(dY):
        dWo = np.einsum("bhnd,bnm->hdm", O, dY)
        dO = np.einsum("bnm,hdm->bhnd", dY, Wo)
        dV = np.einsum("bhij,bhid->bhjd", P, dO)
        dP = np.einsum("bhid,bhjd->bhij", dO, V)
        dS = P * (dP - np.einsum("bhij,bhij->bhi", P, dP)[..., None])
        dQ = np.einsum("bhij,bhjd->bhid", dS, K) * scale
        dK = np.einsum("bhij,bhid->bhjd", dS, Q) * scale
        dWq = np.einsum("bnm,bhnd->mhd", X, dQ)
        dWk = np.einsum("bnm,bhnd->mhd", X, dK)
        dWv = np.einsum("bnm,bhnd->mhd", X, dV)
        dX = sum(np.einsum("bhnd,mhd->bnm", d, W) for d, W in ((dQ, Wq), (dK, Wk), (dV, Wv)))
        return dX, dWq, dWk, dWv, dWo

    return Y, grad


ids = np.array([[0, 2, 2], [1, 0, 3], [4, 4, 4]])


def bag(table, positions, weights, proj):
    vecs = table[ids] + positions
    total = weights.sum(axis=1)
    mean = (weights[:, :, None] * vecs).sum(axis=1) / total[:, None]
    logits = mean @ proj

    def backward(grad_logits):
        grad_proj = mean.T @ grad_logits
        grad_mean = grad_logits @ proj.T
        grad_vecs = grad_mean[:, None, :] * (weights / total[:, None])[:, :, None]
        grad_weights = (
            np.sum(grad_mean[:, None, :] * (vecs - mean[:, None, :]), axis=-1) / total[:, None]
        )
        grad_table = np.zeros_like(table)
        np.add.at(grad_table, ids, grad_vecs)
        grad_positions = grad_vecs.sum(axis=0)
        return grad_table, grad_positions, grad_weights, grad_proj

    return logits, backward


def cell(x, h_prev, c_prev, W, R, b):
    n = h_prev.shape[1]
    a = x @ W + h_prev @ R + b
    i = 1 / (1 + np.exp(-a[:, :n]))
    f = 1 / (1 + np.exp(-a[:, n : 2 * n]))
    o = 1 / (1 + np.exp(-a[:, 2 * n : 3 * n]))
    g = np.tanh(a[:, 3 * n :])
    c = f * c_prev + i * g
    tc = np.tanh(c)
    h = o * tc

    def backward(dh):
        da = np.empty_like(a)
        di, df, do, dg = (da[:, k * n : (k + 1) * n] for k in range(4))
        dc = dh * o * (1 - tc**2)
        np.multiply(dh * tc, o * (1 - o), out=do)
        np.multiply(dc * c_prev, f * (1 - f), out=df)
        np.multiply(dc * g, i * (1 - i), out=di)
        dg[...] = dc * i
        dg *= 1 - g**2
        dc_prev = dc * f
        dx = np.matmul(da, W.T)
        dh_prev = np.matmul(da, R.T)
        dW = np.matmul(x.T, da)
        dR = np.matmul(h_prev.T, da)
        return dx, dh_prev, dc_prev, dW, dR, da.sum(axis=0)

    return h, backward


def hinge(x, w, y, squared=True):
    norm = np.sqrt((w * w).sum(axis=0))
    unit = w / norm
    score = x @ unit
    margin = 1 - y * score
    active = np.maximum(margin, 0)
    per = active**2 if squared else active

    def backward(d_per):
        with np.errstate(divide="ignore", invalid="ignore"):
            coef = 2 * active
            try:
                d_margin = np.where(margin > 0, coef if squared else 1.0, 0.0)
            except ZeroDivisionError:
                raise RuntimeError("no margin")
            else:
                d_margin = d_margin * d_per
            d_score = -y * d_margin
            d_unit = x.T @ d_score
            d_norm = (d_unit * w).sum(axis=0) / norm**2
            d_w = d_unit / norm - d_norm * w / norm
            d_x = d_score @ unit.T
        return (d_x, d_w, None)

    return per, backward


def softmax(s):
    e = np.exp(s - s.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def heads(q_all, k_all, v_all, n_heads=2):
    if (rest := q_all.shape[1] % n_heads) != 0:
        raise ValueError(f"{rest} left over")
    root = np.sqrt(d := q_all.shape[1] // n_heads)
    qs, ks, vs = (
        [a[:, h * d : (h + 1) * d] for h in range(n_heads)] for a in (q_all, k_all, v_all)
    )
    ps = [softmax(q @ k.T / root) for q, k in zip(qs, ks)]
    outs = [p @ v for p, v in zip(ps, vs)]
    y = np.concatenate(outs, axis=1)

    def backward(dy):
        douts = np.split(dy, n_heads, axis=1)
        dvs = [p.T @ do for p, do in zip(ps, douts)]
        dps = [do @ v.T for do, v in zip(douts, vs)]
        dss = [p * (dp - (p * dp).sum(1, keepdims=True)) for p, dp in zip(ps, dps)]
        dqs = [s @ k / root for s, k in zip(dss, ks)]
        dks = [s.T @ q / root for s, q in zip(dss, qs)]
        return np.hstack(dqs), np.hstack(dks), np.hstack(dvs)

    return y, backward


def flow(x0, K, bias, dt=0.1, n=4):
    """x' = tanh(K x + bias), by Euler's steps; all states are returned."""
    states = [x0]
    for _ in range(n):
        states.append(states[-1] + dt * np.tanh(K @ states[-1] + bias))
    path = np.stack(states[1:])

    def slopes():
        for x in states[-2::-1]:
            t = np.tanh(K @ x + bias)
            yield x, 1 - t * t

    def backward(dpath):
        gK = np.zeros_like(K)
        gbias = np.zeros_like(bias)
        lam = np.zeros_like(x0)
        gs = iter(dpath[::-1])
        lam = lam + next(gs)
        for x, s in slopes():
            d = lam * s
            gK += dt * np.outer(d, x)
            gbias += dt * d
            jac = (s[:, None] * K).T
            g = next(gs, 0.0)
            lam = lam @ (np.eye(len(K)) + dt * jac).T + g
        return lam, gK, gbias

    return path, backward


@dataclass
class Node:
    kind: str
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    keep: dict = field(default_factory=dict)


def step_back(node, dout):
    match node.kind:
        case "matmul":
            buf = np.empty_like(node.right)
            np.matmul(node.left.T, dout, out=buf)
            return dout @ node.right.T, buf
        case "mul":
            dleft = dout * node.right
            dright = dout * node.left
            return dleft, dright
        case "sub":
            return dout, -dout


def program(u, A, B, v):
    """((u A) * v) B - v B"""
    first = Node("matmul", u, A, u @ A)
    second = Node("mul", first.value, v, first.value * v)
    third = Node("matmul", second.value, B, second.value @ B)
    fourth = Node("matmul", v, B, v @ B)
    last = Node("sub", third.value, fourth.value, third.value - fourth.value)

    def backward(dout):
        d3, d4 = step_back(last, dout)
        dv_b, dB_b = step_back(fourth, d4)
        d2, dB_a = step_back(third, d3)
        d1, dv_a = step_back(second, d2)
        du, dA = step_back(first, d1)
        return du, dA, dB_a + dB_b, dv_a + dv_b

    return last.value, backward


MISTAKES = [
    (
        "classy",
        "- dxhat.sum(axis=-1, keepdims=True)",
        "- dxhat.sum(axis=0, keepdims=True)",
    ),
    ("classy", 'self.grads["shift"] = g.sum(axis=0)', 'self.grads["shift"] = g.mean(axis=0)'),
    (
        "dictnet",
        'grads[f"dW{l}"] = cache[f"A{l - 1}"].T @ dZ / m',
        'grads[f"dW{l}"] = cache[f"A{l}"].T @ dZ / m',
    ),
    ("dictnet", 'dZ = dA * (1 - cache[f"A{l}"] ** 2)', 'dZ = dA * (1 - cache[f"Z{l}"] ** 2)'),
    (
        "steps",
        "d_prev = d_h * (1 - f) + d_c @ U.T * f + d_af @ V.T",
        "d_prev = d_h * (1 - f) + d_c @ U.T + d_af @ V.T",
    ),
    ("steps", "gV += prev.T @ d_af", "gV += cand.T @ d_af"),
    (
        "twice",
        "g_hidden, gW2, gb2 = affine_grad(g_out * 0.5, hidden, W2)",
        "g_hidden, gW2, gb2 = affine_grad(g_out, hidden, W2)",
    ),
    (
        "twice",
        "g_pre = g_hidden * np.where(pre > 0, 1.0, slope)",
        "g_pre = g_hidden * np.where(hidden > 0, slope, 1.0)",
    ),
    (
        "nested",
        "kw * dil : dil, c] += (\n                            d * ker",
        "kw * dil : dil, c] = (\n                            d * ker",
    ),
    ("nested", "left = s * q", "left = q"),
    (
        "einsummed",
        'dK = np.einsum("bhij,bhid->bhjd", dS, Q) * scale',
        'dK = np.einsum("bhij,bhid->bhjd", dS, Q)',
    ),
    (
        "einsummed",
        'dWv = np.einsum("bnm,bhnd->mhd", X, dV)',
        'dWv = np.einsum("bnm,bhnd->mhd", X, dO)',
    ),
    ("bags", "np.add.at(grad_table, ids, grad_vecs)", "grad_table[ids] += grad_vecs"),
    ("bags", "(vecs - mean[:, None, :])", "vecs"),
    (
        "views",
        "np.multiply(dc * c_prev, f * (1 - f), out=df)",
        "np.multiply(dc * c, f * (1 - f), out=df)",
    ),
    ("views", "dg *= 1 - g**2", "dg *= 1 - g"),
    (
        "heads",
        "dks = [s.T @ q / root for s, q in zip(dss, qs)]",
        "dks = [s.T @ q * root for s, q in zip(dss, qs)]",
    ),
    (
        "heads",
        "dss = [p * (dp - (p * dp).sum(1, keepdims=True)) for p, dp in zip(ps, dps)]",
        "dss = [p * (dp - (p * dp).sum(0, keepdims=True)) for p, dp in zip(ps, dps)]",
    ),
    (
        "generated",
        "lam = lam @ (np.eye(len(K)) + dt * jac).T + g",
        "lam = lam @ (np.eye(len(K)) + jac).T + g",
    ),
    ("generated", "gK += dt * np.outer(d, x)", "gK += dt * np.outer(x, d)"),
    ("tape", "dleft = dout * node.right", "dleft = dout * node.left"),
    (
        "tape",
        "np.matmul(node.left.T, dout, out=buf)",
        "np.matmul(node.left.T, node.value, out=buf)",
    ),
]
