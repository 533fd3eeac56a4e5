"""Of a gradient one of whose terms is wrong: the term is named, and whether it is missing or has a factor."""

import inspect
import runpy

import numpy as np
import pytest

from gradcheck import check, check_derivative, check_module, check_pair

RNG = np.random.default_rng(0)


def normalized(mean=1.0, variance=1.0):
    """Over the last axis, with the terms that flow through its statistics so many times."""

    def layer(x):
        std = np.sqrt(x.var(axis=-1, keepdims=True) + 1e-9)
        y = (x - x.mean(axis=-1, keepdims=True)) / std

        def backward(dy):
            through_mean = dy.mean(axis=-1, keepdims=True)
            through_variance = y * (dy * y).mean(axis=-1, keepdims=True)
            return (dy - mean * through_mean - variance * through_variance) / std

        return y, backward

    return layer


@pytest.mark.parametrize("what", ["mean", "variance"])
def test_a_statistic_held_constant_is_told_from_one_whose_term_has_a_factor(what):
    x = RNG.normal(size=(4, 6))
    constant = check(normalized(**{what: 0.0}), x, lines=False)["x"].findings[0]
    assert constant.code == "statistics-held-constant"
    assert constant.evidence == {"statistic": what, "axes": [1]}
    doubled = check(normalized(**{what: 2.0}), x, lines=False)["x"].findings[0]
    assert doubled.code == "scaled"
    assert doubled.evidence["factor"] == pytest.approx(2)
    assert f"the term that flows through the {what} over axis 1" in doubled.message


def grouped(groups, first, mean=0.0, variance=0.0):
    """Normalized in groups of the features, which lie side by side (`first`) or take turns."""

    def layer(x):
        parts = (groups, -1) if first else (-1, groups)
        axes = tuple(range(2, x.ndim + 1)) if first else (1, *range(3, x.ndim + 1))
        g = x.reshape(len(x), *parts, *x.shape[2:])
        std = np.sqrt(g.var(axis=axes, keepdims=True) + 1e-9)
        xhat = (g - g.mean(axis=axes, keepdims=True)) / std

        def backward(dy):
            d = dy.reshape(g.shape)
            through_mean = d.mean(axis=axes, keepdims=True)
            through_variance = xhat * (d * xhat).mean(axis=axes, keepdims=True)
            dx = (d - mean * through_mean - variance * through_variance) / std
            return dx.reshape(x.shape)

        return xhat.reshape(x.shape), backward

    return layer


@pytest.mark.parametrize("first", [True, False], ids=["side by side", "in turns"])
@pytest.mark.parametrize("shape", [(3, 12), (2, 6, 2, 3)], ids=["features", "images"])
def test_a_statistic_of_a_group_held_constant_is_named(shape, first):
    x = RNG.normal(size=shape)
    assert check(grouped(2, first, 1.0, 1.0), x).passed
    for held, what in (
        ({}, "mean and variance"),
        ({"mean": 1.0}, "variance"),
        ({"variance": 1.0}, "mean"),
    ):
        found = check(grouped(2, first, **held), x, lines=False)["x"].findings[0]
        assert found.code == "statistics-held-constant"
        assert found.evidence == {"statistic": what, "axes": [1, *range(2, len(shape))]}
        assert "in 2 groups along axis 1" in found.message


def test_the_term_of_a_groups_statistic_may_have_a_factor():
    found = check(grouped(3, True, 1.0, 2.0), RNG.normal(size=(4, 12)), lines=False)["x"].findings[
        0
    ]
    assert found.code == "scaled" and found.evidence["factor"] == pytest.approx(2)


def test_two_terms_with_two_factors_have_no_one_name():
    report = check(normalized(mean=2.0, variance=3.0), RNG.normal(size=(4, 6)), lines=False)
    assert report["x"].findings[0].code == "unknown"


def standardized_weights(x, W):
    m = W.mean(axis=1, keepdims=True)
    sd = np.sqrt(((W - m) ** 2).mean(axis=1, keepdims=True))
    V = (W - m) / sd

    def backward(dy):
        dx = dy @ V
        dV = dy.T @ x
        n = V.shape[1]
        through_sd = V * (dV * V).sum(axis=1, keepdims=True) / n
        dW = (dV - dV.mean(axis=1, keepdims=True) - through_sd) / sd
        return dx, dW

    return x @ V.T, backward


def ratio(p, t):
    top = (p * t).sum(axis=1, keepdims=True)
    low = p.sum(axis=1, keepdims=True)

    def backward(dy):
        dtop = dy / low
        dlow = -dy * top / low**2
        return dtop * t + dlow, dtop * p

    return top / low, backward


def cosines(x, y):
    length = np.sqrt((x**2).sum(axis=1, keepdims=True))
    unit = x / length

    def backward(dc):
        dunit = dc @ y
        dx = (dunit - unit * (dunit * unit).sum(axis=1, keepdims=True)) / length
        return dx, dc.T @ unit

    return unit @ y.T, backward


def margins(x, y):
    sign = np.where(y > 1.5, 1.0, -1.0)
    z = np.exp(-sign * x)

    def backward(dz):
        dx = -dz * z * sign
        return dx, None

    return z, backward


SLIPS = [
    (margins, "-dz * z * sign", "-dz * z", "x", "sign-flipped"),
    # Of a layer whose entries meet again behind the statistic only the edit can tell which it is.
    (standardized_weights, "n = V.shape[1]", "n = V.shape[0]", "W", "scaled"),
    (ratio, "return dtop * t + dlow,", "return dtop * t,", "p", "extra-term"),
    (ratio, "return dtop * t + dlow,", "return dtop * t + 5 * dlow,", "p", "scaled"),
    (cosines, "/ length\n        return", "/ length**2\n        return", "x", "scaled"),
]


@pytest.mark.parametrize(("layer", "right", "wrong", "gradient", "code"), SLIPS)
def test_a_wrong_term_is_named(tmp_path, layer, right, wrong, gradient, code):
    source = inspect.getsource(layer)
    assert source.count(right) == 1
    (tmp_path / "slip.py").write_text("import numpy as np\n\n\n" + source.replace(right, wrong))
    planted = runpy.run_path(str(tmp_path / "slip.py"))[layer.__name__]
    report = check(planted, RNG.uniform(1, 2, size=(3, 5)), RNG.uniform(1, 2, size=(4, 5))[:3])
    assert report[gradient].findings[0].code == code, str(report)


def test_a_term_that_is_the_same_all_along_an_axis_is_said_to_be():
    def layer(p, t):
        y, backward = ratio(p, t)
        return y, lambda dy: (backward(dy)[0] - 2 * (dy * y / p.sum(axis=1, keepdims=True)), None)

    report = check(layer, *RNG.uniform(1, 2, size=(2, 3, 5)), wrt="p", lines=False)
    finding = report["p"].findings[0]
    assert (finding.code, finding.evidence["axes"]) == ("extra-term", [1])
    assert "a sum or a mean" in finding.message


def test_a_mean_over_other_axes_is_not_called_a_term_too_many():
    def groups(x):
        y = x - x.mean(axis=2, keepdims=True)
        return y, lambda dy: dy - dy.mean(axis=(1, 2), keepdims=True)

    report = check(groups, RNG.normal(size=(2, 3, 4)), lines=False)
    assert report["x"].findings[0].code != "extra-term"


class Impatient:
    """A dense layer that takes its step before it is done."""

    def __init__(self, W):
        self.W = W

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = self.x.T @ dy
        self.W = self.W - 0.1 * self.dW
        return dy @ self.W.T


def test_weights_that_are_updated_before_they_are_used_are_said_to_be():
    report = check_module(Impatient(RNG.normal(size=(3, 4))), RNG.normal(size=(5, 3)))
    (conduct,) = [f for f in report.findings if f.code == "ignores-upstream"]
    assert "updated first" in conduct.message and "Multiply by dy" not in conduct.message
    finding = report["x"].findings[0]
    assert finding.code == "wrong-variable" and "updated first" in finding.message


def test_a_gradient_multiplied_by_dy_twice_is_told_to_multiply_once():
    report = check(lambda x: (x**2, lambda dy: dy * dy * 2 * x), RNG.normal(size=4), lines=False)
    (conduct,) = [f for f in report.findings if f.code == "ignores-upstream"]
    assert "Multiply by dy, once" in conduct.message


A = RNG.normal(size=(4, 4))


def field(x):
    return np.tanh(A @ x)


def jacobian(x):
    return (1 - np.tanh(A @ x) ** 2)[:, None] * A


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (lambda x: jacobian(x).T, "transposed"),
        (lambda x: np.diag(np.diag(jacobian(x))), "diagonal-only"),
        (lambda x: -jacobian(x), "sign-flipped"),
    ],
)
def test_a_wrong_jacobian_is_named(wrong, code):
    report = check_derivative(field, wrong, RNG.normal(size=4))
    assert report["x"].findings[0].code == code, str(report)


def test_what_passes_where_all_is_saturated_is_said_to_prove_nothing_of_the_formula():
    def forward(x):
        return np.tanh(x), np.tanh(x)

    def backward(dy, y):
        return -dy * (1 - y**2)

    report = check_pair(forward, backward, 30 + RNG.random((3, 4)))
    (finding,) = [f for f in report["x"].findings if f.code == "vacuous"]
    assert "with a wrong sign, factor or formula it would pass as well" in finding.message
