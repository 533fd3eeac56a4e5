"""The table of gradients, in every form that somebody pastes somewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tabulate import tabulate

from gradcheck.curves import StepCurves
from gradcheck.render import scientific
from gradcheck.result import COLUMNS as GRADIENT_COLUMNS
from gradcheck.result import Report, Row, Verdict, plain

COLUMNS = ("layer", "configuration", *GRADIENT_COLUMNS)

FORMATS = {"text": "simple", "github": "github", "latex": "latex_booktabs", "html": "html"}
"""Our names of the formats that tabulate draws, and its own."""


@dataclass(frozen=True)
class Line:
    """One row of the table: a gradient, whose it is, and the report that it stands in.

    `curves` is the error of its differences against their step, where that is to be drawn.
    """

    layer: str
    configuration: str
    row: Row
    report: Report
    curves: StepCurves | None = None

    def cells(self) -> list[str]:
        """The row as text, under `COLUMNS`."""
        return [self.layer, self.configuration, *self.row.cells()]


def lines(layer: str, configuration: str, report: Report) -> list[Line]:
    """A table row for each gradient of a report."""
    return [Line(layer, configuration, row, report) for row in report.rows]


def render(table: Sequence[Line], form: str = "text") -> str:
    """The table as text, GitHub Markdown, LaTeX, HTML, CSV or JSON."""
    if form == "json":
        return json.dumps([_record(line) for line in table], indent=2, allow_nan=False)
    if form == "csv":
        return _csv(table)
    body = [line.cells() for line in table]
    return tabulate(body, COLUMNS, tablefmt=FORMATS[form], disable_numparse=True)


def by_layer(table: Sequence[Line]) -> str:
    """A line for each layer, as text, and under them whole the rows that did not pass."""
    layers: dict[str, list[Line]] = {}
    for line in table:
        layers.setdefault(line.layer, []).append(line)
    body = [[layer, *_summary(found)] for layer, found in layers.items()]
    drawn = tabulate(body, SUMMARY, tablefmt=FORMATS["text"], disable_numparse=True)
    failed = [line for line in table if line.row.verdict is not Verdict.PASS]
    return f"{drawn}\n\n{render(failed)}" if failed else drawn


SUMMARY = ("layer", "gradients", "largest error", "vs tape", "resolution", "verdict")


def _summary(found: Sequence[Line]) -> list[str]:
    rows = [line.row for line in found]
    taped = [row.tape_error for row in rows if row.tape_error is not None]
    return [
        str(len(rows)),
        scientific(_largest(row.relative_error for row in rows)),
        scientific(_largest(taped)) if taped else "-",
        scientific(_largest(row.resolution for row in rows)),
        str(Verdict.of(line.report.verdict for line in found)),
    ]


def _largest(figures: Iterable[float]) -> float:
    """The largest figure, and NaN where there is one: `max` alone would lose it."""
    return float(np.max(list(figures)))


def _record(line: Line) -> dict[str, object]:
    norm = float(np.linalg.norm(np.asarray(line.row.analytic)))
    whose = {"layer": line.layer, "configuration": line.configuration}
    figures = {**whose, **line.row.to_dict(), "norm": norm}
    record = plain(figures)
    assert isinstance(record, dict)
    return record


def _csv(table: Sequence[Line]) -> str:
    """Full precision, one column a figure, for whoever computes on."""
    names = ("name", "shape", "relative_error", "tape_error", "resolution", "worst", "evaluations")
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["layer", "configuration", *names, "verdict"])
    for line in table:
        record = _record(line)
        shown = ["" if record[name] is None else _cell(record[name]) for name in names]
        writer.writerow([line.layer, line.configuration, *shown, record["verdict"]])
    return out.getvalue()


def _cell(value: object) -> object:
    return "x".join(map(str, value)) if isinstance(value, list) else value
