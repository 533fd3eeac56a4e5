"""What points beside a kink say: a subgradient lies in the convex hull of the gradients nearby."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.numeric.forward import Group
from gradcheck.numeric.margins import CAUTION, NEIGHBOUR_SLACK, NEIGHBOURS
from gradcheck.numeric.variable import Variable
from gradcheck.result import Array


@dataclass
class Hull:
    """The interval of slopes seen at each entry, as its middle and half its width."""

    value: Array
    bound: Array

    def misses(self, claimed: Array) -> Array:
        """Where a claim lies outside."""
        return np.asarray(~(np.abs(claimed - self.value) <= self.bound))

    def reach(self, entry: tuple[int, ...], slope: float, doubt: float) -> None:
        """Widen one entry's interval until it holds a slope that is known up to a doubt."""
        low = min(self.value[entry] - self.bound[entry], slope - doubt)
        high = max(self.value[entry] + self.bound[entry], slope + doubt)
        self.value[entry], self.bound[entry] = (low + high) / 2, (high - low) / 2


class Neighbours:
    """Slopes of a variable at random points so near that only kinks lie between.

    A subgradient in Clarke's sense lies in the convex hull of the gradients at neighbouring points
    that have one. Slopes along one entry do not always show them all: of four equal numbers that
    are sorted, one that moves alone can only become the first or the last.
    """

    def __init__(
        self, variable: Variable, dy: Array, noise: Array, rng: np.random.Generator
    ) -> None:
        self.variable = variable
        self.dy = dy
        self.rng = rng
        self.round_off = 2 * CAUTION * float(np.sqrt(((dy * noise) ** 2).sum()))
        self.reach = variable.epsilon**0.375
        self.step = self.reach * variable.epsilon**0.25 * variable.scale

    def widen(self, hull: Hull, wanted: Array, kinks: Array, claimed: Array, gross: Array) -> None:
        """Ask neighbours until a claimed gradient lies between what they say.

        Args:
            hull: what the slopes at the point allow; widened in place.
            wanted: marks the kinked entries to look at.
            kinks: marks all entries that are moved off their kink.
            claimed: the hand-derived gradient; no more is looked at once it lies between.
            gross: the gradient with nothing cancelling; it changes a little over that distance.
        """
        x = self.variable.array
        slack = NEIGHBOUR_SLACK * self.reach * gross
        for _ in range(NEIGHBOURS):
            outside = wanted & hull.misses(claimed)
            if not outside.any():
                break
            shift = self.reach * self.variable.scale * self.rng.uniform(-1, 1, x.shape) * kinks
            for entry in map(tuple, np.argwhere(outside)):
                slope, doubt = self._slope((x + shift).astype(x.dtype), entry)
                hull.reach(entry, slope, doubt + slack[entry])

    def _slope(self, x: Array, entry: tuple[int, ...]) -> tuple[float, float]:
        """A central difference at another point, and the rounding in it."""
        ahead, behind = np.array(x), np.array(x)
        ahead[entry] += self.step[entry]
        behind[entry] -= self.step[entry]
        width = float(ahead[entry] - behind[entry])
        everything: Group = self.variable.everything
        difference = self.variable.value(everything, ahead) - self.variable.value(
            everything, behind
        )
        return float((self.dy * difference).sum()) / width, self.round_off / width
