"""One input at its point, free to move: its array, its scale, its precision, the value when it has moved."""

from __future__ import annotations

import numpy as np

from gradcheck.numeric.forward import Forward, Group
from gradcheck.numeric.grouping import Groups
from gradcheck.numeric.margins import LARGEST_STEP, NEAR_ZERO
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

    def values(self, groups: Groups, entries: Array) -> Array:
        """The same for each of several groups, one after the other."""
        return np.stack([self.value(*one) for one in zip(groups.members, entries, strict=True)])

    def touched(self, perturbation: Array) -> Array:
        """The mask of the outputs that change under a perturbation, given in units of a long step."""
        moved = self.at(self.everything, LARGEST_STEP * self.scale * perturbation)
        return np.asarray(self.value(self.everything, moved) != self.forward.value)

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
    floor = NEAR_ZERO * float(np.median(usual)) if usual.size else 1.0
    return np.asarray(np.maximum(magnitude, floor))
