"""A report, written down: for a terminal, a page, a paper, a spreadsheet, a program, a notebook."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from gradcheck.render import (
    Format,
    escape,
    fenced,
    fitting,
    printable,
    sentence,
    table,
    whole_page,
    without,
)
from gradcheck.result.checked import Checked
from gradcheck.result.row import COLUMNS, CSV_FIGURES, DROPPABLE, Row, failing
from gradcheck.result.verdict import plain

SCHEMA = 1
"""The version of what `record` returns: it grows when a key changes its meaning or goes."""


def text(report: Checked, width: int | None = None) -> str:
    """The table with the findings, the first wrong line and its repair under it."""
    columns, body = _cells(report)
    mended = f"repair: {report.repair}" if report.repair else ""
    parts = [
        sentence(f"{report.title}: {report.verdict}", None),
        fitting(columns, body, width, DROPPABLE) if body else "",
        *(sentence(note, width) for note in report.notes()),
        excerpt(report, width) or sentence(_why_no_line(report), width),
        sentence(mended, width),
    ]
    return "\n".join(part for part in parts if part)


def excerpt(report: Checked, width: int | None = None) -> str:
    """The first wrong line among its neighbours; nothing where there is none."""
    wrong = report.by_line.first_wrong
    return "" if wrong is None else report.by_line.text(wrong.evidence["line"], width=width)


def _why_no_line(report: Checked) -> str:
    """Why a wrong gradient is not followed to a line; nothing where its lines were compared."""
    return " ".join(report.by_line.notes) if failing(report) and not report.lines else ""


def _cells(report: Checked) -> tuple[list[str], list[list[str]]]:
    return saying(COLUMNS, [row.cells() for row in report.rows])


def saying(
    columns: Sequence[str], body: Sequence[Sequence[str]]
) -> tuple[list[str], list[list[str]]]:
    """Heads and cells, without a column that says nothing: that of the tape where none was asked."""
    tape = columns.index("vs tape")
    silent = all(row[tape] == "-" for row in body)
    return without(("vs tape",) if silent else (), columns, body)


def _table(report: Checked, form: Format) -> str:
    columns, body = _cells(report)
    return table(columns, body, form) if body else ""


def record(report: Checked, *, arrays: bool = False) -> dict[str, Any]:
    """The report as plain Python values, ready for JSON."""
    return {
        "schema": SCHEMA,
        "name": report.name,
        "file": report.file,
        "verdict": str(report.verdict),
        "passed": report.passed,
        "seed": report.seed,
        "method": report.method,
        "evaluations": report.evaluations,
        "rows": [row.to_dict(arrays=arrays) for row in report.rows],
        "findings": [finding.to_dict() for finding in report.findings],
        "lines": [line.to_dict() for line in report.lines],
        "line_notes": list(report.by_line.notes),
        "repair": None if report.repair is None else report.repair.to_dict(),
    }


def strict(report: Checked, *, arrays: bool = False, indent: int | None = 2) -> str:
    """The report as strict JSON; figures that are not finite become null."""
    return json.dumps(plain(record(report, arrays=arrays)), indent=indent, allow_nan=False)


def markdown(report: Checked) -> str:
    """A heading, the table and a list of the findings, as GitHub reads them."""
    repair = report.repair
    parts = (
        f"**{escape(report.title, 'markdown')}: {report.verdict}**",
        _table(report, "markdown"),
        "\n".join(f"- {escape(note, 'markdown')}" for note in report.notes()),
        fenced(excerpt(report), "text"),
        "" if repair is None else f"{printable(str(repair))}\n\n{fenced(repair.diff, 'diff')}",
    )
    return "\n\n".join(part for part in parts if part)


def latex(report: Checked) -> str:
    """The table as booktabs LaTeX, the findings as comments above it."""
    said = [f"{report.title}: {report.verdict}", *report.notes()]
    return "\n".join([*(f"% {sentence(note, None)}" for note in said), _table(report, "latex")])


CSV_COLUMNS = ("file", "layer", "gradient", "shape", *CSV_FIGURES, "worst", "verdict", "findings")


def spreadsheet(report: Checked) -> str:
    """A line for each gradient, figures in full, the codes of its findings in the last column."""
    return table(CSV_COLUMNS, [csv_cells(report, row) for row in report.rows], "csv") + "\n"


def csv_cells(report: Checked, row: Row) -> list[str]:
    """A row for whoever computes on: under `CSV_COLUMNS`, figures in full, empty where there is none."""
    figures = [plain(getattr(row, name)) for name in CSV_FIGURES]
    return [
        report.file or "",
        report.name,
        f"d{row.name}",
        "x".join(map(str, row.shape)) or "scalar",
        *("" if figure is None else str(figure) for figure in figures),
        " ".join(map(str, row.worst)),
        str(row.verdict),
        " ".join(finding.code for finding in (*report.findings, *row.findings)),
    ]


CAPTION = "<caption>Each gradient, hand-derived against numeric</caption>"


def part_of_a_page(report: Checked) -> str:
    """The table, the findings and the marked lines as HTML without script, to be put into a page."""
    notes = "".join(f"<li>{_sentence(note)}</li>" for note in report.notes())
    parts = (
        f"<p><strong>{escape(report.title, 'html')}: {report.verdict}</strong></p>",
        _table(report, "html").replace("<table>", f"<table>{CAPTION}", 1),
        f"<ul>{notes}</ul>" if notes else "",
        report.by_line.html(),
        f"<p>{_sentence(str(report.repair))}</p>" if report.repair else "",
    )
    return "".join(parts)


def page(report: Checked) -> str:
    """A whole page, which lets a browser do nothing but show it."""
    return whole_page(f"{report.title}: {report.verdict}", part_of_a_page(report))


def _sentence(text: str) -> str:
    """A sentence in HTML, what stands between backticks as code."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", escape(text, "html"))


ENDINGS: Mapping[str, Callable[[Checked], str]] = {
    ".txt": text,
    ".json": strict,
    ".md": markdown,
    ".tex": latex,
    ".csv": spreadsheet,
    ".html": page,
}
"""How a report is written into a file, by the ending of its name."""


def bundle(report: Checked) -> dict[str, str]:
    """What a notebook may choose from."""
    return {
        "text/plain": text(report),
        "text/html": part_of_a_page(report),
        "text/markdown": markdown(report),
        "text/latex": latex(report),
    }
