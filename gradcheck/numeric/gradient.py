"""What the numerical witness says of one input."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.kinks import Joint
from gradcheck.result import Array


@dataclass(frozen=True)
class NumericalGradient:
    """What the numerical witness says of one input, all arrays shaped like it.

    `kinks` marks entries where the slope jumps: there `value` is the middle of the one-sided slopes
    and `bound` reaches both. `absolute_sum` is the gradient with nothing cancelling, the scale on
    which a zero is a zero. `joint` is what the kinked entries must add up to,
    one of `joints`, several directions in which they move together. `steps` are those that each entry's
    value was seen at, relative to its scale; none where no difference was taken.
    """

    value: Array
    bound: Array
    kinks: Array
    absolute_sum: Array
    grouping: Grouping
    evaluations: int
    joint: Joint | None = None
    joints: tuple[Joint, ...] = ()
    steps: Array | None = None

    def with_worst_joint(self, claimed: Array) -> NumericalGradient:
        """With that joint direction in front which a hand-derived gradient misses by most."""
        if len(self.joints) < 2:
            return self
        excess = [float(joint.excess(claimed).max(initial=-np.inf)) for joint in self.joints]
        return replace(self, joint=self.joints[int(np.argmax(excess))])
