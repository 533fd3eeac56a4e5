"""Other precisions, byte orders and numbers of axes are judged, or refused in one line that names the argument."""

from functools import partial

import numpy as np
import pytest

from gradcheck import Verdict, check, numerical_gradient

X = np.random.default_rng(0).normal(size=(3, 4))
WEIGHTS = np.random.default_rng(1).normal(size=(4, 2))


def dense(x, W, factor=1.0):
    return x @ W, lambda dy: (x.dtype.type(factor) * dy @ W.T, x.T @ dy)


@pytest.mark.parametrize("dtype", [">f8", ">f4", "<f8", np.float16, np.longdouble])
def test_every_precision_and_byte_order_is_judged(dtype):
    inputs = X.astype(dtype), WEIGHTS.astype(dtype)
    assert check(dense, *inputs).passed

    def wrong(x, W):
        return dense(x, W, factor=1.25)

    assert check(wrong, *inputs, lines=False)["x"].verdict is Verdict.FAIL


@pytest.mark.parametrize("narrow", [0, 1])
def test_a_gradient_has_the_precision_of_its_input_or_that_of_all(narrow):
    """NumPy computes with both in the wider one, and nobody casts back a parameter's gradient."""
    inputs = [X, WEIGHTS]
    inputs[narrow] = inputs[narrow].astype(np.float32)
    assert check(dense, *inputs).passed

    def cast(x, W):
        y, backward = dense(x, W)
        return y, lambda dy: tuple(d.astype(np.float32) for d in backward(dy))

    (name,) = [row.name for row in check(cast, *inputs).rows if row.findings]
    assert name == "xW"[1 - narrow]


def test_labels_of_another_byte_order_are_labels():
    def picked(x, k):
        def backward(dy):
            dx = np.zeros_like(x)
            dx[np.arange(len(x)), k] = dy
            return dx, None

        return x[np.arange(len(x)), k], backward

    assert check(picked, X, np.array([1, 0, 3], dtype=">i8")).passed


def test_many_axes_are_judged_and_too_many_refused():
    def square(x, factor=2):
        return x**2, lambda dy: factor * x * dy

    x = X.reshape((1,) * 28 + X.shape)
    assert check(square, x).passed
    assert check(lambda x: square(x, 3), x, lines=False).verdict is Verdict.FAIL
    with pytest.raises(ValueError, match=r"input x has 31 axes, expected at most 30"):
        check(square, X[:1, :1].reshape((1,) * 31))


@pytest.mark.parametrize("wrt", [2, -1, 1.5, "x", None])
def test_an_unknown_input_is_named(wrt):
    with pytest.raises(ValueError, match=r"wrt is .*, expected the position of an input: 0, 1"):
        numerical_gradient(np.multiply, [X, X], X, wrt=wrt)


def test_an_upstream_gradient_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match="dy holds NaN or infinite entries"):
        numerical_gradient(np.multiply, [X, X], np.full(X.shape, np.nan))


def cast_at_once(x, W, factor=1.0):
    """A product whose first factor is rounded to float32 on the way, as mixed precision has it."""
    return x.astype(np.float32) @ W, lambda dy: (dy @ W.T, factor * x.T @ dy)


def cast_within(x, W, factor=1.0):
    """The same of a value in between, beside which another path keeps all digits."""
    h = np.tanh(x)

    def backward(dy):
        dh = dy @ W.T + dy.sum(axis=1, keepdims=True)
        return dh * (1 - h * h), factor * h.T @ dy

    return h.astype(np.float32) @ W + h.sum(axis=1, keepdims=True), backward


@pytest.mark.parametrize("layer", [cast_at_once, cast_within])
@pytest.mark.parametrize("seed", range(3))
def test_what_the_forward_pass_rounds_on_the_way_is_judged_to_as_many_digits(layer, seed):
    x = np.random.default_rng(seed).normal(size=X.shape)
    report = check(layer, x, WEIGHTS, seed=seed)
    assert report.passed
    assert report["W"].resolution > 1e-7
    wrong = check(partial(layer, factor=1.001), x, WEIGHTS, seed=seed, lines=False)
    assert wrong["W"].verdict is Verdict.FAIL


def test_what_goes_through_a_half_is_left_open():
    def halved(x, W):
        return x.astype(np.float16).astype(x.dtype) @ W, lambda dy: (dy @ W.T, x.T @ dy)

    assert check(halved, X, WEIGHTS, lines=False).verdict is Verdict.INCONCLUSIVE


def test_a_threshold_beside_the_point_excuses_nobody():
    low, high = np.full(X.shape, -2.0), np.full(X.shape, 2.0)
    low[0, 0], high[0, 0] = X[0, 0] * (1 - 1e-7), X[0, 0] * (1 + 1e-7)

    def gated(x, W):
        open = (x > low) & (x < high)
        return (x * open) @ W, lambda dy: ((dy @ W.T) * open, 1.0000001 * (x * open).T @ dy)

    assert check(gated, X, WEIGHTS, lines=False)["W"].verdict is Verdict.FAIL
