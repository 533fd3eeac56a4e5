"""Five points on a line through x, and what their differences say: a value, and every part of its error.

For L(x) = Σ dy·f(x) and one entry moved by ±h, the central quotient and its extrapolation are

    D(h) = Σ dy·(f(x+h) − f(x−h)) / 2h              error h²/6·L''' + …
    R    = (4 D(h/2) − D(h)) / 3                    error h⁴ (Richardson 1911)

and what is claimed of R is

    |R − L'| ≤ 2 |R − D(h/2)| + stencil noise + round-off + half the jump at a kink

|R − D(h/2)| estimates the error of the *worse* of the two values, which is what makes it a bound on
the better. Round-off is the measured noise of the outputs divided by the width; stencil noise is what
the fourth difference of these five points shows beyond it, which a smooth function leaves at h⁴ and a
noisy one at √70 times its noise (the column of a difference table of Moré and Wild, Estimating
Computational Noise, 2011). The difference comes first and the sum after, so that outputs which an
entry does not touch cancel exactly; the step is the one really taken, (x+h) − (x−h).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.numeric.estimate import StencilEstimate
from gradcheck.numeric.forward import Visited
from gradcheck.numeric.grouping import Grouping, Groups
from gradcheck.numeric.kinks import jump
from gradcheck.numeric.margins import (
    CAUTION,
    CONTRACTION,
    CONVERGING,
    EPSILON,
    EXTRAPOLATED,
    FIVE,
    FOURTH_DIFFERENCE,
    MOVED,
    STENCIL_CAUTION,
    SWEEP_FIRST,
)
from gradcheck.numeric.steps import first_pair, first_step
from gradcheck.numeric.variable import Variable
from gradcheck.result import Array


@dataclass(frozen=True)
class Points:
    """The forward pass at x ± h and x ± h/2, and how far apart the points really are."""

    far_down: Array
    down: Array
    middle: Array
    up: Array
    far_up: Array
    wide: Array
    narrow: Array
    ahead: Array
    far_ahead: Array

    @cached_property
    def moved(self) -> Array:
        """How far each output has moved, to the side where it has moved further."""
        up, down = np.abs(self.far_up - self.middle), np.abs(self.far_down - self.middle)
        return np.asarray(np.maximum(up, down))

    def some(self, which: slice) -> Points:
        """Those of some groups of several."""
        down, up = (self.far_down[which], self.down[which]), (self.up[which], self.far_up[which])
        widths = (self.wide, self.narrow, self.ahead, self.far_ahead)
        return Points(*down, self.middle, *up, *(width[which] for width in widths))

    def second_differences(self) -> tuple[Array, Array, Array]:
        """Across the point, to its right and to its left, all over the same spacing h/2."""
        f = self.middle
        return (
            self.up - 2 * f + self.down,
            self.far_up - 2 * self.up + f,
            self.far_down - 2 * self.down + f,
        )


@dataclass(frozen=True)
class Sample:
    """Five points of a group, the jumps of each output's slope there, and the fourth differences.

    Of several steps those of one lie behind those of the other.
    """

    groups: Groups
    step: Array
    points: Points
    jumps: Array
    fourth: Array
    steps: int = 1

    @cached_property
    def each(self) -> tuple[Sample, ...]:
        """The samples of the steps, one by one."""
        if self.steps == 1:
            return (self,)
        many = len(self.step) // self.steps
        groups = Groups(self.groups.members[:many], self.groups.places[:many])
        return tuple(self._one(groups, slice(k, k + many)) for k in range(0, len(self.step), many))

    def _one(self, groups: Groups, part: slice) -> Sample:
        points = self.points.some(part)
        return Sample(groups, self.step[part], points, self.jumps[part], self.fourth[part])

    def by_step(self, told: Array) -> Array:
        """What is told of every group at every step, with the steps along an axis of their own."""
        return told.reshape(self.steps, len(told) // self.steps, *told.shape[1:])


class Stencil:
    """Difference quotients of one variable under one upstream gradient, group by group.

    Args:
        variable: the input that moves.
        grouping: which of its entries move together.
        dy: the upstream gradient.
        noise: the measured noise of each output.
        method: `extrapolated`, `central` or `forward`.
        doubts: what may be wrong with dy, output by output, of one kind after another.
    """

    def __init__(
        self,
        variable: Variable,
        grouping: Grouping,
        dy: Array,
        noise: Array,
        method: str,
        doubts: Sequence[Array] = (),
    ) -> None:
        self.variable = variable
        self.grouping = grouping
        self.dy = dy
        self.noise = noise
        self.method = method
        self._noises: dict[Any, Array] = {}
        self._risers = np.full(dy.shape, np.inf)
        self.surroundings = np.zeros(variable.shape)
        """The slope over the longest step within |x|, or the first beyond it that moves an output by more
        than noise, with nothing cancelling."""
        self.doubts = doubts
        self.doubted = tuple(np.full(variable.shape, np.nan) for _ in doubts)
        """What each doubt comes to, Σ doubt |∂f/∂x|, to the few digits that a bound needs."""

    def estimate(self, groups: Groups, step: Array, roughness: float = 1.0) -> StencilEstimate:
        """What one step says of every entry of a group. Four evaluations.

        Args:
            groups: the entries that move.
            step: how far each of them moves.
            roughness: how many times the measured noise there is.
        """
        return self.judge(self.sample(groups, step), roughness)

    def sample(
        self,
        groups: Groups,
        step: Array,
        *,
        straight: bool = False,
        visited: Visited = lambda: None,
    ) -> Sample:
        """The five points themselves.

        Args:
            groups: the entries that move.
            step: how far each of them moves.
            straight: take the points half way to lie between the others, as on every line that was seen.
            visited: called after each group.
        """
        points = self._points(groups, step, straight, visited)
        self._learn_risers((points.far_down, points.down, points.up, points.far_up))
        centre, right, left = points.second_differences()
        noise = self.noise + MOVED * self.variable.epsilon * points.moved
        jumps = jump(centre, right, left, noise)
        return Sample(
            groups, step, points, jumps, np.where(jumps > 0, 0, right + left - 2 * centre)
        )

    def sweep(self, groups: Groups, steps: Sequence[Array]) -> Sample:
        """The samples of several steps at once: all are seen before any is judged."""
        sample = self.sample(groups.over(len(steps)), np.concatenate(steps))
        return replace(sample, steps=len(steps))

    def judge(self, sample: Sample, roughness: float = 1.0) -> StencilEstimate:
        """What a sample says, with a bound on its error."""
        points, groups = sample.points, sample.groups
        with np.errstate(all="ignore"):
            fine = self._sum(self.dy * (points.up - points.down), groups) / points.narrow
            value, correction = self._value(points, fine, groups)
            noise = self._stencil_noise(sample.fourth, groups) / points.wide
            half_jump, bent = self._half_jump(sample)
            absolute = (
                self._sum(np.abs(self.dy * (points.up - points.down)), groups) / points.narrow
            )
            moved = self._sum(np.abs(self.dy) * points.moved, groups)
            for one in sample.each:
                self._learn_surroundings(one)
                self._learn_doubts(one)
            rounded = roughness * self._noise_of(groups) + MOVED * self.variable.epsilon * moved
            # The last term is this arithmetic's own: all that is left where outputs are exact.
            round_off = EXTRAPOLATED * rounded / points.wide + CONTRACTION * EPSILON * absolute
            # Or a kink was passed, as is more common: a shorter step tells.
            bent = bent + EXTRAPOLATED * self._noise_of_stairs(sample) / points.wide
            truncation = 2 * np.abs(correction) + noise + bent
        return StencilEstimate(
            sample.step, value, truncation, noise, round_off, half_jump, absolute, correction
        )

    def height(self, sample: Sample) -> Array:
        """How far the outputs of each entry have moved, to the side where they have moved further.

        A side on which an output is no finite number is out of the function's domain, and tells nothing.
        """
        return self._height((sample.points.far_up, sample.points.far_down), sample.groups)

    def rise(self, groups: Groups, step: Array, tread: Sample | None = None) -> Array:
        """The height of a sample that was not taken, above the slope of a `tread`: two evaluations."""
        x = groups.of(self.variable.array)
        places = [self.variable.rounded(x + t * step) for t in (-1.0, 1.0)]
        ends = self.variable.values(groups, places, lambda: None)
        self._learn_risers(ends)
        if tread is not None:
            times = (step / tread.step).reshape(-1, *(1 for _ in self.variable.forward.value.shape))
            slope = times * (tread.points.far_up - tread.points.far_down) / 2
            ends = [ends[0] + slope, ends[1] - slope]
        return self._height(ends, groups)

    def _height(self, ends: Iterable[Array], groups: Groups) -> Array:
        sides = (np.abs(far - self.variable.forward.value) for far in ends)
        moved = np.maximum(*(np.where(np.isfinite(side), side, 0.0) for side in sides))
        return self._sum(np.abs(self.dy) * moved, groups)

    def noise_of(self, risers: Array, sample: Sample) -> Array:
        """What risers of this height add to a quotient, step by step."""
        return np.asarray(EXTRAPOLATED * CAUTION * risers / sample.by_step(sample.points.wide))

    def refine(self, longer: Sample, sample: Sample, ratio: float) -> StencilEstimate:
        """What two samples say together, where the second step is `ratio` times the first.

        One more extrapolation, (R(ρh) − ρ⁴ R(h)) / (1 − ρ⁴), leaves an error of h⁶; again the distance to
        the worse value is a bound on the better. It is believed where the two corrections are seen to
        shrink as ρ², as those of a smooth function do (the observed order of convergence: Roache,
        Perspective: a method for uniform reporting of grid refinement studies, 1994).
        """
        first, second = self.judge(longer), self.judge(sample)
        square, weight = ratio**2, ratio**4
        with np.errstate(all="ignore"):
            value = second.value + weight / (1 - weight) * (second.value - first.value)
            rounded = second.round_off + weight * first.round_off
            round_off = rounded / (1 - weight)
            rest = self._stencil_noise(sample.fourth - weight * longer.fourth, sample.groups)
            noise = rest / np.sqrt(1 + weight**2) / (1 - weight) / sample.points.wide
            stairs = EXTRAPOLATED * self._noise_of_stairs(sample) / sample.points.wide
            refined = second._replace(
                value=value,
                # Measured at neighbouring points or seen in these: the same noise, the larger counts.
                truncation=np.abs(value - second.value) + np.maximum(noise - round_off, 0) + stairs,
                stencil_noise=noise,
                round_off=round_off,
            )
            gap = np.abs(second.correction - square * first.correction)
            allowed = CONVERGING * square * np.abs(first.correction) + rounded
            smooth = (gap <= allowed) & (first.half_jump == 0) & (second.half_jump == 0)
        apart = second.step != ratio * first.step
        return second.choose(refined, smooth & ~apart & (refined.bound < second.bound))

    def _points(self, groups: Groups, step: Array, straight: bool, visited: Visited) -> Points:
        x, f = groups.of(self.variable.array), self.variable.forward.value
        parts = (-1.0, 1.0) if straight else FIVE
        places = [self.variable.rounded(x + t * step) for t in parts]
        far_down, *between, far_up = self.variable.values(groups, places, visited)
        exact = [place.astype(np.result_type(x, np.float64), copy=False) for place in places]
        wide, far = exact[-1] - exact[0], exact[-1] - x
        if straight:
            down, up = f + (far_down - f) / 2, f + (far_up - f) / 2
            return Points(far_down, down, f, up, far_up, wide, wide / 2, far / 2, far)
        down, up = between
        narrow, near = exact[2] - exact[1], exact[2] - x
        return Points(far_down, down, f, up, far_up, wide, narrow, near, far)

    def _value(self, points: Points, fine: Array, groups: Groups) -> tuple[Array, Array]:
        """The quotient that the method believes, and what the better of two adds to the worse."""
        if self.method == "forward":
            value = self._sum(self.dy * (points.up - points.middle), groups) / points.ahead
            further = (
                self._sum(self.dy * (points.far_up - points.middle), groups) / points.far_ahead
            )
            return value, value - further
        coarse = self._sum(self.dy * (points.far_up - points.far_down), groups) / points.wide
        ratio = (points.wide / points.narrow) ** 2
        extrapolated = (ratio * fine - coarse) / (ratio - 1)
        value = extrapolated if self.method == "extrapolated" else fine
        return value, extrapolated - fine

    def _stencil_noise(self, differences: Array, groups: Groups) -> Array:
        """The noise that fourth differences show, in a quotient over the width one."""
        noise = self._root_sum_square(self.dy * differences, groups)
        return np.asarray(EXTRAPOLATED * STENCIL_CAUTION / np.sqrt(FOURTH_DIFFERENCE) * noise)

    def _half_jump(self, sample: Sample) -> tuple[Array, Array]:
        """Half the jump of the slope at a kink, and by how much it may be misjudged.

        Each one-sided slope is taken over h/2, and misses by h/4·f'': half the second difference there.
        """
        if not sample.jumps.any():
            nothing = np.zeros(sample.step.shape)
            return nothing, nothing
        _, right, left = sample.points.second_differences()
        weight, narrow = np.abs(self.dy), sample.points.narrow
        half_jump = self._sum(weight * sample.jumps, sample.groups) / narrow
        curved = np.where(sample.jumps > 0, np.abs(right) + np.abs(left), 0.0)
        # A forward quotient sees one side alone, so that the other may be a whole jump away.
        whole = 2 * half_jump if self.method == "forward" else half_jump
        return whole, self._sum(weight * curved, sample.groups) / narrow

    def _noise_of(self, groups: Groups) -> Array:
        """The noise of the sum that is read off for each entry of a group."""
        key = self.grouping.key(groups.first)
        if key not in self._noises:
            noise = (self.dy * self.noise)[None]
            self._noises[key] = CAUTION * self._root_sum_square(noise, groups, at_least=True)
        return self._noises[key]

    def _learn_risers(self, several: Iterable[Array]) -> None:
        """The smallest movement of an output that stood still when noise was measured.

        A smooth function moves by more than its rounding over that length. One that does not, and moves
        later, is a staircase (rounded, saturated, cast on the way), and a riser is its noise.
        """
        still = self.variable.forward.still
        if still is None or not still.any():
            return
        for moved in several:
            riser = np.abs(moved - self.variable.forward.value)
            seen = still & (riser > 0)
            risen = np.where(seen, riser, np.inf).min(axis=0)
            self._risers = np.fmin(self._risers, risen)

    def _learn_surroundings(self, sample: Sample) -> None:
        groups = sample.groups
        scale, known = groups.of(self.variable.scale), groups.of(self.surroundings)
        new = (sample.step >= SWEEP_FIRST * scale) & (known == 0)
        if new.any():
            moved = self._sum(np.abs(self.dy) * sample.points.moved, groups)
            slope = np.nan_to_num((moved - self._noise_of(groups)) / sample.step, posinf=0.0)
            groups.put(self.surroundings, np.where(new, np.maximum(slope, 0), known))

    def _learn_doubts(self, sample: Sample) -> None:
        """By the steepest of the usual steps, or the first of all where none of them is taken."""
        if not self.doubts:
            return
        groups, points, step = sample.groups, sample.points, sample.step
        scale, epsilon = groups.of(self.variable.scale), self.variable.epsilon
        usual = (first_step(epsilon) * scale <= step) & (step <= first_pair(epsilon) * scale)
        for doubt, doubted in zip(self.doubts, self.doubted, strict=True):
            known = groups.of(doubted)
            slope = self._sum(doubt * np.abs(points.up - points.down), groups) / points.narrow
            first = np.where(np.isnan(known), slope, known)
            groups.put(doubted, np.where(usual, np.fmax(first, slope), first))

    def _noise_of_stairs(self, sample: Sample) -> Array | float:
        """What the risers add, where a sample climbed any."""
        climbed = np.isfinite(self._risers) & (sample.points.moved > 0)
        return CAUTION * self.risers_of(sample.groups, climbed) if climbed.any() else 0.0

    def risers_of(self, groups: Groups, climbed: Array) -> Array:
        """What the risers that are known come to in each entry, of those outputs that have climbed one."""
        risers = np.where(np.isfinite(self._risers) & climbed, self._risers, 0.0)
        return self._root_sum_square(self.dy * risers, groups)

    def _root_sum_square(self, effects: Array, groups: Groups, *, at_least: bool = False) -> Array:
        """√Σ effects² for each entry, scaled so that no square over- or underflows."""
        sizes = np.abs(effects)
        largest = sizes.max(axis=tuple(range(1, sizes.ndim)), initial=0.0, keepdims=True)
        scale = np.where((largest > 0) & (largest < np.inf), largest, 1.0)
        squares = self.grouping.gather((sizes / scale) ** 2, groups.first, at_least=at_least)
        return scale.reshape(-1, *(1 for _ in self.grouping.shape)) * np.sqrt(squares)

    def _sum(self, effects: Array, groups: Groups) -> Array:
        return self.grouping.gather(effects, groups.first)
