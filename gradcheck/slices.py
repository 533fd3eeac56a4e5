"""A long walk through a gradient, cut into slices of entries: each can be done elsewhere, or is done already.

The slices are the same whoever does them, so that one worker, many, and a check that was interrupted say the
same to the last digit. Who keeps the books is the ledger of the moment: it is asked for each slice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.numeric import Grouping, NumericalWitness, Variable
from gradcheck.numeric.forward import Group
from gradcheck.numeric.walk import Found
from gradcheck.result import Array

SLICE = 1_000
"""Groups of entries in a slice: four thousand evaluations, seconds of work, and kilobytes of result."""

Key = tuple[int, int, int]
"""The position of an input, how many of its axes are aligned, and the number of the slice."""


@dataclass(frozen=True)
class Part:
    """What one slice has found, entries in the order of its groups; and the evaluations it took."""

    entries: Mapping[str, Array]
    evaluations: int


class Ledger:
    """Who is asked for each slice. This one has them done on the spot."""

    def part(self, key: Key, work: Callable[[], Part]) -> Part:
        """The slice of a key, which `work` would do."""
        return work()

    def foreseen(self, witness: SlicedWitness, keys: Sequence[Key]) -> None:
        """Told before the first slice which there will be, and whose."""


HERE = Ledger()

LEDGER: ContextVar[Ledger] = ContextVar("LEDGER")


@contextmanager
def kept_by(ledger: Ledger) -> Iterator[None]:
    """Have a ledger asked for the slices of the checks that run meanwhile."""
    token = LEDGER.set(ledger)
    try:
        yield
    finally:
        LEDGER.reset(token)


@dataclass(frozen=True)
class _Some(Grouping):
    """A grouping of which only some groups are visited."""

    first: int = 0
    last: int = 0

    def groups(self) -> Iterator[Group]:
        """Those groups, without a look at the ones before them."""
        choices = self.choices()
        numbers = np.unravel_index(np.arange(self.first, self.last), [len(one) for one in choices])
        along = [[one[k] for k in ks.tolist()] for one, ks in zip(choices, numbers, strict=True)]
        return zip(*along, strict=True)

    def count(self) -> int:
        """How many they are."""
        return self.last - self.first


class SlicedWitness(NumericalWitness):
    """A numerical witness that asks the ledger for each slice of a long walk."""

    def _walk(self, variable: Variable, grouping: Grouping) -> Found:
        if grouping.count() <= SLICE:
            return super()._walk(variable, grouping)
        found, progress = Found.nothing(variable.shape), self.progress
        for number, some in enumerate(_slices(grouping)):
            if progress is not None:
                self.progress = _further(progress, some.first, grouping.count())
            before = self.forward.evaluations
            key = (variable.position, len(grouping.axes), number)
            part = LEDGER.get(HERE).part(key, lambda some=some: self._part(variable, some))  # type: ignore[misc]
            self.forward.evaluations = before + part.evaluations
            _enter(found, some, part)
        self.progress = progress
        return found

    def _part(self, variable: Variable, some: _Some) -> Part:
        before = self.forward.evaluations
        found = super()._walk(variable, some)
        places = some.places()
        entries = {name: array.reshape(-1)[places] for name, array in _arrays(found).items()}
        return Part(entries, self.forward.evaluations - before)

    def keys(self, position: int) -> list[Key]:
        """The slices of an input's gradient; none where it is one."""
        grouping, _ = self._probed(position)
        slices = list(_slices(grouping)) if grouping.count() > SLICE else []
        return [(position, len(grouping.axes), number) for number in range(len(slices))]

    def slice(self, key: Key) -> Part:
        """One of them."""
        position, _, number = key
        variable = Variable(self.forward, position)
        grouping, _ = self._probed(position)
        return self._part(variable, list(_slices(grouping))[number])


def foresee(witness: NumericalWitness, efforts: Mapping[int, str]) -> None:
    """Tell the ledger which slices there will be, where a witness has any."""
    if isinstance(witness, SlicedWitness) and witness.method != "complex":
        complete = [p for p, effort in efforts.items() if effort == "complete"]
        LEDGER.get(HERE).foreseen(witness, [key for p in complete for key in witness.keys(p)])


def _slices(grouping: Grouping) -> Iterator[_Some]:
    total = grouping.count()
    for first in range(0, total, SLICE):
        last = min(first + SLICE, total)
        yield _Some(grouping.shape, grouping.axes, grouping.straight, first, last)


def _arrays(found: Found) -> dict[str, Array]:
    """What was found, by name; doubts are for pieces, which have no slices."""
    return {name: array for name, array in vars(found).items() if isinstance(array, np.ndarray)}


def _enter(found: Found, some: _Some, part: Part) -> None:
    """Put a slice in its place."""
    places = some.places()
    for name, array in _arrays(found).items():
        array.reshape(-1)[places] = part.entries[name]


def _further(progress: Callable[[int, int], None], first: int, total: int) -> Any:
    """Progress of a slice as a part of the whole."""
    return lambda done, _: progress(first + done, total)
