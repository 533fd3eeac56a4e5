"""What a check has to say: verdicts, findings, one row for each gradient, and the report around them."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

Array = NDArray[Any]


class Verdict(Enum):
    """PASS: agree within the bound. FAIL: differ by more. INCONCLUSIVE: the bound is too wide to tell."""

    PASS = "PASS"
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"

    def __str__(self) -> str:
        return self.value

    @staticmethod
    def of(verdicts: Iterable[Verdict]) -> Verdict:
        """The verdict on a whole: one FAIL fails it, and nothing at all proves nothing."""
        seen = set(verdicts)
        if Verdict.FAIL in seen:
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if Verdict.INCONCLUSIVE in seen or not seen else Verdict.PASS


@dataclass(frozen=True)
class Finding:
    """Something seen, as a stable code, a sentence for a student, and the numbers behind it.

    `fails` says whether the finding alone convicts, as a mutated input does and a kink does not.
    """

    code: str
    message: str
    evidence: dict[str, Any] = field(default_factory=dict)
    fails: bool = False

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True)
class Row:
    """One gradient: what was derived by hand, beside what its witnesses say.

    `analytic`, `numeric`, `bound` and `tape` have the shape of the input (`tape` is None without a
    twin); `bound` limits |numeric − true derivative| entry by entry. Entries at a kink carry the
    middle of the one-sided slopes as `numeric` and half their distance in `bound`; the error
    figures leave them out (`kinks` marks them).
    """

    name: str
    shape: tuple[int, ...]
    analytic: Array
    numeric: Array
    bound: Array
    tape: Array | None
    relative_error: float
    entry_error: float
    tape_error: float | None
    resolution: float
    worst: tuple[int, ...]
    evaluations: int
    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    kinks: Array | None = None

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """The row as plain Python values; the arrays themselves only on request."""
        figures = {
            "name": self.name,
            "shape": list(self.shape),
            "relative_error": self.relative_error,
            "entry_error": self.entry_error,
            "tape_error": self.tape_error,
            "resolution": self.resolution,
            "worst": [int(i) for i in self.worst],
            "evaluations": self.evaluations,
            "verdict": str(self.verdict),
            "findings": [_finding_dict(finding) for finding in self.findings],
        }
        if arrays:
            for name in ("analytic", "numeric", "bound", "tape"):
                value = getattr(self, name)
                figures[name] = None if value is None else np.asarray(value).tolist()
        return figures


COLUMNS = (
    "gradient",
    "shape",
    "rel. error",
    "vs tape",
    "resolution",
    "worst entry",
    "verdict",
)


def figures(row: Row) -> list[str]:
    """A row's cells under `COLUMNS`, as text: the one place that says how a figure is written."""
    return [
        f"d{row.name}",
        "×".join(map(str, row.shape)) or "scalar",
        scientific(row.relative_error),
        "-" if row.tape_error is None else scientific(row.tape_error),
        scientific(row.resolution),
        f"[{', '.join(map(str, row.worst))}]" if row.worst else "-",
        str(row.verdict),
    ]


def scientific(value: float) -> str:
    """A figure in two digits, 0 where it is exactly that."""
    return "0" if value == 0 else f"{value:.1e}"


@dataclass(frozen=True)
class Line:
    """One value on the way back, compared: `name` is given it last in line `line`, which reads `source`.

    `bound` has the shape of the value and limits the error of the numerical witness.
    """

    name: str
    line: int
    source: str
    relative_error: float
    bound: Array
    verdict: Verdict

    def to_dict(self) -> dict[str, Any]:
        """The line as plain Python values, without its bound."""
        return {
            "name": self.name,
            "line": self.line,
            "source": self.source,
            "relative_error": self.relative_error,
            "verdict": str(self.verdict),
        }


@dataclass(frozen=True)
class Lines:
    """What was found line by line: `listing` is the backward pass with its line numbers."""

    compared: tuple[Line, ...] = ()
    listing: tuple[tuple[int, str], ...] = ()
    notes: tuple[str, ...] = ()
    first_wrong: Finding | None = None

    def marks(self) -> dict[int, str]:
        """For each line number that holds a compared value: `right`, `wrong` or `unclear`."""
        found: dict[int, set[Verdict]] = {}
        for line in self.compared:
            found.setdefault(line.line, set()).add(line.verdict)
        words = {Verdict.PASS: "right", Verdict.FAIL: "wrong", Verdict.INCONCLUSIVE: "unclear"}
        return {number: words[Verdict.of(verdicts)] for number, verdicts in found.items()}

    def text(self, around: int | None = None, within: int = 2) -> str:
        """The backward pass with a mark at each line that was compared.

        Args:
            around: the line to show, with the lines `within` on either side; all by default.
            within: how many of them.
        """
        marks = self.marks()
        return "\n".join(
            f"{'>' if number == around else ' '} {number:>5}  {marks.get(number, '-'):<7}  {text}"
            for number, text in self.listing
            if around is None or abs(number - around) <= within
        )

    def html(self) -> str:
        """The backward pass with its marks, wrong lines set off by colour and by word."""
        marks, colours = (
            self.marks(),
            {"right": "#e6f4ea", "wrong": "#fce8e6", "unclear": "#fef7e0"},
        )
        rows = ""
        for number, text in self.listing:
            mark = marks.get(number, "-")
            style = f"background:{colours[mark]};color:#000" if mark in colours else ""
            code = f'<pre style="margin:0">{html.escape(text)}</pre>'
            rows += (
                f'<tr style="{style}"><td>{number}</td><td>{mark}</td>'
                f'<td style="text-align:left">{code}</td></tr>'
            )
        return f"<table>{rows}</table>" if rows else ""


@dataclass(frozen=True)
class Report:
    """The outcome of one check: a row for each gradient, and the findings that concern the whole."""

    name: str
    rows: tuple[Row, ...]
    findings: tuple[Finding, ...] = ()
    seed: int = 0
    method: str = "extrapolated"
    evaluations: int = 0
    by_line: Lines = Lines()

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

    def all_findings(self) -> tuple[Finding, ...]:
        """The findings on the whole, then those of each row."""
        return self.findings + tuple(finding for row in self.rows for finding in row.findings)

    def __str__(self) -> str:
        head = f"{self.name}: {self.verdict}"
        table = tabulate(
            [figures(row) for row in self.rows], COLUMNS, disable_numparse=True, stralign="right"
        )
        wrong = self.by_line.first_wrong
        where = [] if wrong is None else [self.by_line.text(wrong.evidence["line"])]
        return "\n".join([head, *([table] if self.rows else []), *self._notes(), *where])

    def _notes(self) -> list[str]:
        notes = [str(finding) for finding in self.findings]
        notes += [f"d{row.name} {finding}" for row in self.rows for finding in row.findings]
        return notes

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """The report as plain Python values, ready for JSON."""
        return {
            "name": self.name,
            "verdict": str(self.verdict),
            "passed": self.passed,
            "seed": self.seed,
            "method": self.method,
            "evaluations": self.evaluations,
            "rows": [row.to_dict(arrays=arrays) for row in self.rows],
            "findings": [_finding_dict(finding) for finding in self.findings],
            "lines": [line.to_dict() for line in self.lines],
            "line_notes": list(self.by_line.notes),
        }

    def to_json(self, *, arrays: bool = False, indent: int | None = 2) -> str:
        """The report as strict JSON; figures that are not finite become null."""
        return json.dumps(plain(self.to_dict(arrays=arrays)), indent=indent, allow_nan=False)

    def _repr_html_(self) -> str:
        table = tabulate(
            [figures(row) for row in self.rows], COLUMNS, tablefmt="html", disable_numparse=True
        )
        notes = "".join(f"<li>{html.escape(note)}</li>" for note in self._notes())
        head = f"<p><strong>{html.escape(self.name)}: {self.verdict}</strong></p>"
        listed = f"<ul>{notes}</ul>" if notes else ""
        return f"{head}{table}{listed}{self.by_line.html()}"


def _finding_dict(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "message": finding.message,
        "evidence": plain(finding.evidence),
        "fails": finding.fails,
    }


def plain(value: Any) -> Any:
    """NumPy values as Python's own, and what JSON cannot write as null."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, complex):
        return str(value)
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
