"""A function with its derivative beside it: the gradient of a scalar, an elementwise derivative, or a Jacobian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.binding import array_of, input_names
from gradcheck.check import check
from gradcheck.exits import staying
from gradcheck.jacobians import derivative_layer, jacobian_layer
from gradcheck.layer import Adapted, Layer, name_of
from gradcheck.meant import must_be_functions
from gradcheck.result import Array, Report

MOST = 256
"""Outputs up to which a Jacobian is compared entry by entry; it takes an evaluation of f for each of them."""


@staying
def check_derivative(
    f: Callable[[Array], Any], df: Callable[[Array], Any], x: Any, **options: Any
) -> Report:
    """Check a derivative: the gradient of a scalar f, or that of an elementwise f, or a Jacobian.

        check_derivative(np.sin, np.cos, x)
        check_derivative(rosenbrock, rosenbrock_gradient, x)
        check_derivative(rosenbrock_gradient, rosenbrock_hessian, x)     second order by the same idea

    The numbers in the report are the entries of `df(x)`, whatever kind of derivative it is.

    Args:
        f: `f(x)` returns a scalar or an array.
        df: `df(x)` of x's shape (scalar f; elementwise f), or of shape `y.shape + x.shape`.
        x: a float, or a float array of any shape.
        **options: as for `check`.

    Raises:
        ValueError: if `df(x)` has a shape that is none of these.
    """
    must_be_functions("check_derivative(f, df, x)", f=f, df=df)
    array_of("x", x)
    names = tuple(input_names(f, 1)[:1])
    asked = {"upstream", "twin"} & options.keys() or np.asarray(x).dtype.kind != "f"
    one_by_one = None if asked else _entry_by_entry(f, df, np.asarray(x), options)
    way, point, options = one_by_one or (derivative_layer, x, options)
    # Only where the rows hold what df returns do its lines say what is wrong with them.
    read = None if one_by_one is None else df
    layer = Adapted(
        name_of(f), names, f, read, lambda f, d: way(f, d or df), (), ((),), chained=False
    )
    return check(layer, point, **options)


def _entry_by_entry(
    f: Callable[[Array], Any], df: Callable[[Array], Any], x: Array, options: dict[str, Any]
) -> tuple[Callable[..., Layer], Array, dict[str, Any]] | None:
    """How to ask so that the answer is the entries of the derivative, not sums of them; None if one cannot."""
    y = np.asarray(f(x.copy()))
    shape = np.shape(df(x.copy()))
    if y.ndim == 0 and shape == x.shape:
        return derivative_layer, x, options
    ones = {**options, "upstream": np.ones(y.shape)}
    if shape == x.shape == y.shape and _is_elementwise(f, x, y):
        return derivative_layer, x, ones
    if y.ndim and shape == y.shape + x.shape and y.size <= MOST:
        return jacobian_layer(y.shape), np.broadcast_to(x, y.shape + x.shape).copy(), ones
    return None


def _is_elementwise(f: Callable[[Array], Any], x: Array, y: Array) -> bool:
    """Whether moving half of the entries leaves the outputs of the others as they are."""
    half = np.random.default_rng(0).random(x.shape) < 0.5
    near = np.where(half, x * (1 + 1e-3) + 1e-6, x).astype(x.dtype)
    return bool(np.array_equal(np.asarray(f(near))[~half], y[~half]))
