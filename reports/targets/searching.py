"""The search for inputs that fit: proposed ones, and others in their place where these would show too little."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from operator import itemgetter
from typing import Any

import numpy as np

from gradcheck.forms.names import is_parameter, is_target
from gradcheck.forms.scored import Score
from gradcheck.forms.state import held_in
from gradcheck.result import Report, Verdict
from reports.targets.asking import (
    are_coordinates,
    belongs_to_some,
    going_forward,
    has_one_each,
    is_one_of_a_loop,
    taking,
    with_words,
)
from reports.targets.attempts import MOST, MOST_BEHIND, UNFIT, Attempts
from reports.targets.begun import arrays_in, begun
from reports.targets.climbing import THROUGH, Far, how_far
from reports.targets.draws import Inputs, floats
from reports.targets.fitting import as_held, as_returned, in_single, sizes_in
from reports.targets.found import Subject, score_in
from reports.targets.inlined import whole_text
from reports.targets.kinds import otherwise
from reports.targets.making import objects
from reports.targets.proposals import SECONDS, are_told, proposed, wanted
from reports.targets.reader import WEIGHT
from reports.targets.regressions import is_a_model
from reports.targets.scored import with_targets
from reports.targets.shapes import layout, long_axes
from reports.targets.texts import text_of

HINGE = re.compile(r"\bmax(imum)?\(")
HELD_IN = re.compile(r"\bclip\(|\blog\w*\(|\bsqrt\(")
"""What has a corner; and what says that numbers may not be of any size."""

FARTHER = (3.0, 1 / 3)
"""Numbers so much larger pass a margin of 1 that none of those between 0 and 1 does; smaller ones keep within."""

Propose = Callable[..., Inputs | None]


@dataclass
class Search:
    """The search for a subject's inputs, of which some may be given; `notes` are to be said of what is found."""

    subject: Subject
    given: Inputs
    seed: int
    notes: list[str] = field(default_factory=list)

    @cached_property
    def attempts(self) -> Attempts:
        """What was tried so far."""
        return Attempts(self.subject, self.given, self.seed)

    def found(self) -> Inputs | None:
        """Inputs on which gradients of the right shapes come back; None if there are none.

        What the file begins a model with comes before all that is proposed for it.
        """
        begun_with = begun(taking(self.subject), self.seed)
        searches = (replace(self, given={**one, **self.given}) for one in begun_with)
        guesses = (search._beside_given() for search in itertools.chain(searches, [self]))
        return next((guess for guess in guesses if guess is not None), None)

    def _beside_given(self) -> Inputs | None:
        """Inputs beside those that are given.

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
            proposed,
            *(function, self.attempts.far),
            seed=self.seed,
            sizes=sizes_in(held),
            text=text,
            given=self.given,
        )
        guess = search(self.attempts.accepts) or self._hollow()
        guess = self._in_more_places(guess, search)
        guess = self._as_meant(self._in_other_lengths(guess, search))
        guess = self._on_both_sides(guess, text)
        guess = guess or self._as_returned() or self._in_batches() or self._as_told()
        guess = guess or self.attempts.close
        return None if guess is None else self._as_precise(as_held(guess, held))

    def _scored(self, score: Score) -> Inputs | None:
        """Inputs of a model with a loss of its own, its target that on which the gradients are nearest."""
        function = going_forward(self.subject)
        text = text_of(self.subject.made or inspect.getmodule(function))
        taken: list[tuple[float, Inputs]] = []

        def accepts(inputs: Inputs) -> bool:
            for one in with_targets(self.subject, score, inputs, text, self.seed):
                if self.attempts.accepts(one) and self.attempts.report is not None:
                    taken.append((_off(self.attempts.report), one))
                    if self.attempts.has_passed:
                        break
            return bool(taken)

        held = self._held()
        far, sizes = self._far_forward, sizes_in(held)
        proposed(function, far, accepts, self.seed, sizes, text, given=self.given)
        # A mistake that is left shows clearest where nothing else is wrong.
        nearest = min(taken, key=itemgetter(0), default=None)
        return self.attempts.close if nearest is None else as_held(nearest[1], held)

    def _far_forward(self, inputs: Inputs) -> Far:
        """How far the forward pass alone comes."""
        if self.subject.made is not None or len(self.attempts.tried) >= MOST:
            return self.attempts.far(inputs)
        with np.errstate(all="ignore"):
            try:
                self.subject.forward(*inputs.values())
            except Exception as error:
                return how_far(error)
        return THROUGH

    def _in_other_lengths(self, guess: Inputs | None, search: Propose) -> Inputs | None:
        """The inputs; those of a regression that names alone speak for give way to others as long as they pass."""
        report = self.attempts.report
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
            # Of few numbers all may lie on one side of a threshold.
            fits &= sum(map(np.size, inputs.values())) >= sum(map(np.size, guess.values()))
            return fits and self.attempts.accepts(inputs) and self.attempts.has_passed

        other = None if are_told(taking(self.subject), guess) else search(passes, besides=True)
        return self._rather(other, guess, report)

    def _in_more_places(self, guess: Inputs | None, search: Propose) -> Inputs | None:
        """The inputs; where a loop over windows has a single turn others are sought: nothing overlaps there."""
        report, narrow = self.attempts.report, partial(is_one_of_a_loop, self.subject, self.given)
        if guess is None or report is None or not (report.passed and narrow(guess)):
            return guess
        axes = list(map(np.ndim, guess.values()))

        def fits(inputs: Inputs) -> bool:
            same = list(map(np.ndim, inputs.values())) == axes
            return same and not narrow(inputs) and self.attempts.accepts(inputs)

        return self._rather(search(fits), guess, report)

    def _on_both_sides(self, guess: Inputs | None, text: str) -> Inputs | None:
        """The inputs; where all may lie on one side of a hinge larger or smaller ones, if these show more."""
        bends = HINGE.search(text) and not HELD_IN.search(text)
        before = self.attempts.judged(guess) if guess is not None and bends else None
        if guess is None or before is None or before.verdict is Verdict.FAIL:
            return guess
        for factor in FARTHER:
            other = {name: self._times(factor, name, value) for name, value in guess.items()}
            report = self.attempts.judged(other)
            if report is not None and _shows_more(report, before):
                return other
        return guess

    def _times(self, factor: float, name: str, value: Any) -> Any:
        """An input as much larger, if it is one of numbers that are no target."""
        free = np.asarray(value).dtype.kind == "f" and not is_target(name)
        return value * factor if free and name not in self.given else value

    def _rather(self, other: Inputs | None, guess: Inputs, report: Report) -> Inputs:
        self.attempts.report = report if other is None else self.attempts.report
        return guess if other is None else other

    def _as_coordinates(self) -> Inputs | None:
        """A number for each input, where a function of numbers has as many for its gradient."""
        rng = np.random.default_rng(self.seed)
        inputs = {name: floats(name, ())(rng) for name in wanted(taking(self.subject))}
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            values, words = self.attempts.taking.arguments({**inputs, **self.given})
            subject = with_words(self.subject, words)
            alike = are_coordinates(subject, values) or has_one_each(subject, values)
            return inputs if alike else None
        return None

    def _is_by_one(self) -> bool:
        """Whether a derivative is by the only input of floats that is no target, or says which it is by."""
        function = taking(self.subject)
        by = [name for name in wanted(function) if not is_target(name)]
        if not by[1:]:
            return True
        guess = proposed(function, self.attempts.far, self._goes_back, self.seed, given=self.given)
        if guess is None:
            return False
        self.attempts.tried.append((guess, []))
        numbers = [name for name in by if np.asarray(guess[name]).dtype.kind == "f"]
        values, words = self.attempts.taking.arguments(guess)
        return not numbers[1:] or belongs_to_some(with_words(self.subject, words), values)

    def _goes_back(self, inputs: Inputs) -> bool:
        """Whether a derivative runs on the inputs, whatever it returns."""
        values, words = self.attempts.taking.arguments({**inputs, **self.given})
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            self.subject.parts[1](*values, **words)
            return True
        return False

    def _as_meant(self, guess: Inputs | None) -> Inputs | None:
        """The inputs as something else than was thought, where no gradient is wrong then."""
        if guess is None or self.attempts.report is None or self.attempts.report.passed:
            return guess
        rows = {row.name.partition(".")[0] for row in self.attempts.report.rows}
        left = [name for name in guess if name not in rows and name not in self.given]
        until, nearest = time.process_time() + SECONDS, (_off(self.attempts.report) / 2, guess)
        for other, said_of_it in otherwise(taking(self.subject), guess, left):
            report = self.attempts.judged(other)
            if report is not None and report.passed:
                self.notes.append(said_of_it)
                return other
            # A mistake that is left shows clearest where nothing else is wrong.
            if report is not None:
                nearest = min(nearest, (_off(report), other), key=itemgetter(0))
            if time.process_time() > until:
                break
        return nearest[1]

    def _as_returned(self) -> Inputs | None:
        """The inputs in the shapes in which their gradients came back, the first of those that came back so."""
        others = (
            as_returned(inputs, report, self.seed) for inputs, report in [*self.attempts.misshaped]
        )
        return next(
            filter(self.attempts.accepts, itertools.islice(itertools.chain(*others), MOST_BEHIND)),
            None,
        )

    def _hollow(self) -> Inputs | None:
        """The first inputs on which a gradient is zero, where it is on all."""
        guess = next(iter(self.attempts.hollow), None)
        if guess is not None:
            self.attempts.report = self.attempts.judged(guess)
        return guess

    def _in_batches(self) -> Inputs | None:
        """The first inputs on which the forward pass ran, two of each example: matrices multiply those too."""
        inputs, _ = self.attempts.tried[0] if self.attempts.tried else ({}, [])
        rng = np.random.default_rng(self.seed)
        free = [n for n, v in inputs.items() if np.ndim(v) and not is_parameter(n)]
        free = [n for n in free if n not in self.given and not WEIGHT.match(n)]
        more = {n: floats(n, (2, *np.shape(inputs[n])))(rng) for n in free}
        return {**inputs, **more} if more and self.attempts.accepts({**inputs, **more}) else None

    def _as_told(self) -> Inputs | None:
        """The first inputs on which the forward pass ran, where all their shapes are told by its text.

        What does not fit is then the way back.
        """
        inputs, why = self.attempts.tried[0] if self.attempts.tried else ({}, [])
        return inputs if why and are_told(taking(self.subject), inputs) else None

    def _as_precise(self, guess: Inputs) -> Inputs:
        """The inputs in float32 where the passes work in that, whatever they are given: nobody asked for more."""
        single = in_single(guess)
        with np.errstate(all="ignore"), contextlib.suppress(Exception):
            if self.attempts.is_narrow(guess) and not self.attempts.is_narrow(single):
                return single
        return guess

    def _held(self) -> list[Any]:
        """The arrays and numbers in an object of a class; of a function those in what it is given."""
        made, seed = self.subject.made, self.seed
        if made is None:
            return arrays_in(self.given)
        instance = next((one for one, _ in objects(made, self.subject.make, seed)), None)
        return [np.asarray(one.value) for one in held_in(instance)] if instance is not None else []


def _shows_more(report: Report, before: Report) -> bool:
    """Whether numbers are wrong where none was seen to be, or all are right where a gradient was zero."""
    wrong = report.verdict is Verdict.FAIL
    fits = {one.code for one in report.all_findings()}.isdisjoint(UNFIT)
    return (wrong and fits) or (report.passed and not before.passed)


def _off(report: Report) -> float:
    """How far its gradients are off, in all."""
    return sum(row.relative_error for row in report.rows) if report.rows else np.inf
