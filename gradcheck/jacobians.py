"""A derivative as a way back: dy times df(x), whichever kind of derivative its shape says that it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.entries import every_entry
from gradcheck.layer import Backward, Layer, Misuse
from gradcheck.result import Array


def derivative_layer(f: Callable[[Array], Any], df: Callable[[Array], Any]) -> Layer:
    """A layer whose way back multiplies with a derivative, whichever kind its shape says it is."""

    def layer(x: Array) -> tuple[Any, Backward]:
        y = np.asarray(every_entry(f(x)))

        def backward(dy: Array) -> Array:
            derivative = _array_of(df(x))
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


def jacobian_layer(shape: tuple[int, ...]) -> Callable[..., Layer]:
    """Each of f's outputs, `shape` of them, at a point of its own.

    With respect to its own point x_k the gradient of output k is row k of the Jacobian.
    """
    rows = list(np.ndindex(shape))

    def made(f: Callable[[Array], Any], df: Callable[[Array], Any]) -> Layer:
        def layer(points: Array) -> tuple[Any, Backward]:
            y = np.array([np.asarray(every_entry(f(points[k])))[k] for k in rows]).reshape(shape)

            def backward(dy: Array) -> Array:
                jacobian = np.array([_array_of(df(points[k]))[k] for k in rows])
                weights = dy.reshape(dy.shape + (1,) * (points.ndim - dy.ndim))
                return np.asarray(weights * jacobian.reshape(points.shape))

            return y, backward

        return layer

    return made


def _array_of(derivative: Any) -> Array:
    if derivative is None:
        raise Misuse("df(x) returned None: is its `return` forgotten?")
    return np.asarray(every_entry(derivative))


def _derivative_shapes(x: Array, y: Array) -> list[tuple[int, ...]]:
    jacobian = y.shape + x.shape
    return [x.shape, jacobian] if y.shape == x.shape and x.shape else [jacobian]
