"""The search for a repair: candidates one after the other, until one is proved or the time is up."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.draws import Change, other_sizes, same_sizes
from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Adapted, Layer, copies, run
from gradcheck.lines import BackwardText, Unreadable, backward_text, rewritten
from gradcheck.lines.source import parsed_function
from gradcheck.repair.candidates import Candidate, Known, Sieve, candidates
from gradcheck.repair.naming import Slip, name_of
from gradcheck.repair.patience import SECONDS, Meter, counted
from gradcheck.repair.scope import NOTHING
from gradcheck.repair.text import at_margin, changes, edited, unified
from gradcheck.repair.trial import Trials
from gradcheck.result import Array, Finding, Lines, Repair, Report, Row, Verdict

LIMIT = 4_000_000
"""Steps of a search: as long as somebody waits for an answer; a million take about a second at a desk."""
TRIED = 100
"""What it costs to compile what is tried, in steps, besides those that are counted."""
PROVED = 50_000
"""What a proof costs, in steps: three checks."""
SAME = 1e-6
"""A value is as it was if it keeps the digits of a float32, in which it may have been summed in another order."""
EDITS = 2
"""Mistakes that are looked for in one backward pass, one behind the other."""

Check = Callable[..., Report]
"""`check(layer, *inputs, seed=…, upstream=…)`: a fresh check of a changed layer."""


@dataclass(frozen=True)
class Search:
    """What a search has found: a proved repair or none, after so many steps, and whether the clock ended it."""

    repair: Repair | None
    steps: int
    out_of_time: bool


@dataclass(frozen=True, eq=False)
class _Step:
    """An edit on the way to a repair, and the positions of the gradients that come right with it."""

    slip: Slip
    mends: frozenset[int]


def find_repair(
    context: Context,
    rows: Sequence[Row],
    lines: Lines,
    check: Check,
    seed: int,
    limit: int = LIMIT,
) -> Search | None:
    """Search an edit of the backward pass after which every gradient passes; None if it cannot be read.

    Args:
        context: the check that failed.
        rows: its gradients.
        lines: its lines, as far as they could be compared.
        check: checks a changed layer afresh.
        seed: draws the inputs at which a repair is proved.
        limit: how many steps to search; a proof that has begun is brought to its end.
    """
    try:
        _, backward = run(context.layer, copies(context.inputs))
        written = backward_text(context.layer, backward)
    except Unreadable:
        return None
    meter = Meter(limit, time.monotonic() + SECONDS)
    task = _Task(context, rows, lines, written, check, seed, meter)
    with warnings.catch_warnings(), counted(meter):
        # What is tried may be odd Python; what is said has been checked.
        warnings.simplefilter("ignore")
        found = task.search(at_margin(written.text), EDITS)
    return Search(found, meter.steps, found is None and meter.is_late)


@dataclass(frozen=True, eq=False)
class _Task:
    """One search: what failed, where it is written, and how a repair is proved."""

    context: Context
    rows: Sequence[Row]
    lines: Lines
    written: BackwardText
    check: Check
    seed: int
    meter: Meter
    steps: tuple[_Step, ...] = ()

    def search(self, text: str, edits: int) -> Repair | None:
        """A proved repair of the text with so many edits at most."""
        trials = Trials.of(self.context, self.rows, self.written, text)
        right = trials.right()
        sieve = Sieve()
        best, further, steps = (len(right), False), "", self.steps
        for candidate in self._candidates(trials, sieve):
            self.meter.steps += TRIED
            now = trials.right_with(candidate)
            # An edit that makes the first wrong value right is a step, though another mistake follows.
            gained = (len(now), candidate.place.true is not None)
            if not now >= right or gained <= best:
                continue
            changed = edited(text, candidate.place.node, candidate.node)
            taken = (*self.steps, _Step(self._slip(trials, candidate), now - right))
            if len(now) < len(trials.rows):
                best, further, steps = gained, changed, taken
            elif self._is_proved(changed):
                return self._repair(changed, taken)
            else:
                sieve.lets_through_again(candidate)
        if edits > 1 and further and not self.meter.is_over:
            # Where the second mistake is, nobody has said yet.
            lines = replace(self.lines, first_wrong=None)
            return replace(self, lines=lines, steps=steps).search(further, edits - 1)
        return None

    def _candidates(self, trials: Trials, sieve: Sieve) -> Iterator[Candidate]:
        first, offset = self.lines.first_wrong, self.written.source.line - 1
        # A line of a helper, in this file or another, is none that is changed here.
        own = {number for number, _ in self.written.listing}
        said = [] if first is None else [first.evidence["line"], *first.evidence["also"]]
        line, *also = [k - offset if k in own else None for k in said] or [None]
        compared = self.lines.compared
        by_name = {(one.name, one.line - offset): (one.numeric, one.bound) for one in compared}
        known = Known(by_name, {p: (row.numeric, row.bound) for p, row in trials.rows.items()})
        doubtful = [k for k in also if k is not None]
        return candidates(
            trials.function, line, doubtful, trials.scopes(), known, sieve, self.meter
        )

    def _is_proved(self, text: str) -> bool:
        """Whether every gradient passes, in this text, at the draw given and at fresh ones."""
        self.meter.steps += PROVED
        try:
            if not self._keeps_the_value(text):
                return False
            layer = rewritten(self.context.layer, self.written, text)
            given = copies(self.context.inputs)
            if not self.check(layer, *given, seed=self.seed, upstream=self.context.dy).passed:
                return False
            return all(self._passes(layer, k) for k in range(1, 1 + len(DRAWS)))
        except Exception:
            # What is tried may fail in any way.
            return False

    def _keeps_the_value(self, text: str) -> bool:
        """Whether a function that computes both value and gradients computes the same value as before.

        An edit that mends the gradients of a loss and changes the loss itself mends nothing.
        """
        layer, source = self.context.layer, self.written.source
        if not isinstance(layer, Adapted) or layer.forward is not layer.backward:
            return True
        changed = source.bound(source.compiled(parsed_function(text), {}))
        value, _ = run(layer.assemble(changed, layer.backward), copies(self.context.inputs))
        before = self.context.forward.value
        return bool(agrees(np.asarray(value), before, SAME * np.abs(before)).all())

    def _passes(self, layer: Layer, draw: int) -> bool:
        seed = self.seed + draw
        rng = np.random.default_rng((seed, draw))
        for change in DRAWS[draw - 1](self.context, rng):
            inputs = [change(x) for x in self.context.inputs]
            if _is_defined(self.context.layer, inputs):
                verdict = self.check(layer, *inputs, seed=seed).verdict
                if verdict is not Verdict.INCONCLUSIVE:
                    return verdict is Verdict.PASS
                # Drawn too far away to be seen clearly: the next is nearer.
        return False

    def _slip(self, trials: Trials, candidate: Candidate) -> Slip:
        """An edit, laid beside what is written."""
        place = candidate.place
        before = NOTHING if place.root is None else place.before
        after = NOTHING if place.root is None else place.after(candidate.node)
        return Slip(
            trials.function,
            place.statement,
            place.node,
            candidate.node,
            place.scope,
            before,
            after,
            place.repeated,
        )

    def _repair(self, text: str, steps: Sequence[_Step]) -> Repair:
        names = [self._finding(step) for step in steps]
        return Repair(
            changes(self.written, text),
            unified(self.written, text),
            text,
            tuple(row.name for row in self.rows),
            tuple(name for name in names if name is not None),
        )

    def _finding(self, step: _Step) -> Finding | None:
        """What a mistake is called, in a sentence."""
        name = name_of(step.slip)
        if name is None:
            return None
        line = self.written.source.line + step.slip.statement.lineno - 1
        others = "every gradient passes" if len(self.rows) > 1 else "the gradient passes"
        evidence = {"line": line, "gradients": sorted(self.context.names[p] for p in step.mends)}
        return Finding(
            name.code,
            f"In line {line} {name.clause}: with that mended {others}, at three draws.",
            evidence,
        )


DRAWS: tuple[Callable[[Context, np.random.Generator], Iterator[Change]], ...] = (
    same_sizes,
    other_sizes,
)
"""The fresh draws of a proof; the second in other sizes, where the layer takes them."""


def _is_defined(layer: Layer, inputs: Sequence[Array]) -> bool:
    """Whether the forward pass gives finite values at these inputs."""
    try:
        with np.errstate(all="ignore"):
            return bool(np.isfinite(run(layer, copies(inputs))[0]).all())
    except Exception:
        return False
