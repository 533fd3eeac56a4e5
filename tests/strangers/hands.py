"""Ten more backward passes, each with two mistakes that people make: those that were looked at."""

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class GroupNorm:
    def __init__(self, num_groups, channels, eps=1e-5):
        self.G, self.eps = num_groups, eps
        self.params = {
            "gamma": np.linspace(0.5, 1.5, channels).reshape(1, -1, 1, 1),
            "beta": np.linspace(-1, 1, channels).reshape(1, -1, 1, 1),
        }
        self.grads = {}

    def forward(self, x):
        N, C, H, W = x.shape
        xg = x.reshape(N, self.G, C // self.G, H, W)
        mean = xg.mean(axis=(2, 3, 4), keepdims=True)
        var = xg.var(axis=(2, 3, 4), keepdims=True)
        inv_std = 1.0 / np.sqrt(var + self.eps)
        x_hat = ((xg - mean) * inv_std).reshape(x.shape)
        self.cache = (xg, mean, inv_std, x_hat)
        return self.params["gamma"] * x_hat + self.params["beta"]

    def backward(self, grad_out):
        xg, mean, inv_std, x_hat = self.cache
        N, C, H, W = grad_out.shape
        self.grads["gamma"] = np.sum(grad_out * x_hat, axis=(0, 2, 3), keepdims=True)
        self.grads["beta"] = np.sum(grad_out, axis=(0, 2, 3), keepdims=True)
        m = C // self.G * H * W
        dx_hat = (grad_out * self.params["gamma"]).reshape(xg.shape)
        dvar = np.sum(dx_hat * (xg - mean), axis=(2, 3, 4), keepdims=True) * -0.5 * inv_std**3
        dmean = -np.sum(dx_hat * inv_std, axis=(2, 3, 4), keepdims=True)
        dxg = dx_hat * inv_std + dvar * 2.0 * (xg - mean) / m + dmean / m
        return dxg.reshape(grad_out.shape)


class SentimentRNN:
    def __init__(self, input_size, output_size, hidden_size):
        rng = np.random.default_rng(3)
        self.Whh = rng.normal(size=(hidden_size, hidden_size)) / 2
        self.Wxh = rng.normal(size=(hidden_size, input_size))
        self.Why = rng.normal(size=(output_size, hidden_size))
        self.bh = np.zeros((hidden_size, 1)) + 0.1
        self.by = np.zeros((output_size, 1)) + 0.2

    def forward(self, inputs):
        h = np.zeros((self.Whh.shape[0], 1))
        self.last_inputs = inputs
        self.last_hs = {0: h}
        for i, x in enumerate(inputs):
            h = np.tanh(self.Wxh @ x + self.Whh @ h + self.bh)
            self.last_hs[i + 1] = h
        return self.Why @ h + self.by

    def backprop(self, d_y):
        n = len(self.last_inputs)
        self.d_Why = d_y @ self.last_hs[n].T
        self.d_by = d_y
        self.d_Whh = np.zeros(self.Whh.shape)
        self.d_Wxh = np.zeros(self.Wxh.shape)
        self.d_bh = np.zeros(self.bh.shape)
        d_inputs = np.zeros_like(self.last_inputs)
        d_h = self.Why.T @ d_y
        for t in reversed(range(n)):
            temp = (1 - self.last_hs[t + 1] ** 2) * d_h
            self.d_bh += temp
            self.d_Whh += temp @ self.last_hs[t].T
            self.d_Wxh += temp @ self.last_inputs[t].T
            d_inputs[t] = self.Wxh.T @ temp
            d_h = self.Whh.T @ temp
        return d_inputs


class TimeLSTM:
    def __init__(self, Wx, Wh, b):
        self.params = [Wx, Wh, b]
        self.grads = [np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)]

    def forward(self, xs):
        Wx, Wh, b = self.params
        N, T, D = xs.shape
        H = Wh.shape[0]
        hs = np.empty((N, T, H))
        h, c = np.zeros((N, H)), np.zeros((N, H))
        self.caches = []
        for t in range(T):
            A = np.dot(xs[:, t, :], Wx) + np.dot(h, Wh) + b
            f, g = sigmoid(A[:, :H]), np.tanh(A[:, H : 2 * H])
            i, o = sigmoid(A[:, 2 * H : 3 * H]), sigmoid(A[:, 3 * H :])
            c_next = f * c + g * i
            h_next = o * np.tanh(c_next)
            self.caches.append((xs[:, t, :], h, c, i, f, g, o, c_next))
            h, c = h_next, c_next
            hs[:, t, :] = h
        return hs

    def backward(self, dhs):
        Wx, Wh, b = self.params
        N, T, H = dhs.shape
        dxs = np.empty((N, T, Wx.shape[0]))
        dWx, dWh, db = np.zeros_like(Wx), np.zeros_like(Wh), np.zeros_like(b)
        dh, dc = np.zeros((N, H)), np.zeros((N, H))
        for t in reversed(range(T)):
            x, h_prev, c_prev, i, f, g, o, c_next = self.caches[t]
            dh_next = dhs[:, t, :] + dh
            tanh_c_next = np.tanh(c_next)
            ds = dc + (dh_next * o) * (1 - tanh_c_next**2)
            dc = ds * f
            di = ds * g * i * (1 - i)
            df = ds * c_prev * f * (1 - f)
            do = dh_next * tanh_c_next * o * (1 - o)
            dg = ds * i * (1 - g**2)
            dA = np.hstack((df, dg, di, do))
            dWh += np.dot(h_prev.T, dA)
            dWx += np.dot(x.T, dA)
            db += dA.sum(axis=0)
            dxs[:, t, :] = np.dot(dA, Wx.T)
            dh = np.dot(dA, Wh.T)
        self.grads[0][...] = dWx
        self.grads[1][...] = dWh
        self.grads[2][...] = db
        return dxs


def gru_cell_forward(xt, h_prev, p):
    z = sigmoid(p["Wz"] @ xt + p["Uz"] @ h_prev + p["bz"])
    r = sigmoid(p["Wr"] @ xt + p["Ur"] @ h_prev + p["br"])
    h_tilde = np.tanh(p["Wh"] @ xt + p["Uh"] @ (r * h_prev) + p["bh"])
    h = (1 - z) * h_prev + z * h_tilde
    return h, (xt, h_prev, z, r, h_tilde, p)


def gru_cell_backward(dh, cache):
    xt, h_prev, z, r, h_tilde, p = cache
    dp = {}
    dh_tilde = dh * z
    dz = dh * (h_tilde - h_prev)
    dah = dh_tilde * (1 - h_tilde**2)
    drh = p["Uh"].T @ dah
    dr = drh * h_prev
    dh_prev = dh * (1 - z) + drh * r
    daz = dz * z * (1 - z)
    dar = dr * r * (1 - r)
    dh_prev += p["Uz"].T @ daz + p["Ur"].T @ dar
    dxt = p["Wz"].T @ daz + p["Wr"].T @ dar + p["Wh"].T @ dah
    dp["Wz"], dp["Uz"] = daz @ xt.T, daz @ h_prev.T
    dp["Wr"], dp["Ur"] = dar @ xt.T, dar @ h_prev.T
    dp["Wh"], dp["Uh"] = dah @ xt.T, dah @ (r * h_prev).T
    for gate, da in (("z", daz), ("r", dar), ("h", dah)):
        dp["b" + gate] = da.sum(axis=1, keepdims=True)
    return dxt, dh_prev, dp


def pool_forward(X, k, s):
    m, c, h, w = X.shape
    H, W = (h - k) // s + 1, (w - k) // s + 1
    Y = np.zeros((m, c, H, W))
    idx = np.zeros((m, c, H, W), dtype=int)
    for n in range(m):
        for ch in range(c):
            for i in range(H):
                for j in range(W):
                    win = X[n, ch, i * s : i * s + k, j * s : j * s + k]
                    idx[n, ch, i, j] = np.argmax(win)
                    Y[n, ch, i, j] = win.max()
    return Y, (X.shape, idx, k, s)


def pool_backward(dY, cache):
    shape, idx, k, s = cache
    dX = np.zeros(shape)
    m, c, H, W = dY.shape
    for n in range(m):
        for ch in range(c):
            for i in range(H):
                for j in range(W):
                    a, b = divmod(idx[n, ch, i, j], k)
                    dX[n, ch, i * s + a, j * s + b] += dY[n, ch, i, j]
    return dX


def cbow_loss(W_in, W_out, contexts, samples, labels):
    N, n_context = contexts.shape
    h = 0
    for c in range(n_context):
        h = h + W_in[contexts[:, c]]
    h = h / n_context
    target_W = W_out[samples]
    score = np.sum(target_W * h[:, None, :], axis=2)
    y = sigmoid(score)
    loss = -np.sum(labels * np.log(y) + (1 - labels) * np.log(1 - y)) / N
    dscore = (y - labels) / N
    dtarget_W = dscore[:, :, None] * h[:, None, :]
    dh = np.sum(dscore[:, :, None] * target_W, axis=1) / n_context
    dW_out = np.zeros_like(W_out)
    np.add.at(dW_out, samples, dtarget_W)
    dW_in = np.zeros_like(W_in)
    for c in range(n_context):
        np.add.at(dW_in, contexts[:, c], dh)
    return loss, (dW_in, dW_out)


def block(x, g, W1, b1, W2, b2):
    ms = (x**2).mean(axis=-1, keepdims=True) + 1e-6
    r = ms**-0.5
    n = x * r
    u = n * g
    a = u @ W1 + b1
    t = np.tanh(0.7978845608028654 * (a + 0.044715 * a**3))
    act = 0.5 * a * (1 + t)
    y = x + act @ W2 + b2

    def backward(dy):
        db2 = dy.sum(axis=tuple(range(dy.ndim - 1)))
        dW2 = act.reshape(-1, act.shape[-1]).T @ dy.reshape(-1, dy.shape[-1])
        dact = dy @ W2.T
        dt = dact * 0.5 * a
        dinner = dt * (1 - t**2)
        da = dact * 0.5 * (1 + t) + dinner * 0.7978845608028654 * (1 + 3 * 0.044715 * a**2)
        db1 = da.sum(axis=tuple(range(da.ndim - 1)))
        dW1 = u.reshape(-1, u.shape[-1]).T @ da.reshape(-1, da.shape[-1])
        du = da @ W1.T
        dg = (du * n).sum(axis=tuple(range(du.ndim - 1)))
        dn = du * g
        dr = (dn * x).sum(axis=-1, keepdims=True)
        dms = dr * -0.5 * ms**-1.5
        dx = dn * r + dms * 2 * x / x.shape[-1] + dy
        return dx, dg, dW1, db1, dW2, db2

    return y, backward


def cofi_cost(X, Theta, Y, R, lam):
    err = (X @ Theta.T - Y) * R
    J = 0.5 * np.sum(err**2) + lam / 2 * np.sum(Theta**2) + lam / 2 * np.sum(X**2)
    X_grad = np.zeros(X.shape)
    Theta_grad = np.zeros(Theta.shape)
    for i in range(X.shape[0]):
        X_grad[i, :] = err[i, :] @ Theta + lam * X[i, :]
    for j in range(Theta.shape[0]):
        Theta_grad[j, :] = err[:, j].T @ X + lam * Theta[j, :]
    return J, (X_grad, Theta_grad)


def vae_loss(mu, logvar, W_dec, x, eps):
    batch = x.shape[0]
    std = np.exp(0.5 * logvar)
    z = mu + std * eps
    x_logit = z @ W_dec
    x_hat = sigmoid(x_logit)
    bce = -np.sum(x * np.log(x_hat) + (1 - x) * np.log(1 - x_hat)) / batch
    kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / batch
    dx_logit = (x_hat - x) / batch
    dW_dec = z.T @ dx_logit
    dz = dx_logit @ W_dec.T
    dmu = dz + mu / batch
    dlogvar = dz * eps * 0.5 * std + 0.5 * (np.exp(logvar) - 1) / batch
    return bce + kl, (dmu, dlogvar, dW_dec)


class GLU:
    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        z = x @ self.W
        self.a, b = np.split(z, 2, axis=-1)
        self.gate = sigmoid(b)
        return self.a * self.gate

    def backward(self, grad_output):
        grad_a = grad_output * self.gate
        grad_b = grad_output * self.a * self.gate * (1 - self.gate)
        grad_z = np.concatenate((grad_a, grad_b), axis=-1)
        self.grad_W = self.x.T @ grad_z
        return grad_z @ self.W.T


MISTAKES = [
    (
        "GroupNorm",
        "x",
        "(xg - mean) / m + dmean / m",
        "(xg - mean) / m",
        "statistics-held-constant extra-term",
    ),
    ("GroupNorm", "x", "m = C // self.G * H * W", "m = H * W", "scaled statistics-held-constant"),
    (
        "SentimentRNN",
        "Whh",
        "temp @ self.last_hs[t].T",
        "temp @ self.last_hs[t + 1].T",
        "wrong-variable shifted",
    ),
    (
        "SentimentRNN",
        "inputs",
        "d_h = self.Whh.T @ temp",
        "d_h = self.Whh.T @ d_h",
        "missing-mask carry-dropped wrong-variable",
    ),
    (
        "TimeLSTM",
        "xs",
        "ds = dc + (dh_next * o) * (1 - tanh_c_next**2)",
        "ds = dc + dh_next * o",
        "missing-mask",
    ),
    (
        "TimeLSTM",
        "params.0",
        "np.hstack((df, dg, di, do))",
        "np.hstack((df, di, dg, do))",
        "swapped",
    ),
    (
        "gru_cell",
        "h_prev",
        "dh_prev = dh * (1 - z) + drh * r",
        "dh_prev = dh * (1 - z)",
        "extra-term carry-dropped",
    ),
    (
        "gru_cell",
        "h_prev",
        "dh_prev = dh * (1 - z) +",
        "dh_prev = dh * z +",
        "wrong-variable missing-mask scaled",
    ),
    ("pool", "X", "j * s + b] += dY", "j * s + b] = dY", "overlap-overwritten"),
    (
        "pool",
        "X",
        "a, b = divmod(idx",
        "b, a = divmod(idx",
        "transposed swapped shifted wrong-variable",
    ),
    ("cbow_loss", "W_in", "target_W, axis=1) / n_context", "target_W, axis=1)", "scaled"),
    (
        "cbow_loss",
        "W_out",
        "np.add.at(dW_out, samples, dtarget_W)",
        "dW_out[samples] += dtarget_W",
        "repeated-index-lost",
    ),
    ("block", "x", "x / x.shape[-1] + dy", "x / x.shape[-1]", "extra-term"),
    ("block", "x", "dms * 2 * x / x.shape[-1]", "dms * 2 * x", "scaled statistics-held-constant"),
    (
        "cofi_cost",
        "X",
        "X_grad[i, :] = err[i, :] @ Theta",
        "X_grad[i, :] = (X[i, :] @ Theta.T - Y[i, :]) @ Theta",
        "extra-term wrong-variable missing-mask",
    ),
    ("cofi_cost", "Theta", "err[:, j].T @ X + lam * Theta[j, :]", "err[:, j].T @ X", "extra-term"),
    ("vae_loss", "logvar", "dz * eps * 0.5 * std", "dz * eps * std", "scaled"),
    ("vae_loss", "mu", "dmu = dz + mu / batch", "dmu = dz - mu / batch", "sign-flipped extra-term"),
    (
        "GLU",
        "x",
        "np.concatenate((grad_a, grad_b), axis=-1)",
        "np.concatenate((grad_b, grad_a), axis=-1)",
        "swapped",
    ),
    ("GLU", "x", "self.a * self.gate * (1 - self.gate)", "self.a * self.gate", "missing-mask"),
]
"""Whose, of which gradient, what is changed into what, and the codes that are true of it."""
