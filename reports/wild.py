"""Mistakes in code outside the catalogue: run as a user would, and judged by verdict, name and line."""

from __future__ import annotations

import ast
import sys
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import gradcheck
from gradcheck.result import Report, Verdict
from layers.mistakes.wild import WildMistake

CONDITIONS = ("kink", "vacuous", "unresolved", "directional")
"""Codes that say what limits a statement, not what is wrong."""


class Naming(StrEnum):
    """What a report calls a mistake: by a true name, by none, or by one that misleads."""

    TRUE = "true"
    UNKNOWN = "unknown"
    MISLEADING = "misleading"


class Blame(StrEnum):
    """Which line a report blames: a wrong one, several with a wrong one among them, a right one, none."""

    RIGHT = "right"
    AMONG = "among others"
    WRONG = "wrong"
    NONE = "none"


@dataclass(frozen=True)
class Judged:
    """A mistake, and what the checker made of it."""

    mistake: WildMistake
    convicted: bool
    naming: Naming
    blame: Blame
    said: str


def run(text: str, check: str, name: str, seed: int = 0) -> Report:
    """The report of a source that is checked by the lines a user would type.

    The source stands in a file of its own while it is checked: it is read and shown as any user's.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name.replace('-', '_')}.py"
        path.write_text(text, "utf-8")
        module = ModuleType(path.stem)
        module.__file__ = str(path)
        sys.modules[path.stem] = module
        try:
            exec(compile(text, str(path), "exec"), vars(module))
            report = _last_value(check, vars(module), seed)
            # Searched while the source is there to be read.
            _ = report.repair
            return report
        finally:
            del sys.modules[path.stem]


def _last_value(check: str, source: dict[str, Any], seed: int) -> Report:
    """Run the lines, and return what the last expression gives."""
    offered = {name: getattr(gradcheck, name) for name in gradcheck.__all__}
    scope = {"np": np, **offered, **source, "rng": np.random.default_rng(seed)}
    *lines, last = ast.parse(check).body
    assert isinstance(last, ast.Expr), "the last line of a check is the report"
    exec(compile(ast.Module(lines, []), "<check>", "exec"), scope)
    report = eval(compile(ast.Expression(last.value), "<check>", "eval"), scope)
    assert isinstance(report, Report)
    return report


def judge(mistakes: Iterable[WildMistake], seed: int = 0) -> Iterator[Judged]:
    """What the checker makes of each: convicted or not, how named, which line."""
    for mistake in mistakes:
        text, lines = mistake.changed
        with np.errstate(all="ignore"):
            report = run(text, mistake.source.check, mistake.name, seed)
        codes = _names(mistake, report)
        yield Judged(
            mistake,
            convicted=report.verdict is Verdict.FAIL,
            naming=_naming(mistake, codes[:1]),
            blame=_blame(report, lines),
            said=codes[0] if codes else "",
        )


def _names(mistake: WildMistake, report: Report) -> list[str]:
    """What is said of the wrong row, and of conduct, but for what limits every statement."""
    of_row = [f.code for row in report.rows if row.name == mistake.gradient for f in row.findings]
    of_conduct = [finding.code for finding in report.findings if finding.fails]
    silent = (*CONDITIONS, "first-wrong-line")
    return [code for code in (*of_row, *of_conduct) if code not in silent]


def _naming(mistake: WildMistake, codes: list[str]) -> Naming:
    if not codes or codes[0] == "unknown":
        return Naming.UNKNOWN
    return Naming.TRUE if codes[0] in mistake.codes else Naming.MISLEADING


def _blame(report: Report, wrong: range) -> Blame:
    found = next((f for f in report.findings if f.code == "first-wrong-line"), None)
    if found is None:
        return Blame.NONE
    if found.evidence["line"] in wrong:
        return Blame.RIGHT
    return Blame.AMONG if set(found.evidence["also"]) & set(wrong) else Blame.WRONG
