"""The search for a repair: candidates one after the other, until one is proved or the time is up."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.diagnosis.draws import Change, other_sizes, same_sizes
from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Layer, copies, run
from gradcheck.lines import BackwardText, Unreadable, backward_text, rewritten
from gradcheck.repair.candidates import Candidate, Known, Sieve, candidates
from gradcheck.repair.text import at_margin, changes, edited, unified
from gradcheck.repair.trial import Trials
from gradcheck.result import Array, Lines, Repair, Report, Row, Verdict

SECONDS = 5.0
"""How long is searched: as long as somebody waits for an answer."""
EDITS = 2
"""Mistakes that are looked for in one backward pass, one behind the other."""

Check = Callable[..., Report]
"""`check(layer, *inputs, seed=…, upstream=…)`: a fresh check of a changed layer."""


@dataclass(frozen=True)
class Search:
    """What a search has found: a proved repair or none, after so many edits, and whether the time was up."""

    repair: Repair | None
    tried: int
    out_of_time: bool


class _Clock:
    """How much time is left, and how many edits were run."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds
        self.tried = 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() > self.until


def find_repair(
    context: Context,
    rows: Sequence[Row],
    lines: Lines,
    check: Check,
    seed: int,
    seconds: float = SECONDS,
) -> Search | None:
    """Search an edit of the backward pass after which every gradient passes; None if it cannot be read.

    Args:
        context: the check that failed.
        rows: its gradients.
        lines: its lines, as far as they could be compared.
        check: checks a changed layer afresh.
        seed: draws the inputs at which a repair is proved.
        seconds: how long to search; a proof that has begun is brought to its end.
    """
    try:
        _, backward = run(context.layer, copies(context.inputs))
        written = backward_text(context.layer, backward)
    except Unreadable:
        return None
    task = _Task(context, rows, lines, written, check, seed, _Clock(seconds))
    with warnings.catch_warnings():
        # What is tried may be odd Python; what is said has been checked.
        warnings.simplefilter("ignore")
        found = task.search(at_margin(written.text), EDITS)
    return Search(found, task.clock.tried, found is None and task.clock.is_over)


@dataclass(frozen=True, eq=False)
class _Task:
    """One search: what failed, where it is written, and how a repair is proved."""

    context: Context
    rows: Sequence[Row]
    lines: Lines
    written: BackwardText
    check: Check
    seed: int
    clock: _Clock

    def search(self, text: str, edits: int) -> Repair | None:
        """A proved repair of the text with so many edits at most."""
        trials = Trials.of(self.context, self.rows, self.written, text)
        right = trials.right()
        sieve = Sieve()
        best, further = (len(right), False), ""
        for candidate in self._candidates(trials, sieve):
            if self.clock.is_over:
                return None
            self.clock.tried += 1
            now = trials.right_with(candidate)
            # An edit that makes the first wrong value right is a step, though another mistake follows.
            gained = (len(now), candidate.place.true is not None)
            if not now >= right or gained <= best:
                continue
            changed = edited(text, candidate.place.node, candidate.node)
            if len(now) < len(trials.rows):
                best, further = gained, changed
            elif self._is_proved(changed):
                return self._repair(changed, candidate)
            else:
                sieve.lets_through_again(candidate)
        if edits > 1 and further:
            # Where the second mistake is, nobody has said yet.
            lines = replace(self.lines, first_wrong=None)
            return replace(self, lines=lines).search(further, edits - 1)
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
        return candidates(trials.function, line, doubtful, trials.scopes(), known, sieve)

    def _is_proved(self, text: str) -> bool:
        """Whether every gradient passes, in this text, at the draw given and at fresh ones."""
        try:
            layer = rewritten(self.context.layer, self.written, text)
            given = copies(self.context.inputs)
            if not self.check(layer, *given, seed=self.seed, upstream=self.context.dy).passed:
                return False
            return all(self._passes(layer, k) for k in range(1, 1 + len(DRAWS)))
        except (SyntaxError, TypeError, ValueError, Unreadable):
            return False

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

    def _repair(self, text: str, candidate: Candidate) -> Repair:
        edits = changes(self.written, text)
        names = tuple(row.name for row in self.rows)
        code = candidate.code if len(edits) == 1 else None
        return Repair(edits, unified(self.written, text), text, names, code)


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
