"""Hypotheses about what was let through: a derivative left out, or a mask of the wrong array."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import MOST
from gradcheck.diagnosis.wrong import Measured, WrongGradient
from gradcheck.result import Array, Finding


def flows_where_nothing_should(s: WrongGradient) -> Iterator[Finding]:
    """Right where the gradient is not zero, and let through wherever it should be."""
    quiet, loud = s.smooth & _quiet(s), s.smooth & ~_quiet(s)
    right = s.agrees_with(s.true, s.bound + s.grain)
    if not (quiet.any() and loud.any() and right[loud].all()) or right[quiet].all():
        return
    if (np.abs(s.claimed[quiet]) > s.grain).mean() > MOST:
        yield Finding(
            "missing-mask",
            f"{s.name} flows where nothing should: right on all entries that are active, but not zero on "
            f"the {int(quiet.sum())} that are not. The mask (of ReLU, dropout, a maximum) was left out.",
            {"entries": int(quiet.sum()), "mask": "missing"},
        )


def upstream_itself(s: WrongGradient) -> Iterator[Finding]:
    """It is the upstream gradient as it came."""
    dy = s.context.dy
    if s.is_(Measured(dy, np.zeros(dy.shape), np.ones(dy.shape, dtype=bool))):
        yield Finding(
            "missing-mask",
            f"{s.name} is the upstream gradient itself: the derivative of this step, an activation's or a "
            "factor, was left out.",
            {"entries": int(s.wrong.sum()), "mask": "all"},
        )


def mask_of_another(s: WrongGradient) -> Iterator[Finding]:
    """Both are the upstream gradient or zero, but not at the same entries."""
    dy = s.context.dy
    if dy.shape != s.claimed.shape or not s.wrong.any():
        return
    kept = s.smooth & (s.claimed != 0)
    passed = s.agrees_with(dy, s.grain)
    should = s.smooth & agrees(s.true, dy, s.bound + s.grain)
    if passed[kept].all() and (should | _quiet(s))[s.smooth].all() and kept.any() and should.any():
        yield Finding(
            "missing-mask",
            f"{s.name} lets the upstream gradient through at the wrong entries: the mask is taken of "
            "another array, or by another condition.",
            {"entries": int(s.wrong.sum()), "mask": "another"},
        )


def _quiet(s: WrongGradient) -> Array:
    """Where the true gradient is zero, as far as can be seen."""
    return agrees(s.true, np.zeros(s.true.shape), s.bound + s.grain)
