"""The Taylor test: slopes 1, 2 and 3 told apart, and from a linear f and the rounding floor."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Verdict, taylor_test

RIGHT = [
    (np.sin, np.cos),
    (np.exp, np.exp),
    (np.tanh, lambda x: 1 - np.tanh(x) ** 2),
    (lambda x: (x**2).sum(), lambda x: 2 * x),
]


@given(which=st.integers(0, 3), seed=st.integers(0, 10_000), exponent=st.integers(-3, 0))
def test_right_has_slope_two_and_wrong_has_slope_one(which, seed, exponent):
    f, df = RIGHT[which]
    x = 10.0**exponent * np.random.default_rng(seed).normal(size=3)
    right = taylor_test(f, df, x, seed=seed)
    assert right.passed
    # Where a cubic term helps out along this direction, the slope may be more; where it works against the
    # square, less: it crosses zero then.
    assert right.linear or right.slope > 1.5
    wrong = [taylor_test(f, lambda v: 1.0005 * df(v), x, seed=s) for s in (seed, seed + 10_001)]
    # Across the slope nothing is seen of a factor, in about one direction of 5,000; across two of them never.
    convicted = [one for one in wrong if one.verdict is Verdict.FAIL]
    assert convicted and convicted[0].slope == pytest.approx(1, abs=0.5)


def test_curvature_makes_it_three():
    x = np.random.default_rng(0).normal(size=4)
    cubes = (lambda v: (v**3).sum()), (lambda v: 3 * v**2)
    right = taylor_test(*cubes, x, curvature=lambda p, v: 6 * p * v)
    assert right.passed
    assert right.slope == pytest.approx(3, abs=0.05)
    wrong = taylor_test(*cubes, x, curvature=lambda p, v: 5 * p * v)
    assert wrong.verdict is Verdict.FAIL
    assert wrong.slope == pytest.approx(2, abs=0.05)


def test_a_linear_function_is_said_to_be_linear():
    A = np.random.default_rng(1).normal(size=(3, 5))
    x = np.random.default_rng(2).normal(size=5)
    test = taylor_test(lambda v: A @ v, lambda v: A, x)
    assert test.passed
    assert test.linear
    assert np.isnan(test.slope)
    assert not taylor_test(lambda v: A @ v, lambda v: A * 1.0001, x).passed


def test_integers_are_refused():
    with pytest.raises(TypeError, match="float"):
        taylor_test(np.sin, np.cos, np.arange(3))


def test_a_slope_is_one_where_enough_remainders_lie_on_a_line():
    x = np.array([0.3, -0.7, 1.1])
    assert taylor_test(np.tanh, lambda x: 1 - np.tanh(x) ** 2, x).is_straight
    assert taylor_test(np.tanh, lambda x: 1 - np.tanh(x), x).is_straight
    # Only the longest steps change which is largest: what they miss falls as chance has it.
    first = taylor_test(np.max, lambda x: 1.0 * (x == x.max()), np.array([1.0, 0.9]), seed=1)
    assert not first.linear and not first.is_straight
    few = np.where(first.steps > 0.1, first.steps**2, 0.0)
    assert not replace(first, remainders=few).is_straight
