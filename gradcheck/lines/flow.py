"""Which names of the backward pass are computed from which, and so which lines share a doubt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import partial
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np

from gradcheck.lines.match import Matches
from gradcheck.lines.record import Record
from gradcheck.lines.sites import Label, Site
from gradcheck.lines.statements import key_of, part_of


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
    # Any part of what a helper returns in one piece comes from there.
    names = {name, f"{name.partition('[')[0]}["}
    return [site for site in record.sites if names & gives(site)]


def gives(site: Site) -> set[str]:
    """The names under which other statements read what one computes: what a helper returns by the helper's.

    What a helper is handed goes into this call of it, and of what it computes nobody knows in which.
    """
    if site.handing:
        return set()
    if site.path is None:
        return {site.variable}
    function = key_of(site.function)
    part = part_of(function, site.path[0]) if site.path else f"{function}["
    return {function, part} if function else set()


def behind(record: Record, position: int) -> set[str]:
    """The names from which the gradient of an input is computed."""
    site = record.returned.get(position)
    return set() if site is None else reached(record, site.reads)


def known_names(record: Record, matches: Matches) -> set[str]:
    """The names whose values are given, were compared as they are, or are those of the forward pass."""
    labels = record.locals
    unknown = {label.variable for label in labels if not _is_known(record, label, matches)}
    return {label.variable for label in labels} - unknown


def _is_known(record: Record, label: Label, matches: Matches) -> bool:
    given = record.stays_given(label)
    return given or _compared_in_full(record, label, matches) or _handed_over(record, label)


def doubtful_sites(record: Record, place: Site, known: set[str]) -> list[Site]:
    """The other statements that one is computed by, back to values that are known."""
    sites = _computing_any(record, reached(record, place.reads, stop=known))
    return sorted((s for s in sites if s.line != place.line), key=attrgetter("line"))


def _computing_any(record: Record, names: set[str]) -> Iterable[Site]:
    """The statements that give variables a value, those in the functions within the pass included."""
    inner = (site for site in record.copy.inner if site.name in names)
    return chain(*(_computing(record, name) for name in names), inner)


def lines_of(sites: Iterable[Site]) -> set[int]:
    """The lines in which statements stand."""
    return {site.line for site in sites}


def doubtful_loops(record: Record, sites: Iterable[Site], right: set[str]) -> set[int]:
    """The lines of the loops around statements, unless something computed in one is right.

    Then it runs the right way.
    """
    return _loops(sites) - _loops(site for site in record.sites if site.variable in right)


def _loops(sites: Iterable[Site]) -> set[int]:
    return set(filter(None, (site.loop for site in sites)))


def _compared_in_full(record: Record, label: Label, matches: Matches) -> bool:
    """Whether every value that a name was given is among those compared."""
    passings, laid = sum(e.site.whole for _, e in record.events[label]), matches.get(label, ())
    return any(passings <= len(match.times) for match in laid if not match.reshaped)


def _handed_over(record: Record, label: Label) -> bool:
    """Whether a name has, in the backward pass, a value that it had in the forward pass: out of a cache.

    The value of the whole forward pass may have any name. Where both passes are one function, as in a loss,
    every name has been there: those count that the value is computed from.
    """
    if not _is_read_for_the_value(record, label):
        return False
    held = _held_before(record, label.name)
    here = [event.value for _, event in record.events[label]]
    return all(any(_equal(one, v) for v in held) for one in here) and _in_order(record, label, here)


def _in_order(record: Record, label: Label, here: Sequence[Any]) -> bool:
    """Whether values of the forward pass come again in the order that they had, or the other way round."""
    mine = (one.values for one in record.occurrences if one.site.name == label.name)
    return not any(map(partial(are_mixed_up, here), mine))


def are_mixed_up(here: Sequence[Any], held: Sequence[Any]) -> bool:
    """Whether as many values come again in neither order: windows of another image, states of another step."""
    orders = (held, held[::-1])
    return len(here) == len(held) and not any(all(map(_equal, here, one)) for one in orders)


def _is_read_for_the_value(record: Record, label: Label) -> bool:
    value = record.copy.value
    return not value or label.variable in reached(record, chain(*(site.reads for site in value)))


def _held_before(record: Record, name: str) -> list[Any]:
    """What a name held in the forward pass, as an input too, and the value of that."""
    context, value = record.context, record.context.forward.value
    named = [one.values for one in record.occurrences if one.site.name == name]
    inputs = [x for n, x in zip(context.names, context.inputs, strict=True) if n == name]
    return [*named, *chain(*named), *inputs, *([value] * (value.size > 1))]


def _equal(a: Any, b: Any) -> bool:
    """Whether two values are; those that cannot be asked, an object that holds arrays, are not."""
    with suppress(Exception):
        return a is b or np.array_equal(a, b)
    return False
