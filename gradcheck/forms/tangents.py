"""The lines of a Jacobian-vector product: what it calls `dz` is laid beside how z moves along the direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.compare import relative_error
from gradcheck.layer import Function, copies
from gradcheck.lines.instrument import Backward, Forward, Instrument
from gradcheck.lines.names import counterparts
from gradcheck.lines.recorder import Recorder
from gradcheck.lines.sites import Event, Site
from gradcheck.lines.source import Source, Unreadable
from gradcheck.result import Array, Finding, Line, Lines, Verdict

Call = Callable[[Function, Sequence[Array], Sequence[Array | None]], Any]
"""Calls a product with inputs and tangents, in the way that its signature asks for."""


def tangent_lines(
    f: Function,
    jvp: Function,
    inputs: Sequence[Array],
    directions: Sequence[Array | None],
    call: Call,
) -> Lines:
    """Compare the lines of a product of which it is known that it is wrong, along these directions."""
    try:
        both = _Instrumented.of(f, jvp)
        events = both.events(inputs, directions, call)
        compared = list(_compared(events, _Moved(both, inputs, directions), both.product.file))
    except Unreadable as reason:
        return Lines(notes=(f"The lines of the product were not compared: {reason}.",))
    wrong = next((line for line in compared if line.verdict is Verdict.FAIL), None)
    finding = None if wrong is None else _finding(wrong)
    return Lines(tuple(compared), both.product.numbered(both.product.tree), (), finding)


@dataclass(frozen=True)
class _Instrumented:
    """Copies of a function and of its product that report the values of their names."""

    recorder: Recorder
    f: Function
    jvp: Function
    product: Source

    @staticmethod
    def of(f: Function, jvp: Function) -> _Instrumented:
        recorder = Recorder()
        there, back = Source.of(f), Source.of(jvp)
        # Numbered before the tree is changed: a listing shows what the user wrote.
        product = Source.of(jvp)
        ahead = Instrument(recorder, recorder.forward_sites, Forward)
        behind = Instrument(recorder, recorder.backward_sites, Backward)
        ahead.change(there, there.tree)
        behind.change(back, back.tree)
        forward = there.bound(ahead.compiled(there, there.tree))
        return _Instrumented(
            recorder, forward, back.bound(behind.compiled(back, back.tree)), product
        )

    def values(self, inputs: Sequence[Array]) -> dict[str, Array]:
        """What each name of the function holds in the end, if that is one array; "" is what it returns."""
        self.recorder.record()
        returned = np.asarray(self.f(*inputs))
        recorded = self.recorder.recorded.values()
        return {
            one.site.name: np.array(one.values[-1]) for one in recorded if _is_one(one.values)
        } | {"": returned}

    def events(
        self, inputs: Sequence[Array], directions: Sequence[Array | None], call: Call
    ) -> list[Event]:
        """What the product gives its names, in order."""
        self.recorder.record()
        call(self.jvp, copies(inputs), directions)
        return self.recorder.events


def _is_one(values: Sequence[Any]) -> bool:
    """Whether a statement was passed once, with a number or an array of them."""
    return len(values) == 1 and np.asarray(values[0]).dtype.kind == "f"


@dataclass(frozen=True)
class _Moved:
    """How the names of a function move along a direction."""

    both: _Instrumented
    inputs: Sequence[Array]
    directions: Sequence[Array | None]

    @cached_property
    def slopes(self) -> dict[str, tuple[Array, Array]]:
        """The tangent of each name by two central differences, and a bound on its error."""
        # Of two differences that are extrapolated the fifth root of ε balances rounding and error.
        epsilon = max(np.finfo(x.dtype).eps for x in self.inputs if x.dtype.kind == "f")
        step = float(epsilon) ** (1 / 5)
        here = self.both.values(copies(self.inputs))
        wide, narrow = self._difference(step), self._difference(step / 2)
        found = {}
        for name in _alike(here, wide, narrow):
            slope = (4 * narrow[name] - wide[name]) / 3
            noise = NOISE * epsilon * np.abs(here[name]).max(initial=0) / step
            found[name] = slope, np.abs(slope - narrow[name]) + noise
        return found

    def _difference(self, step: float) -> dict[str, Array]:
        up, down = (self.both.values(self._at(sign * step)) for sign in (1, -1))
        return {name: (up[name] - down[name]) / (2 * step) for name in _alike(up, down)}

    def _at(self, t: float) -> list[Array]:
        return [
            x.copy() if v is None else (x + t * v).astype(x.dtype)
            for x, v in zip(self.inputs, self.directions, strict=True)
        ]


def _alike(first: dict[str, Array], *others: dict[str, Array]) -> list[str]:
    """The names that hold an array of the same shape everywhere."""
    return [n for n, x in first.items() if all(n in o and o[n].shape == x.shape for o in others)]


NOISE = 100
"""Units of rounding that a value may have gathered where it is computed: a sum of as many terms."""


def _compared(events: Sequence[Event], moved: _Moved, file: str) -> Iterator[Line]:
    """The tangents among what the product computes, each beside the one that is measured."""
    last: dict[Site, Event] = {event.site: event for event in events}
    for site, event in last.items():
        name = _counterpart(site, event.value, moved.slopes)
        if name is not None:
            yield _line(site, np.asarray(event.value), *moved.slopes[name], file)


def _line(site: Site, hand: Array, slope: Array, bound: Array, file: str) -> Line:
    """A tangent beside the one that is measured."""
    right = (np.abs(hand - slope) <= bound).all()
    name, verdict = site.name or "the returned tangent", Verdict.PASS if right else Verdict.FAIL
    error = relative_error(hand, slope)
    return Line(name, site.line, site.text, error, bound, verdict, hand, slope, file)


def _counterpart(site: Site, value: Any, slopes: dict[str, tuple[Array, Array]]) -> str | None:
    """Whose tangent a value is: z's where it is called dz, or the function's value's where it is returned."""
    names = counterparts(site.name, list(filter(None, slopes))) if site.path is None else [""]
    shape = np.shape(value) if isinstance(value, (np.ndarray, np.generic, float)) else None
    return next((name for name in names if slopes[name][0].shape == shape), None)


def _finding(wrong: Line) -> Finding:
    """What is said of the first wrong line."""
    evidence = {
        "name": wrong.name, "file": wrong.file, "line": wrong.line, "source": wrong.source,
        "code": None, "also": [],
    }  # fmt: skip
    message = f"{wrong.name}, line {wrong.line}, is the first tangent that is wrong."
    return Finding("first-wrong-line", message, evidence)
