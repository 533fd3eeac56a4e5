"""What the numerical witness says of one input."""

from __future__ import annotations

from dataclasses import dataclass

from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.kinks import Joint
from gradcheck.result import Array


@dataclass(frozen=True)
class NumericalGradient:
    """What the numerical witness says of one input, all arrays shaped like it.

    `kinks` marks entries where the slope jumps: there `value` is the middle of the one-sided slopes
    and `bound` reaches both. `absolute_sum` is the gradient with nothing cancelling, the scale on
    which a zero is a zero. `joint` is what the kinked entries must add up to.
    """

    value: Array
    bound: Array
    kinks: Array
    absolute_sum: Array
    grouping: Grouping
    evaluations: int
    joint: Joint | None = None
