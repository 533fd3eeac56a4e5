"""The ways to lay a value of the backward pass beside its counterpart in the forward pass, step by step.

People name things: the gradient of `xhat` is called `dxhat`. Which names belong together is said here,
and how their values are laid beside each other: in one piece, as a list, as one value a time step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from gradcheck.lines.intermediate import Intermediate, intermediate
from gradcheck.lines.names import counterparts, undressed
from gradcheck.lines.record import Record, Timed
from gradcheck.lines.recorder import ACTIVATION, Label, Site
from gradcheck.lines.statements import key_of
from gradcheck.result import Array

Touches = tuple[tuple[int, Any], ...]
"""When each part of a value was computed: a time and a place in it."""

ROOM = {"zeros", "zeros_like", "empty", "empty_like"}
"""The functions that make an array which has yet to be filled."""


@dataclass(frozen=True)
class Match:
    """A value of the backward pass laid beside an intermediate one, and when its parts were computed."""

    intermediate: Intermediate
    hand: Array
    times: Touches
    reshaped: bool = False

    def touched(self, place: Any) -> Array:
        """Which entries are in a place."""
        touched = np.zeros(self.hand.shape, dtype=bool)
        touched[place] = True
        return touched

    @property
    def overwritten(self) -> bool:
        """Whether a value was written over after all of it was there: several statements made it."""
        return len(self.times) > 1 and any(self.touched(place).all() for _, place in self.times)


Matches = dict[Label, tuple[Match, ...]]
"""For each label of the backward pass, the ways to lay its value beside one of the forward pass."""


def matches_of(record: Record) -> Matches:
    """Lay every value of the backward pass beside those of the forward pass that its name speaks of."""
    return {
        label: tuple(_matches(record, label, _counterparts(record, label)))
        for label in record.events
    }


def matches_before(record: Record, labels: Iterable[Label]) -> Matches:
    """Lay values beside what goes into an activation: dz may be the gradient of a in z = tanh(a)."""
    found: Matches = {}
    for label in labels:
        names = (f"{name}{ACTIVATION}" for name in _paired(record, label))
        ones = [one for name in names for one in record.meanings.get(name, ())]
        fitting = [
            m for m in _matches(record, label, ones) if m.hand.shape == m.intermediate.value.shape
        ]
        if fitting:
            found[label] = tuple(fitting)
    return found


def _matches(record: Record, label: Label, ones: Sequence[Intermediate]) -> list[Match]:
    if record.raised_at is not None and not _complete(record, label):
        return []
    return [
        match
        for one in ones
        for match in _laid(record.events[label], one, _may_be_reshaped(record, label, one))
        # Of several values of several shapes only one of this shape is meant.
        if match.hand.shape == one.value.shape or not (label.call or one.passings > 1)
    ]


def _complete(record: Record, label: Label) -> bool:
    """Whether a name has its final value, also if an error ended the backward pass early."""
    if label.returned:
        return False
    sites = [s for s in record.copy.sites if s.variable == label.variable and s.path is None]
    return len(sites) == 1 and sites[0].whole and sites[0].loop is None


def _may_be_reshaped(record: Record, label: Label, one: Intermediate) -> bool:
    """Whether another shape is a matter of layout; of an input's gradient that is returned so it is not."""
    position = one.position
    if position is None or position not in record.rows or position not in record.returned:
        return True
    row = record.rows[position]
    handed_on = label.returned or record.returned[position].name == label.name
    return not handed_on or row.analytic.shape == row.shape


def counterpart(record: Record, label: Label) -> str | None:
    """v, where a name is dv, d_v, grad_v, v_grad, … and the forward pass knows v."""
    return next(iter(_paired(record, label)), None)


def _paired(record: Record, label: Label) -> list[str]:
    """The names of the forward pass that a gradient's name speaks of."""
    speaks = record.copy.chained and not label.returned
    return counterparts(label.name, record.meanings) if speaks else []


def _counterparts(record: Record, label: Label) -> list[Intermediate]:
    """The meanings of v for a gradient's name; for another, the input that it is returned for."""
    paired = _paired(record, label)
    if paired:
        return [one for name in paired for one in record.meanings[name]]
    names = record.context.names
    positions = [
        k
        for k, site in record.returned.items()
        if label in (Label(names[k], returned=True), Label(site.name))
    ]
    return [
        one for k in positions for one in record.meanings.get(names[k], ()) if one.position == k
    ]


def why_left_out(record: Record, label: Label) -> str | None:
    """Why a gradient's name was not compared, if it is one."""
    v, name = counterpart(record, label), label.name
    if v is not None:
        times = len(record.events[label])
        return (
            f"{name} is left out: {v} is not assigned as often on the way there as {name} is "
            f"here ({times} times), or its shape tells nothing."
        )
    if label.returned or not record.copy.chained:
        return None
    for number, occurrences in record.copy.recorder.recorded.items():
        reason = intermediate(number, occurrences)
        if key_of(occurrences.site.name) in undressed(name) and isinstance(reason, str):
            return f"{name} is left out: {occurrences.site.name} {reason}."
    return None


@dataclass(frozen=True)
class _Pair:
    """A name's events beside an intermediate value; `reshaped` allows the same entries in another shape."""

    events: Sequence[Timed]
    intermediate: Intermediate
    reshaped: bool

    @property
    def final(self) -> Any:
        """What the name held in the end."""
        return self.events[-1][1].value

    @cached_property
    def hand(self) -> Array | None:
        """That as an array, if it is one of numbers."""
        if isinstance(self.final, (list, tuple)) or self.final is None:
            return None
        hand = np.array(self.final)
        return hand if hand.dtype.kind in "fiub" else None

    @property
    def several_calls(self) -> bool:
        """Whether a helper gave the name its values, each at another call."""
        return len({event.call for _, event in self.events}) > 1

    @property
    def last(self) -> Touches:
        """As if all of it was computed in the last event."""
        return ((self.events[-1][0], (slice(None),) * self.intermediate.value.ndim),)

    @property
    def touches(self) -> Touches:
        """The events that wrote into a part."""
        return tuple((t, e.index) for t, e in self.events if e.index is not None)

    @property
    def _given_last(self) -> int:
        """Which event last gave the name a value of its own."""
        given = (k for k, (_, e) in enumerate(self.events) if e.site.whole and not e.site.in_place)
        return max(given, default=0)

    @property
    def writes(self) -> Touches:
        """What made the value that the name held in the end: it was given, then written into.

        Room that was made, by zeros or empty, is no value yet.
        """
        since = self.events[self._given_last :]
        made_room = len(since) > 1 and since[0][1].site.reads & ROOM
        since = since[1:] if made_room else since
        everywhere = (slice(None),) * self.intermediate.value.ndim
        return tuple((t, everywhere if e.index is None else e.index) for t, e in since)

    @property
    def steps(self) -> int:
        """How many time steps the intermediate value has."""
        return self.intermediate.steps or len(self.intermediate.places)


Way = Callable[[_Pair], list[Match]]


def _list_of_steps(pair: _Pair) -> list[Match]:
    """A list or dictionary with one element a time step, each computed when it was last put in its place."""
    final, end = _elements(pair.final), pair.events[-1][0]
    if not final or not pair.steps:
        return []
    put = {e.index % len(final): t for t, e in pair.events if isinstance(e.index, int)}
    values = [np.asarray(value) for value in final]
    times = [put.get(k, end) for k in range(len(final))]
    return _by_steps(values, times, pair.intermediate)


def _elements(value: Any) -> Sequence[Any]:
    """The elements of a list, or those of a dictionary with a number; none of anything else."""
    if isinstance(value, dict):
        numbers = sorted(k for k in value if isinstance(k, int) and k >= 0)
        return [value[k] for k in numbers]
    return value if isinstance(value, (list, tuple)) else []


def _same_shape(pair: _Pair) -> list[Match]:
    """One value, or an array filled piece by piece, of the same shape."""
    one, hand = pair.intermediate, pair.hand
    if hand is None or one.steps is not None or hand.shape != one.value.shape:
        return []
    if pair.several_calls:
        # What a helper computes at each of its calls is a part of it.
        return []
    return [Match(one, hand, pair.writes)]


def _value_a_step(pair: _Pair) -> list[Match]:
    """A name that is given one value a time step, the last step first or the first one first.

    The value at the end of the step, or the one that a statement in it gave.
    """
    if pair.hand is None or pair.steps < 2:
        return []
    sites = dict.fromkeys(e.site for _, e in pair.events if e.site.whole)
    return [match for site in sites for match in _passings(pair, site)]


def _passings(pair: _Pair, site: Site) -> list[Match]:
    """The steps of a statement that is passed once a step."""
    steps = _steps(pair.events, site)
    if len(steps) != pair.steps:
        return []
    # What is filled piece by piece has no meaning before it is complete.
    filled = any(not e.site.whole for step in steps for _, e in step)
    return [
        _by_pieces(match, several) if filled else match
        for chosen in ((-1,) if filled else (0, -1))
        for several in (steps[::-1], steps)
        for match in _given(several, chosen, pair.intermediate)
    ]


def _steps(events: Sequence[Timed], site: Site) -> list[Sequence[Timed]]:
    """The events from each passing of a statement to the next."""
    starts = [k for k, (_, e) in enumerate(events) if e.site == site]
    return [events[a:b] for a, b in pairwise([*starts, len(events)])]


def _given(steps: Sequence[Sequence[Timed]], chosen: int, one: Intermediate) -> list[Match]:
    """The value that one event of each step, the first or the last, gives to a name."""
    times, events = zip(*(step[chosen] for step in steps), strict=True)
    return _by_steps([np.asarray(event.value) for event in events], list(times), one)


def _by_pieces(match: Match, steps: Sequence[Sequence[Timed]]) -> Match:
    """A match whose steps were filled piece by piece, with the time of each piece."""
    if match.intermediate.places:
        return match
    times = [
        (time, (k, *event.index))
        for k, step in enumerate(steps)
        for time, event in step
        if isinstance(event.index, tuple) and Ellipsis not in event.index
    ]
    return replace(match, times=tuple(times)) if times else match


def _stacked(pair: _Pair) -> list[Match]:
    """One array in which the time steps lie along an axis; the second first, if several fit."""
    one, hand = pair.intermediate, pair.hand
    if hand is None or one.steps is None:
        return []
    step, found = one.value.shape[1:], []
    for axis in (1, 0, *range(2, hand.ndim)):
        if axis < hand.ndim and hand.shape == (*step[:axis], one.steps, *step[axis:]):
            times = _moved(pair.touches, axis, hand.ndim) or pair.last
            found.append(Match(one, np.moveaxis(hand, axis, 0), times))
    return found


def _other_shape(pair: _Pair) -> list[Match]:
    """The same entries in another shape, or else a mistake in it."""
    one, hand = pair.intermediate, pair.hand
    if hand is None or one.steps is not None or pair.several_calls:
        return []
    same = hand.size == one.value.size and pair.reshaped
    laid = hand.reshape(one.value.shape) if same else hand
    return [Match(one, laid, pair.last, reshaped=same)]


WAYS: tuple[Way, ...] = (_list_of_steps, _same_shape, _value_a_step, _stacked, _other_shape)
"""The first that fits wins."""


def _laid(events: Sequence[Timed], one: Intermediate, reshaped: bool) -> list[Match]:
    """Lay what a name of the backward pass held beside an intermediate value; nothing if it does not fit."""
    pair = _Pair(events, one, reshaped)
    return next((matches for way in WAYS if (matches := way(pair))), [])


def _by_steps(values: list[Array], times: list[int], one: Intermediate) -> list[Match]:
    """One value a time step, in the order of the forward pass."""
    places = one.places or tuple(range(one.steps or 0))
    if len(values) != len(places) or any(v.dtype.kind != "f" for v in values):
        return []
    hand = np.zeros(one.value.shape, dtype=np.result_type(*values))
    for place, value in zip(places, values, strict=True):
        if hand[place].shape != value.shape:
            return []
        hand[place] = value
    return [Match(one, hand, tuple(zip(times, places, strict=True)))]


def _moved(touches: Touches, axis: int, ndim: int) -> Touches:
    """The places of touches after an axis was moved to the front; none if they are not that simple."""
    moved = []
    for time, index in touches:
        parts = list(index) if isinstance(index, tuple) else [index]
        if Ellipsis in parts or len(parts) > ndim:
            return ()
        parts += [slice(None)] * (ndim - len(parts))
        moved.append((time, (parts[axis], *parts[:axis], *parts[axis + 1 :])))
    return tuple(moved)
