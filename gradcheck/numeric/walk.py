"""One group of entries after another, each to the step at which its own bound is tight."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice

import numpy as np

from gradcheck.numeric.estimate import StencilEstimate
from gradcheck.numeric.forward import Visited, random_direction
from gradcheck.numeric.grouping import Groups
from gradcheck.numeric.margins import (
    BLURRED,
    FURTHER,
    LARGEST_STEP,
    MOST_BESIDE,
    NUMBERS_BESIDE,
    ROUNDS,
    STRAIGHT_STEP,
    SWEEP_FIRST,
    SWEEP_RATIO,
    WANTED,
)
from gradcheck.numeric.stencil import Stencil
from gradcheck.numeric.steps import StepSearch, alone, first_pair, first_step, median, sweep
from gradcheck.numeric.sweeping import Sweeping
from gradcheck.result import Array

BEYOND_SWEEP = [SWEEP_FIRST * SWEEP_RATIO**k for k in range(FURTHER, 0, -1)]
"""Relative steps beyond |x|, the longest first: it is the likeliest to move anything."""

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


@dataclass(frozen=True, eq=False)
class _Blurred:
    """Groups side by side of which too little is seen, what is believed of them, and of which entries that is."""

    groups: Groups
    best: StencilEstimate
    where: Array

    def some(self, which: Array) -> _Blurred:
        """Some of the groups."""
        return _Blurred(self.groups.some(which), self.best.some(which), self.where[which])

    def numbers(self) -> list[int]:
        """Which of the groups have such entries."""
        return [int(k) for k in np.flatnonzero(_each_any(self.where))]

    def places(self, k: int) -> Array:
        """Those entries of one group, counted through the input."""
        return np.asarray(self.groups.places[k][self.where[k]])


_OneBlurred = tuple[_Blurred, int]
"""One of them."""


class Walk:
    """A visit to every group of one variable, which remembers what the groups before have shown.

    That is: at which step they ended (`start`, 0 before the first), how large the gradient gets (`largest`),
    how noisy their stencils were (`sweeping`), and where nothing moved (`idle`).
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
        self.sweeping = Sweeping(stencil)
        self.idle: list[tuple[Groups, StepSearch]] = []
        self.most = max(1, min(MOST_BESIDE, NUMBERS_BESIDE // max(1, stencil.dy.size)))

    def through(self, progress: Progress | None = None) -> Found:
        """The whole gradient: groups side by side, twice as many each time."""
        found, grouping = Found.nothing(self.stencil.variable.shape), self.stencil.grouping
        visited = _counting(progress, grouping.count())
        many = self.most if self.straight else 1
        for run in grouping.runs():
            while members := tuple(islice(run, many)):
                for groups, search in self._first_step(grouping.beside(members), found, visited):
                    self._go_on(groups, search, found)
                many = min(2 * many, self.most)
        self._sweep_idle(found)
        found.surroundings, found.doubted = self.stencil.surroundings, self.stencil.doubted
        return found

    def _first_step(
        self, groups: Groups, found: Found, visited: Visited
    ) -> Iterator[tuple[Groups, StepSearch]]:
        """Enter what one step says, as long as the last groups'; go on with those that need others."""
        scale, relative = groups.of(self.scale), STRAIGHT_STEP if self.straight else self.start
        if not relative:
            visited()
            yield groups, self._search_first(groups)
            return
        sample = self.stencil.sample(
            groups, relative * scale, straight=self.straight, visited=visited
        )
        search = StepSearch(scale)
        good = self._enter(search, self.stencil.judge(sample, self.sweeping.roughness))
        found.enter(groups, search.best, self.scale)
        left = ~_each_all(good)
        if left.any():
            # Between two points may be more than was seen on any line: nothing is known of such groups.
            some = groups.some(left)
            yield some, self._search_first(some) if self.straight else search.some(left)

    def _go_on(self, groups: Groups, search: StepSearch, found: Found) -> None:
        """Other steps for groups that need them, for each as many as it needs; then a sweep."""
        ended, tried = [], len(search.estimates)
        while groups.members:
            good = self._good(search)
            left = ~_each_all(good) & (len(search.estimates) < ROUNDS)
            if not left.all():
                self._settle(groups.some(~left), search.some(~left), found)
                if len(search.estimates) > tried:
                    ended.append(search.some(~left).relative_steps())
                groups, search, good = groups.some(left), search.some(left), good[left]
            if groups.members:
                step, roughness = search.next_step(good), self.sweeping.roughness
                self._enter(search, self.stencil.estimate(groups, step, roughness))
        if ended and len(steps := np.concatenate(ended)):
            self.start = median(steps)

    def _settle(self, groups: Groups, search: StepSearch, found: Found) -> None:
        """Enter what is believed of groups, after a sweep where all steps together have shown too little."""
        best, blurred = search.best, self._blurred(search)
        found.enter(groups, best, self.scale)
        moving = _each_any(blurred & (best.absolute_sum != 0))
        idle = _each_any(blurred) & ~moving
        if moving.any():
            some = _Blurred(groups, best, blurred).some(moving)
            self._enter_swept(some, self.sweeping.swept, found)
        if idle.any():
            self.idle.append((groups.some(idle), search.some(idle)))
        if len(search.estimates) > 1 and not blurred.any():
            self.sweeping.learn(StencilEstimate.at_steps(search.estimates), groups)

    def _enter_swept(
        self, some: _Blurred, swept: Callable[[Groups], StencilEstimate], found: Found
    ) -> None:
        found.enter(some.groups, some.best.choose(swept(some.groups), some.where), self.scale)

    def _blurred(self, search: StepSearch) -> Array:
        """Where all steps together have shown too little of what moves."""
        # Where everything cancels, a small bound on what cancels is all that can be had.
        size = np.maximum(self.largest, search.best.absolute_sum)
        return ~search.good(BLURRED, size) & (len(search.estimates) == ROUNDS)

    def _sweep_idle(self, found: Found) -> None:
        """Sweep the groups in which nothing has moved yet, where anything does, and from where on it does.

        A value that is not used, or whose part a maximum has not taken, moves nothing over any step: it takes
        two dozen evaluations to see that of all its entries, and a hundred of each.
        """
        several = [_Blurred(one, search.best, self._blurred(search)) for one, search in self.idle]
        idle = [(one, k) for one in several for k in one.numbers()]
        near = self._moving(idle, sweep(self.stencil.variable.epsilon))
        far = self._moving([one for one in idle if one not in near], BEYOND_SWEEP)
        for moving, swept in ((near, self.sweeping.swept), (far, self.sweeping.seen_from_afar)):
            for one in several:
                where = np.array([(one, k) in moving for k in range(len(one.groups.members))])
                if where.any():
                    self._enter_swept(one.some(where), swept, found)

    def _moving(self, idle: Sequence[_OneBlurred], steps: Sequence[float]) -> set[_OneBlurred]:
        """Those that move an output by one of these steps: all at once, then the halves of what moves."""
        places = np.concatenate([one.places(k) for one, k in idle]) if idle else np.array([], int)
        if not self._moves_anything(places, steps):
            return set()
        half = len(idle) // 2
        return (
            set(idle)
            if not half
            else self._moving(idle[:half], steps) | self._moving(idle[half:], steps)
        )

    def _moves_anything(self, places: Array, steps: Sequence[float]) -> bool:
        """Whether some output moves when these entries are moved together, by any of some steps."""
        variable = self.stencil.variable
        rng = np.random.default_rng(variable.position)

        def moves(step: float) -> bool:
            shift = np.zeros(variable.shape)
            shift.reshape(-1)[places] = step * random_direction(rng, places.shape)
            return bool(variable.touched(shift / LARGEST_STEP).any())

        return places.size > 0 and any(map(moves, steps))

    def _search_first(self, groups: Groups) -> StepSearch:
        """The first groups are seen twice at least: one stencil may lie by luck on a staircase."""
        scale, stencil = groups.of(self.scale), self.stencil
        pairs = stencil.method == "extrapolated"
        search = StepSearch(scale)
        before = stencil.sample(groups, scale * (self.pair if pairs else self.near))
        good = self._enter(search, stencil.judge(before))
        step, ratio = search.after_first(good)
        sample = stencil.sample(groups, step)
        single = stencil.judge(sample)
        self._enter(search, stencil.refine(before, sample, ratio) if pairs else single)
        self.start = alone(single, scale, self.near)
        return search

    def _enter(self, search: StepSearch, estimate: StencilEstimate) -> Array:
        """One more estimate; which entries need no other."""
        search.add(estimate)
        # Where the value is no number the bound is infinite, and the difference is none either.
        seen = np.fmax.reduce(np.abs(search.best.value) - search.best.bound, None, initial=0.0)
        self.largest = max(self.largest, float(seen))
        return self._good(search)

    def _good(self, search: StepSearch) -> Array:
        return search.good(self.wanted, self.largest)


def _counting(progress: Progress | None, total: int) -> Visited:
    """Tells how many groups have been visited."""
    done = count(1)
    return lambda: None if progress is None else progress(next(done), total)


def _each_all(flags: Array) -> Array:
    """Of each group, whether it holds of all its entries."""
    return np.asarray(flags.reshape(len(flags), -1).all(axis=1))


def _each_any(flags: Array) -> Array:
    """Of each group, whether it holds of any of its entries."""
    return np.asarray(flags.reshape(len(flags), -1).any(axis=1))
