"""Where a forward pass can be cut: the values through which everything that was computed before them passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, compress
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Function, Layer
from gradcheck.lines.copy import Copy
from gradcheck.lines.names import grouped
from gradcheck.lines.readings import matches_of
from gradcheck.lines.record import Record, record
from gradcheck.lines.recorder import Passing, Reached
from gradcheck.lines.source import Unreadable
from gradcheck.numeric import Forward, random_direction, scales
from gradcheck.result import Array

SHIFT = 1e-3
"""How far a value is moved, relative to its size, to see what follows from it: far above rounding, and
not so far that a logarithm or a root leaves its domain."""


@dataclass(frozen=True)
class Cut:
    """A value of the forward pass where it is cut: its name, its line, and when it is computed.

    `order` counts the values before it. `claimed` is what the backward pass seems to say of its gradient:
    what it calls by that name.
    """

    name: str
    line: int
    passing: Passing
    value: Array
    order: int
    claimed: tuple[Array, ...] = ()


Key = tuple[Passing | None, Passing | None, tuple[int, ...]]
"""The cuts before and behind a piece, and the inputs that enter it."""


@dataclass(frozen=True)
class Pieces:
    """A forward pass taken apart at its cuts: piece k leads from cut k − 1 and the inputs to cut k.

    Piece 0 begins at the inputs alone, the last one ends at the layer's value. Only `movable` inputs pass
    through the cuts; what others do beside them is held.
    """

    copy: Copy
    inputs: Sequence[Array]
    movable: Sequence[int]
    cuts: tuple[Cut, ...]

    def __len__(self) -> int:
        return len(self.cuts) + 1

    @cached_property
    def entered(self) -> tuple[tuple[int, ...], ...]:
        """For each piece the inputs that its value depends on other than through the cut before it."""
        return tuple(tuple(p for p in self.movable if self._enters(k, p)) for k in range(len(self)))

    def key(self, k: int) -> Key:
        """Which piece this is, of whatever pieces: equal where the function is."""
        before = self.cuts[k - 1].passing if k else None
        return before, self._end(k), self.entered[k]

    def places(self, position: int) -> list[tuple[int, int]]:
        """The pieces that an input enters, and where it stands there, behind the cut before it."""
        entered = enumerate(self.entered)
        return [(k, (k > 0) + ins.index(position)) for k, ins in entered if position in ins]

    def forward(self, k: int, positions: Sequence[int]) -> tuple[Function, list[Array]]:
        """A piece as a function of the cut before it, if there is one, and of some inputs; and its point."""
        before = self.cuts[k - 1 : k] if k else ()

        def piece(*values: Array) -> Any:
            inputs = list(self.inputs)
            for p, value in zip(positions, values[len(before) :], strict=True):
                inputs[p] = value
            given = {cut.passing: v for cut, v in zip(before, values, strict=False)}
            return run_copy(self.copy, inputs, given, self._end(k))

        return piece, [*(cut.value for cut in before), *(self.inputs[p] for p in positions)]

    def _end(self, k: int) -> Passing | None:
        return self.cuts[k].passing if k < len(self.cuts) else None

    def _enters(self, k: int, position: int) -> bool:
        piece, point = self.forward(k, (position,))
        there = piece(*point)
        try:
            with np.errstate(all="ignore"):
                changed = [piece(*point[:-1], change(point[-1])) for change in _changes()]
        except Exception:
            return True
        return not all(_same(there, value) for value in changed)


def run_copy(
    copy: Copy, inputs: Sequence[Array], given: Mapping[Passing, Array], until: Passing | None
) -> Any:
    """The value of an instrumented copy, or that of an earlier passing, with some values given."""
    copy.recorder.start({}, given=given, until=until)
    try:
        return copy.layer(*inputs)[0]
    except Reached as reached:
        return reached.value


@dataclass(frozen=True)
class Reading:
    """A forward pass that was read: its copy, and the values at which it may be cut, in their order."""

    copy: Copy
    forward: Forward
    candidates: Sequence[Cut]

    def pieces(self) -> Pieces:
        """Cut where everything that was computed before passes."""
        earlier = (self.candidates[:k] for k in range(len(self.candidates)))
        passes = [self._passes_all(*one) for one in zip(earlier, self.candidates, strict=True)]
        return self._cut(passes, self.forward.movable)

    def pieces_of(self, position: int) -> Pieces:
        """Cut where everything passes that this one input does: a residual sum may lead past."""
        passes = [self._passes_one(position, cut) for cut in self.candidates]
        return self._cut(passes, [position])

    def _cut(self, passes: Sequence[bool], movable: Sequence[int]) -> Pieces:
        cuts = _apart([*compress(self.candidates, passes)])
        return Pieces(self.copy, self.forward.inputs, movable, tuple(cuts))

    def _passes_all(self, earlier: Sequence[Cut], cut: Cut) -> bool:
        """Whether no value before a cut is felt behind it, where the cut's own is held fast."""
        changed = (
            {other.passing: change(other.value) for other in earlier} for change in _changes()
        )
        held = {cut.passing: cut.value}
        return all(self._is_held(self.forward.inputs, {**values, **held}) for values in changed)

    def _passes_one(self, position: int, cut: Cut) -> bool:
        """Whether an input is not felt where the cut's value is held fast."""
        inputs, held = list(self.forward.inputs), {cut.passing: cut.value}

        def is_felt(change: Callable[[Array], Array]) -> bool:
            inputs[position] = change(self.forward.inputs[position])
            return not self._is_held(inputs, held)

        return not any(map(is_felt, _changes()))

    def _is_held(self, inputs: Sequence[Array], given: Mapping[Passing, Array]) -> bool:
        try:
            with np.errstate(all="ignore"):
                value = run_copy(self.copy, inputs, given, None)
        except Exception:
            return False
        return _same(value, self.forward.value)


def read(layer: Layer, names: Sequence[str], forward: Forward, dy: Array) -> Reading | None:
    """The values at which a layer's forward pass may be cut; None where its source cannot be read."""
    try:
        run = record(Context(layer, names, forward, dy, {}), [], raised=False)
    except Unreadable:
        return None
    claimed = _claimed(run)
    candidates = [
        replace(cut, claimed=tuple(claimed.get(cut.passing, ())))
        for cut in _candidates(run.copy, forward)
        if cut.value.size > 1 and not _equal(cut.value, forward.value)
    ]
    return Reading(run.copy, forward, candidates)


def _claimed(run: Record) -> dict[Passing, list[Array]]:
    """What the backward pass says of the values of the forward pass, by the names that it uses."""
    laid = (match for match in chain(*matches_of(run).values()) if match.fits)
    by_passing = grouped(laid, lambda match: match.intermediate.passed_at)
    return {p: [match.hand for match in several] for p, several in by_passing.items() if p}


def _candidates(copy: Copy, forward: Forward) -> list[Cut]:
    """The values of the forward pass that a small step may move, in order; inputs under new names left out."""
    recorded, found = copy.recorder.recorded, list[Cut]()
    for site, k in copy.recorder.order:
        named, value = recorded[site].site, recorded[site].values[k]
        if not named.is_anonymous and _is_movable(value, forward):
            found.append(Cut(named.name, named.line, (site, k), value, len(found)))
    return found


def _is_movable(value: Any, forward: Forward) -> bool:
    if not isinstance(value, np.ndarray) or value.dtype != forward.dtype:
        return False
    new = not any(_is_rearranged(value, x) for x in forward.inputs)
    return new and bool(np.isfinite(value).all())


def _apart(cuts: Sequence[Cut]) -> list[Cut]:
    """Without those that are the one before in another shape or under another name."""
    pairs = zip([None, *cuts], cuts, strict=False)
    return [cut for before, cut in pairs if before is None or not _equal(before.value, cut.value)]


def _equal(a: Array, b: Array) -> bool:
    return a.size == b.size and np.array_equal(a.ravel(), b.ravel())


def _is_rearranged(value: Array, x: Array) -> bool:
    """Whether a value is an input, reshaped or transposed."""
    return _equal(value, x) or _equal(value, x.T)


def _changes() -> tuple[Callable[[Array], Array], ...]:
    """A value moved a little, which a threshold feels; and none at all, which is felt however small its part."""
    rng = np.random.default_rng(0)
    return (
        lambda x: np.asarray(x + SHIFT * scales(x) * random_direction(rng, x.shape)),
        lambda x: np.full_like(x, np.nan),
    )


def _same(a: Any, b: Any) -> bool:
    return np.array_equal(np.asarray(a), np.asarray(b))
