"""What the instrumented copy reports to: each value that a statement gave to its name, in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.layer import Dialect, Numpy
from gradcheck.lines.sites import ACTIVATION, Event, Occurrences, Site, item
from gradcheck.lines.values import are_alike, is_number, kept_as_is, region_of, with_items
from gradcheck.result import Array


@dataclass(frozen=True)
class Replay:
    """A run in which every assigned value is replaced by what was recorded.

    Those of the sites in `watched` are kept first, as they would have been; those in `free` go on.
    """

    watched: frozenset[int]
    free: frozenset[int] = frozenset()


Passing = tuple[int, int]
"""A site of the forward pass, and how often it had been passed before."""


@dataclass(frozen=True)
class CutOut:
    """A part of what went into an activation, where it was: the same part of what came out has a name."""

    site: int
    whole: Array
    place: tuple[Array, ...]
    shape: tuple[int, ...]

    @property
    def piece(self) -> Array:
        """The part, in the shape that it has on its own."""
        return np.reshape(self.whole[self.place], self.shape)

    def within(self, piece: Array) -> Array:
        """Zeros of the shape of the whole, with a piece in its place."""
        whole = np.zeros(self.whole.shape)
        whole[self.place] = piece.ravel()
        return whole


class Reached(BaseException):
    """The forward pass has come to the value that was asked for; no fault, so no handler may catch it."""

    def __init__(self, value: Any) -> None:
        super().__init__("the value asked for")
        self.value = value


class Recorder:
    """Records the values of both passes, or adds to those of the forward pass what a difference asks for.

    `forward_sites` and `backward_sites` are filled by whoever instruments the two functions, whose
    values `dialect` reads.
    """

    def __init__(self, dialect: Dialect | None = None) -> None:
        self.dialect = dialect or Numpy()
        self.forward_sites: list[Site] = []
        self.backward_sites: list[Site] = []
        self.recorded: dict[int, Occurrences] = {}
        self._items: dict[tuple[int, str], int] = {}
        self.record()

    def record(self) -> None:
        """Begin a run whose values are written down."""
        self.start(None)
        self.recorded = {}
        self.cut_out: dict[int, list[CutOut]] = {}
        self._entered: dict[str, tuple[int, Array]] = {}
        self._activated: list[tuple[int, Array, Array]] = []

    def start(
        self,
        moves: Mapping[int, Any] | None,
        replay: Replay | None = None,
        replaced: Mapping[int, tuple[Any, Array]] | None = None,
        given: Mapping[Passing, Array] | None = None,
        until: Passing | None = None,
    ) -> None:
        """Begin a run in which `moves` are added to the values of their sites.

        `replaced` holds, for moments of the backward pass, an index (None for the whole) and a value;
        `given` what the forward pass goes on with instead of what it computes. `Reached` is raised with
        the value at `until`.
        """
        self.moves, self.replay, self.replaced = moves, replay, replaced or {}
        self.given, self.until = given or {}, until
        # Where nothing is written down or replayed, only these are asked for: thousands of runs a check.
        asked = {passing[0] for passing in (*self.given, until) if passing is not None}
        self._listened_to = None if moves is None or replay is not None else {*moves, *asked}
        self.order: list[Passing] = []
        self.passed: dict[int, int] = {}
        self.calls: dict[str, int] = {}
        self.events: list[Event] = []
        self.seen: dict[int, list[Array]] = {}
        self._live: dict[str, tuple[Site, Array]] = {}

    def forward_value(self, site: int, value: Any) -> Any:
        """Called with every value assigned in the forward pass; returns what goes on in its place.

        Of several arrays at once, one a head, say, each counts as if the statement were passed for it.
        """
        if self._is_ignored(site):
            return value
        if are_alike(value):
            return with_items(value, [self.forward_value(site, one) for one in value])
        array = self.dialect.array(value)
        goes_on = self._forward_value(site, array)
        return value if goes_on is array else self.dialect.like(value, goes_on)

    def _is_ignored(self, site: int) -> bool:
        return self._listened_to is not None and site not in self._listened_to

    def _forward_value(self, site: int, value: Any) -> Any:
        passing = site, self._count(site)
        if passing == self.until:
            raise Reached(value)
        if passing in self.given:
            return self.given[passing].copy()
        if self.moves is None:
            self._write_down(passing, value)
            return value
        return self._moved(passing, value, self.moves) if is_number(value) else value

    def _write_down(self, passing: Passing, value: Any) -> None:
        self.order.append(passing)
        kept = np.array(value) if is_number(value) else value
        self._occurrences(passing[0]).values.append(kept)
        self._follow_activation(passing, value)

    def _follow_activation(self, passing: Passing, value: Any) -> None:
        """Keep what came out of an activation, and find what is cut out of that: i, f, o = np.split(σ(a), 3)."""
        site = self.forward_sites[passing[0]]
        if not isinstance(value, np.ndarray):
            return
        if site.is_anonymous:
            self._entered[site.variable] = passing[0], np.array(value)
        elif (site.variable + ACTIVATION) in self._entered:
            inner, went_in = self._entered.pop(site.variable + ACTIVATION)
            self._activated += [(inner, went_in, value)] * (went_in.shape == value.shape)
        else:
            cuts = self.cut_out.setdefault(passing[0], [])
            cuts += [
                CutOut(inner, went_in, region, value.shape)
                for inner, went_in, whole in self._activated
                if (region := region_of(value, whole)) is not None
            ]

    def _moved(self, passing: Passing, value: Any, moves: Mapping[int, Any]) -> Any:
        """A value, or what was recorded in its place, with what is added to it."""
        site, k = passing
        if self._replayed(site, value):
            value = self.recorded[site].values[k]
            value = np.array(value) if isinstance(value, np.ndarray) else value
        move = moves.get(site, ())
        if k >= len(move) or not move[k].any():
            return value
        return (value + move[k]).astype(np.asarray(value).dtype)

    def forward_piece(self, site: int, holder: Any, index: Any) -> None:
        """Called after the forward pass has written into a part of an array, or put something in a list."""
        array = self.dialect.array(holder)
        if not isinstance(array, np.ndarray):
            self._forward_item(site, holder, self.dialect.array(index))
        elif not self._is_ignored(site):
            self._forward_piece(site, array, self.dialect.array(index))

    def _forward_piece(self, site: int, array: Array, index: Any) -> None:
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

    def _forward_item(self, site: int, container: Any, index: Any) -> None:
        """An item of a dictionary or list is a value of its own: one a name, or one a time step."""
        number = self._item(site, index) if isinstance(index, str) else site
        value = container[index]
        moved = self.forward_value(number, value)
        if moved is not value:
            container[index] = moved

    def _item(self, site: int, key: str) -> int:
        """The number of the site that a key computed at run time makes of a statement."""
        if (site, key) not in self._items:
            named = self.forward_sites[site]
            self.forward_sites.append(replace(named, name=item(named.name, key), whole=True))
            self._items[site, key] = len(self.forward_sites) - 1
        return self._items[site, key]

    def call(self, function: str) -> None:
        """Called at the beginning of each helper."""
        self.calls[function] = self.calls.get(function, 0) + 1

    def upstream_value(self, site: int, value: Any) -> None:
        """Called with each upstream gradient, before anything is computed from it."""
        self._event(self.backward_sites[site], self.dialect.array(value))

    def backward_value(self, site: int, value: Any, index: Any = None) -> Any:
        """Called with every value assigned in the backward pass; returns what goes on in its place."""
        array = self.dialect.array(value)
        goes_on = self._backward_value(site, array, self.dialect.array(index))
        return value if goes_on is array else self.dialect.like(value, goes_on)

    def _backward_value(self, site: int, value: Any, index: Any) -> Any:
        place = self.backward_sites[site]
        if len(self.events) in self.replaced:
            value = self._replaced(value, *self.replaced[len(self.events)])
        if isinstance(index, str) and isinstance(value, dict):
            place = replace(place, name=item(place.name, index), whole=True, in_place=False)
            self._event(place, value[index])
        else:
            self._event(place, value, index)
        if isinstance(value, np.ndarray):
            self._seen_elsewhere(place, value, index)
        return value

    def _replaced(self, value: Any, part: Any, other: Array) -> Any:
        """A value with another in a part of it, or in place of it."""
        if part is None:
            return with_items(value, [*other]) if are_alike(value) else other
        value[part] = other
        return value

    def _event(self, place: Site, value: Any, index: Any = None) -> None:
        # What is written into piece by piece is looked at when it is complete.
        kept = kept_as_is(value) if place.whole else value
        self.events.append(Event(place, kept, index, self.calls.get(place.function, 0)))

    def _seen_elsewhere(self, place: Site, array: Array, index: Any) -> None:
        """What is written into one array is written into those that it is a view of, or shares memory with."""
        others = {**self._live}
        others.pop(place.variable, None)
        if place.in_place:
            part = array if index is None else array[index]
            self._seen_in(others.values(), part, place)
        if not place.is_returned:
            self._live[place.variable] = place, array

    def _seen_in(self, others: Iterable[tuple[Site, Array]], part: Array, place: Site) -> None:
        for other, whole in others:
            region = region_of(part, whole)
            if region is not None:
                # What stood there before goes on.
                reads = place.reads | {other.variable}
                seen = replace(other, line=place.line, text=place.text, reads=reads)
                self._event(replace(seen, whole=False, in_place=True), whole, region)

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
