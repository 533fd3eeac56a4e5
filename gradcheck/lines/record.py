"""What was recorded: one run of the instrumented copy, both ways, with everything that its names held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import listed, run
from gradcheck.lines.copy import Copy, instrumented
from gradcheck.lines.intermediate import Intermediate, meanings
from gradcheck.lines.recorder import Event, Label, Site
from gradcheck.lines.source import Unreadable
from gradcheck.result import Array, Row, Verdict

Timed = tuple[int, Event]
"""An event with its place in the order of all events of the backward pass."""


@dataclass(frozen=True)
class Record:
    """The instrumented copy's one run.

    `rows` are the gradients of the inputs by position; `log` holds the events of the backward pass in
    order, beginning with the upstream gradient, `events` the same for each label; `returned` are the
    sites within the return statement, `meanings` what each name of the forward pass may mean;
    `raised_at` the lines at which the backward pass raised an error, if it did.
    """

    context: Context
    rows: dict[int, Row]
    copy: Copy
    log: tuple[Event, ...]
    events: dict[Label, tuple[Timed, ...]]
    returned: dict[int, Site]
    meanings: dict[str, tuple[Intermediate, ...]]
    raised_at: list[int] | None = None

    def label(self, site: Site) -> Label:
        """What the values of a site are filed under."""
        return _label(site, self.context.names)

    @property
    def given(self) -> set[str]:
        """The name of the upstream gradient, which is right by definition."""
        return {site.name for site in self.copy.upstream}

    def failed(self) -> bool:
        """Whether anything is known to be wrong."""
        wrong = any(row.verdict is Verdict.FAIL for row in self.rows.values())
        return wrong or self.raised_at is not None


def record(context: Context, rows: Sequence[Row], *, raised: bool) -> Record:
    """Run the instrumented copy of the context's layer, once each way.

    Args:
        context: the check so far.
        rows: its gradients.
        raised: the backward pass is known to raise an error.

    Raises:
        Unreadable: if there is no such copy, or it does not compute what the layer does.
    """
    _, backward = run(context.layer, [x.copy() for x in context.inputs])
    copy = instrumented(context.layer, backward)
    by_position = {context.names.index(row.name): row for row in rows}
    raised_at = _run(copy, context, by_position, raised)
    upstream = [Event(site, context.dy) for site in copy.upstream]
    log = (*upstream, *copy.recorder.events)
    events: dict[Label, tuple[Timed, ...]] = {}
    for time, event in enumerate(log):
        label = _label(event.site, context.names)
        events[label] = (*events.get(label, ()), (time, event))
    returned = {s.position: s for s in copy.sites if s.position is not None}
    meant = meanings(copy.recorder, context)
    return Record(context, by_position, copy, log, events, returned, meant, raised_at)


def _run(copy: Copy, context: Context, rows: dict[int, Row], raised: bool) -> list[int] | None:
    """Run the copy both ways; the lines at which its backward pass raises, if it is known to."""
    copy.recorder.record()
    try:
        value, backward = copy.layer(*[x.copy() for x in context.inputs])
    except Exception as error:
        raise _unlike(error) from error
    gradients: list[Array | None] = []
    raised_at = None
    try:
        dy = context.dy.astype(context.forward.dtype)
        gradients = listed(backward(dy), len(context.inputs))
    except Exception as error:
        raised_at = copy.raised_at(error)
        if not raised or not raised_at:
            raise _unlike(error) from error
    same = np.array_equal(np.asarray(value, dtype=np.float64), context.forward.value)
    claimed = {k: gradients[k] for k in rows if k < len(gradients)}
    if not (same and all(_same(claimed[k], rows[k].analytic) for k in claimed)):
        raise Unreadable("a copy made from its source computes something else")
    return raised_at


def _unlike(error: Exception) -> Unreadable:
    return Unreadable(f"a copy made from its source raises {error!r}")


def _label(site: Site, names: Sequence[str]) -> Label:
    if site.position is None:
        return Label(site.name)
    name = names[site.position] if site.position < len(names) else ""
    return Label(name, returned=True)


def _same(a: Array | None, b: Any) -> bool:
    if a is None:
        return True
    numbers = a.dtype.kind == b.dtype.kind == "f"
    return np.array_equal(a, b, equal_nan=True) if numbers else a.shape == b.shape
