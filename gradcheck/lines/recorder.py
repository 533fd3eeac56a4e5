"""What the instrumented copy reports to: each value that a statement gave to its name, in order."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.result import Array


@dataclass(frozen=True)
class Label:
    """What a value of the backward pass is filed under: its name, or the input it is returned for."""

    name: str
    returned: bool = False

    def __str__(self) -> str:
        return f"d{self.name}" if self.returned else self.name

    @property
    def in_a_sentence(self) -> str:
        """As a message names it."""
        return f"the returned d{self.name}" if self.returned else self.name


@dataclass(frozen=True)
class Site:
    """One statement that gives a value to a name.

    `reads` are the names it computes with; `whole` says whether it gives the name a new value, as
    `=` does, and does not write into one that is there, as `d[t] =` and `+=` do; `position` is that
    of the returned gradient, for what stands in the return statement itself; `loop` is the line of
    the loop around it.
    """

    name: str
    line: int
    text: str
    reads: frozenset[str]
    whole: bool = True
    position: int | None = None
    loop: int | None = None


@dataclass(frozen=True)
class Event:
    """One passing of a site of the backward pass: the value that the name has from then on."""

    site: Site
    value: Any
    index: Any = None


@dataclass
class Occurrences:
    """The values that one site of the forward pass gave to its name, in order."""

    site: Site
    values: list[Any] = field(default_factory=list)
    indices: list[Any] = field(default_factory=list)


@dataclass(frozen=True)
class Replay:
    """A run in which every assigned value is replaced by what was recorded.

    Those of the sites in `watched` are kept first, as they would have been; those in `free` go on.
    """

    watched: frozenset[int]
    free: frozenset[int] = frozenset()


class Recorder:
    """Records the values of both passes, or adds to those of the forward pass what a difference asks for.

    `forward_sites` and `backward_sites` are filled by whoever instruments the two functions.
    """

    def __init__(self) -> None:
        self.forward_sites: list[Site] = []
        self.backward_sites: list[Site] = []
        self.recorded: dict[int, Occurrences] = {}
        self.record()

    def record(self) -> None:
        """Begin a run whose values are written down."""
        self.start(None)
        self.recorded = {}

    def start(self, moves: dict[int, Array] | None, replay: Replay | None = None) -> None:
        """Begin a run in which `moves` are added to the values of their sites."""
        self.moves, self.replay = moves, replay
        self.passed: dict[int, int] = {}
        self.events: list[Event] = []
        self.seen: dict[int, list[Array]] = {}

    def forward_value(self, site: int, value: Any) -> Any:
        """Called with every value assigned in the forward pass; returns what goes on in its place."""
        k = self._count(site)
        if self.moves is None:
            self._occurrences(site).values.append(np.array(value) if is_number(value) else value)
            return value
        if self._replayed(site, value):
            value = self.recorded[site].values[k]
            value = np.array(value) if isinstance(value, np.ndarray) else value
        move = self.moves.get(site)
        if move is None or k >= len(move) or not move[k].any():
            return value
        return (value + move[k]).astype(np.asarray(value).dtype)

    def forward_piece(self, site: int, array: Any, index: Any) -> None:
        """Called after the forward pass has written into a part of an array."""
        self._count(site)
        if self.moves is None:
            found = self._occurrences(site)
            found.values = [array]
            found.indices.append(index)
            return
        if self._replayed(site, array[index]):
            array[index] = self.recorded[site].values[0][index]
        if site in self.moves:
            array[index] += self.moves[site][index]

    def backward_value(self, site: int, value: Any, index: Any = None) -> Any:
        """Called with every value assigned in the backward pass."""
        place = self.backward_sites[site]
        # What is written into piece by piece is looked at when it is complete.
        kept = np.array(value) if place.whole and is_number(value) else value
        self.events.append(Event(place, kept, index))
        return value

    def _replayed(self, site: int, value: Any) -> bool:
        """Whether what was recorded goes on in place of this value, which is kept where it is watched."""
        if self.replay is None or site in self.replay.free:
            return False
        if site in self.replay.watched:
            self.seen.setdefault(site, []).append(np.array(value))
        return True

    def _count(self, site: int) -> int:
        k = self.passed.get(site, 0)
        self.passed[site] = k + 1
        return k

    def _occurrences(self, site: int) -> Occurrences:
        return self.recorded.setdefault(site, Occurrences(self.forward_sites[site]))


def is_number(value: Any) -> bool:
    """Whether a value is an array or a float."""
    return isinstance(value, (np.ndarray, np.generic, float))
