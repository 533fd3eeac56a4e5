"""Points where there is no derivative: what the one-sided slopes still allow, and what ties must add up to.

At a kink the slope from the left and the slope from the right do not converge to each other. Every
value between them is a subgradient, and an honest backward pass may return any. Entries that are
tied for a maximum each have a kink of their own, yet moved together they have none: along that
joint direction the hand-derived gradient has to be exactly right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.margins import CONTRACTION, EPSILON, JOINT_NOISE, KINK_NOISE, KINK_RATIO
from gradcheck.numeric.variable import Variable
from gradcheck.result import Array


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
    """The derivative along the direction that moves all kinked entries together.

    `value` and `bound` keep the input's number of axes: one figure for each index of the aligned
    axes (each image, each channel), summed over the others.
    """

    members: Array
    axes: tuple[int, ...]
    value: Array
    bound: Array

    def claimed(self, analytic: Array) -> Array:
        """What the hand-derived gradient says of the same direction."""
        return np.asarray(np.where(self.members, analytic, 0).sum(axis=self.axes, keepdims=True))

    def excess(self, analytic: Array) -> Array:
        """By how much the claim leaves what the slopes allow; zero or less where it does not."""
        return np.asarray(np.abs(self.claimed(analytic) - self.value) - self.bound)


def joint_direction(
    variable: Variable, dy: Array, noise: Array, grouping: Grouping, members: Array, step: float
) -> Joint:
    """Move all `members` of one input up and down together and read off the slope between.

    Where the joint motion has a kink itself (several ReLUs at zero) the bound spans its one-sided
    slopes, so nothing is asked that cannot be known. Four evaluations.
    """
    aligned = tuple(axis for axis in grouping.axes if axis.footprint is None)
    slabs, everything = Grouping(grouping.shape, aligned), variable.everything
    x = variable.array
    direction = members.astype(x.dtype)
    far_down, down, up, far_up = (
        variable.value(everything, x + np.asarray(t, x.dtype) * direction)
        for t in (-step, -step / 2, step / 2, step)
    )
    f = variable.forward.value
    centre = up - 2 * f + down
    sides = np.abs(far_up - 2 * up + f) + np.abs(far_down - 2 * down + f)
    slope = slabs.gather(dy * (up - down), everything) / step
    # Half the distance of the one-sided slopes, and the curvature and rounding of either.
    # The last term is the rounding of this sum itself, for outputs that are exact.
    loose = (
        np.abs(centre) + 2 * sides + JOINT_NOISE * noise + CONTRACTION * EPSILON * np.abs(up - down)
    )
    bound = slabs.gather(np.abs(dy) * loose, everything) / step
    free = set(range(len(grouping.shape))) - {axis.input_axis for axis in aligned}
    return Joint(members, tuple(sorted(free)), slope, bound)
