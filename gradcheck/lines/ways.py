"""How a name's values can lie beside one of the forward pass: in one piece, as a list, one a time step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain, count, pairwise, product
from typing import Any

import numpy as np

from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.match import ROOM, Match, Touches
from gradcheck.lines.record import Timed
from gradcheck.lines.sites import Label, Site
from gradcheck.result import Array


def fitting(matches: Iterable[Match]) -> list[Match]:
    """Those of the shape of what they are laid beside."""
    return [match for match in matches if match.fits]


@dataclass(frozen=True)
class Pair:
    """A name's events beside an intermediate value; `reshaped` allows the same entries in another shape."""

    label: Label
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
        hand = None if isinstance(self.final, (list, tuple)) else np.array(self.final)
        return None if hand is None or hand.dtype.kind not in "fiub" else hand

    @property
    def alone(self) -> Array | None:
        """That as the value of a name which has no time steps, nor gets its values at several calls."""
        several_calls = len({event.call for _, event in self.events}) > 1
        return None if self.intermediate.steps or several_calls else self.hand

    @property
    def end(self) -> int:
        """When the name was given what it held in the end."""
        return self.events[-1][0]

    @property
    def last(self) -> Touches:
        """As if all of it was computed then."""
        return ((self.end, self.everywhere),)

    @property
    def everywhere(self) -> Any:
        """The index of the whole."""
        return (slice(None),) * self.intermediate.value.ndim

    @property
    def touches(self) -> Touches:
        """The events that wrote into a part."""
        return tuple((t, e.index) for t, e in self.events if e.index is not None)

    @property
    def writes(self) -> Touches:
        """What made the value that the name held in the end: it was given, then written into."""
        return tuple(
            (t, self.everywhere if e.index is None else e.index) for t, e in self._since_given
        )

    @property
    def _since_given(self) -> Sequence[Timed]:
        """The events since the name was last given a value; room made, by zeros or empty, is none yet."""
        given = [k for k, (_, e) in enumerate(self.events) if not e.site.writes_into]
        since = self.events[max(given, default=0) :]
        made_room = len(since) > 1 and since[0][1].site.reads & ROOM
        return since[1:] if made_room else since

    @property
    def steps(self) -> int:
        """How many time steps the intermediate value has."""
        return len(self.intermediate.each_place)

    @property
    def passed_a_step(self) -> list[list[Sequence[Timed]]]:
        """The events of each step, for each statement that gives the name a value as often as there are steps."""
        passed = (_steps(self.events, site) for site in self.giving)
        return [steps for steps in passed if len(steps) == self.steps]

    @property
    def giving(self) -> Iterable[Site]:
        """The statements that give the name a value of its own."""
        return dict.fromkeys(event.site for _, event in self.events if event.site.whole)


Way = Callable[[Pair], list[Match]]


def _list_of_steps(pair: Pair) -> list[Match]:
    """A list or dictionary with one element a time step, each computed when it was last put in its place."""
    final = _elements(pair.final)
    if not final:
        return []
    put = {e.index % len(final): t for t, e in pair.events if isinstance(e.index, int)}
    times = [put.get(k, pair.end) for k in range(len(final))]
    return _by_steps(final, times, pair.intermediate)


def _elements(value: Any) -> Sequence[Any]:
    """The elements of a list, or those of a dictionary with a number; none of anything else."""
    if isinstance(value, dict):
        return [value[k] for k in sorted(filter(_is_step, value))]
    return value if isinstance(value, (list, tuple)) else []


def _is_step(key: Any) -> bool:
    """Whether a key numbers a time step: under −1 stands what was there before the first."""
    return isinstance(key, int) and key >= 0


def _same_shape(pair: Pair) -> list[Match]:
    """One value, or an array filled piece by piece, of the same shape."""
    hand, one = pair.alone, pair.intermediate
    return [] if hand is None or hand.shape != one.value.shape else [Match(one, hand, pair.writes)]


def _value_a_step(pair: Pair) -> list[Match]:
    """A name that is given one value a time step, the last step first or the first one first.

    The value at the end of the step, the one that a statement in it gave, or the one that the step began with.
    """
    if pair.hand is None or pair.steps < 2:
        return []
    given = chain(*map(partial(_passings, pair), pair.passed_a_step))
    carried = chain(*map(partial(_carried_in, pair), pair.giving))
    return [*given, *carried]


def _carried_in(pair: Pair, site: Site) -> list[Match]:
    """The values that the steps began with, in either direction of time: the first was given before the loop.

    What the last step carries on is read by none.
    """
    passed = _steps(pair.events, site)
    before = pair.events[: -sum(map(len, passed))]
    steps = [before, *passed][: pair.steps]
    if not before or len(steps) < pair.steps:
        return []
    turned = _given(steps[::-1], -1, pair.intermediate)
    return [*turned, *_given(steps, -1, pair.intermediate)]


def _passings(pair: Pair, steps: list[Sequence[Timed]]) -> list[Match]:
    """The values that a statement gave, or those at the end of each step, in either direction of time."""
    # What is filled piece by piece has no meaning before it is complete.
    filled = not all(event.site.whole for _, event in chain(*steps))
    return [
        _by_pieces(match, several)
        for chosen, several in product((-1,) if filled else (0, -1), (steps[::-1], steps))
        for match in _given(several, chosen, pair.intermediate)
    ]


def _steps(events: Sequence[Timed], site: Site) -> list[Sequence[Timed]]:
    """The events from each passing of a statement to the next."""
    starts = [k for k, (_, e) in enumerate(events) if e.site == site]
    return [events[a:b] for a, b in pairwise([*starts, len(events)])]


def _given(steps: Sequence[Sequence[Timed]], chosen: int, one: Intermediate) -> list[Match]:
    """The value that one event of each step, the first or the last, gives to a name."""
    times, events = zip(*(step[chosen] for step in steps), strict=True)
    return _by_steps([event.value for event in events], list(times), one)


def _by_pieces(match: Match, steps: Sequence[Sequence[Timed]]) -> Match:
    """A match whose steps were filled piece by piece, with the time of each piece."""
    pieces = tuple(chain(*map(_pieces, count(), steps)))
    return replace(match, times=pieces) if pieces and not match.intermediate.places else match


def _pieces(k: int, step: Sequence[Timed]) -> Touches:
    return tuple((time, (k, *event.index)) for time, event in step if _is_plain(event.index))


def _is_plain(index: Any) -> bool:
    # Of arrays nobody may ask whether they are equal.
    return isinstance(index, tuple) and not any(part is Ellipsis for part in index)


def _stacked(pair: Pair) -> list[Match]:
    """One array in which the time steps lie along an axis; the second first, if several fit."""
    if pair.hand is None or pair.intermediate.steps is None:
        return []
    axes = sorted(range(pair.hand.ndim), key=lambda axis: axis != 1)
    return fitting(_along(pair, pair.hand, axis) for axis in axes)


def _along(pair: Pair, hand: Array, axis: int) -> Match:
    times = _moved(pair.touches, axis, hand.ndim) or pair.last
    return Match(pair.intermediate, np.moveaxis(hand, axis, 0), times)


def _before_another_shape(pair: Pair) -> list[Match]:
    """What the name held last in the shape of the value, before it was laid out otherwise: heads merged, say."""
    if pair.alone is None or not all(event.site.whole for _, event in pair.events):
        return []
    held = [
        Match(pair.intermediate, np.asarray(event.value), ((time, pair.everywhere),))
        for time, event in pair.events[:-1]
    ]
    return [match for match in fitting(held)[-1:] if match.hand.dtype.kind == "f"]


def _reshaped(pair: Pair) -> list[Match]:
    """The same entries in another shape, where that is a matter of layout."""
    hand, value = pair.alone, pair.intermediate.value
    if hand is None or hand.size != value.size or not pair.reshaped:
        return []
    return [Match(pair.intermediate, hand.reshape(value.shape), pair.last, reshaped=True)]


def _misshapen(pair: Pair) -> list[Match]:
    """A mistake in the shape, if it is the only value that is meant."""
    hand, one = pair.alone, pair.intermediate
    several = pair.label.call or one.passings > 1
    return [] if hand is None or several else [Match(one, hand, pair.last)]


WAYS: tuple[Way, ...] = (
    _list_of_steps,
    _same_shape,
    _value_a_step,
    _stacked,
    _before_another_shape,
    _reshaped,
    _misshapen,
)
"""How a name's values can lie beside one of the forward pass, the closest first."""


def _by_steps(found: Sequence[Any], times: list[int], one: Intermediate) -> list[Match]:
    """One value a time step, in the order of the forward pass."""
    values, places = list(map(np.asarray, found)), one.each_place
    wanted = [(one.value[place].shape, "f") for place in places]
    if not wanted or wanted != [(v.shape, v.dtype.kind) for v in values]:
        return []
    hand = np.zeros(one.value.shape, dtype=np.result_type(*values))
    for place, value in zip(places, values, strict=True):
        hand[place] = value
    return [Match(one, hand, tuple(zip(times, places, strict=True)))]


SIMPLE = (int, np.integer, slice)
"""What stands for one axis in an index; arrays of places stand for several together."""


def _moved(touches: Touches, axis: int, ndim: int) -> Touches:
    """The places of touches after an axis was moved to the front; none if they are not that simple."""
    moved = []
    for time, index in touches:
        parts = list(index) if isinstance(index, tuple) else [index]
        if not all(isinstance(part, SIMPLE) for part in parts) or len(parts) > ndim:
            return ()
        parts += [slice(None)] * (ndim - len(parts))
        moved.append((time, (parts[axis], *parts[:axis], *parts[axis + 1 :])))
    return tuple(moved)
