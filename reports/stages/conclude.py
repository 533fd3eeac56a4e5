"""What came of a stage that compares gradients: said, noted, and drawn."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from gradcheck import Verdict
from gradcheck.result import Report
from reports.request import Found
from reports.table import Line

REMARKS = {
    "kink": "entries at a tie or at a ReLU's zero, where any value between the slopes is right.",
    "vacuous": "a gradient that is zero here, so that little was proved.",
    "directional": "checked along random directions, so that no wrong entry escapes but with "
    "the probability written in the report.",
}
"""Findings beside a PASS, and what they mean."""


def concluded(reports: Sequence[Report], table: Sequence[Line], file: str, title: str) -> Found:
    """Say what came of a stage: how many passed, how large the errors, and what was found."""
    verdict = Verdict.of(report.verdict for report in reports)
    passed = sum(line.row.verdict is Verdict.PASS for line in table)
    largest = max(line.row.relative_error for line in table)
    print(f"{passed} of {len(table)} gradients PASS; largest relative error {largest:.1e}.")
    for code, count in _remarks(reports).items():
        print(f"{count} with finding {code}: {REMARKS[code]}")
    notes = _complaints(reports)
    for note in notes:
        print(f"! {note}")
    print(f"{verdict}.")

    def drawn() -> Any:
        from reports import figures

        return figures.errors(table, f"{title}: relative error of each gradient")

    return Found(verdict is Verdict.PASS, tuple(table), notes, figures={file: drawn})


def _remarks(reports: Sequence[Report]) -> Counter[str]:
    """How often each finding stands beside a PASS."""
    return Counter(
        finding.code
        for report in reports
        if report.passed
        for finding in report.all_findings()
        if finding.code in REMARKS
    )


def _complaints(reports: Sequence[Report]) -> tuple[str, ...]:
    """What is said of everything that did not pass."""
    return tuple(
        f"{report.name}: {finding}"
        for report in reports
        if not report.passed
        for finding in report.all_findings()
    )
