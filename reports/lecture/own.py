"""A handout of somebody's own code, whichever shape it has: what it says, computes, and gets wrong."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from html import escape
from pathlib import Path
from typing import Any

from gradcheck.render import fenced, printable
from gradcheck.result import Report
from gradcheck.version import __version__
from reports.lecture.apart import look
from reports.lecture.curves import taylor_curve, v_curve, v_said
from reports.lecture.handout import BY_HAND, CODE, NOTED, THERE_AND_BACK, sheet
from reports.lecture.notebook import Cell, written
from reports.lecture.slides import deck
from reports.page.code import listing
from reports.page.drawing import captioned
from reports.page.shell import section
from reports.targets import FILES, answer
from reports.targets.options import Options


def own_handout(place: str, name: str, options: Options) -> str:
    """The page of a layer, pair, derivative, loss or class in a file, as HTML that stands by itself.

    Raises:
        UserError: if there is no such thing, or it cannot be run; the text is one line.
    """
    seen = _seen(place, name, options)
    report: Report = seen["report"]
    parts = [section(heading, inside) for heading, inside in _parts(seen)]
    foot = f"<footer>Made by gradcheck {escape(__version__)}, seed {report.seed}.</footer>"
    return sheet(f"{name}: the backward pass", [_head(place, report), *parts, foot])


def own_slides(place: str, name: str, options: Options) -> str:
    """The same as slides, a part on each.

    Raises:
        UserError: as for the handout.
    """
    seen = _seen(place, name, options)
    parts = [f"<h2>{heading}</h2>{inside}" for heading, inside in _parts(seen) if inside]
    return deck(name, [_head(place, seen["report"]), *parts])


def own_notebook(place: str, name: str, options: Options, folder: Path = Path()) -> str:
    """The same as a notebook in a folder, with a cell that checks the file again.

    Raises:
        UserError: as for the handout.
    """
    seen = _seen(place, name, replace(options, smallest=True))
    # Jupyter works in the folder of the notebook.
    there = os.path.relpath(place, folder) if place.endswith(FILES) else place
    return written(name, _cells(place, f"{there}:{name}", seen))


def _cells(place: str, target: str, seen: Mapping[str, Any]) -> Iterator[Cell]:
    report: Report = seen["report"]
    yield "markdown", f"# {printable(report.name)}\n\n`{printable(place)}`"
    if seen["doc"]:
        yield "markdown", fenced(seen["doc"], "text")
    for lines in seen["code"]:
        yield "markdown", fenced("\n".join(text for _, text in lines), "python")
    yield (
        "markdown",
        f"## {'Checked' if report.passed else 'What is wrong'}\n\n{report.to_markdown()}",
    )
    if report.rows:
        yield "markdown", f"## By hand\n\n{fenced(str(report.smallest()), 'text')}"
    yield "code", f"!gradcheck check {shlex.quote(target)} --lines"


def _head(place: str, report: Report) -> str:
    return (
        f"<h1>{escape(report.name)}</h1>\n<p class='lead'><code>{escape(place)}</code></p>\n"
        f"{_verdict(report)}"
    )


def _parts(seen: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Each part under its heading; empty where there is nothing to say."""
    report: Report = seen["report"]
    wrong = () if report.passed else _wrong(report, seen)
    yield "What it says of itself", _doc(seen["doc"])
    yield "In code", (CODE if seen["signs"] else "") + "\n".join(_code(seen))
    yield "What is wrong", "\n".join(wrong)
    yield "By hand", "\n".join(_by_hand(seen))
    yield "Checked", "\n".join((*_checked(seen), *_figures(seen)))


def _seen(place: str, name: str, options: Options) -> dict[str, Any]:
    return dict(answer(look, place, name, options))


def _verdict(report: Report) -> str:
    wrong = [f"d{row.name}" for row in report if str(row.verdict) != "PASS"]
    told = {
        "PASS": "Every gradient is right, as far as can be seen.",
        "FAIL": f"Wrong: {', '.join(wrong)}."
        if wrong
        else "It does what a backward pass must not do.",
        "INCONCLUSIVE": "It cannot be told whether every gradient is right.",
    }[str(report.verdict)]
    style = {"PASS": " pass", "FAIL": " fail"}.get(str(report.verdict), "")
    return f'<p class="said{style}"><strong>{report.verdict}.</strong> {escape(told)}</p>'


def _doc(text: str) -> str:
    return f"<pre>{escape(text)}</pre>" if text else ""


def _code(seen: Mapping[str, Any]) -> Iterator[str]:
    marks = seen["report"].by_line.marks()
    wrong = {number: mark for number, mark in marks.items() if mark != "right"}
    if seen["code"]:
        yield listing([line for lines in seen["code"] for line in lines], seen["signs"], wrong)


def _wrong(report: Report, seen: Mapping[str, Any]) -> Iterator[str]:
    """The report, the repair as a patch, and where the code and the truth part."""
    yield f'<div class="scroll report">{report.to_html()}</div>'
    if report.repair is not None:
        yield f"<pre>{escape(report.repair.diff)}</pre>"
    if "worked" in seen and seen["small"]:
        yield f"<p>In the example below, {escape(seen['small'])}</p>"


def _by_hand(seen: Mapping[str, Any]) -> Iterator[str]:
    if "worked" in seen:
        # Not every sum is known: what a class keeps in itself is not followed.
        opens = "popovertarget" in seen["worked"]
        yield BY_HAND + NOTED if opens else f"<p>{THERE_AND_BACK}</p>"
        yield seen["worked"]
    elif seen.get("small"):
        yield f"<p>The smallest case in which the same is said.</p><pre>{escape(seen['small'])}</pre>"


def _checked(seen: Mapping[str, Any]) -> Iterator[str]:
    yield from (f"<p>{escape(note)}</p>" for note in seen["notes"])
    if seen["report"].passed:
        yield f'<div class="scroll report">{seen["report"].to_html()}</div>'


def _figures(seen: Mapping[str, Any]) -> Iterator[str]:
    if "about" not in seen:
        return
    name = seen["about"]
    yield '<div class="columns">'
    if seen["curves"] is not None:
        yield captioned(v_curve(seen["curves"]), v_said(name, seen["taylor"]))
    taylor = taylor_curve({f"d{name}": seen["taylor"]})
    if taylor is not None:
        yield captioned(
            taylor, f"Taylor's remainder with d{name}: slope 2 if it is right, 1 if it is wrong."
        )
    yield "</div>"
