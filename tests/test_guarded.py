"""An ε that guards the forward pass alone is named as what the gradient is not exact by, and hides nothing."""

import numpy as np
import pytest

from gradcheck import Verdict, check, check_loss, check_module, check_pair

EPS = 1e-10
rng = np.random.default_rng(0)
X, W = rng.normal(size=(5, 4)), 4 * rng.normal(size=(4, 3))
Y = np.eye(3)[[0, 2, 1, 1, 0]]


def softmax(z):
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def cross_entropy(p, y, eps=1e-8):
    return -np.sum(y * np.log(p + eps)) / len(y)


def by_default(W, X, Y):
    p = softmax(X @ W)
    return cross_entropy(p, Y), X.T @ (p - Y) / len(Y)


def written_down(W, X, Y):
    p = softmax(X @ W)
    return -np.sum(Y * np.log(p + 1e-9)) / len(Y), X.T @ (p - Y) / len(Y)


def of_the_module(W, X, Y):
    p = softmax(X @ W)
    loss = -np.mean(np.log(np.sum(p * Y, axis=1) + EPS))
    return loss, X.T @ (p - Y) / len(Y)


def cost(W, X, Y):
    tiny = 1e-9
    return -np.sum(Y * np.log(softmax(X @ W) + tiny))


def cost_gradient(W, X, Y):
    return X.T @ (softmax(X @ W) - Y)


def predict(W, X):
    return softmax(X @ W)


def its_loss(prediction, target):
    return -np.sum(target * np.log(prediction + 1e-9)) / len(target)


def predict_back(W, X, target):
    dW = X.T @ (softmax(X @ W) - target) / len(target)
    return dW


class Entropy:
    eps = 1e-9

    def forward(self, z, y):
        self.p, self.y = softmax(z), y
        return -np.sum(y * np.log(self.p + self.eps))

    def backward(self):
        return self.p - self.y


def layer(z):
    p = softmax(z)
    return np.log(p + 1e-9), lambda dy: dy - p * dy.sum(axis=1, keepdims=True)


LOSSES = (by_default, written_down, of_the_module)
CHECKS = {f.__name__: lambda f=f: check_loss(f, W, X, Y, wrt="W") for f in LOSSES} | {
    "pair": lambda: check_pair(cost, cost_gradient, W, X, Y),
    "loss of a model": lambda: check_pair(predict, predict_back, W, X, Y),
    "attribute": lambda: check_module(Entropy(), X @ W, Y),
    "layer": lambda: check(layer, X @ W),
}


@pytest.mark.parametrize("run", CHECKS.values(), ids=CHECKS)
def test_a_guard_of_the_forward_pass_is_what_is_said(run):
    report = run()
    (row,) = report.rows
    assert row.verdict.name == "FAIL" and row.relative_error > 1e-9
    (said,) = row.findings
    assert said.code == "inexact" and "of the forward pass without its ε of 1e-" in said.message
    assert "first-wrong-line" not in {finding.code for finding in report.findings}


def doubled(W, X, Y):
    p = softmax(X @ W)
    return -np.sum(Y * np.log(p + 1e-9)), 2 * X.T @ (p - Y)


def decay_forgotten(W, X, Y):
    p = softmax(X @ W)
    return -np.sum(Y * np.log(p)) + 1e-7 * np.sum(W**2), X.T @ (p - Y)


def too_large(W, X, Y):
    p = softmax(X @ W)
    return -np.sum(Y * np.log(p + 1e-5)), X.T @ (p - Y)


@pytest.mark.parametrize("wrong", [doubled, decay_forgotten, too_large])
def test_nothing_is_taken_for_a_guard_that_is_none(wrong):
    """A factor is no guard, nor is what a float32 sees beside 1; what is wrong besides stays wrong."""
    (row,) = check_loss(wrong, W, X, Y, wrt="W", lines=False).rows
    assert row.verdict.name == "FAIL"
    assert not any("guard" in one.evidence for one in row.findings)


def two_layers(W, V, X, Y):
    h = np.tanh(X @ W)
    p = softmax(h @ V)
    value = cross_entropy(p, Y)
    dz = (p - Y) / len(Y)
    dh = dz @ V.T
    dV = h.T @ dz
    dW = X.T @ dh  # the derivative of tanh is left out
    return value, dW, dV


def test_a_mistake_beside_a_guard_has_its_name_and_its_line():
    """Without the guard it alone is wrong; with it all that the way back computes is, in the last digits."""
    V = rng.normal(size=(3, 3))
    handing_on = check_loss(lambda W, V: two_layers(W, V, X, Y), W, V)
    for report in (check_loss(two_layers, W, V, X, Y, wrt=["W", "V"]), handing_on):
        codes = {row.name: {finding.code for finding in row.findings} for row in report.rows}
        assert codes == {"W": {"missing-mask"}, "V": {"inexact"}}
        (line,) = (one for one in report.findings if one.code == "first-wrong-line")
        assert {"dW = X.T @ dh", "dh = dz @ V.T"} & {line.evidence["source"].split("  #")[0]}


def standardized(x, gamma):
    c = x - x.mean(axis=0)
    var = (c**2).mean(axis=0)
    return gamma * c / np.sqrt(var + 1e-8), (c, var, gamma)


def standardized_back(dy, cache):
    """The same ε again; the gradient of gamma is that of another value."""
    c, var, gamma = cache
    r = 1 / np.sqrt(var + 1e-8)
    dxhat = dy * gamma
    dx = r * (dxhat - dxhat.mean(axis=0) - c * r**2 * (dxhat * c).mean(axis=0))
    return dx, (dy * c).sum(axis=0)


def test_a_guard_in_both_passes_is_left_where_another_gradient_is_wrong():
    report = check_pair(
        standardized, standardized_back, 0.1 * rng.normal(size=(5, 3)), rng.normal(size=3)
    )
    assert [row.verdict is Verdict.PASS for row in report.rows] == [True, False], str(report)
    assert "inexact" not in {finding.code for finding in report.all_findings()}, str(report)
