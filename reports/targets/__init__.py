"""From what a user names on the command line to something that can be checked, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from gradcheck.result import Report, Traced, fault
from layers.catalogue import CATALOGUE
from reports.errors import At, UserError, did_you_mean
from reports.places import places_of
from reports.targets.isolated import Died, run_apart
from reports.targets.options import Options
from reports.targets.user import check_named, trace_named

FILES = (".py", ".ipynb")
"""How the name of a file ends that can be checked."""

ALIASES = {
    "affine": "dense",
    "linear": "dense",
    "fully_connected": "dense",
    "fc": "dense",
    "convolution": "conv2d",
    "swish": "silu",
    "cross_entropy": "softmax_cross_entropy",
    "bce": "binary_cross_entropy",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "self_attention": "attention",
    "positional_encoding": "sinusoidal_encoding",
}
"""What layers of the catalogue are called elsewhere."""


@dataclass(frozen=True)
class Outcome:
    """What came of one target: a report, or the sentence that says why there is none.

    `at` is the line of the user's own that is at fault there, or None.
    """

    layer: str
    configuration: str
    report: Report | None = None
    error: str | None = None
    notes: tuple[str, ...] = ()
    at: At | None = None

    @property
    def file(self) -> str | None:
        """The user's file that this is about, where it is about one."""
        if self.at is not None:
            return self.at[0]
        return self.configuration if self.configuration.endswith(FILES) else None


Watch = Callable[[str, int, int], None]
"""Told the name of what is checked, and how much is done of how much; of 0 where nobody knows."""


def outcomes(text: str, options: Options, watch: Watch | None = None) -> Iterator[Outcome]:
    """What comes of everything that `text` names, one after the other; an error is an outcome too."""
    watch = watch or (lambda name, done, total: None)
    if text in CATALOGUE:
        return _of_ours(text, options, watch)
    place, name = taken_apart(text)
    if place:
        return _of_user(place, [name] if name else None, options, watch)
    return iter([Outcome(text, "", error=unknown(text))])


TARGET = re.compile(r"(.+?\.(?:py|ipynb)|[\w.]+(?=:.))(?::([^:]*))?", re.DOTALL)
"""FILE.py[:NAME], NOTEBOOK.ipynb[:NAME] or package.module:NAME."""


def taken_apart(text: str) -> tuple[str, str]:
    """Where a user's own code is, and the NAME behind a colon, empty if there is none; no place for no target."""
    fits = TARGET.fullmatch(text)
    return (fits[1], fits[2] or "") if fits else ("", "")


def one_of(text: str, what: str) -> tuple[str, str]:
    """FILE.py:NAME for what is made of one thing only, taken apart.

    Raises:
        UserError: if it is none, or has no NAME.
    """
    place, name = taken_apart(text)
    if not place:
        raise UserError(unknown(text))
    if not name:
        raise UserError(f"{what} is of one thing: {place}:NAME")
    return place, name


def _of_ours(name: str, options: Options, watch: Watch) -> Iterator[Outcome]:
    """A layer of the catalogue in each of its configurations."""
    if options.inputs or options.twin:
        yield Outcome(name, "", error=f"{name}: {OURS_ALREADY}")
        return
    for place in places_of(name):
        going = partial(watch, name)
        try:
            report = place.check(options.seed, tape=options.tape, progress=going, **options.check)
        except ValueError as refused:
            # Ours is a right layer at inputs that fit: only the options can be at fault.
            yield Outcome(name, "", error=f"{name}: {refused}")
            return
        yield Outcome(name, place.configuration.label, report)


OURS_ALREADY = "--input and --twin are for FILE.py; a layer of the catalogue comes with its own"


def _of_user(
    place: str, waiting: list[str] | None, options: Options, watch: Watch
) -> Iterator[Outcome]:
    """What a user's module holds, each checked in a process that may die; then a new one goes on."""
    while waiting != []:
        messages = run_apart(check_named, place, waiting, options, timeout=options.timeout)
        waiting = yield from _heard(messages, place, waiting, watch)


def _heard(
    messages: Iterator[Any], place: str, waiting: list[str] | None, watch: Watch
) -> Generator[Outcome, None, list[str]]:
    """What one process says of what is `waiting`, all that there is if None; returns what still waits after it."""
    for said in messages:
        match said:
            case "going" | "tick", progress:
                watch(*(progress or (place, 0, 0)))
            case "names", names:
                waiting = list(names)
            case "said", (name, *found):
                # What is said of the file itself is said of everything in it.
                waiting = [n for n in waiting or [] if name not in (n, "")]
                yield Outcome(name or place, place, *found)
            case Died(how):
                yield _fallen(waiting, place, how)
                waiting = (waiting or [])[1:]
    return waiting or []


def traced(place: str, name: str, options: Options) -> list[Traced]:
    """Every value of a user's layer there and back, for a drawing; UserError as for `answer`."""
    return list(answer(trace_named, place, name, options))


def answer(work: Callable[..., None], place: str, name: str, options: Options) -> Any:
    """What work on one thing in a user's module has found, in a process of its own.

    Raises:
        UserError: if there is no such thing, it cannot be run, or its source cannot be followed.
    """
    for said in run_apart(work, place, name, options, timeout=options.timeout):
        match said:
            case "found", value:
                return value
            case "error", text:
                raise UserError(text)
            case Died(how):
                raise UserError(f"{place}: {name} {how}")
    raise UserError(f"{place}: {name} said nothing")


def _fallen(waiting: list[str] | None, place: str, how: str) -> Outcome:
    """What comes of a target that took its process with it: a failure that says so; of a file, an error."""
    if not waiting:
        return Outcome(place, place, error=f"{place}: its import {how}")
    name = waiting[0]
    finding = fault("raises", f"{name} {how} while it was checked.", {"how": how})
    return Outcome(name, place, Report(name, (), (finding,), file=place))


def unknown(text: str) -> str:
    """What is said of a target that is none, in one line."""
    path = Path(text)
    if path.is_dir():
        return f"{text!r} is a folder: name the files in it"
    if path.is_file():
        return f"{text!r} is neither a FILE.py nor a NOTEBOOK.ipynb"
    if TARGET.match(text + ":"):
        return f"{text!r} has more than one name: expected FILE.py:NAME"
    here = {path.stem: path.name for path in Path().glob("*") if path.suffix in FILES}
    inner = text.partition(".")[2]
    dotted = {f"{stem}.{inner}": f"{file}:{inner}" for stem, file in here.items()}
    meant = did_you_mean(text, {name: name for name in CATALOGUE} | ALIASES | here | dotted)
    return (
        f"{text!r} is no layer of the catalogue (gradcheck list), no FILE.py[:NAME] and no "
        f"package.module:NAME{meant}"
    )


def has_twin(text: str) -> bool:
    """Whether what `text` names comes with a TensorFlow twin."""
    return text in CATALOGUE
