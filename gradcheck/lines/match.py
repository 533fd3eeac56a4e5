"""A value of the backward pass laid beside one of the forward pass, and when its parts were computed."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import numpy as np

from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.sites import Label
from gradcheck.result import Array

Touches = tuple[tuple[int, Any], ...]
"""When each part of a value was computed: a time and a place in it."""


ROOM = {"zeros", "zeros_like", "empty", "empty_like"}
"""The functions that make an array which has yet to be filled."""


@dataclass(frozen=True)
class Match:
    """A value of the backward pass laid beside an intermediate one, and when its parts were computed."""

    intermediate: Intermediate
    hand: Array
    times: Touches
    reshaped: bool = False

    def touched(self, times: Touches) -> Array:
        """Which entries were computed at some of the times."""
        touched = np.zeros(self.hand.shape, dtype=bool)
        for _, place in times:
            touched[place] = True
        return touched

    def first_touching(self, entries: Array, times: Touches) -> int:
        """The first of some times at which one of these entries was computed; the last of all if none was."""
        touching = (time for time, place in times if entries[place].any())
        return min(touching, default=self.ended)

    @property
    def fits(self) -> bool:
        """Whether the value has the shape of its counterpart."""
        return self.hand.shape == self.intermediate.value.shape

    @property
    def overwritten(self) -> bool:
        """Whether a value was written over after all of it was there: several statements made it."""
        return self.in_parts and any(self.touched((one,)).all() for one in self.times)

    @property
    def in_parts(self) -> bool:
        """Whether its parts were computed one after the other."""
        return len(self.times) > 1

    @property
    def ended(self) -> int:
        """When the last part was computed."""
        return self.times[-1][0]

    @property
    def goes_back(self) -> bool | None:
        """Whether its last time step was computed first; None if it has not one part a time step."""
        in_time = sorted(self.times, key=itemgetter(0))
        steps = {self.intermediate.step_of(place): k for k, (_, place) in enumerate(in_time)}
        one_each = self.in_parts and None not in steps and len(steps) == len(in_time)
        return steps[max(filter(None, steps))] == 0 if one_each else None


Matches = dict[Label, tuple[Match, ...]]
"""For each label of the backward pass, the ways to lay its value beside one of the forward pass."""
