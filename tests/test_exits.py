"""A layer that ends the program fails its check, in Python as on the command line, and ends nothing."""

import sys
from functools import partial

import numpy as np
import pytest

from gradcheck import (
    assert_gradients,
    check,
    check_derivative,
    check_loss,
    check_many,
    check_module,
    check_pair,
)

X = np.ones((2, 3))


class Leaving:
    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        sys.exit(0)


def leaving(x):
    return 2 * x, lambda dy: sys.exit(0)


def at_once(x):
    sys.exit("enough")


CALLS = {
    "layer": lambda: check(leaving, X),
    "forward": lambda: check(at_once, X),
    "pair": lambda: check_pair(lambda x: (2 * x, None), lambda dy, cache: sys.exit(0), X),
    "module": lambda: check_module(Leaving(), X),
    "loss": lambda: check_loss(at_once, X),
    "derivative": lambda: check_derivative(np.sin, at_once, X),
}


def closing(x):
    def backward(dy):
        raise GeneratorExit

    return 2 * x, backward


def test_what_ends_a_generator_ends_none_of_the_callers():
    def reports():
        yield check(closing, X)
        yield check(leaving, X)

    assert [[one.code for one in report.findings] for report in reports()] == [["raises"]] * 2


class Enough(BaseException):
    """An exception that is no Exception."""


@pytest.mark.parametrize("error", [SystemExit, GeneratorExit, Enough])
def test_of_many_the_others_get_their_reports(error):
    def task():
        raise error

    reports = check_many([task, partial(check, lambda x: (2 * x, lambda dy: 2 * dy), X)])
    assert [report.passed for report in reports] == [False, True]
    assert error.__name__ in reports[0].findings[0].message


@pytest.mark.parametrize("shape", CALLS)
def test_whoever_calls_goes_on_with_a_report_that_fails(shape):
    report = CALLS[shape]()
    assert not report.passed and [one.code for one in report.findings] == ["raises"]
    assert "SystemExit" in report.findings[0].message and "line " in report.findings[0].message


def test_an_assertion_says_it():
    with pytest.raises(AssertionError, match="raises SystemExit: 0 while it is checked"):
        assert_gradients(leaving, X)


def test_whoever_stops_it_by_hand_is_heard():
    def stopped(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check(stopped, X)
    with pytest.raises(KeyboardInterrupt):
        check_many([partial(check, stopped, X)])
