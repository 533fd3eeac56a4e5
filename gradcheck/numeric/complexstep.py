"""The complex step: a derivative exact to rounding, for forward passes that accept complex input."""

from __future__ import annotations

import numpy as np

from gradcheck.numeric.forward import Forward
from gradcheck.numeric.margins import COMPLEX_AGREES, COMPLEX_ROUNDING, COMPLEX_STEP, EPSILON
from gradcheck.numeric.slopes import slope_along
from gradcheck.numeric.variable import Variable
from gradcheck.result import Array

REFUSED = "method='complex' needs a forward pass that accepts complex input: "


def complex_step(
    variable: Variable, dy: Array, noise: Array, seed: int
) -> tuple[Array, Array, Array]:
    """Σ dy·Im f(x + ih)/h for every entry, h so small that h² vanishes beside 1.

    Squire and Trapp, Using complex variables to estimate derivatives of real functions, 1998. The
    error is rounding alone: a few ε of every term of the sum. One evaluation an entry.

    Args:
        variable: the input.
        dy: upstream gradient.
        noise: the noise of each output, for differences along a line that must agree.
        seed: draws that line.

    Returns:
        value, bound and the gradient with nothing cancelling, each of the input's shape.

    Raises:
        ValueError: if f rejects complex input, returns a real array, or is not analytic.
    """
    x = variable.array
    value, absolute_sum = np.zeros(x.shape), np.zeros(x.shape)
    inputs = list(variable.forward.inputs)
    inputs[variable.position] = x.astype(np.complex128)
    for entry in np.ndindex(x.shape):
        h = COMPLEX_STEP * max(abs(float(x[entry])), 1e-6)
        inputs[variable.position][entry] += 1j * h
        terms = dy * _imaginary(variable.forward, inputs) / h
        value[entry], absolute_sum[entry] = terms.sum(), np.abs(terms).sum()
        inputs[variable.position][entry] = x[entry]
    _must_be_analytic(variable, value, dy, noise, seed)
    # Rounding inside f grows with what it adds up; its own measure of that is the noise.
    bound = COMPLEX_ROUNDING * EPSILON * (absolute_sum + np.abs(value))
    return value, bound, absolute_sum


def _imaginary(forward: Forward, inputs: list[Array]) -> Array:
    forward.evaluations += 1
    try:
        value = forward.raw(*inputs)
    except (TypeError, ValueError, NotImplementedError) as error:
        raise ValueError(f"{REFUSED}{type(error).__name__}: {error}") from error
    if not np.iscomplexobj(value):
        raise ValueError(f"{REFUSED}this one returns dtype {value.dtype}")
    return np.asarray(value.imag)


def _must_be_analytic(variable: Variable, value: Array, dy: Array, noise: Array, seed: int) -> None:
    """Raise unless the complex step's slope along a line is that of differences.

    An f that is not analytic (abs, max or a cast inside) drops part of the imaginary part silently.
    """
    rng = np.random.default_rng((seed, variable.position))
    direction = rng.choice([-1.0, 1.0], variable.shape) * variable.scale
    directions: list[Array | None] = [None] * len(variable.forward.inputs)
    directions[variable.position] = direction
    slope, doubt = slope_along(variable.forward, directions, dy, noise)
    claimed = float((direction * value).sum())
    if not abs(claimed - slope) <= 2 * doubt + COMPLEX_AGREES * abs(slope):
        raise ValueError(
            f"{REFUSED}here Im f(x + ih)/h gives {claimed:.6g} where differences give {slope:.6g}, "
            "so f is not analytic (abs, max or a cast in it?)"
        )
