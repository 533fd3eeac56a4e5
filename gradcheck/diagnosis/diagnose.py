"""From wrong numbers to a named mistake: hypotheses are fitted, simplest first, and reported only if exact.

A hypothesis is a function from a `WrongGradient` to findings. It must explain every entry of the wrong
gradient to within the bound; what explains it only roughly is not reported, because a wrong diagnosis
costs more than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis import (
    fused,
    masks,
    places,
    probes,
    recurrence,
    reductions,
    statistics,
    terms,
    values,
)
from gradcheck.diagnosis.draws import Draws
from gradcheck.diagnosis.margins import AGAIN, MOSTLY
from gradcheck.diagnosis.sizes import near, small_number
from gradcheck.diagnosis.wrong import (
    Hypothesis,
    WrongGradient,
    factor,
    named_axes,
    orders,
    others,
    subsets,
)
from gradcheck.result import Array, Finding

HYPOTHESES: tuple[Hypothesis, ...] = (
    values.zero,
    values.sign,
    places.swapped,
    reductions.averaged,
    values.scaled,
    terms.without_upstream,
    terms.upstream_squared,
    terms.extra_term,
    places.transposed,
    places.flipped,
    places.read_in_another_order,
    values.scaled_by_vector,
    fused.hands_on,
    fused.holds_another,
    masks.flows_where_nothing_should,
    masks.upstream_itself,
    masks.mask_of_another,
    masks.other_derivative,
    values.scaled_by_array,
    values.inexact,
    statistics.statistics,
    terms.factor_in_one_term,
    reductions.diagonal,
    recurrence.carry,
    reductions.repeated_index,
    reductions.summed_over_other_axes,
    reductions.one_end,
    reductions.single_contribution,
    # What explains every entry before what leaves some outside.
    places.parts_swapped,
    places.shifted,
    masks.right_numbers_elsewhere,
    terms.shared_term,
    values.by_the_sign,
    probes.altered_input,
    terms.at_its_labels,
    values.partial,
    values.scaled_in_places,
    values.scaled_by_sizes,
)
"""Simplest first; the first that fits is said."""

RUN_THE_LAYER = (
    recurrence.carry,
    probes.altered_input,
    terms.without_upstream,
    terms.upstream_squared,
    masks.other_derivative,
    reductions.one_end,
)
"""Those that run the layer itself, at other inputs or another upstream gradient."""

OF_THE_VALUE: tuple[Hypothesis, ...] = (
    *(h for h in HYPOTHESES if h not in (*RUN_THE_LAYER, places.swapped)),
    places.swapped,
)
"""Those that look at values alone, and so apply to an intermediate gradient too.

There, the gradient of another value is more often a step left out than a mix-up: it comes last.
"""


def diagnose(
    suspect: WrongGradient,
    hypotheses: Sequence[Hypothesis] = HYPOTHESES,
    again: Iterable[WrongGradient] = (),
) -> Finding | None:
    """The first hypothesis that explains the whole of a wrong gradient, or None.

    `again` is the same gradient at other draws, where the name must hold with the same parameters; they are
    drawn only once something is to be said.
    """
    draws = Draws(again)
    with np.errstate(all="ignore"):
        for hypothesis in hypotheses:
            for finding in hypothesis(suspect):
                found = _found_at_all(finding, suspect, hypothesis, draws)
                if found is not None and not _is_called_by_chance(finding, found):
                    return finding
    return None


def _found_at_all(
    finding: Finding, here: WrongGradient, hypothesis: Hypothesis, draws: Draws[WrongGradient]
) -> list[Finding] | None:
    """What the same hypothesis finds at each draw; None as soon as it is not the same."""
    found = []
    for there in draws:
        one = _found_again(finding, here, hypothesis, there)
        if one is None:
            return None
        found.append(one)
    return found


def _is_called_by_chance(finding: Finding, found: Sequence[Finding]) -> bool:
    """Whether a small number is called a size, or the root of one, that was the same at every draw.

    2 is the root of a batch of four too: only where the size changes can be seen that the factor does.
    """
    k, equals = finding.evidence.get("factor"), finding.evidence.get("equals")
    if not isinstance(k, float) or not equals or small_number(k) in (None, equals):
        return False
    return all(near(one.evidence["factor"], k) for one in found)


OPEN = ("unknown", "not-summed", "overlap-overwritten")
"""What the numbers leave open: nothing explains them, or why of several contributions one is left."""
ROUNDABOUT = ("change", "indices", "or")
"""What the evidence holds of a name that says less than a line or an edit: another orientation of an input, some
slices, a statistic's term that is left out or has a wrong factor."""


def is_open(finding: Finding) -> bool:
    """Whether a line or an edit may say better what the mistake is than numbers do."""
    return finding.code in OPEN or not finding.evidence.keys().isdisjoint(ROUNDABOUT)


def is_roundabout(finding: Finding) -> bool:
    """Whether the numbers say less than they would of the value that is wrong first: not where, or not what."""
    found = finding.evidence.keys() & {*ROUNDABOUT}
    return bool(found) and (finding.code == "extra-term" or found != {"or"})


def _found_again(
    finding: Finding, here: WrongGradient, hypothesis: Hypothesis, there: WrongGradient
) -> Finding | None:
    """What the same hypothesis finds at another draw, if that is the same with the same parameters."""
    grown = here.shapes != there.shapes
    return next((one for one in hypothesis(there) if is_again(finding, one, grown)), None)


def is_again(finding: Finding, other: Finding, grown: bool) -> bool:
    """Whether two findings say the same; a factor that is a size at hand changes with that size.

    `grown` says that one is of inputs of other sizes.
    """
    # What a loop runs over is longer where there is more of it; two stacked outputs stay two.
    if grown and finding.evidence.get("loop", 0) == other.evidence.get("loop"):
        return False
    parameters = finding.evidence.keys() - _of_one_draw(finding, grown)
    return finding.code == other.code and all(
        _close(finding.evidence[key], other.evidence.get(key)) for key in parameters
    )


def _of_one_draw(finding: Finding, grown: bool) -> set[str]:
    """What in a finding's evidence is another number at another draw."""
    changing = {"entries", "true_norm", "relative_error", "loop"}
    if grown:
        # Half a kernel or a padding may have grown too.
        changing |= {"indices", "by", *finding.evidence.get("grows", ())}
    if finding.evidence.get("equals") or finding.code == "averaged":
        changing.add("factor")
    return changing


def _close(a: object, b: object) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b) <= AGAIN * abs(a)
    return a == b


def diagnose_shape(name: str, a: Array, true: Array, bound: Array) -> Finding | None:
    """What a gradient of the wrong shape is: the right one not summed, or transposed."""
    # Summed by hand in another order, it may be off by float32's rounding of its largest entry.
    slack = bound + 1e-6 * np.abs(true).max(initial=0.0)

    def right(other: Array) -> bool:
        return other.shape == true.shape and bool(agrees(other, true, slack).all())

    return _not_summed(name, a, right) or _transposed(name, a, right)


def _not_summed(name: str, a: Array, right: Callable[[Array], bool]) -> Finding | None:
    for axes in subsets(a.ndim):
        summed = a.sum(axis=axes, keepdims=True)
        if summed.size < a.size and any(map(right, (summed, summed.squeeze(axes)))):
            return Finding(
                "not-summed",
                f"{name} is not summed back: added up over {named_axes(axes)} it is the true gradient. "
                "What is copied (broadcast) on the way there is summed on the way back.",
                {"axes": list(axes)},
            )
    return None


def _transposed(name: str, a: Array, right: Callable[[Array], bool]) -> Finding | None:
    for order in orders(a.ndim):
        if a.ndim > 1 and right(a.transpose(order)):
            return Finding(
                "transposed",
                f"{name} is the transpose of the true gradient.",
                {"axes": list(order)},
            )
    return None


def describe(suspect: WrongGradient) -> str:
    """What can be said of a mistake that no hypothesis explains."""
    parts = [*_direction(suspect), *_slices(suspect), *_mostly_a_factor(suspect)]
    return ("; " + "; ".join(parts)) if parts else ""


def _direction(s: WrongGradient) -> Iterator[str]:
    product = float(np.linalg.norm(s.claimed) * np.linalg.norm(s.true))
    if product > 0 and s.wrong.all():
        yield f"its direction has cosine {float((s.claimed * s.true).sum()) / product:.3f} with the truth"


def _slices(s: WrongGradient) -> Iterator[str]:
    for axis in range(s.true.ndim):
        slices = np.atleast_1d(s.wrong.any(axis=others(s.true.ndim, axis)))
        if 0 < slices.sum() < len(slices):
            listed = ", ".join(map(str, np.flatnonzero(slices)[:6]))
            yield f"along axis {axis} only {listed} are wrong"


def _mostly_a_factor(s: WrongGradient) -> Iterator[str]:
    k = factor(s.claimed, s.true)
    left = float(np.linalg.norm(s.claimed - k * s.true))
    before = float(np.linalg.norm(s.claimed - s.true))
    if left <= MOSTLY * before:
        yield f"mostly explained by a factor of {k:.4g}, which leaves {left / before:.0%} of the error"
