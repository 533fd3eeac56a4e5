"""Which of several lines in doubt it is, where a repair was proved: the line that it changes takes the blame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from gradcheck.lines.cells import in_its_cell
from gradcheck.lines.statements import given, only_statement, place_of
from gradcheck.result import Finding, Lines, Repair

UNCLEAR = ("raises", "wrong-shape", "zero")
"""What shows in another line than it was made in as often as not."""
ROOM = re.compile(r"=\s*(?:\w+\.)?(?:zeros|empty)(?:_like)?\(")
"""Where room is made for what is written later, perhaps through a view of it that nobody has compared."""


def in_doubt(lines: Lines) -> bool:
    """Whether the mistake may be in another line than the one that is blamed, or no line is."""
    first = lines.first_wrong
    if first is None:
        return bool(lines.listing)
    doubtful = bool(first.evidence["also"]) or first.evidence["code"] in UNCLEAR
    return doubtful or bool(ROOM.search(first.evidence["source"]))


def agreed(lines: Lines, repair: Repair) -> Lines:
    """The lines, the blame on the one that a proved repair changes; as they are if it changes several.

    The message no longer doubts the others, which could make good what this one does; the evidence
    still holds them.
    """
    if len(repair.edits) > 1:
        return lines
    first, line = lines.first_wrong, repair.line
    if first is None or first.evidence["line"] != line:
        return _blaming_another(lines, repair)
    certain = first.message.replace(doubt(first.evidence["also"]), "")
    return _blaming(lines, f"{certain} One change in line {line} makes every gradient right.")


def _blaming_another(lines: Lines, repair: Repair) -> Lines:
    """The lines, the blame on one that was only in doubt, or not even that."""
    first, line, name = lines.first_wrong, repair.line, _name_in(repair.before)
    start = f"{name}, line {line}," if name else f"Line {line}"
    message = f"{start} is wrong: one change in it makes every gradient right."
    evidence = {
        "name": name,
        "line": line,
        "source": repair.before,
        "code": repair.code,
        "also": [],
    }
    if first is not None:
        message += f" {_seen(first)}{in_its_cell(first.evidence['file'], line)}"
        doubted = {first.evidence["line"], *first.evidence["also"]}
        evidence["also"] = sorted(doubted - {line})
    return _blaming(lines, message, **evidence)


def _seen(first: Finding) -> str:
    seen = first.evidence["seen"]
    if first.evidence["code"] == "raises":
        return f"Line {seen['line']} raises."
    return f"The first value seen to be wrong is {seen['name']}, line {seen['line']}."


def _blaming(lines: Lines, message: str, **evidence: Any) -> Lines:
    """The lines with something else known of the first wrong one."""
    known = {"file": lines.file} if lines.first_wrong is None else lines.first_wrong.evidence
    finding = Finding("first-wrong-line", message, {**known, **evidence})
    return replace(lines, first_wrong=finding)


def doubt(also: Sequence[int]) -> str:
    """The sentence, with a blank before it, about the lines that share a doubt; nothing if none do."""
    if not also:
        return ""
    return (
        f" What {listed_lines(also)} goes into it and cannot be compared: the mistake may be there."
    )


def listed_lines(numbers: Sequence[int]) -> str:
    """Lines and their verb: line 3 does, lines 3 and 5 do, lines 3, 4 and 5 do."""
    *others, last = map(str, numbers)
    return f"lines {', '.join(others)} and {last} do" if others else f"line {last} does"


def _name_in(text: str) -> str:
    """What a line gives a value to, if it is a statement that does."""
    places = (place_of(target) for target, _ in given(only_statement(text)))
    return next((place[0] for place in places if place), "")
