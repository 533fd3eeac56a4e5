"""One input at its point, free to move: its array, its scale, its precision, the value when it has moved."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.numeric.forward import Forward, Group, Visited, random_direction
from gradcheck.numeric.grouping import Groups
from gradcheck.numeric.margins import BENT, FIVE, LARGEST_STEP, LINES, MOVED, NEAR_ZERO
from gradcheck.numeric.steps import median
from gradcheck.result import Array


class Variable:
    """An input of a forward pass as the variable of a difference quotient.

    Args:
        forward: the forward pass at its point.
        position: which of its inputs.

    Raises:
        TypeError: if that input is not of floating dtype.
    """

    def __init__(self, forward: Forward, position: int) -> None:
        self.forward = forward
        self.position = position
        self.array = forward.inputs[position].copy()
        if not np.issubdtype(self.array.dtype, np.floating):
            raise TypeError(
                f"input {position} has dtype {self.array.dtype}: a step needs a float array"
            )
        self.scale = scales(self.array)
        self.epsilon = forward.epsilon(position)
        self.everything: Group = (slice(None),) * self.array.ndim

    @property
    def shape(self) -> tuple[int, ...]:
        """The input's shape."""
        return self.array.shape

    def at(self, group: Group, shift: Array | float) -> Array:
        """The entries of a group, shifted, as the input's dtype rounds them."""
        return self.rounded(self.array[group] + shift)

    def rounded(self, entries: Array) -> Array:
        """Entries as the input's dtype rounds them."""
        return np.asarray(entries).astype(self.array.dtype, copy=False)

    def value(self, group: Group, entries: Array) -> Array:
        """The forward pass with these entries in place of the group's."""
        return self.forward.moved(self.position, group, entries)

    def values(self, groups: Groups, places: Sequence[Array], visited: Visited) -> list[Array]:
        """The same for each of several groups, one after the other, at each of several places."""
        return self.forward.moved_in_turn(self.position, groups.members, places, visited)

    def touched(self, perturbation: Array) -> Array:
        """The mask of the outputs that change under a perturbation, given in units of a long step."""
        moved = self.at(self.everything, LARGEST_STEP * self.scale * perturbation)
        return np.asarray(self.value(self.everything, moved) != self.forward.value)

    def is_straight(self, noise: Array, rng: np.random.Generator) -> bool:
        """Whether along random lines through all entries the outputs move in proportion, but for noise.

        Random signs and sizes, so that what bends is not hidden by something else that bends. And no output
        that stood still when noise was measured may move: a staircase. Four evaluations a line.
        """
        f = self.forward.value
        for _ in range(LINES):
            line = LARGEST_STEP * self.scale * random_direction(rng, self.shape)
            far_down, down, up, far_up = (
                self.value(self.everything, self.at(self.everything, t * line)) for t in FIVE
            )
            moved = np.maximum(np.abs(far_up - f), np.abs(far_down - f))
            bent = (up - 2 * f + down, far_up - 2 * up + f, far_down - 2 * down + f)
            allowed = BENT * (noise + MOVED * self.epsilon * moved)
            stairs = moved[self.forward.still] if self.forward.still is not None else moved[:0]
            if stairs.any() or not (np.abs(bent) <= allowed).all():
                return False
        return True

    def noise_within_an_ulp(self) -> tuple[Array, Array]:
        """How far each output moves when this input moves by an ulp, and what rounding explains of it."""
        shift = np.spacing(np.abs(self.array))
        beside = self.value(self.everything, self.at(self.everything, shift))
        floor = self.epsilon * np.abs(self.forward.value) + np.finfo(self.forward.dtype).tiny
        return np.maximum(np.abs(beside - self.forward.value), floor), floor


def scales(x: Array) -> Array:
    """The size against which a step is small: |x|, and near zero what is usual in the array."""
    magnitude = np.abs(np.asarray(x, dtype=np.float64))
    usual = magnitude[magnitude > 0]
    floor = NEAR_ZERO * median(usual) if usual.size else 1.0
    return np.asarray(np.maximum(magnitude, floor))
