"""The table of gradients, in every form that somebody pastes somewhere."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass

from tabulate import tabulate

from gradcheck.result import COLUMNS as GRADIENT_COLUMNS
from gradcheck.result import Report, Row, plain

COLUMNS = ("layer", "configuration", *GRADIENT_COLUMNS)

FORMATS = {"text": "simple", "github": "github", "latex": "latex_booktabs", "html": "html"}
"""Our names of the formats that tabulate draws, and its own."""


@dataclass(frozen=True)
class Line:
    """One row of the table: a gradient, and whose it is."""

    layer: str
    configuration: str
    row: Row

    def cells(self) -> list[str]:
        """The row as text, under `COLUMNS`."""
        return [self.layer, self.configuration, *self.row.cells()]


def lines(layer: str, configuration: str, report: Report) -> list[Line]:
    """A table row for each gradient of a report."""
    return [Line(layer, configuration, row) for row in report.rows]


def render(table: Sequence[Line], form: str = "text") -> str:
    """The table as text, GitHub Markdown, LaTeX, HTML, CSV or JSON."""
    if form == "json":
        return json.dumps([_record(line) for line in table], indent=2, allow_nan=False)
    if form == "csv":
        return _csv(table)
    body = [line.cells() for line in table]
    return tabulate(body, COLUMNS, tablefmt=FORMATS[form], disable_numparse=True)


def _record(line: Line) -> dict[str, object]:
    figures = {"layer": line.layer, "configuration": line.configuration, **line.row.to_dict()}
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
