"""What a name of the forward pass means: one value, or those of all time steps, which can be moved a little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import zip_longest
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.lines.recorder import ACTIVATION, Occurrences, Recorder, is_number
from gradcheck.result import Array

LARGEST = 100_000
"""Entries of an intermediate value beyond which it is left out: differences would take too long."""

Moves = dict[int, Any]
"""For each site what to add to its value: an array for each passing, or one to a whole filled in pieces."""


@dataclass(frozen=True)
class Intermediate:
    """One meaning of a name of the forward pass: an input, a value, or the values of all time steps.

    `value` holds the steps along its first axis where there are `steps` of them; where each step
    writes into a part of one array, `places` are those parts and `value` is the whole. `position` is
    that of an input, `sites` are the statements that assign any other value, `reads` the variables that
    they compute with, `variable` the one that others read it by. Where a statement is passed several
    times with values of several shapes, each `passing` of these `passings` is a value of its own.
    """

    name: str
    value: Array
    sites: tuple[int, ...] = ()
    variable: str = ""
    position: int | None = None
    steps: int | None = None
    places: tuple[Any, ...] = ()
    reads: frozenset[str] = frozenset()
    passing: int = 0
    passings: int = 1
    parts: tuple[tuple[tuple[int, ...], Any], ...] = ()

    def move(self, moved: Array) -> Moves:
        """What to add at each passing of each site to have `moved` instead; nothing if nothing changes."""
        move = moved - self.value
        if not move.any():
            return {}
        if self.parts:
            pieces = move if self.steps else move[None]
            within = [_within(m, *part) for m, part in zip(pieces, self.parts, strict=True)]
            return dict.fromkeys(self.sites, within)
        if self.steps or self.places:
            return dict.fromkeys(self.sites, move)
        return {site: [*([np.zeros(())] * self.passing), move] for site in self.sites}

    def place(self, step: int | None) -> Any:
        """Where in `value` a time step is; everywhere if none is given."""
        if step is None:
            return ...
        return self.places[step] if self.places else step

    def step_of(self, place: Any) -> int | None:
        """The time step that a place in `value` is, or lies in; None if that cannot be told."""
        if self.places:
            return next((k for k, own in enumerate(self.places) if own == place), None)
        step = place[0] if isinstance(place, tuple) and place else place
        return step if self.steps and isinstance(step, int) else None

    def by_step(self, array: Array) -> Array:
        """An array of this value's shape with its time steps first, if it has any."""
        return np.stack([array[place] for place in self.places]) if self.places else array


def meanings(recorder: Recorder, context: Context) -> dict[str, tuple[Intermediate, ...]]:
    """What each name of the forward pass may mean, the last meaning first and an input last."""
    # Written into piece by piece: the pieces together, not the empty beginning.
    values = [one for several in _by_variable(recorder).values() for one in _pieces_joined(several)]
    inputs = [
        Intermediate(name, context.inputs[position], position=position, variable=name)
        for position, name in enumerate(context.names)
        if position in context.true
    ]
    by_name: dict[str, tuple[Intermediate, ...]] = {}
    for one in (*values, *inputs, *_cut_out(recorder)):
        by_name[one.name] = (*by_name.get(one.name, ()), one)
    return by_name


def _within(piece: Array, shape: tuple[int, ...], place: Any) -> Array:
    """Zeros of a shape, with a piece in its place."""
    whole = np.zeros(shape)
    whole[place] = piece.ravel()
    return whole


def _cut_out(recorder: Recorder) -> Iterator[Intermediate]:
    """For names given parts of what came out of an activation the same parts of what went in."""
    for number, several in recorder.cut_out.items():
        found = recorder.recorded[number]
        inner = {site for (site, _), _ in several}
        passed = [k for (_, k), _ in several]
        if len(inner) > 1 or passed != list(range(len(found.values))):
            continue
        (site,) = inner
        wholes = recorder.recorded[site].values
        pieces = [
            whole[place].reshape(value.shape)
            for whole, (_, place), value in zip(wholes, several, found.values, strict=False)
        ]
        parts = tuple((w.shape, place) for w, (_, place) in zip(wholes, several, strict=False))
        one = intermediate(site, Occurrences(found.site, pieces))
        if isinstance(one, Intermediate):
            name, variable = f"{one.name}{ACTIVATION}", f"{one.variable}{ACTIVATION}"
            yield replace(one, name=name, variable=variable, parts=parts)


def _by_variable(recorder: Recorder) -> dict[str, list[Intermediate]]:
    """What each statement gave to a variable, the last statement first."""
    found: dict[str, list[Intermediate]] = {}
    for number, occurrences in sorted(recorder.recorded.items(), reverse=True):
        for one in _intermediates(number, occurrences):
            found.setdefault(one.variable, []).append(one)
    return found


def _pieces_joined(several: list[Intermediate]) -> list[Intermediate]:
    pieces = [one for one in several if one.places]
    return [reduce(_joined, pieces)] if pieces else several


def merged(moves: Sequence[Moves]) -> Moves:
    """What several values ask to be added at each site, together."""
    found: Moves = {}
    for one in moves:
        for site, move in one.items():
            known = found.get(site)
            pairs = zip_longest(known, move, fillvalue=np.zeros(())) if known is not None else ()
            found[site] = [a + b for a, b in pairs] if known is not None else move
    return found


def _intermediates(number: int, found: Occurrences) -> list[Intermediate]:
    """What a site gave its name: one value, or one a passing where their shapes differ."""
    one = intermediate(number, found)
    if isinstance(one, Intermediate):
        return [one]
    several = [Occurrences(found.site, [value]) for value in found.values]
    if len(several) < 2 or found.indices or not all(map(is_number, found.values)):
        return []
    each = [intermediate(number, passing) for passing in several]
    return [
        replace(e, passing=k, passings=len(each))
        for k, e in enumerate(each)
        if isinstance(e, Intermediate)
    ]


def intermediate(number: int, found: Occurrences) -> Intermediate | str:
    """What a site of the forward pass gave its name, or why that cannot be moved a little."""
    if not all(is_number(value) for value in found.values):
        return "is no array of numbers"
    values = [np.asarray(value) for value in found.values]
    reason = _immovable(values)
    if reason is not None:
        return reason
    site = found.site
    one = Intermediate(site.name, values[0], (number,), site.variable, reads=site.reads)
    if found.indices:
        return replace(one, value=values[0].copy(), places=tuple(found.indices))
    if len({v.shape for v in values}) != 1:
        return "changes its shape from step to step"
    if len(values) == 1:
        return one
    return replace(one, value=np.stack(values), steps=len(values))


def _immovable(values: list[Array]) -> str | None:
    """Why values cannot be moved a little, if they cannot."""
    if any(v.dtype.kind != "f" for v in values):
        return "does not hold floats"
    if any(not np.isfinite(v).all() for v in values):
        return "is not finite"
    if sum(v.size for v in values) > LARGEST:
        return f"has more than {LARGEST:,} entries"
    return None


def _joined(one: Intermediate, other: Intermediate) -> Intermediate:
    """Two statements that write into parts of the same array."""
    return replace(
        one,
        sites=one.sites + other.sites,
        places=other.places + one.places,
        reads=one.reads | other.reads,
    )
