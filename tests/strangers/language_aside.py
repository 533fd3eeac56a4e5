"""Sequences, language and probabilities, each with mistakes that people make: those set aside at first."""

import numpy as np


def rnn_step_forward(parameters, a_prev, x):
    Waa, Wax, Wya, by, b = (parameters[k] for k in ("Waa", "Wax", "Wya", "by", "b"))
    a_next = np.tanh(np.dot(Wax, x) + np.dot(Waa, a_prev) + b)
    e = np.exp(np.dot(Wya, a_next) + by)
    return a_next, e / e.sum(axis=0)


def rnn_step_backward(dy, gradients, parameters, x, a, a_prev):
    gradients["dWya"] += np.dot(dy, a.T)
    gradients["dby"] += dy
    da = np.dot(parameters["Wya"].T, dy) + gradients["da_next"]
    daraw = (1 - a * a) * da
    gradients["db"] += daraw
    gradients["dWax"] += np.dot(daraw, x.T)
    gradients["dWaa"] += np.dot(daraw, a_prev.T)
    gradients["da_next"] = np.dot(parameters["Waa"].T, daraw)
    return gradients


def dinos_loss(Waa, Wax, Wya, b, by, X, Y):
    parameters = {"Waa": Waa, "Wax": Wax, "Wya": Wya, "b": b, "by": by}
    x, a, y_hat = {}, {-1: np.zeros((len(b), 1))}, {}
    loss = 0
    for t in range(len(X)):
        x[t] = np.zeros((Wax.shape[1], 1))
        if X[t] is not None:
            x[t][X[t]] = 1
        a[t], y_hat[t] = rnn_step_forward(parameters, a[t - 1], x[t])
        loss -= np.log(y_hat[t][Y[t], 0])
    gradients = {f"d{k}": np.zeros_like(v) for k, v in parameters.items()}
    gradients["da_next"] = np.zeros_like(a[0])
    for t in reversed(range(len(X))):
        dy = np.copy(y_hat[t])
        dy[Y[t]] -= 1
        gradients = rnn_step_backward(dy, gradients, parameters, x[t], a[t], a[t - 1])
    return loss, tuple(gradients[k] for k in ("dWaa", "dWax", "dWya", "db", "dby"))


def birnn_forward(x, params):
    """x (T, N, D); both directions side by side."""
    T, N, _ = x.shape
    H = params["Wl_h"].shape[0]
    fwd, bwd = np.zeros((T + 1, N, H)), np.zeros((T + 1, N, H))
    for t in range(T):
        fwd[t + 1] = np.tanh(x[t] @ params["Wl_x"] + fwd[t] @ params["Wl_h"] + params["bl"])
    for t in reversed(range(T)):
        bwd[t] = np.tanh(x[t] @ params["Wr_x"] + bwd[t + 1] @ params["Wr_h"] + params["br"])
    out = np.concatenate([fwd[1:], bwd[:-1]], axis=2)
    return out, (x, fwd, bwd, params)


def birnn_backward(dout, cache):
    x, fwd, bwd, params = cache
    T, N, _ = x.shape
    H = fwd.shape[2]
    grads = {k: np.zeros_like(v) for k, v in params.items()}
    dx = np.zeros_like(x)
    dl, dr = dout[:, :, :H], dout[:, :, H:]
    carry = np.zeros((N, H))
    for t in reversed(range(T)):
        da = (dl[t] + carry) * (1 - fwd[t + 1] ** 2)
        grads["Wl_x"] += x[t].T @ da
        grads["Wl_h"] += fwd[t].T @ da
        grads["bl"] += da.sum(axis=0)
        dx[t] += da @ params["Wl_x"].T
        carry = da @ params["Wl_h"].T
    carry = np.zeros((N, H))
    for t in range(T):
        da = (dr[t] + carry) * (1 - bwd[t] ** 2)
        grads["Wr_x"] += x[t].T @ da
        grads["Wr_h"] += bwd[t + 1].T @ da
        grads["br"] += da.sum(axis=0)
        dx[t] += da @ params["Wr_x"].T
        carry = da @ params["Wr_h"].T
    return dx, grads


def ln_fwd(x, g, b):
    mu = x.mean(-1, keepdims=True)
    std = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
    norm = (x - mu) / std
    return g * norm + b, (norm, std, g)


def ln_bwd(dout, cache):
    norm, std, g = cache
    dg = (dout * norm).sum((0, 1))
    db = dout.sum((0, 1))
    dnorm = dout * g
    dx = dnorm - dnorm.mean(-1, keepdims=True) - norm * (dnorm * norm).mean(-1, keepdims=True)
    return dx / std, dg, db


def gelu_fwd(u):
    t = np.tanh(0.7978845608028654 * (u + 0.044715 * u**3))
    return 0.5 * u * (1 + t), (u, t)


def gelu_bwd(dout, cache):
    u, t = cache
    inner = 0.7978845608028654 * (1 + 3 * 0.044715 * u**2)
    return dout * (0.5 * (1 + t) + 0.5 * u * (1 - t**2) * inner)


def mlp_block_forward(x, g, b, W_fc, b_fc, W_proj, b_proj):
    """Pre-norm: x + W_proj gelu(W_fc ln(x))."""
    n, c_ln = ln_fwd(x, g, b)
    h, c_act = gelu_fwd(n @ W_fc + b_fc)
    out = x + h @ W_proj + b_proj
    return out, (n, c_ln, h, c_act, W_fc, W_proj)


def mlp_block_backward(dout, cache):
    n, c_ln, h, c_act, W_fc, W_proj = cache
    C, F = W_fc.shape
    db_proj = dout.sum((0, 1))
    dW_proj = h.reshape(-1, F).T @ dout.reshape(-1, C)
    dh = dout @ W_proj.T
    dpre = gelu_bwd(dh, c_act)
    db_fc = dpre.sum((0, 1))
    dW_fc = n.reshape(-1, C).T @ dpre.reshape(-1, F)
    dn = dpre @ W_fc.T
    dx, dg, db = ln_bwd(dn, c_ln)
    dx += dout
    return dx, dg, db, dW_fc, db_fc, dW_proj, db_proj


class LayerNormRNN:
    """h = tanh(LN(x W + h U)); gain and shift shared by all steps."""

    def __init__(self, D, H):
        r = np.random.default_rng(8)
        self.params = [
            r.normal(size=(D, H)),
            r.normal(size=(H, H)) / 2,
            1 + r.normal(size=H) / 4,
            r.normal(size=H) / 4,
        ]
        self.grads = [np.zeros_like(p) for p in self.params]

    def forward(self, xs):
        W, U, gain, shift = self.params
        N, T, _ = xs.shape
        h = np.zeros((N, U.shape[0]))
        self.xs, self.tape, hs = xs, [], []
        for t in range(T):
            a = xs[:, t] @ W + h @ U
            mean = a.mean(axis=1, keepdims=True)
            inv = 1 / np.sqrt(((a - mean) ** 2).mean(axis=1, keepdims=True) + 1e-6)
            a_hat = (a - mean) * inv
            h_new = np.tanh(gain * a_hat + shift)
            self.tape.append((h, a_hat, inv, h_new))
            h = h_new
            hs.append(h)
        return np.stack(hs, axis=1)

    def backward(self, dhs):
        W, U, gain, shift = self.params
        dW, dU, dgain, dshift = (np.zeros_like(p) for p in self.params)
        dxs = np.empty_like(self.xs)
        dh = 0
        for t in range(dhs.shape[1] - 1, -1, -1):
            h_prev, a_hat, inv, h_new = self.tape[t]
            dpre = (dhs[:, t] + dh) * (1 - h_new**2)
            dgain += (dpre * a_hat).sum(axis=0)
            dshift += dpre.sum(axis=0)
            da_hat = dpre * gain
            m1 = da_hat.mean(axis=1, keepdims=True)
            m2 = (da_hat * a_hat).mean(axis=1, keepdims=True)
            da = inv * (da_hat - m1 - a_hat * m2)
            dW += self.xs[:, t].T @ da
            dU += h_prev.T @ da
            dxs[:, t] = da @ W.T
            dh = da @ U.T
        self.grads = [dW, dU, dgain, dshift]
        return dxs


def sigma(x):
    return 1 / (1 + np.exp(-x))


def neg_sampling(v_c, outside_idx, U, neg_idx):
    u_o = U[outside_idx]
    pos = sigma(u_o @ v_c)
    neg = sigma(-U[neg_idx] @ v_c)
    loss = -np.log(pos) - np.sum(np.log(neg))
    grad_v = (pos - 1) * u_o + (1 - neg) @ U[neg_idx]
    grad_U = np.zeros_like(U)
    grad_U[outside_idx] += (pos - 1) * v_c
    np.add.at(grad_U, neg_idx, np.outer(1 - neg, v_c))
    return loss, grad_v, grad_U


def skipgram(centers, outsides, center_word, window, negatives):
    loss = 0.0
    grad_centers, grad_outsides = np.zeros(centers.shape), np.zeros(outsides.shape)
    for word, neg in zip(window, negatives):
        one, gv, gU = neg_sampling(centers[center_word], word, outsides, neg)
        loss += one
        grad_centers[center_word] += gv
        grad_outsides += gU
    return loss, (grad_centers, grad_outsides)


class GloVe:
    def __init__(self, counts, x_max=10.0, alpha=0.75):
        self.counts = counts
        self.weight = np.minimum(1.0, (counts / x_max) ** alpha)
        self.log_counts = np.log(counts)

    def cost(self, W, W_ctx, b, b_ctx):
        diff = W @ W_ctx.T + b[:, None] + b_ctx[None, :] - self.log_counts
        J = 0.5 * np.sum(self.weight * diff**2)
        fdiff = self.weight * diff
        dW = fdiff @ W_ctx
        dW_ctx = fdiff.T @ W
        db = fdiff.sum(axis=1)
        db_ctx = fdiff.sum(axis=0)
        return J, {"W": dW, "W_ctx": dW_ctx, "b": db, "b_ctx": db_ctx}


def ctc(logits, labels, blank=0):
    """Sum over alignments, in probabilities; (T, K) -> a scalar."""
    T, K = logits.shape
    y = np.exp(logits - logits.max(axis=1, keepdims=True))
    y = y / y.sum(axis=1, keepdims=True)
    ext = [blank]
    for l in labels:
        ext += [l, blank]
    S = len(ext)

    alpha = np.zeros((T, S))
    alpha[0, 0], alpha[0, 1] = y[0, ext[0]], y[0, ext[1]]
    for t in range(1, T):
        for s in range(S):
            a = alpha[t - 1, s]
            if s > 0:
                a += alpha[t - 1, s - 1]
            if s > 1 and ext[s] != blank and ext[s] != ext[s - 2]:
                a += alpha[t - 1, s - 2]
            alpha[t, s] = a * y[t, ext[s]]
    total = alpha[-1, -1] + alpha[-1, -2]

    beta = np.zeros((T, S))
    beta[-1, -1] = beta[-1, -2] = 1.0
    for t in range(T - 2, -1, -1):
        for s in range(S):
            b = beta[t + 1, s] * y[t + 1, ext[s]]
            if s < S - 1:
                b += beta[t + 1, s + 1] * y[t + 1, ext[s + 1]]
            if s < S - 2 and ext[s] != blank and ext[s] != ext[s + 2]:
                b += beta[t + 1, s + 2] * y[t + 1, ext[s + 2]]
            beta[t, s] = b

    occupied = np.zeros((T, K))
    for s in range(S):
        occupied[:, ext[s]] += alpha[:, s] * beta[:, s]
    grad = y - occupied / total
    return -np.log(total), grad


class VariationalAutoencoder:
    def __init__(self, n_in, n_hid, n_z, rng):
        self.p = {
            "We": rng.normal(size=(n_in, n_hid)) / 2,
            "be": rng.normal(size=n_hid) / 4,
            "Wm": rng.normal(size=(n_hid, n_z)) / 2,
            "Ws": rng.normal(size=(n_hid, n_z)) / 2,
            "Wd": rng.normal(size=(n_z, n_in)) / 2,
            "bd": rng.normal(size=n_in) / 4,
        }
        self.eps = rng.normal(size=(5, n_z))

    def elbo(self, x):
        p = self.p
        h = np.tanh(x @ p["We"] + p["be"])
        mu, logvar = h @ p["Wm"], h @ p["Ws"]
        std = np.exp(0.5 * logvar)
        z = mu + std * self.eps
        logits = z @ p["Wd"] + p["bd"]
        recon = np.sum(np.logaddexp(0, logits) - x * logits) / len(x)
        kl = -0.5 * np.sum(1 + logvar - mu**2 - np.exp(logvar)) / len(x)

        g = {}
        dlogits = (1 / (1 + np.exp(-logits)) - x) / len(x)
        g["Wd"] = z.T @ dlogits
        g["bd"] = dlogits.sum(axis=0)
        dz = dlogits @ p["Wd"].T
        dmu = dz + mu / len(x)
        dlogvar = dz * self.eps * 0.5 * std + 0.5 * (np.exp(logvar) - 1) / len(x)
        g["Wm"] = h.T @ dmu
        g["Ws"] = h.T @ dlogvar
        dh = dmu @ p["Wm"].T + dlogvar @ p["Ws"].T
        dpre = dh * (1 - h**2)
        g["We"] = x.T @ dpre
        g["be"] = dpre.sum(axis=0)
        return recon + kl, g


def discount(r, gamma):
    out, running = np.zeros_like(r), 0.0
    for t in reversed(range(len(r))):
        running = running * gamma + r[t]
        out[t] = running
    return out


class PolicyGradient:
    """A policy of two actions, the surrogate whose gradient is REINFORCE's."""

    def __init__(self, gamma=0.9):
        self.gamma = gamma

    def surrogate(self, W1, W2, states, actions, rewards):
        h = states @ W1.T
        h[h < 0] = 0
        p = 1 / (1 + np.exp(-h @ W2))
        adv = discount(rewards, self.gamma)
        adv = (adv - adv.mean()) / adv.std()
        logp = np.where(actions == 1, np.log(p), np.log(1 - p))
        J = -np.sum(adv * logp)

        dlogp = (p - actions) * adv
        dW2 = h.T @ dlogp
        dh = np.outer(dlogp, W2)
        dh[h <= 0] = 0
        dW1 = dh.T @ states
        return J, (dW1, dW2)


class LuongDecoder:
    """General scores h W s, the context beside the state, a tanh on top."""

    def __init__(self, W_a, W_c):
        self.W_a, self.W_c = W_a, W_c

    def forward(self, enc, dec):
        """enc (N, S, H), dec (N, T, H)."""
        self.enc, self.dec = enc, dec
        self.keys = enc @ self.W_a
        score = np.einsum("nth,nsh->nts", dec, self.keys)
        e = np.exp(score - score.max(-1, keepdims=True))
        self.align = e / e.sum(-1, keepdims=True)
        context = np.einsum("nts,nsh->nth", self.align, enc)
        self.cat = np.concatenate([context, dec], axis=-1)
        self.out = np.tanh(self.cat @ self.W_c)
        return self.out

    def backward(self, grad):
        H = self.dec.shape[-1]
        g = grad * (1 - self.out**2)
        self.dW_c = np.einsum("nti,nto->io", self.cat, g)
        d_cat = g @ self.W_c.T
        d_context, d_dec = d_cat[..., :H], d_cat[..., H:]
        d_align = np.einsum("nth,nsh->nts", d_context, self.enc)
        d_enc = np.einsum("nts,nth->nsh", self.align, d_context)
        d_score = self.align * (d_align - (d_align * self.align).sum(-1, keepdims=True))
        d_dec = d_dec + np.einsum("nts,nsh->nth", d_score, self.keys)
        d_keys = np.einsum("nts,nth->nsh", d_score, self.dec)
        self.dW_a = np.einsum("nsi,nsj->ij", self.enc, d_keys)
        d_enc += d_keys @ self.W_a.T
        return d_enc, d_dec


class MinimalGate:
    """A minimal gated unit; a feature map per time step, time last."""

    def __init__(self, Wf, Uf, Wh, Uh):
        self.Wf, self.Uf, self.Wh, self.Uh = Wf, Uf, Wh, Uh

    def forward(self, X):
        self.X = X
        n, _, T = X.shape
        H = self.Uf.shape[0]
        self.S = np.zeros((n, H, T + 1))
        self.F, self.C = np.zeros((n, H, T)), np.zeros((n, H, T))
        for t in range(T):
            s = self.S[..., t]
            self.F[..., t] = 1 / (1 + np.exp(-(X[..., t] @ self.Wf + s @ self.Uf)))
            self.C[..., t] = np.tanh(X[..., t] @ self.Wh + (self.F[..., t] * s) @ self.Uh)
            self.S[..., t + 1] = (1 - self.F[..., t]) * s + self.F[..., t] * self.C[..., t]
        return self.S[..., 1:]

    def backward(self, delta):
        self.Wf_grad, self.Uf_grad = np.zeros_like(self.Wf), np.zeros_like(self.Uf)
        self.Wh_grad, self.Uh_grad = np.zeros_like(self.Wh), np.zeros_like(self.Uh)
        X_grad = np.zeros_like(self.X)
        acc = np.zeros(delta.shape[:2])
        for t in range(delta.shape[2])[::-1]:
            s, f, c, x = self.S[..., t], self.F[..., t], self.C[..., t], self.X[..., t]
            acc = acc + delta[..., t]
            c_pre = acc * f * (1 - c * c)
            fs = c_pre @ self.Uh.T
            f_pre = (acc * (c - s) + fs * s) * f * (1 - f)
            self.Wh_grad += x.T @ c_pre
            self.Uh_grad += (f * s).T @ c_pre
            self.Wf_grad += x.T @ f_pre
            self.Uf_grad += s.T @ f_pre
            X_grad[..., t] = c_pre @ self.Wh.T + f_pre @ self.Wf.T
            acc = acc * (1 - f) + fs * f + f_pre @ self.Uf.T
        return X_grad


def tied_lm(E, P, W, ids, targets, ignore=-1):
    """Token and position embeddings, one hidden layer, logits by the same embeddings."""
    B, T = ids.shape
    x = E[ids] + P[:T]
    h = np.tanh(x @ W)
    logits = h @ E.T
    logits = logits - logits.max(axis=-1, keepdims=True)
    logprobs = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    keep = targets != ignore
    n = keep.sum()
    picked = np.take_along_axis(logprobs, np.where(keep, targets, 0)[..., None], axis=-1)[..., 0]
    loss = -(picked * keep).sum() / n

    dlogits = np.exp(logprobs)
    b, t = np.nonzero(keep)
    dlogits[b, t, targets[keep]] -= 1
    dlogits *= keep[..., None]
    dlogits /= n
    dE = np.einsum("btv,btd->vd", dlogits, h)
    dh = dlogits @ E
    dpre = dh * (1 - h**2)
    dW = np.einsum("bti,btj->ij", x, dpre)
    dx = dpre @ W.T
    np.add.at(dE, ids, dx)
    dP = np.zeros_like(P)
    dP[:T] = dx.sum(axis=0)
    return loss, (dE, dP, dW)


def phi(t):
    return np.where(t > 0, t + 1, np.exp(t))


def linear_attention_forward(q, k, v):
    """Causal, with a running sum instead of scores; (T, D), (T, D), (T, M)."""
    fq, fk = phi(q), phi(k)
    S = np.cumsum(fk[:, :, None] * v[:, None, :], axis=0)
    z = np.cumsum(fk, axis=0)
    num = np.einsum("td,tdm->tm", fq, S)
    den = np.einsum("td,td->t", fq, z)
    return num / den[:, None], (q, k, v, fq, fk, S, z, num, den)


def linear_attention_backward(dout, saved):
    q, k, v, fq, fk, S, z, num, den = saved
    dnum = dout / den[:, None]
    dden = -(dout * num).sum(axis=1) / den**2
    dfq = np.einsum("tm,tdm->td", dnum, S) + dden[:, None] * z
    dS = fq[:, :, None] * dnum[:, None, :]
    dz = fq * dden[:, None]
    dkv = np.cumsum(dS[::-1], axis=0)[::-1]
    dfk = np.einsum("tdm,tm->td", dkv, v) + np.cumsum(dz[::-1], axis=0)[::-1]
    dv = np.einsum("tdm,td->tm", dkv, fk)
    dq = dfq * np.where(q > 0, 1.0, fq)
    dk = dfk * np.where(k > 0, 1.0, fk)
    return dq, dk, dv


MISTAKES = [
    (
        "dinos_loss",
        "b",
        'gradients["db"] += daraw',
        'gradients["db"] = daraw',
        "overlap-overwritten carry-dropped",
    ),
    (
        "dinos_loss",
        "Waa",
        'np.dot(parameters["Waa"].T, daraw)',
        'np.dot(parameters["Waa"], daraw)',
        "transposed",
    ),
    (
        "birnn",
        "x",
        'dx[t] += da @ params["Wr_x"].T',
        'dx[t] = da @ params["Wr_x"].T',
        "overlap-overwritten extra-term",
    ),
    (
        "birnn",
        "params.Wr_h",
        'grads["Wr_h"] += bwd[t + 1].T @ da',
        'grads["Wr_h"] += bwd[t].T @ da',
        "shifted wrong-variable",
    ),
    (
        "birnn",
        "params.Wr_x",
        "    for t in range(T):\n        da = (dr[t]",
        "    for t in reversed(range(T)):\n        da = (dr[t]",
        "carry-dropped",
    ),
    ("mlp_block", "x", "    dx += dout\n", "    pass\n", "extra-term"),
    (
        "mlp_block",
        "W_fc",
        "inner = 0.7978845608028654 * (1 + 3 * 0.044715 * u**2)",
        "inner = 0.7978845608028654 * (1 + 0.044715 * u**2)",
        "scaled missing-mask",
    ),
    (
        "mlp_block",
        "x",
        "dx = dnorm - dnorm.mean(-1, keepdims=True) - norm *",
        "dx = dnorm - norm *",
        "statistics-held-constant",
    ),
    (
        "LayerNormRNN",
        "xs",
        "da = inv * (da_hat - m1 - a_hat * m2)",
        "da = inv * (da_hat - m1)",
        "statistics-held-constant",
    ),
    ("LayerNormRNN", "params.1", "dU += h_prev.T @ da", "dU += h_new.T @ da", "wrong-variable"),
    (
        "LayerNormRNN",
        "xs",
        "dpre = (dhs[:, t] + dh) * (1 - h_new**2)",
        "dpre = (dhs[:, t] + dh) * (1 - h_prev**2)",
        "wrong-variable missing-mask",
    ),
    (
        "skipgram",
        "outsides",
        "np.add.at(grad_U, neg_idx, np.outer(1 - neg, v_c))",
        "grad_U[neg_idx] += np.outer(1 - neg, v_c)",
        "repeated-index-lost",
    ),
    (
        "skipgram",
        "centers",
        "grad_centers[center_word] += gv",
        "grad_centers[center_word] = gv",
        "overlap-overwritten",
    ),
    (
        "skipgram",
        "centers",
        "grad_v = (pos - 1) * u_o + (1 - neg) @ U[neg_idx]",
        "grad_v = (pos - 1) * u_o",
        "extra-term",
    ),
    ("GloVe", "W_ctx", "dW_ctx = fdiff.T @ W\n", "dW_ctx = fdiff @ W\n", "transposed"),
    ("GloVe", "b", "fdiff = self.weight * diff\n", "fdiff = diff\n", "missing-mask scaled"),
    (
        "GloVe",
        "b_ctx",
        "db_ctx = fdiff.sum(axis=0)",
        "db_ctx = fdiff.sum(axis=1)",
        "wrong-axis swapped",
    ),
    (
        "ctc",
        "logits",
        "occupied[:, ext[s]] += alpha[:, s] * beta[:, s]",
        "occupied[:, ext[s]] = alpha[:, s] * beta[:, s]",
        "overlap-overwritten",
    ),
    ("ctc", "logits", "grad = y - occupied / total", "grad = y - occupied", "scaled missing-mask"),
    (
        "ctc",
        "logits",
        "b = beta[t + 1, s] * y[t + 1, ext[s]]",
        "b = beta[t + 1, s] * y[t, ext[s]]",
        "shifted wrong-variable",
    ),
    ("VariationalAutoencoder", "Wm", "dmu = dz + mu / len(x)", "dmu = dz", "extra-term"),
    (
        "VariationalAutoencoder",
        "Ws",
        "dlogvar = dz * self.eps * 0.5 * std + 0.5",
        "dlogvar = dz * self.eps * std + 0.5",
        "scaled",
    ),
    (
        "VariationalAutoencoder",
        "Ws",
        "0.5 * (np.exp(logvar) - 1) / len(x)",
        "0.5 * (np.exp(logvar) - 1)",
        "scaled",
    ),
    (
        "PolicyGradient",
        "W2",
        "dlogp = (p - actions) * adv",
        "dlogp = (p - actions) * p * (1 - p) * adv",
        "missing-mask",
    ),
    ("PolicyGradient", "W1", "        dh[h <= 0] = 0\n", "        pass\n", "missing-mask"),
    (
        "PolicyGradient",
        "W2",
        "dlogp = (p - actions) * adv",
        "dlogp = (actions - p) * adv",
        "sign-flipped",
    ),
    (
        "LuongDecoder",
        "enc",
        "        d_enc += d_keys @ self.W_a.T\n",
        "        d_enc = d_keys @ self.W_a.T\n",
        "overlap-overwritten extra-term",
    ),
    ("LuongDecoder", "dec", "d_dec = d_dec + np.einsum", "d_dec = np.einsum", "extra-term"),
    (
        "LuongDecoder",
        "W_a",
        "(d_align - (d_align * self.align).sum(-1, keepdims=True))",
        "(d_align - (d_align * self.align).sum(1, keepdims=True))",
        "wrong-axis",
    ),
    (
        "MinimalGate",
        "Wf",
        "f_pre = (acc * (c - s) + fs * s) * f * (1 - f)",
        "f_pre = acc * (c - s) * f * (1 - f)",
        "extra-term",
    ),
    ("MinimalGate", "X", "acc = acc + delta[..., t]\n", "acc = delta[..., t]\n", "carry-dropped"),
    (
        "MinimalGate",
        "X",
        "acc = acc * (1 - f) + fs * f + f_pre",
        "acc = acc * f + fs * f + f_pre",
        "wrong-variable missing-mask",
    ),
    ("tied_lm", "E", "    np.add.at(dE, ids, dx)\n", "    pass\n", "extra-term"),
    ("tied_lm", "W", "dlogits *= keep[..., None]", "pass", "missing-mask"),
    ("tied_lm", "P", "dlogits /= n", "dlogits /= B * T", "scaled"),
    (
        "linear_attention",
        "v",
        "dkv = np.cumsum(dS[::-1], axis=0)[::-1]",
        "dkv = np.cumsum(dS, axis=0)",
        "flipped carry-dropped",
    ),
    (
        "linear_attention",
        "q",
        'dfq = np.einsum("tm,tdm->td", dnum, S) + dden[:, None] * z',
        'dfq = np.einsum("tm,tdm->td", dnum, S)',
        "extra-term statistics-held-constant",
    ),
    (
        "linear_attention",
        "k",
        "dk = dfk * np.where(k > 0, 1.0, fk)",
        "dk = dfk * np.where(k > 0, fk, 1.0)",
        "missing-mask",
    ),
]
"""Whose, of which gradient, what is changed into what, and the codes that are true of it."""
