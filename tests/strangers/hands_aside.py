"""Ten more backward passes, each with two mistakes that people make: set aside, and only measured."""

import numpy as np


def layernorm_forward(x, gamma, beta, ln_param):
    eps = ln_param.get("eps", 1e-5)
    x_T = x.T
    mu = np.mean(x_T, axis=0)
    xc = x_T - mu
    std = np.sqrt(np.mean(xc**2, axis=0) + eps)
    xhat = xc / std
    out = gamma * xhat.T + beta
    return out, (gamma, xhat, std)


def layernorm_backward(dout, cache):
    gamma, xhat, std = cache
    D = dout.shape[1]
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat.T, axis=0)
    dxhat = (dout * gamma).T
    dx = D * dxhat - np.sum(dxhat, axis=0) - xhat * np.sum(dxhat * xhat, axis=0)
    dx = dx / (D * std)
    return dx.T, dgamma, dbeta


class MultiHead:
    def __init__(self, d_model, heads):
        rng = np.random.default_rng(11)
        self.h, self.dk = heads, d_model // heads
        self.W_qkv = rng.normal(size=(d_model, 3 * d_model)) / 2
        self.W_o = rng.normal(size=(d_model, d_model)) / 2

    def split(self, m):
        B, T, D = m.shape
        return m.reshape(B, T, self.h, self.dk).transpose(0, 2, 1, 3)

    def merge(self, m):
        B, h, T, dk = m.shape
        return m.transpose(0, 2, 1, 3).reshape(B, T, h * dk)

    def forward(self, x):
        q, k, v = (self.split(m) for m in np.split(x @ self.W_qkv, 3, axis=-1))
        s = q @ k.transpose(0, 1, 3, 2) / np.sqrt(self.dk)
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        a = e / e.sum(axis=-1, keepdims=True)
        ctx = self.merge(a @ v)
        self.cache = (x, q, k, v, a, ctx)
        return ctx @ self.W_o

    def backward(self, dout):
        x, q, k, v, a, ctx = self.cache
        D = x.shape[-1]
        self.dW_o = ctx.reshape(-1, D).T @ dout.reshape(-1, D)
        dctx = self.split(dout @ self.W_o.T)
        da = dctx @ v.transpose(0, 1, 3, 2)
        dv = a.transpose(0, 1, 3, 2) @ dctx
        ds = a * (da - (da * a).sum(axis=-1, keepdims=True))
        ds = ds / np.sqrt(self.dk)
        dq = ds @ k
        dk = ds.transpose(0, 1, 3, 2) @ q
        dqkv = np.concatenate([self.merge(g) for g in (dq, dk, dv)], axis=-1)
        self.dW_qkv = x.reshape(-1, D).T @ dqkv.reshape(-1, 3 * D)
        return dqkv @ self.W_qkv.T


def im2col(x, kh, kw, stride, pad):
    N, C, H, W = x.shape
    oh, ow = (H + 2 * pad - kh) // stride + 1, (W + 2 * pad - kw) // stride + 1
    img = np.pad(x, [(0, 0), (0, 0), (pad, pad), (pad, pad)], "constant")
    col = np.zeros((N, C, kh, kw, oh, ow))
    for i in range(kh):
        for j in range(kw):
            col[:, :, i, j] = img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride]
    return col.transpose(0, 4, 5, 1, 2, 3).reshape(N * oh * ow, -1)


def col2im(col, shape, kh, kw, stride, pad):
    N, C, H, W = shape
    oh, ow = (H + 2 * pad - kh) // stride + 1, (W + 2 * pad - kw) // stride + 1
    col = col.reshape(N, oh, ow, C, kh, kw).transpose(0, 3, 4, 5, 1, 2)
    img = np.zeros((N, C, H + 2 * pad + stride - 1, W + 2 * pad + stride - 1))
    for i in range(kh):
        for j in range(kw):
            img[:, :, i : i + stride * oh : stride, j : j + stride * ow : stride] += col[:, :, i, j]
    return img[:, :, pad : H + pad, pad : W + pad]


class Convolution:
    def __init__(self, W, b, stride=1, pad=0):
        self.W, self.b, self.stride, self.pad = W, b, stride, pad

    def forward(self, x):
        FN, C, FH, FW = self.W.shape
        N, C, H, W = x.shape
        out_h = 1 + int((H + 2 * self.pad - FH) / self.stride)
        out_w = 1 + int((W + 2 * self.pad - FW) / self.stride)
        col = im2col(x, FH, FW, self.stride, self.pad)
        col_W = self.W.reshape(FN, -1).T
        out = np.dot(col, col_W) + self.b
        self.x, self.col, self.col_W = x, col, col_W
        return out.reshape(N, out_h, out_w, -1).transpose(0, 3, 1, 2)

    def backward(self, dout):
        FN, C, FH, FW = self.W.shape
        dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)
        self.db = np.sum(dout, axis=0)
        self.dW = np.dot(self.col.T, dout)
        self.dW = self.dW.transpose(1, 0).reshape(FN, C, FH, FW)
        dcol = np.dot(dout, self.col_W.T)
        return col2im(dcol, self.x.shape, FH, FW, self.stride, self.pad)


def lin(inp, w, b):
    return inp @ w + b


def lin_grad(inp, out_g, w):
    return out_g @ w.T, inp.T @ out_g, out_g.sum(0)


def forward_and_backward(inp, targ, w1, b1, w2, b2):
    l1 = lin(inp, w1, b1)
    l2 = np.maximum(l1, 0.0)
    out = lin(l2, w2, b2)
    diff = out[:, 0] - targ
    loss = (diff**2).mean()

    out_g = 2.0 * diff[:, None] / inp.shape[0]
    l2_g, w2_g, b2_g = lin_grad(l2, out_g, w2)
    l1_g = (l1 > 0).astype(float) * l2_g
    inp_g, w1_g, b1_g = lin_grad(inp, l1_g, w1)
    return loss, (inp_g, w1_g, b1_g, w2_g, b2_g)


def nonlin(x, deriv=False):
    if deriv:
        return x * (1 - x)
    return 1 / (1 + np.exp(-x))


def train_step(syn0, syn1, X, y):
    l0 = X
    z1 = np.dot(l0, syn0)
    l1 = nonlin(z1)
    l2 = nonlin(np.dot(l1, syn1))
    l2_error = y - l2
    loss = 0.5 * np.sum(l2_error**2)
    l2_delta = l2_error * nonlin(l2, deriv=True)
    l1_error = l2_delta.dot(syn1.T)
    l1_delta = l1_error * nonlin(l1, deriv=True)
    return loss, (-l0.T.dot(l1_delta), -l1.T.dot(l2_delta))


def clip_loss(img, txt, tau=0.5):
    n = len(img)
    logits = img @ txt.T / tau
    rows = np.exp(logits - logits.max(1, keepdims=True))
    rows /= rows.sum(1, keepdims=True)
    cols = np.exp(logits - logits.max(0, keepdims=True))
    cols /= cols.sum(0, keepdims=True)
    loss = -(np.log(np.diag(rows)).mean() + np.log(np.diag(cols)).mean()) / 2
    eye = np.eye(n)
    g_rows = (rows - eye) / n
    g_cols = (cols - eye) / n
    g_logits = (g_rows + g_cols) / 2
    g_img = g_logits @ txt / tau
    g_txt = g_logits.T @ img / tau
    return loss, (g_img, g_txt)


class HuberLoss:
    def __init__(self, delta):
        self.delta = delta

    def __call__(self, pred, target, mask):
        r = (pred - target) * mask
        quad = np.abs(r) <= self.delta
        per = np.where(quad, 0.5 * r**2, self.delta * (np.abs(r) - 0.5 * self.delta))
        count = mask.sum()
        grad = np.where(quad, r, self.delta * np.sign(r))
        return per.sum() / count, grad * mask / count


class TwoLayer:
    def __init__(self, d, h, c, rng):
        self.params = {
            "W1": rng.normal(size=(d, h)),
            "b1": rng.normal(size=h),
            "W2": rng.normal(size=(h, c)),
            "b2": rng.normal(size=c),
        }

    def loss(self, X, y, reg=0.3):
        W1, b1 = self.params["W1"], self.params["b1"]
        W2, b2 = self.params["W2"], self.params["b2"]
        N, D = X.shape
        hidden = np.maximum(0, X.dot(W1) + b1)
        scores = hidden.dot(W2) + b2
        scores = scores - scores.max(axis=1, keepdims=True)
        probs = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        loss = -np.log(probs[range(N), y]).sum() / N
        loss += reg * (np.sum(W1 * W1) + np.sum(W2 * W2))

        grads = {}
        dscores = probs.copy()
        dscores[range(N), y] -= 1
        dscores /= N
        grads["W2"] = hidden.T.dot(dscores) + 2 * reg * W2
        grads["b2"] = np.sum(dscores, axis=0)
        dhidden = dscores.dot(W2.T)
        dhidden[hidden <= 0] = 0
        grads["W1"] = X.T.dot(dhidden) + 2 * reg * W1
        grads["b1"] = np.sum(dhidden, axis=0)
        return loss, grads


class BatchNormalization:
    def __init__(self, gamma, beta):
        self.gamma, self.beta = gamma, beta
        self.dgamma = self.dbeta = None

    def forward(self, x):
        mu = x.mean(axis=0)
        xc = x - mu
        var = np.mean(xc**2, axis=0)
        std = np.sqrt(var + 10e-7)
        xn = xc / std
        self.batch_size = x.shape[0]
        self.xc, self.xn, self.std = xc, xn, std
        return self.gamma * xn + self.beta

    def backward(self, dout):
        dbeta = dout.sum(axis=0)
        dgamma = np.sum(self.xn * dout, axis=0)
        dxn = self.gamma * dout
        dxc = dxn / self.std
        dstd = -np.sum((dxn * self.xc) / (self.std * self.std), axis=0)
        dvar = 0.5 * dstd / self.std
        dxc += (2.0 / self.batch_size) * self.xc * dvar
        dmu = np.sum(dxc, axis=0)
        dx = dxc - dmu / self.batch_size
        self.dgamma, self.dbeta = dgamma, dbeta
        return dx


def dilated_forward(x, w, b, dilation, pad):
    n, c, h, wd = x.shape
    f, _, kh, kw = w.shape
    xp = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    oh = h + 2 * pad - dilation * (kh - 1)
    ow = wd + 2 * pad - dilation * (kw - 1)
    out = np.zeros((n, f, oh, ow))
    for i in range(kh):
        for j in range(kw):
            di, dj = i * dilation, j * dilation
            out += np.einsum("nchw,fc->nfhw", xp[:, :, di : di + oh, dj : dj + ow], w[:, :, i, j])
    out += b[None, :, None, None]
    return out, (xp, w, dilation, pad, x.shape)


def dilated_backward(dout, cache):
    xp, w, dilation, pad, shape = cache
    _, _, oh, ow = dout.shape
    kh, kw = w.shape[2:]
    dxp, dw = np.zeros_like(xp), np.zeros_like(w)
    for i in range(kh):
        for j in range(kw):
            rows = slice(i * dilation, i * dilation + oh)
            cols = slice(j * dilation, j * dilation + ow)
            dw[:, :, i, j] = np.einsum("nfhw,nchw->fc", dout, xp[:, :, rows, cols])
            dxp[:, :, rows, cols] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    db = dout.sum(axis=(0, 2, 3))
    dx = dxp[:, :, pad : pad + shape[2], pad : pad + shape[3]]
    return dx, dw, db


MISTAKES = [
    (
        "layernorm",
        "x",
        "D = dout.shape[1]",
        "D = dout.shape[0]",
        "scaled statistics-held-constant wrong-axis wrong-variable",
    ),
    (
        "layernorm",
        "gamma",
        "np.sum(dout * xhat.T, axis=0)",
        "np.sum((dout * gamma) * xhat.T, axis=0)",
        "wrong-variable scaled",
    ),
    (
        "MultiHead",
        "x",
        "dctx = self.split(dout @ self.W_o.T)",
        "dctx = self.split(dout @ self.W_o)",
        "transposed wrong-variable",
    ),
    (
        "MultiHead",
        "x",
        "(da * a).sum(axis=-1, keepdims=True))",
        "(da * a).sum(axis=-2, keepdims=True))",
        "wrong-axis",
    ),
    (
        "Convolution",
        "x",
        "dout = dout.transpose(0, 2, 3, 1).reshape(-1, FN)",
        "dout = dout.reshape(-1, FN)",
        "transposed",
    ),
    (
        "Convolution",
        "x",
        "stride] += col[:, :, i, j]",
        "stride] = col[:, :, i, j]",
        "overlap-overwritten",
    ),
    (
        "forward_and_backward",
        "w1",
        "out_g = 2.0 * diff[:, None] / inp.shape[0]",
        "out_g = 2.0 * diff[:, None]",
        "scaled",
    ),
    (
        "forward_and_backward",
        "b1",
        "inp.T @ out_g, out_g.sum(0)",
        "inp.T @ out_g, out_g.mean(0)",
        "averaged",
    ),
    (
        "train_step",
        "syn0",
        "l1_error * nonlin(l1, deriv=True)",
        "l1_error * nonlin(z1, deriv=True)",
        "missing-mask wrong-variable",
    ),
    ("train_step", "syn0", "(-l0.T.dot(l1_delta), ", "(l0.T.dot(l1_delta), ", "sign-flipped"),
    ("clip_loss", "img", "g_img = g_logits @ txt / tau", "g_img = g_logits @ txt", "scaled"),
    (
        "clip_loss",
        "img",
        "g_logits = (g_rows + g_cols) / 2",
        "g_logits = g_rows",
        "extra-term wrong-variable scaled",
    ),
    (
        "HuberLoss",
        "pred",
        "np.where(quad, r, self.delta * np.sign(r))",
        "np.where(quad, r, np.sign(r))",
        "scaled missing-mask",
    ),
    (
        "HuberLoss",
        "pred",
        "grad * mask / count",
        "grad * mask / mask.size",
        "scaled wrong-variable",
    ),
    (
        "TwoLayer",
        "W1",
        "X.T.dot(dhidden) + 2 * reg * W1",
        "X.T.dot(dhidden) + reg * W1",
        "scaled extra-term",
    ),
    (
        "TwoLayer",
        "b2",
        'grads["b2"] = np.sum(dscores, axis=0)',
        'grads["b2"] = np.sum(dscores)',
        "wrong-shape not-summed wrong-axis",
    ),
    (
        "BatchNormalization",
        "x",
        "/ (self.std * self.std), axis=0)",
        "/ self.std, axis=0)",
        "scaled statistics-held-constant",
    ),
    ("BatchNormalization", "x", "dxc += (2.0", "dxc = (2.0", "extra-term overlap-overwritten"),
    (
        "dilated",
        "x",
        "cols = slice(j * dilation, j * dilation + ow)",
        "cols = slice(j, j + ow)",
        "shifted",
    ),
    (
        "dilated",
        "x",
        "dxp[:, :, pad : pad + shape[2], pad : pad + shape[3]]",
        "dxp[:, :, : shape[2], : shape[3]]",
        "shifted",
    ),
]
"""Whose, of which gradient, what is changed into what, and the codes that are true of it."""
