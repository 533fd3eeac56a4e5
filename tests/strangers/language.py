"""Sequences, language and probabilities, each with mistakes that people make: those that were looked at."""

import numpy as np


class CharRNN:
    """One character after the other, cross-entropy summed over time."""

    def __init__(self, vocab, hidden, seed=1):
        r = np.random.default_rng(seed)
        self.params = {
            "Wxh": r.normal(size=(hidden, vocab)) * 0.4,
            "Whh": r.normal(size=(hidden, hidden)) * 0.4,
            "Why": r.normal(size=(vocab, hidden)) * 0.4,
            "bh": r.normal(size=(hidden, 1)) * 0.1,
            "by": r.normal(size=(vocab, 1)) * 0.1,
        }

    def loss(self, inputs, targets):
        p = self.params
        xs, hs, ps = {}, {-1: np.zeros_like(p["bh"])}, {}
        loss = 0.0
        for t, (ix, target) in enumerate(zip(inputs, targets)):
            xs[t] = np.zeros_like(p["by"])
            xs[t][ix] = 1
            hs[t] = np.tanh(p["Wxh"] @ xs[t] + p["Whh"] @ hs[t - 1] + p["bh"])
            ys = p["Why"] @ hs[t] + p["by"]
            ps[t] = np.exp(ys) / np.sum(np.exp(ys))
            loss += -np.log(ps[t][target, 0])
        grads = {name: np.zeros_like(value) for name, value in p.items()}
        dhnext = np.zeros_like(hs[0])
        for t in reversed(range(len(inputs))):
            dy = np.copy(ps[t])
            dy[targets[t]] -= 1
            grads["Why"] += dy @ hs[t].T
            grads["by"] += dy
            dh = p["Why"].T @ dy + dhnext
            dhraw = (1 - hs[t] * hs[t]) * dh
            grads["bh"] += dhraw
            grads["Wxh"] += dhraw @ xs[t].T
            grads["Whh"] += dhraw @ hs[t - 1].T
            dhnext = p["Whh"].T @ dhraw
        return loss, grads


def sig(z):
    return 1 / (1 + np.exp(-z))


def lstm_cell(xt, a_prev, c_prev, parameters):
    concat = np.concatenate((a_prev, xt), axis=0)
    ft = sig(np.dot(parameters["Wf"], concat) + parameters["bf"])
    it = sig(np.dot(parameters["Wi"], concat) + parameters["bi"])
    cct = np.tanh(np.dot(parameters["Wc"], concat) + parameters["bc"])
    c_next = ft * c_prev + it * cct
    ot = sig(np.dot(parameters["Wo"], concat) + parameters["bo"])
    a_next = ot * np.tanh(c_next)
    return a_next, c_next, (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters)


def lstm_forward(x, a0, parameters):
    n_a, m, T_x = a0.shape[0], x.shape[1], x.shape[2]
    a = np.zeros((n_a, m, T_x))
    a_next, c_next, caches = a0, np.zeros((n_a, m)), []
    for t in range(T_x):
        a_next, c_next, cache = lstm_cell(x[:, :, t], a_next, c_next, parameters)
        a[:, :, t] = a_next
        caches.append(cache)
    return a, (caches, x)


def lstm_cell_back(da_next, dc_next, cache):
    (a_next, c_next, a_prev, c_prev, ft, it, cct, ot, xt, parameters) = cache
    n_a, m = a_next.shape
    concat = np.concatenate((a_prev, xt), axis=0)
    dot = da_next * np.tanh(c_next) * ot * (1 - ot)
    dc = dc_next + ot * (1 - np.square(np.tanh(c_next))) * da_next
    dcct = dc * it * (1 - np.square(cct))
    dit = dc * cct * it * (1 - it)
    dft = dc * c_prev * ft * (1 - ft)
    dWf, dWi = np.dot(dft, concat.T), np.dot(dit, concat.T)
    dWc, dWo = np.dot(dcct, concat.T), np.dot(dot, concat.T)
    dbf, dbi = np.sum(dft, axis=1, keepdims=True), np.sum(dit, axis=1, keepdims=True)
    dbc, dbo = np.sum(dcct, axis=1, keepdims=True), np.sum(dot, axis=1, keepdims=True)
    dconcat = (
        np.dot(parameters["Wf"].T, dft)
        + np.dot(parameters["Wi"].T, dit)
        + np.dot(parameters["Wc"].T, dcct)
        + np.dot(parameters["Wo"].T, dot)
    )
    da_prev, dxt = dconcat[:n_a], dconcat[n_a:]
    dc_prev = dc * ft
    return {
        "dxt": dxt,
        "da_prev": da_prev,
        "dc_prev": dc_prev,
        "dWf": dWf,
        "dbf": dbf,
        "dWi": dWi,
        "dbi": dbi,
        "dWc": dWc,
        "dbc": dbc,
        "dWo": dWo,
        "dbo": dbo,
    }


def lstm_backward(da, caches):
    caches, x = caches
    n_a, m, T_x = da.shape
    dx = np.zeros(x.shape)
    da_prevt, dc_prevt = np.zeros((n_a, m)), np.zeros((n_a, m))
    totals = {"dWf": 0, "dbf": 0, "dWi": 0, "dbi": 0, "dWc": 0, "dbc": 0, "dWo": 0, "dbo": 0}
    for t in reversed(range(T_x)):
        gradients = lstm_cell_back(da[:, :, t] + da_prevt, dc_prevt, caches[t])
        da_prevt = gradients["da_prev"]
        dc_prevt = gradients["dc_prev"]
        dx[:, :, t] = gradients["dxt"]
        for name in totals:
            totals[name] = totals[name] + gradients[name]
    return {"dx": dx, "da0": da_prevt, **totals}


class GRUNet:
    """Batch in columns, the states kept in lists."""

    def __init__(self, n_in, n_hid, seed=3):
        rng = np.random.RandomState(seed)
        self.Wz, self.Wr, self.Wh = (rng.randn(n_hid, n_in) * 0.5 for _ in range(3))
        self.Uz, self.Ur, self.Uh = (rng.randn(n_hid, n_hid) * 0.5 for _ in range(3))
        self.bz, self.br, self.bh = (rng.randn(n_hid, 1) * 0.1 for _ in range(3))

    @staticmethod
    def _sig(v):
        return 1.0 / (1.0 + np.exp(-v))

    def forward(self, x):
        T, _, B = x.shape
        self.x = x
        self.h = [np.zeros((self.Wz.shape[0], B))]
        self.z, self.r, self.h_hat = [], [], []
        for t in range(T):
            z = self._sig(self.Wz @ x[t] + self.Uz @ self.h[-1] + self.bz)
            r = self._sig(self.Wr @ x[t] + self.Ur @ self.h[-1] + self.br)
            h_hat = np.tanh(self.Wh @ x[t] + self.Uh @ (r * self.h[-1]) + self.bh)
            self.h.append(z * self.h[-1] + (1 - z) * h_hat)
            self.z.append(z)
            self.r.append(r)
            self.h_hat.append(h_hat)
        return np.array(self.h[1:])

    def backward(self, dout):
        T = len(self.z)
        for name in ("Wz", "Wr", "Wh", "Uz", "Ur", "Uh", "bz", "br", "bh"):
            setattr(self, "d" + name, np.zeros_like(getattr(self, name)))
        dx = np.zeros_like(self.x)
        dh_next = np.zeros_like(self.h[0])
        for t in range(T - 1, -1, -1):
            z, r, h_hat, h_prev = self.z[t], self.r[t], self.h_hat[t], self.h[t]
            dh = dout[t] + dh_next
            dh_hat_raw = dh * (1 - z) * (1 - h_hat**2)
            dz_raw = dh * (h_prev - h_hat) * z * (1 - z)
            d_rh = self.Uh.T @ dh_hat_raw
            dr_raw = d_rh * h_prev * r * (1 - r)
            self.dWh += dh_hat_raw @ self.x[t].T
            self.dUh += dh_hat_raw @ (r * h_prev).T
            self.dbh += dh_hat_raw.sum(axis=1, keepdims=True)
            self.dWr += dr_raw @ self.x[t].T
            self.dUr += dr_raw @ h_prev.T
            self.dbr += dr_raw.sum(axis=1, keepdims=True)
            self.dWz += dz_raw @ self.x[t].T
            self.dUz += dz_raw @ h_prev.T
            self.dbz += dz_raw.sum(axis=1, keepdims=True)
            dx[t] = self.Wh.T @ dh_hat_raw + self.Wr.T @ dr_raw + self.Wz.T @ dz_raw
            dh_next = dh * z + d_rh * r + self.Ur.T @ dr_raw + self.Uz.T @ dz_raw
        return dx


class SelfAttention:
    """Heads, and padding that no position looks at."""

    def __init__(self, d_model, n_heads, rng):
        self.h, self.d_k = n_heads, d_model // n_heads
        self.W_q = rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
        self.W_k = rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
        self.W_v = rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
        self.W_o = rng.standard_normal((d_model, d_model)) / np.sqrt(d_model)
        self.pad = np.array([[False, False, False, True], [False, False, False, False]])

    def split(self, t):
        b, s, _ = t.shape
        return t.reshape(b, s, self.h, self.d_k).transpose(0, 2, 1, 3)

    def merge(self, t):
        b, _, s, _ = t.shape
        return t.transpose(0, 2, 1, 3).reshape(b, s, self.h * self.d_k)

    def forward(self, x):
        self.x = x
        self.Q, self.K, self.V = (self.split(x @ W) for W in (self.W_q, self.W_k, self.W_v))
        scores = self.Q @ self.K.transpose(0, 1, 3, 2) / np.sqrt(self.d_k)
        scores = np.where(self.pad[:, None, None, :], -np.inf, scores)
        scores = scores - scores.max(axis=-1, keepdims=True)
        self.A = np.exp(scores)
        self.A /= self.A.sum(axis=-1, keepdims=True)
        self.context = self.merge(self.A @ self.V)
        return self.context @ self.W_o

    def backward(self, dout):
        self.dW_o = np.einsum("bsi,bsj->ij", self.context, dout)
        dcontext = self.split(dout @ self.W_o.T)
        dA = dcontext @ self.V.transpose(0, 1, 3, 2)
        dV = self.A.transpose(0, 1, 3, 2) @ dcontext
        dscores = self.A * (dA - (dA * self.A).sum(axis=-1, keepdims=True))
        dscores /= np.sqrt(self.d_k)
        dQ = self.merge(dscores @ self.K)
        dK = self.merge(dscores.transpose(0, 1, 3, 2) @ self.Q)
        dV = self.merge(dV)
        self.dW_q = np.einsum("bsi,bsj->ij", self.x, dQ)
        self.dW_k = np.einsum("bsi,bsj->ij", self.x, dK)
        self.dW_v = np.einsum("bsi,bsj->ij", self.x, dV)
        return dQ @ self.W_q.T + dK @ self.W_k.T + dV @ self.W_v.T


def causal_forward(inp, NH):
    """q, k and v side by side, (B, T, 3C), one position after the other."""
    B, T, C3 = inp.shape
    C = C3 // 3
    hs = C // NH
    scale = 1.0 / np.sqrt(hs)
    att = np.zeros((B, NH, T, T))
    out = np.zeros((B, T, C))
    for b in range(B):
        for t in range(T):
            for h in range(NH):
                q = inp[b, t, h * hs : (h + 1) * hs]
                scores = np.array(
                    [q @ inp[b, s, C + h * hs : C + (h + 1) * hs] * scale for s in range(t + 1)]
                )
                w = np.exp(scores - scores.max())
                att[b, h, t, : t + 1] = w / w.sum()
                for s in range(t + 1):
                    v = inp[b, s, 2 * C + h * hs : 2 * C + (h + 1) * hs]
                    out[b, t, h * hs : (h + 1) * hs] += att[b, h, t, s] * v
    return out, (inp, att, NH)


def causal_backward(dout, cache):
    inp, att, NH = cache
    B, T, C3 = inp.shape
    C = C3 // 3
    hs = C // NH
    scale = 1.0 / np.sqrt(hs)
    dinp = np.zeros_like(inp)
    for b in range(B):
        for t in range(T):
            for h in range(NH):
                mine = slice(h * hs, (h + 1) * hs)
                keys = slice(C + h * hs, C + (h + 1) * hs)
                vals = slice(2 * C + h * hs, 2 * C + (h + 1) * hs)
                p = att[b, h, t, : t + 1]
                datt = np.zeros(t + 1)
                for s in range(t + 1):
                    datt[s] = inp[b, s, vals] @ dout[b, t, mine]
                    dinp[b, s, vals] += p[s] * dout[b, t, mine]
                dpre = p * (datt - p @ datt)
                for s in range(t + 1):
                    dinp[b, t, mine] += inp[b, s, keys] * dpre[s] * scale
                    dinp[b, s, keys] += inp[b, t, mine] * dpre[s] * scale
    return dinp


class RBM:
    """The free energy of data less that of what a chain has left, which is held fixed."""

    def __init__(self, v_model):
        self.v_model = v_model

    def free_energy(self, v, W, b, c):
        pre = v @ W + c
        return -v @ b - np.sum(np.log1p(np.exp(pre)), axis=1)

    def loss(self, W, b, c, v_data):
        gap = self.free_energy(v_data, W, b, c) - self.free_energy(self.v_model, W, b, c)
        n = len(v_data)
        cost = gap.sum() / n
        h_pos = 1 / (1 + np.exp(-(v_data @ W + c)))
        h_neg = 1 / (1 + np.exp(-(self.v_model @ W + c)))
        g_W = (self.v_model.T @ h_neg - v_data.T @ h_pos) / n
        g_b = (self.v_model - v_data).mean(axis=0)
        g_c = (h_neg - h_pos).mean(axis=0)
        return cost, [g_W, g_b, g_c]


def lse(m, axis):
    top = m.max(axis=axis, keepdims=True)
    return np.squeeze(top + np.log(np.exp(m - top).sum(axis=axis, keepdims=True)), axis)


def linear_chain(scores, trans, start, end, y):
    """Negative log-likelihood of one tagged sentence."""
    L, K = scores.shape
    alpha = np.zeros((L, K))
    alpha[0] = start + scores[0]
    for i in range(1, L):
        alpha[i] = scores[i] + lse(alpha[i - 1][:, None] + trans, 0)
    logZ = lse(alpha[-1] + end, 0)
    gold = start[y[0]] + scores[0, y[0]] + end[y[-1]]
    for i in range(1, L):
        gold += trans[y[i - 1], y[i]] + scores[i, y[i]]

    beta = np.zeros((L, K))
    beta[-1] = end
    for i in range(L - 2, -1, -1):
        beta[i] = lse(trans + scores[i + 1] + beta[i + 1], 1)
    marg = np.exp(alpha + beta - logZ)
    g_scores = marg.copy()
    g_trans = np.zeros_like(trans)
    for i in range(1, L):
        pair = alpha[i - 1][:, None] + trans + (scores[i] + beta[i])[None, :]
        g_trans += np.exp(pair - logZ)
        g_trans[y[i - 1], y[i]] -= 1
    g_scores[np.arange(L), y] -= 1
    g_start, g_end = marg[0].copy(), marg[-1].copy()
    g_start[y[0]] -= 1
    g_end[y[-1]] -= 1
    return logZ - gold, (g_scores, g_trans, g_start, g_end)


def mdn_forward(h, Wpi, Wmu, Wsig, target, K):
    """K isotropic Gaussians in D dimensions; the mean negative log-likelihood."""
    N, D = target.shape
    a = h @ Wpi
    a = a - np.max(a, axis=1, keepdims=True)
    pi = np.exp(a) / np.sum(np.exp(a), axis=1, keepdims=True)
    mu = (h @ Wmu).reshape(N, K, D)
    s = h @ Wsig
    sigma2 = np.exp(2 * s)
    dist = np.sum((target[:, None, :] - mu) ** 2, axis=2)
    logp = np.log(pi) - 0.5 * D * np.log(2 * np.pi) - D * s - 0.5 * dist / sigma2
    m = np.max(logp, axis=1, keepdims=True)
    logsum = m + np.log(np.sum(np.exp(logp - m), axis=1, keepdims=True))
    gamma = np.exp(logp - logsum)
    cache = (h, Wpi, Wmu, Wsig, target, pi, mu, sigma2, dist, gamma)
    return -np.mean(logsum), cache


def mdn_backward(dloss, cache):
    h, Wpi, Wmu, Wsig, target, pi, mu, sigma2, dist, gamma = cache
    N, K, D = mu.shape
    da = dloss * (pi - gamma) / N
    dmu = dloss * gamma[:, :, None] * (mu - target[:, None, :]) / sigma2[:, :, None] / N
    ds = dloss * gamma * (D - dist / sigma2) / N
    dmu = dmu.reshape(N, K * D)
    dWpi, dWmu, dWsig = h.T @ da, h.T @ dmu, h.T @ ds
    dh = da @ Wpi.T + dmu @ Wmu.T + ds @ Wsig.T
    return dh, dWpi, dWmu, dWsig


def ppo_loss(logits, actions, old_logp, adv, clip=0.2, beta=0.1):
    """Clipped surrogate less an entropy bonus, averaged over the batch."""
    n = len(actions)
    rows = np.arange(n)
    z = logits - logits.max(axis=1, keepdims=True)
    logp_all = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    probs = np.exp(logp_all)
    logp = logp_all[rows, actions]
    ratio = np.exp(logp - old_logp)
    unclipped = ratio * adv
    clipped = np.clip(ratio, 1 - clip, 1 + clip) * adv
    entropy = -(probs * logp_all).sum(axis=1)
    loss = -np.minimum(unclipped, clipped).mean() - beta * entropy.mean()

    active = unclipped <= clipped
    dlogp = -(active * adv) * ratio / n
    onehot = np.zeros_like(probs)
    onehot[rows, actions] = 1
    dlogits = dlogp[:, None] * (onehot - probs)
    dlogits += beta * probs * (logp_all + entropy[:, None]) / n
    return loss, dlogits


class Variable:
    def __init__(self, data):
        self.data, self.grad, self.creator = data, None, None


class Function:
    def __call__(self, *inputs):
        self.inputs = inputs
        out = Variable(self.forward(*(v.data for v in inputs)))
        out.creator = self
        self.output = out
        return out


class MatMulFn(Function):
    def forward(self, x, W):
        return x.dot(W)

    def backward(self, gy):
        x, W = (v.data for v in self.inputs)
        return gy.dot(W.T), x.T.dot(gy)


class TanhFn(Function):
    def forward(self, x):
        return np.tanh(x)

    def backward(self, gy):
        return (gy * (1 - self.output.data**2),)


class MulFn(Function):
    def forward(self, a, b):
        return a * b

    def backward(self, gy):
        a, b = (v.data for v in self.inputs)
        return gy * b, gy * a


class SoftmaxFn(Function):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, gy):
        y = self.output.data
        gx = y * gy
        return (gx - y * gx.sum(axis=1, keepdims=True),)


class Gated:
    """softmax(tanh(x W) * x V), by a tape of functions."""

    def __init__(self, W, V):
        self.W, self.V = W, V

    def forward(self, x):
        self.x, self.w, self.v = Variable(x), Variable(self.W), Variable(self.V)
        a = TanhFn()(MatMulFn()(self.x, self.w))
        b = MatMulFn()(self.x, self.v)
        self.y = SoftmaxFn()(MulFn()(a, b))
        return self.y.data

    def backward(self, gy):
        for leaf in (self.x, self.w, self.v):
            leaf.grad = None
        self.y.grad = gy
        funcs = [self.y.creator]
        while funcs:
            f = funcs.pop()
            for var, g in zip(f.inputs, f.backward(f.output.grad)):
                var.grad = g if var.grad is None else var.grad + g
                if var.creator is not None:
                    funcs.append(var.creator)
        self.dW, self.dV = self.w.grad, self.v.grad
        return self.x.grad


def wavenet_forward(x, Wf, Wg, Wr, dilation):
    """Causal, dilated, gated; channels before time (N, C, T), kernels (K, C, F)."""
    K = Wf.shape[0]
    pad = (K - 1) * dilation
    T = x.shape[2]
    xp = np.pad(x, ((0, 0), (0, 0), (pad, 0)))
    f, g = 0, 0
    for k in range(K):
        tap = xp[:, :, k * dilation : k * dilation + T]
        f = f + np.einsum("nct,cf->nft", tap, Wf[k])
        g = g + np.einsum("nct,cf->nft", tap, Wg[k])
    th, sg = np.tanh(f), 1 / (1 + np.exp(-g))
    z = th * sg
    out = x + np.einsum("nft,fc->nct", z, Wr)
    return out, (xp, th, sg, z, Wf, Wg, Wr, dilation, pad, T)


def wavenet_backward(dout, cache):
    xp, th, sg, z, Wf, Wg, Wr, dilation, pad, T = cache
    dWr = np.einsum("nft,nct->fc", z, dout)
    dz = np.einsum("nct,fc->nft", dout, Wr)
    df = dz * sg * (1 - th**2)
    dg = dz * th * sg * (1 - sg)
    dxp = np.zeros_like(xp)
    dWf, dWg = np.zeros_like(Wf), np.zeros_like(Wg)
    for k in range(Wf.shape[0]):
        lo = k * dilation
        tap = xp[:, :, lo : lo + T]
        dWf[k] = np.einsum("nct,nft->cf", tap, df)
        dWg[k] = np.einsum("nct,nft->cf", tap, dg)
        dxp[:, :, lo : lo + T] += np.einsum("nft,cf->nct", df, Wf[k])
        dxp[:, :, lo : lo + T] += np.einsum("nft,cf->nct", dg, Wg[k])
    dx = dout + dxp[:, :, pad:]
    return dx, dWf, dWg, dWr


class Coupling:
    """Affine coupling; the loss is the negative log-density under a standard normal."""

    def __init__(self, d):
        self.d = d

    def __call__(self, x, Ws, bs, Wt, bt):
        x1, x2 = x[:, : self.d], x[:, self.d :]
        s = np.tanh(x1 @ Ws + bs)
        t = x1 @ Wt + bt
        z2 = x2 * np.exp(s) + t
        n = x.shape[0]
        nll = (0.5 * (x1**2).sum() + 0.5 * (z2**2).sum() - s.sum()) / n

        dz2 = z2 / n
        dt = dz2
        ds = dz2 * x2 * np.exp(s) - 1 / n
        da = ds * (1 - s**2)
        dx2 = dz2 * np.exp(s)
        dx1 = x1 / n + da @ Ws.T + dt @ Wt.T
        return nll, {
            "x": np.hstack([dx1, dx2]),
            "Ws": x1.T @ da,
            "bs": da.sum(axis=0),
            "Wt": x1.T @ dt,
            "bt": dt.sum(axis=0),
        }


def content_address(memory, key, strength):
    """Cosines of a key with rows of a memory, sharpened: w (N, R), and what is read (N, M)."""
    mn = np.sqrt((memory**2).sum(1))
    kn = np.sqrt((key**2).sum(1))
    dot = key @ memory.T
    cos = dot / (kn[:, None] * mn[None, :])
    act = strength[:, None] * cos
    w = np.exp(act) / np.exp(act).sum(1, keepdims=True)
    read = w @ memory

    def backward(dread):
        dw = dread @ memory.T
        dmemory = w.T @ dread
        dact = w * (dw - (w * dw).sum(1, keepdims=True))
        dstrength = (dact * cos).sum(1)
        dcos = dact * strength[:, None]
        ddot = dcos / (kn[:, None] * mn[None, :])
        dkn = -(dcos * cos).sum(1) / kn
        dmn = -(dcos * cos).sum(0) / mn
        dkey = ddot @ memory + dkn[:, None] * key / kn[:, None]
        dmemory += ddot.T @ key + dmn[:, None] * memory / mn[:, None]
        return dmemory, dkey, dstrength

    return read, backward


MISTAKES = [
    (
        "CharRNN",
        "Whh",
        'grads["Whh"] += dhraw @ hs[t - 1].T',
        'grads["Whh"] += dhraw @ hs[t].T',
        "wrong-variable shifted",
    ),
    ("CharRNN", "Wxh", 'dh = p["Why"].T @ dy + dhnext', 'dh = p["Why"].T @ dy', "carry-dropped"),
    (
        "CharRNN",
        "Whh",
        'dhnext = p["Whh"].T @ dhraw',
        'dhnext = p["Whh"].T @ dh',
        "missing-mask wrong-variable",
    ),
    (
        "lstm",
        "x",
        "lstm_cell_back(da[:, :, t] + da_prevt, dc_prevt, caches[t])",
        "lstm_cell_back(da[:, :, t], dc_prevt, caches[t])",
        "carry-dropped",
    ),
    (
        "lstm",
        "parameters.Wf",
        "dft = dc * c_prev * ft * (1 - ft)",
        "dft = dc * c_next * ft * (1 - ft)",
        "wrong-variable",
    ),
    (
        "lstm",
        "parameters.Wo",
        "dot = da_next * np.tanh(c_next) * ot * (1 - ot)",
        "dot = da_next * c_next * ot * (1 - ot)",
        "missing-mask wrong-variable",
    ),
    (
        "GRUNet",
        "Uh",
        "self.dUh += dh_hat_raw @ (r * h_prev).T",
        "self.dUh += dh_hat_raw @ h_prev.T",
        "missing-mask wrong-variable",
    ),
    (
        "GRUNet",
        "x",
        "dh_next = dh * z + d_rh * r + self.Ur.T",
        "dh_next = dh * z + self.Ur.T",
        "carry-dropped extra-term",
    ),
    (
        "GRUNet",
        "Uz",
        "dz_raw = dh * (h_prev - h_hat) * z * (1 - z)",
        "dz_raw = dh * (h_hat - h_prev) * z * (1 - z)",
        "sign-flipped",
    ),
    (
        "SelfAttention",
        "W_k",
        "dscores = self.A * (dA - (dA * self.A).sum(axis=-1, keepdims=True))",
        "dscores = self.A * (1 - self.A) * dA",
        "diagonal-only",
    ),
    (
        "SelfAttention",
        "W_q",
        "        dscores /= np.sqrt(self.d_k)\n",
        "        dscores /= self.d_k\n",
        "scaled",
    ),
    (
        "SelfAttention",
        "W_k",
        "dK = self.merge(dscores.transpose(0, 1, 3, 2) @ self.Q)",
        "dK = self.merge(dscores @ self.Q)",
        "transposed",
    ),
    (
        "causal",
        "inp",
        "dinp[b, s, keys] += inp[b, t, mine] * dpre[s] * scale",
        "dinp[b, s, keys] = inp[b, t, mine] * dpre[s] * scale",
        "overlap-overwritten",
    ),
    ("causal", "inp", "dpre = p * (datt - p @ datt)", "dpre = p * (1 - p) * datt", "diagonal-only"),
    (
        "RBM",
        "W",
        "g_W = (self.v_model.T @ h_neg - v_data.T @ h_pos) / n",
        "g_W = (v_data.T @ h_pos - self.v_model.T @ h_neg) / n",
        "sign-flipped",
    ),
    (
        "RBM",
        "c",
        "g_c = (h_neg - h_pos).mean(axis=0)",
        "g_c = (h_neg - h_pos).sum(axis=0)",
        "scaled not-summed",
    ),
    (
        "RBM",
        "W",
        "g_W = (self.v_model.T @ h_neg - v_data.T @ h_pos) / n",
        "g_W = (self.v_model.T @ h_pos - v_data.T @ h_pos) / n",
        "wrong-variable",
    ),
    (
        "linear_chain",
        "trans",
        "        g_trans[y[i - 1], y[i]] -= 1",
        "        g_trans[y[i], y[i - 1]] -= 1",
        "transposed swapped wrong-variable shifted partial",
    ),
    (
        "linear_chain",
        "trans",
        "g_trans += np.exp(pair - logZ)",
        "g_trans = np.exp(pair - logZ)",
        "overlap-overwritten",
    ),
    (
        "linear_chain",
        "scores",
        "beta[i] = lse(trans + scores[i + 1] + beta[i + 1], 1)",
        "beta[i] = lse(trans + scores[i + 1] + beta[i + 1], 0)",
        "wrong-axis",
    ),
    (
        "mdn",
        "Wsig",
        "ds = dloss * gamma * (D - dist / sigma2) / N",
        "ds = dloss * gamma * (1 - dist / sigma2) / N",
        "scaled extra-term wrong-variable",
    ),
    (
        "mdn",
        "Wpi",
        "da = dloss * (pi - gamma) / N",
        "da = dloss * (gamma - pi) / N",
        "sign-flipped",
    ),
    (
        "mdn",
        "h",
        "dh = da @ Wpi.T + dmu @ Wmu.T + ds @ Wsig.T",
        "dh = da @ Wpi.T + dmu @ Wmu.T",
        "extra-term",
    ),
    (
        "ppo_loss",
        "logits",
        "dlogp = -(active * adv) * ratio / n",
        "dlogp = -(active * adv) / n",
        "missing-mask scaled",
    ),
    (
        "ppo_loss",
        "logits",
        "dlogits += beta * probs * (logp_all + entropy[:, None]) / n",
        "dlogits += beta * probs * (logp_all + 1) / n",
        "extra-term wrong-variable diagonal-only",
    ),
    (
        "ppo_loss",
        "logits",
        "dlogp = -(active * adv) * ratio / n",
        "dlogp = -adv * ratio / n",
        "missing-mask",
    ),
    (
        "Gated",
        "x",
        "var.grad = g if var.grad is None else var.grad + g",
        "var.grad = g",
        "overlap-overwritten extra-term",
    ),
    ("Gated", "W", "return gy * b, gy * a\n", "return gy * a, gy * b\n", "swapped wrong-variable"),
    (
        "Gated",
        "V",
        "return (gx - y * gx.sum(axis=1, keepdims=True),)",
        "return (gx - y * gx,)",
        "diagonal-only",
    ),
    ("wavenet", "x", "dx = dout + dxp[:, :, pad:]", "dx = dout + dxp[:, :, :T]", "shifted"),
    ("wavenet", "Wf", "df = dz * sg * (1 - th**2)", "df = dz * (1 - th**2)", "missing-mask"),
    ("wavenet", "x", "dx = dout + dxp[:, :, pad:]", "dx = dxp[:, :, pad:]", "extra-term"),
    (
        "Coupling",
        "Ws",
        "ds = dz2 * x2 * np.exp(s) - 1 / n",
        "ds = dz2 * x2 * np.exp(s)",
        "extra-term",
    ),
    (
        "Coupling",
        "x",
        "dx1 = x1 / n + da @ Ws.T + dt @ Wt.T",
        "dx1 = x1 / n + ds @ Ws.T + dt @ Wt.T",
        "missing-mask wrong-variable",
    ),
    ("Coupling", "x", "dx2 = dz2 * np.exp(s)", "dx2 = dz2 * s", "missing-mask wrong-variable"),
    (
        "content_address",
        "key",
        "dkey = ddot @ memory + dkn[:, None] * key / kn[:, None]",
        "dkey = ddot @ memory",
        "extra-term statistics-held-constant",
    ),
    (
        "content_address",
        "memory",
        "dmn = -(dcos * cos).sum(0) / mn",
        "dmn = -(dcos * cos).sum(0) / mn**2",
        "scaled missing-mask",
    ),
    (
        "content_address",
        "memory",
        "        dmemory += ddot.T @ key",
        "        dmemory = ddot.T @ key",
        "overlap-overwritten extra-term",
    ),
]
"""Whose, of which gradient, what is changed into what, and the codes that are true of it."""
