"""Inputs of other sizes: what holds only where two sizes happen to be equal does not hold there.

A backward pass that divides by the wrong size passes as long as both are 4. So every size that can change
alone is changed, each to a number of its own: the batch, the features, what happens to be as long as either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from itertools import chain, combinations, filterfalse, islice

import numpy as np

from gradcheck.result import Array

Axis = tuple[int, int]
"""An input by its position, and one of its axes."""
FARTHEST = 30
"""Indices more up to which a length is looked for: of so many some always are like no other."""
MOST = 3
"""Numbers of equal parts that a length is kept divisible by: two heads, three channels, all of it."""
TOGETHER = 30
"""Sets of axes that are tried as one size: of seven others of its length all that hold two or fewer."""


Value = Callable[[Sequence[Array]], Array | None]
"""The value of a layer at inputs; None where it is not defined."""
Back = Callable[[Sequence[Array]], Sequence[Array | None]]
"""The gradients of a layer as it is written; none where it raises."""


@dataclass(frozen=True, eq=False)
class Resized:
    """Inputs and how many indices more each axis is to have; other axes stay as they are."""

    inputs: Sequence[Array]
    more: Mapping[Axis, int] = field(default_factory=dict)

    @cached_property
    def lengths(self) -> dict[Axis, int]:
        """The axes that are longer than one, with their lengths."""
        axes = ((k, axis) for k, x in enumerate(self.inputs) for axis in range(x.ndim))
        return {(k, axis): n for k, axis in axes if (n := self.inputs[k].shape[axis]) > 1}

    @property
    def fixed(self) -> frozenset[int]:
        """The sizes that had to stay."""
        return frozenset(n for axis, n in self.lengths.items() if axis not in self.more)

    @cached_property
    def grown(self) -> list[Array]:
        """The inputs in the other sizes: the first indices come again."""
        fresh = list(self.inputs)
        for (k, axis), by in self.more.items():
            length = self.inputs[k].shape[axis]
            fresh[k] = fresh[k].take(np.arange(length + by) % length, axis)
        return fresh

    def changed(self, axis: Axis) -> list[Array]:
        """The same with other values in the last of what was added along an axis."""
        fresh = [x.copy() for x in self.grown]
        last = np.moveaxis(fresh[axis[0]], axis[1], 0)[-1:]
        # Labels and masks count from the end then; no value that people write is half of π.
        last[...] = np.pi - last if last.dtype.kind in "fc" else ~last
        return fresh

    def is_taken(self, value: Value) -> bool:
        """Whether a layer is defined in these sizes, and all that was added along each axis counts."""
        whole = value(self.grown)
        return whole is not None and all(map(partial(self._counts, value, whole), self.more))

    def _counts(self, value: Value, whole: Array, axis: Axis) -> bool:
        """Whether the value is another one if the last along an axis is: what it ends before is not taken."""
        other = value(self.changed(axis))
        return other is None or not np.array_equal(whole, other)

    def is_left_out(self, back: Back) -> bool:
        """Whether a way back ends before what was added along an axis: it counts by a number of its own."""
        gradients = dict(enumerate(back(self.grown)))
        return any(self._ends_before(gradients.get(k), k, axis) for k, axis in self.more)

    def _ends_before(self, gradient: Array | None, k: int, axis: int) -> bool:
        if gradient is None or gradient.shape != self.grown[k].shape:
            return False
        given, added = np.split(gradient, [self.inputs[k].shape[axis]], axis)
        return bool(given.any() and not added.any())

    def together_with(self, axis: Axis) -> Iterator[Resized]:
        """The same where an axis is longer too, alone or with others of its length: few first, at last all."""
        length = self.lengths[axis]
        others = [a for a, n in self.lengths.items() if n == length and a not in (axis, *self.more)]
        counts = range(len(others) + 1)
        sets = chain.from_iterable(combinations(others, k) for k in counts)
        for some in chain(islice(sets, TOGETHER), [others]):
            for by in self._unlike(length):
                yield replace(self, more={**self.more, **dict.fromkeys((axis, *some), by)})

    def _unlike(self, length: int) -> Iterator[int]:
        """How many indices more make a length that no axis has: two numbers, as a stride may skip the last.

        First two that no new length divides, and those that are cut into equal parts as before: in two
        groups of 4 channels there would be as many as in a batch of 4.
        """
        here = {*chain.from_iterable(x.shape for x in self.grown)}
        settled = {self.grown[k].shape[axis] for k, axis in self.more}
        farther = range(length + 1, length + FARTHEST)
        fresh = sorted({*farther} - here - {*self.lengths.values()})
        apart = [*filterfalse(partial(_is_cut_by_any, settled), fresh)]
        parts = filter(partial(_is_cut_by, length), range(2, length + 1))
        cut = chain.from_iterable(_cut_by(part, apart) for part in islice(parts, MOST))
        return (n - length for n in dict.fromkeys((*apart[:2], *cut, *fresh[:2])))


def _is_cut_by(length: int, part: int) -> bool:
    return length % part == 0


def _is_cut_by_any(parts: Iterable[int], length: int) -> bool:
    return any(map(partial(_is_cut_by, length), parts))


def _cut_by(part: int, lengths: Sequence[int]) -> list[int]:
    """The first length that can be cut into equal parts, if there is one."""
    return [n for n in lengths if _is_cut_by(n, part)][:1]


def _telling(value: Value, inputs: Sequence[Array]) -> Value:
    """The value of a layer where each of its axes tells places apart that did so at the inputs given.

    In a value of one column whatever a column is multiplied with, its number is 0.
    """
    before = value(inputs)

    def telling(fresh: Sequence[Array]) -> Array | None:
        now = value(fresh)
        if before is None or now is None:
            return now
        lost = (n < 2 <= m for n, m in zip(now.shape, before.shape, strict=False))
        return None if any(lost) else now

    return telling


def resized(value: Value, back: Back, inputs: Sequence[Array]) -> Resized:
    """The inputs with as many other sizes as the layer takes, and as its way `back` does not end before."""
    found, value = Resized(inputs), _telling(value, inputs)
    for axis in found.lengths:
        if axis not in found.more:
            taken = (one for one in found.together_with(axis) if one.is_taken(value))
            found = next((one for one in taken if not one.is_left_out(back)), found)
    return found
