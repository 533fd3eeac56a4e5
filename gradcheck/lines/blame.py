"""Whose fault a wrong value is: its diagnosis, the finding that names its line, and the rows it explains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.diagnosis.diagnose import OF_THE_VALUE, diagnose, diagnose_shape
from gradcheck.diagnosis.wrong import Context, WrongGradient
from gradcheck.layer import copies
from gradcheck.lines.agree import doubt
from gradcheck.lines.cells import in_its_cell
from gradcheck.lines.flow import behind, doubtful_loops, doubtful_sites, known_names
from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.judge import Compared, Judgement
from gradcheck.lines.narrow import Narrowed, narrowed
from gradcheck.lines.record import Record
from gradcheck.lines.recorder import Site
from gradcheck.lines.statements import key_of
from gradcheck.lines.uses import Source, Use, diagnose_uses
from gradcheck.numeric import Forward
from gradcheck.result import Array, Finding, Row, Verdict


def blamed(judgement: Judgement, wrong: Compared, found: Finding | None) -> Finding:
    """The first wrong value, with its line, its diagnosis, and the lines that share the doubt."""
    record, site = judgement.record, wrong.site
    known = known_names(record, judgement.matches)
    known -= set() if wrong.label.returned else {wrong.label.variable}
    # Where a helper computed it, the line that calls the helper may have called it with something wrong.
    called = record.log[wrong.time].site
    others = doubtful_sites(record, called, known) + ([called] if called != site else [])
    others += [*_handing_on(record, wrong), *_writing(record, wrong)]
    others += _handing_in(judgement, wrong)
    lines = narrowed(judgement, wrong, [other for other in others if other.line != site.line])
    message = _message(lines, wrong, found)
    loops = doubtful_loops(record, (lines.site, *lines.others), judgement.right_before())
    # A helper's line that was right at another call goes wrong with what it is handed, not before.
    innocent = {site.line} if lines.solved and site in judgement.right_sites else set()
    also = sorted({*loops, *(s.line for s in lines.others)} - {lines.site.line} - innocent)
    code = None if found is None else found.code
    named = _called(lines.site) if lines.solved else str(wrong.label)
    seen = {"name": wrong.label.in_a_sentence, "line": site.line}
    return first_wrong(record, message, lines.site, also, name=named, code=code, seen=seen)


def _writing(record: Record, wrong: Compared) -> list[Site]:
    """The statements that wrote over a wrong value."""
    match = wrong.match
    return [record.log[time].site for time, _ in match.times] if match.overwritten else []


def _handing_on(record: Record, wrong: Compared) -> list[Site]:
    """What returns a gradient as it is, where that is of another shape or only what a helper has computed."""
    position = wrong.match.intermediate.position
    suspicious = wrong.match.hand.shape != wrong.row.shape or _is_of_a_call(record, wrong)
    return [record.returned[position]] if suspicious and position in record.returned else []


def _handing_in(judgement: Judgement, wrong: Compared) -> list[Site]:
    """What ran in other helpers since something last was right, where a helper reads what it was handed."""
    record, helper = judgement.record, wrong.site.function
    if not _reads_what_it_is_handed(record, wrong.site):
        return []
    passed = record.log[_last_right(judgement, wrong.time) + 1 : wrong.time]
    others = dict.fromkeys(event.site for event in passed)
    return [site for site in others if site.function not in ("", helper)]


def _reads_what_it_is_handed(record: Record, site: Site) -> bool:
    """Whether a statement of a helper reads a name of its own that none of its statements computes."""
    own = {read for read in site.reads if site.function and read.startswith(f"{site.function}::")}
    return bool(own - {other.variable for other in record.copy.sites})


def _last_right(judgement: Judgement, until: int) -> int:
    """When something last was right before a moment."""
    right = (one.time for one in judgement.compared if one.row.verdict is Verdict.PASS)
    return max((time for time in right if time < until), default=-1)


def _is_of_a_call(record: Record, wrong: Compared) -> bool:
    """Whether what is wrong is what a helper has returned."""
    helpers = {key_of(site.function) for site in record.copy.sites if site.function}
    return bool({read.partition("[")[0] for read in wrong.site.reads} & helpers)


def _message(lines: Narrowed, wrong: Compared, found: Finding | None) -> str:
    """Which value is wrong, and how, where no row says that already."""
    name, line = wrong.label.in_a_sentence, wrong.site.line
    message = f"{name}, line {line}, is the first wrong value on the way back."
    if lines.solved:
        message = (
            f"{_called(lines.site)}, line {lines.site.line}, is wrong: with another value of it every "
            f"gradient is right. {name}, line {line}, is the first value seen to be wrong."
        )
    if found is not None and wrong.match.intermediate.position is None:
        # Of an input's gradient its own row says it.
        message += f" {found.message}"
    return message


def _called(site: Site) -> str:
    """What a statement computes, in a sentence: its name, or what a helper returns."""
    return site.name or f"what {site.function} returns"


def first_wrong(
    record: Record, message: str, site: Site, also: Sequence[int], **known: Any
) -> Finding:
    """The finding that names a line.

    Args:
        record: of the run.
        message: what is wrong there.
        site: the statement that is blamed.
        also: the lines that share the doubt.
        **known: what else is known: `name` and `code` of the mistake, and in which line it was `seen`.
    """
    message += doubt(also)
    if record.copy.elsewhere:
        message += f" The line is in {Path(record.copy.file).name}."
    message += in_its_cell(record.copy.file, site.line)
    evidence = {
        "name": site.name, "file": record.copy.file, "line": site.line, "source": site.text,
        "helper": site.function, "code": None, "also": [*also], **known,
    }  # fmt: skip
    return Finding("first-wrong-line", message, evidence)


def explained(judgement: Judgement, wrong: Compared, found: Finding | None) -> list[Row]:
    """The rows; where one could not be explained, the diagnosis of the line that it follows from."""
    rows = judgement.record.rows
    if found is None:
        return list(rows.values())
    return [_explained(judgement, wrong, found, position) for position in rows]


def _explained(judgement: Judgement, wrong: Compared, found: Finding, position: int) -> Row:
    record, name, line = judgement.record, str(wrong.label), wrong.site.line
    row = record.rows[position]
    follows = not wrong.label.returned and wrong.label.variable in behind(record, position)
    if not follows or all(finding.code != "unknown" for finding in row.findings):
        return row
    own = position == wrong.match.intermediate.position
    message = found.message if own else f"it follows from {name}, line {line}: {found.message}"
    named = replace(found, message=message, evidence={**found.evidence, "of": name, "line": line})
    findings = (named if finding.code == "unknown" else finding for finding in row.findings)
    return replace(row, findings=tuple(findings))


def diagnosis(judgement: Judgement, wrong: Compared) -> Finding | None:
    """The name of what is wrong with a value."""
    position, rows = wrong.match.intermediate.position, judgement.record.rows
    fits = wrong.match.hand.shape == wrong.row.shape
    if position is not None and position in rows:
        return _named_in(rows[position]) or (_by_its_uses(judgement, wrong) if fits else None)
    if not fits:
        return _misshapen(wrong)
    wrong = _at_its_first_step(wrong)
    found = diagnose(wrong.suspect, OF_THE_VALUE) or _by_its_uses(judgement, wrong)
    return found and (_step_left_out(judgement, wrong, found) or found)


def _named_in(row: Row) -> Finding | None:
    """What is found first of a gradient, if that is the name of a mistake."""
    first = next(iter(row.findings), None)
    return None if first is None or first.code in ("unknown", "kink") else first


def _step_left_out(judgement: Judgement, wrong: Compared, found: Finding) -> Finding | None:
    """The gradient of what comes next: the step from here to there was left out."""
    after, one = found.evidence.get("gradient_of"), wrong.match.intermediate
    later = judgement.record.meanings.get(str(after), ())
    if not any(one.variable in use.reads for use in later):
        return None
    return Finding(
        "missing-mask",
        f"{wrong.label} is the gradient of {after}: the derivative of the step from "
        f"{one.name} to {after} was left out.",
        {"gradient_of": after},
    )


def _misshapen(wrong: Compared) -> Finding:
    hand, row, name = wrong.match.hand, wrong.row, str(wrong.label)
    if np.isfinite(hand).all():
        named = diagnose_shape(name, hand, row.numeric, row.bound)
        if named is not None:
            return named
    return Finding(
        "wrong-shape",
        f"{name} has shape {hand.shape}, expected {row.shape}, the shape of {row.name}.",
        {"expected": list(row.shape), "returned": list(hand.shape)},
    )


def _at_its_first_step(wrong: Compared) -> Compared:
    """The step at which a value first was wrong: those after it may only have inherited that."""
    one, suspect, step = wrong.match.intermediate, wrong.suspect, _first_step(wrong)
    if step is None:
        return wrong
    place, whole = one.place(step), suspect.context.forward

    def alone(moved: Array) -> Array:
        inputs = copies(whole.inputs)
        inputs[suspect.position][place] = moved
        return whole.raw(*inputs)

    parts = (suspect.claimed, suspect.true, suspect.bound, suspect.smooth)
    claimed, true, bound, smooth = (np.array(part[place]) for part in parts)
    forward = Forward(alone, [np.array(suspect.x[place])])
    context = Context(suspect.context.layer, [one.name], forward, suspect.context.dy, {})
    return replace(wrong, suspect=WrongGradient(context, 0, claimed, true, bound, smooth))


def _first_step(wrong: Compared) -> int | None:
    """The time step at which a value first was wrong, if it has any."""
    place = next((p for t, p in wrong.match.times if t == wrong.time), None)
    return wrong.match.intermediate.step_of(place)


def _by_its_uses(judgement: Judgement, wrong: Compared) -> Finding | None:
    """A diagnosis by what is computed from the value, as far as its gradients are known."""
    record, value = judgement.record, wrong.match.intermediate
    copy, inputs = record.copy, record.context.inputs
    source = Source(value, copy.layer, copy.recorder, inputs, _first_step(wrong))
    return diagnose_uses(wrong.suspect, source, _uses(judgement, value))


def _uses(judgement: Judgement, value: Intermediate) -> list[Use]:
    """The values computed from a value, through others whose gradient nobody has named."""
    record, gradient = judgement.record, judgement.stage.gradient
    found: dict[int, Intermediate] = {}
    between: set[str] = set()
    waiting = [value.variable]
    while waiting:
        name = waiting.pop()
        for one in _reading(judgement, name):
            if one.variable in (value.variable, *between):
                continue
            if gradient(one) is not None:
                found[id(one)] = one
            else:
                between.add(one.variable)
                waiting.append(one.variable)
    recorded = record.copy.recorder.recorded.items()
    sites = frozenset(number for number, o in recorded if o.site.variable in between)
    return [Use(one, g, sites) for one in found.values() if (g := gradient(one)) is not None]


def _reading(judgement: Judgement, name: str) -> Iterator[Intermediate]:
    """The values of the forward pass that are computed from a name directly."""
    for several in judgement.record.meanings.values():
        yield from (one for one in several if name in one.reads)
