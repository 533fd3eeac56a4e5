"""Which of several lines in doubt it is, where a repair was proved: the line that it changes takes the blame."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradcheck.lines.statements import place_of, targets
from gradcheck.result import Finding, Lines, Repair

UNCLEAR = ("raises", "wrong-shape")
"""What shows in another line than it was made in as often as not."""


def in_doubt(lines: Lines) -> bool:
    """Whether the mistake may be in another line than the one that is blamed, or no line is."""
    first = lines.first_wrong
    if first is None:
        return bool(lines.listing)
    if first.evidence["helper"]:
        # A helper is not edited, so that a proof speaks for its caller alone.
        return False
    return bool(first.evidence["also"]) or first.evidence["code"] in UNCLEAR


def agreed(lines: Lines, repair: Repair) -> Lines:
    """The lines, the blame on the one that a proved repair changes; as they are if it changes several.

    The message no longer doubts the others, which could make good what this one does; the evidence
    still holds them.

    Args:
        lines: what was compared, with the first wrong value.
        repair: an edit after which every gradient passes.
    """
    if len(repair.edits) > 1:
        return lines
    first, line = lines.first_wrong, repair.line
    here = first is not None and first.evidence["line"] == line
    message = "" if first is None else first.message.replace(doubt(first.evidence["also"]), "")
    if here:
        message += " One change in this line makes every gradient right."
        return _blaming(lines, message, {})
    name = _name_in(repair.before)
    start = f"{name}, line {line}," if name else f"Line {line}"
    message = f"{start} is wrong: one change in it makes every gradient right. {message}".rstrip()
    evidence = {
        "name": name, "line": line, "source": repair.before, "code": repair.code, "helper": "",
    }  # fmt: skip
    doubted = [] if first is None else [first.evidence["line"], *first.evidence["also"]]
    also = sorted({*doubted} - {line})
    return _blaming(lines, message, {**evidence, "also": also})


def _blaming(lines: Lines, message: str, evidence: dict[str, Any]) -> Lines:
    """The lines with something else known of the first wrong one."""
    known = {} if lines.first_wrong is None else lines.first_wrong.evidence
    finding = Finding("first-wrong-line", message, {**known, **evidence})
    return replace(lines, first_wrong=finding)


def doubt(also: Sequence[int]) -> str:
    """The sentence, with a blank before it, about the lines that share a doubt; nothing if none do."""
    if not also:
        return ""
    return (
        f" What line {', '.join(map(str, also))} does goes into it and cannot be compared: the "
        "mistake may be there."
    )


def _name_in(text: str) -> str:
    """What a line gives a value to, if it is a statement that does."""
    try:
        (statement,) = ast.parse(text.strip()).body
    except (SyntaxError, ValueError):
        return ""
    names = [place[0] for target in targets(statement) if (place := place_of(target))]
    return names[0] if names else ""
