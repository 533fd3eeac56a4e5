"""The second look before a conviction: entries measured again by a way that shares nothing with the first.

Every entry alone (no grouping), over a whole sweep of steps, in lifted precision where the forward pass
follows. An entry stays convicted only if both looks say so; one that the second look acquits is believed
to be what the second look says. Where one conviction of the first look falls, none is believed unseen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.numeric.estimate import StencilEstimate
from gradcheck.numeric.gradient import NumericalGradient
from gradcheck.numeric.margins import LOOKS, MORE_LOOKS
from gradcheck.numeric.sweeping import Sweeping
from gradcheck.result import Array


@dataclass
class _Look:
    """The gradient as the second look leaves it, with the entries that it has seen."""

    alone: Sweeping
    value: Array
    bound: Array
    kinks: Array
    steps: Array
    acquitted: int = 0
    stand_still: int = 0

    @property
    def evaluations(self) -> int:
        """Evaluations of the forward pass so far."""
        return self.alone.stencil.variable.forward.evaluations

    def at_all(self, entries: list[tuple[int, ...]], claimed: Array, rounding: Array) -> None:
        """Measure these entries."""
        for entry in entries:
            self.at(entry, float(claimed[entry]), float(rounding[entry]))

    def at(self, entry: tuple[int, ...], claimed: float, rounding: float) -> None:
        """Measure one entry, and believe that if the claim lies within, or if nothing but a mean is seen."""
        found = self.alone.looked_at_again(entry)
        value, bound = float(found.value.item()), float(found.bound.item())
        if not np.isfinite(value):
            value, bound = 0.0, np.inf
        is_within, stands_still = abs(claimed - value) <= bound + rounding, not found.absolute_sum
        self.acquitted += is_within
        self.stand_still += stands_still
        if is_within or stands_still:
            self._believe(entry, found, value, bound)

    def _believe(
        self, entry: tuple[int, ...], found: StencilEstimate, value: float, bound: float
    ) -> None:
        self.value[entry], self.bound[entry] = value, bound
        self.kinks[entry] = bool(found.kinked.item())
        self.steps[entry] = found.step.item() / self.alone.scale[entry]


def second_look(
    numeric: NumericalGradient, claimed: Array, rounding: Array, alone: Callable[[], Sweeping]
) -> NumericalGradient:
    """What is left of a first look after the entries that speak for a conviction were measured again.

    The furthest two decide: if they stay convicted, so does the gradient, whatever the others are.

    Args:
        numeric: the first look.
        claimed: the hand-derived gradient, of the input's shape.
        rounding: what the hand-derived side may lose in its own precision, entry by entry.
        alone: makes sweeps over the same input without grouping, in the precision of the second look.

    Returns:
        `numeric` itself if the second look agrees; else with the entries that it acquits as the second
        look sees them, and an infinite bound where convictions are left that were not looked at.
    """
    entries = _convicted(numeric, claimed, rounding)
    if not entries:
        return numeric
    steps = np.zeros(claimed.shape) if numeric.steps is None else numeric.steps.copy()
    told = (numeric.value.copy(), numeric.bound.copy(), numeric.kinks.copy())
    look = _Look(alone(), *told, steps)
    before = look.evaluations
    look.at_all(entries[:LOOKS], claimed, rounding)
    if not (look.acquitted or look.stand_still):
        return numeric
    if look.acquitted:
        look.at_all(entries[LOOKS:MORE_LOOKS], claimed, rounding)
        for entry in entries[MORE_LOOKS:]:
            look.bound[entry] = np.inf
    return replace(
        numeric,
        value=look.value,
        bound=look.bound,
        kinks=look.kinks,
        steps=look.steps,
        evaluations=numeric.evaluations + look.evaluations - before,
    )


def _convicted(numeric: NumericalGradient, hand: Array, rounding: Array) -> list[tuple[int, ...]]:
    """The entries outside their bounds, the furthest first."""
    with np.errstate(all="ignore"):
        strain = np.abs(hand - numeric.value) / (numeric.bound + rounding)
    outside = np.asarray(strain > 1)
    order = np.argsort(-strain[outside], kind="stable")
    return [tuple(int(k) for k in place) for place in np.argwhere(outside)[order]]
