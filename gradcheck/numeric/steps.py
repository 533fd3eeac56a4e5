"""Which step to believe: every entry walks its own ladder of steps, and contradictions are settled."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gradcheck.result import Array

LARGEST_STEP = 0.25
"""Relative to an entry's scale: further away is another point."""
CAUTION = 4.0
"""Standard deviations of measured noise that a bound covers."""
RAGGED = 16.0
"""The same for noise seen in one stencil only: one sample is often far below its deviation."""


def scales(x: Array) -> Array:
    """The size against which a step is small: |x|, and near zero what is usual in the array."""
    magnitude = np.abs(np.asarray(x, dtype=np.float64))
    usual = magnitude[magnitude > 0]
    floor = 0.1 * float(np.median(usual)) if usual.size else 1.0
    return np.maximum(magnitude, floor)


def first_step(epsilon: float) -> float:
    """Relative first step: 5e-5 in float64, 8e-3 in float32; near the optimum for extrapolation."""
    # Not a power of two: a step on the grid of a coarser dtype would see nothing of its rounding.
    return float(0.43 * epsilon**0.25)


class StencilEstimate(NamedTuple):
    """One step's estimate for a group, with its bound in the parts that say where to go next."""

    step: Array
    value: Array
    structure: Array
    ragged: Array
    rounding: Array
    half_jump: Array
    absolute_sum: Array

    @property
    def bound(self) -> Array:
        """All that may be wrong with the value; infinite where it is not a number."""
        bound = self.structure + self.rounding + self.half_jump
        return np.where(np.isfinite(bound) & np.isfinite(self.value), bound, np.inf)

    @property
    def kinked(self) -> Array:
        """Where the slope jumps by more than everything else that is unsure."""
        return np.asarray(2 * self.half_jump > self.bound)

    def choose(self, other: StencilEstimate, where: Array) -> StencilEstimate:
        """This rung, with the entries of `other` where `where` holds."""
        return StencilEstimate(*(np.where(where, b, a) for a, b in zip(self, other, strict=True)))


class StepSearch:
    """The steps that one group has tried, entry by entry, and the estimate to believe of them.

    Two intervals that do not overlap cannot both be right: a step so long that the function swings
    in between, or so short that it sees a plateau of rounding. Believed is the estimate that most
    others agree with, the tightest of those; one that stands alone against another is widened.
    """

    def __init__(self, scale: Array, near: float) -> None:
        self.scale = scale
        self.near = near * scale
        self.rungs: list[StencilEstimate] = []
        self.best: StencilEstimate
        self.doubtful = np.zeros(scale.shape, dtype=bool)

    def add(self, rung: StencilEstimate) -> None:
        """Enter one more step, and decide anew which to believe."""
        self.rungs.append(rung)
        if len(self.rungs) == 1:
            self.best = rung
            return
        rungs = _monotone(self.rungs)
        values, bounds = np.stack([r.value for r in rungs]), np.stack([r.bound for r in rungs])
        steps = np.stack([r.step for r in rungs])
        with np.errstate(invalid="ignore"):
            apart = np.abs(values[:, None] - values) > bounds[:, None] + bounds
        # A long step may have met a kink or another bend: it is no witness against a shorter one.
        apart &= steps <= np.maximum(steps[:, None], steps[0])
        dissent = apart.sum(axis=1)
        fewest = dissent.min(axis=0)
        candidates = np.where(dissent == fewest, bounds, np.inf)
        choice = candidates.argmin(axis=0)
        self.best = rungs[0]
        for k, other in enumerate(rungs[1:], start=1):
            self.best = self.best.choose(other, choice == k)
        # Doubtful while as many speak against the choice as for it.
        self.doubtful = 2 * fewest >= len(self.rungs)
        spread = np.where(np.isfinite(bounds), np.abs(values - self.best.value), 0).max(axis=0)
        widened = np.where(self.doubtful, spread + self.best.structure, self.best.structure)
        self.best = self.best._replace(structure=widened)

    def good(self, wanted: float, largest: float | Array) -> Array:
        """Which entries need no other step; `largest` is the gradient's largest entry so far."""
        best = self.best
        fine = best.bound <= wanted * np.maximum(np.abs(best.value), largest)
        # A kink is settled only close by: an entry a little way off has a derivative.
        settled = best.kinked & (best.step <= 1e-8 * self.scale)
        return np.asarray((fine | settled) & ~self.doubtful)

    def next_step(self, good: Array) -> Array:
        """Shorter where the function is not straight enough, longer where rounding is in the way."""
        last, best = self.rungs[-1], self.best
        wobble = last.structure + last.half_jump
        with np.errstate(all="ignore"):
            optimum = np.cbrt(last.rounding / wobble)
        optimum = np.where(np.isfinite(optimum), optimum, 2.0**-10)
        shorter = last.step * np.clip(optimum, 2.0**-16, 0.25)
        limit = LARGEST_STEP * self.scale
        # If a shorter step has made things worse, what wobbles is noise.
        worse = (last.bound > best.bound) & (last.step < best.step)
        longer = np.minimum(64 * np.where(worse, best.step, last.step), limit)
        straight = ~worse & (last.structure < 0.01 * last.rounding)
        longer = np.where(straight, limit, longer)
        step = np.where((wobble > last.rounding) & ~worse, shorter, longer)
        return np.asarray(np.where(good, best.step, step))

    def roughness(self) -> float:
        """How many times the measured noise most stencils of this group show: 1, unless it misses some."""
        # Curvature or a kink also makes a stencil ragged, but less so at a shorter step; at a long
        # one they are everywhere.
        ratios = [
            float(np.median(r.ragged / r.rounding)) * CAUTION / RAGGED
            for r in self.rungs
            if (r.step <= self.near).all()
            and (r.rounding > 0).all()
            and np.isfinite(r.ragged).all()
            and r.ragged.size
        ]
        return float(max(1.0, min(ratios))) if len(ratios) > 1 else 1.0

    def usual_step(self, otherwise: float) -> float:
        """The relative step at which this group ended: a good first one for the next."""
        smooth = ~self.best.kinked & np.isfinite(self.best.bound)
        relative = (self.best.step / self.scale)[smooth]
        return float(np.median(relative)) if relative.size else otherwise


def sweep(epsilon: float) -> list[float]:
    """Relative steps from the longest to the shortest that can mean anything, each 1/16 of the last."""
    steps = [0.17]
    while steps[-1] > 2.0**12 * epsilon:
        steps.append(steps[-1] / 16)
    return steps


def _monotone(rungs: list[StencilEstimate]) -> list[StencilEstimate]:
    """No step may claim less noise than a shorter one has seen.

    What makes a stencil ragged at some step is there at every longer one, in the same size or more;
    where a stencil looks smoother, its points have fallen on the steps of a staircase by luck.
    """
    steps = np.stack([r.step for r in rungs])
    seen = np.stack([np.nan_to_num(r.structure, nan=0.0, posinf=0.0) for r in rungs]) * steps
    return [
        r._replace(
            structure=np.maximum(
                r.structure, np.where(steps < r.step, seen, 0).max(axis=0) / r.step
            )
        )
        for r in rungs
    ]


def corroborated(rungs: list[StencilEstimate], long: Array) -> StencilEstimate:
    """Of a sweep over all steps, the tightest estimate that a neighbouring step confirms.

    A neighbour confirms if it says something of its own (its bound is not wider than its value) and
    the two agree. On a plateau of rounding, or where the function swings within a step, neighbours
    do not. Where none is confirmed, the bound is widened to reach those that contradict, unless by
    a step longer than `long`, which may have met a kink.
    """
    rungs = _monotone(rungs)
    values, bounds = np.stack([r.value for r in rungs]), np.stack([r.bound for r in rungs])
    jumps = np.stack([r.half_jump for r in rungs])
    with np.errstate(invalid="ignore"):
        telling = bounds - jumps < 0.25 * (np.abs(values) + jumps)
        agree = np.abs(values[1:] - values[:-1]) <= bounds[1:] + bounds[:-1]
        confirmed = np.zeros(values.shape, dtype=bool)
        confirmed[1:] |= agree & telling[:-1] & telling[1:]
        confirmed[:-1] |= agree & telling[:-1] & telling[1:]
    unconfirmed = ~confirmed.any(axis=0)
    choice = np.where(confirmed | unconfirmed, bounds, np.inf).argmin(axis=0)
    best = rungs[0]
    for k, other in enumerate(rungs[1:], start=1):
        best = best.choose(other, choice == k)
    away = np.abs(values - best.value)
    against = (away > bounds + best.bound) & np.isfinite(bounds)
    against &= np.stack([r.step for r in rungs]) <= long
    reach = np.where(against, away, 0).max(axis=0)
    return best._replace(structure=best.structure + np.where(unconfirmed, reach, 0))
