"""Functions that return a value and its gradient: losses, modular nets with their gradients by name."""

from __future__ import annotations

import numpy as np
import pytest
from edited import edited
from strangers import course_pairs as course
from strangers import specialization

from gradcheck import Verdict, check_loss


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


X, LABELS = normal(6, 5), np.array([0, 1, 2, 2, 0, 1])
LINEAR = normal(5, 3), X, LABELS, 0.1
LOGISTIC = normal(4, 1), 0.3, normal(4, 6), np.array([[1.0, 0, 1, 1, 0, 0]])

RIGHT = [
    (lambda m: m.softmax_loss, course, (X, LABELS), ["x"]),
    (lambda m: m.svm_loss, course, (X, LABELS), ["x"]),
    (lambda m: m.svm_loss_vectorized, course, LINEAR, ["W"]),
    (lambda m: m.TwoLayerNet().loss, course, (X, LABELS), ["W1", "b1", "W2", "b2"]),
    (lambda m: m.two_layer_propagate, specialization, LOGISTIC, ["w", "b"]),
]


@pytest.mark.parametrize(("choose", "module", "inputs", "names"), RIGHT)
def test_a_strangers_loss_passes_as_it_is(choose, module, inputs, names):
    report = check_loss(choose(module), *inputs)
    assert report.passed, str(report)
    assert [row.name for row in report.rows] == names


WRONG = [
    (
        RIGHT[0],
        "    dx[np.arange(N), y] -= 1\n    dx /= N\n",
        "    dx[np.arange(N), y] -= 1\n",
        "x",
        "scaled",
    ),
    (RIGHT[2], "/ num_train + 2 * reg * W", "/ num_train + reg * W", "W", "extra-term"),
    (RIGHT[3], 'grads["W1"] = dW1 + self.reg * W1', 'grads["W1"] = dW1', "W1", "extra-term"),
    (RIGHT[3], 'grads["b2"] = db2', 'grads["b2"] = -db2', "b2", "sign-flipped"),
    (RIGHT[4], "dw = 1 / m * np.dot(X, (A - Y).T)", "dw = np.dot(X, (A - Y).T)", "w", "scaled"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("right", "old", "new", "gradient", "code"), WRONG)
def test_one_wrong_line_is_convicted_and_named(tmp_path, right, old, new, gradient, code):
    choose, module, inputs, _ = right
    report = check_loss(choose(edited(module, tmp_path, old, new)), *inputs)
    assert report[gradient].verdict is Verdict.FAIL, str(report)
    assert code in {finding.code for finding in report.all_findings()}, str(report)


def test_a_tuple_of_gradients_and_the_numbers_are_the_users_own():
    def loss(W, b):
        return float((W @ W) + b * 3), (2 * W, np.asarray(4.0))

    report = check_loss(loss, normal(3), np.asarray(0.5))
    assert report["W"].verdict is Verdict.PASS
    assert report["b"].analytic == 4.0
    assert abs(report["b"].numeric - 3) < 1e-9


def test_a_plain_number_with_a_gradient_in_the_tuple_is_no_constant():
    def loss(W, b, gradients):
        return float((W @ W) + b * 3), gradients(W, b)

    both = check_loss(lambda W, b: loss(W, b, lambda W, b: (2 * W, 4.0)), normal(3), 0.5)
    assert {row.name: row.verdict for row in both.rows} == {"W": Verdict.PASS, "b": Verdict.FAIL}
    alone = check_loss(lambda W, b: loss(W, b, lambda W, b: 2 * W), normal(3), 0.5)
    assert [row.name for row in alone.rows] == ["W"] and alone.passed


@pytest.mark.parametrize(("factor", "verdict"), [(2, Verdict.PASS), (1, Verdict.FAIL)])
def test_a_value_and_its_gradient_may_lie_in_a_list(factor, verdict):
    report = check_loss(lambda w: [float(w @ w), factor * w], normal(4))
    assert report.verdict is verdict and report["w"].shape == (4,)


def test_a_tuple_of_gradients_is_that_of_the_inputs_though_only_one_is_called_so():
    def loss(anchor, positive):
        g_anchor, g_pos = 2 * (anchor - positive), 2 * (anchor - positive)
        return float(((anchor - positive) ** 2).sum()), (g_anchor, g_pos)

    def beside(W, x):
        scores, dW = W * x, x
        return float(scores.sum()), dW, scores  # no gradient of x, though of its shape

    report = check_loss(loss, normal(3), normal(3, seed=1))
    verdicts = {row.name: row.verdict for row in report.rows}
    assert verdicts == {"anchor": Verdict.PASS, "positive": Verdict.FAIL}
    assert [row.name for row in check_loss(beside, normal(3), normal(3, seed=1)).rows] == ["W"]


def test_a_bias_of_zeros_is_no_mask_where_each_gradient_has_its_inputs_shape():
    def loss(b, log_std):
        return float(((b - 1) ** 2 + log_std**2).sum()), [2 * (b - 1), 2 * log_std]

    assert check_loss(loss, np.zeros(2), normal(2)).passed


def test_gradients_left_in_the_object():
    class Model:
        def __init__(self):
            self.W, self.dW = normal(5, 3), None

        def loss(self, X, y):
            value, dscores = course.softmax_loss(X @ self.W, y)
            self.dW = X.T @ dscores
            return value

    report = check_loss(Model().loss, X, LABELS)
    assert report.passed and [row.name for row in report.rows] == ["W"]
    assert any("No gradient of X was found" in finding.message for finding in report.findings)


def test_what_is_no_loss_is_told_so():
    with pytest.raises(TypeError, match="a loss is a single number"):
        check_loss(lambda x: (x**2, 2 * x), X)
    with pytest.raises(TypeError, match="returns no gradient"):
        check_loss(lambda x: float((x**2).sum()), X)


def test_a_loss_whose_way_back_raises_is_wrong_and_one_whose_inputs_do_not_fit_is_not():
    def loss(w, x):
        r = x @ w
        value = float((r**2).sum())
        return value, 2 * r @ x.T

    report = check_loss(loss, normal(3), normal(2, 3))
    assert report.verdict is Verdict.FAIL
    assert [finding.code for finding in report.findings] == ["raises"]
    with pytest.raises(ValueError, match="matmul"):
        check_loss(loss, normal(4), normal(2, 3))


def in_brackets(theta, X, y):
    off = X @ theta.reshape(-1, 1) - y
    return off.T @ off / 2, (X.T @ off)[:, 0]


def in_brackets_wrong(theta, X, y):
    value, gradient = in_brackets(theta, X, y)
    return value, -gradient


def test_a_loss_may_stand_in_brackets():
    """Of products of columns a single number comes as [[0.69]]."""
    target = normal(6, 1)
    assert check_loss(in_brackets, normal(5), X, target, wrt="theta").passed
    report = check_loss(in_brackets_wrong, normal(5), X, target, wrt="theta", lines=False)
    assert report["theta"].findings[0].code == "sign-flipped"


def gaussian(mu, log_sigma, y):
    """Its gradient of log_sigma is called by its letters; y is data, and has none."""
    z = (y - mu) / np.exp(log_sigma)
    d_mu = -z / np.exp(log_sigma) / y.size
    d_ls = (1 - z**2) / y.size
    return np.mean(0.5 * z**2 + log_sigma), (d_mu, d_ls)


def gaussian_wrong(mu, log_sigma, y):
    z = (y - mu) / np.exp(log_sigma)
    d_mu = -z / np.exp(log_sigma) / y.size
    d_ls = (z**2 - 1) / y.size
    return np.mean(0.5 * z**2 + log_sigma), d_mu, d_ls


@pytest.mark.parametrize(("loss", "right"), [(gaussian, True), (gaussian_wrong, False)])
def test_beside_a_gradient_that_is_named_the_others_go_in_order(loss, right):
    report = check_loss(loss, *(normal(4, 3, seed=k) for k in range(3)))
    assert [row.name for row in report.rows] == ["mu", "log_sigma"]
    assert [row.verdict is Verdict.PASS for row in report.rows] == [True, right]


def counted(W, x, y):
    """What it returns last has the shape of x, and is no gradient."""
    residual = x @ W - y
    d_W = x.T @ residual
    return 0.5 * np.sum(residual**2), d_W, np.sign(x)


def test_what_is_not_called_as_gradients_are_is_none_beside_one_that_is():
    report = check_loss(counted, normal(5, 3), normal(4, 5), normal(4, 3))
    assert report.passed
    assert [row.name for row in report.rows] == ["W"]


class OfAColumn:
    """A loss of a column, which is a number in brackets, and both gradients in one row."""

    def __init__(self, wrong):
        self.W, self.b, self.wrong = normal(4, 4), normal(4, 1), wrong

    def loss(self, x, y):
        p = np.tanh(self.W @ x + self.b)
        loss = (p - y).T @ (p - y)
        s = 2 * (p - y) * (1 - p**2)
        db = s.sum(axis=1, keepdims=True)
        dW = self.wrong * (s > 0) * s @ x.T
        return loss, np.concatenate([dW.ravel(), db.ravel()])


def test_what_comes_back_to_a_loss_in_brackets_is_one():
    """Beside a random number each line would be wrong, by the same factor."""
    net, x, y = OfAColumn(2.0), normal(4, 1), normal(4, 1, seed=1)

    def loss(theta):
        net.W, net.b = theta[:16].reshape(4, 4), theta[16:].reshape(4, 1)
        return net.loss(x, y)

    report = check_loss(loss, normal(20))
    found = {line.name: line.verdict for line in report.lines}
    assert found["dW"] is Verdict.FAIL and found["db"] is Verdict.PASS, str(report)


class Steps:
    """A recurrent net whose method gives its loss and the gradients of all its weights in one row."""

    def __init__(self):
        self.W, self.U = normal(3, 3), normal(3, 3, seed=1) / 2

    def loss(self, xs):
        hs, loss = {-1: np.zeros((3, 1))}, 0.0
        for t in range(len(xs)):
            hs[t] = np.tanh(self.W @ xs[t] + self.U @ hs[t - 1])
            loss += (hs[t] ** 2).sum(axis=0)
        dW, dU, later = np.zeros((3, 3)), np.zeros((3, 3)), np.zeros((3, 1))
        for t in reversed(range(len(xs))):
            ds = 2 * hs[t] + later
            da = ds * (1 - hs[t]) ** 2
            dW += da @ xs[t].T
            dU += da @ hs[t - 1].T
            later = self.U.T @ da
        for one in [dW, dU]:
            np.clip(one, -50, 50, out=one)
        return loss, np.concatenate([dW.ravel(), dU.ravel()])


def test_a_loss_that_hands_on_what_a_method_gives_has_the_method_s_lines_in_doubt():
    net, xs = Steps(), normal(3, 3, 1)

    def loss(theta):
        net.W, net.U = theta[:9].reshape(3, 3), theta[9:].reshape(3, 3)
        return net.loss(xs)

    report = check_loss(loss, normal(18) / 2)
    (line,) = (f.evidence["source"] for f in report.findings if f.code == "first-wrong-line")
    assert line.startswith("da = "), str(report)
