"""What was recorded: one run of the instrumented copy, both ways, with everything that its names held."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Backward, copies, listed, run
from gradcheck.lines.copy import Copy, instrumented
from gradcheck.lines.intermediate import Intermediate, meanings
from gradcheck.lines.names import grouped
from gradcheck.lines.sites import Event, Label, Occurrences, Site
from gradcheck.lines.source import Path, Unreadable
from gradcheck.lines.values import is_number
from gradcheck.result import Array, Row, failing

Timed = tuple[int, Event]
"""An event with its place in the order of all events of the backward pass."""


@dataclass(frozen=True)
class Record:
    """The instrumented copy's one run.

    `rows` are the gradients of the inputs by position; `log` holds the events of the backward pass in
    order, beginning with the upstream gradients, `events` the same for each label; `returned` says what
    is returned for each input, `meanings` what each name of the forward pass may mean; `raised_at`
    the lines at which the backward pass raised an error, if it did.
    """

    context: Context
    rows: dict[int, Row]
    copy: Copy
    log: tuple[Event, ...]
    events: dict[Label, list[Timed]]
    returned: dict[int, Site]
    meanings: dict[str, tuple[Intermediate, ...]]
    raised_at: list[int] | None = None

    @property
    def sites(self) -> list[Site]:
        """The statements of the backward pass and of its helpers."""
        return self.copy.sites

    @property
    def occurrences(self) -> Iterable[Occurrences]:
        """What the statements of the forward pass gave to their names."""
        return self.copy.recorder.recorded.values()

    @property
    def given(self) -> set[Label]:
        """The labels of the upstream gradients, which are right by definition."""
        return {Label(name) for name in self.copy.upstream}

    @property
    def locals(self) -> list[Label]:
        """The labels of what has a name in the backward pass."""
        return [label for label in self.events if not label.returned]

    def stays_given(self, label: Label) -> bool:
        """Whether a name is that of an upstream gradient, and stays it."""
        return label in self.given and len(self.events[label]) == 1

    def is_handed(self, label: Label) -> bool:
        """Whether a helper is handed a value under a name that it does not give itself."""
        return any(event.site.handing for _, event in self.events[label])

    def is_complete(self, label: Label) -> bool:
        """Whether a name has its final value, also if an error ended the backward pass early."""
        if self.raised_at is None or label.returned:
            return self.raised_at is None
        match self.copy.giving(label.variable):
            case [Site(whole=True, loop=None)]:
                return True
        return False

    def inputs_of(self, label: Label) -> list[Intermediate]:
        """The inputs that a value is returned for."""
        positions = self._returned_as(label)
        meant = self.meant(self.context.names[position] for position in positions)
        return [one for one in meant if one.position in positions]

    def _returned_as(self, label: Label) -> list[int]:
        names, returned = self.context.names, self.returned.items()
        alike = ((p, Label(names[p], returned=True), Label(site.name)) for p, site in returned)
        return [position for position, *labels in alike if label in labels]

    def meant(self, names: Iterable[str]) -> list[Intermediate]:
        """What names of the forward pass may mean."""
        return [*chain(*(self.meanings.get(name, ()) for name in names))]

    def passings(self, site: Site) -> int:
        """How often a statement was passed."""
        return sum(event.site == site for event in self.log)

    def failed(self) -> bool:
        """Whether anything is known to be wrong."""
        return bool(failing(self.rows.values())) or self.raised_at is not None


def record(context: Context, rows: Sequence[Row], *, raised: bool) -> Record:
    """Run the instrumented copy of the context's layer, once each way; its backward pass may be known to raise.

    Unreadable if there is no such copy, or it does not compute what the layer does.
    """
    by_position = {context.names.index(row.name): row for row in rows}
    copy, raised_at = _ran(context, by_position, raised)
    found = enumerate(map(copy.returned, range(len(context.names))))
    returned = {position: site for position, site in found if site is not None}
    inputs = {site.path: context.names[position] for position, site in returned.items()}
    log = tuple(copy.recorder.events)
    events, meant = _by_label(log, inputs), meanings(copy.recorder, context)
    return Record(context, by_position, copy, log, events, returned, meant, raised_at)


def _ran(context: Context, rows: dict[int, Row], raised: bool) -> tuple[Copy, list[int] | None]:
    """A copy that was run, of the functions that the layer calls too if they can be copied."""
    _, backward = run(context.layer, copies(context.inputs))

    def ran(follow: bool) -> tuple[Copy, list[int] | None]:
        copy = instrumented(context.layer, backward, follow=follow)
        return copy, _run(copy, context, rows, raised)

    try:
        return ran(True)
    except Unreadable:
        return ran(False)


def _by_label(log: Sequence[Event], inputs: dict[Path | None, str]) -> dict[Label, list[Timed]]:
    """The events under what they are filed, each with its time."""
    ragged = _ragged(log)
    # What a helper returns is judged under the name that it is given.
    own = ((t, e) for t, e in enumerate(log) if not (e.site.is_returned and e.site.function))
    timed = ((time, _alone(event)) for time, event in own)
    return grouped(timed, lambda one: _label(one[1], inputs, ragged))


def _alone(event: Event) -> Event:
    """An event; where a tuple of one gradient is returned, the gradient."""
    match event:
        # Asked as what it is: of late NumPy an array is a sequence too, and one of no axes has no length.
        case Event(Site(path=()), tuple() | list() as several) if len(several) == 1:
            return replace(event, value=several[0])
    return event


def _run(copy: Copy, context: Context, rows: dict[int, Row], raised: bool) -> list[int] | None:
    """Run the copy both ways; the lines at which its backward pass raises, if it is known to."""
    copy.recorder.record()
    with _faithful():
        result, backward = copy.layer(*copies(context.inputs))
        # A backward pass may write into what the forward pass has returned.
        value = np.array(result, dtype=np.result_type(result, np.float64))
        gradients, raised_at = _back(copy, context, backward, raised)
        claimed = _are_claimed(gradients, rows)
    if not (claimed and np.array_equal(value, context.forward.value)):
        raise Unreadable("a copy made from its source computes something else")
    return raised_at


def _back(
    copy: Copy, context: Context, backward: Backward, raised: bool
) -> tuple[list[Array | None], list[int] | None]:
    """The gradients; none where the backward pass is known to raise, but the lines at which it does."""
    try:
        returned = backward(context.dy.astype(context.forward.dtype))
        return listed(returned, len(context.inputs)), None
    except Exception as error:
        lines = copy.raised_at(error) if raised else []
        if not lines:
            raise
        return [], lines


def _are_claimed(gradients: Iterable[Array | None], rows: dict[int, Row]) -> bool:
    """Whether gradients are those of the check."""
    beside = ((a, rows[p]) for p, a in enumerate(gradients) if p in rows)
    return all(_same(a, row.analytic) for a, row in beside)


@contextmanager
def _faithful() -> Iterator[None]:
    """What raises here shows that a copy is not what it was made from."""
    try:
        yield
    except Exception as error:
        raise Unreadable(f"a copy made from its source raises {error!r}") from error


def _ragged(log: Sequence[Event]) -> set[str]:
    """The locals of helpers whose values differ in shape from call to call."""
    by_name = grouped(filter(_is_of_a_local, log), lambda event: event.site.variable)
    shapes = {name: {np.shape(e.value) for e in events} for name, events in by_name.items()}
    return {name for name, several in shapes.items() if len(several) > 1}


def _is_of_a_local(event: Event) -> bool:
    site = event.site
    return bool(site.function) and not site.is_returned and is_number(event.value)


def _label(event: Event, inputs: dict[Path | None, str], ragged: set[str]) -> Label:
    site = event.site
    if site.is_returned:
        return Label(inputs.get(site.path, ""), returned=True)
    return Label(site.name, function=site.function, call=event.call * (site.variable in ragged))


def _same(a: Array | None, b: Any) -> bool:
    if a is None:
        return True
    numbers = a.dtype.kind == b.dtype.kind == "f"
    return np.array_equal(a, b, equal_nan=True) if numbers else a.shape == b.shape
