"""Other precisions, byte orders and numbers of axes are judged, or refused in one line that names the argument."""

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


def test_labels_of_another_byte_order_are_labels():
    def picked(x, k):
        def backward(dy):
            dx = np.zeros_like(x)
            dx[np.arange(len(x)), k] = dy
            return dx, None

        return x[np.arange(len(x)), k], backward

    assert check(picked, X, np.array([1, 0, 3], dtype=">i8")).passed


@pytest.mark.skipif(np.lib.NumpyVersion(np.__version__) < "2.0.0", reason="NumPy has 32 axes")
def test_many_axes_are_judged_and_too_many_refused():
    def square(x, factor=2):
        return x**2, lambda dy: factor * x * dy

    x = X.reshape((1,) * 40 + X.shape)
    assert check(square, x).passed
    assert check(lambda x: square(x, 3), x, lines=False).verdict is Verdict.FAIL
    with pytest.raises(ValueError, match=r"input x has 64 axes, expected at most 62"):
        check(square, X[:1, :1].reshape((1,) * 64))


@pytest.mark.parametrize("wrt", [2, -1, 1.5, "x", None])
def test_an_unknown_input_is_named(wrt):
    with pytest.raises(ValueError, match=r"wrt is .*, expected the position of an input: 0, 1"):
        numerical_gradient(np.multiply, [X, X], X, wrt=wrt)


def test_an_upstream_gradient_that_is_not_finite_is_named():
    with pytest.raises(ValueError, match="dy holds NaN or infinite entries"):
        numerical_gradient(np.multiply, [X, X], np.full(X.shape, np.nan))
