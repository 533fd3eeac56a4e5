"""Wrong use is an error that names the argument, what was expected and what came; never a PASS."""

import math

import numpy as np
import pytest
from examples import tanh

from gradcheck import Verdict, check, check_pair

X = np.array([0.3, 0.5])


@pytest.mark.parametrize(
    ("error", "says", "call"),
    [
        (TypeError, "layer is None, expected a function", lambda: check(None, X)),
        (TypeError, "layer is a module", lambda: check(math, X)),
        (TypeError, "twin is 5, expected a function", lambda: check(tanh, X, twin=5)),
        (TypeError, "seed is 'a', expected a whole number", lambda: check(tanh, X, seed="a")),
        (TypeError, "seed is 1.5", lambda: check(tanh, X, seed=1.5)),
        (ValueError, "seed is -3, expected 0 or more", lambda: check(tanh, X, seed=-3)),
        (TypeError, "wrt is 3.5, expected a name", lambda: check(tanh, X, wrt=3.5)),
        (ValueError, "wrt names -1; the inputs are", lambda: check(tanh, X, wrt=-1)),
        (TypeError, "lines is 'yes', expected True", lambda: check(tanh, X, lines="yes")),
        (TypeError, "name is 5, expected text", lambda: check(tanh, X, name=5)),
        (ValueError, "method is 'magic', expected one of", lambda: check(tanh, X, method="magic")),
        (TypeError, "upstream is 'a', expected numbers", lambda: check(tanh, X, upstream="a")),
        (ValueError, "upstream holds NaN", lambda: check(tanh, X, upstream=X * np.nan)),
    ],
)
def test_an_argument_that_is_wrong_is_named(error, says, call):
    with pytest.raises(error, match="(?s)" + says.replace("(", r"\(")):
        call()


def returning(gradient):
    return lambda x: (x * 1, lambda dy: gradient(dy))


@pytest.mark.parametrize("gradient", [lambda dy: "abc", lambda dy: np.array([None, object()])])
def test_gradients_that_are_no_numbers_are_a_finding(gradient):
    report = check(returning(gradient), X)
    assert report.verdict is Verdict.FAIL
    assert "wrong-dtype" in [finding.code for finding in report.findings]


def test_nothing_to_compare_is_no_pass():
    empty = check(tanh, np.zeros((0, 3)))
    assert empty.verdict is Verdict.INCONCLUSIVE
    assert str(empty).endswith("x has no entries: there is nothing to compare.")
    silent = check(lambda x: (x[:0], lambda dy: np.zeros_like(x)), X)
    assert silent.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("x", [X, np.ones(2)])
def test_a_forgotten_return_is_told(x):
    report = check(returning(lambda dy: None), x)
    assert report.verdict is Verdict.INCONCLUSIVE
    assert "backward returned None for x, so nothing was checked" in str(report)


def test_a_backward_pass_that_is_no_function_is_told():
    with pytest.raises(TypeError, match="backward is a ndarray, expected a function"):
        check_pair(tanh, X)


def test_numpy_integers_serve_for_seeds_and_positions():
    assert check(tanh, X, seed=np.int64(3), wrt=np.int64(0)).passed
