"""A check that can be run again: what a report needs to search a repair or to shrink its case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from gradcheck.along import along
from gradcheck.diagnosis import Context, is_open, who_agrees
from gradcheck.lines import agreed, in_doubt, trace
from gradcheck.repair.proof import Check
from gradcheck.repair.search import LIMIT, Search, find_repair
from gradcheck.repair.values import named_values
from gradcheck.result import Along, Finding, Lines, Repair, Row, Smallest, Traced, failing
from gradcheck.smallest import smallest

MOMENT = LIMIT // 2
"""Steps that a check itself may search for the line: nine of ten edits that are found are found by then."""
LESS = {"statistics-held-constant": "extra-term", "carry-dropped": "extra-term"}
"""The name of an edit that says less than the numbers do: which term is missing."""
ANYWHERE = ("carry-dropped",)
"""What the numbers say where something, anywhere on the way from step to step, is wrong: an edit says what."""


@dataclass(frozen=True, eq=False)
class Again:
    """What was checked and found, and how to check something like it afresh.

    `check(layer, *inputs, seed=…, upstream=…)` checks another layer as this one was checked.
    """

    context: Context
    rows: Sequence[Row]
    lines: Lines
    check: Check
    seed: int

    def told_apart(self) -> Lines:
        """The lines; where several are in doubt, the blame on the one that a proved edit changes."""
        return self.lines if self._proved is None else agreed(self.lines, self._proved)

    @property
    def _proved(self) -> Repair | None:
        """What was found at once."""
        return None if self._at_once is None else self._at_once.repair

    def repair(self) -> Repair | None:
        """A proved edit, where a gradient is wrong and its lines were read; None if none was found."""
        found = self._at_once
        if found is None or (found.repair is None and found.steps >= MOMENT):
            found = self._thorough
        return None if found is None else found.repair

    @cached_property
    def _at_once(self) -> Search | None:
        """What is searched before anything is said: for a name, or shortly where the lines leave a doubt."""
        if self._leaves_open or self.lines.first_wrong is None:
            # Where no value could be compared only an edit says which line it is.
            return self._thorough
        return self._searched(MOMENT) if in_doubt(self.lines) else None

    @cached_property
    def _thorough(self) -> Search | None:
        return self._searched(LIMIT)

    def _searched(self, limit: int) -> Search | None:
        if not failing(self.rows) or not self.lines.listing:
            return None
        return find_repair(self.context, self.rows, self.lines, self.check, self.seed, limit)

    @property
    def _leaves_open(self) -> bool:
        """Whether the numbers alone do not say of some row what its mistake is, and an edit might."""
        return any(
            is_open(finding) or _may_be_a_mean(finding)
            for row in self.rows
            for finding in row.findings
        )

    def named(self) -> list[Row]:
        """The rows; what the numbers leave open is called by the edit that mends it, where one is proved."""
        repair = self.repair() if self._leaves_open else self._proved
        names = () if repair is None else repair.names
        by_row = {name: one for one in names for name in one.evidence["gradients"]}
        return [_called(row, by_row.get(row.name)) for row in self.rows]

    def smallest(self) -> Smallest:
        """The check, shrunk as long as it says the same."""
        context = self.context
        return smallest(context.layer, context.names, context.inputs, self.check, named_values)

    def tensors(self) -> list[Traced]:
        """Every value of the layer at its point, with its gradient."""
        context = self.context
        return trace(context.layer, context.inputs, context.dy)

    def along(self, name: str) -> Along:
        """Σ dy·layer(…) as a function of the input `name`, with its hand-derived gradient."""
        context = self.context
        return along(context.layer, context.inputs, list(context.names).index(name), context.dy)


def _may_be_a_mean(finding: Finding) -> bool:
    """Whether a factor is one over a size: left out where it should be divided by it, or that of a mean."""
    return finding.code == "scaled" and str(finding.evidence.get("equals")).startswith("1 over")


def _says_more(name: Finding, found: Finding) -> bool:
    """Whether the name of an edit says more than what was found of the numbers."""
    if _may_be_a_mean(found):
        return name.code == "averaged"
    weak = is_open(found) or found.code in ANYWHERE
    return weak and name.code != LESS.get(found.code)


def _called(row: Row, name: Finding | None) -> Row:
    """A row with what is left open called by its name."""
    if name is None:
        return row
    message = name.message + who_agrees(row)
    findings = [
        replace(name, message=message, evidence={**one.evidence, **name.evidence})
        if _says_more(name, one)
        else one
        for one in row.findings
    ]
    return replace(row, findings=tuple(findings))
