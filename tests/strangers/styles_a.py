"""Right code in strangers' styles, first part; mistakes are planted into it line by line."""

import numpy as np


# A class with its values in attributes, gradients in attributes.
class BatchNorm:
    def __init__(self, gamma, beta):
        self.gamma, self.beta, self.eps = gamma, beta, 1e-5

    def forward(self, X):
        self.mu = X.mean(axis=0)
        self.xmu = X - self.mu
        self.var = (self.xmu**2).mean(axis=0)
        self.ivar = 1.0 / np.sqrt(self.var + self.eps)
        self.xhat = self.xmu * self.ivar
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        m = dout.shape[0]
        self.dbeta = dout.sum(axis=0)
        self.dgamma = (dout * self.xhat).sum(axis=0)
        dxhat = dout * self.gamma
        divar = (dxhat * self.xmu).sum(axis=0)
        dvar = divar * -0.5 * self.ivar**3
        dxmu = dxhat * self.ivar + 2.0 / m * self.xmu * dvar
        dmu = -dxmu.sum(axis=0)
        return dxmu + dmu / m


# A pair with a dictionary for a cache, gradients in a dictionary.
def mlp_forward(X, W1, b1, W2, b2):
    cache = {}
    cache["X"] = X
    cache["Z1"] = X @ W1 + b1
    cache["A1"] = np.maximum(0, cache["Z1"])
    cache["Z2"] = cache["A1"] @ W2 + b2
    cache["A2"] = 1 / (1 + np.exp(-cache["Z2"]))
    cache["W1"], cache["W2"] = W1, W2
    return cache["A2"], cache


def mlp_backward(dA2, cache):
    grads = {}
    grads["dZ2"] = dA2 * cache["A2"] * (1 - cache["A2"])
    grads["dW2"] = cache["A1"].T @ grads["dZ2"]
    grads["db2"] = np.sum(grads["dZ2"], axis=0)
    grads["dA1"] = grads["dZ2"] @ cache["W2"].T
    grads["dZ1"] = grads["dA1"] * (cache["Z1"] > 0)
    grads["dW1"] = cache["X"].T @ grads["dZ1"]
    grads["db1"] = np.sum(grads["dZ1"], axis=0)
    grads["dX"] = grads["dZ1"] @ cache["W1"].T
    return grads["dX"], grads["dW1"], grads["db1"], grads["dW2"], grads["db2"]


# Columns are samples; helpers for each half of a step, as a course writes them.
def linear_forward(A, W, b):
    Z = np.dot(W, A) + b
    return Z, (A, W, b)


def sigmoid_forward(Z):
    A = 1 / (1 + np.exp(-Z))
    return A, Z


def block_forward(A_prev, W, b):
    Z, linear_cache = linear_forward(A_prev, W, b)
    A, activation_cache = sigmoid_forward(Z)
    return A, (linear_cache, activation_cache)


def sigmoid_backward(dA, cache):
    Z = cache
    s = 1 / (1 + np.exp(-Z))
    dZ = dA * s * (1 - s)
    return dZ


def linear_backward(dZ, cache):
    A_prev, W, b = cache
    dW = np.dot(dZ, A_prev.T)
    db = np.sum(dZ, axis=1, keepdims=True)
    dA_prev = np.dot(W.T, dZ)
    return dA_prev, dW, db


def block_backward(dA, cache):
    linear_cache, activation_cache = cache
    dZ = sigmoid_backward(dA, activation_cache)
    dA_prev, dW, db = linear_backward(dZ, linear_cache)
    return dA_prev, dW, db


# A convolution with loops, channels last, filled through views.
def conv_forward(A_prev, W, b):
    m, n_H, n_W, _ = A_prev.shape
    f, _, _, n_C = W.shape
    A_prev_pad = np.pad(A_prev, ((0, 0), (1, 1), (1, 1), (0, 0)))
    H, V = n_H + 2 - f + 1, n_W + 2 - f + 1
    Z = np.zeros((m, H, V, n_C))
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        for h in range(H):
            for w in range(V):
                for c in range(n_C):
                    a_slice = a_prev_pad[h : h + f, w : w + f, :]
                    Z[i, h, w, c] = np.sum(a_slice * W[..., c]) + b[0, 0, 0, c]
    return Z, (A_prev, W, b)


def conv_backward(dZ, cache):
    A_prev, W, b = cache
    m, H, V, n_C = dZ.shape
    f = W.shape[0]
    dA_prev = np.zeros(A_prev.shape)
    dW = np.zeros(W.shape)
    db = np.zeros(b.shape)
    A_prev_pad = np.pad(A_prev, ((0, 0), (1, 1), (1, 1), (0, 0)))
    dA_prev_pad = np.pad(dA_prev, ((0, 0), (1, 1), (1, 1), (0, 0)))
    for i in range(m):
        a_prev_pad = A_prev_pad[i]
        da_prev_pad = dA_prev_pad[i]
        for h in range(H):
            for w in range(V):
                for c in range(n_C):
                    a_slice = a_prev_pad[h : h + f, w : w + f, :]
                    da_prev_pad[h : h + f, w : w + f, :] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += a_slice * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
        dA_prev[i, :, :, :] = da_prev_pad[1:-1, 1:-1, :]
    return dA_prev, dW, db


# Time first, states in dictionaries by step.
def rnn_forward(xs, h0, Wxh, Whh, Why):
    hs, ys = {}, {}
    hs[-1] = h0
    for t in range(len(xs)):
        hs[t] = np.tanh(xs[t] @ Wxh + hs[t - 1] @ Whh)
        ys[t] = hs[t] @ Why
    return np.stack([ys[t] for t in range(len(xs))]), (xs, hs, Wxh, Whh, Why)


def rnn_backward(dys, cache):
    xs, hs, Wxh, Whh, Why = cache
    dWxh, dWhh, dWhy = np.zeros_like(Wxh), np.zeros_like(Whh), np.zeros_like(Why)
    dxs = np.zeros_like(xs)
    dhnext = np.zeros_like(hs[0])
    for t in reversed(range(len(xs))):
        dy = dys[t]
        dWhy += hs[t].T @ dy
        dh = dy @ Why.T + dhnext
        dhraw = (1 - hs[t] * hs[t]) * dh
        dWxh += xs[t].T @ dhraw
        dWhh += hs[t - 1].T @ dhraw
        dxs[t] = dhraw @ Wxh.T
        dhnext = dhraw @ Whh.T
    return dxs, dhnext, dWxh, dWhh, dWhy


# The whole mathematical name of each gradient.
def affine_softplus(x, w, b):
    z = x @ w + b
    e = np.exp(z)
    s = 1 + e
    a = np.log(s)

    def backward(dL_da):
        dL_ds = dL_da / s
        dL_de = dL_ds
        dL_dz = dL_de * e
        dL_dw = x.T @ dL_dz
        dL_db = dL_dz.sum(0)
        dL_dx = dL_dz @ w.T
        return dL_dx, dL_dw, dL_db

    return a, backward


# delta for the error of a layer.
def two_layers(x, w1, w2):
    net1 = x @ w1
    out1 = np.tanh(net1)
    net2 = out1 @ w2
    out2 = np.tanh(net2)

    def backward(out2_error):
        net2_error = out2_error * (1 - out2**2)
        out1_error = net2_error @ w2.T
        net1_error = out1_error * (1 - out1**2)
        w2_grad = out1.T @ net2_error
        w1_grad = x.T @ net1_error
        x_grad = net1_error @ w1.T
        return x_grad, w1_grad, w2_grad

    return out2, backward
