"""A walk around a kink: what the backward pass itself says at points beside it, wherever differences confirm it.

Where several kinks meet at one point (every hidden unit of a blank row sits at zero), the chain rule
decides each of them for itself, and what comes out need not lie between the slopes along an entry, nor be
a gradient of any neighbour: a derivative of every step of the computation, but of the function only
almost everywhere (Bolte and Pauwels, Conservative set valued fields, 2021). On half a circle around the
point each kink is crossed once, and the gradient jumps there by what deciding that kink otherwise would
change. So a claim is allowed that lies between the least and the most that those decisions make together.
A kink that is alone has two decisions, the slopes on its two sides, and nothing is allowed beyond them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from gradcheck.layer import listed
from gradcheck.numeric.forward import Forward, random_direction
from gradcheck.numeric.gradient import NumericalGradient
from gradcheck.numeric.kinks import ANYTHING
from gradcheck.numeric.margins import (
    CAUTION,
    CONFIRMED,
    CONTRACTION,
    NEIGHBOUR_SLACK,
    POINTS,
    WALKS,
)
from gradcheck.numeric.variable import scales
from gradcheck.result import Array

Gradients = dict[int, Array]
"""By position, the gradients of the inputs that move."""


class Around:
    """Walks around the point, past the kinks of one input or of several.

    Args:
        forward: the forward pass at its point; a layer, or there is nothing to ask.
        dy: the upstream gradient.
        noise: the noise of each output.
        kinks: by position, which entries are at a kink: those move.
        rng: draws the circles.
    """

    def __init__(
        self,
        forward: Forward,
        dy: Array,
        noise: Array,
        kinks: Mapping[int, Array],
        rng: np.random.Generator,
    ) -> None:
        self.forward = forward
        self.dy = dy
        self.rng = rng
        self.reach = {p: scales(forward.inputs[p]) * moves for p, moves in kinks.items()}
        self.epsilon: float = max(forward.epsilon(p) for p in kinks)
        self.radius = float(self.epsilon**0.375)
        self.step = float(self.epsilon**0.625)
        self.doubt = 2 * CAUTION * float(np.sqrt(((dy * noise) ** 2).sum()))

    @property
    def slack(self) -> float:
        """How much a gradient may change over that distance, relative to itself with nothing cancelling."""
        return NEIGHBOUR_SLACK * self.radius

    def walks(self) -> Iterator[list[Gradients]]:
        """The gradients along each half circle, in order; none where differences do not confirm them."""
        for _ in range(WALKS):
            ahead, aside = self._direction(), self._direction()
            angles = np.pi * (np.arange(POINTS) + 0.5) / POINTS
            walk: list[Gradients] = []
            for k, angle in enumerate(angles):
                seen = self._seen(np.cos(angle), ahead, np.sin(angle), aside)
                walk += [] if seen is None else [seen]
                if k + 1 - len(walk) > (1 - CONFIRMED) * POINTS:
                    return
            yield walk

    def _direction(self) -> dict[int, Array]:
        return {
            p: reach * random_direction(self.rng, reach.shape) for p, reach in self.reach.items()
        }

    def _seen(
        self, cos: float, ahead: dict[int, Array], sin: float, aside: dict[int, Array]
    ) -> Gradients | None:
        point = self._moved(
            self.forward.inputs, {p: self.radius * (cos * ahead[p] + sin * aside[p]) for p in ahead}
        )
        back = self.forward.there_and_back(point, self.dy)
        if back is None:
            return None
        value, returned = back
        gradients = enumerate(listed(returned, len(point)))
        claimed = {p: g for p, g in gradients if p in self.reach and g is not None}
        known = {p: g.astype(np.float64) for p, g in claimed.items()}
        return known if self._fit(known) and self._confirmed(point, value, known) else None

    def _fit(self, known: Gradients) -> bool:
        """Whether there is a gradient for each input that is moved, of its shape and finite."""
        return known.keys() == self.reach.keys() and all(
            g.shape == self.reach[p].shape and np.isfinite(g).all() for p, g in known.items()
        )

    def _confirmed(self, point: list[Array], value: Array, gradients: Gradients) -> bool:
        """Whether the slope along a random direction is what these gradients say. Two evaluations."""
        v = {p: self.step * along for p, along in self._direction().items()}
        ahead, behind = self._moved(point, v), self._moved(point, {p: -s for p, s in v.items()})
        up, down = self.forward(*ahead), self.forward(*behind)
        taken = {p: (ahead[p].astype(np.float64) - behind[p]) / 2 for p in v}
        seen = float((self.dy * (up - down)).sum()) / 2
        curved = float(np.abs(self.dy * (up - 2 * value + down)).sum()) / 2
        gross = sum(float(np.abs(taken[p] * g).sum()) for p, g in gradients.items())
        claimed = sum(float((taken[p] * g).sum()) for p, g in gradients.items())
        # At the point itself everything may have been zero, and so without noise.
        size = float(np.abs(self.dy * value).sum())
        rounded = self.doubt + CONTRACTION * self.epsilon * (gross + size)
        return bool(abs(seen - claimed) <= curved + rounded)

    @staticmethod
    def _moved(inputs: list[Array], shifts: dict[int, Array]) -> list[Array]:
        return [(x + shifts[p]).astype(x.dtype) if p in shifts else x for p, x in enumerate(inputs)]


def allowing(
    numeric: NumericalGradient, position: int, walk: list[Gradients], slack: float
) -> NumericalGradient:
    """A numerical gradient whose intervals at kinks hold what a walk allows, entry by entry and along ties.

    Ties are no more asked for their sum where it changes on the walk: that is a kink of their own.
    """
    gross = slack * numeric.absolute_sum
    low, high = _decided(np.stack([gradients[position] for gradients in walk]), gross)
    value, bound = _holding(numeric.value, numeric.bound, low, high)
    joints = []
    for joint in numeric.joints:
        slopes = np.stack([joint.told(position, gradients) for gradients in walk])
        changes = (_jumps(slopes, joint.claimed_at_most(gross)) != 0).any(axis=0)
        joints.append(replace(joint, bound=np.where(changes, ANYTHING, joint.bound)))
    return replace(
        numeric,
        value=np.where(numeric.kinks, value, numeric.value),
        bound=np.where(numeric.kinks, bound, numeric.bound),
        joints=tuple(joints),
    )


def undecided(
    numeric: NumericalGradient, position: int, walk: list[Gradients], slack: float
) -> Array:
    """Where the gradient changes on a walk along which the backward pass is right: kinks meet there.

    What it may say at the point itself, no walk shows that crosses several at once: one parameter that scales
    all of Σ vₖ max(wₖ x, 0) and is zero switches all of them, and each may be decided for itself. How many
    there are, and how far they reach behind each other, is not seen from outside.
    """
    slopes = np.stack([gradients[position] for gradients in walk])
    return np.asarray((_jumps(slopes, slack * numeric.absolute_sum) != 0).any(axis=0))


def _jumps(slopes: Array, slack: Array) -> Array:
    """What slopes change from one point to the next, where that is more than without a kink."""
    steps = np.diff(slopes, axis=0)
    return np.where(np.abs(steps) > slack, steps, 0.0)


def _decided(slopes: Array, slack: Array) -> tuple[Array, Array]:
    """The least and the most that the kinks on a walk allow, each decided for itself.

    Args:
        slopes: what was seen at one point after the other, along the first axis.
        slack: what a slope may change between two points without a kink.
    """
    jumps = _jumps(slopes, slack)
    low = np.minimum(slopes.min(axis=0), slopes[0] + np.minimum(jumps, 0).sum(axis=0))
    high = np.maximum(slopes.max(axis=0), slopes[0] + np.maximum(jumps, 0).sum(axis=0))
    return low - slack, high + slack


def _holding(value: Array, bound: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """The middle and half the width of an interval that is widened until it holds another."""
    least, most = np.minimum(value - bound, low), np.maximum(value + bound, high)
    return (least + most) / 2, (most - least) / 2
