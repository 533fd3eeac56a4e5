"""Points where there is no derivative: what the one-sided slopes still allow, and what ties must add up to.

At a kink the slope from the left and the slope from the right do not converge to each other. Every
value between them is a subgradient, and an honest backward pass may return any. Entries that are
tied for a maximum each have a kink of their own, yet moved together they have none: along that
joint direction the hand-derived gradient has to be exactly right.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.margins import CONTRACTION, EPSILON, JOINT_NOISE, KINK_NOISE, KINK_RATIO
from gradcheck.numeric.variable import Variable
from gradcheck.result import Array

ANYTHING = 1e100
"""A bound that asks nothing: beyond any slope, and a sum of many is still finite."""


def jump(centre: Array, right: Array, left: Array, noise: Array) -> Array:
    """How far the slope jumps at the point, output by output, as a second difference.

    All arguments are second differences over the same spacing: across the point, and on either
    side of it. Where the function is smooth the three are about equal; at a kink each side is
    straight and only the one across it is not. Zero where no kink is seen.
    """
    beside = np.abs(right) + np.abs(left)
    kinked = np.abs(centre) > KINK_RATIO * beside + KINK_NOISE * noise
    return np.where(kinked, np.abs(centre), 0.0)


@dataclass(frozen=True)
class Joint:
    """The derivative along a direction that moves all kinked entries together.

    `members` is that direction, 1 or −1 at a kinked entry, else 0. `value` and `bound` keep the input's
    number of axes: one figure for each index of the aligned axes (each image, each channel), summed over
    the others. `partners` are the kinked entries of other inputs that move too, by position, and `paid` what
    those claim of the motion, which is taken off already.
    """

    members: Array
    axes: tuple[int, ...]
    value: Array
    bound: Array
    partners: Mapping[int, Array] = field(default_factory=dict)
    paid: float = 0.0

    def claimed(self, analytic: Array) -> Array:
        """What the hand-derived gradient says of the same direction."""
        moved = np.where(self.members != 0, analytic, 0) * self.members
        return np.asarray(moved.sum(axis=self.axes, keepdims=True))

    def claimed_at_most(self, rounding: Array) -> Array:
        """As `claimed`, of something that is said of every entry without a sign."""
        return np.asarray((np.abs(self.members) * rounding).sum(axis=self.axes, keepdims=True))

    def told(self, position: int, gradients: Mapping[int, Array]) -> Array:
        """What gradients of all inputs that move, at some other point, say in place of the claim."""
        partners = sum(float(gradients[p][kinks].sum()) for p, kinks in self.partners.items())
        return self.claimed(gradients[position]) + partners - self.paid

    def excess(self, analytic: Array) -> Array:
        """By how much the claim leaves what the slopes allow; zero or less where it does not."""
        return np.asarray(np.abs(self.claimed(analytic) - self.value) - self.bound)


def directions(x: Array, kinks: Array) -> Iterator[Array]:
    """The directions along which ties move together: all upwards, and where signs differ all outwards.

    Outwards because |−1| and |1| are tied for the largest size.
    """
    yield kinks.astype(np.float64)
    signs = np.sign(x) * kinks
    if (signs > 0).any() and (signs < 0).any():
        yield np.asarray(signs, dtype=np.float64)


def joint_direction(
    variable: Variable, dy: Array, noise: Array, grouping: Grouping, members: Array, step: float
) -> Joint:
    """Move all `members` of one input up and down together and read off the slope between.

    Where the joint motion has a kink itself (several ReLUs at zero) nothing is asked. Four evaluations.
    """
    slabs, everything = grouping.slabs(), variable.everything
    x = variable.array
    direction = members.astype(x.dtype)
    samples = tuple(
        variable.value(everything, x + np.asarray(t, x.dtype) * direction)
        for t in (-step, -step / 2, step / 2, step)
    )
    difference, loose = _joint_motion(variable.forward.value, samples, noise)
    slope = slabs.gathered(dy * difference) / step
    bound = slabs.gathered(np.abs(dy) * loose) / step
    free = set(range(len(grouping.shape))) - {axis.input_axis for axis in slabs.axes}
    return Joint(members, tuple(sorted(free)), slope, bound)


def tied_with(
    variable: Variable,
    dy: Array,
    noise: Array,
    members: Array,
    others: Mapping[int, tuple[Array, Array]],
    step: float,
) -> Joint:
    """What the kinked entries of one input must add up to, given what other inputs claim of theirs.

    max(a, b) has a kink in a and one in b where they are equal, and none where both move: there the two
    gradients together are exactly dy. Four evaluations.

    Args:
        variable: the input.
        dy: upstream gradient.
        noise: the noise of each output.
        members: its kinked entries.
        others: the kinked entries of each other input, by position, and its hand-derived gradient.
        step: how far all of them move.
    """
    forward = variable.forward
    moving = {variable.position: members, **{p: kinks for p, (kinks, _) in others.items()}}
    samples = tuple(
        forward(
            *(
                (x + t * moving[p]).astype(x.dtype) if p in moving else x
                for p, x in enumerate(forward.inputs)
            )
        )
        for t in (-step, -step / 2, step / 2, step)
    )
    difference, loose = _joint_motion(forward.value, samples, noise)
    claimed = sum(float(hand[kinks].sum()) for kinks, hand in others.values())
    shape = (1,) * len(variable.shape)
    slope = np.full(shape, float((dy * difference).sum()) / step - claimed)
    bound = np.full(shape, float((np.abs(dy) * loose).sum()) / step)
    partners = {p: kinks for p, (kinks, _) in others.items()}
    every = tuple(range(len(variable.shape)))
    return Joint(members.astype(np.float64), every, slope, bound, partners, claimed)


def _joint_motion(f: Array, samples: tuple[Array, ...], noise: Array) -> tuple[Array, Array]:
    """How far each output moves between −h/2 and h/2, and how much of that is not a slope."""
    far_down, down, up, far_up = samples
    centre = up - 2 * f + down
    sides = np.abs(far_up - 2 * up + f) + np.abs(far_down - 2 * down + f)
    # Half the distance of the one-sided slopes, and the curvature and rounding of either.
    # The last term is the rounding of this sum itself, for outputs that are exact.
    loose = np.abs(centre) + 2 * sides + JOINT_NOISE * noise
    # Behind several ReLUs each may keep its subgradient, and what they add up to in an output that
    # mixes them need not lie between its two slopes.
    loose = np.where(np.abs(centre) > KINK_RATIO * sides + KINK_NOISE * noise, ANYTHING, loose)
    return up - down, loose + CONTRACTION * EPSILON * np.abs(up - down)
