"""Where inputs come from: NAME_inputs(rng) in the file, `--input NAME=SPEC`, or a proposal that is said."""

from __future__ import annotations

import inspect
from collections.abc import Mapping

import numpy as np

from gradcheck.binding import input_names
from reports.errors import UserError
from reports.targets.asking import Taking, taking
from reports.targets.draws import Inputs
from reports.targets.found import Subject
from reports.targets.proposals import wanted
from reports.targets.searching import Search
from reports.targets.showing import shown
from reports.targets.specs import of_spec


def inputs_of(
    subject: Subject, place: str, seed: int, specs: Mapping[str, str]
) -> tuple[Inputs, tuple[str, ...]]:
    """The inputs: drawn by the file, given on the line, or proposed; and what has to be said of them.

    Raises:
        UserError: if there are none, or the file's are not what is needed; the text says what is.
    """
    rng = np.random.default_rng(seed)
    given = {name: of_spec(name, spec, rng) for name, spec in specs.items()}
    function = taking(subject)
    _must_be_known(subject, specs)
    if subject.draw is not None:
        return _complete(subject, place, {**_drawn(subject, place, seed), **given}), ()
    if all(name in given for name in wanted(function)):
        return given, ()
    search = Search(subject, given, seed)
    guess = search.found()
    if guess is None:
        raise UserError(f"{place}: {search.attempts.nothing()}")
    told = (
        f"Inputs of {subject.name} were proposed, as the file has no {subject.name}_inputs(rng): "
        f"{shown(guess)}."
    )
    return {**guess, **given}, (told, *search.notes)


def _must_be_known(subject: Subject, specs: Mapping[str, str]) -> None:
    """Raise UserError for an --input that there is none of."""
    function = taking(subject)
    known = dict.fromkeys(
        (*inspect.signature(function).parameters, *input_names(function, len(specs)))
    )
    for name in specs.keys() - known.keys():
        names = ", ".join(known)
        raise UserError(f"--input {name}={specs[name]}: the inputs of {subject.name} are {names}")


def _drawn(subject: Subject, place: str, seed: int) -> Inputs:
    """What NAME_inputs returns for a seeded generator.

    Raises:
        UserError: if it is no dict.
    """
    assert subject.draw is not None
    takes = inspect.signature(subject.draw).parameters
    inputs = subject.draw(np.random.default_rng(seed)) if takes else subject.draw()
    if not isinstance(inputs, dict):
        raise UserError(
            f"{place}: {subject.name}_inputs returned a {type(inputs).__name__}, expected a dict of arrays"
        )
    return inputs


def _complete(subject: Subject, place: str, inputs: Inputs) -> Inputs:
    """The inputs as they are.

    Raises:
        UserError: if one is missing, or there is one too many; the text names it and the function that draws.
    """
    try:
        Taking.of(subject).arguments(inputs)
    except TypeError as wrong:
        raise UserError(f"{place}: {subject.name}_inputs does not fit: {wrong}") from wrong
    return inputs
