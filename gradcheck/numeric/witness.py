"""The numerical witness: for every entry of a gradient a difference quotient, and a bound on its error.

The story: which entries can be moved together is probed (`grouping`), each group is visited with steps
that suit it (`walk`, `steps`), a stencil says value and error (`stencil`), the grouping is confirmed
along a random direction, and at kinks (`kinks`, `neighbours`) the one-sided slopes span the bound.
Assumed is only that f is smooth, or straight on both sides of a kink, over the last step taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from gradcheck.layer import listed
from gradcheck.numeric.around import Around, allowing, undecided
from gradcheck.numeric.complexstep import complex_step
from gradcheck.numeric.forward import Forward, random_direction
from gradcheck.numeric.gradient import NumericalGradient
from gradcheck.numeric.grouping import Grouping, find_grouping
from gradcheck.numeric.kinks import Joint, directions, joint_direction, tied_with
from gradcheck.numeric.lifted import is_small, lift
from gradcheck.numeric.margins import CAUTION, CONTRACTION, EPSILON, FIVE, LINES, OUTSIDE, UNBACKED
from gradcheck.numeric.meanvalue import left_open
from gradcheck.numeric.neighbours import Hull, Neighbours
from gradcheck.numeric.second_look import second_look
from gradcheck.numeric.stencil import Stencil
from gradcheck.numeric.steps import first_step
from gradcheck.numeric.sweeping import Sweeping
from gradcheck.numeric.variable import Variable, scales
from gradcheck.numeric.walk import Found, Progress, Walk
from gradcheck.result import Array

Claims = Mapping[int, tuple[Array, Array]]
"""Of inputs by position: which entries are at a kink, and the gradient that is claimed."""

METHODS = ("extrapolated", "central", "forward", "complex")


class NumericalWitness:
    """Differences of a forward pass under one upstream gradient, for one input after another.

    Args:
        forward: the forward pass at its point.
        dy: upstream gradient, of the shape of its value.
        method: one of `METHODS`.
        seed: for probes and confirmations.
        noise: the noise of each output, where it is known already.
        doubts: what may be wrong with dy, output by output; every gradient tells what that comes to.
        progress: called with groups done and groups in all.
    """

    def __init__(
        self,
        forward: Forward,
        dy: Array,
        method: str = "extrapolated",
        seed: int = 0,
        noise: Array | None = None,
        progress: Progress | None = None,
        doubts: Sequence[Array] = (),
    ) -> None:
        if method not in METHODS:
            raise ValueError(f"method is {method!r}, expected one of {', '.join(METHODS)}")
        self.forward = forward
        self.dy = np.asarray(dy, dtype=np.float64)
        self.method = method
        self.seed = seed
        self.progress = progress
        self.doubts = doubts
        if self.dy.shape != forward.value.shape:
            raise ValueError(
                f"dy has shape {self.dy.shape}, the forward pass returns {forward.value.shape}"
            )
        rng = np.random.default_rng(seed)
        self.noise = forward.noise(rng) if noise is None else np.asarray(noise)
        self._groupings: dict[int, tuple[Grouping, int]] = {}

    @cached_property
    def lifted(self) -> NumericalWitness | None:
        """This witness in the next wider precision, or None where the forward pass does not follow."""
        lifted = lift(self.forward, np.random.default_rng(self.seed))
        if lifted is None:
            return None
        forward, noise = lifted
        return NumericalWitness(forward, self.dy, self.method, self.seed, noise, self.progress)

    def gradient(self, position: int) -> NumericalGradient:
        """The gradient of the input at `position`: grouped if that is confirmed, one by one if not."""
        variable = Variable(self.forward, position)
        if self.method == "complex":
            return self._complex_step(variable)
        grouping, probes = self._probed(position)
        before = self.forward.evaluations
        found = self._walk(variable, grouping)
        if (grouping.axes or grouping.straight) and not self._confirmed(variable, found, grouping):
            grouping = Grouping(variable.shape)
            found = self._walk(variable, grouping)
        joints = tuple(self._joints(variable, grouping, found))
        used = self.forward.evaluations - before + probes
        return NumericalGradient(
            found.value,
            found.bound,
            found.kinks,
            found.absolute_sum,
            grouping,
            used,
            joints,
            found.steps,
            found.surroundings,
            doubted=found.doubted,
        )

    def under(self, dy: Array, doubts: Sequence[Array] = ()) -> NumericalWitness:
        """A witness under another upstream gradient, which knows what this one has probed."""
        other = NumericalWitness(
            self.forward, dy, self.method, self.seed, self.noise, doubts=doubts
        )
        other._groupings = self._groupings
        return other

    @property
    def expected_once(self) -> int:
        """How many evaluations serve all inputs together: none, where there is one piece."""
        return 0

    def expected(self, position: int) -> int:
        """How many evaluations an input takes, where the first step will do for all its groups."""
        return self._probed(position)[0].evaluations

    def beside(
        self,
        position: int,
        hand: Array | None,
        others: Claims | None = None,
        *,
        convicts: bool = True,
    ) -> NumericalGradient:
        """The gradient, looked at again where a hand-derived one lies outside what it allows.

        At kinks the neighbours are asked; then what still speaks for a conviction is measured anew, entry
        by entry, over all steps, in lifted precision where the forward pass follows.

        Args:
            position: the input.
            hand: its hand-derived gradient.
            others: of other inputs, by position, which entries are at a kink and the gradient that is
                claimed there: ties between inputs are seen by moving both.
            convicts: whether a conviction may come of it, which takes a second look.
        """
        numeric = self.gradient(position)
        if hand is None or hand.shape != numeric.value.shape or self.method == "complex":
            return numeric
        if hand.dtype.kind != "f" or not np.isfinite(hand).all():
            return numeric
        claimed = hand.astype(np.float64)
        numeric = self._with_ties(position, numeric, others or {})
        numeric = self._at_kinks(position, numeric, claimed, others or {})
        if convicts:
            rounding = CONTRACTION * float(np.finfo(hand.dtype).eps) * numeric.absolute_sum
            numeric = second_look(numeric, claimed, rounding, lambda: self.one_by_one(position))
            claimed_at = partial(self._claimed_along, position)
            numeric = left_open(numeric, claimed, claimed_at, noisy=self._is_noisy())
        return numeric.with_worst_joint(claimed)

    def _is_noisy(self) -> bool:
        """Whether an output moves by more than it is rounded."""
        rounded = UNBACKED * self.forward.coarsest_epsilon() * np.abs(self.forward.value)
        return bool((self.noise > rounded + np.finfo(self.forward.dtype).tiny).any())

    def _claimed_along(self, position: int, entry: tuple[int, ...], times: Array) -> Array:
        """What the backward pass says of an entry that has moved so many times its scale, by each of several."""
        scale = scales(self.forward.inputs[position])[entry]
        return np.array([self._claimed_at(position, entry, one * scale) for one in times.tolist()])

    def _claimed_at(self, position: int, entry: tuple[int, ...], shift: float) -> float:
        """The same by one shift; nan where it says nothing."""
        inputs = [x.copy() for x in self.forward.inputs]
        inputs[position][entry] += shift
        back = self.forward.there_and_back(inputs, self.dy)
        gradients = () if back is None else listed(back[1], len(inputs))
        there = gradients[position] if position < len(gradients) else None
        known = there is not None and there.shape == inputs[position].shape
        return float(there[entry]) if there is not None and known else np.nan

    def _at_kinks(
        self, position: int, numeric: NumericalGradient, claimed: Array, others: Claims
    ) -> NumericalGradient:
        """With what is allowed at kinks, where a claim lies outside the slopes along entries and ties."""
        outside = np.asarray(~(np.abs(claimed - numeric.value) <= numeric.bound))
        if not ((numeric.kinks.any() and outside.any()) or numeric.misses_at_kinks(claimed)):
            return numeric
        moving = {position: numeric.kinks | outside, **{p: k for p, (k, _) in others.items()}}
        widened = numeric
        around = self._around(position, moving)
        for walk in around.walks():
            widened = allowing(widened, position, walk, around.slack)
            if widened.holds(claimed):
                return widened
        numeric = self._with_neighbours(position, numeric, claimed)
        open_to = np.zeros(outside.shape, dtype=bool)
        around = self._around(position, {p: self._everywhere(p) for p in self.forward.movable})
        for walk in around.walks():
            open_to |= undecided(numeric, position, walk, around.slack)
        return replace(numeric, undecided=outside & open_to, joints=widened.joints)

    def _around(self, position: int, moving: Mapping[int, Array]) -> Around:
        rng = np.random.default_rng((self.seed, position, 4))
        return Around(self.forward, self.dy, self.noise, moving, rng)

    def _everywhere(self, position: int) -> Array:
        return np.ones(self.forward.inputs[position].shape)

    def _with_neighbours(
        self, position: int, numeric: NumericalGradient, claimed: Array
    ) -> NumericalGradient:
        hull = Hull(numeric.value.copy(), numeric.bound.copy())
        outside = np.asarray(numeric.kinks & hull.misses(claimed))
        # Where many are wrong, the first of them say it.
        outside.flat[np.flatnonzero(outside)[OUTSIDE:]] = False
        rng = np.random.default_rng((self.seed, position, 2))
        neighbours = Neighbours(Variable(self.forward, position), self.dy, self.noise, rng)
        neighbours.widen(hull, outside, numeric.kinks, claimed, numeric.absolute_sum)
        return replace(numeric, value=hull.value, bound=hull.bound)

    def one_by_one(self, position: int) -> Sweeping:
        """Sweeps without grouping, in the widest precision that is not too slow."""
        wider = self.lifted if is_small(self.forward) or self._is_single(position) else None
        witness = wider or self
        variable = Variable(witness.forward, position)
        grouping = Grouping(variable.shape)
        return Sweeping(Stencil(variable, grouping, witness.dy, witness.noise, witness.method))

    def _is_single(self, position: int) -> bool:
        return bool(self.forward.epsilon(position) > EPSILON)

    def _walk(self, variable: Variable, grouping: Grouping) -> Found:
        stencil = Stencil(variable, grouping, self.dy, self.noise, self.method, self.doubts)
        return Walk(stencil).through(self.progress)

    def _probed(self, position: int) -> tuple[Grouping, int]:
        """Which entries can be moved together, and the evaluations that this took to find out."""
        if position not in self._groupings:
            variable = Variable(self.forward, position)
            before, rng = self.forward.evaluations, np.random.default_rng((self.seed, position))
            grouping = find_grouping(
                variable.shape, self.forward.value.shape, variable.touched, rng
            )
            if grouping.count() > 2 * len(FIVE) * LINES and variable.is_straight(self.noise, rng):
                grouping = replace(grouping, straight=True)
            self._groupings[position] = grouping, self.forward.evaluations - before
        return self._groupings[position]

    def _confirmed(
        self, variable: Variable, found: Found | NumericalGradient, grouping: Grouping
    ) -> bool:
        """Whether a gradient predicts the slopes along a random direction. Four evaluations.

        What the aligned axes keep apart is read off apart: there a small influence of one entry on the
        output of another is not lost among the rounding of all outputs.
        """
        rng = np.random.default_rng((self.seed, variable.position, 3))
        slabs, everything = grouping.slabs(), variable.everything
        step = first_step(variable.epsilon) * variable.scale
        step = step * random_direction(rng, variable.shape)
        places = [variable.at(everything, t * step) for t in FIVE]
        far_down, down, up, far_up = (variable.value(everything, place) for place in places)
        taken = [place.astype(np.result_type(place, np.float64)) for place in places]
        wide, narrow = (taken[3] - taken[0]) / 2, taken[2] - taken[1]
        # A kink bends twice as much over twice the length, a smooth function four times.
        bent = far_up - 4 * (up + down) + 6 * self.forward.value + far_down
        skew = (far_up - far_down) / 2 - (up - down)
        loose = np.abs(self.dy) * (np.abs(bent) + np.abs(skew))
        with np.errstate(over="ignore"):
            noise = 2 * CAUTION * np.sqrt(slabs.gathered((self.dy * self.noise) ** 2))
        uneven = np.abs(wide - narrow) * np.abs(found.value)
        allowed = np.abs(narrow) * found.bound + uneven
        seen = slabs.gathered(self.dy * (up - down))
        missed = np.abs(seen - slabs.along(narrow * found.value))
        return bool((missed <= slabs.gathered(loose) + noise + slabs.along(allowed)).all())

    def _joints(self, variable: Variable, grouping: Grouping, found: Found) -> Iterator[Joint]:
        """What several kinked entries must add up to."""
        if found.kinks.sum() < 2:
            return
        step = self._joint_step(variable, found.kinks)
        for members in directions(variable.array, found.kinks):
            yield joint_direction(variable, self.dy, self.noise, grouping, members, step)

    def _joint_step(self, variable: Variable, kinks: Array) -> float:
        return 2 * first_step(variable.epsilon) * float(variable.scale[kinks].min())

    def _with_ties(
        self, position: int, numeric: NumericalGradient, others: Claims
    ) -> NumericalGradient:
        """With what this input's kinked entries must add up to, given what other inputs claim."""
        tied = {p: other for p, other in others.items() if p != position and other[0].any()}
        if not (tied and numeric.kinks.any()):
            return numeric
        variable = Variable(self.forward, position)
        step = self._joint_step(variable, numeric.kinks)
        joint = tied_with(variable, self.dy, self.noise, numeric.kinks, tied, step)
        return replace(numeric, joints=(*numeric.joints, joint))

    def _complex_step(self, variable: Variable) -> NumericalGradient:
        """No difference, so nothing cancels; differences must agree along a line."""
        before = self.forward.evaluations
        value, bound, absolute_sum = complex_step(variable, self.dy, self.noise, self.seed)
        none = np.zeros(value.shape, dtype=bool)
        used = self.forward.evaluations - before
        return NumericalGradient(value, bound, none, absolute_sum, Grouping(value.shape), used)
