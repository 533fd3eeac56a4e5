"""What one step says of a derivative, with everything that may be wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gradcheck.numeric.margins import DROWNED
from gradcheck.result import Array


class StencilEstimate(NamedTuple):
    """One step's estimate for a group, with its bound in the parts that say where to go next.

    `truncation` holds the `stencil_noise` too, which looks the same from one stencil; `correction` is
    R − D(h/2), with its sign. Those of several steps have one axis more, in front.
    """

    step: Array
    value: Array
    truncation: Array
    stencil_noise: Array
    round_off: Array
    half_jump: Array
    absolute_sum: Array
    correction: Array

    @property
    def bound(self) -> Array:
        """All that may be wrong with the value; infinite where it is not a number."""
        bound = self.truncation + self.round_off + self.half_jump
        return np.where(np.isfinite(bound) & np.isfinite(self.value), bound, np.inf)

    @property
    def kinked(self) -> Array:
        """Where the slope jumps by more than everything else that is unsure."""
        return np.asarray(2 * self.half_jump > self.bound)

    @property
    def drowned(self) -> Array:
        """Where the function may be as straight as can be: what bends is no more than rounding."""
        return np.asarray(self.truncation + self.half_jump <= DROWNED * self.round_off)

    def one(self, k: int) -> StencilEstimate:
        """What is said of one group of several."""
        return StencilEstimate(*(part[k : k + 1] for part in self))

    def some(self, which: Array) -> StencilEstimate:
        """What is said of some groups of several."""
        return StencilEstimate(*(part[which] for part in self))

    @classmethod
    def at_steps(cls, several: Sequence[StencilEstimate]) -> StencilEstimate:
        """The estimates of several steps in one."""
        return cls(*(np.stack(parts) for parts in zip(*several, strict=True)))

    def at(self, k: int) -> StencilEstimate:
        """Of several steps, the estimate of one."""
        return StencilEstimate(*(part[k] for part in self))

    def picked(self, choice: Array) -> StencilEstimate:
        """Of several steps, for each entry the estimate of the one that is chosen."""
        places = choice.reshape(-1) * choice.size + np.arange(choice.size)
        return StencilEstimate(*(p.reshape(-1)[places].reshape(choice.shape) for p in self))

    def put(self, which: Array, others: StencilEstimate) -> StencilEstimate:
        """This estimate, with others of some of its groups."""
        parts = tuple(part.copy() for part in self)
        for part, other in zip(parts, others, strict=True):
            part[which] = other
        return StencilEstimate(*parts)

    def choose(self, other: StencilEstimate, where: Array) -> StencilEstimate:
        """This estimate, with the entries of `other` where `where` holds."""
        return StencilEstimate(*(np.where(where, b, a) for a, b in zip(self, other, strict=True)))
