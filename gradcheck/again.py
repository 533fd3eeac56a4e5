"""A check that can be run again: what a report needs to search a repair or to shrink its case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from gradcheck.along import along
from gradcheck.diagnosis.wrong import Context
from gradcheck.lines import Traced, agreed, in_doubt, trace
from gradcheck.repair import SECONDS, Check, Search, find_repair
from gradcheck.result import Along, Lines, Repair, Row, Verdict
from gradcheck.smallest import Smallest, smallest

MOMENT = 2.0
"""Seconds that a check itself may search for the line: nine of ten edits that are found are found by then."""


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
        found = self._at_once
        proved = None if found is None else found.repair
        return self.lines if proved is None else agreed(self.lines, proved)

    def repair(self) -> Repair | None:
        """A proved edit, where a gradient is wrong and its lines were read; None if none was found."""
        found = self._at_once
        if found is None or found.out_of_time:
            found = self._searched(SECONDS)
        return None if found is None else found.repair

    @cached_property
    def _at_once(self) -> Search | None:
        """What a short search finds, where the lines leave a doubt."""
        return self._searched(MOMENT) if in_doubt(self.lines) else None

    def _searched(self, seconds: float) -> Search | None:
        wrong = any(row.verdict is Verdict.FAIL for row in self.rows)
        if not wrong or not self.lines.listing:
            return None
        return find_repair(self.context, self.rows, self.lines, self.check, self.seed, seconds)

    def smallest(self) -> Smallest:
        """The check, shrunk as long as it says the same."""
        context = self.context
        return smallest(context.layer, context.names, context.inputs, self.check)

    def tensors(self) -> list[Traced]:
        """Every value of the layer at its point, with its gradient."""
        context = self.context
        return trace(context.layer, context.inputs, context.dy)

    def along(self, name: str) -> Along:
        """Σ dy·layer(…) as a function of the input `name`, with its hand-derived gradient."""
        context = self.context
        return along(context.layer, context.inputs, list(context.names).index(name), context.dy)
