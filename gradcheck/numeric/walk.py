"""One group of entries after another, each to the step at which its own bound is tight."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import count, islice

import numpy as np

from gradcheck.numeric.estimate import StencilEstimate
from gradcheck.numeric.forward import Visited, random_direction
from gradcheck.numeric.grouping import Groups
from gradcheck.numeric.margins import (
    BLURRED,
    FAR,
    FURTHER,
    HALVINGS,
    LARGEST_STEP,
    MOST_BESIDE,
    MUCH_MORE,
    NEAR,
    NUMBERS_BESIDE,
    ROUNDS,
    STEEP,
    STRAIGHT_STEP,
    SWEEP_FIRST,
    SWEEP_RATIO,
    WANTED,
)
from gradcheck.numeric.stencil import Sample, Stencil
from gradcheck.numeric.steps import (
    StepSearch,
    alone,
    beyond,
    corroborated,
    first_movement,
    first_pair,
    first_step,
    on_stairs,
    roughness,
    sweep,
)
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
    steps: Array
    surroundings: Array
    doubted: tuple[Array, ...] = ()

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> Found:
        """Before anything is known."""
        value, absolute_sum, steps, surroundings = (np.zeros(shape) for _ in range(4))
        bound, kinks = np.full(shape, np.inf), np.zeros(shape, dtype=bool)
        return cls(value, bound, kinks, absolute_sum, steps, surroundings)

    def enter(self, groups: Groups, estimate: StencilEstimate, scale: Array) -> None:
        """Put down what is believed of one group; its steps as parts of the scale."""
        groups.put(self.value, np.where(np.isfinite(estimate.value), estimate.value, 0))
        groups.put(self.bound, estimate.bound)
        groups.put(self.kinks, estimate.kinked)
        groups.put(self.absolute_sum, np.nan_to_num(estimate.absolute_sum))
        groups.put(self.steps, estimate.step / groups.of(scale))


class Walk:
    """A visit to every group of one variable, which remembers what the groups before have shown.

    That is: at which step they ended (`start`, 0 before the first), how large the gradient gets (`largest`),
    how many times the measured noise their stencils saw (`roughness`), and where nothing moved (`idle`).
    """

    def __init__(self, stencil: Stencil) -> None:
        self.stencil = stencil
        self.scale = stencil.variable.scale
        self.near = first_step(stencil.variable.epsilon)
        self.straight = stencil.grouping.straight
        self.start = 0.0
        self.pair = first_pair(stencil.variable.epsilon)
        self.wanted = stencil.variable.epsilon**WANTED
        self.largest = 0.0
        self.roughness = 1.0
        self.idle: list[tuple[Groups, StepSearch]] = []
        self.most = max(1, min(MOST_BESIDE, NUMBERS_BESIDE // max(1, stencil.dy.size)))

    def through(self, progress: Progress | None = None) -> Found:
        """The whole gradient: groups side by side, twice as many each time, while one step will do for all."""
        found, grouping = Found.nothing(self.stencil.variable.shape), self.stencil.grouping
        visited = _counting(progress, grouping.count())
        many = self.most if self.straight else 1
        for run in grouping.runs():
            while members := tuple(islice(run, many)):
                groups = grouping.beside(members)
                left = self._first_step(groups, found, visited)
                for one, seen in left:
                    found.enter(one, self._visit(one, seen), self.scale)
                many = 1 if left else min(2 * many, self.most)
        self._sweep_idle(found)
        found.surroundings, found.doubted = self.stencil.surroundings, self.stencil.doubted
        return found

    def _first_step(
        self, groups: Groups, found: Found, visited: Visited
    ) -> list[tuple[Groups, StencilEstimate | None]]:
        """Enter what one step says, as long as the last group's; return the groups that need others."""
        scale, relative = groups.of(self.scale), STRAIGHT_STEP if self.straight else self.start
        if not relative:
            visited()
            return [(groups, None)]
        sample = self.stencil.sample(
            groups, relative * scale, straight=self.straight, visited=visited
        )
        estimate = self.stencil.judge(sample, self.roughness)
        search = StepSearch(scale)
        good = self._enter(search, estimate)
        found.enter(groups, search.best, self.scale)
        settled = np.all(good.reshape(len(good), -1), axis=1).tolist()
        left = [k for k, done in enumerate(settled) if not done]
        # Between two points may be more than was seen on any line: nothing is known of such a group.
        return [(groups.one(k), None if self.straight else estimate.one(k)) for k in left]

    def _visit(self, groups: Groups, seen: StencilEstimate | None) -> StencilEstimate:
        search = self._search_first(groups) if seen is None else self._search(groups, seen)
        best, blurred = search.best, self._blurred(search)
        if best.absolute_sum[blurred].any():
            return best.choose(self.swept(groups), blurred)
        if blurred.any():
            self.idle.append((groups, search))
        elif len(search.estimates) > 1:
            self._learn(search.estimates, groups)
        return best

    def _blurred(self, search: StepSearch) -> Array:
        """Where all steps together have shown too little of what moves."""
        # Where everything cancels, a small bound on what cancels is all that can be had.
        size = np.maximum(self.largest, search.best.absolute_sum)
        return ~search.good(BLURRED, size) & (len(search.estimates) == ROUNDS)

    def _sweep_idle(self, found: Found) -> None:
        """Sweep the groups in which nothing has moved yet, if anything does when all are moved at once.

        A value that is not used, or whose part a maximum has not taken, moves nothing over any step: it takes
        two dozen evaluations to see that of all its entries, and a hundred of each.
        """
        blurred = [(groups, search.best, self._blurred(search)) for groups, search in self.idle]
        places = [groups.places[where] for groups, _, where in blurred]
        if places and self._moves_anything(np.concatenate(places)):
            for groups, best, where in blurred:
                if where.any():
                    found.enter(groups, best.choose(self.swept(groups), where), self.scale)

    def _moves_anything(self, places: Array) -> bool:
        """Whether some output moves when these entries are moved together, by any step of a sweep or beyond."""
        variable = self.stencil.variable
        rng = np.random.default_rng(variable.position)
        further = [SWEEP_FIRST * SWEEP_RATIO**k for k in range(FURTHER, 0, -1)]

        def moves(step: float) -> bool:
            shift = np.zeros(variable.shape)
            shift.reshape(-1)[places] = step * random_direction(rng, places.shape)
            return bool(variable.touched(shift / LARGEST_STEP).any())

        try:
            return places.size > 0 and any(map(moves, (*further, *sweep(variable.epsilon))))
        except Exception:
            # Out there the forward pass may refuse what it is given.
            return True

    def _search_first(self, groups: Groups) -> StepSearch:
        """The first group is seen twice at least: one stencil may lie by luck on a staircase."""
        scale, stencil = groups.of(self.scale), self.stencil
        pairs = stencil.method == "extrapolated"
        search = StepSearch(scale)
        before = stencil.sample(groups, scale * (self.pair if pairs else self.near))
        good = self._enter(search, stencil.judge(before))
        step, ratio = search.after_first(good)
        sample = stencil.sample(groups, step)
        single = stencil.judge(sample)
        good = self._enter(search, stencil.refine(before, sample, ratio) if pairs else single)
        self.start = alone(single, scale, self.near)
        search = self._go_on(search, groups, good)
        if len(search.estimates) > 2:
            self.start = search.usual_step(self.start)
        return search

    def _search(self, groups: Groups, seen: StencilEstimate) -> StepSearch:
        search = StepSearch(groups.of(self.scale))
        search = self._go_on(search, groups, self._enter(search, seen))
        self.start = search.usual_step(self.start)
        return search

    def _go_on(self, search: StepSearch, groups: Groups, good: Array) -> StepSearch:
        while not good.all() and len(search.estimates) < ROUNDS:
            step = search.next_step(good)
            good = self._enter(search, self.stencil.estimate(groups, step, self.roughness))
        return search

    def _enter(self, search: StepSearch, estimate: StencilEstimate) -> Array:
        """One more estimate; which entries need no other."""
        search.add(estimate)
        # Where the value is no number the bound is infinite, and the difference is none either.
        seen = np.fmax.reduce(np.abs(search.best.value) - search.best.bound, None, initial=0.0)
        self.largest = max(self.largest, float(seen))
        return search.good(self.wanted, self.largest)

    def swept(self, groups: Groups) -> StencilEstimate:
        """The estimate that a sweep over all steps corroborates."""
        long = FAR * self.near * groups.of(self.scale)
        estimates = self._all_steps(self.stencil, groups)
        self._learn(estimates, groups)
        rough = [e._replace(round_off=self.roughness * e.round_off) for e in estimates]
        best = self._without_periods(corroborated(rough, long), long, groups)
        return self._further(best, rough[0], groups)

    def looked_at_again(self, entry: tuple[int, ...]) -> StencilEstimate:
        """As `swept`, of a single entry, and no stair is taken for a plain or a slope.

        A forward pass that rounds something on the way (1 − p beside p = 1) stands still where steps are
        short, and then rises by a whole riser at once. By luck its stencils see a smooth function in that.
        """
        groups = self.stencil.grouping.beside((tuple(slice(k, k + 1) for k in entry),))
        long = FAR * self.near * groups.of(self.scale)
        samples = self._samples(self.stencil, groups)
        estimates = [self.stencil.judge(sample) for sample in samples]
        self._learn(estimates, groups)
        risers = self._risers(samples)
        rough = [
            e._replace(
                round_off=self.roughness * e.round_off,
                truncation=e.truncation + self.stencil.noise_of(risers, sample),
            )
            for e, sample in zip(estimates, samples, strict=True)
        ]
        best = self._without_periods(corroborated(rough, long), long, groups)
        return on_stairs(self._further(best, rough[0], groups), rough, risers)

    def _risers(self, samples: list[Sample]) -> Array:
        """How high an entry's outputs rise at once, where they stand still before it and behind.

        Between a step at which nothing moves and the next longer one the beginning is searched by halving,
        further away where nothing moves within |x|. Behind a kink or a threshold a function moves on.
        """
        groups, heights = samples[0].groups, [self.stencil.height(sample) for sample in samples]
        steps = [sample.step for sample in samples]
        while not np.any(heights[0]) and len(steps) < len(samples) + FURTHER:
            steps.insert(0, SWEEP_RATIO * steps[0])
            heights.insert(0, self.stencil.rise(groups, steps[0]))
        low, high, height = first_movement(steps, heights)
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            here = self.stencil.rise(groups, middle)
            low, high = np.where(here > 0, low, middle), np.where(here > 0, middle, high)
            height = np.where(here > 0, here, height)
        behind = self.stencil.rise(groups, high + (high - low) / 2)
        return np.where((low > 0) & (behind == height), height, 0.0)

    def _without_periods(
        self, best: StencilEstimate, long: Array, groups: Groups
    ) -> StencilEstimate:
        """What a sweep says of a function that swings many times within |x|, where that is better."""
        if self._oscillating is None:
            return best
        other = corroborated(self._all_steps(self._oscillating, groups), long, trusting=False)
        apart = np.abs(best.value - other.value) > best.bound + other.bound
        vaguer = (best.bound > np.abs(best.value)) & (other.bound > best.bound)
        return best.choose(other, (apart & (other.step < best.step)) | vaguer)

    def _further(
        self, best: StencilEstimate, longest: StencilEstimate, groups: Groups
    ) -> StencilEstimate:
        """Where rounding is all that the longest step within |x| meets, what longer ones see.

        A small addend of a large sum moves it by less than its rounding, however straight the sum is.
        """
        far: list[StencilEstimate] = []
        step, wanted = longest.step, longest.drowned & ~_tight(best)
        while wanted.any() and (len(far) < FURTHER or (step < 1).all()):
            step = SWEEP_RATIO * step
            try:
                estimate = self.stencil.estimate(groups, step, self.roughness)
            except Exception:
                # Out there the forward pass may refuse what it is given.
                break
            before = _tight(far[-1]) if far else False
            wanted &= np.where(_tight(estimate), ~np.asarray(before), estimate.drowned)
            far.append(estimate)
        return beyond(best, far)

    def _all_steps(self, stencil: Stencil, groups: Groups) -> list[StencilEstimate]:
        steps = [t * groups.of(self.scale) for t in sweep(stencil.variable.epsilon)]
        # All are seen before any is judged: the shortest show how high a stair is.
        return [stencil.judge(sample) for sample in [stencil.sample(groups, s) for s in steps]]

    def _samples(self, stencil: Stencil, groups: Groups) -> list[Sample]:
        """All steps of a sweep, the longest first."""
        return [
            stencil.sample(groups, t * groups.of(self.scale))
            for t in sweep(stencil.variable.epsilon)
        ]

    def _learn(self, estimates: list[StencilEstimate], groups: Groups) -> None:
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


def _counting(progress: Progress | None, total: int) -> Visited:
    """Tells how many groups have been visited."""
    done = count(1)
    return lambda: None if progress is None else progress(next(done), total)


def _tight(estimate: StencilEstimate) -> Array:
    """Where a bound leaves no verdict open."""
    return np.asarray(estimate.bound <= BLURRED * np.abs(estimate.value))
