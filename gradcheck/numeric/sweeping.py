"""A sweep over all steps that can mean anything, of groups whose bound no few steps have made tight."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from gradcheck.numeric.estimate import StencilEstimate
from gradcheck.numeric.grouping import Groups
from gradcheck.numeric.margins import (
    BLURRED,
    FAR,
    FURTHER,
    HALVINGS,
    MUCH_MORE,
    NEAR,
    STAIRS,
    STEEP,
    SWEEP_FIRST,
    SWEEP_RATIO,
    WITHIN,
)
from gradcheck.numeric.stencil import Sample, Stencil
from gradcheck.numeric.steps import (
    beyond,
    corroborated,
    departing,
    first_movement,
    first_step,
    on_stairs,
    roughness,
    sweep,
)
from gradcheck.result import Array


class Sweeping:
    """Sweeps of one variable's groups, which remember how many times the measured noise the stencils saw."""

    def __init__(self, stencil: Stencil) -> None:
        self.stencil = stencil
        self.scale = stencil.variable.scale
        self.near = first_step(stencil.variable.epsilon)
        self.roughness = 1.0

    def swept(self, groups: Groups) -> StencilEstimate:
        """The estimate that a sweep over all steps corroborates."""
        long = FAR * self.near * groups.of(self.scale)
        _, estimates = self._all_steps(self.stencil, groups)
        self.learn(estimates, groups)
        rough = estimates._replace(round_off=self.roughness * estimates.round_off)
        best = self._without_periods(corroborated(rough, long), long, groups)
        return self._further(best, rough.at(0), groups)

    def seen_from_afar(self, groups: Groups) -> StencilEstimate:
        """The same of groups that were seen to stand still within |x|: the longest step there speaks for all."""
        longest = self.stencil.estimate(groups, SWEEP_FIRST * groups.of(self.scale), self.roughness)
        if longest.absolute_sum.any():
            return self.swept(groups)
        return self._further(longest, longest, groups)

    def looked_at_again(self, entry: tuple[int, ...]) -> StencilEstimate:
        """As `swept`, of a single entry, and no stair is taken for a plain or a slope.

        A forward pass that rounds something on the way (1 − p beside p = 1) stands still where steps are
        short, and then rises by a whole riser at once. By luck its stencils see a smooth function in that.
        """
        groups = self.stencil.grouping.beside((tuple(slice(k, k + 1) for k in entry),))
        long = FAR * self.near * groups.of(self.scale)
        sample, estimates = self._all_steps(self.stencil, groups)
        self.learn(estimates, groups)
        sloping = self._risers_between_slopes(sample, estimates, corroborated(estimates, long))
        risers, tread = self._risers(groups, sample)
        # Others of its outputs may stand on stairs that are higher, and rise further away.
        every = np.ones_like(sample.each[0].points.moved, dtype=bool)
        together = np.where(risers > 0, self.stencil.risers_of(groups, every), 0.0)
        risers = np.max([risers, together, sloping], axis=0)
        rough = estimates._replace(
            round_off=self.roughness * estimates.round_off,
            truncation=estimates.truncation + self.stencil.noise_of(risers, sample),
        )
        best = self._without_periods(corroborated(rough, long), long, groups)
        return on_stairs(self._further(best, rough.at(0), groups), rough, risers, tread)

    def _risers(self, groups: Groups, sample: Sample) -> tuple[Array, Array]:
        """How high an entry's outputs rise at once, standing still before it and behind; and how far before.

        Between a step at which nothing moves and the next longer one the beginning is searched by halving,
        further away where nothing moves within |x|. Behind a kink or a threshold a function moves on.
        """
        heights = [*sample.by_step(self.stencil.height(sample))]
        steps = [*sample.by_step(sample.step)]
        while not np.any(heights[0]) and len(steps) < sample.steps + FURTHER:
            steps.insert(0, SWEEP_RATIO * steps[0])
            heights.insert(0, self.stencil.rise(groups, steps[0]))
        low, high, height = first_movement(steps, heights)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            here = self.stencil.rise(groups, middle)
            low, high = np.where(here > 0, low, middle), np.where(here > 0, middle, high)
            height = np.where(here > 0, here, height)
        behind = self.stencil.rise(groups, high + (high - low) / 2)
        return np.where((low > 0) & (behind == height), height, 0.0), low

    def _risers_between_slopes(
        self, sample: Sample, estimates: StencilEstimate, best: StencilEstimate
    ) -> Array:
        """How high the outputs of a single entry jump, where its stairs have treads that slope.

        In x / (1 + e), with e in float32, short steps see x alone and agree; longer ones agree on another slope.
        By halving, what departs from the tread's slope is searched for a jump: a continuous function,
        bent or kinked, has next to none between two places so near each other.
        """
        k, longer = departing(best, estimates)
        samples = sample.each
        for i in longer:
            jump = self._jump(samples[k], samples[i])
            if jump.any():
                # A stair is followed by others; a threshold nearby stands alone.
                furthest = self.stencil.rise(samples[0].groups, samples[0].step, samples[k])
                return np.where(furthest >= STAIRS * jump, jump, 0.0)
        return np.zeros(samples[0].step.shape)

    def _jump(self, tread: Sample, longer: Sample) -> Array:
        """The jump by which the outputs leave the slope of a tread, before the end of a longer step; 0 if none."""
        groups, low, high, below = tread.groups, tread.step, longer.step, np.zeros(tread.step.shape)
        whole = height = self.stencil.rise(groups, high, tread)
        for _ in range(4 * HALVINGS):
            middle = (low + high) / 2
            here = self.stencil.rise(groups, middle, tread)
            if np.all(here >= WITHIN * whole):
                high, height = middle, here
            else:
                low, below = middle, here
            # Between two places ever nearer each other a jump stays, and what is continuous dwindles.
            if np.all(height - below < whole / 2**HALVINGS):
                return np.zeros(whole.shape)
        return height - below

    def _without_periods(
        self, best: StencilEstimate, long: Array, groups: Groups
    ) -> StencilEstimate:
        """What a sweep says of a function that swings many times within |x|, where that is better."""
        if self._oscillating is None:
            return best
        _, estimates = self._all_steps(self._oscillating, groups)
        other = corroborated(estimates, long, trusting=False)
        apart = np.abs(best.value - other.value) > best.bound + other.bound
        vaguer = (best.bound > np.abs(best.value)) & (other.bound > best.bound)
        return best.choose(other, (apart & (other.step < best.step)) | vaguer)

    def _further(
        self, best: StencilEstimate, longest: StencilEstimate, groups: Groups
    ) -> StencilEstimate:
        """Where rounding is all that the longest step within |x| meets, what longer ones see.

        A small addend of a large sum moves it by less than its rounding, however straight the sum is.
        """
        wanted = longest.drowned & ~_tight(best)
        where = np.asarray(wanted.reshape(len(wanted), -1).any(axis=1))
        if not where.any():
            return best
        far = self._far(groups.some(where), longest.some(where), wanted[where])
        return best.put(where, beyond(best.some(where), far))

    def _far(
        self, groups: Groups, longest: StencilEstimate, wanted: Array
    ) -> list[StencilEstimate]:
        """Longer and longer steps, until a tight one is followed by another."""
        far: list[StencilEstimate] = []
        step = longest.step
        while wanted.any() and (len(far) < FURTHER or (step < 1).all()):
            step = SWEEP_RATIO * step
            estimate = self.stencil.estimate(groups, step, self.roughness)
            before = _tight(far[-1]) if far else False
            wanted &= np.where(_tight(estimate), ~np.asarray(before), estimate.drowned)
            far.append(estimate)
        return far

    def _all_steps(self, stencil: Stencil, groups: Groups) -> tuple[Sample, StencilEstimate]:
        """All steps of a sweep, the longest first: the shortest show how high a stair is."""
        scale = groups.of(self.scale)
        sample = stencil.sweep(groups, [t * scale for t in sweep(stencil.variable.epsilon)])
        return sample, StencilEstimate(*map(sample.by_step, stencil.judge(sample)))

    def learn(self, estimates: StencilEstimate, groups: Groups) -> None:
        """Whether these stencils saw more noise than was measured; the next groups will too."""
        seen = roughness(estimates, NEAR * self.near * groups.of(self.scale))
        self.roughness = max(self.roughness, seen)

    @cached_property
    def _oscillating(self) -> Stencil | None:
        """A stencil that takes most of the measured noise for a function of many periods within |x|.

        Over the length on which noise is measured, sin at 1e10 swings many times, and longer steps
        agree with each other on nothing. Such a function is steep already within an ulp; a staircase
        of rounding is flat there.
        """
        stencil = self.stencil
        close, floor = stencil.variable.noise_within_an_ulp()
        steep = (close > STEEP * floor) & (stencil.noise > MUCH_MORE * close)
        if not steep.any():
            return None
        noise = np.where(steep, close, stencil.noise)
        return Stencil(stencil.variable, stencil.grouping, stencil.dy, noise, stencil.method)


def _tight(estimate: StencilEstimate) -> Array:
    """Where a bound leaves no verdict open."""
    return np.asarray(estimate.bound <= BLURRED * np.abs(estimate.value))
