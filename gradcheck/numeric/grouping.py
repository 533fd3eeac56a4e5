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
from itertools import product

import numpy as np

from gradcheck.result import Array

Group = tuple[slice, ...]
"""Entries perturbed together: one slice for each axis of the input."""

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
class Grouping:
    """How the entries of one input are grouped, and how their effects are read off the output."""

    shape: tuple[int, ...]
    lanes: tuple[AlignedAxis, ...] = ()

    def groups(self) -> Iterator[Group]:
        """Every entry of the input, in groups that are perturbed together."""
        choices = [[slice(k, k + 1) for k in range(length)] for length in self.shape]
        for lane in self.lanes:
            choices[lane.input_axis] = [slice(k, None, lane.period) for k in range(lane.period)]
        yield from product(*choices)

    def count(self) -> int:
        """How many groups there are."""
        periods = {lane.input_axis: lane.period for lane in self.lanes}
        return int(np.prod([periods.get(axis, length) for axis, length in enumerate(self.shape)]))

    def read(self, effects: Array, group: Group) -> Array:
        """Sum `effects`, shaped like the output, over the outputs that each entry of `group` owns."""
        owned = [lane.output_axis for lane in self.lanes]
        others = tuple(axis for axis in range(effects.ndim) if axis not in owned)
        total = effects.sum(axis=others, keepdims=True)
        for lane in self.lanes:
            if lane.footprint is not None:
                owners = lane.footprint[group[lane.input_axis]]
                total = np.tensordot(total, owners, axes=(lane.output_axis, 1))
                total = np.moveaxis(total, -1, lane.output_axis)
        total = total.transpose(owned + list(others))
        sizes = [1] * len(self.shape)
        for lane, size in zip(self.lanes, total.shape, strict=False):
            sizes[lane.input_axis] = size
        return np.asarray(total.reshape(sizes))

    def reading(self, group: Group) -> tuple[tuple[int | None, int | None, int | None], ...]:
        """What `read` depends on: equal for two groups whose entries own the same outputs."""
        return tuple(
            (part.start, part.stop, part.step)
            for part in (
                group[lane.input_axis] for lane in self.lanes if lane.footprint is not None
            )
        )


def find_grouping(
    shape: tuple[int, ...], output_shape: tuple[int, ...], touch: Touch, rng: np.random.Generator
) -> Grouping:
    """Probe a few single entries and propose the lanes that explain what they touched.

    A proposal only: what depends on it is confirmed along a random direction afterwards.

    Args:
        shape: the input's shape.
        output_shape: the output's shape.
        touch: evaluates the forward pass and says which outputs a perturbation changes.
        rng: chooses the probes.
    """
    if np.prod(shape) <= 1 or np.prod(output_shape) <= 1:
        return Grouping(shape)
    probes = _probes(shape, touch, rng)
    if not probes:
        return Grouping(shape)
    if shape == output_shape and _elementwise(shape, touch, rng, probes):
        axes = range(len(shape))
        return Grouping(shape, tuple(AlignedAxis(axis, axis) for axis in axes if shape[axis] > 1))
    lanes: list[AlignedAxis] = []
    for axis in range(len(shape)):
        taken = {lane.output_axis for lane in lanes}
        # The axis of the same number first: of two equal explanations the plain one.
        candidates = sorted(set(range(len(output_shape))) - taken, key=lambda b: (b != axis, b))
        for b in candidates:
            if _aligned(axis, b, shape, output_shape, probes) and _apart(
                axis, b, shape, touch, rng
            ):
                lanes.append(AlignedAxis(axis, b))
                break
    aligned = {lane.input_axis for lane in lanes}
    for axis in range(len(shape)):
        taken = {lane.output_axis for lane in lanes}
        for b in sorted(set(range(len(output_shape))) - taken, key=lambda b: (b != axis, b)):
            if axis in aligned or not _local(axis, b, shape, output_shape, probes):
                continue
            window = _footprints(axis, b, shape, output_shape, touch, rng)
            if window is not None:
                lanes.append(window)
                aligned.add(axis)
    return Grouping(shape, tuple(sorted(lanes, key=lambda lane: lane.input_axis)))


Probe = tuple[tuple[int, ...], tuple[Array, ...]]


def _probes(shape: tuple[int, ...], touch: Touch, rng: np.random.Generator) -> list[Probe]:
    """Up to two single entries that touch something, with the output indices they touch."""
    found: list[Probe] = []
    entry = tuple(int(rng.integers(length)) for length in shape)
    for _ in range(5):
        perturbation = np.zeros(shape)
        perturbation[entry] = 1.0
        touched = touch(perturbation)
        if not touched.any():
            touched = touch(-perturbation)
        if touched.any():
            found.append((entry, tuple(np.unique(axis) for axis in np.nonzero(touched))))
        if len(found) == 2:
            break
        # Every index moves, so that an axis explained by chance once is not explained twice.
        entry = tuple(
            (k + int(rng.integers(1, max(length, 2)))) % length
            for k, length in zip(entry, shape, strict=True)
        )
    return found


def _elementwise(
    shape: tuple[int, ...], touch: Touch, rng: np.random.Generator, probes: list[Probe]
) -> bool:
    """Whether each entry touches the output in its own place, as a random half of them does."""
    if not all(
        all(len(k) == 1 and k[0] == i for k, i in zip(touched, entry, strict=True))
        for entry, touched in probes
    ):
        return False
    half = rng.random(shape) < 0.5
    return not (touch(half * rng.uniform(0.5, 1.0, shape)) & ~half).any()


def _aligned(
    axis: int, b: int, shape: tuple[int, ...], output_shape: tuple[int, ...], probes: list[Probe]
) -> bool:
    return shape[axis] == output_shape[b] > 1 and all(
        len(touched[b]) == 1 and touched[b][0] == entry[axis] for entry, touched in probes
    )


def _apart(
    axis: int, b: int, shape: tuple[int, ...], touch: Touch, rng: np.random.Generator
) -> bool:
    """Whether everything at one index along `axis` really touches that index alone."""
    # The axis of the same number is rarely a coincidence; any other is looked at harder.
    looks = 1 if axis == b else 6
    for k in rng.integers(shape[axis], size=looks):
        touched = np.nonzero(touch(_slab(shape, axis, int(k), rng)))[b]
        if (touched != k).any():
            return False
    return True


def _slab(shape: tuple[int, ...], axis: int, k: int, rng: np.random.Generator) -> Array:
    """A perturbation of all entries with index k along `axis`.

    Random in size and sign, or a layer that is blind to a common shift would hide what it touches.
    """
    perturbation = rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.0, shape)
    elsewhere = np.arange(shape[axis]) != k
    perturbation[(slice(None),) * axis + (elsewhere,)] = 0
    return perturbation


def _either_way(touch: Touch, perturbation: Array) -> Array:
    """What is touched by going up or down: one of two tied maxima is missed when it moves down."""
    return np.asarray(touch(perturbation) | touch(-perturbation))


def _local(
    axis: int, b: int, shape: tuple[int, ...], output_shape: tuple[int, ...], probes: list[Probe]
) -> bool:
    # A window is worth finding where it is less than half the axis, and the axis not tiny.
    return min(shape[axis], output_shape[b]) > 3 and all(
        2 * (touched[b][-1] - touched[b][0] + 1) <= output_shape[b] for _, touched in probes
    )


def _footprints(
    axis: int,
    b: int,
    shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    touch: Touch,
    rng: np.random.Generator,
) -> AlignedAxis | None:
    """What each index along `axis` touches along output axis `b`: two evaluations an index."""
    footprint = np.zeros((shape[axis], output_shape[b]))
    others = tuple(other for other in range(len(output_shape)) if other != b)
    for k in range(shape[axis]):
        footprint[k] = _either_way(touch, _slab(shape, axis, k, rng)).any(axis=others)
    for period in range(1, shape[axis] // 2 + 1):
        if all((footprint[k::period].sum(axis=0) <= 1).all() for k in range(period)):
            return AlignedAxis(axis, b, footprint, period)
    return None
