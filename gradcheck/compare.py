"""Hand-derived beside witnessed: from two arrays and a bound to a row with its verdict."""

from __future__ import annotations

import numpy as np

from gradcheck.numeric import NumericalGradient
from gradcheck.result import Array, Row, Verdict

TINY = float(np.finfo(np.float64).tiny)
COARSEST = 1e-3
"""A bound wider than this part of the gradient could hide an ordinary mistake: nothing is concluded."""


def relative_error(a: Array, b: Array) -> float:
    """‖a − b‖ / max(‖a‖, ‖b‖), 0 for two zeros."""
    difference, size = norm(a - b), max(norm(a), norm(b))
    return 0.0 if difference == 0 else difference / size


def norm(x: Array) -> float:
    """The Euclidean norm of an array of any shape, scaled so that it neither over- nor underflows."""
    largest = float(np.abs(x).max(initial=0.0))
    if largest == 0 or not np.isfinite(largest):
        return largest
    return largest * float(np.sqrt(np.square(x / largest).sum()))


def compare(
    name: str, analytic: Array | None, numeric: NumericalGradient, tape: Array | None
) -> tuple[Row, float]:
    """A row for one gradient, and by how much tied entries together miss what they must add up to.

    Args:
        name: the input's name.
        analytic: the hand-derived gradient; None, or of another shape, fails.
        numeric: the numerical witness.
        tape: the tape's gradient, or None.
    """
    value, bound = numeric.value, numeric.bound
    if analytic is None or analytic.shape != value.shape or analytic.dtype.kind not in "fiu":
        return _incomparable(name, analytic, numeric, tape), 0.0
    hand = analytic.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(hand - value)
        # Below the smallest normal number there are no digits left to compare.
        within = error <= np.maximum(bound, TINY)
        smooth = ~numeric.kinks
        excess = numeric.joint.excess(hand) if numeric.joint is not None else np.zeros(1)
    ties_broken = float(excess.max(initial=0.0))
    tape_error = None
    if tape is not None:
        tape_error = relative_error(hand[smooth], tape[smooth].astype(np.float64))
    resolution = _resolution(hand, numeric)
    row = Row(
        name=name,
        shape=value.shape,
        analytic=analytic,
        numeric=value,
        bound=bound,
        tape=tape,
        relative_error=relative_error(hand[smooth], value[smooth]),
        entry_error=_entry_error(hand, value, bound, smooth),
        tape_error=tape_error,
        resolution=resolution,
        worst=_worst(error, bound, numeric, excess),
        evaluations=numeric.evaluations,
        verdict=_verdict(within, ties_broken, resolution, numeric, hand),
        kinks=numeric.kinks,
    )
    return row, ties_broken


def is_vacuous(row: Row, numeric: NumericalGradient) -> bool:
    """Whether the true gradient is zero here, up to what cancels among the outputs' contributions."""
    return not numeric.kinks.any() and _zero(numeric)


def _verdict(
    within: Array, ties_broken: float, resolution: float, numeric: NumericalGradient, hand: Array
) -> Verdict:
    if not within.all() or ties_broken > 0:
        return Verdict.FAIL
    seen = resolution <= COARSEST or numeric.kinks.all() or _zero(numeric)
    return Verdict.PASS if seen else Verdict.INCONCLUSIVE


def _zero(numeric: NumericalGradient) -> bool:
    """Whether, away from kinks, the gradient is seen to be zero on the scale of what cancels in it."""
    smooth = ~numeric.kinks
    bound, size = norm(numeric.bound[smooth]), norm(numeric.value[smooth])
    return size <= bound <= COARSEST * norm(numeric.absolute_sum) or not numeric.absolute_sum.any()


def _resolution(hand: Array, numeric: NumericalGradient) -> float:
    """The bound relative to the gradient, over the entries that have a derivative."""
    smooth = ~numeric.kinks
    bound, size = norm(numeric.bound[smooth]), norm(numeric.value[smooth])
    if bound == 0:
        return 0.0
    return bound / size if size > 0 else float("inf")


def _entry_error(hand: Array, value: Array, bound: Array, smooth: Array) -> float:
    """The largest |a − n| / max(|a|, |n|) over the entries that the bound resolves."""
    size = np.maximum(np.abs(hand), np.abs(value))
    resolved = smooth & (size > 0) & ~(bound > COARSEST * size)
    if not resolved.any():
        return 0.0
    with np.errstate(invalid="ignore"):
        return float(np.max(np.abs(hand - value)[resolved] / size[resolved]))


def _worst(
    error: Array, bound: Array, numeric: NumericalGradient, excess: Array
) -> tuple[int, ...]:
    """The entry furthest outside its bound, or furthest towards it; among ties, one of those."""
    if error.size == 0:
        return ()
    with np.errstate(divide="ignore", invalid="ignore"):
        strain = np.where(error == 0, 0.0, error / bound)
    if numeric.joint is not None and excess.max(initial=0.0) > 0:
        strain = np.where(numeric.kinks & (excess == excess.max()), np.inf, strain)
    strain = np.where(np.isnan(strain), np.inf, strain)
    # Of several entries that are equally far out, the one with the largest error.
    furthest = strain == strain.max()
    place = np.argmax(np.where(furthest, np.nan_to_num(error, nan=np.inf), -1.0))
    return tuple(int(k) for k in np.unravel_index(int(place), error.shape))


def _incomparable(
    name: str, analytic: Array | None, numeric: NumericalGradient, tape: Array | None
) -> Row:
    missing = np.full(numeric.value.shape, np.nan)
    return Row(
        name=name,
        shape=numeric.value.shape,
        analytic=missing if analytic is None else analytic,
        numeric=numeric.value,
        bound=numeric.bound,
        tape=tape,
        relative_error=float("inf"),
        entry_error=float("inf"),
        tape_error=None if tape is None else float("inf"),
        resolution=_resolution(missing, numeric),
        worst=(),
        evaluations=numeric.evaluations,
        verdict=Verdict.FAIL,
        kinks=numeric.kinks,
    )
