"""Which step to believe: every entry searches its own, and contradictions between steps are settled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.numeric.estimate import StencilEstimate
from gradcheck.numeric.margins import (
    ALREADY_SHORTER,
    CAUTION,
    KINK_SETTLED,
    LARGEST_STEP,
    LEAST_RATIO,
    LONGEST_JUMP,
    RESOLVED,
    SHORTER,
    SHORTEST_JUMP,
    STENCIL_CAUTION,
    STRAIGHT,
    SWEEP_FIRST,
    SWEEP_LAST,
    SWEEP_RATIO,
    TELLING,
    UNKNOWN_JUMP,
)
from gradcheck.result import Array


def first_step(epsilon: float) -> float:
    """Relative step at which the bound of one stencil is about the least: 2e-5 in float64.

    Of a function of size and derivatives one it is h²/4 + 12ε/h, least at h³ = 24ε.
    """
    return float((24 * epsilon) ** (1 / 3))


def first_pair(epsilon: float) -> float:
    """Relative step at which the bound of two stencils is about the least: 5e-3 in float64, halved.

    It is 2ρ⁴·h⁴/480 + 25ε/h, least at h⁵ = 25·60/ρ⁴·ε; half of that, because few functions are as
    straight as the exponential over |x|.
    """
    return float(min(LARGEST_STEP, 0.5 * (1500 / SHORTER**4 * epsilon) ** 0.2))


class StepSearch:
    """The steps that groups side by side have tried, entry by entry, and the estimate to believe of them.

    Two intervals that do not overlap cannot both be right: a step so long that the function swings
    in between, or so short that it sees a plateau of rounding. Believed is the estimate that most
    others agree with, the tightest of those; one that stands alone against another is widened.
    """

    def __init__(self, scale: Array) -> None:
        self.scale = scale
        self.estimates: list[StencilEstimate] = []
        self.best: StencilEstimate
        self.doubtful = np.zeros(scale.shape, dtype=bool)

    def add(self, estimate: StencilEstimate) -> None:
        """Enter one more step, and decide anew which to believe."""
        self.estimates.append(estimate)
        if len(self.estimates) == 1:
            self.best = estimate
            return
        table = _Table(_monotone(StencilEstimate.at_steps(self.estimates)))
        dissent = table.apart().sum(axis=1)
        fewest = dissent.min(axis=0)
        self.best = table.tightest(dissent == fewest)
        # Doubtful while as many speak against the choice as for it.
        self.doubtful = 2 * fewest >= len(self.estimates)
        away = np.where(np.isfinite(table.bounds), table.away(self.best), 0).max(axis=0)
        widened = np.where(self.doubtful, away + self.best.truncation, self.best.truncation)
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
        bent = last.truncation + last.half_jump
        with np.errstate(all="ignore"):
            optimum = np.cbrt(last.round_off / bent)
        optimum = np.where(np.isfinite(optimum), optimum, UNKNOWN_JUMP)
        shorter = last.step * np.clip(optimum, SHORTEST_JUMP, ALREADY_SHORTER)
        limit = LARGEST_STEP * self.scale
        # If a shorter step has made things worse, what bends is noise.
        worse = (last.bound > best.bound) & (last.step < best.step)
        longer = np.minimum(LONGEST_JUMP * np.where(worse, best.step, last.step), limit)
        straight = ~worse & (last.truncation < STRAIGHT * last.round_off)
        longer = np.where(straight, limit, longer)
        step = np.where((bent > last.round_off) & ~worse, shorter, longer)
        # Those that need no other may go along to longer ones, and be the quicker for it next time.
        return np.asarray(np.where(good & (bent > last.round_off), best.step, step))

    def after_first(self, good: Array) -> tuple[Array, float]:
        """The second step, and the ratio to the first at which a smooth function is best seen by both.

        Together two stencils claim ρ⁴ of the first one's error of fourth order, and round-off that grows
        as 1/ρ: the least is at ρ⁵ = round-off/4·error. In a series whose terms shrink evenly that error,
        h⁴L⁽⁵⁾/480, follows from those before: it is t²/30 of the correction t = h²L⁽³⁾/4 alone, and
        n²/100t with the fourth difference n = 0.23·h³L⁽⁴⁾.
        """
        first = self.estimates[0]
        with np.errstate(all="ignore"):
            size = np.abs(first.value)
            bent, fourth = 2 * np.abs(first.correction) / size, first.stencil_noise / size
            error = np.maximum(bent**2 / 30, fourth**2 / (100 * bent))
            optimum = (first.round_off / size / (4 * error)) ** 0.2
        smooth = (first.half_jump == 0) & (bent <= RESOLVED) & (first.round_off <= first.truncation)
        ratio = float(np.median(optimum[smooth])) if smooth.any() else SHORTER
        ratio = min(SHORTER, max(ratio, LEAST_RATIO)) if np.isfinite(ratio) else SHORTER
        together = np.full(good.shape, True) if good.all() else smooth
        return np.where(together, ratio * first.step, self.next_step(good)), ratio

    def relative_steps(self) -> Array:
        """The relative steps at which these groups ended: good first ones for the next."""
        smooth = ~self.best.kinked & np.isfinite(self.best.bound)
        return np.asarray((self.best.step / self.scale)[smooth])

    def some(self, which: Array) -> StepSearch:
        """The search of some of the groups."""
        search = StepSearch(self.scale[which])
        search.estimates = [estimate.some(which) for estimate in self.estimates]
        search.best, search.doubtful = self.best.some(which), self.doubtful[which]
        return search


def alone(estimate: StencilEstimate, scale: Array, otherwise: float) -> float:
    """The relative step, no longer than this one, at which one stencil of its own would know most."""
    with np.errstate(all="ignore"):
        shorter = np.cbrt(estimate.round_off / estimate.truncation)
    relative = estimate.step / scale * np.clip(np.nan_to_num(shorter, nan=1.0), 0, 1)
    smooth = ~estimate.kinked & np.isfinite(estimate.bound)
    return float(np.median(relative[smooth])) if smooth.any() else otherwise


def median(values: Array) -> float:
    """As np.median, of few numbers that are none of them NaN, and asked often: five times quicker."""
    below, half = (values.size - 1) // 2, values.size // 2
    ordered = np.partition(values, (below, half), axis=None)
    return float((ordered[below] + ordered[half]) / 2)


def roughness(estimates: StencilEstimate, near: Array) -> float:
    """How many times the measured noise most stencils of a group show: 1, unless it misses some.

    Args:
        estimates: of the group at several steps.
        near: no longer step is asked: there, curvature and kinks are everywhere.
    """
    # Curvature or a kink also makes a stencil noisy, but less so at a shorter step.
    steps = estimates.step
    short = (steps <= near).all(axis=tuple(range(1, steps.ndim)))
    if short.sum() < 2 or not near.size:
        return 1.0
    with np.errstate(all="ignore"):
        shown = estimates.stencil_noise[short] / estimates.round_off[short]
        ratios = np.median(shown.reshape(len(shown), near.size), axis=1)
    known = ratios[np.isfinite(ratios)] * CAUTION / STENCIL_CAUTION
    return max(1.0, float(known.min())) if len(known) > 1 else 1.0


def sweep(epsilon: float) -> list[float]:
    """Relative steps from the longest to the shortest that can mean anything, each 1/16 of the last."""
    steps = [SWEEP_FIRST]
    while steps[-1] > SWEEP_LAST * epsilon:
        steps.append(steps[-1] / SWEEP_RATIO)
    return steps


def _monotone(estimates: StencilEstimate) -> StencilEstimate:
    """No step may claim less noise than a shorter one has seen.

    What makes a stencil noisy at some step is there at every longer one, in the same size or more;
    where a stencil looks smoother, its points have fallen on the steps of a staircase by luck.
    """
    steps = estimates.step
    seen = np.nan_to_num(estimates.truncation, nan=0.0, posinf=0.0) * steps
    least = np.stack([np.where(steps < step, seen, 0).max(axis=0) for step in steps]) / steps
    return estimates._replace(truncation=np.maximum(estimates.truncation, least))


def corroborated(
    estimates: StencilEstimate, long: Array, *, trusting: bool = True
) -> StencilEstimate:
    """Of a sweep over all steps, the tightest estimate that a neighbouring step confirms.

    A shorter step that is confirmed as well is believed against a longer one, which may have met
    another bend. Where none is confirmed, the bound is widened to reach those that contradict, unless
    by a step longer than `long`, which may have met a kink. Where the measured noise is not to be
    trusted, the bound reaches the neighbours too: one stencil may lie on a staircase by luck.
    """
    table = _Table(_monotone(estimates))
    confirmed = table.confirmed()
    unconfirmed = ~confirmed.any(axis=0)
    best = table.tightest(confirmed | unconfirmed)
    against = confirmed & table.contradicting(best) & (table.steps < best.step)
    best = best.choose(table.tightest(against), np.asarray(against.any(axis=0)))
    # Where nothing moves there is no small bound: it may be a stair, and the long steps see the slope.
    against = table.contradicting(best) & ((table.steps <= long) | (best.absolute_sum == 0))
    reach = np.where(against, table.away(best) + table.bounds, 0).max(axis=0)
    if not trusting:
        near = confirmed & (np.abs(np.log2(table.steps / best.step)) < 1.5 * np.log2(SWEEP_RATIO))
        best = best._replace(
            truncation=best.truncation + np.where(near, table.away(best), 0).max(axis=0)
        )
    return best._replace(truncation=best.truncation + np.where(unconfirmed, reach, 0))


def beyond(near: StencilEstimate, far: list[StencilEstimate]) -> StencilEstimate:
    """The estimate from within |x|, or a tighter one from further away that a neighbouring step confirms.

    Believed is only a slope that is seen: what stands still further away may have moved close by, less
    than can be seen there. And a jump of the slope is none of this point's.
    """
    if len(far) < 2:
        return near
    all_far = StencilEstimate.at_steps(far)
    unsure, none = all_far.truncation + all_far.half_jump, np.zeros_like(all_far.half_jump)
    table = _Table(_monotone(all_far._replace(truncation=unsure, half_jump=none)))
    confirmed = table.confirmed()
    best = table.tightest(confirmed)
    agrees = np.abs(best.value - near.value) <= best.bound + near.bound
    return near.choose(best, confirmed.any(axis=0) & agrees & (best.bound < near.bound))


def first_movement(steps: Sequence[Array], heights: Sequence[Array]) -> tuple[Array, Array, Array]:
    """For each entry the longest step up to which nothing moves, the next longer one, and the movement there.

    Args:
        steps: the longest first.
        heights: how far the outputs move under each. Where they always or never do, the first step is 0.
    """
    low, high, height = (np.zeros(steps[0].shape) for _ in range(3))
    moves = np.zeros(low.shape, dtype=bool)
    for step, moved in zip(reversed(steps), reversed(heights), strict=True):
        low = np.where(moves | (moved > 0), low, step)
        high, height = np.where(moves, high, step), np.where(moves, height, moved)
        moves |= moved > 0
    return np.where(moves, low, 0.0), high, height


def departing(best: StencilEstimate, estimates: StencilEstimate) -> tuple[int, list[int]]:
    """Of a single entry's sweep the step that is believed, and the longer ones that see another slope, upwards.

    Whatever else they are unsure of than rounding may be the jump that is looked for.
    """
    table = _Table(estimates)
    at = int(np.argmin(np.abs(table.steps - best.step).reshape(len(table.steps), -1)[:, 0]))
    apart = np.asarray(table.away(best) > best.bound + estimates.round_off)
    return at, [k for k in range(at - 1, -1, -1) if apart[k].any()]


def on_stairs(
    best: StencilEstimate, estimates: StencilEstimate, risers: Array, tread: Array
) -> StencilEstimate:
    """The estimate that is believed, where it stands still on a stair: no bound is small there.

    It reaches as far as anything that a longer step says. Where none does, the mean slope over the tread is known:
    what is rounded to one stair all along it has moved by less than a riser.
    """
    table = _Table(estimates)
    moved = ~(estimates.absolute_sum == 0)
    bounded = moved & np.isfinite(table.bounds)
    reach = np.where(bounded, table.away(best) + table.bounds, 0).max(axis=0)
    stands, alone = (risers > 0) & (best.absolute_sum == 0), ~bounded.any(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        reach = np.where(alone, CAUTION * risers / tread, reach)
    return best._replace(
        step=np.where(stands & alone, tread, best.step),
        truncation=best.truncation + np.where(stands, reach, 0),
    )


class _Table:
    """Estimates at several steps beside each other, one row a step."""

    def __init__(self, estimates: StencilEstimate) -> None:
        self.estimates = estimates
        self.values, self.bounds, self.steps = estimates.value, estimates.bound, estimates.step

    def tightest(self, among: Array) -> StencilEstimate:
        """For each entry the estimate with the smallest bound among those marked."""
        return self.estimates.picked(np.where(among, self.bounds, np.inf).argmin(axis=0))

    def away(self, best: StencilEstimate) -> Array:
        """How far each estimate is from one."""
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(self.values - best.value))

    def contradicting(self, best: StencilEstimate) -> Array:
        """Where an estimate and `best` cannot both be right."""
        apart = self.away(best) > self.bounds + best.bound
        return np.asarray(apart & np.isfinite(self.bounds))

    def apart(self) -> Array:
        """Which pairs of estimates cannot both be right, as a stack of rows."""
        with np.errstate(invalid="ignore"):
            apart = np.abs(self.values[:, None] - self.values) > self.bounds[:, None] + self.bounds
        # A long step may have met a kink or another bend: it is no witness against a shorter one.
        return np.asarray(apart & (self.steps <= np.maximum(self.steps[:, None], self.steps[0])))

    def confirmed(self) -> Array:
        """Which estimates a neighbouring step confirms.

        Both say something of their own (the bound, but for a jump, is narrower than the value) and
        they agree. On a plateau of rounding, or where the function swings within a step, they don't.
        """
        jumps = self.estimates.half_jump
        with np.errstate(invalid="ignore"):
            telling = self.bounds - jumps < TELLING * (np.abs(self.values) + jumps)
            agree = np.abs(np.diff(self.values, axis=0)) <= self.bounds[1:] + self.bounds[:-1]
        pairs = agree & telling[1:] & telling[:-1]
        confirmed = np.zeros(self.values.shape, dtype=bool)
        confirmed[1:] |= pairs
        confirmed[:-1] |= pairs
        return confirmed
