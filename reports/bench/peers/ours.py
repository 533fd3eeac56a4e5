"""Our own answer, as any peer's."""

from __future__ import annotations

from gradcheck import check
from reports.bench.peers.subject import Subject


def accepts(subject: Subject) -> bool:
    """Whether the check passes; what is inconclusive does not."""
    report = check(subject.layer, *subject.inputs, wrt=subject.positions, lines=False)
    return report.passed
