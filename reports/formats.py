"""What came of the targets, in every form: for people, for programs, for the pages of others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from xml.etree import ElementTree

from gradcheck import __version__
from gradcheck.render import Format, escape, printable, table
from gradcheck.result import CODES, SCHEMA, Finding, Report, Verdict, csv_cells, plain
from gradcheck.result import CSV_COLUMNS as CSV_HEADS
from reports.table import COLUMNS, lines
from reports.targets import Outcome

Outcomes = Sequence[Outcome]

ANNOTATIONS = 10
"""GitHub shows ten annotations a step; the rest is summed up."""


def as_json(outcomes: Outcomes) -> str:
    """A list with an entry for each target, errors among them; strict JSON."""
    return json.dumps([plain(_record(one)) for one in outcomes], indent=2, allow_nan=False)


def _record(one: Outcome) -> dict[str, Any]:
    about = {"layer": one.layer, "configuration": one.configuration, "error": one.error}
    if one.report is None:
        return {"schema": SCHEMA, "name": one.layer, "verdict": None, "passed": False, **about}
    return {**one.report.to_dict(), **about, "notes": list(one.notes)}


def as_csv(outcomes: Outcomes) -> str:
    """A line for each gradient, figures in full; a target without a report has its error in the last column."""
    body: list[list[str]] = []
    for one in outcomes:
        if one.report is None:
            blank = [""] * (len(CSV_HEADS) - 3)
            body.append([one.configuration, one.layer, *blank, f"error: {one.error}"])
        else:
            body += [csv_cells(one.report, row) for row in one.report.rows]
    return table(CSV_HEADS, body, "csv")


def as_table(form: Format) -> Callable[[Outcomes], str]:
    """One table of all gradients, with the findings under it, as Markdown, LaTeX or HTML."""

    def drawn(outcomes: Outcomes) -> str:
        rows = [line for one in outcomes for line in _lines(one)]
        notes = [note for one in outcomes for note in _notes(one)]
        body = [line.cells() for line in rows]
        return _joined(form, table(COLUMNS, body, form), notes, outcomes)

    return drawn


def _lines(one: Outcome) -> list[Any]:
    return [] if one.report is None else lines(one.layer, one.configuration, one.report)


def _notes(one: Outcome) -> list[str]:
    if one.report is None:
        return [f"{one.layer}: {one.error}"]
    return [f"{one.report.title}: {note}" for note in (*one.notes, *one.report.notes())]


def _joined(form: Format, drawn: str, notes: Sequence[str], outcomes: Outcomes) -> str:
    match form:
        case "latex":
            return "\n".join([*(f"% {printable(note)}" for note in notes), drawn])
        case "html":
            items = "".join(f"<li>{escape(note, 'html')}</li>" for note in notes)
            listed = f"<ul>{items}</ul>" if items else ""
            marked = "".join(one.report.by_line.html() for one in outcomes if one.report)
            return f"{drawn}{listed}{marked}"
        case _:
            listed = "\n".join(f"- {escape(note, 'markdown')}" for note in notes)
            return f"{drawn}\n\n{listed}".rstrip()


def as_github(outcomes: Outcomes) -> str:
    """Annotations on the wrong lines, ten at most, and the table as Markdown for the job's summary."""
    found = [text for one in outcomes for text in _annotations(one)]
    shown = found[:ANNOTATIONS]
    if len(found) > ANNOTATIONS:
        rest = len(found) - ANNOTATIONS + 1
        shown[-1] = f"::error::and {rest} more, which the table lists"
    return "\n".join([*shown, as_table("markdown")(outcomes)])


def _annotations(one: Outcome) -> Iterator[str]:
    if one.report is None:
        yield f"::error::{_workflow(one.error or '')}"
    elif not one.report.passed:
        level = "error" if one.report.verdict is Verdict.FAIL else "warning"
        for finding, line in _places(one.report):
            file = f" file={_property(one.report.file)}" if one.report.file else ""
            at = f",line={line}" if file and line else ""
            text = _workflow(f"{one.report.title}: {finding.message}")
            yield f"::{level}{file}{at},title={finding.code}::{text}".replace(
                f"{level},", f"{level} "
            )


def _places(report: Report) -> Iterator[tuple[Finding, int | None]]:
    """What convicts, or keeps from concluding, each with its line where one is known."""
    wrong = report.by_line.first_wrong
    if wrong is not None:
        yield wrong, wrong.evidence["line"]
        return
    for finding in report.all_findings():
        if CODES[finding.code].kind == "diagnosis" or finding.fails or finding.code == "unresolved":
            yield finding, finding.evidence.get("line")


def _workflow(text: str) -> str:
    """Text of a workflow command: one line, its signs as GitHub wants them."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _workflow(text).replace(":", "%3A").replace(",", "%2C")


def as_sarif(outcomes: Outcomes) -> str:
    """SARIF 2.1.0: a rule for each finding code, a result for each finding that convicts."""
    results = [result for one in outcomes for result in _sarif_results(one)]
    used = {result["ruleId"] for result in results}
    rules = [
        {
            "id": code,
            "shortDescription": {"text": meaning.seen},
            "help": {"text": meaning.advice},
        }
        for code, meaning in CODES.items()
        if code in used
    ]
    driver = {"name": "gradcheck", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": results}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _sarif_results(one: Outcome) -> Iterator[dict[str, Any]]:
    if one.report is None:
        yield {"ruleId": "raises", "level": "error", "message": {"text": one.error}}
        return
    if one.report.passed:
        return
    for finding, line in _places(one.report):
        result: dict[str, Any] = {
            "ruleId": finding.code,
            "level": "error" if one.report.verdict is Verdict.FAIL else "warning",
            "message": {"text": f"{one.report.name}: {finding.message}"},
        }
        if one.report.file:
            place: dict[str, Any] = {"artifactLocation": {"uri": one.report.file}}
            place |= {"region": {"startLine": line}} if line else {}
            result["locations"] = [{"physicalLocation": place}]
        yield result


def as_junit(outcomes: Outcomes) -> str:
    """JUnit's XML: a case for each gradient, a failure with its sentence, an error without a report."""
    suite = ElementTree.Element("testsuite", name="gradcheck")
    for one in outcomes:
        for case in _cases(one):
            suite.append(case)
    cases = list(suite)
    suite.set("tests", str(len(cases)))
    for kind in ("failure", "error"):
        suite.set(f"{kind}s", str(sum(case.find(kind) is not None for case in cases)))
    ElementTree.indent(suite)
    return ElementTree.tostring(suite, encoding="unicode", xml_declaration=True)


def _cases(one: Outcome) -> Iterator[ElementTree.Element]:
    group = printable(one.layer)
    if one.report is None or not one.report.rows:
        case = ElementTree.Element("testcase", classname=group, name=printable(one.configuration))
        kind = "error" if one.report is None else "failure"
        said = one.error if one.report is None else "\n".join(one.report.notes())
        if one.report is None or not one.report.passed:
            ElementTree.SubElement(case, kind, message=printable(said or ""))
        yield case
        return
    whole = [str(finding) for finding in one.report.findings if finding.fails]
    for row in one.report.rows:
        case = ElementTree.Element("testcase", classname=group, name=f"d{printable(row.name)}")
        if row.verdict is not Verdict.PASS or whole:
            said = "; ".join([*whole, *map(str, row.findings)])
            ElementTree.SubElement(case, "failure", message=printable(said), type=str(row.verdict))
        yield case


FORMATS: dict[str, Callable[[Outcomes], str]] = {
    "json": as_json,
    "markdown": as_table("markdown"),
    "latex": as_table("latex"),
    "html": as_table("html"),
    "csv": as_csv,
    "github": as_github,
    "sarif": as_sarif,
    "junit": as_junit,
}
"""All but `text`, which is for people and depends on their terminal."""
