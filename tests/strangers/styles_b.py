"""Right code in strangers' styles, second part; set aside, and only measured."""

import numpy as np


# A class with params and grads in dictionaries.
class Affine:
    def __init__(self, W, b):
        self.params, self.grads = {"W": W, "b": b}, {}

    def forward(self, x):
        self.x = x
        self.s = x @ self.params["W"] + self.params["b"]
        self.t = np.sin(self.s)
        self.u = self.t * self.s
        return self.u * 2

    def backward(self, grad_out):
        grad_u = grad_out * 2
        grad_t = grad_u * self.s
        grad_s = grad_u * self.t + grad_t * np.cos(self.s)
        self.grads["W"] = self.x.T @ grad_s
        self.grads["b"] = grad_s.sum(axis=0)
        grad_x = grad_s @ self.params["W"].T
        return grad_x


# A class with a helper method and a stored softmax.
class Attention:
    def __init__(self, Wq, Wk):
        self.Wq, self.Wk = Wq, Wk

    def _softmax(self, z):
        e = np.exp(z - z.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def _softmax_backward(self, dp, p):
        inner = (dp * p).sum(axis=-1, keepdims=True)
        return p * (dp - inner)

    def forward(self, x):
        self.x = x
        self.q = x @ self.Wq
        self.k = x @ self.Wk
        self.scores = self.q @ self.k.T
        self.p = self._softmax(self.scores)
        return self.p @ x

    def backward(self, dout):
        dp = dout @ self.x.T
        dscores = self._softmax_backward(dp, self.p)
        dq = dscores @ self.k
        dk = dscores.T @ self.q
        self.dWq = self.x.T @ dq
        self.dWk = self.x.T @ dk
        dx = self.p.T @ dout
        dx += dq @ self.Wq.T
        dx += dk @ self.Wk.T
        return dx


# Channels first, an image at a time, in a list of caches.
def instance_forward(x, g):
    caches, outs = [], []
    for n in range(x.shape[0]):
        img = x[n]
        mean = img.mean(axis=(1, 2), keepdims=True)
        cen = img - mean
        var = (cen**2).mean(axis=(1, 2), keepdims=True)
        inv = 1 / np.sqrt(var + 1e-3)
        norm = cen * inv
        outs.append(norm * g[:, None, None])
        caches.append((cen, inv, norm, g))
    return np.stack(outs), caches


def instance_backward(dout, caches):
    dx, dg = np.zeros_like(dout), np.zeros_like(caches[0][3])
    for n in range(dout.shape[0]):
        cen, inv, norm, g = caches[n]
        dnorm = dout[n] * g[:, None, None]
        dg += (dout[n] * norm).sum(axis=(1, 2))
        dinv = (dnorm * cen).sum(axis=(1, 2), keepdims=True)
        dvar = -0.5 * dinv * inv**3
        dcen = dnorm * inv + 2 * cen * dvar / cen[0].size
        dx[n] = dcen - dcen.mean(axis=(1, 2), keepdims=True)
    return dx, dg


# A recurrent cell as a course writes it: columns are samples, time last, gradients in a dictionary.
def cell_forward(xt, a_prev, parameters):
    Wax, Waa, ba = parameters["Wax"], parameters["Waa"], parameters["ba"]
    a_next = np.tanh(np.dot(Wax, xt) + np.dot(Waa, a_prev) + ba)
    return a_next, (a_next, a_prev, xt, parameters)


def sequence_forward(x, a0, Wax, Waa, ba):
    parameters = {"Wax": Wax, "Waa": Waa, "ba": ba}
    caches = []
    a = np.zeros((a0.shape[0], x.shape[1], x.shape[2]))
    a_next = a0
    for t in range(x.shape[2]):
        a_next, cache = cell_forward(x[:, :, t], a_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, (caches, x)


def cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    Wax, Waa = parameters["Wax"], parameters["Waa"]
    dtanh = (1 - a_next**2) * da_next
    dxt = np.dot(Wax.T, dtanh)
    dWax = np.dot(dtanh, xt.T)
    da_prev = np.dot(Waa.T, dtanh)
    dWaa = np.dot(dtanh, a_prev.T)
    dba = np.sum(dtanh, axis=1, keepdims=True)
    gradients = {"dxt": dxt, "da_prev": da_prev, "dWax": dWax, "dWaa": dWaa, "dba": dba}
    return gradients


def sequence_backward(da, cache):
    caches, x = cache
    n_a, m, T_x = da.shape
    dx = np.zeros_like(x)
    a1, a0, x1, parameters = caches[0]
    dWax, dWaa = np.zeros_like(parameters["Wax"]), np.zeros_like(parameters["Waa"])
    dba = np.zeros_like(parameters["ba"])
    da_prevt = np.zeros((n_a, m))
    for t in reversed(range(T_x)):
        gradients = cell_backward(da[:, :, t] + da_prevt, caches[t])
        dx[:, :, t] = gradients["dxt"]
        dWax += gradients["dWax"]
        dWaa += gradients["dWaa"]
        dba += gradients["dba"]
        da_prevt = gradients["da_prev"]
    da0 = da_prevt
    return dx, da0, dWax, dWaa, dba


# Gradients called after the whole fraction, without underscores, and D… for them.
def bilinear(A, B, v):
    P = A @ B
    Q = np.exp(0.3 * P)
    R = Q * P
    y = R @ v

    def backward(Dy):
        DR = np.outer(Dy, v)
        Dv = R.T @ Dy
        DQ = DR * P
        DP = DR * Q + 0.3 * DQ * Q
        DA = DP @ B.T
        DB = A.T @ DP
        return DA, DB, Dv

    return y, backward


# A scalar loss with scalars inside.
def ridge(w, X, t):
    r = X @ w - t
    mse = (r @ r) / len(r)
    norm = np.sqrt(w @ w)
    loss = mse + 0.1 * norm * mse

    def backward(dloss):
        dnorm = 0.1 * dloss * mse
        dmse = dloss * (1 + 0.1 * norm)
        dr = dmse * 2 * r / len(r)
        dw = X.T @ dr + dnorm * w / norm
        dX = np.outer(dr, w)
        return dw, dX, -dr

    return loss, backward


# The derivative of the loss, d_L_d_…; channels first, a list of gates.
def gated(x, U, V):
    a = x @ U
    g = 1 / (1 + np.exp(-(x @ V)))
    h = a * g
    out = np.tanh(h)

    def backward(d_L_d_out):
        d_L_d_h = d_L_d_out * (1 - out**2)
        d_L_d_a = d_L_d_h * g
        d_L_d_g = d_L_d_h * a
        d_L_d_pre = d_L_d_g * g * (1 - g)
        d_L_d_U = x.T @ d_L_d_a
        d_L_d_V = x.T @ d_L_d_pre
        d_L_d_x = d_L_d_a @ U.T + d_L_d_pre @ V.T
        return d_L_d_x, d_L_d_U, d_L_d_V

    return out, backward
