"""A value of the way back laid beside its counterpart on the way there, time step by time step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.lines.instrument import Event, Occurrences
from gradcheck.lines.uses import Intermediate
from gradcheck.result import Array

LARGEST = 100_000
"""Entries of an intermediate value beyond which it is left out: differences would take too long."""


@dataclass(frozen=True)
class Match:
    """A value of the way back laid beside a reading, and when each part of it was computed."""

    reading: Intermediate
    hand: Array
    times: tuple[tuple[int, Any], ...]
    reshaped: bool = False


def reading_of(number: int, found: Occurrences) -> Intermediate | str:
    """What a site on the way there gave its name, or why that cannot be moved a little."""
    site = found.site
    if not all(isinstance(v, (np.ndarray, np.generic, float)) for v in found.values):
        return "is no array of numbers"
    values = [np.asarray(value) for value in found.values]
    if any(v.dtype.kind != "f" for v in values):
        return "does not hold floats"
    if any(not np.isfinite(v).all() for v in values):
        return "is not finite"
    if sum(v.size for v in values) > LARGEST:
        return f"has more than {LARGEST:,} entries"
    if not site.whole:
        places = tuple(found.indices)
        return Intermediate(site.name, values[0].copy(), (number,), places=places, reads=site.reads)
    if len({v.shape for v in values}) != 1:
        return "changes its shape from step to step"
    if len(values) == 1:
        return Intermediate(site.name, values[0], (number,), reads=site.reads)
    return Intermediate(site.name, np.stack(values), (number,), steps=len(values), reads=site.reads)


def joined(one: Intermediate, other: Intermediate) -> Intermediate:
    """Two statements that write into parts of the same array."""
    return replace(
        one,
        sites=one.sites + other.sites,
        places=other.places + one.places,
        reads=one.reads | other.reads,
    )


def match_of(
    events: Sequence[tuple[int, Event]], reading: Intermediate, reshaped: bool
) -> Match | None:
    """Lay what a name of the way back held beside a reading of the way there; None if it does not fit.

    `reshaped` allows the same entries in another shape.
    """
    final = events[-1][1].value
    everywhere = (slice(None),) * reading.value.ndim
    last = ((events[-1][0], everywhere),)
    touches = tuple((t, e.index) for t, e in events if e.index is not None)
    if isinstance(final, (list, tuple)) and (reading.steps or reading.places):
        # An element was computed when it was last put in its place.
        put = {e.index % len(final): t for t, e in events if isinstance(e.index, int)}
        values = [np.asarray(v) for v in final]
        return _match_steps(values, [put.get(k, events[-1][0]) for k in range(len(final))], reading)
    if isinstance(final, (list, tuple)) or final is None:
        return None
    hand = np.array(final)
    if hand.dtype.kind not in "fiub":
        return None
    if reading.steps is None:
        if hand.shape == reading.value.shape:
            return Match(
                reading, hand, touches if touches and not events[-1][1].site.whole else last
            )
        by_step = _by_step(events, len(reading.places))
        if by_step is not None:
            return _match_steps(
                [np.asarray(e.value) for _, e in by_step], [t for t, _ in by_step], reading
            )
        # The same entries in another shape, or else a mistake in it.
        same = hand.size == reading.value.size and reshaped
        laid = hand.reshape(reading.value.shape) if same else hand
        return Match(reading, laid, last, reshaped=same)
    by_step = _by_step(events, reading.steps)
    if by_step is not None:
        return _match_steps(
            [np.asarray(e.value) for _, e in by_step], [t for t, _ in by_step], reading
        )
    one = reading.value.shape[1:]
    for axis in (1, 0, *range(2, hand.ndim)):
        if axis < hand.ndim and hand.shape == (*one[:axis], reading.steps, *one[axis:]):
            return Match(
                reading, np.moveaxis(hand, axis, 0), _moved(touches, axis, hand.ndim) or last
            )
    return None


def _by_step(events: Sequence[tuple[int, Event]], steps: int) -> list[tuple[int, Event]] | None:
    """The events of one site that is passed once a time step, in the order of the way there."""
    if steps < 2:
        return None
    sites = {id(e.site): e.site for _, e in events if e.site.whole}
    for site in sites.values():
        passed = [(t, e) for t, e in events if e.site is site]
        if len(passed) == steps:
            return passed[::-1]
    return None


def _match_steps(values: list[Array], times: list[int], reading: Intermediate) -> Match | None:
    """One value a time step, in the order of the way there."""
    places = reading.places or tuple(range(reading.steps or 0))
    if len(values) != len(places) or any(v.dtype.kind != "f" for v in values):
        return None
    hand = np.zeros(reading.value.shape, dtype=np.result_type(*values))
    for place, value in zip(places, values, strict=True):
        if hand[place].shape != value.shape:
            return None
        hand[place] = value
    return Match(reading, hand, tuple(zip(times, places, strict=True)))


def _moved(
    touches: tuple[tuple[int, Any], ...], axis: int, ndim: int
) -> tuple[tuple[int, Any], ...]:
    """The indices of touches after an axis was moved to the front; none if they are not that simple."""
    moved = []
    for time, index in touches:
        parts = list(index) if isinstance(index, tuple) else [index]
        if Ellipsis in parts or len(parts) > ndim:
            return ()
        parts += [slice(None)] * (ndim - len(parts))
        moved.append((time, (parts[axis], *parts[:axis], *parts[axis + 1 :])))
    return tuple(moved)
