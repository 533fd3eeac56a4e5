"""A user's own code, loaded and checked; this runs in a process of its own and sends what it finds."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import Any

from gradcheck.curves import curves_of
from gradcheck.digests import digest_of
from gradcheck.plots import drawn_row
from gradcheck.result import Report, Traced, fault
from reports.errors import At, UserError
from reports.targets import found, loading
from reports.targets.asking import asked
from reports.targets.draws import Inputs
from reports.targets.inputs import inputs_of
from reports.targets.options import Options

Send = Callable[[Any], None]


EVERY = 0.2
"""Seconds between two words about progress."""

Said = tuple[str, Report | None, str | None, tuple[str, ...], At | None]
"""A name, its report or the sentence that says why there is none, what has to be said besides, and
the line of the user's own that is at fault where there is no report.

Plain values: where this is sent from, our own packages have stepped aside.
"""


def check_named(
    send: Send, aside: Send, place: str, names: Sequence[str] | None, options: Options
) -> None:
    """Load a module and check what it holds of these names, or everything that can be.

    Sends ("names", names), then ("said", `Said`) for each of them; tells ("going", (name, done, total))
    aside now and then. What would meet a module that a check before it has changed is left to a fresh process.
    """
    try:
        module = loading.load(place)
        rest = found.left_alone(module) if names is None else []
        if names is None:
            names = found.names(module)
            if not names:
                raise UserError(f"{place}: {NOTHING}")
    except UserError as error:
        send(("said", _refused("", error)))
        return
    send(("names", tuple(names)))
    state = _state(module) if len(names) > 1 else ""
    for name in names:
        going = _Going(name, aside)
        one, report, why, notes, at = _said(module, place, name, options, going)
        last = name == names[-1] or _state(module) != state
        if rest and last:
            notes = (*notes, LEFT_ALONE.format(", ".join(rest)))
        send(("said", (one, report, why, notes, at)))
        if last:
            return


def _state(module: ModuleType) -> str:
    """A digest of what a module's names hold besides code; empty where something there cannot be taken apart."""
    held = {n: v for n, v in vars(module).items() if not isinstance(v, CODE) and n[:2] != "__"}
    with contextlib.suppress(Exception):
        return digest_of(held)
    return ""


CODE = (FunctionType, ModuleType, type)


def trace_named(send: Send, aside: Send, place: str, name: str, options: Options) -> None:
    """Load a module and write down every value of one layer in it, for `answer`."""

    def traced(subject: found.Subject) -> list[Traced]:
        inputs, _ = inputs_of(subject, place, options.seed, options.inputs)
        return asked(subject, inputs, options.seed, {"lines": False}).tensors()

    answered(send, place, name, traced)


def answered(send: Send, place: str, name: str, work: Callable[[found.Subject], Any]) -> None:
    """Send ("found", what work makes of one thing in a module), or ("error", the line that says why not).

    Plain values and the checker's: our own packages have stepped aside for theirs.
    """
    try:
        send(("found", work(found.subject(loading.load(place), place, name))))
    except UserError as error:
        send(("error", str(error)))
    except Exception as error:
        send(("error", str(_raised(place, name, error))))


NOTHING = (
    "nothing to check in it: expected a layer with its inputs, NAME and NAME_inputs(rng), a pair "
    "NAME_forward / NAME_backward, a function with NAME_gradient, a loss that ends in `return loss, "
    "gradients`, or a class with forward and backward"
)


LEFT_ALONE = "Left alone, as nothing in the file says how they go back: {}."


class _Going:
    """Tells how far a check is, but not so often that telling takes the time."""

    def __init__(self, name: str, aside: Send) -> None:
        self.name, self.aside, self.last = name, aside, time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        if time.monotonic() - self.last > EVERY:
            self.last = time.monotonic()
            self.aside(("going", (self.name, done, total)))


def _said(module: ModuleType, place: str, name: str, options: Options, going: _Going) -> Said:
    try:
        subject = found.subject(module, place, name, options.twin)
        inputs, notes = inputs_of(subject, place, options.seed, options.inputs)
        report = replace(_report(subject, place, inputs, options, going), file=place)
        _search(report, options)
        return name, report, None, notes, None
    except UserError as error:
        return _refused(name, error)
    except Exception as error:
        return _refused(name, _raised(place, name, error))
    except BaseException as error:
        # SystemExit and its like would end us and say nothing: that is the target's failure.
        line = loading.where(error, place).rstrip(": ")
        message = f"{name} raises {loading.said(error)} while it is checked{line and f', {line}'}."
        failed = Report(name, (), (fault("raises", message),), options.seed, file=place)
        return name, failed, None, (), None


def _search(report: Report, options: Options) -> None:
    """Look for what will be asked for here: where the report goes, the check cannot be run again."""
    _ = report.repair
    if options.smallest and report.rows:
        report.smallest()
    if options.drawn and report.rows:
        _curves(report)


def _curves(report: Report) -> None:
    """What a figure of the report shows of the layer, which stays here; nothing where there is no slope."""
    with contextlib.suppress(ValueError):
        curves_of(report, drawn_row(report).name)


def _refused(name: str, error: UserError) -> Said:
    return name, None, str(error), (), error.at


def _raised(place: str, name: str, error: Exception) -> UserError:
    """What is said where the user's own code, or the checker for its sake, raises."""
    text = f"{place}:{name}: {loading.where(error, place)}{loading.said(error)}"
    return UserError(text, loading.at(error))


def _report(
    subject: found.Subject, place: str, inputs: Inputs, options: Options, going: _Going
) -> Report:
    with_twin = {"twin": subject.twin} if options.tape and subject.twin else {}
    return asked(subject, inputs, options.seed, {"progress": going, **with_twin, **options.check})
