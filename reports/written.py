"""The folder a run leaves behind: tables in every form, each with what is needed to judge it, and figures."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gradcheck.render import printable
from gradcheck.result import plain
from gradcheck.version import __version__
from reports.files import write_text
from reports.machine import now, versions
from reports.page.report import report_page
from reports.request import Found, Request
from reports.table import Line, render

SCHEMA = "gradcheck-run/1"
"""The form of gradients.json; the number goes up when a reader of the old form would be misled."""

PAGE = "report.html"
TEXTS = ("gradients.txt", "gradients.md", "gradients.csv", "gradients.json", PAGE)

FIGURES = ("digits.svg", "errors-layers.svg", "errors-network.svg", "losses.svg", "filters.svg")
"""All that a run can draw; one that this run did not draw is an earlier run's."""

LIBRARIES = ("numpy", "tensorflow", "keras", "scipy")
"""Whose versions the figures depend on."""


def draw(request: Request, stages: Mapping[str, Found]) -> Found:
    """Draw every figure; those of an earlier run go first, lest they stand beside new tables."""
    from reports import figures

    data = request.data
    drawings = {
        "digits.svg": lambda: figures.digits(data.x_train, data.y_train, Path(data.source).name)
    }
    for found in stages.values():
        drawings |= found.figures
    for name in FIGURES:
        (request.out / name).unlink(missing_ok=True)
    for name in request.progress.over(list(drawings), "figures"):
        figures.save(drawings[name](), request.out / name)
    return Found(True)


def write(request: Request, stages: Mapping[str, Found], passed: bool) -> Found:
    """Write the page and the tables, with verdict, findings, data, seed, versions and times.

    The times written are those until now; how long this takes only the terminal can say.
    """
    table = [line for found in stages.values() for line in found.table]
    facts = _facts(request, stages, passed)
    record = {**facts, "gradients": json.loads(render(table, "json"))}
    texts = (
        _document(table, facts, "text", lambda title: f"{title}\n{'=' * len(title)}"),
        _document(table, facts, "github", lambda title: f"## {title}"),
        render(table, "csv"),
        json.dumps(plain(record), indent=2, allow_nan=False),
        report_page(request, stages, plain(record)),
    )
    for name, text in zip(TEXTS, texts, strict=True):
        write_text(request.out / name, text)
    return Found(True)


def _document(
    table: Sequence[Line], facts: Mapping[str, Any], form: str, heading: Callable[[str], str]
) -> str:
    """The table to be read: under what was run, over what was found."""
    found = [
        f"{line.layer} ({line.configuration}), d{line.row.name} {finding}"
        for line in table
        for finding in line.row.findings
    ]
    said = [*facts["notes"], *found] or ["none"]
    return "\n".join(
        [
            heading("Everything passed" if facts["passed"] else "NOT everything passed"),
            "",
            *(f"- {line}" for line in _circumstances(facts)),
            "",
            heading("Gradients"),
            "",
            render(table, form),
            "",
            heading("Findings"),
            "",
            *(f"- {line}" for line in said),
        ]
    )


def _circumstances(facts: Mapping[str, Any]) -> list[str]:
    versions = [f"{name} {facts[name]}" for name in LIBRARIES if name in facts]
    quick = ", quick" if facts["quick"] else ""
    witnesses = "differences and GradientTape" if facts["tape"] else "differences alone (--no-tape)"
    return [
        f"{printable(facts['data'])}; network {facts['network']}; seed {facts['seed']}{quick}",
        f"witnesses: {witnesses}",
        f"gradcheck {facts['gradcheck']}, Python {facts['python']}, {', '.join(versions)}",
        f"{facts['date']}; {facts['times']}",
    ]


def times(stages: Mapping[str, Found]) -> str:
    """What each stage took, and all of them."""
    parts = [f"{name} {found.seconds:.1f}" for name, found in stages.items() if found.seconds]
    total = sum(found.seconds for found in stages.values())
    return f"{total:.1f} s: {', '.join(parts)}."


def _facts(request: Request, stages: Mapping[str, Found], passed: bool) -> dict[str, Any]:
    """Everything that somebody needs to judge the tables, or to make them again."""
    return {
        "schema": SCHEMA,
        "passed": passed,
        "command": request.command,
        "date": now(),
        "data": str(request.data),
        "network": request.architecture,
        "seed": request.seed,
        "quick": request.quick,
        "tape": request.tape,
        "gradcheck": __version__,
        "python": platform.python_version(),
        **versions(LIBRARIES),
        **{name: found.facts for name, found in stages.items() if found.facts},
        "seconds": {name: round(found.seconds, 3) for name, found in stages.items()},
        "times": times(stages),
        "notes": [note for found in stages.values() for note in found.notes],
    }
