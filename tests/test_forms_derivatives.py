"""Functions beside their derivatives, of first and second order, and Jacobian-vector products."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck import Verdict, check, check_derivative, check_jvp


def normal(*shape, seed=0):
    return np.random.default_rng((seed, *shape)).standard_normal(shape)


def rosenbrock(x):
    return float(100 * (x[1] - x[0] ** 2) ** 2 + (1 - x[0]) ** 2)


def rosenbrock_gradient(x):
    inner = x[1] - x[0] ** 2
    return np.array([-400 * x[0] * inner - 2 * (1 - x[0]), 200 * inner])


def rosenbrock_hessian(x):
    corner = -400 * x[0]
    return np.array([[1200 * x[0] ** 2 - 400 * x[1] + 2, corner], [corner, 200.0]])


X = np.array([-1.2, 1.0])


def test_a_gradients_numbers_are_its_own_entries():
    report = check_derivative(rosenbrock, rosenbrock_gradient, X)
    assert report.passed
    assert report["x"].analytic == pytest.approx(rosenbrock_gradient(X))
    wrong = check_derivative(rosenbrock, lambda x: rosenbrock_gradient(x) + np.eye(2)[1], X)
    assert wrong["x"].worst == (1,)
    assert wrong["x"].analytic == pytest.approx(rosenbrock_gradient(X) + np.eye(2)[1])


def test_gradient_and_hessian_by_the_same_idea():
    report = check_derivative(rosenbrock_gradient, rosenbrock_hessian, X)
    assert report.passed and report["x"].shape == (2, 2)
    assert report["x"].numeric == pytest.approx(rosenbrock_hessian(X), rel=1e-8)

    def wrong(x):
        hessian = rosenbrock_hessian(x)
        hessian[1, 0] = 0
        return hessian

    report = check_derivative(rosenbrock_gradient, wrong, X, lines=False)
    assert report.verdict is Verdict.FAIL and report["x"].worst == (1, 0)
    assert report["x"].numeric[1, 0] == pytest.approx(480)


def test_a_jacobian_of_an_array_that_maps_to_an_array():
    A, x = normal(2, 3), normal(3, 4)
    jacobian = np.einsum("im,nk->inmk", A, np.eye(4))
    assert check_derivative(lambda x: A @ x, lambda x: jacobian, x).passed
    turned = jacobian.transpose(0, 1, 3, 2).reshape(2, 4, 3, 4)
    assert not check_derivative(lambda x: A @ x, lambda x: turned, x, lines=False).passed


def test_the_numbers_of_a_jacobian_are_its_own_entries():
    def jacobian(v):
        wrong = np.diag(2 * v)
        wrong[1, 2] = 5
        return wrong

    row = check_derivative(np.square, jacobian, np.arange(1.0, 4), lines=False).rows[0]
    assert row.shape == (3, 3) and row.worst == (1, 2) and row.analytic[1, 2] == 5
    assert "1 of 9 entries are wrong; the worst at [1, 2]: hand-derived 5, numeric 0" in str(
        row.findings[0]
    )


def test_an_elementwise_derivatives_numbers_are_its_own_entries():
    x = normal(5)
    report = check_derivative(np.tanh, lambda x: 1 - np.tanh(x) ** 2, x)
    assert report.passed
    assert next(iter(report)).analytic == pytest.approx(1 - np.tanh(x) ** 2)


def test_what_mixes_its_entries_has_no_elementwise_derivative():
    x = normal(5)
    assert not check_derivative(lambda x: x - x.mean(), lambda x: 0 * x, x, lines=False).passed


def test_a_large_jacobian_is_checked_as_a_product():
    A, x = normal(300, 3), normal(3)
    assert check_derivative(lambda x: A @ x, lambda x: A, x)["x"].shape == (3,)


def test_a_jacobian_vector_product():
    x, W = normal(3, 4), normal(4, 2)

    def f(x, W):
        return np.tanh(x @ W)

    def jvp(x, W, dx, dW):
        return (1 - f(x, W) ** 2) * (dx @ W + x @ dW)

    def in_tuples(primals, tangents):
        return f(*primals), jvp(*primals, *tangents)

    assert check_jvp(f, jvp, x, W).passed
    assert check_jvp(f, in_tuples, x, W).passed
    report = check_jvp(f, lambda x, W, dx, dW: (1 - f(x, W) ** 2) * (dx @ W - x @ dW), x, W)
    assert {row.name: row.verdict for row in report.rows} == {
        "x": Verdict.PASS,
        "W": Verdict.FAIL,
    }
    assert "sign-flipped" in {finding.code for finding in report.all_findings()}


def test_a_jacobian_vector_product_that_is_not_linear_fails():
    x = normal(4)
    report = check_jvp(np.sin, lambda x, v: np.cos(x) * v**2, x)
    assert report.verdict is Verdict.FAIL
    assert "ignores-upstream" in {finding.code for finding in report.findings}


def test_a_hessian_vector_product_is_one_of_the_gradient():
    assert check_jvp(rosenbrock_gradient, lambda x, v: rosenbrock_hessian(x) @ v, X).passed
    assert not check_jvp(
        rosenbrock_gradient, lambda x, v: rosenbrock_hessian(-x) @ v, X, lines=False
    ).passed


def test_a_tangent_of_another_shape_and_too_many_entries_are_told():
    assert "raises" in {f.code for f in check_jvp(np.sin, lambda x, v: v.sum(), normal(4)).findings}
    with pytest.raises(ValueError, match="at most 4096"):
        check_jvp(np.sin, lambda x, v: v, normal(5000))


class Square:
    def forward(self, x):
        self.x = x
        return x * x

    def backward(self, dy):
        return 2 * self.x * dy


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((X, np.sin), r"the layer comes first: check\(sin, x\)"),
        ((Square(), X), r"a Square is not called but has forward and backward: check_module\("),
        ((Square, X), r"Square is a class: make an object of it first, check_module\(Square\("),
        ((3.0, X), "layer is 3.0, expected a function"),
        (([np.sin, np.cos], X), "a list of functions is no layer"),
        (((x for x in ()), X), "a generator can be run once only"),
        ((lambda x: (x * x, (x,)), X), r"\(value, backward\).*check_pair\(forward, backward"),
        ((lambda x: (float(x @ x), 2 * x), X), r"\(value, backward\).*check_loss\(f, "),
        ((lambda x: x * x, X), r"\(value, backward\).*check_derivative\(f, df, "),
    ],
)
def test_what_is_no_layer_is_told_which_call_is_meant(arguments, sentence):
    with pytest.raises(TypeError, match=sentence):
        check(*arguments)


def squares(x):
    z = x * x
    y = np.sin(z)
    return y


def pushed(x, v):
    dz = x * v
    dy = np.cos(x * x) * dz
    return dy


def test_the_first_wrong_tangent_is_named_with_its_line():
    report = check_jvp(squares, pushed, X)
    found = report.by_line.first_wrong.evidence
    assert (found["name"], found["source"]) == ("dz", "dz = x * v")
    assert [str(line.verdict) for line in report.lines] == ["FAIL"] * 3


def wavy(x):
    a = x * x
    b = np.sin(a)
    c = b * x
    return c


def pushed_with(factors):
    def pushed(x, v):
        da = factors[0] * 2 * x * v
        db = factors[1] * np.cos(x * x) * da
        dc = factors[2] * (db * x + np.sin(x * x) * v)
        return dc

    return pushed


@pytest.mark.parametrize("wrong", range(3))
def test_the_tangent_of_every_name_is_measured(wrong):
    lines = check_jvp(wavy, pushed_with([1.5 if k == wrong else 1 for k in range(3)]), X).lines
    verdicts = ["PASS"] * wrong + ["FAIL"] * (4 - wrong)
    assert [str(line.verdict) for line in lines] == verdicts
    da = lines[0].analytic / (1.5 if wrong == 0 else 1)
    db = np.cos(X * X) * da
    dc = db * X + np.sin(X * X) * da / (2 * X)
    for line, tangent in zip(lines, (da, db, dc, dc), strict=True):
        error = np.abs(line.numeric - tangent)
        assert (error <= line.bound).all() and (line.bound < 1e-6).all()


@pytest.mark.parametrize("kind", [float, int, bool])
def test_a_product_may_leave_out_the_tangent_of_a_mask(kind):
    def f(x, mask):
        return np.tanh(x) * mask

    def jvp(x, mask, v, factor=1.0):
        return factor * (1 - np.tanh(x) ** 2) * v * mask

    x, mask = np.array([0.3, -1.2, 2.0]), np.array([1, 0, 1]).astype(kind)
    report = check_jvp(f, lambda x, mask, v: jvp(x, mask, v), x, mask)
    assert report.passed and [row.name for row in report.rows] == ["x"]
    assert not check_jvp(f, lambda x, mask, v: jvp(x, mask, v, 1.1), x, mask, lines=False).passed
