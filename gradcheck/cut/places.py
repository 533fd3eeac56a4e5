"""Where a forward pass can be cut: the values through which everything that was computed before them passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Layer
from gradcheck.lines.copy import Copy
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

    `claimed` is what the backward pass seems to say of its gradient: what it calls by that name.
    """

    name: str
    line: int
    passing: Passing
    value: Array
    claimed: tuple[Array, ...] = ()


@dataclass(frozen=True)
class Pieces:
    """A forward pass taken apart at its cuts: piece k leads from cut k − 1 and the inputs to cut k.

    Piece 0 begins at the inputs alone, the last one ends at the layer's value.
    """

    copy: Copy
    inputs: Sequence[Array]
    movable: Sequence[int]
    cuts: tuple[Cut, ...]

    @cached_property
    def entered(self) -> tuple[tuple[int, ...], ...]:
        """For each piece the inputs that its value depends on other than through the cut before it."""
        rng = np.random.default_rng(0)
        return tuple(
            tuple(p for p in self.movable if self._enters(k, p, rng))
            for k in range(len(self.cuts) + 1)
        )

    def forward(self, k: int, positions: Sequence[int]) -> tuple[Callable[..., Any], list[Array]]:
        """A piece as a function of the cut before it, if there is one, and of some inputs; and its point."""
        before = self.cuts[k - 1 : k] if k else ()

        def piece(*values: Array) -> Any:
            inputs = list(self.inputs)
            for p, value in zip(positions, values[len(before) :], strict=True):
                inputs[p] = value
            given = {cut.passing: v for cut, v in zip(before, values, strict=False)}
            return self._run(inputs, given, self._end(k))

        return piece, [*(cut.value for cut in before), *(self.inputs[p] for p in positions)]

    def _end(self, k: int) -> Passing | None:
        return self.cuts[k].passing if k < len(self.cuts) else None

    def _enters(self, k: int, position: int, rng: np.random.Generator) -> bool:
        piece, point = self.forward(k, (position,))
        there = piece(*point)
        try:
            with np.errstate(all="ignore"):
                moved = piece(*point[:-1], _moved(point[-1], rng))
        except Exception:
            return True
        return not _same(there, moved)

    def _run(self, inputs: Sequence[Array], given: Mapping[Passing, Array], until: Any) -> Any:
        return run_copy(self.copy, inputs, given, until)


def run_copy(
    copy: Copy, inputs: Sequence[Array], given: Mapping[Passing, Array], until: Passing | None
) -> Any:
    """The value of an instrumented copy, or that of an earlier passing, with some values given."""
    copy.recorder.start({}, given=given, until=until)
    try:
        return copy.layer(*inputs)[0]
    except Reached as reached:
        return reached.value


def taken_apart(layer: Layer, names: Sequence[str], forward: Forward, dy: Array) -> Pieces | None:
    """The pieces of a layer's forward pass; None where it cannot be read, or passes through no value.

    Args:
        layer: the layer; its source is read.
        names: the names of its inputs.
        forward: its forward pass at its point.
        dy: an upstream gradient.
    """
    try:
        run = record(Context(layer, names, forward, dy, {}), [], raised=False)
    except Unreadable:
        return None
    claimed = _claimed(run)
    candidates = _candidates(run.copy, forward.inputs)
    cuts = [
        replace(cut, claimed=tuple(claimed.get(cut.passing, ())))
        for k, cut in enumerate(candidates)
        if cut.value.size > 1
        and not _equal(cut.value, forward.value)
        and _passes_all(run.copy, forward, candidates[:k], cut)
    ]
    return Pieces(run.copy, forward.inputs, forward.movable, tuple(_apart(cuts))) if cuts else None


def _claimed(run: Record) -> dict[Passing, list[Array]]:
    """What the backward pass says of the values of the forward pass, by the names that it uses."""
    found: dict[Passing, list[Array]] = {}
    for match in (match for several in matches_of(run).values() for match in several):
        one, hand = match.intermediate, match.hand
        if one.sites and one.steps is None and hand.shape == one.value.shape:
            found.setdefault((one.sites[0], one.passing), []).append(hand)
    return found


def _candidates(copy: Copy, inputs: Sequence[Array]) -> list[Cut]:
    """The values of the forward pass that a small step may move, in order; inputs under new names left out."""
    recorded = copy.recorder.recorded
    found = []
    for site, k in copy.recorder.order:
        value = recorded[site].values[k]
        named = recorded[site].site
        if named.is_anonymous or not _is_movable(value):
            continue
        if not any(_is_rearranged(value, x) for x in inputs):
            found.append(Cut(named.name, named.line, (site, k), value))
    return found


def _is_movable(value: Any) -> bool:
    return (
        isinstance(value, np.ndarray)
        and value.dtype == np.float64
        and bool(np.isfinite(value).all())
    )


def _passes_all(copy: Copy, forward: Forward, earlier: Sequence[Cut], cut: Cut) -> bool:
    """Whether no value before a cut is felt behind it, where the cut's own is held fast."""
    rng = np.random.default_rng(0)
    given = {other.passing: _moved(other.value, rng) for other in earlier}
    try:
        with np.errstate(all="ignore"):
            value = run_copy(copy, forward.inputs, {**given, cut.passing: cut.value}, None)
    except Exception:
        return False
    return _same(value, forward.value)


def _apart(cuts: Sequence[Cut]) -> list[Cut]:
    """Without those that are the one before in another shape or under another name."""
    pairs = zip([None, *cuts], cuts, strict=False)
    return [cut for before, cut in pairs if before is None or not _equal(before.value, cut.value)]


def _equal(a: Array, b: Array) -> bool:
    return a.size == b.size and np.array_equal(a.ravel(), b.ravel())


def _is_rearranged(value: Array, x: Array) -> bool:
    """Whether a value is an input, reshaped or transposed."""
    return _equal(value, x) or _equal(value, x.T)


def _moved(value: Array, rng: np.random.Generator) -> Array:
    return np.asarray(value + SHIFT * scales(value) * random_direction(rng, value.shape))


def _same(a: Any, b: Any) -> bool:
    return np.array_equal(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
