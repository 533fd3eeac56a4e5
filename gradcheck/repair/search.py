"""The search for a repair: candidates one after the other, until one is proved or the time is up."""

from __future__ import annotations

import ast
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from heapq import merge
from itertools import chain, repeat
from operator import attrgetter

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import copies, run
from gradcheck.lines import Unreadable, backward_text
from gradcheck.repair.candidates import Candidate, Doubt, rounds
from gradcheck.repair.mend import Mend
from gradcheck.repair.missing import PRICE as FAR_FETCHED
from gradcheck.repair.naming import Name, name_of
from gradcheck.repair.patience import SECONDS, Meter, counted
from gradcheck.repair.places import Known
from gradcheck.repair.program import OWN, Program
from gradcheck.repair.proof import Check, Proof, Reach
from gradcheck.repair.surroundings import views_within_bounds
from gradcheck.repair.trial import Trials, by_position
from gradcheck.result import Finding, Lines, Repair, Row

LIMIT = 4_000_000
"""Steps of a search: as long as somebody waits for an answer; a million take about a second at a desk."""
BEHIND = LIMIT // 2
"""Steps more for a second mistake, where one edit sets right a part of what is wrong."""
SIEVED = 20
"""What it costs to look at a candidate, in steps, besides those that are counted."""
TRIED = 100
"""What it costs to compile what is tried."""
PROVED = 50_000
"""What a proof costs: three checks."""
EDITS = 2
"""Mistakes that are looked for in one backward pass, one behind the other."""


def _each_with(
    several: Sequence[Trials], turn: Sequence[Iterator[Candidate]]
) -> Iterator[tuple[Trials, Candidate]]:
    """The candidates of several functions, each with its function: of all what is likelier first."""
    own = (zip(repeat(trials), those) for trials, those in zip(several, turn, strict=True))
    return merge(*own, key=lambda pair: pair[1].edit.price)


def _is_idle(trials: Trials, candidate: Candidate, right: frozenset[int]) -> bool:
    """Whether an item might as well not be set: that says nothing of what it should be."""
    place = candidate.place
    if not place.sets_an_item or isinstance(candidate.edit.node, ast.Pass):
        return False
    return trials.right_without(place.statement) == right


def _counted_from(offset: int, lines: Iterable[int]) -> list[int]:
    """Lines of a file, as they are counted in a function that begins after so many."""
    return [line - offset for line in lines]


@dataclass(frozen=True)
class Search:
    """What a search has found: a proved repair or none, after so many steps, and whether the clock ended it."""

    repair: Repair | None
    steps: int
    out_of_time: bool


@dataclass(frozen=True, eq=False)
class _Step:
    """An edit on the way: the program with it, the gradients right then, and what the mistake is called.

    `mends` are the positions of those that come right, `known` says that a value comes right which is
    known, `anywhere` that it holds in all sizes, and none is read which could not be changed,
    `goes_around` that another of two ways is gone: it may have nothing to do with the mistake in the one,
    `far_fetched` that a plain slip in another of the lines in doubt is as likely.
    """

    program: Program
    line: int
    name: Name | None
    right: frozenset[int]
    mends: frozenset[int]
    known: bool
    anywhere: bool
    goes_around: bool
    far_fetched: bool

    @property
    def is_last_resort(self) -> bool:
        """Whether another edit might be what is meant."""
        return self.far_fetched or not self.anywhere

    def lateness(self) -> tuple[bool, bool, bool]:
        """What is rather not said; of two alike the first that was found is."""
        return self.goes_around, not self.anywhere, self.far_fetched

    def gain(self) -> tuple[int, bool]:
        """How far it leads: a first wrong value that comes right is something, though others follow."""
        return len(self.right), self.known


def find_repair(
    context: Context, rows: Sequence[Row], lines: Lines, check: Check, seed: int, limit: int = LIMIT
) -> Search | None:
    """Search an edit of the backward pass after which every gradient passes; None if it cannot be read.

    `limit` is how many steps to search; a proof that has begun, at inputs drawn from the seed, is brought to
    its end.
    """
    try:
        _, backward = run(context.layer, copies(context.inputs))
        program = Program.of(context.layer, backward_text(context.layer, backward))
    except Unreadable:
        return None
    meter = Meter(limit, time.thread_time() + SECONDS)
    task = _Task(context, by_position(context, rows), lines, Proof(context, check, seed), meter)
    written = [source.function for source in program.sources.values()]
    with warnings.catch_warnings(), counted(meter), views_within_bounds(written):
        # What is tried may be odd Python; what is said has been checked.
        warnings.simplefilter("ignore")
        found = task.search(program, EDITS)
    return Search(found, meter.steps, found is None and meter.is_late)


@dataclass(frozen=True, eq=False)
class _Task:
    """One search: what failed, how a repair is proved, the edits made so far, those that lead on or do not."""

    context: Context
    rows: dict[int, Row]
    lines: Lines
    proof: Proof
    meter: Meter
    taken: tuple[_Step, ...] = ()
    leads: list[_Step] = field(default_factory=list)
    refuted: list[_Step] = field(default_factory=list)

    def search(self, program: Program, edits: int) -> Repair | None:
        """A proved repair of a program with so many edits at most.

        One that reads a size which the layer takes only so, or that is far-fetched, is said where nothing else is
        found but what goes around the mistake.
        """
        found: list[_Step] = []
        for step in self._proved(program, edits):
            if not (step.is_last_resort or (step.goes_around and found)):
                return self._repair(step)
            found.append(step)
            self.meter.hurry()
        if found:
            return self._repair(min(found, key=_Step.lateness))
        return self._search_behind(edits - 1) if self.leads and edits > 1 else None

    def _search_behind(self, edits: int) -> Repair | None:
        """A proved repair of what is still wrong behind the edit that leads farthest."""
        lead = max(self.leads, key=_Step.gain)
        # Where the second mistake is, nobody has said yet.
        lines = replace(self.lines, first_wrong=None, solved=(), explains=None)
        behind = replace(self, lines=lines, taken=(*self.taken, lead), leads=[])
        self.meter.limit += BEHIND
        return behind.search(lead.program, edits)

    def _proved(self, program: Program, edits: int) -> Iterator[_Step]:
        """The edits that are proved; those that leave something wrong are kept as leads."""
        for trials, candidate in self._candidates(program):
            step = self._step(trials, candidate)
            if step is not None and len(step.right) == len(self.rows):
                yield from self._as_far(self._as_good_here(trials, candidate, step))
                trials.sieve.lets_through_again(candidate)
            elif step is not None:
                self.leads.append(step)

    def _as_good_here(self, trials: Trials, candidate: Candidate, step: _Step) -> Iterator[_Step]:
        """An edit that makes every gradient right, and the same with sizes that are as large here."""
        yield step
        for sibling in candidate.siblings():
            other = self._step(trials, sibling)
            if other is not None and other.right == step.right:
                yield other

    def _candidates(self, program: Program) -> Iterator[tuple[Trials, Candidate]]:
        """What may be meant, until the time is up: of every function what is likelier before what is not."""
        names = sorted(program.in_doubt, key=lambda name: self._lateness(program, name))
        several = [Trials(self.context, self.rows, program, name) for name in names]
        turns = zip(*map(self._rounds, several), strict=True)
        for trials, candidate in chain.from_iterable(map(partial(_each_with, several), turns)):
            if self.meter.is_over:
                return
            self.meter.steps += SIEVED
            if self._may_lead_on(trials, candidate) and trials.sieve.lets_through(candidate):
                self.meter.steps += TRIED
                yield trials, candidate

    def _may_lead_on(self, trials: Trials, candidate: Candidate) -> bool:
        """Whether something is left to come right: where a dtype alone is wrong only a value that is known."""
        return candidate.place.true is not None or len(trials.right) < len(self.rows)

    def _said(self) -> list[int]:
        """The line of the first wrong value, and those that share the doubt."""
        first = self.lines.first_wrong
        return [] if first is None else [first.evidence["line"], *first.evidence["also"]]

    def _lateness(self, program: Program, name: str) -> tuple[int, bool]:
        """How late a function is looked at: that of the first line in doubt comes first."""
        source = program.sources[name]
        ours = range(source.line, source.line + len(source.lines))
        doubts = [k for k, line in enumerate(self._said()) if line in ours]
        return min(doubts, default=len(self._said())), name != OWN

    def _rounds(self, trials: Trials) -> tuple[Iterator[Candidate], ...]:
        """The candidates of one function, counted in its lines."""
        offset = trials.program.sources[trials.name].line - 1
        several = trials.places(self._known(offset))
        lines = self._said(), self.lines.right, map(attrgetter("line"), self.lines.solved)
        said, right, solved = map(partial(_counted_from, offset), lines)
        explains = self.lines.explains
        doubt = Doubt.of(
            *(said, several, trials.function), explains=explains, right=right, solved=solved
        )
        return rounds(several, doubt, trials.ahead)

    def _known(self, offset: int) -> Known:
        """What is known of values and gradients, by the lines of a function that begins after so many."""
        known = (*self.lines.compared, *self.lines.solved)
        compared = {(o.name, o.line - offset): (o.numeric, o.bound) for o in known}
        parts = ((o, *o.part) for o in known if o.part is not None)
        first = {(o.name, n - offset): (o.numeric[at], o.bound[at]) for o, n, at in parts}
        returned = {p: (row.numeric, row.bound) for p, row in self.rows.items()}
        return Known(compared, returned, first)

    def _step(self, trials: Trials, candidate: Candidate) -> _Step | None:
        """An edit that leads on: no gradient is wrong with it that was right, and something comes right."""
        place, edit = candidate.place, candidate.edit
        right, known = trials.right_with(candidate), place.true is not None
        leads_on = right > trials.right or (right == trials.right and known)
        if not leads_on or _is_idle(trials, candidate, right):
            return None
        mend = Mend(place, edit, place.before, place.after(edit.node))
        return _Step(
            trials.program.edited(trials.name, place.node, edit.node),
            trials.program.sources[trials.name].line + place.statement.lineno - 1,
            name_of(mend),
            *(right, right - trials.right, known),
            anywhere=not mend.sizes & self.proof.elsewhere.fixed,
            goes_around=place.leads_around,
            far_fetched=edit.price >= FAR_FETCHED and len(self._said()) > 1,
        )

    def _as_far(self, steps: Iterable[_Step]) -> Iterator[_Step]:
        """The steps that are proved, each as far as it is."""
        for step in steps:
            reach = self._reach(step)
            if reach is Reach.NOWHERE:
                self.refuted.append(step)
            else:
                yield replace(step, anywhere=step.anywhere and reach is Reach.ANYWHERE)

    def _reach(self, step: _Step) -> Reach:
        # What `may_hold` has to know takes as long as a proof: most often the first edit is the one.
        if self.refuted and not self.proof.may_hold(step.program):
            return Reach.NOWHERE
        self.meter.steps += PROVED
        return self.proof.reach(step.program)

    def _repair(self, last: _Step) -> Repair:
        program, steps = last.program, (*self.taken, last)
        everywhere = bool(self.proof.elsewhere.more) and all(step.anywhere for step in steps)
        return Repair(
            *(program.edits(), program.diff(), program.texts[OWN]),
            gradients=tuple(row.name for row in self.rows.values()),
            names=tuple(self._finding(step, step.name) for step in steps if step.name),
            only_here=not everywhere,
        )

    def _finding(self, step: _Step, name: Name) -> Finding:
        """What a mistake is called, in a sentence."""
        line = step.line
        others = "every gradient passes" if len(self.rows) > 1 else "the gradient passes"
        evidence = {"line": line, "gradients": sorted(self.context.names[p] for p in step.mends)}
        message = f"In line {line} {name.clause}: with that mended {others}, at three draws."
        return Finding(name.code, message, evidence)
