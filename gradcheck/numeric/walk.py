"""One group of entries after another, each to the step at which its own bound is tight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gradcheck.numeric.forward import Group
from gradcheck.numeric.margins import BLURRED, ROUNDS, SHORTER, WANTED
from gradcheck.numeric.stencil import Stencil, StencilEstimate
from gradcheck.numeric.steps import StepSearch, corroborated, first_step, sweep
from gradcheck.result import Array

Progress = Callable[[int, int], None]
"""Called with groups done and groups in all."""


@dataclass
class Found:
    """The gradient of one input as it fills up, group by group."""

    value: Array
    bound: Array
    kinks: Array
    absolute_sum: Array

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> Found:
        """Before anything is known."""
        zero, inf = np.zeros(shape), np.full(shape, np.inf)
        return cls(zero, inf, np.zeros(shape, dtype=bool), zero.copy())

    def enter(self, group: Group, estimate: StencilEstimate) -> None:
        """Put down what is believed of one group."""
        self.value[group] = np.where(np.isfinite(estimate.value), estimate.value, 0)
        self.bound[group] = estimate.bound
        self.kinks[group] = estimate.kinked
        self.absolute_sum[group] = np.nan_to_num(estimate.absolute_sum)


class Walk:
    """A visit to every group of one variable, which remembers what the groups before have shown.

    That is: at which step they ended (`start`), how large the gradient gets (`largest`), and how
    many times the measured noise their stencils saw (`roughness`).
    """

    def __init__(self, stencil: Stencil) -> None:
        self.stencil = stencil
        self.scale = stencil.variable.scale
        self.near = first_step(stencil.variable.epsilon)
        self.start = self.near
        self.wanted = stencil.variable.epsilon**WANTED
        self.largest = 0.0
        self.roughness = 1.0

    def through(self, progress: Progress | None = None) -> Found:
        """The whole gradient."""
        found, grouping = Found.nothing(self.stencil.variable.shape), self.stencil.grouping
        total = grouping.count()
        for done, group in enumerate(grouping.groups()):
            found.enter(group, self._visit(group, first=done == 0))
            if progress is not None:
                progress(done + 1, total)
        return found

    def _visit(self, group: Group, first: bool) -> StencilEstimate:
        search = self._search(group, first)
        self.roughness = max(self.roughness, search.roughness())
        best = search.best
        # Where everything cancels, a small bound on what cancels is all that can be had.
        blurred = ~search.good(BLURRED, np.maximum(self.largest, best.absolute_sum))
        if blurred.any():
            best = best.choose(self._swept(group), blurred)
        self.start = search.usual_step(self.start)
        return best

    def _search(self, group: Group, first: bool) -> StepSearch:
        scale = self.scale[group]
        search, step = StepSearch(scale, near=self.near), scale * self.start
        for attempt in range(ROUNDS):
            search.add(self.stencil.estimate(group, step, self.roughness))
            self.largest = max(self.largest, float(np.abs(search.best.value).max(initial=0.0)))
            good = search.good(self.wanted, self.largest)
            # The first group looks twice: one stencil may lie by luck on a staircase.
            if good.all() and (attempt or not first):
                break
            step = SHORTER * step if good.all() else search.next_step(good)
        return search

    def _swept(self, group: Group) -> StencilEstimate:
        scale, epsilon = self.scale[group], self.stencil.variable.epsilon
        steps = [t * scale for t in sweep(epsilon)]
        estimates = [self.stencil.estimate(group, step, self.roughness) for step in steps]
        return corroborated(estimates, 10 * first_step(epsilon) * scale)
