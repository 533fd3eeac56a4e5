"""Hand-derived beside witnessed: from two arrays and a bound to a row with its verdict.

Every question "are these equal?" is asked here, in one way: `agrees`, entry by entry. A row is made
here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeGuard

import numpy as np

from gradcheck.numeric import Grouping, Joint, NumericalGradient
from gradcheck.result import Array, Finding, Row, Verdict, fault

TINY = float(np.finfo(np.float64).tiny)
"""Below the smallest normal number there are no digits left to compare."""
ROUND_OFF = 16.0
"""ε times this, of the sum of absolute contributions, is what a hand-derived pass may lose in its own
precision: each product and each partial sum rounds once, and a sum of n terms of one sign that is taken
in order loses ε·√(n/12) of it, so that this is enough for three thousand of them."""
COARSEST = 1e-3
"""A bound wider than this part of the gradient could hide an ordinary mistake: nothing is concluded."""


def agrees(a: Array, b: Array, bound: Array | float) -> Array:
    """Where a and b are equal, entry by entry, up to a bound; NaN agrees with nothing."""
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray(np.abs(a - b) <= np.maximum(bound, TINY))


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

    A hand-derived gradient that is None, or of another shape, fails.
    """
    if not _is_comparable(analytic, numeric):
        missing = np.full(numeric.value.shape, np.nan)
        return row_of(name, missing if analytic is None else analytic, numeric, tape), 0.0
    rounding = _rounding_of(analytic, numeric)
    numeric = replace(numeric, bound=numeric.bound + rounding)
    hand, smooth = analytic.astype(np.float64), ~numeric.kinks
    within = agrees(hand, numeric.value, numeric.bound)
    excess = _excess(hand, numeric.joint, rounding)
    ties_broken = float(excess.max(initial=0.0))
    row = row_of(
        name,
        analytic,
        numeric,
        tape,
        _verdict(within, ties_broken <= 0, hand, numeric),
        relative=relative_error(hand[smooth], numeric.value[smooth]),
        largest=_entry_error(hand, numeric, smooth),
        to_tape=None if tape is None else relative_error(hand[smooth], tape[smooth]),
        resolution=_resolution(numeric, numeric.felt(hand)),
        worst=_worst(hand, numeric, excess),
    )
    return row, ties_broken


def row_of(
    name: str,
    analytic: Array,
    numeric: NumericalGradient,
    tape: Array | None,
    verdict: Verdict = Verdict.FAIL,
    *,
    relative: float = np.inf,
    largest: float = np.inf,
    to_tape: float | None = np.inf,
    resolution: float | None = None,
    worst: tuple[int, ...] = (),
    findings: Sequence[Finding] = (),
) -> Row:
    """A row. What is left out is what holds of numbers that cannot be compared.

    The relative error is that of the whole, the largest that of the worst entry; the resolution is that of
    the witness by default.
    """
    return Row(
        name=name,
        shape=numeric.value.shape,
        analytic=analytic,
        numeric=numeric.value,
        bound=numeric.bound,
        tape=tape,
        relative_error=float(relative),
        entry_error=float(largest),
        tape_error=None if tape is None else to_tape,
        resolution=_resolution(numeric) if resolution is None else resolution,
        worst=worst,
        evaluations=numeric.evaluations,
        verdict=verdict,
        findings=tuple(findings),
        kinks=numeric.kinks,
        step=_step(numeric),
    )


def _step(numeric: NumericalGradient) -> float | None:
    """The usual step of the differences, where any were taken."""
    if numeric.steps is None or not numeric.steps.size:
        return None
    return float(np.median(numeric.steps))


def unseen(shape: tuple[int, ...]) -> NumericalGradient:
    """What is known of single entries: nothing, unless a search ends at one."""
    return NumericalGradient(
        value=np.full(shape, np.nan),
        bound=np.full(shape, np.inf),
        kinks=np.zeros(shape, dtype=bool),
        absolute_sum=np.zeros(shape),
        grouping=Grouping(shape),
        evaluations=0,
    )


def not_finite(what: str, value: Array, beside: Array | None = None) -> Finding:
    """The finding that `what` is NaN or Inf somewhere, with what the witness sees there if it looked."""
    place = tuple(int(k) for k in np.argwhere(~np.isfinite(value))[0])
    seen = "" if beside is None else f", where the numerical witness sees {beside[place]:.6g}"
    return fault(
        "not-finite", f"{what} is {value[place]} at {list(place)}{seen}.", {"index": list(place)}
    )


def is_vacuous(numeric: NumericalGradient) -> bool:
    """Whether the true gradient is zero here, up to what cancels among the outputs' contributions."""
    return not numeric.kinks.any() and _zero(numeric)


def _is_comparable(analytic: Array | None, numeric: NumericalGradient) -> TypeGuard[Array]:
    """Whether there are numbers of the right shape to lay beside the numerical witness."""
    if analytic is None or analytic.shape != numeric.value.shape:
        return False
    return analytic.dtype.kind in "fiu"


def _rounding_of(analytic: Array, numeric: NumericalGradient) -> Array:
    """What the hand-derived side may lose, as both sides round: it does so in its own precision."""
    return np.asarray(ROUND_OFF * _epsilon(analytic) * numeric.absolute_sum)


def _epsilon(analytic: Array) -> float:
    return float(np.finfo(analytic.dtype).eps) if analytic.dtype.kind == "f" else 0.0


def _excess(hand: Array, joint: Joint | None, rounding: Array) -> Array:
    """By how much tied entries miss what they must add up to, beyond their rounding."""
    if joint is None:
        return np.zeros(1)
    with np.errstate(invalid="ignore"):
        return joint.excess(hand) - joint.claimed_at_most(rounding)


def _verdict(within: Array, ties_kept: bool, hand: Array, numeric: NumericalGradient) -> Verdict:
    if not ties_kept:
        return Verdict.FAIL
    if within.all():
        return Verdict.PASS if _is_seen(hand, numeric) else Verdict.INCONCLUSIVE
    unclear = _drowned(hand, numeric) or (within | numeric.undecided).all()
    return Verdict.INCONCLUSIVE if unclear else Verdict.FAIL


def _is_seen(hand: Array, numeric: NumericalGradient) -> bool:
    """Whether the bound is so narrow that agreement says something."""
    if _resolution(numeric, numeric.felt(hand)) <= COARSEST or numeric.kinks.all():
        return True
    return _zero_in_both(hand, numeric)


def _drowned(hand: Array, numeric: NumericalGradient) -> bool:
    """Whether noise is larger than the gradient, and most entries are lost in it.

    There the function varies within the shortest steps, and the few entries that seem to be resolved
    have met a quiet place: they convict nobody, unless the claim is far beyond all noise. Where no output
    moves at all nothing is: this may be a stair, with a slope that only long steps see.
    """
    smooth = ~numeric.kinks
    value, bound = numeric.value[smooth], numeric.bound[smooth]
    lost = bound > COARSEST * np.abs(numeric.value).max(initial=0.0)
    if not (lost.size and lost.mean() > 0.5 and norm(bound) > norm(value)):
        return False
    beyond_noise = COARSEST * norm(hand[smooth] - value) > norm(bound)
    return not (beyond_noise and numeric.absolute_sum.any())


def _zero(numeric: NumericalGradient) -> bool:
    """Whether, away from kinks, the gradient is seen to be zero."""
    return _cancels(numeric) or _stands_still(numeric) or not numeric.absolute_sum.any()


def _zero_in_both(hand: Array, numeric: NumericalGradient) -> bool:
    """Whether the gradient is seen to be zero, and was derived to be.

    Where no output moves a zero is seen, and anything else may be too small to move them, unless they move
    not far from here.
    """
    if _cancels(numeric) or not (numeric.absolute_sum.any() or hand.any()):
        return True
    negligible = norm(hand[~numeric.kinks]) <= COARSEST * norm(numeric.bound[~numeric.kinks])
    return negligible and _stands_still(numeric)


def _cancels(numeric: NumericalGradient) -> bool:
    """Whether a zero is seen on the scale of what cancels in it."""
    return _is_below(numeric, norm(numeric.absolute_sum))


def _stands_still(numeric: NumericalGradient) -> bool:
    """Whether a zero is seen on the scale of the slopes that are met not far from here."""
    return _is_below(numeric, norm(np.asarray(numeric.surroundings)))


def _is_below(numeric: NumericalGradient, scale: float) -> bool:
    """Whether nothing is seen of a gradient, though far less than this would be."""
    smooth = ~numeric.kinks
    bound, size = norm(numeric.bound[smooth]), norm(numeric.value[smooth])
    return size <= bound <= COARSEST * scale


def _resolution(numeric: NumericalGradient, felt: Array | bool = True) -> float:
    """The bound relative to the gradient, over the entries that have a derivative and are felt."""
    smooth = ~numeric.kinks & felt
    bound, size = norm(numeric.bound[smooth]), norm(numeric.value[smooth])
    if bound == 0:
        return 0.0
    return bound / size if size > 0 else float("inf")


def _entry_error(hand: Array, numeric: NumericalGradient, smooth: Array) -> float:
    """The largest |a − n| / max(|a|, |n|) over the entries that the bound resolves."""
    size = np.maximum(np.abs(hand), np.abs(numeric.value))
    resolved = smooth & (size > 0) & ~(numeric.bound > COARSEST * size)
    with np.errstate(invalid="ignore"):
        errors = np.abs(hand - numeric.value)[resolved] / size[resolved]
    return float(errors.max(initial=0.0))


def _worst(hand: Array, numeric: NumericalGradient, excess: Array) -> tuple[int, ...]:
    """The entry furthest outside its bound, or furthest towards it; among ties, one of those."""
    if hand.size == 0:
        return ()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        error = np.abs(hand - numeric.value)
        strain = np.where(error == 0, 0.0, error / numeric.bound)
    if numeric.joint is not None and excess.max(initial=0.0) > 0:
        strain = np.where(numeric.kinks & (excess == excess.max()), np.inf, strain)
    strain = np.where(np.isnan(strain), np.inf, strain)
    # Of several entries that are equally far out, the one with the largest error.
    furthest = strain == strain.max()
    place = np.argmax(np.where(furthest, np.nan_to_num(error, nan=np.inf), -1.0))
    return tuple(int(k) for k in np.unravel_index(int(place), error.shape))
