"""What one check has found: a row for each gradient, what concerns the whole, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Protocol

from gradcheck.result.edits import Repair
from gradcheck.result.marked import Line, Lines, Traced
from gradcheck.result.row import Row
from gradcheck.result.verdict import Array, Finding, Verdict


class Along(NamedTuple):
    """What a check differentiates, Σ dy·layer(…), as a function of one input."""

    f: Callable[[Array], Array]
    """The function, a scalar."""
    df: Callable[[Array], Array]
    """Its hand-derived gradient, of the input's shape."""
    x: Array
    """The input at which it was checked."""


class Behind(Protocol):
    """The check behind a report, as far as the report goes on with it."""

    def repair(self) -> Repair | None:
        """A proved edit; None if none was found."""

    def tensors(self) -> list[Traced]:
        """Every value of the layer at its point, with its gradient."""

    def along(self, name: str) -> Along:
        """What was differentiated as a function of one input."""

    def smallest(self) -> Any:
        """The check, shrunk as long as it says the same."""


@dataclass(frozen=True, eq=False, repr=False)
class Checked:
    """What was found: a row for each gradient, and the findings that concern the whole."""

    name: str
    """What was checked."""
    rows: tuple[Row, ...]
    """One for each gradient, in the order of the inputs."""
    findings: tuple[Finding, ...] = ()
    """What concerns the whole: conduct, the twin, the first wrong line."""
    seed: int = 0
    """What was drawn, was drawn from this seed: the same seed gives the same report to the byte."""
    method: str = "extrapolated"
    """How the numerical witness differentiates."""
    evaluations: int = 0
    """How often the forward pass was run for the gradients."""
    by_line: Lines = field(default_factory=Lines)
    """The backward pass line by line, where its lines were compared."""
    file: str | None = None
    """The file it was found in, where it was found in one."""
    _again: Behind | None = field(default=None, repr=False, compare=False)
    """The check, to run it again; it stays behind where the report goes to another process."""

    @property
    def again(self) -> Behind | None:
        """The check behind the report, to go on with; None where the report has left it behind."""
        return self._again

    @cached_property
    def repair(self) -> Repair | None:
        """An edit of the backward pass after which every gradient passes, at three draws.

        It is searched when it is first asked for, or the report is pickled, for a few seconds, and only
        where a gradient is wrong and its lines were compared. None if none was found.
        """
        return None if self._again is None else self._again.repair()

    @property
    def lines(self) -> tuple[Line, ...]:
        """The values on the way back that were compared, in the order in which they are computed."""
        return self.by_line.compared

    @property
    def verdict(self) -> Verdict:
        """FAIL if any gradient or any finding fails; INCONCLUSIVE if anything could not be told."""
        if any(finding.fails for finding in self.findings):
            return Verdict.FAIL
        return Verdict.of(row.verdict for row in self.rows)

    @property
    def passed(self) -> bool:
        """Whether every gradient was seen to be right."""
        return self.verdict is Verdict.PASS

    @property
    def title(self) -> str:
        """What was checked, with its file where there is one."""
        return self.name if self.file is None else f"{self.file}:{self.name}"

    def __bool__(self) -> bool:
        return self.passed

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if name in (row.name, f"d{row.name}"):
                return row
        known = ", ".join(row.name for row in self.rows) or "none"
        raise KeyError(f"no gradient of {name!r} was checked; checked were: {known}")

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __getstate__(self) -> dict[str, Any]:
        _ = self.repair  # Searched while the layer is at hand; where the report goes, it is not.
        return {**self.__dict__, "_again": None}

    def all_findings(self) -> tuple[Finding, ...]:
        """The findings on the whole, then those of each row."""
        return self.findings + tuple(finding for row in self.rows for finding in row.findings)

    def notes(self) -> list[str]:
        """The findings as sentences, each under its code and the gradient that it is about."""
        notes = [str(finding) for finding in self.findings]
        return notes + [f"d{row.name} {finding}" for row in self.rows for finding in row.findings]
