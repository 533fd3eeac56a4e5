"""LSTM and GRU as people spell them: in each, di, dn, … hold the gradient of what goes into the activation."""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def lstm_time_first(x, h0, c0, W, U, b):
    T, H = x.shape[0], h0.shape[1]
    h, c = np.zeros((T + 1, *h0.shape)), np.zeros((T + 1, *h0.shape))
    i, f, o, g = (np.zeros((T, *h0.shape)) for _ in range(4))
    h[0], c[0] = h0, c0
    for t in range(T):
        z = x[t] @ W + h[t] @ U + b
        i[t] = sigmoid(z[:, :H])
        f[t] = sigmoid(z[:, H : 2 * H])
        o[t] = sigmoid(z[:, 2 * H : 3 * H])
        g[t] = np.tanh(z[:, 3 * H :])
        c[t + 1] = f[t] * c[t] + i[t] * g[t]
        h[t + 1] = o[t] * np.tanh(c[t + 1])

    def backward(dy):
        dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
        dh, dc = np.zeros_like(h0), np.zeros_like(c0)
        for t in range(T - 1, -1, -1):
            dh = dy[t] + dh
            tc = np.tanh(c[t + 1])
            do = dh * tc * o[t] * (1 - o[t])
            dc = dc + dh * o[t] * (1 - tc**2)
            df = dc * c[t] * f[t] * (1 - f[t])
            di = dc * g[t] * i[t] * (1 - i[t])
            dg = dc * i[t] * (1 - g[t] ** 2)
            dc = dc * f[t]
            dz = np.hstack([di, df, do, dg])
            dx[t] = dz @ W.T
            dW += x[t].T @ dz
            dU += h[t].T @ dz
            db += dz.sum(axis=0)
            dh = dz @ U.T
        return dx, dh, dc, dW, dU, db

    return h[1:], backward


def lstm_batch_first(x, Wi, Wf, Wo, Wg, h0):
    N, T, _ = x.shape
    h, c = h0, np.zeros_like(h0)
    steps, out = [], np.zeros((N, T, h0.shape[1]))
    for t in range(T):
        xh = np.concatenate([x[:, t], h], axis=1)
        i, f, o = sigmoid(xh @ Wi), sigmoid(xh @ Wf), sigmoid(xh @ Wo)
        g = np.tanh(xh @ Wg)
        c_prev = c
        c = f * c_prev + i * g
        tanh_c = np.tanh(c)
        h = o * tanh_c
        steps.append((xh, i, f, o, g, c_prev, tanh_c))
        out[:, t] = h

    def backward(dout):
        dx = np.zeros_like(x)
        dWi, dWf, dWo, dWg = (np.zeros_like(w) for w in (Wi, Wf, Wo, Wg))
        dh_next, dc_next = np.zeros_like(h0), np.zeros_like(h0)
        for t in reversed(range(T)):
            xh, i, f, o, g, c_prev, tanh_c = steps[t]
            dh = dout[:, t] + dh_next
            dc = dh * o * (1 - tanh_c**2) + dc_next
            do = sigmoid_back(o) * dh * tanh_c
            df = sigmoid_back(f) * dc * c_prev
            di = sigmoid_back(i) * dc * g
            dg = dc * i * (1 - g**2)
            dWi += xh.T @ di
            dWf += xh.T @ df
            dWo += xh.T @ do
            dWg += xh.T @ dg
            dxh = di @ Wi.T + df @ Wf.T + do @ Wo.T + dg @ Wg.T
            dx[:, t] = dxh[:, : x.shape[2]]
            dh_next = dxh[:, x.shape[2] :]
            dc_next = f * dc
        return dx, dWi, dWf, dWo, dWg, dh_next

    return out, backward


def sigmoid_back(s):
    return s * (1 - s)


def lstm_lists(x, W, U, b):
    H = U.shape[0]
    hs, cs = [np.zeros((x.shape[1], H))], [np.zeros((x.shape[1], H))]
    ins, forgets, outs, news = [], [], [], []
    for xt in x:
        a = xt @ W + hs[-1] @ U + b
        ins.append(sigmoid(a[:, :H]))
        forgets.append(sigmoid(a[:, H : 2 * H]))
        outs.append(sigmoid(a[:, 2 * H : 3 * H]))
        news.append(np.tanh(a[:, 3 * H :]))
        cs.append(forgets[-1] * cs[-1] + ins[-1] * news[-1])
        hs.append(outs[-1] * np.tanh(cs[-1]))

    def backward(dy):
        T = len(ins)
        dins, dforgets, douts, dnews = [None] * T, [None] * T, [None] * T, [None] * T
        dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
        carry_h, carry_c = np.zeros_like(hs[0]), np.zeros_like(cs[0])
        for t in range(T - 1, -1, -1):
            i, f, o, n = ins[t], forgets[t], outs[t], news[t]
            total = dy[t] + carry_h
            tc = np.tanh(cs[t + 1])
            cell = carry_c + total * o * (1 - tc * tc)
            douts[t] = total * tc * (o - o * o)
            dforgets[t] = cell * cs[t] * (f - f * f)
            dins[t] = cell * n * (i - i * i)
            dnews[t] = cell * i * (1 - n * n)
            da = np.hstack((dins[t], dforgets[t], douts[t], dnews[t]))
            dx[t] = da @ W.T
            dW += x[t].T @ da
            dU += hs[t].T @ da
            db += da.sum(0)
            carry_h, carry_c = da @ U.T, cell * f
        return dx, dW, dU, db

    return np.stack(hs[1:]), backward


def lstm_caches(x, h0, Wx, Wh, b):
    h, c = h0, np.zeros_like(h0)
    caches, ys = [], []
    for t in range(x.shape[0]):
        h, c, cache = lstm_step(x[t], h, c, Wx, Wh, b)
        caches.append(cache)
        ys.append(h)

    def backward(dy):
        grads = {"dx": np.zeros_like(x), "dWx": 0, "dWh": 0, "db": 0}
        dh, dc = np.zeros_like(h0), np.zeros_like(h0)
        for t in reversed(range(x.shape[0])):
            grads["dx"][t], dh, dc, dWx, dWh, db = lstm_step_back(dy[t] + dh, dc, caches[t])
            grads["dWx"] = grads["dWx"] + dWx
            grads["dWh"] = grads["dWh"] + dWh
            grads["db"] = grads["db"] + db
        return grads["dx"], dh, grads["dWx"], grads["dWh"], grads["db"]

    return np.stack(ys), backward


def lstm_step(x, h_prev, c_prev, Wx, Wh, b):
    cache = {"x": x, "h_prev": h_prev, "c_prev": c_prev, "Wx": Wx, "Wh": Wh}
    z = x @ Wx + h_prev @ Wh + b
    zi, zf, zo, zg = np.split(z, 4, axis=1)
    cache["i"] = sigmoid(zi)
    cache["f"] = sigmoid(zf)
    cache["o"] = sigmoid(zo)
    cache["g"] = np.tanh(zg)
    c = cache["f"] * c_prev + cache["i"] * cache["g"]
    cache["tc"] = np.tanh(c)
    return cache["o"] * cache["tc"], c, cache


def lstm_step_back(dh, dc, k):
    dc = dc + dh * k["o"] * (1 - k["tc"] ** 2)
    di = dc * k["g"] * k["i"] * (1 - k["i"])
    df = dc * k["c_prev"] * k["f"] * (1 - k["f"])
    do = dh * k["tc"] * k["o"] * (1 - k["o"])
    dg = dc * k["i"] * (1 - k["g"] ** 2)
    gates = np.concatenate([di, df, do, dg], axis=1)
    dWx = k["x"].T @ gates
    dWh = k["h_prev"].T @ gates
    return gates @ k["Wx"].T, gates @ k["Wh"].T, dc * k["f"], dWx, dWh, gates.sum(axis=0)


def lstm_sliced(x, h0, W, U):
    H = h0.shape[1]
    h, c, kept, ys = h0, np.zeros_like(h0), [], []
    for t in range(x.shape[1]):
        s = sigmoid(x[:, t] @ W[:, : 3 * H] + h @ U[:, : 3 * H])
        i, f, o = s[:, :H], s[:, H : 2 * H], s[:, 2 * H :]
        g = np.tanh(x[:, t] @ W[:, 3 * H :] + h @ U[:, 3 * H :])
        kept.append((h, c, i, f, o, g))
        c = f * c + i * g
        h = o * np.tanh(c)
        ys.append(h)

    def backward(dy):
        dx, dW, dU = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U)
        dh_next, dc_next = 0, 0
        for t in range(x.shape[1])[::-1]:
            h_prev, c_prev, i, f, o, g = kept[t]
            tanh_c = np.tanh(f * c_prev + i * g)
            dh = dy[:, t] + dh_next
            dc = dh * o * (1 - tanh_c**2) + dc_next
            di = dc * g * i * (1 - i)
            df = dc * c_prev * f * (1 - f)
            do = dh * tanh_c * o * (1 - o)
            dg = dc * i * (1 - g**2)
            dgates = np.concatenate((di, df, do, dg), axis=1)
            dx[:, t] = dgates @ W.T
            dW += x[:, t].T @ dgates
            dU += h_prev.T @ dgates
            dh_next = dgates @ U.T
            dc_next = dc * f
        return dx, dh_next, dW, dU

    return np.stack(ys, axis=1), backward


def gru_time_first(x, h0, Wr, Wz, Wn, Ur, Uz, Un):
    h, kept = h0, []
    for xt in x:
        r = sigmoid(xt @ Wr + h @ Ur)
        z = sigmoid(xt @ Wz + h @ Uz)
        n = np.tanh(xt @ Wn + (r * h) @ Un)
        kept.append((h, r, z, n))
        h = (1 - z) * n + z * h
    y = np.stack([k[0] for k in kept[1:]] + [h])

    def backward(dy):
        dx = np.zeros_like(x)
        dWr, dWz, dWn, dUr, dUz, dUn = (np.zeros_like(w) for w in (Wr, Wz, Wn, Ur, Uz, Un))
        dh = np.zeros_like(h0)
        for t in range(len(x) - 1, -1, -1):
            h_prev, r, z, n = kept[t]
            dh = dh + dy[t]
            dn = dh * (1 - z) * (1 - n**2)
            dz = dh * (h_prev - n) * z * (1 - z)
            drh = dn @ Un.T
            dr = drh * h_prev * r * (1 - r)
            dWn += x[t].T @ dn
            dWz += x[t].T @ dz
            dWr += x[t].T @ dr
            dUn += (r * h_prev).T @ dn
            dUz += h_prev.T @ dz
            dUr += h_prev.T @ dr
            dx[t] = dn @ Wn.T + dz @ Wz.T + dr @ Wr.T
            dh = dh * z + drh * r + dz @ Uz.T + dr @ Ur.T
        return dx, dh, dWr, dWz, dWn, dUr, dUz, dUn

    return y, backward


def gru_batch_first(x, h0, W, U, b):
    H = h0.shape[1]
    h = [h0]
    r, u, c = [], [], []
    for t in range(x.shape[1]):
        xw = x[:, t] @ W + b
        hu = h[t] @ U
        r.append(sigmoid(xw[:, :H] + hu[:, :H]))
        u.append(sigmoid(xw[:, H : 2 * H] + hu[:, H : 2 * H]))
        c.append(np.tanh(xw[:, 2 * H :] + r[t] * hu[:, 2 * H :]))
        h.append(u[t] * h[t] + (1 - u[t]) * c[t])

    def backward(dy):
        dx, dW, dU, db = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
        dh = np.zeros_like(h0)
        for t in reversed(range(x.shape[1])):
            dh = dh + dy[:, t]
            dc = dh * (1 - u[t]) * (1 - c[t] ** 2)
            du = dh * (h[t] - c[t]) * u[t] * (1 - u[t])
            dr = dc * (h[t] @ U[:, 2 * H :]) * r[t] * (1 - r[t])
            dxw = np.hstack([dr, du, dc])
            dhu = np.hstack([dr, du, dc * r[t]])
            dx[:, t] = dxw @ W.T
            dW += x[:, t].T @ dxw
            db += dxw.sum(axis=0)
            dU += h[t].T @ dhu
            dh = dh * u[t] + dhu @ U.T
        return dx, dh, dW, dU, db

    return np.stack(h[1:], axis=1), backward


def gru_lists(x, W, U):
    H = U.shape[0]
    states, resets, updates, candidates = [np.zeros((x.shape[1], H))], [], [], []
    for t in range(len(x)):
        reset = sigmoid(x[t] @ W[:, :H] + states[t] @ U[:, :H])
        update = sigmoid(x[t] @ W[:, H : 2 * H] + states[t] @ U[:, H : 2 * H])
        candidate = np.tanh(x[t] @ W[:, 2 * H :] + (reset * states[t]) @ U[:, 2 * H :])
        resets.append(reset)
        updates.append(update)
        candidates.append(candidate)
        states.append((1 - update) * states[t] + update * candidate)

    def backward(grad):
        grad_x, grad_W, grad_U = np.zeros_like(x), np.zeros_like(W), np.zeros_like(U)
        grad_state = np.zeros_like(states[0])
        for t in reversed(range(len(x))):
            old, reset, update, candidate = states[t], resets[t], updates[t], candidates[t]
            grad_state = grad_state + grad[t]
            grad_candidate = grad_state * update * (1 - candidate**2)
            grad_update = grad_state * (candidate - old) * update * (1 - update)
            gated = grad_candidate @ U[:, 2 * H :].T
            grad_reset = gated * old * reset * (1 - reset)
            both = np.concatenate([grad_reset, grad_update], axis=1)
            grad_x[t] = both @ W[:, : 2 * H].T + grad_candidate @ W[:, 2 * H :].T
            grad_W[:, : 2 * H] += x[t].T @ both
            grad_W[:, 2 * H :] += x[t].T @ grad_candidate
            grad_U[:, : 2 * H] += old.T @ both
            grad_U[:, 2 * H :] += (reset * old).T @ grad_candidate
            grad_state = grad_state * (1 - update) + gated * reset + both @ U[:, : 2 * H].T
        return grad_x, grad_W, grad_U

    return np.stack(states[1:]), backward


def gru_caches(x, h0, Wz, Wr, Wh):
    caches, h = {}, h0
    for t in range(x.shape[0]):
        k = {"v": np.hstack([h, x[t]]), "h": h}
        k["z"] = sigmoid(k["v"] @ Wz)
        k["r"] = sigmoid(k["v"] @ Wr)
        k["w"] = np.hstack([k["r"] * h, x[t]])
        k["hhat"] = np.tanh(k["w"] @ Wh)
        h = (1 - k["z"]) * h + k["z"] * k["hhat"]
        caches[t] = k
    y = np.stack([caches[t]["h"] for t in range(1, x.shape[0])] + [h])

    def backward(dy):
        H = h0.shape[1]
        dx, dWz, dWr, dWh = (
            np.zeros_like(x),
            np.zeros_like(Wz),
            np.zeros_like(Wr),
            np.zeros_like(Wh),
        )
        dh_next = np.zeros_like(h0)
        for t in reversed(range(x.shape[0])):
            k = caches[t]
            dh = dy[t] + dh_next
            dhhat = dh * k["z"] * (1 - k["hhat"] ** 2)
            dz = dh * (k["hhat"] - k["h"]) * k["z"] * (1 - k["z"])
            dw = dhhat @ Wh.T
            dr = dw[:, :H] * k["h"] * k["r"] * (1 - k["r"])
            dWh += k["w"].T @ dhhat
            dWz += k["v"].T @ dz
            dWr += k["v"].T @ dr
            dv = dz @ Wz.T + dr @ Wr.T
            dx[t] = dv[:, H:] + dw[:, H:]
            dh_next = dh * (1 - k["z"]) + dw[:, :H] * k["r"] + dv[:, :H]
        return dx, dh_next, dWz, dWr, dWh

    return y, backward


def gru_sliced(x, h0, W, U, Wn, Un):
    H = h0.shape[1]
    h, tape = h0, []
    for t in range(x.shape[1]):
        gates = sigmoid(x[:, t] @ W + h @ U)
        z, r = np.split(gates, 2, axis=1)
        n = np.tanh(x[:, t] @ Wn + (r * h) @ Un)
        tape.append((h, z, r, n))
        h = z * h + (1 - z) * n
    y = np.stack([step[0] for step in tape[1:]] + [h], axis=1)

    def backward(dy):
        dx, dW, dU, dWn, dUn = (np.zeros_like(a) for a in (x, W, U, Wn, Un))
        dh_next = np.zeros_like(h0)
        for t in reversed(range(x.shape[1])):
            h_prev, z, r, n = tape[t]
            dh = dy[:, t] + dh_next
            dn = dh * (1 - z) * (1 - n**2)
            dz = dh * (h_prev - n) * z * (1 - z)
            drh = dn @ Un.T
            dr = drh * h_prev * r * (1 - r)
            dgates = np.concatenate([dz, dr], axis=1)
            dx[:, t] = dgates @ W.T + dn @ Wn.T
            dW += x[:, t].T @ dgates
            dU += h_prev.T @ dgates
            dWn += x[:, t].T @ dn
            dUn += (r * h_prev).T @ dn
            dh_next = dh * z + drh * r + dgates @ U.T
        return dx, dh_next, dW, dU, dWn, dUn

    return y, backward


T, N, D, H = 3, 2, 3, 4
"""Small, and all different: time steps, batch, input, state."""
STATE, TIME, BATCH = (N, H), (T, N, D), (N, T, D)

SHAPES = {
    lstm_time_first: (TIME, STATE, STATE, (D, 4 * H), (H, 4 * H), (4 * H,)),
    lstm_batch_first: (BATCH, *[(D + H, H)] * 4, STATE),
    lstm_lists: (TIME, (D, 4 * H), (H, 4 * H), (4 * H,)),
    lstm_caches: (TIME, STATE, (D, 4 * H), (H, 4 * H), (4 * H,)),
    lstm_sliced: (BATCH, STATE, (D, 4 * H), (H, 4 * H)),
    gru_time_first: (TIME, STATE, *[(D, H)] * 3, *[(H, H)] * 3),
    gru_batch_first: (BATCH, STATE, (D, 3 * H), (H, 3 * H), (3 * H,)),
    gru_lists: (TIME, (D, 3 * H), (H, 3 * H)),
    gru_caches: (TIME, STATE, *[(H + D, H)] * 3),
    gru_sliced: (BATCH, STATE, (D, 2 * H), (H, 2 * H), (D, H), (H, H)),
}

GATES = {
    lstm_time_first: "di df do dg",
    lstm_batch_first: "di df do dg",
    lstm_lists: "dins dforgets douts dnews",
    lstm_caches: "di df do dg",
    lstm_sliced: "di df do dg",
    gru_time_first: "dr dz dn",
    gru_batch_first: "dr du dc",
    gru_lists: "grad_reset grad_update grad_candidate",
    gru_caches: "dr dz dhhat",
    gru_sliced: "dr dz dn",
}
"""What holds a gradient before an activation."""

MISTAKES = {
    lstm_time_first: [
        ("di = dc * g[t] * i[t] * (1 - i[t])", "di = dc * g[t] * i[t]"),
        ("df = dc * c[t] * f[t]", "df = dc * c[t + 1] * f[t]"),
        ("dc = dc + dh * o[t]", "dc = dc + dh"),
    ],
    lstm_batch_first: [
        ("dg = dc * i * (1 - g**2)", "dg = dc * i"),
        ("do = sigmoid_back(o) * dh * tanh_c", "do = sigmoid_back(o) * dh"),
        ("dWf += xh.T @ df", "dWf += xh.T @ di"),
    ],
    lstm_lists: [
        ("dnews[t] = cell * i * (1 - n * n)", "dnews[t] = cell * i * (1 - n)"),
        ("douts[t] = total * tc * (o - o * o)", "douts[t] = total * tc"),
        ("dU += hs[t].T @ da", "dU += hs[t + 1].T @ da"),
    ],
    lstm_caches: [
        ('df = dc * k["c_prev"] * k["f"]', 'df = dc * k["tc"] * k["f"]'),
        ('dg = dc * k["i"] * (1 - k["g"] ** 2)', 'dg = dc * k["i"]'),
        ('dWh = k["h_prev"].T @ gates', 'dWh = -k["h_prev"].T @ gates'),
    ],
    lstm_sliced: [
        ("di = dc * g * i * (1 - i)", "di = dc * g * i * (1 + i)"),
        ("do = dh * tanh_c * o * (1 - o)", "do = dh * tanh_c"),
        ("dc_next = dc * f", "dc_next = dc * i"),
    ],
    gru_time_first: [
        ("dn = dh * (1 - z) * (1 - n**2)", "dn = dh * z * (1 - n**2)"),
        ("dr = drh * h_prev * r * (1 - r)", "dr = drh * h_prev"),
        ("dz = dh * (h_prev - n)", "dz = dh * (n - h_prev)"),
    ],
    gru_batch_first: [
        ("dc = dh * (1 - u[t]) * (1 - c[t] ** 2)", "dc = dh * (1 - u[t])"),
        ("du = dh * (h[t] - c[t])", "du = dh * h[t]"),
        ("dW += x[:, t].T @ dxw", "dW += x[:, t].T @ dhu"),
    ],
    gru_lists: [
        ("grad_candidate = grad_state * update *", "grad_candidate = grad_state *"),
        ("grad_reset = gated * old * reset * (1 - reset)", "grad_reset = gated * old"),
        ("(candidate - old) * update * (1 - update)", "(candidate - old) * update"),
    ],
    gru_caches: [
        ('dhhat = dh * k["z"] * (1 - k["hhat"] ** 2)', 'dhhat = dh * k["z"] * (1 - k["hhat"])'),
        ('dr = dw[:, :H] * k["h"] * k["r"]', 'dr = dw[:, :H] * k["r"]'),
        ("dWz += k[\"v\"].T @ dz", "dWz += k[\"w\"].T @ dz"),
    ],
    gru_sliced: [
        ("dz = dh * (h_prev - n) * z * (1 - z)", "dz = dh * (h_prev - n) * z"),
        ("dn = dh * (1 - z) * (1 - n**2)", "dn = dh * (1 - z)"),
        ("dr = drh * h_prev * r * (1 - r)", "dr = drh * n * r * (1 - r)"),
    ],
}  # fmt: skip
"""For each three changes that make it wrong, each in one line."""
