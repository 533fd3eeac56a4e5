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


def svm_loss(W, X, y, reg):
    n = X.shape[0]
    scores = X @ W
    right = scores[np.arange(n), y]
    margins = np.maximum(0, scores - right[:, None] + 1.0)
    margins[np.arange(n), y] = 0
    loss = margins.sum() / n + reg * np.sum(W * W)
    hits = np.zeros_like(margins)
    hits[margins > 0] = 1
    counts = hits.sum(axis=1)
    hits[np.arange(n), y] -= counts
    share = hits / n
    dW = X.T @ share
    dW += 2 * reg * W
    return loss, dW


def lstm(xs, h, c, W, U, p_o, b):
    """peephole on the output gate"""
    H = h.shape[1]
    hs, saved = [], []
    for x in xs:
        a = x @ W + h @ U + b
        i, f, g = sigmoid(a[:, :H]), sigmoid(a[:, H : 2 * H]), np.tanh(a[:, 2 * H : 3 * H])
        c_new = f * c + i * g
        o = sigmoid(a[:, 3 * H :] + p_o * c_new)
        t = np.tanh(c_new)
        saved.append((x, h, c, i, f, g, o, c_new, t))
        h, c = o * t, c_new
        hs.append(h)

    def backward(dhs):
        dxs, dW, dU, dp_o, db = (
            np.zeros_like(xs),
            np.zeros_like(W),
            np.zeros_like(U),
            np.zeros_like(p_o),
            np.zeros_like(b),
        )
        dh_next, dc_next = np.zeros_like(h), np.zeros_like(c)
        for k in reversed(range(len(xs))):
            x, h_prev, c_prev, i, f, g, o, c_new, t = saved[k]
            dh = dhs[k] + dh_next
            da_o = dh * t * o * (1 - o)
            dp_o += (da_o * c_new).sum(axis=0)
            dc = dc_next + dh * o * (1 - t**2) + da_o * p_o
            da = np.concatenate(
                [dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g**2), da_o], axis=1
            )
            dxs[k] = da @ W.T
            dW += x.T @ da
            dU += h_prev.T @ da
            db += da.sum(axis=0)
            dh_next = da @ U.T
            dc_next = dc * f
        return dxs, dh_next, dc_next, dW, dU, dp_o, db

    return np.stack(hs), backward


class MaxPool2D:
    def __init__(self, kernel=2, step=2):
        self.kernel = kernel
        self.step = step

    def forward(self, inp):
        self.inp = inp
        n, c, h, w = inp.shape
        k, s = self.kernel, self.step
        oh, ow = (h - k) // s + 1, (w - k) // s + 1
        res = np.empty((n, c, oh, ow))
        for i in range(oh):
            for j in range(ow):
                res[:, :, i, j] = inp[:, :, i * s : i * s + k, j * s : j * s + k].max(axis=(2, 3))
        self.res = res
        return res

    def backward(self, grad_res):
        k, s = self.kernel, self.step
        grad_inp = np.zeros_like(self.inp)
        oh, ow = grad_res.shape[2:]
        for i in range(oh):
            for j in range(ow):
                here = np.s_[:, :, i * s : i * s + k, j * s : j * s + k]
                chosen = self.inp[here] == self.res[:, :, i, j, None, None]
                grad_inp[here] += chosen * grad_res[:, :, i, j, None, None]
        return grad_inp


def softmax_loss_naive(W, X, y, reg):
    loss = 0.0
    dW = np.zeros_like(W)
    num_train = X.shape[0]
    num_classes = W.shape[1]
    for i in range(num_train):
        scores = X[i].dot(W)
        scores -= np.max(scores)
        probs = np.exp(scores) / np.sum(np.exp(scores))
        loss -= np.log(probs[y[i]])
        for j in range(num_classes):
            dW[:, j] += (probs[j] - (j == y[i])) * X[i]
    loss /= num_train
    dW /= num_train
    loss += reg * np.sum(W**2)
    dW += 2 * reg * W
    return loss, dW


def sigmoid_prime(z):
    return sigmoid(z) * (1 - sigmoid(z))


class Network(object):
    def __init__(self, sizes, rng):
        self.num_layers = len(sizes)
        self.sizes = sizes
        self.biases = [rng.standard_normal((y, 1)) for y in sizes[1:]]
        self.weights = [rng.standard_normal((y, x)) for x, y in zip(sizes[:-1], sizes[1:])]

    def backprop(self, x, y):
        nabla_b = [np.zeros(b.shape) for b in self.biases]
        nabla_w = [np.zeros(w.shape) for w in self.weights]
        activation = x
        activations = [x]
        zs = []
        for b, w in zip(self.biases, self.weights):
            z = np.dot(w, activation) + b
            zs.append(z)
            activation = sigmoid(z)
            activations.append(activation)
        cost = 0.5 * np.sum((activations[-1] - y) ** 2)
        delta = (activations[-1] - y) * sigmoid_prime(zs[-1])
        nabla_b[-1] = delta
        nabla_w[-1] = np.dot(delta, activations[-2].transpose())
        for l in range(2, self.num_layers):
            z = zs[-l]
            sp = sigmoid_prime(z)
            delta = np.dot(self.weights[-l + 1].transpose(), delta) * sp
            nabla_b[-l] = delta
            nabla_w[-l] = np.dot(delta, activations[-l - 1].transpose())
        return cost, (nabla_b, nabla_w)


class Heads:
    def __init__(self, d, h):
        rng = np.random.default_rng(2)
        self.h = h
        self.Wq, self.Wk, self.Wv, self.Wo = (rng.normal(size=(d, d)) / 2 for _ in range(4))

    def forward(self, x):
        b, t, d = x.shape
        dh = d // self.h
        self.x = x
        self.q = (x @ self.Wq).reshape(b, t, self.h, dh).transpose(0, 2, 1, 3)
        self.k = (x @ self.Wk).reshape(b, t, self.h, dh).transpose(0, 2, 1, 3)
        self.v = (x @ self.Wv).reshape(b, t, self.h, dh).transpose(0, 2, 1, 3)
        scores = np.matmul(self.q, self.k.swapaxes(-1, -2)) / np.sqrt(dh)
        scores = scores - scores.max(-1, keepdims=True)
        e = np.exp(scores)
        self.attn = e / e.sum(-1, keepdims=True)
        self.concat = np.matmul(self.attn, self.v).transpose(0, 2, 1, 3).reshape(b, t, d)
        return self.concat @ self.Wo

    def backward(self, dout):
        b, t, d = dout.shape
        dh = d // self.h
        self.dWo = self.concat.reshape(-1, d).T @ dout.reshape(-1, d)
        dctx = (dout @ self.Wo.T).reshape(b, t, self.h, dh).transpose(0, 2, 1, 3)
        dattn = dctx @ self.v.transpose(0, 1, 3, 2)
        dv = self.attn.transpose(0, 1, 3, 2) @ dctx
        tmp = dattn * self.attn
        dscores = (tmp - self.attn * tmp.sum(-1, keepdims=True)) / np.sqrt(dh)
        dq = dscores @ self.k
        dk = dscores.transpose(0, 1, 3, 2) @ self.q
        dq, dk, dv = [g.transpose(0, 2, 1, 3).reshape(-1, d) for g in (dq, dk, dv)]
        x = self.x.reshape(-1, d)
        self.dWq, self.dWk, self.dWv = x.T @ dq, x.T @ dk, x.T @ dv
        return (dq @ self.Wq.T + dk @ self.Wk.T + dv @ self.Wv.T).reshape(b, t, d)


def bags(W, U, sentences, targets):
    loss = 0.0
    dW, dU = np.zeros_like(W), np.zeros_like(U)
    for words, target in zip(sentences, targets):
        h = np.zeros(W.shape[1])
        for w in words:
            h += W[w]
        h /= len(words)
        z = h @ U
        p = np.exp(z - z.max())
        p /= p.sum()
        loss -= np.log(p[target])
        dz = p.copy()
        dz[target] -= 1
        dU += np.outer(h, dz)
        dh = U @ dz
        for w in words:
            dW[w] += dh / len(words)
    return loss, dW, dU


class Columns:
    def __init__(self):
        rng = np.random.default_rng(0)
        self.W1, self.b1 = rng.normal(size=(5, 4)), rng.normal(size=(5, 1))
        self.W2, self.b2 = rng.normal(size=(3, 5)), rng.normal(size=(3, 1))

    def forward(self, X):
        self.X = X
        self.Z1 = self.W1 @ X + self.b1
        self.A1 = np.tanh(self.Z1)
        self.Z2 = self.W2 @ self.A1 + self.b2
        self.A2 = sigmoid(self.Z2)
        return self.A2

    def backward(self, dA2):
        m = self.X.shape[1]
        dZ2 = dA2 * sigmoid_prime(self.Z2)
        self.dW2 = dZ2 @ self.A1.T
        self.db2 = np.sum(dZ2, axis=1, keepdims=True)
        dA1 = self.W2.T @ dZ2
        dZ1 = dA1 * (1 - self.A1**2)
        self.dW1 = dZ1 @ self.X.T
        self.db1 = np.sum(dZ1, axis=1, keepdims=True)
        return self.W1.T @ dZ1


def downhill(syn0, syn1, X, t):
    """deltas point down the slope"""
    l1 = sigmoid(X @ syn0)
    l2 = sigmoid(l1 @ syn1)
    l2_error = t - l2
    l2_delta = l2_error * l2 * (1 - l2)
    l1_error = l2_delta @ syn1.T
    l1_delta = l1_error * l1 * (1 - l1)
    return 0.5 * np.sum(l2_error**2), (-X.T @ l1_delta, -l1.T @ l2_delta)


def averaged(W1, W2, X, T):
    """1/m stands in front of the weights' gradients only"""
    m = X.shape[1]
    Z1 = W1 @ X
    A1 = np.tanh(Z1)
    Z2 = W2 @ A1
    A2 = sigmoid(Z2)
    cost = -np.sum(T * np.log(A2) + (1 - T) * np.log(1 - A2)) / m
    dZ2 = A2 - T
    dW2 = dZ2 @ A1.T / m
    dA1 = W2.T @ dZ2
    dZ1 = dA1 * (1 - A1**2)
    dW1 = dZ1 @ X.T / m
    return cost, (dW1, dW2)


MISTAKES = [
    ("output_gate", "da_next * np.tanh(c_next) * ot", "da_next * c_next * ot", "missing-mask"),
    ("cost", "(h - t[i]) * X[i, j]", "(h - t[i]) * h * (1 - h) * X[i, j]", "missing-mask"),
    ("svm_loss", "share = hits / n", "share = hits / X.shape[1]", "scaled"),
    ("svm_loss", "counts = hits.sum", "counts = margins.sum", "wrong-variable"),
    ("lstm", "dc_next = dc * f", "dc_next = dc * i", "carry-dropped"),
    ("lstm", "(1 - t**2) + da_o * p_o", "(1 - t**2)", "extra-term"),
    ("MaxPool2D", "+= chosen * grad_res", "+= grad_res", "missing-mask"),
    ("softmax_loss_naive", "(probs[j] - (j == y[i])) * X", "probs[j] * X", "extra-term"),
    (
        "Network",
        "np.dot(delta, activations[-l - 1]",
        "np.dot(delta, activations[-l]",
        "wrong-shape",
    ),
    ("gates", "y * (1 - y) * ds[t, : 2 * d]", "y * (1 - y) * ds[t, d:]", "shifted"),
    ("bags", "dW[w] += dh / len(words)", "dW[w] += dh", "scaled"),
    ("Columns", "dA1 = self.W2.T @ dZ2", "dA1 = self.W2.T @ dZ2 / m", "scaled"),
    ("Heads", "keepdims=True)) / np.sqrt(dh)", "keepdims=True))", "scaled"),
]

CONVENTIONS = [
    ("downhill", "(-X.T @ l1_delta", "(X.T @ l1_delta", "sign-flipped"),
    ("downhill", "l1_error * l1 * (1 - l1)", "l1_error * l1", "missing-mask"),
    ("averaged", "dW1 = dZ1 @ X.T / m", "dW1 = dZ1 @ X.T", "scaled"),
]
"""Where locals are by right another multiple of the gradient that they are named for."""
