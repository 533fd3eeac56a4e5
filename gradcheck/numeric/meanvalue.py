"""Where no slope is seen but the mean of the slopes on the way: whom that may convict.

A difference over a step is the mean of the slopes between its ends, and by the mean value theorem one of them
is as large. Where rounding hides all shorter steps this is all that is known: it speaks against a hand-derived
gradient whose claims on the way all lie to one side of it, and against no other. And a function that is straight
but for swings too small to be seen has a slope of its own at each point, though the mean is seen to many digits:
a gradient that swings about that mean by as much as it is off may be right.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradcheck.numeric.gradient import NumericalGradient
from gradcheck.numeric.margins import CAUTION, LOOKS, ON_THE_WAY
from gradcheck.result import Array

Entry = tuple[int, ...]
ClaimedAt = Callable[[Entry, Array], Array]
"""What the backward pass claims of an entry that has moved so many times its scale, by as many as are given; nan
where it says nothing."""


def left_open(
    numeric: NumericalGradient, claimed: Array, claimed_at: ClaimedAt, *, noisy: bool
) -> NumericalGradient:
    """With what lies outside its bound undecided, where a mean alone speaks against it, and is met on the way.

    The furthest few decide. Only of a `noisy` function, whose outputs are seen to move by more than they are
    rounded, a gradient may swing: of any other it is the way back that rounds.
    """
    off = np.abs(claimed - numeric.value)
    outside = np.asarray(~(off <= numeric.bound))
    if numeric.steps is None or not outside.any() or np.any(numeric.kinks[outside]):
        return numeric
    only_mean = bool(np.all(numeric.seen_as_mean[outside]))
    if not (only_mean or noisy):
        return numeric
    is_met = _is_passed if only_mean else _is_swung_about
    order = np.argsort(-np.where(outside, off, 0.0), axis=None)[: min(LOOKS, outside.sum())]
    for place in order.tolist():
        entry = tuple(int(k) for k in np.unravel_index(place, off.shape))
        steps = np.array(ON_THE_WAY) * float(numeric.steps[entry])
        apart = claimed_at(entry, steps) - numeric.value[entry]
        if not is_met(apart, claimed[entry] - numeric.value[entry], numeric.bound[entry]):
            return numeric
    return replace(numeric, undecided=numeric.undecided | outside, met_on_the_way=outside)


def _is_passed(apart: Array, here: float, bound: float) -> bool:
    """Whether claims lie to both sides of what is seen, or are as large."""
    return not bool((np.sign(here) * apart > bound).all())


def _is_swung_about(apart: Array, here: float, bound: float) -> bool:
    """Whether claims scatter about a parabola that is what is seen, the claim here as one of them."""
    if not np.isfinite(apart).all():
        return False
    powers = np.array(ON_THE_WAY)[:, None] ** np.arange(3)
    fit, *_ = np.linalg.lstsq(powers, apart)
    scatter = float(np.sqrt(np.square(apart - powers @ fit).sum() / (len(apart) - len(fit))))
    # The middle of a parabola is known 3/2 times as well as the mean of as many.
    middle = CAUTION * scatter * 1.5 / len(apart) ** 0.5
    return abs(here) <= CAUTION * scatter and abs(float(fit[0])) <= bound + middle
