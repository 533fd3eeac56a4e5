"""Ten backward passes in ten hands, each with two changes that make it wrong: those that were looked at."""

from types import SimpleNamespace

import numpy as np


class Dense:
    """Parameters and gradients in dictionaries, the activation inside."""

    def __init__(self, n_in, n_out, seed=0):
        rng = np.random.default_rng(seed)
        self.params = {"W": rng.normal(size=(n_in, n_out)), "b": rng.normal(size=n_out)}
        self.grads = {}

    def forward(self, x):
        self.x = x
        self.z = x @ self.params["W"] + self.params["b"]
        return np.where(self.z > 0, self.z, 0.1 * self.z)

    def backward(self, grad):
        slope = np.where(self.z > 0, 1.0, 0.1)
        delta = grad * slope
        self.grads["W"] = self.x.T @ delta
        self.grads["b"] = delta.sum(axis=0)
        return delta @ self.params["W"].T


def conv1d_forward(x, w, b, stride=2):
    n, length, _ = x.shape
    k, _, filters = w.shape
    steps = (length - k) // stride + 1
    out = np.zeros((n, steps, filters))
    for t in range(steps):
        window = x[:, t * stride : t * stride + k]
        for f in range(filters):
            out[:, t, f] = np.sum(window * w[:, :, f], axis=(1, 2)) + b[f]
    return out, (x, w, stride)


def conv1d_backward(dout, cache):
    x, w, stride = cache
    k, _, filters = w.shape
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(filters)
    for t in range(dout.shape[1]):
        lo, hi = t * stride, t * stride + k
        for f in range(filters):
            g = dout[:, t, f]
            dx[:, lo:hi] += g[:, None, None] * w[:, :, f]
            dw[:, :, f] += np.sum(g[:, None, None] * x[:, lo:hi], axis=0)
            db[f] += g.sum()
    return dx, dw, db


class LayerNorm:
    def __init__(self, dim, eps=1e-5):
        self.gain, self.shift, self.eps = np.linspace(0.5, 2, dim), np.linspace(-1, 1, dim), eps

    def forward(self, x):
        mean = x.mean(-1, keepdims=True)
        centred = x - mean
        variance = (centred**2).mean(-1, keepdims=True)
        inv = 1.0 / np.sqrt(variance + self.eps)
        normed = centred * inv
        self.cache = (centred, inv, normed)
        return self.gain * normed + self.shift

    def backward(self, dout):
        centred, inv, normed = self.cache
        d = normed.shape[-1]
        axes = tuple(range(dout.ndim - 1))
        self.dgain = (dout * normed).sum(axis=axes)
        self.dshift = dout.sum(axis=axes)
        dnormed = dout * self.gain
        dinv = (dnormed * centred).sum(-1, keepdims=True)
        dvariance = -0.5 * dinv * inv**3
        dcentred = dnormed * inv + 2.0 / d * dvariance * centred
        dmean = -dcentred.sum(-1, keepdims=True)
        return dcentred + dmean / d


def smoothed_loss(scores, target, smoothing=0.1):
    n, k = scores.shape
    shifted = scores - scores.max(axis=1, keepdims=True)
    exps = np.exp(shifted)
    total = exps.sum(axis=1, keepdims=True)
    logp = shifted - np.log(total)
    soft = np.full((n, k), smoothing / k)
    soft[np.arange(n), target] += 1 - smoothing
    loss = -(soft * logp).sum() / n
    dlogp = -soft / n
    dtotal = -dlogp.sum(axis=1, keepdims=True) / total
    dexps = dtotal * np.ones_like(exps)
    dscores = dlogp + dexps * exps
    return loss, dscores


def maxpool_forward(x, size):
    n, h, w = x.shape
    out = np.empty((n, h // size, w // size))
    where = {}
    for b in range(n):
        for i in range(h // size):
            for j in range(w // size):
                patch = x[b, i * size : (i + 1) * size, j * size : (j + 1) * size]
                where[b, i, j] = np.unravel_index(patch.argmax(), patch.shape)
                out[b, i, j] = patch.max()
    return out, (x.shape, size, where)


def maxpool_backward(dout, cache):
    shape, size, where = cache
    dx = np.zeros(shape)
    for (b, i, j), (di, dj) in where.items():
        row = i * size + di
        col = j * size + dj
        dx[b, row, col] += dout[b, i, j]
    return dx


def net_forward(x, p):
    depth = len(p) // 2
    memory = {"A0": x}
    a = x
    for layer in range(1, depth + 1):
        z = a @ p[f"W{layer}"] + p[f"b{layer}"]
        memory[f"Z{layer}"] = z
        a = np.tanh(z) if layer < depth else z
        memory[f"A{layer}"] = a
    return a, (memory, p)


def net_backward(dA, cache):
    memory, p = cache
    depth = len(p) // 2
    grads = {}
    for layer in range(depth, 0, -1):
        if layer < depth:
            dZ = dA * (1 - memory[f"A{layer}"] ** 2)
        else:
            dZ = dA
        grads[f"W{layer}"] = memory[f"A{layer - 1}"].T @ dZ
        grads[f"b{layer}"] = dZ.sum(axis=0)
        dA = dZ @ p[f"W{layer}"].T
    return dA, grads


def attention(q, k, v):
    d = q.shape[-1]
    causal = np.tril(np.ones((q.shape[1], k.shape[1])))
    scores = np.einsum("btd,bsd->bts", q, k) / np.sqrt(d)
    scores = np.where(causal > 0, scores, -1e9)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights = weights / weights.sum(-1, keepdims=True)
    out = weights @ v

    def backward(grad):
        grad_v = np.swapaxes(weights, 1, 2) @ grad
        grad_weights = grad @ np.swapaxes(v, 1, 2)
        inner = (grad_weights * weights).sum(-1, keepdims=True)
        grad_scores = weights * (grad_weights - inner)
        grad_scores = grad_scores / np.sqrt(d)
        grad_q = grad_scores @ k
        grad_k = np.swapaxes(grad_scores, 1, 2) @ q
        return grad_q, grad_k, grad_v

    return out, backward


def bag(table, ids, weights):
    rows = table[ids]
    scaled = rows * weights[:, :, None]
    out = scaled.mean(axis=1)

    def backward(dout):
        n, m = ids.shape
        dscaled = np.repeat(dout[:, None], m, axis=1) / m
        drows = dscaled * weights[:, :, None]
        dweights = (dscaled * rows).sum(axis=-1)
        dtable = np.zeros_like(table)
        for b in range(n):
            for j in range(m):
                dtable[ids[b, j]] += drows[b, j]
        return dtable, None, dweights

    return out, backward


def film_forward(x, c, Wg, Wb):
    gamma = c @ Wg
    beta = c @ Wb
    out = gamma[:, None, None] * x + beta[:, None, None]
    return out, SimpleNamespace(x=x, c=c, Wg=Wg, Wb=Wb, gamma=gamma)


def film_backward(dout, ctx):
    dgamma = (dout * ctx.x).sum(axis=(1, 2))
    dbeta = dout.sum(axis=(1, 2))
    dx = dout * ctx.gamma[:, None, None]
    dWg = ctx.c.T @ dgamma
    dWb = ctx.c.T @ dbeta
    dc = dgamma @ ctx.Wg.T + dbeta @ ctx.Wb.T
    return dx, dc, dWg, dWb


class Recurrent:
    def __init__(self, n_in, n_hidden):
        rng = np.random.default_rng(5)
        self.U = rng.normal(size=(n_in, n_hidden))
        self.V = rng.normal(size=(n_hidden, n_hidden)) / 2
        self.bias = rng.normal(size=n_hidden)

    def forward(self, xs):
        self.xs, self.hs = xs, [np.zeros((xs.shape[1], len(self.bias)))]
        for x in xs:
            self.hs.append(np.tanh(x @ self.U + self.hs[-1] @ self.V + self.bias))
        return np.stack(self.hs[1:])

    def backward(self, dhs):
        self.dU, self.dV, self.dbias = (np.zeros_like(p) for p in (self.U, self.V, self.bias))
        dxs = np.zeros_like(self.xs)
        upstream = np.zeros_like(self.hs[0])
        for t in reversed(range(len(self.xs))):
            dh = dhs[t] + upstream
            local = dh * (1 - self.hs[t + 1] ** 2)
            self.dU += self.xs[t].T @ local
            self.dV += self.hs[t].T @ local
            self.dbias += local.sum(axis=0)
            dxs[t] = local @ self.U.T
            upstream = local @ self.V.T
        return dxs


MISTAKES = [
    ("Dense", "slope = np.where(self.z > 0, 1.0, 0.1)", "slope = np.where(self.x > 0, 1.0, 0.1)"),
    ("Dense", 'self.grads["b"] = delta.sum(axis=0)', 'self.grads["b"] = grad.sum(axis=0)'),
    ("conv1d", "lo, hi = t * stride, t * stride + k", "lo, hi = t, t + k"),
    ("conv1d", "db[f] += g.sum()", "db[f] += g.mean()"),
    ("LayerNorm", "dvariance = -0.5 * dinv * inv**3", "dvariance = -0.5 * dinv * inv**2"),
    ("LayerNorm", "return dcentred + dmean / d", "return dcentred + dmean"),
    ("smoothed_loss", "keepdims=True) / total", "keepdims=True)"),
    ("smoothed_loss", "dlogp = -soft / n", "dlogp = -soft"),
    ("maxpool", "col = j * size + dj", "col = j * size + di"),
    ("maxpool", "+= dout[b, i, j]", "+= dout[b, j, i]"),
    ("net", 'dZ = dA * (1 - memory[f"A{layer}"] ** 2)', 'dZ = dA * (1 - memory[f"Z{layer}"] ** 2)'),
    ("net", 'memory[f"A{layer - 1}"].T @ dZ', 'memory[f"A{layer - 1}"].T @ dZ / len(dZ)'),
    (
        "attention",
        "inner = (grad_weights * weights).sum(-1",
        "inner = (grad_weights * weights).sum(1",
    ),
    ("attention", "grad_scores = grad_scores / np.sqrt(d)", "grad_scores = grad_scores / d"),
    ("bag", "axis=1) / m", "axis=1)"),
    ("bag", "dtable[ids[b, j]] += drows", "dtable[ids[b, j]] = drows"),
    ("film", "dgamma = (dout * ctx.x)", "dgamma = (dout * ctx.gamma[:, None, None])"),
    ("film", "dWb = ctx.c.T @ dbeta", "dWb = ctx.c.T @ dgamma"),
    ("Recurrent", "dh = dhs[t] + upstream", "dh = dhs[t] - upstream"),
    ("Recurrent", "self.hs[t + 1] ** 2", "self.hs[t + 1]"),
]
