"""The numerical witness as functions: the gradient of one input, the slope along one direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np

from gradcheck.meant import a_kind
from gradcheck.numeric.forward import Forward
from gradcheck.numeric.lifted import is_small, lift
from gradcheck.numeric.slopes import slope_along
from gradcheck.numeric.witness import NumericalWitness
from gradcheck.result import Array


class Estimate(NamedTuple):
    """A derivative and a bound on its error, entry by entry."""

    value: Array
    bound: Array


def numerical_gradient(
    f: Callable[..., Any],
    inputs: Sequence[Array] | Array,
    dy: Array,
    wrt: int = 0,
    method: str = "extrapolated",
    seed: int = 0,
) -> Estimate:
    """The vector-Jacobian product Σ dy·∂f/∂x of one input by differences, with a bound on its error.

    A function of few numbers that follows its inputs into a wider precision is evaluated there.

    Args:
        f: `f(*inputs)` returns an array (a layer's pair of value and way back serves too).
        inputs: arrays of any floating dtype and shapes, or a single one; integer ones are constants.
        dy: the upstream gradient, of the shape of f's value.
        wrt: the position of the input to differentiate.
        method: `extrapolated`, `central`, `forward` or `complex` (the complex step: exact to
            rounding where f accepts complex input).
        seed: for the probes that find which entries can be perturbed together.

    Returns:
        `value, bound`, float64, each of the shape of that input.

    Raises:
        ValueError: for an unknown method or `wrt`, an upstream gradient of another shape or with NaN
            or Inf, a value that is not finite, or a forward pass that does not accept complex input (`complex`).
        TypeError: if f is no function, the input is not of floating dtype, or the upstream gradient is not
            of real numbers.
    """
    if not callable(f):
        raise TypeError(f"f is {a_kind(f)}, expected a function of arrays")
    arrays = _listed(inputs)
    _must_be_a_position(wrt, len(arrays))
    dy = _upstream(dy)
    forward = Forward(f, arrays)
    lifted = None
    if method != "complex" and is_small(forward):
        lifted = lift(forward, np.random.default_rng(seed))
    forward, noise = lifted or (forward, None)
    gradient = NumericalWitness(forward, dy, method, seed, noise).gradient(wrt)
    return Estimate(gradient.value, gradient.bound)


def _listed(inputs: object) -> list[Array]:
    """The inputs as arrays: several, or a single one."""
    if isinstance(inputs, np.ndarray):
        return [inputs]
    if not isinstance(inputs, (list, tuple)):
        raise TypeError(
            f"inputs is {a_kind(inputs)}, expected an array, or a list of them in order"
        )
    return [np.asarray(x) for x in inputs]


def _upstream(dy: object) -> Array:
    """The upstream gradient in float64."""
    given = np.asarray(dy)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"dy is {a_kind(dy)} of dtype {given.dtype}, expected real numbers")
    if not np.isfinite(given).all():
        raise ValueError("dy holds NaN or infinite entries, expected finite ones")
    return given.astype(np.float64)


def _must_be_a_position(wrt: object, count: int) -> None:
    """Raise ValueError unless `wrt` is the position of one of so many inputs."""
    if not isinstance(wrt, Integral) or not 0 <= int(wrt) < count:
        known = ", ".join(map(str, range(count))) or "none"
        raise ValueError(f"wrt is {wrt!r}, expected the position of an input: {known}")


def directional_derivative(
    f: Callable[..., Any],
    inputs: Sequence[Array],
    directions: Sequence[Array | None],
    dy: Array | None = None,
    seed: int = 0,
) -> tuple[float, float]:
    """The derivative of Σ dy·f along one direction through all inputs at once, with a bound.

    Args:
        f: `f(*inputs)` returns an array; dy may be left out for a scalar.
        inputs: arrays.
        directions: for each input an array of its shape, or None for an input that stays.
        dy: upstream gradient, of the shape of f's value.
        seed: for the measurement of rounding noise.

    Returns:
        slope, bound.
    """
    forward = Forward(f, inputs)
    noise = forward.noise(np.random.default_rng(seed))
    return slope_along(forward, directions, np.ones(()) if dy is None else dy, noise)
