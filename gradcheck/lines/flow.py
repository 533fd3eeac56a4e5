"""Which names of the backward pass are computed from which, and so which lines share a doubt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from gradcheck.lines.readings import Matches
from gradcheck.lines.record import Record
from gradcheck.lines.recorder import Label, Site
from gradcheck.lines.statements import key_of, part_of
from gradcheck.result import Array


def reached(record: Record, names: Iterable[str], stop: Iterable[str] = ()) -> set[str]:
    """The names that these are computed from, themselves included, back to those in `stop`."""
    seen: set[str] = set()
    waiting = set(names) - set(stop)
    while waiting:
        name = waiting.pop()
        seen.add(name)
        for site in _computing(record, name):
            waiting |= site.reads - seen - set(stop)
    return seen


def _computing(record: Record, name: str) -> list[Site]:
    """The statements that give a variable its value; for the name of a helper, what it returns."""
    return [
        site
        for site in record.copy.sites
        if (site.variable == name if site.path is None else _returns(site, name))
    ]


def _returns(site: Site, name: str) -> bool:
    """Whether a return statement is that of the helper of this name, or of a part of what it returns."""
    function, path = key_of(site.function), site.path or ()
    parts = [part_of(function, path[0])] if path else []
    whole = f"{function}[" if not path else None
    return bool(site.function) and (
        name in (function, *parts) or (whole is not None and name.startswith(whole))
    )


def behind(record: Record, position: int) -> set[str]:
    """The names from which the gradient of an input is computed."""
    site = record.returned.get(position)
    return set() if site is None else reached(record, site.reads)


def known_names(record: Record, matches: Matches) -> set[str]:
    """The names whose values were compared as they are, or are those of the forward pass."""
    labels = [label for label in record.events if not label.returned]
    unknown = {
        label.variable
        for label in labels
        if not (_compared_in_full(record, label, matches) or _handed_over(record, label))
    }
    return {label.variable for label in labels} - unknown


def doubtful_sites(record: Record, place: Site, known: set[str]) -> list[Site]:
    """The other statements that one is computed by, back to values that are known."""
    names = reached(record, place.reads, stop=known)
    sites = [site for name in names for site in _computing(record, name)]
    sites += [s for s in record.copy.inner if s.name in names]
    return sorted((s for s in sites if s.line != place.line), key=lambda site: site.line)


def doubtful_loops(record: Record, sites: Iterable[Site], right: set[str]) -> set[int]:
    """The lines of the loops around statements, unless something computed in one is right.

    Then it runs the right way.
    """
    right_loops = {s.loop for s in record.copy.sites if s.variable in right}
    return {s.loop for s in sites if s.loop is not None and s.loop not in right_loops}


def _compared_in_full(record: Record, label: Label, matches: Matches) -> bool:
    """Whether every value that a name was given is among those compared."""
    passings = sum(event.site.whole for _, event in record.events[label])
    return any(not m.reshaped and passings <= len(m.times) for m in matches.get(label, ()))


def _handed_over(record: Record, label: Label) -> bool:
    """Whether a name has, in the backward pass, a value that it had in the forward pass: out of a cache.

    The value of the whole forward pass may have any name.
    """
    values = [*_recorded(record, label.name), *_given(record, label.name)]
    values += [record.context.forward.value] if record.context.forward.value.size > 1 else []
    return all(any(_equal(event.value, v) for v in values) for _, event in record.events[label])


def _recorded(record: Record, name: str) -> Iterator[Any]:
    """What a name held in the forward pass."""
    for occurrences in record.copy.recorder.recorded.values():
        if occurrences.site.name == name:
            yield from occurrences.values


def _given(record: Record, name: str) -> list[Array]:
    """The input of a name, if there is one."""
    context = record.context
    return [x for n, x in zip(context.names, context.inputs, strict=True) if n == name]


def _equal(a: Any, b: Any) -> bool:
    arrays = isinstance(a, np.ndarray) or isinstance(b, np.ndarray)
    if arrays or a is b:
        return a is b or np.array_equal(a, b)
    # Two containers are asked about only if they are one: arrays in them have no single answer.
    return not isinstance(a, (dict, list, tuple)) and bool(a == b)
