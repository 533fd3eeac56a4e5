"""What a line should compute by the chain rule: the rule of each operation, and lines that are mended by it."""

from __future__ import annotations

import ast

import numpy as np
import pytest

from gradcheck import check, check_loss, check_module, check_pair, numerical_gradient
from gradcheck.repair.chain.ahead import Ahead, Step
from gradcheck.repair.chain.helpers import written_out
from gradcheck.repair.chain.rules import FUNCTIONS
from gradcheck.repair.chain.sweep import gradients
from gradcheck.repair.scope import Scope
from gradcheck.repair.tree import expression


def positive(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).uniform(0.2, 0.9, shape)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def leaky(z, slope=0.2):
    return np.where(z > 0.5, z, slope * z)


def swished(z, beta=1.5):
    """Two statements, a keyword, a helper in it."""
    inner = beta * z
    return z * sigmoid(inner) + sigmoid(z)


INPUTS = {
    "a": positive(3, 4),
    "b": positive(3, 4, seed=1),
    "c": positive(3, 1),
    "r": positive(4),
    "t": positive(2, 4, 3),
}
KNOWN = {
    "np": np,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "leaky": leaky,
    "swished": swished,
}
OPERANDS = {name: getattr(getattr(np, name, None), "nin", 0) for name in FUNCTIONS}
TEXTS = [
    *("a + b", "a - b", "a * b", "a / b", "a**b", "a**2", "a**-3", "2.5**a", "-a", "3 - -a * (-b)"),
    *("a - r", "a * c + b", "a[:, :, None] * t.transpose(2, 1, 0)"),
    *(f"np.{name}(a)" for name, count in OPERANDS.items() if count == 1),
    *(f"np.{name}(a, b)" for name, count in OPERANDS.items() if count == 2),
    *("sigmoid(a)", "softmax(a)", "np.maximum(0, a - 0.5)", "np.where(a > b, a * b, b)"),
    *("np.clip(a, 0.4, 0.7)", "a @ b.T", "a @ r", "r @ b.T", "r @ r", "np.dot(a, b.T)", "a.dot(b.T)"),
    *("t @ b", "t @ t.swapaxes(1, 2)", "t @ c", "np.outer(r, r * r)", "np.matmul(a, b.T)"),
    *("a.sum()", "a.sum(axis=0)", "np.sum(a, axis=1)", "a.mean()", "np.mean(a, axis=0)"),
    *("t.mean(axis=(0, 2))", "r.mean()", "a.max(axis=1)", "a.min(axis=0, keepdims=True)", "np.max(a)"),
    *("a - a.mean(axis=1, keepdims=True)", "t.max(axis=1)", "a.reshape(-1)", "a.ravel()", "a.T"),
    *("np.transpose(t, axes=(1, 2, 0))",),
    *("t.reshape(len(t), -1)", "t.transpose(2, 0, 1)", "np.transpose(t, (1, 2, 0))", "a.transpose()"),
    *("np.roll(a, 1, axis=0)", "np.roll(a, shift=-1, axis=1)", "np.roll(r, 2)"),
    *("t.swapaxes(0, 2)", "np.linalg.norm(a)", "np.linalg.norm(a, axis=1)"),
    *("np.linalg.norm(a, axis=1, keepdims=True)", "np.expand_dims(a, 1)", "a.flatten()"),
    *("leaky(a)", "leaky(a * b, slope=0.3)", "swished(a)", "swished(a, 2.5)"),
    *("np.einsum('ij,kj->ik', a, b)", "np.einsum('nji,j->ni', t, r)", "np.einsum('ij,ij->i', a, b)"),
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_what_is_derived_through_an_operation_is_its_gradient(text):
    names = sorted({n.id for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)} & {*INPUTS})
    value = np.asarray(eval(text, {**KNOWN, **INPUTS}))
    dy = positive(*value.shape, seed=2) - 0.5
    step = Step(expression("y"), expression(text), Scope(INPUTS, KNOWN))
    returned = Step(expression("y"), expression("y"), Scope({**INPUTS, "y": value}, KNOWN))
    here = Scope({**INPUTS, "y": value, "dy": dy}, KNOWN)
    dy = dy if value.ndim else np.asarray(1.0)
    found = {one.name: one.whole for one in gradients(Ahead([step], returned, dy), here)}

    def forward(*arrays):
        return eval(text, {**KNOWN, **dict(zip(names, arrays, strict=True))})

    for k, name in enumerate(names):
        numeric = numerical_gradient(forward, [INPUTS[n] for n in names], dy, wrt=k)
        whole = np.broadcast_to(found[name].value, INPUTS[name].shape)
        assert (np.abs(whole - numeric.value) <= numeric.bound).all(), ast.unparse(found[name].node)


def swish(x, W):
    z = x @ W
    y = z * sigmoid(z)

    def backward(dy):
        dz = dy * sigmoid(z) * (1 - sigmoid(z))
        return dz @ W.T, x.T @ dz

    return y, backward


def distance(a, b):
    """Its gradient forgets that the length is computed from a too."""
    r = a - b
    d = np.sqrt(np.sum(r**2, axis=1))
    w = np.exp(-d)
    loss = np.sum(w * d)
    dr = (w / d)[:, None] * r
    return loss, dr, -dr


def gated(x, W, V):
    """The sigmoid is written out, and has a name."""
    a, b = x @ W, x @ V
    s = 1 / (1 + np.exp(-a))
    y = a * s * b

    def backward(dy):
        db = dy * a * s
        da = dy * b * s * (1 - s)
        return da @ W.T + db @ V.T, x.T @ da, x.T @ db

    return y, backward


class Gate:
    def __init__(self, units):
        self.W = positive(units, units, seed=4)

    def forward(self, x):
        self.x = x
        self.h = np.tanh(x @ self.W)
        self.g = sigmoid(self.h)
        return self.g * self.h + x

    def backward(self, dout):
        dh = dout * self.g
        da = dh * (1 - self.h**2)
        self.dW = self.x.T @ da
        return da @ self.W.T + dout


def decayed(x, W):
    """Its gradient of W lacks what comes through the penalty, its own forward pass in one line."""
    z = x @ W
    loss = np.sum(np.tanh(z) ** 2) + 0.3 * np.sum(W**2 / (1 + W**2))
    dz = 2 * np.tanh(z) * (1 - np.tanh(z) ** 2)
    dW = x.T @ dz
    return loss, dz @ W.T, dW


def squashed(xs, a):
    """A recurrence whose state is squashed; the way back takes another derivative for it."""
    h = np.zeros_like(xs)
    for t in range(len(xs)):
        before = h[t - 1] if t else np.zeros_like(xs[0])
        u = a * before + xs[t]
        h[t] = u * sigmoid(u)

    def backward(dh):
        dxs, da, carry = np.zeros_like(xs), np.zeros_like(a), np.zeros_like(xs[0])
        for t in reversed(range(len(xs))):
            before = h[t - 1] if t else np.zeros_like(xs[0])
            u = a * before + xs[t]
            g = dh[t] + carry
            du = g * sigmoid(u) * (1 - sigmoid(u))
            dxs[t] = du
            da += du * before
            carry = du * a
        return dxs, da

    return h, backward


def repaired(report):
    """The line that a proved repair writes; of a report without one a failure that shows it."""
    assert report.repair is not None, str(report)
    return report.repair.after


def test_a_line_is_derived_where_no_slip_mends_it():
    after = repaired(check(swish, positive(3, 4), positive(4, 2)))
    assert after == "dz = dy * sigmoid(z) + dy * z * sigmoid(z) * (1 - sigmoid(z))"


def test_a_sigmoid_that_is_written_out_goes_back_by_its_value():
    """With what is written out far from 0 the exponential would be infinite, and its product with 0 no number."""
    after = repaired(check(gated, positive(3, 4), positive(4, 2), positive(4, 2, seed=1)))
    assert after == "da = dy * b * s + dy * b * a * s * (1 - s)"


def test_what_comes_through_another_step_is_derived_through_attributes_too():
    after = repaired(check_module(Gate(3), positive(4, 3)))
    assert after == "dh = dout * self.g + dout * self.h * self.g * (1 - self.g)"


def test_a_penalty_is_differentiated_by_the_rules_of_what_it_is_computed_by():
    after = repaired(check_loss(decayed, positive(3, 4), positive(4, 2)))
    assert after.startswith("dW = x.T @ dz + "), after


def test_in_a_loop_a_line_is_derived_at_its_last_step():
    after = repaired(check(squashed, positive(4, 3), positive(3)))
    assert after == "du = g * sigmoid(u) + g * u * sigmoid(u) * (1 - sigmoid(u))"


def test_a_length_goes_back_to_what_it_is_the_length_of():
    assert "w" in repaired(check_loss(distance, positive(4, 3), positive(4, 3, seed=1)))


def attending(scores, values):
    """A softmax in three statements, of which only the last value is kept for the way back."""
    e = scores - scores.max(axis=1, keepdims=True)
    e = np.exp(e)
    share = e / e.sum(axis=1, keepdims=True)
    return share @ values + np.tanh(scores) @ values, (share, scores, values)


def attending_back(dout, cache):
    share, scores, values = cache
    dshare = dout @ values.T
    dscores = share * (dshare - (dshare * share).sum(axis=1, keepdims=True))
    return dscores, (share + np.tanh(scores)).T @ dout


def test_statements_that_together_are_a_softmax_are_gone_through_at_once():
    after = repaired(check_pair(attending, attending_back, positive(3, 4), positive(4, 2)))
    assert "1 - np.tanh(scores) ** 2" in after, after


def masked(x, u, v, edges):
    """Scores far out make what comes back to them unclear; the slope of what is negative is left out."""
    pre = (x @ u)[:, None] + (x @ v)[None, :]
    e = np.where(edges > 0, np.where(pre > 0, pre, 0.2 * pre), -1e9)
    w = np.exp(e - e.max(axis=1, keepdims=True))
    share = w / w.sum(axis=1, keepdims=True)
    y = share @ x

    def backward(dy):
        dshare = dy @ x.T
        de = share * (dshare - (dshare * share).sum(axis=1, keepdims=True))
        dpre = np.where(pre > 0, de, 0)
        dp, dq = dpre.sum(axis=1), dpre.sum(axis=0)
        dx = share.T @ dy + np.outer(dp, u) + np.outer(dq, v)
        return dx, x.T @ dp, x.T @ dq, None

    return y, backward


def test_a_line_between_that_is_unclear_is_in_doubt():
    edges = np.array([[1.0, 0, 1, 1], [1, 1, 1, 0], [0, 1, 1, 1], [1, 1, 0, 1]])
    rng = np.random.default_rng(0)
    x, u, v = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=3)
    after = repaired(check(masked, x, u, v, edges))
    assert after.startswith("dpre = np.where(pre > 0, de, 0) + np.where(pre > 0, 0, ")
    assert after.endswith(" * 0.2")


def doubling(z):
    """Each statement reads the one before twice: written out in one expression it would have no end."""
    a = z * z + z
    b = a * a + a
    c = b * b + b
    d = c * c + c
    e = d * d + d
    f = e * e + e
    g = f * f + f
    h = g * g + g
    i = h * h + h
    return np.tanh(i * i + i)


def test_a_helper_that_is_too_long_for_a_line_is_not_written_out():
    call = expression("doubling(a)")
    assert isinstance(call, ast.Call) and written_out(call, doubling) is None


def shifted(x, W):
    """How it is shifted is said in a way that no rule reads."""
    how = {"shift": 1, "axis": 0}
    z = np.roll(x, **how) @ W
    y = z * np.tanh(z)

    def backward(dy):
        dz = dy * np.tanh(z)
        return np.roll(dz @ W.T, -1, axis=0), np.roll(x, 1, axis=0).T @ dz

    return y, backward


def test_what_no_rule_knows_ends_no_check():
    after = repaired(check(shifted, positive(4, 3), positive(3, 2)))
    assert after == "dz = dy * np.tanh(z) + dy * z * (1 - np.tanh(z) ** 2)"
