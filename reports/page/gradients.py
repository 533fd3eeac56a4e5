"""Tables of gradients on a page: failing rows first, every row with its map, scatter and findings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from gradcheck.render import scientific, shape_text
from gradcheck.result import Finding, Lines, Verdict
from reports.page.shell import folded
from reports.page.sketch import heat_map, scatter
from reports.page.steps import steps
from reports.table import Line

Pair = tuple[Line, Mapping[str, Any]]
"""A row with its arrays, and what gradients.json says of it."""

HEADS = (
    *("layer", "configuration", "gradient", "shape", "rel. error"),
    *("vs tape", "resolution", "verdict"),
)
FIGURES = ("relative_error", "tape_error", "resolution")
ORDER = (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS)


def families(pairs: Sequence[Pair], family_of: Mapping[str, str]) -> Iterator[str]:
    """A folded table for each family of layers; those with a failing row first, and open."""
    grouped: dict[str, list[Pair]] = {}
    for pair in pairs:
        grouped.setdefault(family_of.get(pair[0].layer, "other"), []).append(pair)
    for family, found in sorted(grouped.items(), key=lambda item: _rank(item[1])):
        name = family.replace("_", " ")
        said = folded(f"{name}: {summary(found)}", table(found, name), opened=_rank(found) < 2)
        yield said.replace("<details", '<details class="family"', 1)


def _rank(pairs: Sequence[Pair]) -> int:
    return ORDER.index(_verdict(pairs))


def _verdict(pairs: Sequence[Pair]) -> Verdict:
    return Verdict.of(line.report.verdict for line, _ in pairs)


def summary(pairs: Sequence[Pair]) -> str:
    """The verdict on some gradients, how many passed, and the largest error."""
    passed = sum(record["verdict"] == "PASS" for _, record in pairs)
    errors = [record["relative_error"] for _, record in pairs]
    # What is not finite is null in the record, and larger than any figure.
    largest = "not finite" if None in errors else scientific(max(errors, default=0.0))
    return f"{_verdict(pairs)}, {passed} of {len(pairs)} gradients pass, largest relative error {largest}"


def table(pairs: Sequence[Pair], caption: str) -> str:
    """The table, each row followed by what opens under it."""
    numbers = {HEADS[4 + k] for k in range(len(FIGURES))}
    heads = "".join(
        f'<th scope="col"{" class=number" if head in numbers else ""}>{head}</th>' for head in HEADS
    )
    told: set[int] = set()
    rows = []
    for line, record in sorted(pairs, key=lambda pair: ORDER.index(pair[0].row.verdict)):
        rows.append(_row(line, record, first=id(line.report) not in told))
        told.add(id(line.report))
    return (
        f'<div class="scroll"><table class="gradients"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead>\n{''.join(rows)}</table></div>"
    )


def _row(line: Line, record: Mapping[str, Any], *, first: bool) -> str:
    """A row; the first of a report's rows also says what was found on the whole, and the wrong line."""
    verdict = record["verdict"]
    figures = "".join(_figure(record[name]) for name in FIGURES)
    shape = shape_text(record["shape"])
    return (
        f'<tbody class="{verdict.lower()}"><tr><td>{escape(line.layer)}</td>'
        f'<td>{escape(line.configuration)}</td><th scope="row">{escape(record["gradient"])}</th>'
        f'<td>{shape}</td>{figures}<td class="verdict">{verdict}</td></tr>\n'
        f'<tr class="more"><td colspan="{len(HEADS)}">{_more(line, first=first)}</td></tr></tbody>\n'
    )


def _figure(value: float | None) -> str:
    if value is None:
        return '<td class="number">-</td>'
    return f'<td class="number" data-value="{value!r}">{scientific(value)}</td>'


def _more(line: Line, *, first: bool) -> str:
    failed = line.row.verdict is not Verdict.PASS
    whole = first and not line.report.passed
    findings = (*(line.report.findings if whole else ()), *line.row.findings)
    source = marked(line.report.by_line) if whole else ""
    figures = heat_map(line.row) + scatter(line.row) + steps(line.row, line.curves)
    drawn = f'<div class="figures">{figures}</div>' if figures else ""
    inside = said(findings) + source + drawn
    if not inside:
        return ""
    codes = " · ".join(dict.fromkeys(finding.code for finding in findings)) or "entry by entry"
    return folded(codes, inside, opened=failed)


def said(findings: Sequence[Finding]) -> str:
    """Findings as sentences, each under its code."""
    items = (f"<li><code>{f.code}</code> {escape(f.message)}</li>" for f in findings)
    return f'<ul class="findings">{"".join(items)}</ul>' if findings else ""


def marked(lines: Lines) -> str:
    """The backward pass as it was written, right and wrong lines marked by a word and a colour."""
    marks = lines.marks()
    rows = "".join(
        f'<tr class="{marks.get(number, "")}"><td class="n">{number}</td>'
        f"<td>{marks.get(number, '')}</td><td>{escape(text)}</td></tr>\n"
        for number, text in lines.listing
    )
    caption = "<caption>The backward pass, line by line</caption>"
    return f'<div class="scroll"><table class="code">{caption}{rows}</table></div>' if rows else ""
