"""What came of the targets, in every form: for people, for programs, for the pages of others."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

from gradcheck.render import Format, escape, printable, table, whole_page
from gradcheck.result import CODES, Finding, Report, Verdict, plain
from gradcheck.result.written import CSV_COLUMNS as CSV_HEADS
from gradcheck.result.written import SCHEMA, csv_cells, saying
from gradcheck.version import __version__
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
        place = {"file": one.file, "line": None if one.at is None else one.at[1]}
        whole = {"name": one.layer, **place, "verdict": None, "passed": False}
        return {"schema": SCHEMA, **whole, **about}
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
        columns, body = saying(COLUMNS, [line.cells() for line in rows])
        return _joined(form, table(columns, body, form) if body else "", notes, outcomes)

    return drawn


def _lines(one: Outcome) -> list[Any]:
    return [] if one.report is None else lines(one.layer, one.configuration, one.report)


def _notes(one: Outcome) -> list[str]:
    if one.report is None:
        return [one.error or ""]
    return [f"{one.report.title}: {note}" for note in (*one.notes, *one.report.notes())]


def _joined(form: Format, drawn: str, notes: Sequence[str], outcomes: Outcomes) -> str:
    match form:
        case "latex":
            return "\n".join([*(f"% {printable(note)}" for note in notes), drawn])
        case "html":
            items = "".join(f"<li>{escape(note, 'html')}</li>" for note in notes)
            listed = f"<ul>{items}</ul>" if items else ""
            marked = "".join(one.report.by_line.html() for one in outcomes if one.report)
            return whole_page("gradcheck", f"{drawn}{listed}{marked}").rstrip()
        case _:
            listed = "\n".join(f"- {escape(note, 'markdown')}" for note in notes)
            return f"{drawn}\n\n{listed}".strip()


def as_github(outcomes: Outcomes) -> str:
    """Annotations on the wrong lines, ten at most, and the table as Markdown for the job's summary."""
    found = [_annotation(remark) for one in outcomes for remark in _remarks(one)]
    shown = found[:ANNOTATIONS]
    if len(found) > ANNOTATIONS:
        rest = len(found) - ANNOTATIONS + 1
        shown[-1] = f"::error::and {rest} more, which the table lists"
    return "\n".join([*shown, as_table("markdown")(outcomes)])


@dataclass(frozen=True)
class Remark:
    """What somebody else's page points at: how bad it is, its code, a sentence, and the place."""

    level: str
    code: str
    message: str
    file: str | None
    line: int | None


NOT_CHECKED = "not-checked"
"""The code of a target without a report, beside those of findings."""

MEANINGS = {code: (meaning.seen, meaning.advice) for code, meaning in CODES.items()} | {
    NOT_CHECKED: (
        "There is no report: the target could not be found, imported or given inputs.",
        "The message says what is missing or in the way.",
    )
}
"""What each code means, and what to do about it."""


def _remarks(one: Outcome) -> Iterator[Remark]:
    """What is pointed at: a target without a report, and all that convicts or keeps from concluding."""
    if one.report is None:
        line = None if one.at is None else one.at[1]
        yield Remark("error", NOT_CHECKED, one.error or "", one.file, line)
        return
    report = one.report
    level = "error" if report.verdict is Verdict.FAIL else "warning"
    for finding, line in () if report.passed else _places(report):
        message = f"{report.title}: {finding.message}"
        yield Remark(level, finding.code, message, report.file, line)


def _places(report: Report) -> Iterator[tuple[Finding, int | None]]:
    """What convicts, or keeps from concluding, each with its line where one is known."""
    wrong = report.by_line.first_wrong
    if wrong is not None:
        yield wrong, wrong.evidence["line"]
        return
    for finding in report.all_findings():
        if CODES[finding.code].kind == "diagnosis" or finding.fails or finding.code == "unresolved":
            yield finding, finding.evidence.get("line")


def _annotation(remark: Remark) -> str:
    """A workflow command of GitHub's."""
    place = {"file": remark.file, "line": remark.line if remark.file else None}
    properties = {**place, "title": remark.code}
    listed = ",".join(f"{k}={_property(str(v))}" for k, v in properties.items() if v is not None)
    return f"::{remark.level} {listed}::{_workflow(printable(remark.message))}"


def _workflow(text: str) -> str:
    """Text of a workflow command: one line, its signs as GitHub wants them."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _workflow(printable(text)).replace(":", "%3A").replace(",", "%2C")


def as_sarif(outcomes: Outcomes) -> str:
    """SARIF 2.1.0: a rule for each code that is used, a result for each remark."""
    remarks = [remark for one in outcomes for remark in _remarks(one)]
    used = {remark.code for remark in remarks}
    rules = [
        {"id": code, "shortDescription": {"text": seen}, "help": {"text": advice}}
        for code, (seen, advice) in MEANINGS.items()
        if code in used
    ]
    driver = {"name": "gradcheck", "version": __version__, "rules": rules}
    run = {"tool": {"driver": driver}, "results": [_result(remark) for remark in remarks]}
    schema = "https://json.schemastore.org/sarif-2.1.0.json"
    return json.dumps({"$schema": schema, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(remark: Remark) -> dict[str, Any]:
    """A result of SARIF's, with its place where there is one."""
    said = {"level": remark.level, "message": {"text": remark.message}}
    result: dict[str, Any] = {"ruleId": remark.code, **said}
    if remark.file:
        place: dict[str, Any] = {"artifactLocation": {"uri": remark.file}}
        place |= {"region": {"startLine": remark.line}} if remark.line else {}
        result["locations"] = [{"physicalLocation": place}]
    return result


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
    """A case for each gradient, or one for a target that has none."""
    report = one.report
    if report is None:
        yield _case(one, one.configuration, "error", NOT_CHECKED, one.error or "")
        return
    if not report.rows:
        said = "\n".join(report.notes())
        yield _case(one, one.configuration, "failure", str(report.verdict), said)
    whole = [str(finding) for finding in report.findings if finding.fails]
    for row in report.rows:
        if row.verdict is Verdict.PASS and not whole:
            yield _case(one, f"d{row.name}")
        else:
            said = "; ".join([*whole, *map(str, row.findings)])
            yield _case(one, f"d{row.name}", "failure", str(row.verdict), said)


def _case(
    one: Outcome, name: str, trouble: str = "", kind: str = "", said: str = ""
) -> ElementTree.Element:
    """A case, and in it the element that says what is wrong, a failure or an error, if anything is."""
    # Two files may hold a layer of the same name.
    whose = f"{one.file}:{one.layer}" if one.file else one.layer
    case = ElementTree.Element("testcase", classname=printable(whose), name=printable(name))
    if trouble:
        ElementTree.SubElement(case, trouble, message=printable(said), type=kind)
    return case


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
