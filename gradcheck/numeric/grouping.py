"""Which entries of an input can be perturbed together, because they touch different outputs.

If the index along one axis of an input determines the index along an axis of the output (the batch;
the output features of a weight; every axis of an elementwise layer), all indices along it may be
perturbed at once and their effects read off separately. Where an index touches a small window of the
output instead (a convolution's input), indices far enough apart may. This is the grouping of columns
of Curtis, Powell and Reid (On the estimation of sparse Jacobian matrices, 1974), found by probing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby, product

import numpy as np

from gradcheck.numeric.forward import Group, random_direction
from gradcheck.result import Array

Touch = Callable[[Array], Array]
"""From a perturbation, shaped like the input, to the mask of the outputs that change under it."""


@dataclass(frozen=True)
class AlignedAxis:
    """An input axis whose indices touch different indices of one output axis.

    `footprint` (input length, output length) marks what each index touches, None where index k
    touches index k alone; indices `period` apart have disjoint footprints.
    """

    input_axis: int
    output_axis: int
    footprint: Array | None = None
    period: int = 1


@dataclass(frozen=True)
class Groups:
    """Groups whose entries own the same outputs, side by side: what they say has one axis more, in front.

    `places` are their entries, counted through the input.
    """

    members: tuple[Group, ...]
    places: Array

    @property
    def first(self) -> Group:
        """One of them, which speaks for all where only the outputs count."""
        return self.members[0]

    def of(self, array: Array) -> Array:
        """Their entries of an array that is shaped like the input."""
        return np.asarray(array.reshape(-1)[self.places])

    def put(self, array: Array, values: Array) -> None:
        """Put values in the place of their entries."""
        array.reshape(-1)[self.places] = values

    def one(self, k: int) -> Groups:
        """One of them, by itself."""
        return Groups(self.members[k : k + 1], self.places[k : k + 1])

    def over(self, steps: int) -> Groups:
        """All of them once for each of several steps, one step after the other."""
        return Groups(self.members * steps, np.concatenate([self.places] * steps))

    def some(self, which: Array) -> Groups:
        """Those of them for which `which` holds."""
        members = tuple(one for one, chosen in zip(self.members, which, strict=True) if chosen)
        return Groups(members, self.places[which])


@dataclass(frozen=True)
class Grouping:
    """How the entries of one input are grouped, and how their effects are gathered from the output.

    `straight` says that the output moves in proportion to this input, as a product of matrices does.
    """

    shape: tuple[int, ...]
    axes: tuple[AlignedAxis, ...] = ()
    straight: bool = False

    def groups(self) -> Iterator[Group]:
        """Every entry of the input, in groups that are perturbed together."""
        yield from product(*self.choices())

    def runs(self) -> Iterator[Iterator[Group]]:
        """The same, group after group as long as they own the same outputs."""
        yield from (run for _, run in groupby(self.groups(), self.key))

    def beside(self, members: tuple[Group, ...]) -> Groups:
        """Groups of one run side by side."""
        return Groups(members, np.stack([self._numbers[group] for group in members]))

    def places(self) -> Array:
        """Where the entries are, group after group, counted through the input."""
        return np.concatenate([self._numbers[group].ravel() for group in self.groups()])

    @cached_property
    def _numbers(self) -> Array:
        return np.arange(np.prod(self.shape, dtype=int)).reshape(self.shape)

    def choices(self) -> list[list[slice]]:
        """For each axis of the input what moves together along it."""
        choices = [[slice(k, k + 1) for k in range(length)] for length in self.shape]
        for axis in self.axes:
            choices[axis.input_axis] = [slice(k, None, axis.period) for k in range(axis.period)]
        return choices

    def count(self) -> int:
        """How many groups there are."""
        periods = {axis.input_axis: axis.period for axis in self.axes}
        return int(np.prod([periods.get(k, length) for k, length in enumerate(self.shape)]))

    @property
    def evaluations(self) -> int:
        """Of the forward pass, for all groups, where the first step will do."""
        return (2 if self.straight else 4) * self.count()

    @cached_property
    def owned(self) -> tuple[int, ...]:
        """The axes of effects of which each index belongs to one entry of a group."""
        return tuple(1 + axis.output_axis for axis in self.axes)

    def gather(self, effects: Array, group: Group, *, at_least: bool = False) -> Array:
        """Sum `effects` over the outputs that each entry of a group owns.

        Args:
            effects: something for each output, of one group of a run after the other.
            group: one of them.
            at_least: an entry that owns no output is given all of them. So for noise: an output that
                did not move under a probe may move by less than can be seen.
        """
        owned = self.owned
        others = tuple(k for k in range(1, effects.ndim) if k not in owned)
        total = np.add.reduce(effects, axis=others, keepdims=True)
        for axis, place in zip(self.axes, owned, strict=True):
            if axis.footprint is not None:
                owners = axis.footprint[group[axis.input_axis]]
                if at_least:
                    owners = np.where(owners.any(axis=1, keepdims=True), owners, 1.0)
                total = (total.swapaxes(place, -1) @ owners.T).swapaxes(place, -1)
        total = total.transpose((0, *owned, *others))
        sizes = [len(total), *(1 for _ in self.shape)]
        for axis, size in zip(self.axes, total.shape[1:], strict=False):
            sizes[1 + axis.input_axis] = size
        return np.asarray(total.reshape(sizes))

    def gathered(self, effects: Array) -> Array:
        """The same of one evaluation, in which all entries were moved at once."""
        return np.asarray(self.gather(effects[None], (slice(None),) * len(self.shape))[0])

    def slabs(self) -> Grouping:
        """Only the axes whose indices own an output index each: what belongs to one is apart from the rest."""
        return Grouping(self.shape, tuple(axis for axis in self.axes if axis.footprint is None))

    def along(self, terms: Array) -> Array:
        """Sum terms, shaped like the input, over all axes that are not aligned."""
        aligned = {axis.input_axis for axis in self.axes}
        free = tuple(k for k in range(len(self.shape)) if k not in aligned)
        return np.asarray(terms.sum(axis=free, keepdims=True))

    def key(self, group: Group) -> tuple[tuple[int | None, int | None, int | None], ...]:
        """What `gather` depends on: equal for two groups whose entries own the same outputs."""
        return tuple(
            (part.start, part.stop, part.step)
            for part in (group[axis.input_axis] for axis in self.axes if axis.footprint is not None)
        )


def find_grouping(
    shape: tuple[int, ...], output_shape: tuple[int, ...], touch: Touch, rng: np.random.Generator
) -> Grouping:
    """Probe a few single entries and propose the aligned axes that explain what they touched.

    A proposal only: what depends on it is confirmed along a random direction afterwards.

    Args:
        shape: the input's shape.
        output_shape: the output's shape.
        touch: evaluates the forward pass and says which outputs a perturbation changes.
        rng: chooses the probes.
    """
    if np.prod(shape) <= 1 or np.prod(output_shape) <= 1:
        return Grouping(shape)
    probing = _Probing(shape, output_shape, touch, rng)
    if not probing.found:
        return Grouping(shape)
    if probing.elementwise():
        return Grouping(shape, tuple(AlignedAxis(k, k) for k in range(len(shape)) if shape[k] > 1))
    axes: list[AlignedAxis] = []
    for propose in (probing.aligned, probing.windowed):
        for k in range(len(shape)):
            proposed = propose(k, axes)
            axes += [] if proposed is None else [proposed]
    return Grouping(shape, tuple(sorted(axes, key=lambda axis: axis.input_axis)))


LOOKS_AT_COMBS = 3
"""Indices that are moved alone, after windows were seen by combs: a layer that permutes an axis touches
windows in another order, and by chance hardly in the same at three places."""

Probe = tuple[tuple[int, ...], tuple[Array, ...]]
"""A single entry that touches something, and the output indices it touches."""


class _Probing:
    """What a few perturbations touch, and which aligned axes would explain it."""

    def __init__(
        self,
        shape: tuple[int, ...],
        output_shape: tuple[int, ...],
        touch: Touch,
        rng: np.random.Generator,
    ) -> None:
        self.shape = shape
        self.output_shape = output_shape
        self.touch = touch
        self.rng = rng
        self.found = self._probes()

    def _probes(self) -> list[Probe]:
        """Up to two single entries that touch something, of five that are tried: going up, then down.

        Half of what goes into a ReLU touches nothing, either way.
        """
        found: list[Probe] = []
        idle: list[tuple[int, ...]] = []
        for entry in self._entries():
            touched = self._touched_by(entry, 1.0)
            found += [] if touched is None else [(entry, touched)]
            idle += [entry] if touched is None else []
            if len(found) == 2:
                return found
        for entry in idle:
            touched = self._touched_by(entry, -1.0)
            found += [] if touched is None else [(entry, touched)]
            if len(found) == 2:
                break
        return found

    def _touched_by(self, entry: tuple[int, ...], direction: float) -> tuple[Array, ...] | None:
        """The output indices that a single entry touches in one direction, if any."""
        perturbation = np.zeros(self.shape)
        perturbation[entry] = direction
        touched = self.touch(perturbation)
        return tuple(np.unique(axis) for axis in np.nonzero(touched)) if touched.any() else None

    def _entries(self) -> Iterator[tuple[int, ...]]:
        """Five at random. Every index moves, so that an axis explained by chance once is not explained twice."""
        entry = tuple(int(self.rng.integers(length)) for length in self.shape)
        for _ in range(5):
            yield entry
            entry = tuple(
                (k + int(self.rng.integers(1, max(length, 2)))) % length
                for k, length in zip(entry, self.shape, strict=True)
            )

    def elementwise(self) -> bool:
        """Whether each entry touches the output in its own place, as a random half of them does."""
        if self.shape != self.output_shape or not all(
            _touches_only(touched, entry) for entry, touched in self.found
        ):
            return False
        half = self.rng.random(self.shape) < 0.5
        moved = self.touch(half * self.rng.uniform(0.5, 1.0, self.shape))
        return not (moved & ~half).any()

    def aligned(self, axis: int, already: list[AlignedAxis]) -> AlignedAxis | None:
        """An output axis whose index is this one's, if there is one."""
        for b in self._candidates(axis, already):
            if self._in_step(axis, b) and self._apart(axis, b):
                return AlignedAxis(axis, b)
        return None

    def windowed(self, axis: int, already: list[AlignedAxis]) -> AlignedAxis | None:
        """An output axis of which this one's indices touch a small window each, if there is one."""
        if axis in {found.input_axis for found in already}:
            return None
        for b in self._candidates(axis, already):
            window = self._footprints(axis, b) if self._local(axis, b) else None
            if window is not None:
                return window
        return None

    def _candidates(self, axis: int, already: list[AlignedAxis]) -> list[int]:
        """Output axes that nothing is aligned with yet."""
        taken = {found.output_axis for found in already}
        # The axis of the same number first: of two equal explanations the plain one.
        return sorted(set(range(len(self.output_shape))) - taken, key=lambda b: (b != axis, b))

    def _in_step(self, axis: int, b: int) -> bool:
        """Whether every probe touched that index of the output axis alone which it has itself."""
        return self.shape[axis] == self.output_shape[b] > 1 and all(
            _touches_only(touched[b : b + 1], entry[axis : axis + 1])
            for entry, touched in self.found
        )

    def _combed(self, axis: int, b: int) -> Array | None:
        """The same from combs of indices so far apart that the windows they touch are seen one by one.

        As many combs as a window is wide, twice or so, whatever the axis is long. None where a comb would
        save nothing, or where what it tells is not what a single index touches.
        """
        length, window = self.shape[axis], max(np.ptp(touched[b]) + 1 for _, touched in self.found)
        spacing = int(np.ceil((2 * window + 1) * length / self.output_shape[b]))
        if 2 * spacing >= length:
            return None
        footprint = np.zeros((length, self.output_shape[b]))
        for first in range(spacing):
            comb = list(range(first, length, spacing))
            clusters = _clusters(self._touched(axis, comb, b), window)
            if len(clusters) == len(comb):
                footprint[comb] = clusters
            else:
                # At a border an index may touch nothing, and then nobody knows whose windows these are.
                footprint[comb] = [self._touched(axis, [k], b) for k in comb]
        looked_at = self.rng.integers(length, size=LOOKS_AT_COMBS)
        same = all((self._touched(axis, [int(k)], b) == footprint[k]).all() for k in looked_at)
        return footprint if same else None

    def _touched(self, axis: int, indices: list[int], b: int) -> Array:
        """Which indices of output axis `b` some indices along `axis` touch together. Two evaluations."""
        others = tuple(k for k in range(len(self.output_shape)) if k != b)
        slab = self._slab(axis, indices)
        # Going up or down: one of two tied maxima is missed when it moves down.
        return np.asarray((self.touch(slab) | self.touch(-slab)).any(axis=others))

    def _apart(self, axis: int, b: int) -> bool:
        """Whether everything at one index along `axis` really touches that index alone."""
        # The axis of the same number is rarely a coincidence; any other is looked at harder.
        looks = 1 if axis == b else 6
        return all(
            (np.nonzero(self.touch(self._slab(axis, [int(k)])))[b] == k).all()
            for k in self.rng.integers(self.shape[axis], size=looks)
        )

    def _slab(self, axis: int, indices: list[int]) -> Array:
        """A perturbation of all entries with one of these indices along `axis`."""
        perturbation = random_direction(self.rng, self.shape)
        elsewhere = ~np.isin(np.arange(self.shape[axis]), indices)
        perturbation[(slice(None),) * axis + (elsewhere,)] = 0
        return perturbation

    def _local(self, axis: int, b: int) -> bool:
        # A window is worth finding where it is less than half the axis, and the axis not tiny.
        length = self.output_shape[b]
        return min(self.shape[axis], length) > 3 and all(
            2 * (touched[b][-1] - touched[b][0] + 1) <= length for _, touched in self.found
        )

    def _footprints(self, axis: int, b: int) -> AlignedAxis | None:
        """What each index along `axis` touches along output axis `b`."""
        footprint = self._combed(axis, b)
        if footprint is None:
            indices = range(self.shape[axis])
            footprint = np.stack([self._touched(axis, [k], b) for k in indices])
        for period in range(1, self.shape[axis] // 2 + 1):
            if all((footprint[k::period].sum(axis=0) <= 1).all() for k in range(period)):
                return AlignedAxis(axis, b, footprint, period)
        return None


def _clusters(touched: Array, window: int) -> list[Array]:
    """What was touched, taken apart where it is further apart than a window is wide; a mask for each part."""
    places = np.flatnonzero(touched)
    parts = np.split(places, np.flatnonzero(np.diff(places) > window) + 1) if places.size else []
    return [np.isin(np.arange(len(touched)), part) for part in parts]


def _touches_only(touched: tuple[Array, ...], entry: tuple[int, ...]) -> bool:
    return all(len(k) == 1 and k[0] == i for k, i in zip(touched, entry, strict=True))
