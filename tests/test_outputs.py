"""A layer with several outputs: each entry of each is judged, whatever their shapes, and lines are read."""

from functools import partial
from typing import NamedTuple

import numpy as np
import pytest

from gradcheck import check, check_pair, conformance

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(3, 4)), RNG.normal(size=(4, 4))


def alike(x, W, *, slip=1):
    z = x @ W
    y = np.tanh(z)

    def backward(dy):
        dfirst, dsecond = dy
        dz = dfirst + slip * dsecond * (1 - y * y)
        return dz @ W.T, x.T @ dz

    return (z, y), backward


def one_by_one(x, W, *, slip=1):
    (z, y), backward = alike(x, W, slip=slip)
    return (z, y), lambda dz, dy: backward((dz, dy))


def of_other_shapes(x, W, *, slip=1):
    z = x @ W
    loss = 0.5 * (z * z).sum()

    def backward(dy):
        dz = dy[0] + slip * dy[1] * z
        return dz @ W.T, x.T @ dz

    return (z, loss), backward


def by_name(x, W, *, slip=1):
    z = x @ W

    def backward(dy):
        assert list(dy) == ["value", "mean"]
        dz = dy["value"] + slip * dy["mean"] / z.size
        return dz @ W.T, x.T @ dz

    return {"value": z, "mean": z.mean()}, backward


class Pooled(NamedTuple):
    value: np.ndarray
    places: np.ndarray


def with_places(x, W, *, slip=1):
    z = x @ W

    def backward(dy):
        assert dy.places is None
        dz = 2 * slip * z * dy.value
        return dz @ W.T, x.T @ dz

    return Pooled(z * z, z.argmax(axis=1)), backward


LAYERS = [alike, one_by_one, of_other_shapes, by_name, with_places]


@pytest.mark.parametrize("layer", LAYERS)
def test_several_outputs_are_judged_as_one(layer):
    assert check(layer, X, W).passed
    assert check(layer, X, W=W, wrt="W").passed
    wrong = check(partial(layer, slip=3), X, W)
    assert [str(row.verdict) for row in wrong.rows] == ["FAIL", "FAIL"]


def test_each_output_has_an_upstream_gradient_of_its_own():
    """Stacked along a new axis, one array would have come, and `dy * …` would have been right by chance."""

    def layer(x):
        def backward(dy):
            assert isinstance(dy, tuple)
            first, second = dy
            return 2 * first + 3 * second

        return (2 * x, 3 * x), backward

    assert check(layer, X).passed


def test_the_wrong_line_is_found_and_mended():
    def layer(x, W):
        z = x @ W
        y = np.tanh(z)

        def backward(dz, dy):
            total = dz + dy * (1 + y * y)
            dx = total @ W.T
            dW = x.T @ total
            return dx, dW

        return (z, y), backward

    report = check(layer, X, W)
    assert report.by_line.first_wrong.evidence["source"].strip() == "total = dz + dy * (1 + y * y)"
    assert "1 - y * y" in report.repair.after
    assert report.smallest().report.verdict == report.verdict


def test_a_list_is_an_array_written_out_unless_its_items_have_several_shapes():
    rows = check(
        lambda x: ([2 * x, 3 * x], lambda dy: (dy * np.array([2, 3])[:, None]).sum(0)), X[0]
    )
    ragged = check(lambda x: ([2 * x, x.sum()], lambda dy: 2 * dy[0] + dy[1]), X)
    assert rows.passed and ragged.passed


def test_an_input_left_at_its_default_is_no_input_here_either():
    def layer(x, scale=2.0):
        return (scale * x, x), lambda dy: scale * dy[0] + dy[1]

    assert [row.name for row in check(layer, X)] == ["x"]


BOTH = {
    "any number": lambda x, k: lambda *dy: 2 * x * dy[0] + k * dy[1],
    "one and the rest": lambda x, k: lambda dy, *rest: 2 * x * dy + k * rest[0],
    "none by default": lambda x, k: lambda dy, dz=None: 2 * x * dy + (0 if dz is None else k * dz),
    "an option": lambda x, k: lambda dy, scale=2: scale * x * dy[0] + k * dy[1],
}


@pytest.mark.parametrize("taken", BOTH)
@pytest.mark.parametrize("second", [np.sum, lambda x: 1 * x])
def test_upstream_gradients_are_taken_in_many_ways(taken, second):
    def layer(x, k):
        return (x * x, second(x)), BOTH[taken](x, k)

    assert check(partial(layer, k=1), X).passed
    assert str(check(partial(layer, k=2), X).verdict) == "FAIL"


@pytest.mark.parametrize("slip", [1, 2])
def test_outputs_that_a_pair_keeps_apart_from_its_cache_may_be_taken_one_by_one(slip):
    def forward(x):
        return (x * x, x.sum()), x

    def backward(dy, dtotal, cache):
        return slip * 2 * cache * dy + dtotal

    assert check_pair(forward, backward, X).passed == (slip == 1)


@pytest.mark.parametrize("slip", [1, 2])
def test_an_output_in_float32_beside_one_in_float64_is_no_mistake(slip):
    """Read as float64, what was rounded is a staircase, and its slopes are anything."""

    def layer(x):
        return (x * x, x.astype(np.float32)), lambda dy, dz: 2 * slip * x * dy + dz

    report = check(layer, X)
    assert report.passed == (slip == 1)
    assert "low-precision" in [one.code for one in report.findings]


def test_outputs_without_entries_teach_nothing():
    def layer(x):
        return (np.zeros((0, 3)), np.zeros(0)), lambda dy, dz: 0 * x

    assert str(check(layer, X).verdict) == "INCONCLUSIVE"


def test_a_number_among_the_outputs_may_be_complex():
    assert check(of_other_shapes, X, W, method="complex").passed


@pytest.mark.parametrize("layer", [alike, one_by_one])
def test_what_a_layer_must_stand_it_stands_with_several_outputs(layer):
    checks = {each.__name__: each for each in conformance(layer, [X, W])}
    assert {"numbers", "float32", "batch_of_one", "empty_batch"} <= set(checks)
    for name in ("numbers", "repeated_calls", "batch_of_one"):
        checks[name]()
    wrong = {each.__name__: each for each in conformance(partial(layer, slip=3), [X, W])}
    with pytest.raises(AssertionError):
        wrong["numbers"]()
