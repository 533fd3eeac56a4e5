"""What the numerical witness says of one input."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.kinks import Joint
from gradcheck.numeric.margins import BEYOND
from gradcheck.result import Array


@dataclass(frozen=True)
class NumericalGradient:
    """What the numerical witness says of one input, all arrays shaped like it.

    `kinks` marks entries where the slope jumps: there `value` is the middle of the one-sided slopes
    and `bound` reaches both. `absolute_sum` is the gradient with nothing cancelling, the scale on
    which a zero is a zero; `surroundings` is that slope over a step as long as |x| or longer, where such
    steps were taken. `joints` say what the kinked entries must add up to, in several directions
    in which they move together. `steps` are those that each entry's value was seen at, relative to its
    scale; none where no difference was taken. `undecided` marks entries outside their bounds where several
    kinks meet, while all around them the backward pass is right: what it may say there is not seen from outside;
    and those of which no more is seen than a mean slope, `met_on_the_way` by what the backward pass claims there.
    `doubted` is what doubts about the upstream gradient come to here, of each kind.
    """

    value: Array
    bound: Array
    kinks: Array
    absolute_sum: Array
    grouping: Grouping
    evaluations: int
    joints: tuple[Joint, ...] = ()
    steps: Array | None = None
    surroundings: Array | float = 0.0
    undecided: Array | bool = False
    met_on_the_way: Array | bool = False
    doubted: tuple[Array, ...] = ()

    def felt(self, claimed: Array) -> Array:
        """Which entries move an output under any step, near or far, or are claimed to; all, where none is.

        Where nothing moves and nothing is claimed the steps are no scale for a doubt: a score that is masked.
        """
        felt = (self.absolute_sum != 0) | (np.asarray(self.surroundings) != 0) | (claimed != 0)
        return np.asarray(felt | ~felt.any())

    @property
    def joint(self) -> Joint | None:
        """The first of the joint directions, if there is one."""
        return self.joints[0] if self.joints else None

    def misses_at_kinks(self, claimed: Array) -> bool:
        """Whether a claim lies outside what is allowed at an entry with a kink, or along ties."""
        outside = self.kinks & ~(np.abs(claimed - self.value) <= self.bound)
        return bool(outside.any() or any((j.excess(claimed) > 0).any() for j in self.joints))

    def holds(self, claimed: Array) -> bool:
        """Whether a claim lies within what is allowed, at every entry and along ties."""
        within = np.abs(claimed - self.value) <= self.bound
        return bool(within.all()) and not self.misses_at_kinks(claimed)

    @property
    def from_afar(self) -> Array:
        """Which entries only steps beyond |x| have seen."""
        return np.asarray(False if self.steps is None else self.steps > BEYOND)

    @property
    def seen_as_mean(self) -> Array:
        """Which entries only steps beyond |x| have seen, or none so well that it would tell a sign."""
        return self.from_afar | (~self.kinks & (self.bound >= np.abs(self.value)))

    def with_worst_joint(self, claimed: Array) -> NumericalGradient:
        """With that joint direction in front which a hand-derived gradient misses by most."""

        def strain(joint: Joint) -> float:
            return float(joint.excess(claimed).max(initial=-np.inf))

        return replace(self, joints=tuple(sorted(self.joints, key=strain, reverse=True)))
