"""Changes to the checker's own code that once went unseen by every test, each with the test that sees it."""

import numpy as np
import pytest

from gradcheck import Verdict, check
from gradcheck.compare import compare
from gradcheck.layer import random_upstream
from gradcheck.numeric import Forward, NumericalWitness

X = np.random.default_rng(0).normal(size=(3, 4))


def cube(x):
    return x**3, lambda dy: 3 * x**2 * dy


@pytest.mark.parametrize("seed", range(5))
def test_an_upstream_gradient_has_both_signs_and_no_entry_near_zero(seed):
    dy = random_upstream(np.zeros((20, 20)), seed)
    assert 0.3 < (dy > 0).mean() < 0.7
    assert np.abs(dy).min() >= 0.5 and np.abs(dy).max() <= 1.5


def test_what_is_extrapolated_is_right_far_beyond_a_central_difference():
    def seen(method):
        return NumericalWitness(Forward(np.exp, [X]), np.ones(X.shape), method).gradient(0)

    error = {m: np.abs(seen(m).value / np.exp(X) - 1).max() for m in ("extrapolated", "central")}
    assert error["extrapolated"] < error["central"] / 10
    # Steps of ε^(1/5) and a rule of fourth order: ε^(4/5), a hundred times for what that is multiplied by.
    assert error["extrapolated"] < 100 * np.finfo(float).eps ** (4 / 5)


def test_a_gradient_that_is_missing_is_infinitely_far_from_the_tape_too():
    numeric = NumericalWitness(Forward(lambda x: x**3, [X]), np.ones(X.shape)).gradient(0)
    row, _ = compare("x", None, numeric, 3 * X**2)
    assert row.verdict is Verdict.FAIL and row.tape_error == np.inf
    row, _ = compare("x", None, numeric, None)
    assert row.verdict is Verdict.FAIL and row.tape_error is None


def test_one_gradient_too_many_fails_though_each_row_may_pass():
    def layer(x):
        y, backward = cube(x)
        return y, lambda dy: (backward(dy), dy)

    report = check(layer, X, lines=False)
    (finding,) = [f for f in report.all_findings() if f.code == "wrong-count"]
    assert finding.fails and report.verdict is Verdict.FAIL


def test_a_way_back_that_raises_fails():
    def layer(x):
        return x**3, lambda dy: dy @ np.ones((7, 7))

    report = check(layer, X, lines=False)
    (finding,) = [f for f in report.all_findings() if f.code == "raises"]
    assert finding.fails and report.verdict is Verdict.FAIL


@pytest.mark.parametrize(("factor", "equals"), [(2.0, "2"), (2.0005, None)])
def test_a_factor_is_a_size_only_as_far_as_it_is_measured(factor, equals):
    def layer(x):
        y, backward = cube(x)
        return y, lambda dy: factor * backward(dy)

    finding = check(layer, X[:, :3], lines=False)["x"].findings[0]
    assert (finding.code, finding.evidence["equals"]) == ("scaled", equals)
    assert np.isclose(finding.evidence["factor"], factor, rtol=1e-6)
