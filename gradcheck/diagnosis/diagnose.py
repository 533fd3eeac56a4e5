"""From wrong numbers to a named mistake: hypotheses are fitted, simplest first, and reported only if exact.

A hypothesis is a function from a `WrongGradient` to a finding or None. It must explain every entry of the
wrong gradient to within the bound; what explains it only roughly is not reported, because a wrong
diagnosis costs more than none.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.places import (
    flipped,
    parts_swapped,
    read_in_another_order,
    shifted,
    swapped,
    transposed,
)
from gradcheck.diagnosis.probes import altered_input, carry, single_contribution
from gradcheck.diagnosis.values import (
    extra_term,
    missing_mask,
    partial,
    scaled,
    scaled_by_input,
    sign,
    statistics,
    zero,
)
from gradcheck.diagnosis.wrong import Hypothesis, WrongGradient, factor, named_axes, subsets
from gradcheck.result import Array, Finding

MOSTLY = 0.1
"""What leaves no more than this share of the error explains it mostly; a name takes all of it."""


def diagnose(
    suspect: WrongGradient, hypotheses: Sequence[Hypothesis] | None = None
) -> Finding | None:
    """The first hypothesis that explains the whole of a wrong gradient, or None; all by default."""
    with np.errstate(all="ignore"):
        for hypothesis in HYPOTHESES if hypotheses is None else hypotheses:
            finding = hypothesis(suspect)
            if finding is not None:
                return finding
    return None


def diagnose_shape(name: str, a: Array, true: Array, bound: Array) -> Finding | None:
    """What a gradient of the wrong shape is: the right one not summed, or transposed."""
    slack = 1e3 * bound.max(initial=0.0) + 1e-6 * np.abs(true).max(initial=0.0)
    for axes in subsets(a.ndim):
        if all(a.shape[axis] == 1 for axis in axes):
            continue
        for keep in (True, False):
            summed = a.sum(axis=axes, keepdims=keep)
            if summed.shape == true.shape and (np.abs(summed - true) <= slack).all():
                return Finding(
                    "not-summed",
                    f"{name} is not summed back: added up over {named_axes(axes)} it is the true gradient. "
                    "What is copied (broadcast) on the way there is summed on the way back.",
                    {"axes": list(axes)},
                )
    for order in itertools.permutations(range(a.ndim)):
        turned = a.transpose(order)
        if a.ndim > 1 and turned.shape == true.shape and (np.abs(turned - true) <= slack).all():
            return Finding(
                "transposed",
                f"{name} is the transpose of the true gradient.",
                {"axes": list(order)},
            )
    return None


def describe(suspect: WrongGradient) -> str:
    """What can be said of a mistake that no hypothesis explains."""
    a, n, wrong = suspect.claimed, suspect.true, suspect.wrong
    parts = []
    product = float(np.sqrt((a * a).sum() * (n * n).sum()))
    if product > 0 and wrong.all():
        parts.append(
            f"its direction has cosine {float((a * n).sum()) / product:.3f} with the truth"
        )
    for axis in range(a.ndim):
        slices = np.atleast_1d(wrong.any(axis=tuple(k for k in range(a.ndim) if k != axis)))
        if 0 < slices.sum() < len(slices):
            listed = ", ".join(map(str, np.flatnonzero(slices)[:6]))
            parts.append(f"along axis {axis} only {listed} are wrong")
    k = factor(a, n)
    before = float(np.linalg.norm(a - n))
    if k is not None and np.linalg.norm(a - k * n) <= MOSTLY * before:
        left = float(np.linalg.norm(a - k * n)) / before
        parts.append(
            f"mostly explained by a factor of {k:.4g}, which leaves {left:.0%} of the error"
        )
    return ("; " + "; ".join(parts)) if parts else ""


HYPOTHESES: tuple[Hypothesis, ...] = (
    zero,
    sign,
    swapped,
    scaled,
    transposed,
    flipped,
    parts_swapped,
    read_in_another_order,
    scaled_by_input,
    missing_mask,
    extra_term,
    statistics,
    carry,
    single_contribution,
    shifted,
    altered_input,
    partial,
)


OF_THE_VALUE = (
    *(h for h in HYPOTHESES if h not in (carry, altered_input, swapped)),
    swapped,
)
"""Those that look at values alone, and so apply to an intermediate gradient too.

There, the gradient of another value is more often a step left out than a mix-up: it comes last.
"""
