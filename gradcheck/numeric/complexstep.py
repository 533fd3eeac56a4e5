"""The complex step: a derivative exact to rounding, for forward passes that accept complex input."""

from __future__ import annotations

import numpy as np

from gradcheck.numeric.forward import Forward
from gradcheck.result import Array

REFUSED = "method='complex' needs a forward pass that accepts complex input: "


def complex_step(forward: Forward, position: int, dy: Array) -> tuple[Array, Array, Array]:
    """Σ dy·Im f(x + ih)/h for every entry, h so small that h² vanishes beside 1.

    Squire and Trapp, Using complex variables to estimate derivatives of real functions, 1998. The
    error is rounding alone: a few ε of every term of the sum. One evaluation an entry.

    Returns:
        value, bound and the gradient with nothing cancelling, each of the input's shape.

    Raises:
        ValueError: if f rejects complex input or returns a real array.
    """
    x = forward.inputs[position]
    value, absolute_sum = np.zeros(x.shape), np.zeros(x.shape)
    inputs = list(forward.inputs)
    inputs[position] = x.astype(np.complex128)
    for entry in np.ndindex(x.shape):
        h = 1e-30 * max(abs(float(x[entry])), 1e-6)
        inputs[position][entry] += 1j * h
        terms = dy * _imaginary(forward, inputs) / h
        value[entry], absolute_sum[entry] = terms.sum(), np.abs(terms).sum()
        inputs[position][entry] = x[entry]
    # Rounding inside f grows with what it adds up; its own measure of that is the noise.
    bound = 64 * np.finfo(np.float64).eps * (absolute_sum + np.abs(value))
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


def must_agree(claimed: float, slope: float, doubt: float) -> None:
    """Raise unless the complex step's slope along a line is that of differences.

    An f that is not analytic (abs, max or a cast inside) drops part of the imaginary part silently.
    """
    if not abs(claimed - slope) <= 2 * doubt + 1e-6 * abs(slope):
        raise ValueError(
            f"{REFUSED}here Im f(x + ih)/h gives {claimed:.6g} where differences give {slope:.6g}, "
            "so f is not analytic (abs, max or a cast in it?)"
        )
