"""What a name of the forward pass means: one value, or those of all time steps, which can be moved a little."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from itertools import chain, starmap, zip_longest
from operator import attrgetter
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.lines.names import grouped
from gradcheck.lines.recorder import CutOut, Passing, Recorder
from gradcheck.lines.sites import ACTIVATION, Occurrences, Site
from gradcheck.lines.values import is_number
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
    that of an input, else −1, `sites` are the statements that assign any other value, `reads` the variables that
    they compute with, `variable` the one that others read it by. Where a statement is passed several
    times with values of several shapes, each `passing` of these `passings` is a value of its own.
    """

    name: str
    value: Array
    sites: tuple[int, ...] = ()
    variable: str = ""
    position: int = -1
    steps: int | None = None
    places: tuple[Any, ...] = ()
    reads: frozenset[str] = frozenset()
    passing: int = 0
    passings: int = 1
    parts: tuple[CutOut, ...] = ()

    @property
    def is_input(self) -> bool:
        """Whether it is one."""
        return self.position >= 0

    @property
    def is_before_activation(self) -> bool:
        """Whether it is what goes into an activation."""
        return self.name.endswith(ACTIVATION)

    @property
    def passed_at(self) -> Passing | None:
        """The one passing of the one statement that gives this value; None if several do."""
        return (self.sites[0], self.passing) if self.sites and self.steps is None else None

    def move(self, moved: Array) -> Moves:
        """What to add at each passing of each site to have `moved` instead; nothing if nothing changes."""
        if moved.tobytes() == self._unmoved:
            # Nearly always: of many values one is moved.
            return {}
        move: Any = moved - self.value
        if not move.any():
            return {}
        if not self.each_place:
            move = [*([np.zeros(())] * self.passing), move]
        if self.parts:
            move = [part.within(piece) for part, piece in zip(self.parts, move, strict=True)]
        return dict.fromkeys(self.sites, move)

    @cached_property
    def _unmoved(self) -> bytes:
        return self.value.tobytes()

    @property
    def each_place(self) -> Sequence[Any]:
        """Where in `value` each time step is, if there are several."""
        return self.places or range(self.steps or 0)

    @property
    def step_shape(self) -> tuple[int, ...]:
        """The shape of the value at one time step; of the value where there are none."""
        return next((self.value[place].shape for place in self.each_place), self.value.shape)

    def place(self, step: int | None) -> Any:
        """Where in `value` a time step is; everywhere if none is given."""
        return ... if step is None else self.each_place[step]

    def step_of(self, place: Any) -> int | None:
        """The time step that a place in `value` is, or lies in; None if that cannot be told."""
        if self.places:
            return next((k for k, one in enumerate(self.places) if _are_one(one, place)), None)
        match place:
            case int(step) | (int(step), *_) if self.steps:
                return step
        return None

    def by_step(self, array: Array) -> Array:
        """An array of this value's shape with its time steps first, if it has any that are of one shape."""
        parts = [array[place] for place in self.places]
        alike = len({part.shape for part in parts}) == 1
        return np.stack(parts) if alike else array


def _are_one(place: Any, other: Any) -> bool:
    """Whether two indices are the same; arrays of places are never asked for a step."""
    with suppress(ValueError):
        return bool(place == other)
    return False


def meanings(recorder: Recorder, context: Context) -> dict[str, tuple[Intermediate, ...]]:
    """What each name of the forward pass may mean, the last meaning first and an input last."""
    given = chain(*starmap(_given, sorted(recorder.recorded.items(), reverse=True)))
    values = chain(*map(_pieces_joined, grouped(given, attrgetter("variable")).values()))
    by_name = grouped([*values, *_inputs(context), *_cut_out(recorder)], attrgetter("name"))
    return {name: tuple(several) for name, several in by_name.items()}


def _inputs(context: Context) -> list[Intermediate]:
    return [
        Intermediate(name, context.inputs[position], position=position, variable=name)
        for position, name in enumerate(context.names)
        if position in context.true
    ]


def _cut_out(recorder: Recorder) -> Iterator[Intermediate]:
    """For names given parts of what came out of an activation the same parts of what went in."""
    for number, parts in recorder.cut_out.items():
        cut = recorder.recorded[number]
        if len(parts) == len(cut.values) and len({part.site for part in parts}) == 1:
            yield from _went_in(cut.site, parts)


def _went_in(site: Site, parts: Sequence[CutOut]) -> Iterator[Intermediate]:
    """What went into an activation where a name is given parts of what came out."""
    site = replace(site, name=site.name + ACTIVATION)
    pieces = Occurrences(site, [part.piece for part in parts])
    if why_immovable(pieces) is None:
        yield replace(_meaning(parts[0].site, pieces), parts=tuple(parts))


def _pieces_joined(several: list[Intermediate]) -> list[Intermediate]:
    """What is written into an array piece by piece as one, instead of the empty beginning."""
    pieces = [one for one in several if one.places]
    return [reduce(_joined, pieces)] if pieces else several


def merged(moves: Iterable[Moves]) -> Moves:
    """What several values ask to be added at each site, together."""
    found: Moves = {}
    for site, move in chain.from_iterable(map(dict.items, moves)):
        found[site] = _added(found[site], move) if site in found else move
    return found


def _added(move: Iterable[Array], other: Iterable[Array]) -> list[Array]:
    """What two values ask to be added at each passing; one of them may be passed more often."""
    return list(starmap(np.add, zip_longest(move, other, fillvalue=np.zeros(()))))


def _given(number: int, found: Occurrences) -> Iterator[Intermediate]:
    """What a site gave its name: one value, or one a passing where their shapes differ."""
    if why_immovable(found) is None:
        yield _meaning(number, found)
    elif not found.indices:
        for k, value in enumerate(found.values):
            alone = Occurrences(found.site, [value])
            if why_immovable(alone) is None:
                yield replace(_meaning(number, alone), passing=k, passings=len(found.values))


def _meaning(number: int, found: Occurrences) -> Intermediate:
    site, values = found.site, found.values
    one = Intermediate(site.name, np.array(values[0]), (number,), site.variable, reads=site.reads)
    if found.indices:
        return replace(one, places=tuple(found.indices))
    return one if len(values) == 1 else replace(one, value=np.stack(values), steps=len(values))


def why_immovable(found: Occurrences) -> str | None:
    """Why what a site of the forward pass gave its name cannot be moved a little; None if it can."""
    if not all(map(is_number, found.values)):
        return "is no array of numbers"
    values = [*map(np.asarray, found.values)]
    return next((said for said, holds in IMMOVABLE.items() if holds(values)), None)


IMMOVABLE: dict[str, Callable[[list[Array]], bool]] = {
    "does not hold floats": lambda values: any(v.dtype.kind != "f" for v in values),
    "is not finite": lambda values: not all(np.isfinite(v).all() for v in values),
    f"has more than {LARGEST:,} entries": lambda values: sum(v.size for v in values) > LARGEST,
    "changes its shape from step to step": lambda values: len({v.shape for v in values}) > 1,
}
"""Why values cannot be moved a little, the first that holds."""


def _joined(one: Intermediate, other: Intermediate) -> Intermediate:
    """Two statements that write into parts of the same array."""
    return replace(
        one,
        sites=one.sites + other.sites,
        places=other.places + one.places,
        reads=one.reads | other.reads,
    )
