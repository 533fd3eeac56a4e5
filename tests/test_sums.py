"""A gradient entry's sum: what it is used for, measured, named, and equal to what the check found."""

import numpy as np
import pytest

from gradcheck import check, check_pair
from gradcheck.lines import trace
from layers.catalogue import CATALOGUE
from reports.lecture.blackboard import written
from reports.lecture.example import of, worked_example
from reports.lecture.sums import sums


def around(layer, **inputs):
    """The sums at given numbers, with what is shown and the check there."""
    arrays = [np.asarray(x, dtype=float) for x in inputs.values()]
    value = layer(*arrays)[0]
    upstream = np.resize([1.0, -1.0, 2.0, 3.0], value.shape)
    report = check(layer, *arrays, upstream=upstream, lines=False)
    values = trace(layer, arrays, upstream)
    true = {row.name: row.numeric for row in report}
    return values, sums(layer, list(inputs), arrays, upstream, values, true)


@pytest.mark.parametrize("name", ["conv2d", "batch_norm", "lstm", "attention", "max_pool2d"])
def test_the_sums_of_a_worked_example_are_its_gradients(name):
    example = worked_example(CATALOGUE[name])
    assert example.report.passed and example.sums
    for row in example.report:
        for index, true in np.ndenumerate(row.numeric):
            one = example.sums[row.name, index]
            assert one.whole == pytest.approx(true, rel=1e-6, abs=1e-9)
            added = sum(term.slope * term.gradient for term in one.terms)
            assert added == pytest.approx(true, rel=1e-6, abs=1e-9)
    for value in example.values:
        for index, hand in np.ndenumerate(value.gradient) if value.gradient is not None else ():
            if (value.name, index) in example.sums:
                assert example.sums[value.name, index].whole == pytest.approx(hand, abs=1e-6)


def dense(x, W):
    y = x @ W

    def backward(dy):
        return dy @ W.T, x.T @ dy

    return y, backward


def test_a_slope_is_called_by_the_entry_that_it_is_and_written_with_numbers():
    values, found = around(dense, x=[[2, 5], [-1, 3]], W=[[1, 4], [-3, 2]])
    shapes = {value.name: value.value.shape for value in values}
    assert written(("W", (0, 1)), found["W", (0, 1)], shapes) == [
        "dW[0,1] = x[0,0]·dy[0,1] + x[1,0]·dy[1,1]",
        "   = 2·(−1) + (−1)·3",
        "   = −5",
    ]


def running(x):
    total = np.zeros(len(x))
    for k in range(len(x)):
        total[k] = x[k] * x[k] + (total[k - 1] if k else 0.0)
    y = total * 1.0

    def backward(dy):
        dtotal = np.cumsum(dy[::-1])[::-1]
        dx = 2 * x * dtotal
        return dx

    return y, backward


def test_what_is_filled_in_a_loop_is_followed():
    x = [1.0, -2.0, 3.0]
    _, found = around(running, x=x)
    one = found["x", (1,)]
    # The upstream gradient is (1, −1, 2): what follows x[1] is used by the last two.
    assert one.whole == pytest.approx(2 * -2.0 * (-1 + 2))
    assert [(term.times, term.factor) for term in one.terms] == [(pytest.approx(2), "x[1]")]


def wrong_forward(x, gamma):
    h = np.tanh(x)
    return h * gamma, (h, gamma)


def wrong_backward(dout, cache):
    h, gamma = cache
    dh = dout * gamma
    return dh * (1 - h), (dout * h).sum(axis=0)


def test_of_a_wrong_pair_the_sum_is_the_truth_and_not_what_the_code_says():
    x, gamma = np.array([[0.5, -1.0]]), np.array([2.0, 3.0])
    report = check_pair(wrong_forward, wrong_backward, x, gamma)
    again = report.again
    upstream = np.array([[1.0, -1.0]])
    layer = again.context.layer
    example = of(layer, {"x": x, "gamma": gamma}, upstream, again.check)
    true = example.report["x"].numeric
    assert not example.report.passed
    for index in np.ndindex(x.shape):
        assert example.sums["x", index].whole == pytest.approx(true[index])
        assert abs(example.sums["x", index].whole - example.report["x"].analytic[index]) > 0.1


def test_what_cannot_be_taken_apart_has_no_sums():
    held = {}

    def hidden(x):
        held["x"] = x * 2
        y = held["x"] + 0.0
        return y, lambda dy: 2 * dy

    _, found = around(hidden, x=[1.0, 2.0])
    assert found == {}
