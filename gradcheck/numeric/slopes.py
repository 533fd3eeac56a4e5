"""The slope along one direction through all inputs at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.numeric.forward import Forward
from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.stencil import Stencil
from gradcheck.numeric.variable import Variable
from gradcheck.numeric.walk import Walk
from gradcheck.result import Array


def slope_along(
    forward: Forward, directions: Sequence[Array | None], dy: Array, noise: Array
) -> tuple[float, float]:
    """The derivative of Σ dy·f along a direction, with a bound on its error.

    Args:
        forward: the forward pass at its point.
        directions: for each input an array of its shape, or None for an input that stays.
        dy: upstream gradient, of the shape of f's value.
        noise: the noise of each output. The rounding of x + t·v is that of x, so it is that which
            was measured with all inputs moving.
    """

    def along(t: Array) -> Array:
        forward.evaluations += 1
        moved = [
            x if v is None else x + (t * v).astype(x.dtype)
            for x, v in zip(forward.inputs, directions, strict=True)
        ]
        return forward.raw(*moved)

    start = np.zeros((), dtype=np.result_type(forward.dtype, np.float64))
    t = Variable(Forward(along, [start]), 0)
    dy = np.asarray(dy, dtype=np.float64)
    found = Walk(Stencil(t, Grouping(()), dy, noise, "extrapolated")).through()
    return float(found.value), float(found.bound)
