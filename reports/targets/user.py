"""A user's own code, loaded and checked; this runs in a process of its own and sends what it finds."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

import gradcheck
from gradcheck.result import Finding, Report
from reports.errors import UserError
from reports.targets import found, loading
from reports.targets.inputs import Inputs, drawn, of_spec, proposed, template, wanted

if TYPE_CHECKING:
    from reports.targets import Options

Send = Callable[[Any], None]


EVERY = 0.2
"""Seconds between two words about progress."""

Said = tuple[str, Report | None, str | None, tuple[str, ...]]
"""A name, its report or the line that says why there is none, and what has to be said besides.

Plain values: where this is sent from, our own packages have stepped aside.
"""


def check_named(
    send: Send, aside: Send, place: str, names: Sequence[str] | None, options: Options
) -> None:
    """Load a module and check what it holds.

    Args:
        send: takes ("names", names), then ("said", `Said`) for each of them.
        aside: takes ("going", (name, done, total)) now and then.
        place: FILE.py, NOTEBOOK.ipynb or package.module.
        names: what to check; None for everything that can be.
        options: how.
    """
    try:
        module = loading.load(place)
        if names is None:
            names = found.names(module)
            if not names:
                raise UserError(f"{place}: {NOTHING}")
    except UserError as error:
        send(("said", ("", None, str(error), ())))
        return
    send(("names", tuple(names)))
    for name in names:
        going = _Going(name, aside)
        send(("said", _said(module, place, name, options, going)))


NOTHING = (
    "nothing to check in it: expected a layer with its inputs, NAME and NAME_inputs(rng), a pair "
    "NAME_forward / NAME_backward, a function with NAME_gradient, or a class with forward and backward"
)


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
        subject = found.subject(module, place, name)
        inputs, notes = _inputs(subject, place, options)
        report = _report(subject, place, inputs, options, going)
        return name, replace(report, file=place), None, notes
    except UserError as error:
        return name, None, str(error), ()
    except Exception as error:
        return name, None, f"{place}:{name}: {loading.where(error)}{loading.said(error)}", ()
    except BaseException as error:
        # SystemExit and its like would end us and say nothing: that is the target's failure.
        message = f"{name} raises {loading.said(error)} while it is checked{_at(error)}."
        finding = Finding("raises", message, fails=True)
        return name, Report(name, (), (finding,), options.seed, file=place), None, ()


def _at(error: BaseException) -> str:
    line = loading.where(error).rstrip(": ")
    return f", {line}" if line else ""


def _inputs(subject: found.Subject, place: str, options: Options) -> tuple[Inputs, tuple[str, ...]]:
    """The inputs, and what has to be said of them."""
    rng = np.random.default_rng(options.seed)
    given = {name: of_spec(name, spec, rng) for name, spec in options.inputs.items()}
    if subject.draw is not None:
        return {**drawn(subject.draw, options.seed, place, subject.name), **given}, ()
    needed = [name for name in _names(subject) if name not in given]
    if not needed:
        return given, ()
    guess = proposed(
        _taking(subject), lambda inputs: _accepts(subject, {**inputs, **given}), options.seed
    )
    if guess is None:
        raise UserError(
            f"{place}: no inputs for {subject.name}: expected a function {subject.name}_inputs(rng), "
            f"as in: {template(subject.name, _taking(subject))}"
        )
    shown = ", ".join(f"{name} {np.shape(value)}" for name, value in guess.items())
    return {**guess, **given}, (
        f"Inputs of {subject.name} were proposed, as the file has no {subject.name}_inputs(rng): {shown}.",
    )


def _taking(subject: found.Subject) -> Callable[..., Any]:
    """The function that takes the inputs: of a class its forward method."""
    if subject.kind != "class":
        return subject.forward
    (made,) = subject.parts
    method = next(getattr(made, n) for n in ("forward", "__call__", "fprop") if hasattr(made, n))
    return _without_self(method)


def _without_self(method: Callable[..., Any]) -> Callable[..., Any]:
    """A method's signature without its first parameter."""

    def taking(*inputs: Any) -> Any:
        raise NotImplementedError

    parameters = list(inspect.signature(method).parameters.values())[1:]
    taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking.__doc__ = method.__doc__
    return taking


def _names(subject: found.Subject) -> list[str]:
    return wanted(_taking(subject))


def _accepts(subject: found.Subject, inputs: Inputs) -> bool:
    """Whether it runs on such inputs, forward and backward, and returns what can be judged."""
    with np.errstate(all="ignore"):
        try:
            report = _checked(subject, inputs, {"effort": "directional", "lines": False})
        except Exception:
            return False
    codes = {finding.code for finding in report.all_findings()}
    return bool(report.rows) and not codes & {"raises", "not-finite"}


def _report(
    subject: found.Subject, place: str, inputs: Inputs, options: Options, going: _Going
) -> Report:
    with_twin = {"twin": subject.twin} if options.tape and subject.twin else {}
    if subject.kind == "derivative" and len(inputs) != 1:
        raise UserError(
            f"{place}: {subject.name}_gradient goes with one input, {subject.name}_inputs gives "
            f"{len(inputs)}"
        )
    fixed = {"seed": options.seed, "name": subject.name, "progress": going}
    chosen = {**fixed, **with_twin, **options.check}
    return _checked(subject, inputs, chosen)


def _checked(subject: found.Subject, inputs: Inputs, options: Mapping[str, Any]) -> Report:
    """The call that goes with its kind; inputs by position, so that no name meets an option's."""
    values = _in_order(_taking(subject), inputs)
    match subject.kind:
        case "pair":
            return gradcheck.check_pair(subject.parts[0], subject.parts[1], *values, **options)
        case "derivative":
            return gradcheck.check_derivative(
                subject.parts[0], subject.parts[1], *values, **options
            )
        case _:
            return gradcheck.check(subject.forward, *values, **options)


def _in_order(function: Callable[..., Any], inputs: Inputs) -> list[Any]:
    """The values in the order of the signature.

    Raises:
        TypeError: for an input that the function does not have, or one that is missing in between.
    """
    from gradcheck.layer import input_names

    names = input_names(function, len(inputs))
    strange = [name for name in inputs if name not in names]
    if strange:
        raise TypeError(f"there is no input {strange[0]!r}; its inputs are {', '.join(names)}")
    given = [name for name in names if name in inputs]
    missing = [name for name in names[: len(given)] if name not in inputs]
    if missing:
        raise TypeError(f"input {missing[0]!r} is missing; it needs {', '.join(names)}")
    return [inputs[name] for name in given]
