"""Lifted precision: the same forward pass at the same point, where rounding is thousands of times less.

Inputs are lifted exactly, float32 (or float16) to float64, float64 to the platform's long double where
that is wider. If the forward pass follows them there, and says the same at the point up to the rounding
of its own precision, then differences there are a second witness, whose noise is that of more digits.
"""

from __future__ import annotations

import numpy as np

from gradcheck.numeric.forward import Forward
from gradcheck.numeric.margins import LIFTED_AT_ONCE, SAME_FUNCTION
from gradcheck.result import Array


def wider(dtype: np.dtype[np.floating]) -> np.dtype[np.floating] | None:
    """The next wider floating dtype that really has more digits, or None."""
    for candidate in (np.dtype(np.float64), np.dtype(np.longdouble)):
        if np.finfo(candidate).eps < np.finfo(dtype).eps:
            return candidate
    return None


def lift(forward: Forward, rng: np.random.Generator) -> tuple[Forward, Array] | None:
    """The forward pass at the same point in the next wider precision, or None if it does not follow.

    Args:
        forward: the forward pass in its own precision.
        rng: for the measurement of noise.

    Returns:
        The lifted forward pass and the noise of its outputs.
    """
    dtypes = [forward.inputs[p].dtype for p in forward.movable]
    target = wider(max(dtypes, key=lambda dtype: np.finfo(dtype).eps)) if dtypes else None
    if target is None:
        return None
    inputs = [_lifted(x, target) for x in forward.inputs]
    try:
        there = Forward(forward.f, inputs, careful=forward.careful, movable=forward.movable)
    except Exception:
        # Whatever it is that the layer cannot do with these numbers, it does not follow.
        return None
    if there.coarsest_epsilon() > np.finfo(target).eps or there.value.shape != forward.value.shape:
        return None
    noise = there.noise(rng)
    # The same arithmetic rounds by as many ulps in either precision.
    ulps = forward.coarsest_epsilon() / there.coarsest_epsilon()
    # Below the smallest normal number of the narrower precision nothing is left to compare.
    allowed = SAME_FUNCTION * ulps * noise + np.finfo(forward.dtype).tiny
    same = np.abs(there.value - forward.value) <= allowed
    return (there, noise) if same.all() else None


def is_small(forward: Forward) -> bool:
    """Whether wider numbers, for which there are no vector instructions, cost little here."""
    return max(x.size for x in (*forward.inputs, forward.value)) <= LIFTED_AT_ONCE


def _lifted(x: Array, target: np.dtype[np.floating]) -> Array:
    narrow = x.dtype.kind == "f" and np.finfo(x.dtype).eps > np.finfo(target).eps
    return x.astype(target) if narrow else x
