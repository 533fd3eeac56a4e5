"""One gradient beside what its witnesses say, as arrays, as figures, and as the cells of a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.render import scientific, shape_text
from gradcheck.result.verdict import Array, Finding, Verdict


@dataclass(frozen=True, eq=False, repr=False)
class Row:
    """One gradient: what was derived by hand, beside what its witnesses say."""

    name: str
    """The input whose gradient this is."""
    shape: tuple[int, ...]
    """Its shape, which is that of every array here."""
    analytic: Array
    """The hand-derived gradient, as it was returned."""
    numeric: Array
    """The numerical witness; at a kink the middle of the one-sided slopes."""
    bound: Array
    """What limits |numeric − true gradient|, entry by entry; at a kink half the distance of the slopes."""
    tape: Array | None
    """The gradient that TensorFlow's tape found; None without a twin."""
    relative_error: float
    """‖analytic − numeric‖ / max(‖analytic‖, ‖numeric‖), kinks left out: the table's figure."""
    entry_error: float
    """The largest |a − n| / max(|a|, |n|) over the entries large enough for the bound to resolve."""
    tape_error: float | None
    """As `relative_error`, against the tape."""
    resolution: float
    """The relative error below which the numerical witness can see nothing."""
    worst: tuple[int, ...]
    """The index of the entry furthest outside its bound, or nearest to leaving it."""
    evaluations: int
    """How often the forward pass was run for this gradient."""
    verdict: Verdict
    """Whether the two agree within the bound."""
    findings: tuple[Finding, ...] = ()
    """What was found about this gradient."""
    kinks: Array | None = None
    """Marks the entries that sit at a kink."""
    step: float | None = None
    """The step of the differences relative to the input's scale, the median over the entries."""

    def __repr__(self) -> str:
        error, resolution = scientific(self.relative_error), scientific(self.resolution)
        return f"<Row d{self.name}: {self.verdict}, error {error}, resolution {resolution}>"

    def to_dict(self, *, arrays: bool = False) -> dict[str, Any]:
        """The row as plain Python values; the arrays themselves only on request."""
        figures = {
            "name": self.name,
            "gradient": f"d{self.name}",
            "shape": list(self.shape),
            "relative_error": self.relative_error,
            "entry_error": self.entry_error,
            "tape_error": self.tape_error,
            "resolution": self.resolution,
            "worst": [int(i) for i in self.worst],
            "evaluations": self.evaluations,
            "verdict": str(self.verdict),
            "findings": [finding.to_dict() for finding in self.findings],
        }
        if arrays:
            for name in ("analytic", "numeric", "bound", "tape"):
                value = getattr(self, name)
                figures[name] = None if value is None else np.asarray(value).tolist()
        return figures

    def cells(self) -> list[str]:
        """The row as text, under `COLUMNS`: the one place that says how a figure is written."""
        return [
            f"d{self.name}",
            shape_text(self.shape),
            scientific(self.relative_error),
            "-" if self.tape_error is None else scientific(self.tape_error),
            scientific(self.resolution),
            f"[{', '.join(map(str, self.worst))}]" if self.worst else "-",
            str(self.verdict),
        ]


def failing(rows: Iterable[Row]) -> list[Row]:
    """Those that fail."""
    return [row for row in rows if row.verdict is Verdict.FAIL]


COLUMNS = ("gradient", "shape", "rel. error", "vs tape", "resolution", "worst entry", "verdict")
DROPPABLE = ("vs tape", "worst entry", "shape", "resolution")
"""Columns that a narrow terminal can do without, the least needed first."""

CSV_FIGURES = ("relative_error", "entry_error", "tape_error", "resolution", "evaluations")
