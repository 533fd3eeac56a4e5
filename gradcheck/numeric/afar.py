"""What only steps beyond |x| have seen, where rounding hides all nearer ones: whom it may convict.

The slope from end to end of such a step is the mean of the slopes on the way, not the slope at x. It speaks
against a hand-derived gradient that claims one slope all the way; of one that changes on the way it says nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradcheck.numeric.gradient import NumericalGradient
from gradcheck.numeric.margins import AFAR, LOOKS
from gradcheck.result import Array

Entry = tuple[int, ...]
ClaimedAt = Callable[[Entry, float], float]
"""What the backward pass claims of an entry that has moved so many times its scale; nan where it says nothing."""


def left_open(
    numeric: NumericalGradient, claimed: Array, claimed_at: ClaimedAt
) -> NumericalGradient:
    """With what lies outside its bound undecided, where nothing but what is seen from afar speaks against it.

    The furthest few decide: a claim of one slope all the way that is not what was seen is wrong.
    """
    off = np.abs(claimed - numeric.value)
    outside = np.asarray(~(off <= numeric.bound))
    if numeric.steps is None or not outside.any() or not numeric.from_afar[outside].all():
        return numeric
    order = np.argsort(-np.where(outside, off, 0.0), axis=None)[: min(LOOKS, outside.sum())]
    for entry in (
        tuple(map(int, place)) for place in np.array(np.unravel_index(order, off.shape)).T
    ):
        ends = [claimed_at(entry, side * float(numeric.steps[entry])) for side in (-1, 1)]
        if all(abs(end - claimed[entry]) <= AFAR * off[entry] for end in ends):
            return numeric
    return replace(numeric, undecided=numeric.undecided | outside)
