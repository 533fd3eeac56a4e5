"""What was recorded: one run of the instrumented copy, both ways, with everything that its names held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import copies, listed, run
from gradcheck.lines.copy import Copy, Path, instrumented
from gradcheck.lines.intermediate import Intermediate, meanings
from gradcheck.lines.recorder import Event, Label, Site, is_number
from gradcheck.lines.source import Unreadable
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
    events: dict[Label, tuple[Timed, ...]]
    returned: dict[int, Site]
    meanings: dict[str, tuple[Intermediate, ...]]
    raised_at: list[int] | None = None

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

    def is_complete(self, label: Label) -> bool:
        """Whether a name has its final value, also if an error ended the backward pass early."""
        if self.raised_at is None or label.returned:
            return self.raised_at is None
        match [s for s in self.copy.sites if s.variable == label.variable and s.path is None]:
            case [Site(whole=True, loop=None)]:
                return True
        return False

    def inputs_of(self, label: Label) -> list[Intermediate]:
        """The inputs that a value is returned for."""
        names = self.context.names
        return [
            one
            for position, site in self.returned.items()
            if label in (Label(names[position], returned=True), Label(site.name))
            for one in self.meanings.get(names[position], ())
            if one.position == position
        ]

    def passings(self, site: Site) -> int:
        """How often a statement was passed."""
        return sum(event.site == site for event in self.log)

    def failed(self) -> bool:
        """Whether anything is known to be wrong."""
        return bool(failing(self.rows.values())) or self.raised_at is not None


def record(context: Context, rows: Sequence[Row], *, raised: bool) -> Record:
    """Run the instrumented copy of the context's layer, once each way; its backward pass may be known to raise.

    Raises:
        Unreadable: if there is no such copy, or it does not compute what the layer does.
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
    try:
        copy = instrumented(context.layer, backward, follow=True)
        return copy, _run(copy, context, rows, raised)
    except Unreadable:
        copy = instrumented(context.layer, backward, follow=False)
        return copy, _run(copy, context, rows, raised)


def _by_label(
    log: Sequence[Event], inputs: dict[Path | None, str]
) -> dict[Label, tuple[Timed, ...]]:
    """The events under what they are filed, each with its time."""
    ragged = _ragged(log)
    events: dict[Label, tuple[Timed, ...]] = {}
    for time, event in enumerate(log):
        if event.site.path is not None and event.site.function:
            # What a helper returns is judged under the name that it is given.
            continue
        label = _label(event.site, inputs)
        if label.variable in ragged:
            label = replace(label, call=event.call)
        events[label] = (*events.get(label, ()), (time, _alone(event)))
    return events


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
    try:
        result, backward = copy.layer(*copies(context.inputs))
        # A backward pass may write into what the forward pass has returned.
        value = np.array(result, dtype=np.result_type(result, np.float64))
    except Exception as error:
        raise _unlike(error) from error
    raised_at, claimed = None, True
    try:
        gradients = listed(backward(context.dy.astype(context.forward.dtype)), len(context.inputs))
        claimed = all(_same(a, row.analytic) for a, row in _beside(gradients, rows))
    except Exception as error:
        raised_at = copy.raised_at(error) if raised else None
        if not raised_at:
            raise _unlike(error) from error
    if not (claimed and np.array_equal(value, context.forward.value)):
        raise Unreadable("a copy made from its source computes something else")
    return raised_at


def _beside(
    gradients: Sequence[Array | None], rows: dict[int, Row]
) -> Iterable[tuple[Array | None, Row]]:
    """What is returned, beside the gradients of the check."""
    return ((a, rows[position]) for position, a in enumerate(gradients) if position in rows)


def _unlike(error: Exception) -> Unreadable:
    return Unreadable(f"a copy made from its source raises {error!r}")


def _ragged(log: Sequence[Event]) -> set[str]:
    """The locals of helpers whose values differ in shape from call to call."""
    helpers = [event for event in log if event.site.function and event.site.path is None]
    shapes = {(e.site.variable, np.shape(e.value)) for e in helpers if is_number(e.value)}
    return {name for name, several in Counter(name for name, _ in shapes).items() if several > 1}


def _label(site: Site, inputs: dict[Path | None, str]) -> Label:
    """What the values of a site are filed under."""
    if site.path is None:
        return Label(site.name, function=site.function)
    return Label(inputs.get(site.path, ""), returned=True)


def _same(a: Array | None, b: Any) -> bool:
    if a is None:
        return True
    numbers = a.dtype.kind == b.dtype.kind == "f"
    return np.array_equal(a, b, equal_nan=True) if numbers else a.shape == b.shape
