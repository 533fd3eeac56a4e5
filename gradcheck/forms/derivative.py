"""A function with its derivative beside it: the gradient of a scalar, an elementwise derivative, or a Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.check import check
from gradcheck.layer import Adapted, Backward, Layer, Misuse, input_names, name_of
from gradcheck.result import Array, Report


def check_derivative(
    f: Callable[[Array], Any], df: Callable[[Array], Any], x: Any, **options: Any
) -> Report:
    """Check a derivative: the gradient of a scalar f, or that of an elementwise f, or a Jacobian.

    Args:
        f: `f(x)` returns a scalar or an array.
        df: `df(x)` of x's shape (scalar f; elementwise f), or of shape `y.shape + x.shape`.
        x: a float, or a float array of any shape.
        **options: as for `check`.

    Raises:
        ValueError: if `df(x)` has a shape that is none of these.
    """
    names = tuple(input_names(f, 1)[:1])
    layer = Adapted(name_of(f), names, f, None, lambda f, _: derivative_layer(f, df))
    return check(layer, x, **options)


def derivative_layer(f: Callable[[Array], Any], df: Callable[[Array], Any]) -> Layer:
    """A layer whose way back multiplies with a derivative, whichever kind its shape says it is."""

    def layer(x: Array) -> tuple[Any, Backward]:
        y = np.asarray(f(x))

        def backward(dy: Array) -> Array:
            derivative = np.asarray(df(x))
            if derivative.shape == x.shape and y.shape in ((), x.shape):
                return np.asarray(dy * derivative)
            if derivative.shape == y.shape + x.shape:
                return np.asarray(np.tensordot(dy, derivative, axes=y.ndim))
            raise Misuse(
                f"df(x) has shape {derivative.shape}; for f(x) of shape {y.shape} expected "
                f"{' or '.join(str(s) for s in _derivative_shapes(x, y))}"
            )

        return y, backward

    return layer


def _derivative_shapes(x: Array, y: Array) -> list[tuple[int, ...]]:
    jacobian = y.shape + x.shape
    return [x.shape, jacobian] if y.shape == x.shape and x.shape else [jacobian]
