"""More layers of all kinds, each with two mistakes that people make: set aside, and only measured."""

import numpy as np


class RBFLayer:
    def __init__(self, centers, log_beta):
        self.centers, self.log_beta = centers, log_beta

    def forward(self, X):
        self.X = X
        self.diff = X[:, None, :] - self.centers[None, :, :]
        self.sq = np.sum(self.diff**2, axis=2)
        self.beta = np.exp(self.log_beta)
        self.phi = np.exp(-self.beta * self.sq)
        return self.phi

    def backward(self, dphi):
        d_expo = dphi * self.phi
        d_sq = -d_expo * self.beta
        self.dlog_beta = np.sum(-d_expo * self.sq * self.beta, axis=0)
        d_diff = 2 * d_sq[:, :, None] * self.diff
        self.dcenters = -d_diff.sum(axis=0)
        return d_diff.sum(axis=1)


def bilinear_forward(q, k, v, W, mask):
    score = np.einsum("bid,de,bje->bij", q, W, k)
    score = np.where(mask, score, -1e30)
    score = score - score.max(axis=2, keepdims=True)
    w = np.exp(score)
    w = w / w.sum(axis=2, keepdims=True)
    return w @ v, dict(q=q, k=k, v=v, W=W, w=w)


def bilinear_backward(dout, c):
    q, k, v, W, w = c["q"], c["k"], c["v"], c["W"], c["w"]
    dv = w.transpose(0, 2, 1) @ dout
    dw = dout @ v.transpose(0, 2, 1)
    dscore = w * (dw - (w * dw).sum(axis=2, keepdims=True))
    dq = dscore @ k @ W.T
    dk = dscore.transpose(0, 2, 1) @ q @ W
    dW = np.einsum("bij,bid,bje->de", dscore, q, k)
    return dq, dk, dv, dW


def retention(Q, K, V, gamma):
    """S_t = γ S_{t−1} + k_t v_tᵀ, o_t = q_t S_t."""
    B, T, D = Q.shape
    S = np.zeros((B, D, V.shape[2]))
    states, O = [S], np.zeros_like(V)
    for t in range(T):
        S = gamma * S + K[:, t, :, None] * V[:, t, None, :]
        states.append(S)
        O[:, t] = np.einsum("bd,bde->be", Q[:, t], S)

    def backward(dO):
        dQ, dK, dV = np.zeros_like(Q), np.zeros_like(K), np.zeros_like(V)
        dgamma = 0.0
        dS = np.zeros_like(S)
        for t in reversed(range(T)):
            dS = dS + Q[:, t, :, None] * dO[:, t, None, :]
            dQ[:, t] = np.einsum("be,bde->bd", dO[:, t], states[t + 1])
            dK[:, t] = np.einsum("bde,be->bd", dS, V[:, t])
            dV[:, t] = np.einsum("bde,bd->be", dS, K[:, t])
            dgamma += np.sum(dS * states[t])
            dS = gamma * dS
        return dQ, dK, dV, np.asarray(dgamma)

    return O, backward


class SpectralPool:
    """Keep the lowest frequencies of a cosine transform; (N, C, H, W)."""

    def __init__(self, size):
        self.size = size

    @staticmethod
    def basis(n):
        k, i = np.arange(n)[:, None], np.arange(n)[None, :]
        C = np.sqrt(2 / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
        C[0] /= np.sqrt(2)
        return C

    def forward(self, x):
        n, m = x.shape[2], self.size
        self.big, self.small = self.basis(n), self.basis(m)
        freq = self.big @ x @ self.big.T
        self.freq_shape = freq.shape
        cut = freq[:, :, :m, :m]
        return self.small.T @ cut @ self.small * (m / n)

    def backward(self, dy):
        m, n = self.size, self.freq_shape[2]
        dcut = self.small @ dy @ self.small.T * (m / n)
        dfreq = np.zeros(self.freq_shape)
        dfreq[:, :, :m, :m] = dcut
        return self.big.T @ dfreq @ self.big


def crf_nll(emissions, transitions, tags):
    """Linear chain, one sentence: (T, K), (K, K), T tags."""
    T, K = emissions.shape

    def lse(m, axis):
        top = m.max(axis=axis, keepdims=True)
        return (top + np.log(np.exp(m - top).sum(axis=axis, keepdims=True))).squeeze(axis)

    alpha = np.zeros((T, K))
    alpha[0] = emissions[0]
    for t in range(1, T):
        alpha[t] = emissions[t] + lse(alpha[t - 1][:, None] + transitions, 0)
    log_z = lse(alpha[-1], 0)
    score = emissions[np.arange(T), tags].sum() + transitions[tags[:-1], tags[1:]].sum()

    beta = np.zeros((T, K))
    for t in range(T - 2, -1, -1):
        beta[t] = lse(transitions + emissions[t + 1] + beta[t + 1], 1)
    d_emissions = np.exp(alpha + beta - log_z)
    d_transitions = np.zeros_like(transitions)
    for t in range(1, T):
        pair = alpha[t - 1][:, None] + transitions + (emissions[t] + beta[t])[None, :]
        d_transitions += np.exp(pair - log_z)
        d_transitions[tags[t - 1], tags[t]] -= 1
    d_emissions[np.arange(T), tags] -= 1
    return log_z - score, (d_emissions, d_transitions)


class Maxout:
    def __init__(self, n_in, n_out, pieces):
        rng = np.random.default_rng(8)
        self.weight = rng.normal(size=(pieces, n_in, n_out))
        self.bias = rng.normal(size=(pieces, n_out))

    def forward(self, inputs):
        self.inputs = inputs
        z = np.einsum("ni,pio->npo", inputs, self.weight) + self.bias
        self.which = z.argmax(axis=1)
        return z.max(axis=1)

    def backward(self, delta):
        pieces = self.weight.shape[0]
        hot = self.which[:, None, :] == np.arange(pieces)[None, :, None]
        delta_z = hot * delta[:, None, :]
        self.grad_weight = np.einsum("ni,npo->pio", self.inputs, delta_z)
        self.grad_bias = delta_z.sum(axis=0)
        return np.einsum("npo,pio->ni", delta_z, self.weight)


class BiRNN:
    """Batch first; both directions, concatenated."""

    def __init__(self, params):
        self.params = params
        self.grads = {}

    def run(self, x, W, U):
        h, out = np.zeros((x.shape[0], U.shape[0])), []
        for t in range(x.shape[1]):
            h = np.tanh(x[:, t] @ W + h @ U)
            out.append(h)
        return np.stack(out, axis=1)

    def back(self, dout, x, out, W, U):
        dx, dW, dU = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U)
        dh = np.zeros_like(out[:, 0])
        for t in range(x.shape[1] - 1, -1, -1):
            dpre = (dout[:, t] + dh) * (1 - out[:, t] ** 2)
            dx[:, t] = dpre @ W.T
            dW += x[:, t].T @ dpre
            if t > 0:
                dU += out[:, t - 1].T @ dpre
            dh = dpre @ U.T
        return dx, dW, dU

    def forward(self, x):
        p = self.params
        self.x = x
        self.fwd = self.run(x, p["Wf"], p["Uf"])
        self.bwd = self.run(x[:, ::-1], p["Wb"], p["Ub"])
        return np.concatenate([self.fwd, self.bwd[:, ::-1]], axis=2)

    def backward(self, dout):
        p, g = self.params, self.grads
        H = self.fwd.shape[2]
        d_fwd, d_bwd = dout[:, :, :H], dout[:, ::-1, H:]
        dx_f, g["Wf"], g["Uf"] = self.back(d_fwd, self.x, self.fwd, p["Wf"], p["Uf"])
        dx_b, g["Wb"], g["Ub"] = self.back(d_bwd, self.x[:, ::-1], self.bwd, p["Wb"], p["Ub"])
        return dx_f + dx_b[:, ::-1]


def sample_forward(signal, pos):
    """Linear interpolation of (N, C, L) at fractional positions (N, P)."""
    lo = np.floor(pos).astype(int)
    frac = pos - lo
    hi = lo + 1
    n = np.arange(signal.shape[0])[:, None]
    left, right = signal[n, :, lo], signal[n, :, hi]
    out = left * (1 - frac)[..., None] + right * frac[..., None]
    return out.transpose(0, 2, 1), (signal.shape, n, lo, hi, frac, left, right)


def sample_backward(dout, cache):
    shape, n, lo, hi, frac, left, right = cache
    dout = dout.transpose(0, 2, 1)
    dsignal = np.zeros(shape)
    np.add.at(dsignal, (n, slice(None), lo), dout * (1 - frac)[..., None])
    np.add.at(dsignal, (n, slice(None), hi), dout * frac[..., None])
    dpos = np.sum(dout * (right - left), axis=2)
    return dsignal, dpos


def adain(content, style_mean, style_std, eps=1e-5):
    """Instance statistics out, a style's in; channels first."""
    mu = content.mean(axis=(2, 3), keepdims=True)
    sd = np.sqrt(content.var(axis=(2, 3), keepdims=True) + eps)
    z = (content - mu) / sd
    out = z * style_std[:, :, None, None] + style_mean[:, :, None, None]

    def backward(grad):
        d_mean = grad.sum(axis=(2, 3))
        d_std = (grad * z).sum(axis=(2, 3))
        dz = grad * style_std[:, :, None, None]
        m1 = dz.mean(axis=(2, 3), keepdims=True)
        m2 = (dz * z).mean(axis=(2, 3), keepdims=True)
        d_content = (dz - m1 - z * m2) / sd
        return d_content, d_mean, d_std

    return out, backward


class Bahdanau:
    """Additive attention of one query over the encoder's states."""

    def __init__(self, Wa, Ua, va):
        self.p = {"Wa": Wa, "Ua": Ua, "va": va}

    def forward(self, s, H):
        Wa, Ua, va = self.p["Wa"], self.p["Ua"], self.p["va"]
        self.s, self.H = s, H
        self.u = np.tanh((s @ Wa)[:, None, :] + H @ Ua)
        e = self.u @ va
        e = np.exp(e - e.max(axis=1, keepdims=True))
        self.a = e / e.sum(axis=1, keepdims=True)
        return np.sum(self.a[:, :, None] * H, axis=1)

    def backward(self, d_ctx):
        Wa, Ua, va = self.p["Wa"], self.p["Ua"], self.p["va"]
        d_a = np.sum(d_ctx[:, None, :] * self.H, axis=2)
        d_H = self.a[:, :, None] * d_ctx[:, None, :]
        d_e = self.a * (d_a - np.sum(self.a * d_a, axis=1, keepdims=True))
        d_u = d_e[:, :, None] * va
        d_pre = d_u * (1 - self.u**2)
        d_q = d_pre.sum(axis=1)
        d_H += d_pre @ Ua.T
        self.g = {
            "Wa": self.s.T @ d_q,
            "Ua": np.einsum("bti,btj->ij", self.H, d_pre),
            "va": np.einsum("bt,bti->i", d_e, self.u),
        }
        return d_q @ Wa.T, d_H


def gat(X, W, a_src, a_dst, adj):
    """One head of graph attention."""
    Z = X @ W
    raw = (Z @ a_src)[:, None] + (Z @ a_dst)[None, :]
    act = np.where(raw > 0, raw, 0.2 * raw)
    act = np.where(adj > 0, act, -1e9)
    P = np.exp(act - act.max(axis=1, keepdims=True))
    P = P / P.sum(axis=1, keepdims=True)
    out = P @ Z

    def backward(dout):
        dP = dout @ Z.T
        dZ = P.T @ dout
        dact = P * (dP - (dP * P).sum(axis=1, keepdims=True))
        draw = dact * np.where(raw > 0, 1.0, 0.2)
        dsrc, ddst = draw.sum(axis=1), draw.sum(axis=0)
        da_src, da_dst = Z.T @ dsrc, Z.T @ ddst
        dZ += np.outer(dsrc, a_src) + np.outer(ddst, a_dst)
        return dZ @ W.T, X.T @ dZ, da_src, da_dst, None

    return out, backward


MISTAKES = [
    (
        "RBFLayer",
        "log_beta",
        "-d_expo * self.sq * self.beta, axis=0",
        "-d_expo * self.sq, axis=0",
        "scaled missing-mask",
    ),
    (
        "RBFLayer",
        "X",
        "return d_diff.sum(axis=1)",
        "return d_diff.sum(axis=0)[: len(dphi)]",
        "wrong-axis swapped wrong-shape not-summed",
    ),
    (
        "bilinear",
        "q",
        "dq = dscore @ k @ W.T",
        "dq = dscore @ k @ W",
        "transposed",
    ),
    (
        "bilinear",
        "k",
        "w * (dw - (w * dw).sum(axis=2, keepdims=True))",
        "w * dw * (1 - w)",
        "diagonal-only",
    ),
    (
        "retention",
        "K",
        "dS = gamma * dS",
        "pass",
        "carry-dropped scaled",
    ),
    (
        "retention",
        "Q",
        "dO[:, t], states[t + 1])",
        "dO[:, t], states[t])",
        "wrong-variable shifted",
    ),
    (
        "SpectralPool",
        "x",
        "return self.big.T @ dfreq @ self.big",
        "return self.big @ dfreq @ self.big.T",
        "transposed",
    ),
    (
        "SpectralPool",
        "x",
        "dcut = self.small @ dy @ self.small.T * (m / n)",
        "dcut = self.small @ dy @ self.small.T",
        "scaled",
    ),
    (
        "crf",
        "transitions",
        "(emissions[t] + beta[t])[None, :]",
        "(emissions[t] + beta[t])[:, None]",
        "wrong-axis",
    ),
    (
        "crf",
        "emissions",
        "d_emissions[np.arange(T), tags] -= 1",
        "d_emissions[:, tags] -= 1",
        "shifted wrong-axis wrong-variable extra-term partial",
    ),
    (
        "Maxout",
        "inputs",
        "delta_z = hot * delta[:, None, :]",
        "delta_z = np.ones_like(hot) * delta[:, None, :]",
        "missing-mask",
    ),
    (
        "Maxout",
        "bias",
        "self.grad_bias = delta_z.sum(axis=0)",
        "self.grad_bias = delta_z.mean(axis=0)",
        "averaged",
    ),
    (
        "BiRNN",
        "x",
        "return dx_f + dx_b[:, ::-1]",
        "return dx_f",
        "extra-term",
    ),
    (
        "BiRNN",
        "x",
        "return dx_f + dx_b[:, ::-1]",
        "return dx_f + dx_b",
        "flipped",
    ),
    (
        "sample",
        "signal",
        "np.add.at(dsignal, (n, slice(None), lo), dout * (1 - frac)[..., None])",
        "dsignal[n, :, lo] += dout * (1 - frac)[..., None]",
        "repeated-index-lost",
    ),
    (
        "sample",
        "pos",
        "np.sum(dout * (right - left), axis=2)",
        "np.sum(dout * (left - right), axis=2)",
        "sign-flipped",
    ),
    (
        "adain",
        "content",
        "m1 = dz.mean(axis=(2, 3), keepdims=True)",
        "m1 = dz.mean(axis=(0, 2, 3), keepdims=True)",
        "wrong-axis",
    ),
    (
        "adain",
        "style_std",
        "d_std = (grad * z).sum(axis=(2, 3))",
        "d_std = (grad * content).sum(axis=(2, 3))",
        "wrong-variable",
    ),
    (
        "Bahdanau",
        "H",
        "d_H += d_pre @ Ua.T",
        "pass",
        "extra-term",
    ),
    (
        "Bahdanau",
        "s",
        "d_q = d_pre.sum(axis=1)",
        "d_q = d_pre[:, -1]",
        "not-summed",
    ),
    (
        "gat",
        "a_dst",
        "dsrc, ddst = draw.sum(axis=1), draw.sum(axis=0)",
        "dsrc, ddst = draw.sum(axis=1), draw.sum(axis=1)",
        "wrong-axis swapped",
    ),
    (
        "gat",
        "X",
        "draw = dact * np.where(raw > 0, 1.0, 0.2)",
        "draw = dact * np.where(P > 0, 1.0, 0.2)",
        "missing-mask wrong-variable",
    ),
]
"""Whose, of which gradient, what is changed into what, and the codes that are true of it."""
