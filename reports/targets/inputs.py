"""Where inputs come from: NAME_inputs(rng) in the file, `--input NAME=SPEC`, or a proposal that is said."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from operator import itemgetter
from typing import Any

import numpy as np

from gradcheck.binding import input_names
from gradcheck.forms.names import is_target
from gradcheck.forms.scored import Score
from gradcheck.forms.state import held_in
from gradcheck.result import Report, Verdict
from reports.errors import UserError
from reports.targets.asking import (
    Taking,
    are_coordinates,
    asked,
    belongs_to_some,
    going_forward,
    is_one_of_a_loop,
    is_whole,
    taking,
)
from reports.targets.climbing import NEARLY, THROUGH, Far, how_far
from reports.targets.draws import Inputs, floats
from reports.targets.fitting import as_held, as_returned, in_single, sizes_in
from reports.targets.found import Subject, score_in
from reports.targets.inlined import whole_text
from reports.targets.kinds import otherwise
from reports.targets.loading import at, said
from reports.targets.making import objects
from reports.targets.proposals import SECONDS, are_square, are_told, proposed, template, wanted
from reports.targets.regressions import is_a_model
from reports.targets.scored import with_targets
from reports.targets.shapes import layout, long_axes
from reports.targets.showing import shown
from reports.targets.specs import of_spec
from reports.targets.texts import text_of

MOST = 40
"""Combinations on which the forward pass runs: a way back that fits none of so many is at fault itself."""

MOST_BEHIND = 10
"""The same where some came close."""

UNFIT = ("raises", "not-finite", "wrong-shape")
"""What is found where inputs do not fit, or where the backward pass is wrong: nobody can tell."""


HINGE = re.compile(r"\bmax(imum)?\(")
HELD_IN = re.compile(r"\bclip\(|\blog\w*\(|\bsqrt\(")
"""What has a corner; and what says that numbers may not be of any size."""

FARTHER = (3.0, 1 / 3)
"""Numbers so much larger pass a margin of 1 that none of those between 0 and 1 does; smaller ones keep within."""

Propose = Callable[..., Inputs | None]
SHAPES_ALONE = (ValueError, IndexError)
"""What is raised where arrays of the wrong shapes meet; what else is raised is no matter of shapes."""


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
    search = _Search(subject, given, seed)
    guess = search.found()
    if guess is None:
        raise UserError(f"{place}: {search.nothing()}")
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


@dataclass
class _Search:
    """The search for inputs that fit: `tried` are those on which the forward pass ran, and what was found then;
    on those that got `stuck` an object raised what no other shapes would mend.

    Of what was accepted there is a `report`; `notes` are to be said of it.
    """

    subject: Subject
    given: Inputs
    seed: int
    tried: list[tuple[Inputs, list[str]]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    report: Report | None = None
    close: Inputs | None = None
    misshaped: list[tuple[Inputs, Report]] = field(default_factory=list)
    stuck: tuple[Inputs, str] | None = None

    def found(self) -> Inputs | None:
        """Inputs on which gradients of the right shapes come back; None if there are none.

        Where no others do, those will do on which only an axis of length one is too many or too few.
        """
        function = taking(self.subject)
        if self.subject.kind == "derivative" and wanted(function)[1:]:
            numbers = self._as_coordinates()
            if numbers is not None:
                return numbers
            if not self._is_by_one():
                # Which of them is differentiated by, and which are data of one size, no shape can tell.
                return None
        score = score_in(self.subject)
        if score is not None and not {*score.added} & {*self.given}:
            return self._scored(score)
        held = self._held()
        # A class may have its methods from another.
        several = (self.subject.made or function, function, *self.subject.parts[1:])
        text = "".join(map(text_of, several)) + whole_text(function)
        search = partial(
            proposed, function, self.far, seed=self.seed, sizes=sizes_in(held), text=text
        )
        guess = self._in_more_places(search(self.accepts), search)
        guess = self._as_meant(self._in_other_lengths(guess, search))
        guess = self._on_both_sides(guess, text)
        guess = guess or self._as_returned() or self._as_told() or self.close
        return None if guess is None else self._as_precise(as_held(guess, held))

    def _scored(self, score: Score) -> Inputs | None:
        """Inputs of a model with a loss of its own, with a target on which it passes if one is found."""
        function = going_forward(self.subject)
        text = text_of(self.subject.made or inspect.getmodule(function))
        taken: list[Inputs] = []

        def accepts(inputs: Inputs) -> bool:
            for one in with_targets(self.subject, score, inputs, text, self.seed):
                if self.accepts(one):
                    passes = self._passes(one)
                    taken[:] = [one] if passes or not taken else taken
                    if passes:
                        break
            return bool(taken)

        held = self._held()
        proposed(function, self._far_forward, accepts, self.seed, sizes_in(held), text)
        return as_held(taken[0], held) if taken else self.close

    def _far_forward(self, inputs: Inputs) -> Far:
        """How far the forward pass alone comes."""
        if self.subject.made is not None or len(self.tried) >= MOST:
            return self.far(inputs)
        with np.errstate(all="ignore"):
            try:
                self.subject.forward(*inputs.values())
            except Exception as error:
                return how_far(error)
        return THROUGH

    def _in_other_lengths(self, guess: Inputs | None, search: Propose) -> Inputs | None:
        """The inputs; those of a regression that names alone speak for give way to others as long as they pass."""
        report = self.report
        if guess is None or report is None or report.passed or not is_a_model(guess):
            return guess
        axes = {name: long_axes(np.shape(value)) for name, value in guess.items()}
        failed = {layout(guess)}

        def passes(inputs: Inputs) -> bool:
            # What is wrong in some lengths is wrong in others that meet in the same axes.
            if layout(inputs) in failed:
                return False
            failed.add(layout(inputs))
            # An axis of length one, or of none, hides what is wrong along it.
            shapes = {name: np.shape(value) for name, value in inputs.items()}
            fits = all(
                long_axes(shapes[name]) >= n and min(shapes[name], default=2) > 1
                for name, n in axes.items()
            )
            return fits and self.accepts(inputs) and bool(self.report and self.report.passed)

        other = None if are_told(taking(self.subject), guess) else search(passes, besides=True)
        return self._rather(other, guess, report)

    def _in_more_places(self, guess: Inputs | None, search: Propose) -> Inputs | None:
        """The inputs; where a loop over windows has a single turn others are sought: nothing overlaps there."""
        report, narrow = self.report, partial(is_one_of_a_loop, self.subject, self.given)
        if guess is None or report is None or not (report.passed and narrow(guess)):
            return guess
        axes = list(map(np.ndim, guess.values()))

        def fits(inputs: Inputs) -> bool:
            same = list(map(np.ndim, inputs.values())) == axes
            return same and not narrow(inputs) and self.accepts(inputs)

        return self._rather(search(fits), guess, report)

    def _on_both_sides(self, guess: Inputs | None, text: str) -> Inputs | None:
        """The inputs; where all may lie on one side of a hinge larger or smaller ones, if these show more."""
        bends = HINGE.search(text) and not HELD_IN.search(text)
        before = self._report(guess) if guess is not None and bends else None
        if guess is None or before is None or before.verdict is Verdict.FAIL:
            return guess
        for factor in FARTHER:
            other = {name: self._times(factor, name, value) for name, value in guess.items()}
            report = self._report(other)
            if report is not None and _shows_more(report, before):
                return other
        return guess

    def _times(self, factor: float, name: str, value: Any) -> Any:
        """An input as much larger, if it is one of numbers that are no target."""
        free = np.asarray(value).dtype.kind == "f" and not is_target(name)
        return value * factor if free and name not in self.given else value

    def _rather(self, other: Inputs | None, guess: Inputs, report: Report) -> Inputs:
        self.report = report if other is None else self.report
        return guess if other is None else other

    def _as_coordinates(self) -> Inputs | None:
        """A number for each input, where a function of numbers has an array of as many for its gradient."""
        rng = np.random.default_rng(self.seed)
        inputs = {name: floats(name, ())(rng) for name in wanted(taking(self.subject))}
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            values, _ = self._taking.arguments({**inputs, **self.given})
            return inputs if are_coordinates(self.subject, values) else None
        return None

    def _is_by_one(self) -> bool:
        """Whether a derivative is by the only input of floats that is no target, or says which it is by."""
        function = taking(self.subject)
        by = [name for name in wanted(function) if not is_target(name)]
        if not by[1:]:
            return True
        guess = proposed(function, self.far, self._goes_back, self.seed)
        if guess is None:
            return False
        self.tried.append((guess, []))
        numbers = [name for name in by if np.asarray(guess[name]).dtype.kind == "f"]
        return not numbers[1:] or belongs_to_some(self.subject, self._taking.arguments(guess)[0])

    def _goes_back(self, inputs: Inputs) -> bool:
        """Whether a derivative runs on the inputs, whatever it returns."""
        values, words = self._taking.arguments({**inputs, **self.given})
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            self.subject.parts[1](*values, **words)
            return True
        return False

    def _as_meant(self, guess: Inputs | None) -> Inputs | None:
        """The inputs as something else than was thought, where no gradient is wrong then."""
        if guess is None or self.report is None or self.report.passed:
            return guess
        rows = {row.name.partition(".")[0] for row in self.report.rows}
        left = [name for name in guess if name not in rows and name not in self.given]
        until, nearest = time.monotonic() + SECONDS, (_off(self.report) / 2, guess)
        for other, said_of_it in otherwise(taking(self.subject), guess, left):
            report = self._report(other)
            if report is not None and report.passed:
                self.notes.append(said_of_it)
                return other
            # A mistake that is left shows clearest where nothing else is wrong.
            if report is not None:
                nearest = min(nearest, (_off(report), other), key=itemgetter(0))
            if time.monotonic() > until:
                break
        return nearest[1]

    def _passes(self, inputs: Inputs) -> bool:
        report = self._report(inputs)
        return report is not None and report.passed

    def _report(self, inputs: Inputs) -> Report | None:
        options = {"effort": "verdict", "lines": False}
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            return asked(self.subject, {**inputs, **self.given}, self.seed, options)
        return None

    def _as_returned(self) -> Inputs | None:
        """The inputs in the shapes in which their gradients came back, the first of those that came back so."""
        others = (as_returned(inputs, report, self.seed) for inputs, report in [*self.misshaped])
        return next(
            filter(self.accepts, itertools.islice(itertools.chain(*others), MOST_BEHIND)), None
        )

    def _as_told(self) -> Inputs | None:
        """The first inputs on which the forward pass ran, where all their shapes are told by its text.

        What does not fit is then the way back.
        """
        inputs, why = self.tried[0] if self.tried else ({}, [])
        return inputs if why and are_told(taking(self.subject), inputs) else None

    def _as_precise(self, guess: Inputs) -> Inputs:
        """The inputs in float32 where the passes work in that, whatever they are given: nobody asked for more."""
        single = in_single(guess)
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            if self._is_narrow(guess) and not self._is_narrow(single):
                return single
        return guess

    def _is_narrow(self, inputs: Inputs) -> bool:
        """Whether the value comes back in fewer digits than went in."""
        options = {"effort": "verdict", "lines": False}
        report = asked(self.subject, {**inputs, **self.given}, self.seed, options)
        return any(one.code == "low-precision" for one in report.all_findings())

    def _held(self) -> list[Any]:
        """The arrays and numbers in an object of a class; nothing of a function."""
        made, seed = self.subject.made, self.seed
        if made is None:
            return []
        instance = next((one for one, _ in objects(made, self.subject.make, seed)), None)
        return [np.asarray(one.value) for one in held_in(instance)] if instance is not None else []

    @cached_property
    def _taking(self) -> Taking:
        return Taking.of(self.subject)

    def far(self, inputs: Inputs) -> Far:
        """How far the forward pass of a function comes; of a class it takes an object to tell."""
        if len(self.tried) >= (MOST if self.close is None else MOST_BEHIND):
            return ()
        if self.subject.made is None:
            with np.errstate(all="ignore"):
                try:
                    values, words = self._taking.arguments({**inputs, **self.given})
                    result = self.subject.forward(*values, **words)
                    return THROUGH if is_whole(self.subject, result) else NEARLY
                except Exception as error:
                    return how_far(error)
        return THROUGH

    def accepts(self, inputs: Inputs) -> bool:
        """Whether gradients of the right shapes come back, so that their numbers can be judged."""
        if self.tried and not any(map(np.ndim, inputs.values())):
            # What does not fit for arrays is not right because it fits for single numbers.
            return False
        options = {"effort": "verdict", "lines": False}
        try:
            with np.errstate(all="ignore"):
                report = asked(self.subject, {**inputs, **self.given}, self.seed, options)
        except Exception as error:
            # Of a function the forward pass ran; what it returns may be at fault, and not the inputs.
            if self.subject.made is None:
                self.tried.append((inputs, [f"{_sentence(error)}."]))
            elif self.stuck is None and not isinstance(error, SHAPES_ALONE):
                self.stuck = inputs, self._unready(error)
            return False
        found = [one for one in report.all_findings() if one.code in UNFIT]
        unfit = [one.message for one in found]
        self.tried.append((inputs, unfit))
        # Of an output without entries nothing is learnt.
        learnt = any(row.verdict is not Verdict.INCONCLUSIVE for row in report.rows)
        is_close = bool(found) and all(one.evidence.get("numbers") for one in found)
        if self.close is None and report.rows and is_close:
            self.close = {**inputs}
        if {one.code for one in found} == {"wrong-shape"}:
            self.misshaped.append((inputs, report))
        # What is wrong where everything fits by chance may be right elsewhere.
        by_chance = not report.passed and are_square(taking(self.subject), inputs)
        self.report = report
        return learnt and not unfit and not by_chance

    def _unready(self, error: Exception) -> str:
        """What is said of an object that raises where no other shapes would help."""
        line = at(error)
        return (
            f"It raises {_sentence(error)}{f' in line {line[1]}' if line else ''}. Where it must be prepared "
            f"first, write make_{self.subject.name}(rng), which returns one that is."
        )

    def nothing(self) -> str:
        """What is said where nothing fits: what the backward pass does on what the forward pass takes, and a
        function to paste."""
        name, guess = self.subject.name, self.tried[0][0] if self.tried else {}
        said_of_them = ((one, why[0]) for one, why in self.tried if why)
        seen = next(said_of_them, self.stuck)
        mistaken = ""
        if seen is not None:
            guess, why = seen
            mistaken = f"for {shown({**guess, **self.given})}: {why} If that is not the mistake, "
        pasted = template(name, taking(self.subject), {**guess, **self.given})
        return f"no inputs for {name}: {mistaken}expected a function {name}_inputs(rng), as in: {pasted}"


def _shows_more(report: Report, before: Report) -> bool:
    """Whether numbers are wrong where none was seen to be, or all are right where a gradient was zero."""
    wrong = report.verdict is Verdict.FAIL
    fits = {one.code for one in report.all_findings()}.isdisjoint(UNFIT)
    return (wrong and fits) or (report.passed and not before.passed)


def _off(report: Report) -> float:
    """How far its gradients are off, in all."""
    return sum(row.relative_error for row in report.rows) if report.rows else np.inf


def _sentence(error: Exception) -> str:
    return said(error).rstrip("?.")
