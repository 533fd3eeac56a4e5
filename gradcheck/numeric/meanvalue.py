"""Where no slope is seen but the mean of the slopes on the way: whom that may convict.

A difference over a step is the mean of the slopes between its ends, and by the mean value theorem one of them
is as large. Where rounding hides all shorter steps this is all that is known: it speaks against a hand-derived
gradient whose claims on the way all lie to one side of it, and against no other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradcheck.numeric.gradient import NumericalGradient
from gradcheck.numeric.margins import LOOKS, ON_THE_WAY
from gradcheck.result import Array

Entry = tuple[int, ...]
ClaimedAt = Callable[[Entry, float], float]
"""What the backward pass claims of an entry that has moved so many times its scale; nan where it says nothing."""


def left_open(
    numeric: NumericalGradient, claimed: Array, claimed_at: ClaimedAt
) -> NumericalGradient:
    """With what lies outside its bound undecided, where a mean alone speaks against it, and is met on the way.

    The furthest few decide.
    """
    off = np.abs(claimed - numeric.value)
    outside = np.asarray(~(off <= numeric.bound))
    if numeric.steps is None or not outside.any() or not numeric.seen_as_mean[outside].all():
        return numeric
    order = np.argsort(-np.where(outside, off, 0.0), axis=None)[: min(LOOKS, outside.sum())]
    for entry in (
        tuple(map(int, place)) for place in np.array(np.unravel_index(order, off.shape)).T
    ):
        step, side = float(numeric.steps[entry]), np.sign(claimed[entry] - numeric.value[entry])
        claims = np.array([claimed_at(entry, place * step) for place in ON_THE_WAY])
        if (side * (claims - numeric.value[entry]) > numeric.bound[entry]).all():
            return numeric
    return replace(numeric, undecided=numeric.undecided | outside)
