"""Ten more backward passes in ten hands, each with two changes that make it wrong: set aside, and only measured."""

import numpy as np


class PReLU:
    def __init__(self, channels):
        self.alpha = np.linspace(0.1, 0.4, channels)

    def __call__(self, x):
        self.x = x
        self.positive = np.maximum(x, 0)
        self.negative = np.minimum(x, 0)
        return self.positive + self.alpha * self.negative

    def grad(self, dy):
        self.dalpha = (dy * self.negative).sum(axis=0)
        passed = np.where(self.x > 0, 1.0, self.alpha)
        return passed * dy


def group_norm_forward(x, gamma, beta, groups=2, eps=1e-5):
    n, c, h, w = x.shape
    grouped = x.reshape(n, groups, -1)
    mu = grouped.mean(axis=2, keepdims=True)
    var = grouped.var(axis=2, keepdims=True)
    std = np.sqrt(var + eps)
    xhat = ((grouped - mu) / std).reshape(x.shape)
    out = gamma[:, None, None] * xhat + beta[:, None, None]
    return out, {"xhat": xhat, "std": std, "gamma": gamma, "groups": groups}


def group_norm_backward(dout, cache):
    xhat, std, gamma = cache["xhat"], cache["std"], cache["gamma"]
    n, c, h, w = dout.shape
    dgamma = np.einsum("nchw,nchw->c", dout, xhat)
    dbeta = np.einsum("nchw->c", dout)
    dxhat = (dout * gamma[:, None, None]).reshape(n, cache["groups"], -1)
    flat = xhat.reshape(dxhat.shape)
    first = dxhat.mean(axis=2, keepdims=True)
    second = (dxhat * flat).mean(axis=2, keepdims=True)
    dx = (dxhat - first - flat * second) / std
    return dx.reshape(dout.shape), dgamma, dbeta


class Highway:
    def __init__(self, dim):
        rng = np.random.default_rng(7)
        self.w = {"h": rng.normal(size=(dim, dim)) / 2, "t": rng.normal(size=(dim, dim)) / 2}
        self.g = {"h": None, "t": None}

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.w["h"])
        self.t = 1 / (1 + np.exp(-(x @ self.w["t"])))
        return self.t * self.h + (1 - self.t) * x

    def backward(self, dy):
        dh = dy * self.t
        dt = dy * (self.h - self.x)
        dpre_h = dh * (1 - self.h**2)
        dpre_t = dt * self.t * (1 - self.t)
        self.g["h"] = self.x.T @ dpre_h
        self.g["t"] = self.x.T @ dpre_t
        dx = dy * (1 - self.t)
        dx = dx + dpre_h @ self.w["h"].T
        dx = dx + dpre_t @ self.w["t"].T
        return dx


def cosine(a, b):
    na = np.sqrt((a * a).sum(axis=1, keepdims=True))
    nb = np.sqrt((b * b).sum(axis=1, keepdims=True))
    ua, ub = a / na, b / nb
    sim = (ua * ub).sum(axis=1)

    def backward(dsim):
        g = dsim[:, None]
        dua = g * ub
        dub = g * ua
        da = dua / na - ua * (dua * ua).sum(axis=1, keepdims=True) / na
        db = dub / nb - ub * (dub * ub).sum(axis=1, keepdims=True) / nb
        return da, db

    return sim, backward


def upconv_forward(x, w, stride=2):
    n, length, cin = x.shape
    k, _, cout = w.shape
    out = np.zeros((n, (length - 1) * stride + k, cout))
    for i in range(length):
        start = i * stride
        out[:, start : start + k] += np.einsum("nc,kcf->nkf", x[:, i], w)
    return out, (x, w, stride)


def upconv_backward(dout, cache):
    x, w, stride = cache
    k = w.shape[0]
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(x.shape[1]):
        start = i * stride
        piece = dout[:, start : start + k]
        dx[:, i] = np.einsum("nkf,kcf->nc", piece, w)
        dw += np.einsum("nc,nkf->kcf", x[:, i], piece)
    return dx, dw


class AvgPool:
    def __init__(self, size, stride):
        self.size, self.stride = size, stride

    def forward(self, x):
        self.x = x
        n, h, w, c = x.shape
        rows = (h - self.size) // self.stride + 1
        cols = (w - self.size) // self.stride + 1
        out = np.zeros((n, rows, cols, c))
        for i in range(rows):
            for j in range(cols):
                r, s = i * self.stride, j * self.stride
                out[:, i, j] = x[:, r : r + self.size, s : s + self.size].mean(axis=(1, 2))
        return out

    def backward(self, dout):
        dx = np.zeros_like(self.x)
        area = self.size * self.size
        for i in range(dout.shape[1]):
            for j in range(dout.shape[2]):
                r = i * self.stride
                s = j * self.stride
                share = dout[:, i, j] / area
                dx[:, r : r + self.size, s : s + self.size] += share[:, None, None]
        return dx


def svm_loss(W, X, y):
    n = X.shape[0]
    scores = X @ W
    correct = scores[np.arange(n), y][:, None]
    margins = np.maximum(0, scores - correct + 1)
    margins[np.arange(n), y] = 0
    loss = margins.sum() / n + 0.5 * 0.1 * (W * W).sum()
    active = (margins > 0).astype(float)
    counts = active.sum(axis=1)
    active[np.arange(n), y] = -counts
    dW = X.T @ active / n
    dW = dW + 0.1 * W
    return loss, dW


def experts_forward(x, gate, experts):
    logits = x @ gate
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = e / e.sum(axis=1, keepdims=True)
    outs = [np.tanh(x @ w) for w in experts]
    y = sum(probs[:, [m]] * out for m, out in enumerate(outs))
    return y, (x, gate, experts, probs, outs)


def experts_backward(dy, cache):
    x, gate, experts, probs, outs = cache
    dx = np.zeros_like(x)
    dprobs = np.zeros_like(probs)
    dexperts = np.zeros_like(experts)
    for m, out in enumerate(outs):
        dprobs[:, m] = (dy * out).sum(axis=1)
        dout = dy * probs[:, [m]]
        dpre = dout * (1 - out**2)
        dexperts[m] = x.T @ dpre
        dx += dpre @ experts[m].T
    dlogits = probs * (dprobs - (probs * dprobs).sum(axis=1, keepdims=True))
    dgate = x.T @ dlogits
    dx += dlogits @ gate.T
    return dx, dgate, dexperts


def graph_layer(x, W, adjacency):
    degree = adjacency.sum(axis=1)
    norm = 1 / np.sqrt(degree)
    P = norm[:, None] * adjacency * norm[None, :]
    M = P @ x
    Z = M @ W
    out = np.logaddexp(0, Z)

    def backward(G):
        sig = 1 / (1 + np.exp(-Z))
        dZ = G * sig
        dW = M.T @ dZ
        dM = dZ @ W.T
        dx = P.T @ dM
        return dx, dW, None

    return out, backward


class WeightNorm:
    def __init__(self, n_in, n_out):
        rng = np.random.default_rng(9)
        self.v, self.g = rng.normal(size=(n_in, n_out)), rng.normal(size=n_out)

    def forward(self, x):
        self.x = x
        self.length = np.sqrt((self.v**2).sum(axis=0))
        self.unit = self.v / self.length
        self.w = self.g * self.unit
        return x @ self.w

    def backward(self, dy):
        dw = self.x.T @ dy
        self.dg = (dw * self.unit).sum(axis=0)
        dunit = dw * self.g
        along = (dunit * self.unit).sum(axis=0)
        self.dv = (dunit - along * self.unit) / self.length
        return dy @ self.w.T


MISTAKES = [
    ("PReLU", "(dy * self.negative).sum(axis=0)", "(dy * self.positive).sum(axis=0)"),
    ("PReLU", "np.where(self.x > 0, 1.0, self.alpha)", "np.where(self.x > 0, self.alpha, 1.0)"),
    ("group_norm", "first = dxhat.mean(", "first = dxhat.sum("),
    ("group_norm", "dxhat = (dout * gamma[:, None, None])", "dxhat = dout"),
    ("Highway", "dt = dy * (self.h - self.x)", "dt = dy * self.h"),
    ("Highway", "dx = dy * (1 - self.t)", "dx = dy * self.t"),
    ("cosine", "da = dua / na - ua", "da = dua / na + ua"),
    ("cosine", "dub = g * ua", "dub = g * a"),
    ("upconv", "start = i * stride\n        piece", "start = i\n        piece"),
    ("upconv", '"nkf,kcf->nc", piece, w)', '"nkf,kcf->nc", piece, w[::-1])'),
    ("AvgPool", "share = dout[:, i, j] / area", "share = dout[:, i, j] / self.size"),
    ("AvgPool", "s : s + self.size] += share", "s : s + self.size] = share"),
    ("svm_loss", "active[np.arange(n), y] = -counts", "active[np.arange(n), y] = -1"),
    ("svm_loss", "dW = dW + 0.1 * W", "dW = dW + 0.2 * W"),
    ("experts", "dpre = dout * (1 - out**2)", "dpre = dout * (1 - out)"),
    ("experts", "dx += dlogits @ gate.T", "dx = dlogits @ gate.T"),
    ("graph_layer", "sig = 1 / (1 + np.exp(-Z))", "sig = 1 / (1 + np.exp(Z))"),
    ("graph_layer", "dW = M.T @ dZ", "dW = x.T @ dZ"),
    (
        "WeightNorm",
        "along = (dunit * self.unit).sum(axis=0)",
        "along = (dw * self.unit).sum(axis=0)",
    ),
    ("WeightNorm", "self.dg = (dw * self.unit)", "self.dg = (dw * self.v)"),
]
