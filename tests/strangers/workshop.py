"""Layers of all kinds, each with two mistakes that people make: those that were looked at."""

import numpy as np


def silu(z):
    return z / (1.0 + np.exp(-z))


def ffn_forward(x, params):
    rstd = 1.0 / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + 1e-6)
    xn = x * rstd
    h = xn * params["g"]
    gate, up = h @ params["w_gate"], h @ params["w_up"]
    act = silu(gate) * up
    return x + act @ params["w_down"], (x, rstd, xn, h, gate, up, act, params)


def ffn_backward(dout, cache):
    x, rstd, xn, h, gate, up, act, params = cache
    grads = {"w_down": np.einsum("btf,btd->fd", act, dout)}
    dact = dout @ params["w_down"].T
    dup = dact * silu(gate)
    sig = 1.0 / (1.0 + np.exp(-gate))
    dgate = dact * up * sig * (1.0 + gate * (1.0 - sig))
    grads["w_gate"] = np.einsum("btd,btf->df", h, dgate)
    grads["w_up"] = np.einsum("btd,btf->df", h, dup)
    dh = dgate @ params["w_gate"].T + dup @ params["w_up"].T
    grads["g"] = (dh * xn).sum(axis=(0, 1))
    dxn = dh * params["g"]
    dx = dout + rstd * (dxn - xn * np.mean(dxn * xn, axis=-1, keepdims=True))
    return dx, grads


class RotaryHead:
    """One causal head with rotary positions."""

    def __init__(self, dim, theta=10.0):
        rng = np.random.default_rng(5)
        self.Wq, self.Wk, self.Wv = (rng.normal(size=(dim, dim)) / 2 for _ in range(3))
        self.theta = theta
        self.scale = dim**-0.5

    def angles(self, T, dim):
        freq = self.theta ** (-np.arange(0, dim, 2) / dim)
        a = np.arange(T)[:, None] * freq[None, :]
        return np.cos(a), np.sin(a)

    @staticmethod
    def rotate(m, cos, sin):
        even, odd = m[..., 0::2], m[..., 1::2]
        out = np.empty_like(m)
        out[..., 0::2] = even * cos - odd * sin
        out[..., 1::2] = even * sin + odd * cos
        return out

    def forward(self, x):
        T, dim = x.shape[-2:]
        self.cos, self.sin = self.angles(T, dim)
        self.x = x
        self.q = self.rotate(x @ self.Wq, self.cos, self.sin)
        self.k = self.rotate(x @ self.Wk, self.cos, self.sin)
        self.v = x @ self.Wv
        s = self.scale * self.q @ np.swapaxes(self.k, -1, -2)
        s = np.where(np.tril(np.ones((T, T), dtype=bool)), s, -1e9)
        e = np.exp(s - s.max(axis=-1, keepdims=True))
        self.p = e / e.sum(axis=-1, keepdims=True)
        return self.p @ self.v

    def backward(self, dout):
        dv = np.swapaxes(self.p, -1, -2) @ dout
        dp = dout @ np.swapaxes(self.v, -1, -2)
        ds = self.p * (dp - np.sum(dp * self.p, axis=-1, keepdims=True))
        dq = self.scale * ds @ self.k
        dk = self.scale * np.swapaxes(ds, -1, -2) @ self.q
        dq_raw = self.rotate(dq, self.cos, -self.sin)
        dk_raw = self.rotate(dk, self.cos, -self.sin)
        self.dWq = np.einsum("bti,btj->ij", self.x, dq_raw)
        self.dWk = np.einsum("bti,btj->ij", self.x, dk_raw)
        self.dWv = np.einsum("bti,btj->ij", self.x, dv)
        return dq_raw @ self.Wq.T + dk_raw @ self.Wk.T + dv @ self.Wv.T


def info_nce(a, b, temperature=0.4):
    """Two views of each sample; both directions."""
    na = np.linalg.norm(a, axis=1, keepdims=True)
    nb = np.linalg.norm(b, axis=1, keepdims=True)
    ua, ub = a / na, b / nb
    sim = ua @ ub.T / temperature
    n = sim.shape[0]

    def log_softmax(m, axis):
        m = m - m.max(axis=axis, keepdims=True)
        return m - np.log(np.exp(m).sum(axis=axis, keepdims=True))

    lp_ab, lp_ba = log_softmax(sim, 1), log_softmax(sim, 0)
    loss = -(np.trace(lp_ab) + np.trace(lp_ba)) / (2 * n)

    d_sim = np.exp(lp_ab) / (2 * n)
    d_sim += np.exp(lp_ba) / (2 * n)
    d_sim -= np.eye(n) / n
    d_ua = d_sim @ ub / temperature
    d_ub = d_sim.T @ ua / temperature
    d_a = (d_ua - ua * np.sum(d_ua * ua, axis=1, keepdims=True)) / na
    d_b = (d_ub - ub * np.sum(d_ub * ub, axis=1, keepdims=True)) / nb
    return loss, (d_a, d_b)


def gaussian_kl(mu_q, logvar_q, mu_p, logvar_p):
    B = mu_q.shape[0]
    var_q, var_p = np.exp(logvar_q), np.exp(logvar_p)
    delta = mu_q - mu_p
    kl = 0.5 * (logvar_p - logvar_q + (var_q + delta**2) / var_p - 1)
    total = kl.sum() / B

    g_mu_q = delta / var_p / B
    g_mu_p = -g_mu_q
    g_logvar_q = 0.5 * (var_q / var_p - 1) / B
    g_logvar_p = 0.5 * (1 - (var_q + delta**2) / var_p) / B
    return total, {
        "mu_q": g_mu_q,
        "logvar_q": g_logvar_q,
        "mu_p": g_mu_p,
        "logvar_p": g_logvar_p,
    }


class MixtureDensity:
    """K Gaussians on the line for each sample."""

    def __init__(self, W, b, K):
        self.W, self.b, self.K = W, b, K

    def loss(self, X, y):
        K = self.K
        out = X @ self.W + self.b
        logits, mu, raw = out[:, :K], out[:, K : 2 * K], out[:, 2 * K :]
        pi = np.exp(logits - logits.max(axis=1, keepdims=True))
        pi /= pi.sum(axis=1, keepdims=True)
        sigma = np.log1p(np.exp(raw)) + 1e-3
        z = (y[:, None] - mu) / sigma
        dens = pi * np.exp(-0.5 * z**2) / (sigma * np.sqrt(2 * np.pi))
        total = dens.sum(axis=1, keepdims=True)
        nll = -np.log(total).mean()

        N = len(X)
        resp = dens / total
        dlogits = (pi - resp) / N
        dmu = -resp * z / sigma / N
        dsigma = resp * (1 - z**2) / sigma / N
        draw = dsigma / (1 + np.exp(-raw))
        dout = np.hstack([dlogits, dmu, draw])
        self.grads = {"W": X.T @ dout, "b": dout.sum(axis=0)}
        return nll, (self.grads["W"], self.grads["b"])


class SeparableConv1d:
    """Depthwise, dilated, then pointwise; (N, C, L)."""

    def __init__(self, depth, point, dilation):
        self.depth, self.point, self.dilation = depth, point, dilation

    def forward(self, x):
        C, k = self.depth.shape
        pad = self.dilation * (k - 1) // 2
        self.xp = np.pad(x, ((0, 0), (0, 0), (pad, pad)))
        L = x.shape[2]
        self.mid = np.zeros_like(x)
        for j in range(k):
            off = j * self.dilation
            self.mid += self.xp[:, :, off : off + L] * self.depth[None, :, j, None]
        self.pad = pad
        return np.einsum("fc,ncl->nfl", self.point, self.mid)

    def backward(self, dy):
        C, k = self.depth.shape
        L = dy.shape[2]
        self.d_point = np.einsum("nfl,ncl->fc", dy, self.mid)
        d_mid = np.einsum("fc,nfl->ncl", self.point, dy)
        self.d_depth = np.zeros_like(self.depth)
        d_xp = np.zeros_like(self.xp)
        for j in range(k):
            start = j * self.dilation
            self.d_depth[:, j] = np.sum(d_mid * self.xp[:, :, start : start + L], axis=(0, 2))
            d_xp[:, :, start : start + L] += d_mid * self.depth[None, :, j, None]
        return d_xp[:, :, self.pad : self.pad + L]


def gru_forward(xs, h0, p):
    """Time first; the reset gate is applied after the product, as on a GPU."""
    h, hs, steps = h0, [], []
    for x in xs:
        r = 1 / (1 + np.exp(-(x @ p["Wr"] + h @ p["Ur"])))
        z = 1 / (1 + np.exp(-(x @ p["Wz"] + h @ p["Uz"])))
        uh = h @ p["Un"] + p["bn"]
        n = np.tanh(x @ p["Wn"] + r * uh)
        steps.append((x, h, r, z, uh, n))
        h = (1 - z) * n + z * h
        hs.append(h)
    return np.stack(hs), (steps, p)


def gru_backward(dhs, cache):
    steps, p = cache
    grads = {name: np.zeros_like(value) for name, value in p.items()}
    dxs = np.zeros((len(steps), *steps[0][0].shape))
    dh_next = np.zeros_like(steps[0][1])
    for t in range(len(steps) - 1, -1, -1):
        x, h, r, z, uh, n = steps[t]
        dh = dhs[t] + dh_next
        dn_pre = dh * (1 - z) * (1 - n**2)
        dz_pre = dh * (h - n) * z * (1 - z)
        dr_pre = dn_pre * uh * r * (1 - r)
        duh = dn_pre * r
        grads["Wn"] += x.T @ dn_pre
        grads["Un"] += h.T @ duh
        grads["bn"] += duh.sum(axis=0)
        grads["Wz"] += x.T @ dz_pre
        grads["Uz"] += h.T @ dz_pre
        grads["Wr"] += x.T @ dr_pre
        grads["Ur"] += h.T @ dr_pre
        dxs[t] = dn_pre @ p["Wn"].T + dz_pre @ p["Wz"].T + dr_pre @ p["Wr"].T
        dh_next = dh * z + duh @ p["Un"].T + dz_pre @ p["Uz"].T + dr_pre @ p["Ur"].T
    return dxs, dh_next, grads


def composite_forward(alpha, color):
    """Volume rendering: what each sample along a ray adds to the pixel."""
    keep = 1.0 - alpha
    trans = np.cumprod(keep, axis=1)
    before = np.concatenate([np.ones_like(trans[:, :1]), trans[:, :-1]], axis=1)
    weight = alpha * before
    pixel = np.sum(weight[:, :, None] * color, axis=1)
    return pixel, (alpha, color, before, weight)


def composite_backward(dpixel, cache):
    alpha, color, before, weight = cache
    dcolor = weight[:, :, None] * dpixel[:, None, :]
    dweight = np.sum(color * dpixel[:, None, :], axis=2)
    flow = dweight * weight
    after = np.cumsum(flow[:, ::-1], axis=1)[:, ::-1] - flow
    dalpha = dweight * before - after / (1.0 - alpha)
    return dalpha, dcolor


class MultiMarginLoss:
    def __init__(self, margin=1.0, weight=None):
        self.margin, self.weight = margin, weight

    def forward(self, scores, target):
        n, c = scores.shape
        right = scores[np.arange(n), target][:, None]
        slack = self.margin - right + scores
        slack[np.arange(n), target] = 0
        hinge = np.maximum(slack, 0)
        self.hinge, self.target = hinge, target
        w = np.ones(n) if self.weight is None else self.weight[target]
        self.w = w
        return (w[:, None] * hinge**2).sum() / (n * c)

    def backward(self):
        n, c = self.hinge.shape
        grad = 2 * self.hinge * self.w[:, None]
        grad[np.arange(n), self.target] = -grad.sum(axis=1)
        return grad / (n * c)


def contrastive_loss(E, labels, margin=2.0):
    n = len(E)
    pairs = n * (n - 1) / 2
    loss = 0.0
    grad = np.zeros_like(E)
    for i in range(n):
        for j in range(i + 1, n):
            d = E[i] - E[j]
            dist = np.sqrt(np.dot(d, d) + 1e-8)
            if labels[i] == labels[j]:
                loss += 0.5 * dist**2
                g = d
            elif dist < margin:
                loss += 0.5 * (margin - dist) ** 2
                g = -(margin - dist) * d / dist
            else:
                continue
            grad[i] += g
            grad[j] -= g
    return loss / pairs, grad / pairs


MISTAKES = [
    (
        "ffn",
        "x",
        "(dxn - xn * np.mean(dxn * xn, axis=-1, keepdims=True))",
        "dxn",
        "statistics-held-constant extra-term",
    ),
    (
        "ffn",
        "params.w_gate",
        "up * sig * (1.0 + gate * (1.0 - sig))",
        "up * sig * (1.0 - sig)",
        "missing-mask",
    ),
    (
        "RotaryHead",
        "x",
        "dk_raw = self.rotate(dk, self.cos, -self.sin)",
        "dk_raw = self.rotate(dk, self.cos, self.sin)",
        "sign-flipped transposed",
    ),
    (
        "RotaryHead",
        "Wk",
        "dk = self.scale * np.swapaxes(ds, -1, -2) @ self.q",
        "dk = np.swapaxes(ds, -1, -2) @ self.q",
        "scaled",
    ),
    (
        "info_nce",
        "a",
        "d_sim += np.exp(lp_ba) / (2 * n)",
        "pass",
        "extra-term",
    ),
    (
        "info_nce",
        "b",
        "d_b = (d_ub - ub * np.sum(d_ub * ub, axis=1, keepdims=True)) / nb",
        "d_b = d_ub / nb",
        "extra-term statistics-held-constant",
    ),
    (
        "gaussian_kl",
        "logvar_p",
        "0.5 * (1 - (var_q + delta**2) / var_p) / B",
        "0.5 * (1 - var_q / var_p) / B",
        "extra-term",
    ),
    (
        "gaussian_kl",
        "mu_q",
        "g_mu_q = delta / var_p / B",
        "g_mu_q = delta / var_q / B",
        "wrong-variable",
    ),
    (
        "MixtureDensity",
        "W",
        "draw = dsigma / (1 + np.exp(-raw))",
        "draw = dsigma",
        "missing-mask",
    ),
    (
        "MixtureDensity",
        "b",
        "dlogits = (pi - resp) / N",
        "dlogits = (resp - pi) / N",
        "sign-flipped",
    ),
    (
        "SeparableConv1d",
        "x",
        "start = j * self.dilation",
        "start = j",
        "shifted",
    ),
    (
        "SeparableConv1d",
        "x",
        "d_xp[:, :, start : start + L] += d_mid",
        "d_xp[:, :, start : start + L] = d_mid",
        "overlap-overwritten",
    ),
    (
        "gru",
        "h0",
        "dh_next = dh * z + duh",
        "dh_next = duh",
        "carry-dropped extra-term",
    ),
    (
        "gru",
        "p.Un",
        "duh = dn_pre * r",
        "duh = dn_pre",
        "missing-mask",
    ),
    (
        "composite",
        "alpha",
        "[:, ::-1] - flow",
        "[:, ::-1]",
        "extra-term shifted",
    ),
    (
        "composite",
        "alpha",
        "np.cumsum(flow[:, ::-1], axis=1)[:, ::-1] - flow",
        "np.cumsum(flow, axis=1) - flow",
        "flipped",
    ),
    (
        "MultiMarginLoss",
        "scores",
        "grad[np.arange(n), self.target] = -grad.sum(axis=1)",
        "pass",
        "extra-term partial",
    ),
    (
        "MultiMarginLoss",
        "scores",
        "grad = 2 * self.hinge * self.w[:, None]",
        "grad = 2 * (self.hinge > 0) * self.w[:, None]",
        "missing-mask",
    ),
    (
        "contrastive",
        "E",
        "grad[j] -= g",
        "pass",
        "extra-term",
    ),
    (
        "contrastive",
        "E",
        "g = -(margin - dist) * d / dist",
        "g = -(margin - dist) * d",
        "missing-mask scaled",
    ),
]
"""Whose, of which gradient, what is changed into what, and the codes that are true of it."""
