"""Which step to believe: every entry searches its own, and contradictions between steps are settled."""

from __future__ import annotations

import numpy as np

from gradcheck.numeric.margins import (
    ALREADY_SHORTER,
    CAUTION,
    KINK_SETTLED,
    LARGEST_STEP,
    LONGEST_JUMP,
    OFF_THE_GRID,
    SHORTEST_JUMP,
    STENCIL_CAUTION,
    STRAIGHT,
    SWEEP_FIRST,
    SWEEP_LAST,
    SWEEP_RATIO,
    UNKNOWN_JUMP,
)
from gradcheck.numeric.stencil import StencilEstimate
from gradcheck.result import Array


def first_step(epsilon: float) -> float:
    """Relative first step: 5e-5 in float64, 8e-3 in float32; near the optimum for extrapolation."""
    return float(OFF_THE_GRID * epsilon**0.25)


class StepSearch:
    """The steps that one group has tried, entry by entry, and the estimate to believe of them.

    Two intervals that do not overlap cannot both be right: a step so long that the function swings
    in between, or so short that it sees a plateau of rounding. Believed is the estimate that most
    others agree with, the tightest of those; one that stands alone against another is widened.
    """

    def __init__(self, scale: Array, near: float) -> None:
        self.scale = scale
        self.near = near * scale
        self.estimates: list[StencilEstimate] = []
        self.best: StencilEstimate
        self.doubtful = np.zeros(scale.shape, dtype=bool)

    def add(self, estimate: StencilEstimate) -> None:
        """Enter one more step, and decide anew which to believe."""
        self.estimates.append(estimate)
        if len(self.estimates) == 1:
            self.best = estimate
            return
        estimates = _monotone(self.estimates)
        values, bounds = (
            np.stack([r.value for r in estimates]),
            np.stack([r.bound for r in estimates]),
        )
        steps = np.stack([r.step for r in estimates])
        with np.errstate(invalid="ignore"):
            apart = np.abs(values[:, None] - values) > bounds[:, None] + bounds
        # A long step may have met a kink or another bend: it is no witness against a shorter one.
        apart &= steps <= np.maximum(steps[:, None], steps[0])
        dissent = apart.sum(axis=1)
        fewest = dissent.min(axis=0)
        candidates = np.where(dissent == fewest, bounds, np.inf)
        choice = candidates.argmin(axis=0)
        self.best = estimates[0]
        for k, other in enumerate(estimates[1:], start=1):
            self.best = self.best.choose(other, choice == k)
        # Doubtful while as many speak against the choice as for it.
        self.doubtful = 2 * fewest >= len(self.estimates)
        spread = np.where(np.isfinite(bounds), np.abs(values - self.best.value), 0).max(axis=0)
        widened = np.where(self.doubtful, spread + self.best.truncation, self.best.truncation)
        self.best = self.best._replace(truncation=widened)

    def good(self, wanted: float, largest: float | Array) -> Array:
        """Which entries need no other step; `largest` is the gradient's largest entry so far."""
        best = self.best
        fine = best.bound <= wanted * np.maximum(np.abs(best.value), largest)
        # A kink is settled only close by: an entry a little way off has a derivative.
        settled = best.kinked & (best.step <= KINK_SETTLED * self.scale)
        return np.asarray((fine | settled) & ~self.doubtful)

    def next_step(self, good: Array) -> Array:
        """Shorter where the function is not straight enough, longer where round-off is in the way."""
        last, best = self.estimates[-1], self.best
        unstraight = last.truncation + last.half_jump
        with np.errstate(all="ignore"):
            optimum = np.cbrt(last.round_off / unstraight)
        optimum = np.where(np.isfinite(optimum), optimum, UNKNOWN_JUMP)
        shorter = last.step * np.clip(optimum, SHORTEST_JUMP, ALREADY_SHORTER)
        limit = LARGEST_STEP * self.scale
        # If a shorter step has made things worse, what unstraights is noise.
        worse = (last.bound > best.bound) & (last.step < best.step)
        longer = np.minimum(LONGEST_JUMP * np.where(worse, best.step, last.step), limit)
        straight = ~worse & (last.truncation < STRAIGHT * last.round_off)
        longer = np.where(straight, limit, longer)
        step = np.where((unstraight > last.round_off) & ~worse, shorter, longer)
        return np.asarray(np.where(good, best.step, step))

    def roughness(self) -> float:
        """How many times the measured noise most stencils of this group show: 1, unless it misses some."""
        # Curvature or a kink also makes a stencil noisy, but less so at a shorter step; at a long
        # one they are everywhere.
        ratios = [
            float(np.median(r.stencil_noise / r.round_off)) * CAUTION / STENCIL_CAUTION
            for r in self.estimates
            if (r.step <= self.near).all()
            and (r.round_off > 0).all()
            and np.isfinite(r.stencil_noise).all()
            and r.stencil_noise.size
        ]
        return float(max(1.0, min(ratios))) if len(ratios) > 1 else 1.0

    def usual_step(self, otherwise: float) -> float:
        """The relative step at which this group ended: a good first one for the next."""
        smooth = ~self.best.kinked & np.isfinite(self.best.bound)
        relative = (self.best.step / self.scale)[smooth]
        return float(np.median(relative)) if relative.size else otherwise


def sweep(epsilon: float) -> list[float]:
    """Relative steps from the longest to the shortest that can mean anything, each 1/16 of the last."""
    steps = [SWEEP_FIRST]
    while steps[-1] > SWEEP_LAST * epsilon:
        steps.append(steps[-1] / SWEEP_RATIO)
    return steps


def _monotone(estimates: list[StencilEstimate]) -> list[StencilEstimate]:
    """No step may claim less noise than a shorter one has seen.

    What makes a stencil noisy at some step is there at every longer one, in the same size or more;
    where a stencil looks smoother, its points have fallen on the steps of a staircase by luck.
    """
    steps = np.stack([r.step for r in estimates])
    seen = np.stack([np.nan_to_num(r.truncation, nan=0.0, posinf=0.0) for r in estimates]) * steps
    return [
        r._replace(
            truncation=np.maximum(
                r.truncation, np.where(steps < r.step, seen, 0).max(axis=0) / r.step
            )
        )
        for r in estimates
    ]


def corroborated(estimates: list[StencilEstimate], long: Array) -> StencilEstimate:
    """Of a sweep over all steps, the tightest estimate that a neighbouring step confirms.

    A neighbour confirms if it says something of its own (its bound is not wider than its value) and
    the two agree. On a plateau of rounding, or where the function swings within a step, neighbours
    do not. Where none is confirmed, the bound is widened to reach those that contradict, unless by
    a step longer than `long`, which may have met a kink.
    """
    estimates = _monotone(estimates)
    values, bounds = np.stack([r.value for r in estimates]), np.stack([r.bound for r in estimates])
    jumps = np.stack([r.half_jump for r in estimates])
    with np.errstate(invalid="ignore"):
        telling = bounds - jumps < 0.25 * (np.abs(values) + jumps)
        agree = np.abs(values[1:] - values[:-1]) <= bounds[1:] + bounds[:-1]
        confirmed = np.zeros(values.shape, dtype=bool)
        confirmed[1:] |= agree & telling[:-1] & telling[1:]
        confirmed[:-1] |= agree & telling[:-1] & telling[1:]
    unconfirmed = ~confirmed.any(axis=0)
    choice = np.where(confirmed | unconfirmed, bounds, np.inf).argmin(axis=0)
    best = estimates[0]
    for k, other in enumerate(estimates[1:], start=1):
        best = best.choose(other, choice == k)
    away = np.abs(values - best.value)
    against = (away > bounds + best.bound) & np.isfinite(bounds)
    against &= np.stack([r.step for r in estimates]) <= long
    reach = np.where(against, away, 0).max(axis=0)
    return best._replace(truncation=best.truncation + np.where(unconfirmed, reach, 0))
