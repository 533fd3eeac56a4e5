"""Right code in strangers' styles, how it is checked, and mistakes to plant in it."""

from __future__ import annotations

import inspect
import linecache
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np

from gradcheck import check, check_loss, check_module, check_pair
from tests.strangers import styles_a, styles_b, styles_c, styles_d

PARTS = {"a": styles_a, "b": styles_b, "c": styles_c, "d": styles_d}


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).normal(size=shape)


def pair(module, stem, *inputs):
    forward, backward = getattr(module, f"{stem}_forward"), getattr(module, f"{stem}_backward")
    return partial(check_pair, forward, backward, *inputs)


def checks(part: str, m: Any) -> dict[str, Any]:
    """For each layer of a part a function that checks it."""
    if part == "a":
        batch_norm = m.BatchNorm(normal(3), normal(3, seed=1))
        softplus, two = (normal(4, 3), normal(3, 2), normal(2)), normal(5, 2)
        return {
            "batch_norm": partial(check_module, batch_norm, normal(5, 3)),
            "mlp": pair(m, "mlp", normal(4, 3), normal(3, 5), normal(5), normal(5, 2), normal(2)),
            "block": pair(m, "block", normal(3, 4), normal(2, 3), normal(2, 1)),
            "conv": pair(m, "conv", normal(2, 3, 4, 2), normal(3, 3, 2, 2), normal(1, 1, 1, 2)),
            "rnn": pair(
                *(m, "rnn", normal(4, 2, 3), normal(2, 5)),
                *(normal(3, 5) / 2, normal(5, 5) / 2, normal(5, 2)),
            ),
            "affine_softplus": partial(check, m.affine_softplus, *softplus),
            "two_layers": partial(check, m.two_layers, normal(4, 3), normal(3, 5), two),
        }
    if part == "c":
        cell = m.Cell(normal(3, 2), normal(3, 3) / 2)
        return {
            "block": pair(m, "block", normal(3, 4), normal(4, 3), normal(3, 2)),
            "cell": partial(check_module, cell, normal(4, 2), parameters=["U", "V"]),
            "plane": pair(m, "plane", normal(2, 3, 3, 2), normal(3)),
        }
    if part == "d":
        heads, same = [normal(2, 3, 4, seed=k) for k in range(3)], np.array([1, 0, 0, 1])
        return {
            "heads": pair(m, "heads", *heads),
            "along": partial(check_module, m.Along(normal(3)), normal(2, 5)),
            "contrast": partial(check_loss, m.contrast, normal(4, 2), normal(4, 2, seed=1), same),
        }
    affine = m.Affine(normal(3, 2), normal(2))
    attention = m.Attention(normal(3, 2), normal(3, 2, seed=1))
    return {
        "affine": partial(check_module, affine, normal(4, 3)),
        "attention": partial(check_module, attention, normal(4, 3)),
        "instance": pair(m, "instance", normal(2, 3, 4, 4), normal(3)),
        "sequence": pair(
            *(m, "sequence", normal(3, 2, 4), normal(5, 2)),
            *(normal(5, 3) / 2, normal(5, 5) / 2, normal(5, 1)),
        ),
        "bilinear": partial(check, m.bilinear, normal(4, 3), normal(3, 5), normal(5)),
        "ridge": partial(check, m.ridge, normal(3), normal(6, 3), normal(6)),
        "gated": partial(check, m.gated, normal(4, 3), normal(3, 5), normal(3, 5, seed=1)),
    }


MISTAKES = {
    "a": [
        ("batch_norm", "divar * -0.5 * self.ivar**3", "divar * -0.5 * self.ivar**2"),
        ("batch_norm", "dxhat = dout * self.gamma", "dxhat = dout * self.beta"),
        ("batch_norm", "dmu = -dxmu.sum(axis=0)", "dmu = dxmu.sum(axis=0)"),
        ("batch_norm", "(dout * self.xhat).sum(axis=0)", "(dout * self.xmu).sum(axis=0)"),
        ("mlp", 'dA2 * cache["A2"] * (1 - cache["A2"])', 'dA2 * cache["A2"]'),
        ("mlp", 'grads["dA1"] * (cache["Z1"] > 0)', 'grads["dA1"] * (cache["Z1"] < 0)'),
        ("mlp", 'cache["X"].T @ grads["dZ1"]', 'cache["X"].T @ grads["dA1"]'),
        ("mlp", 'np.sum(grads["dZ2"], axis=0)', 'np.mean(grads["dZ2"], axis=0)'),
        ("block", "dZ = dA * s * (1 - s)", "dZ = dA * s"),
        ("block", "dW = np.dot(dZ, A_prev.T)", "dW = np.dot(dZ, A_prev.T) / 2"),
        ("block", "np.dot(W.T, dZ)", "-np.dot(W.T, dZ)"),
        ("conv", "W[:, :, :, c] * dZ[i, h, w, c]", "W[::-1, :, :, c] * dZ[i, h, w, c]"),
        ("conv", "a_slice * dZ[i, h, w, c]", "a_slice[::-1] * dZ[i, h, w, c]"),
        ("conv", "da_prev_pad[1:-1, 1:-1, :]", "da_prev_pad[:-2, 1:-1, :]"),
        ("rnn", "(1 - hs[t] * hs[t]) * dh", "(1 - hs[t]) * dh"),
        ("rnn", "hs[t - 1].T @ dhraw", "hs[t].T @ dhraw"),
        ("rnn", "dhnext = dhraw @ Whh.T", "dhnext = dhraw @ Whh"),
        ("rnn", "dh = dy @ Why.T + dhnext", "dh = dy @ Why.T"),
        ("affine_softplus", "dL_dz = dL_de * e", "dL_dz = dL_de * s"),
        ("affine_softplus", "dL_ds = dL_da / s", "dL_ds = dL_da / e"),
        ("affine_softplus", "dL_dz.sum(0)", "dL_dz.mean(0)"),
        ("two_layers", "out1_error * (1 - out1**2)", "out1_error * (1 - net1**2)"),
        ("two_layers", "out2_error * (1 - out2**2)", "out2_error * (1 - out2)"),
        ("two_layers", "out1.T @ net2_error", "net1.T @ net2_error"),
    ],
    "b": [
        ("affine", "grad_t = grad_u * self.s", "grad_t = grad_u * self.t"),
        ("affine", "grad_t * np.cos(self.s)", "grad_t * np.sin(self.s)"),
        ("affine", "self.x.T @ grad_s", "self.x.T @ grad_u"),
        ("affine", "grad_s.sum(axis=0)", "grad_s.mean(axis=0)"),
        ("attention", "p * (dp - inner)", "p * dp"),
        ("attention", "dk = dscores.T @ self.q", "dk = dscores @ self.q"),
        ("attention", "self.x.T @ dq", "self.x.T @ dk"),
        ("attention", "dx += dk @ self.Wk.T", "dx += dk @ self.Wq.T"),
        ("instance", "-0.5 * dinv * inv**3", "-0.5 * dinv * inv**2"),
        ("instance", "dnorm * inv + 2 * cen", "dnorm * inv + cen"),
        ("instance", "dout[n] * g[:, None, None]", "dout[n] / g[:, None, None]"),
        ("instance", "dcen - dcen.mean(axis=(1, 2), keepdims=True)", "dcen - dcen.mean()"),
        ("sequence", "(1 - a_next**2) * da_next", "(1 - a_prev**2) * da_next"),
        ("sequence", "np.dot(dtanh, a_prev.T)", "np.dot(dtanh, a_next.T)"),
        ("sequence", 'da_prevt = gradients["da_prev"]', 'da_prevt = 0 * gradients["da_prev"]'),
        ("sequence", 'dWax += gradients["dWax"]', 'dWax = gradients["dWax"]'),
        ("bilinear", "DQ = DR * P", "DQ = DR * Q"),
        ("bilinear", "DR * Q + 0.3 * DQ * Q", "DR * Q + DQ * Q"),
        ("bilinear", "DB = A.T @ DP", "DB = A.T @ DQ"),
        ("ridge", "dnorm = 0.1 * dloss * mse", "dnorm = 0.1 * dloss * norm"),
        ("ridge", "dloss * (1 + 0.1 * norm)", "dloss * 0.1 * norm"),
        ("ridge", "dmse * 2 * r / len(r)", "dmse * r / len(r)"),
        ("gated", "d_L_d_h * g\n", "d_L_d_h * a\n"),
        ("gated", "d_L_d_g * g * (1 - g)", "d_L_d_g * (1 - g)"),
        ("gated", "x.T @ d_L_d_pre", "x.T @ d_L_d_g"),
    ],
    "c": [
        ("block", "slope = gate + Z1 * gate * (1 - gate)", "slope = gate + gate * (1 - gate)"),
        ("block", '"no,ho->nh", dZ2, W2', '"no,ho->nh", dout, W2'),
        ("block", 'np.einsum("ni,nh->ih", X, dZ1)', 'np.einsum("ni,nh->ih", X, dA1)'),
        ("cell", "total = dh + future", "total = dh - future"),
        ("cell", "self.dV += np.outer(dpre, h)", "self.dV += np.outer(dpre, new)"),
        ("cell", "future = self.V.T @ dpre", "future = self.V @ dpre"),
        (
            "plane",
            "spread = z * (dz * z).mean(axis=(2, 3)",
            "spread = z * (dz * z).mean(axis=(1, 2, 3)",
        ),
        ("plane", "dx = inv * (dz - centre - spread)", "dx = inv * (dz - centre)"),
    ],
    "d": [
        ("heads", "weights * (grad_weights - inner)", "weights * grad_weights"),
        (
            "heads",
            "grad_scores = grad_scores / np.sqrt(q.shape[-1])",
            "grad_scores = grad_scores / q.shape[-1]",
        ),
        (
            "heads",
            "inner = (grad_weights * weights).sum(axis=-1",
            "inner = (grad_weights * weights).mean(axis=-1",
        ),
        ("along", "np.where(self.mixed > 0, 1.0, 0.1)", "np.where(self.mixed > 0, 1.0, 0.0)"),
        ("along", "view += d_windows[..., j]", "view += d_windows[..., 2 - j]"),
        ("along", "d_padded[:, 1:-1]", "d_padded[:, 2:]"),
        ("contrast", "ddist -= 2 * (1 - same) * room", "ddist -= (1 - same) * room"),
        ("contrast", "dgap = ddist[:, None] * gap / dist[:, None]", "dgap = ddist[:, None] * gap"),
    ],
}


def planted(part: str, right: str, wrong: str) -> tuple[ModuleType, int]:
    """The part's module with one piece of it changed, and the number of the changed line."""
    source = inspect.getsource(PARTS[part])
    assert source.count(right) == 1, (right, source.count(right))
    text, name = source.replace(right, wrong), f"<{part}: {right.strip()} as {wrong.strip()}>"
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    module = ModuleType(f"planted_{part}")
    module.__file__ = name
    exec(compile(text, name, "exec"), module.__dict__)
    return module, source[: source.index(right)].count("\n") + 1
