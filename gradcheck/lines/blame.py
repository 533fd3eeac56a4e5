"""Whose fault a wrong value is: its diagnosis, the finding that names its line, and the rows it explains."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.compare import relative_error
from gradcheck.diagnosis.diagnose import (
    OF_THE_VALUE,
    diagnose,
    diagnose_shape,
    is_again,
    is_open,
    is_roundabout,
)
from gradcheck.diagnosis.draws import Draws, Redrawn, afresh
from gradcheck.diagnosis.wrong import Context, WrongGradient
from gradcheck.layer import copies
from gradcheck.lines.agree import doubt
from gradcheck.lines.cells import in_its_cell
from gradcheck.lines.compared import Compared
from gradcheck.lines.flow import behind, doubtful_loops, doubtful_sites, lines_of
from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.judge import Judgement, judged_alone
from gradcheck.lines.match import ROOM
from gradcheck.lines.narrow import Narrowed, narrowed
from gradcheck.lines.record import Record, record
from gradcheck.lines.rerun import EXPLAINED, Rerun
from gradcheck.lines.sites import Event, Site
from gradcheck.lines.statements import does_nothing, key_of
from gradcheck.lines.uses import Source, Use, diagnose_uses
from gradcheck.numeric import Forward
from gradcheck.result import Array, Finding, Line, Row, Verdict

Seen = tuple[Judgement, Compared]
"""A wrong value, and the judgement that it is of."""


def blamed(judgement: Judgement, wrong: Compared, found: Finding | None) -> Finding:
    """The first wrong value, with its line, its diagnosis, and the lines that share the doubt."""
    record, others = judgement.record, _others(judgement, wrong)
    idle = _doing_nothing(record, wrong)
    lines = _blaming(idle, others) if idle else narrowed(judgement, wrong, others)
    also = _sharing_doubt(judgement, wrong, lines)
    code = None if found is None else found.code
    named = _called(lines.site) if lines.solved and not lines.idle else str(wrong.label)
    seen = {"name": wrong.label.in_a_sentence, "line": wrong.site.line}
    message = _message(lines, wrong, found)
    return first_wrong(record, message, lines.site, sorted(also), name=named, code=code, seen=seen)


def _blaming(idle: Sequence[Site], others: Sequence[Site]) -> Narrowed:
    """What does nothing, blamed: room that was made is not wrong, and nothing filled it."""
    first, *_ = idle
    return Narrowed(first, tuple(one for one in others if one.line != first.line), idle=True)


def solved(judgement: Judgement, first: Finding) -> tuple[Line, ...]:
    """What each line in doubt should have computed, were it alone wrong: what has no counterpart is solved for."""
    rerun, evidence = Rerun(judgement.record), first.evidence
    several = (_solved(judgement, rerun, line) for line in (evidence["line"], *evidence["also"]))
    return tuple(filter(None, several))


def _solved(judgement: Judgement, rerun: Rerun, line: int) -> Line | None:
    """What a line should have computed, if it has no counterpart and only that makes every gradient right."""
    record, sites = judgement.record, _only_solved(judgement, line)
    with np.errstate(all="ignore"):
        found = ((site, rerun.wanted(site)) for site in sites)
        site, values = next(found, (None, {}))
    if site is None or (time := rerun.first_of(site, values)) is None:
        return None
    # Where there are several, that of the first turn is known the same way as what a loop fills by parts.
    once = rerun.is_passed_once(site)
    true = values[time] if once else values[time][None]
    hand = np.asarray(record.log[time].value, dtype=np.float64).reshape(true.shape)
    bound = np.full(true.shape, _doubt_of(values.values()))
    part = None if once else (line, 0)
    error = relative_error(hand, true)
    text, file = site.text, record.copy.file
    return Line(site.name, line, text, error, bound, Verdict.FAIL, hand, true, file, part)


def _only_solved(judgement: Judgement, line: int) -> list[Site]:
    """The one statement of a line whose value can only be solved for; room that is made has none of its own."""
    sites = [site for site in judgement.record.copy.sites if site.line == line]
    return [*filter(partial(_has_no_other_truth, judgement), sites)] if len(sites) == 1 else []


def _has_no_other_truth(judgement: Judgement, site: Site) -> bool:
    compared = site.loop is None and _is_compared(judgement, site.line)
    return not (compared or site.reads & ROOM)


def _doubt_of(values: Iterable[Array]) -> float:
    """By how much solved values are off; what is zero in one turn is known as well as the others are."""
    whole = np.concatenate([*map(np.ravel, values)])
    return EXPLAINED * float(np.abs(whole).max(initial=0.0))


def _is_compared(judgement: Judgement, line: int) -> bool:
    return any(one.line.line == line for one in judgement.compared)


def _sharing_doubt(judgement: Judgement, wrong: Compared, lines: Narrowed) -> set[int]:
    """The lines that share the doubt with the one that is blamed, loops around them included."""
    sites = (lines.site, *lines.others)
    also = lines_of(sites) | doubtful_loops(judgement.record, sites, judgement.right_before())
    if lines.solved and wrong.site in judgement.right_sites:
        # A helper's line that was right at another call goes wrong with what it is handed, not before.
        also.discard(wrong.site.line)
    return also - {lines.site.line}


def _others(judgement: Judgement, wrong: Compared) -> list[Site]:
    """The statements that share the doubt with that of the first wrong value."""
    record = judgement.record
    # Where a helper computed it, the line that calls the helper may have called it with something wrong.
    called = judgement.computing(wrong)
    behind = doubtful_sites(record, called, judgement.known_but(wrong))
    handed = chain(
        *(_handing_on(record, wrong), _writing(record, wrong)),
        *(_handing_in(judgement, wrong), _doing_nothing(record, wrong)),
    )
    others = chain(behind, [called], handed)
    return [site for site in others if site.line != wrong.site.line]


def _writing(record: Record, wrong: Compared) -> list[Site]:
    match = wrong.match
    return [record.log[time].site for time, _ in match.times] if match.overwritten else []


def _doing_nothing(record: Record, wrong: Compared) -> list[Site]:
    """What does nothing, where room was made and not filled: it may be what should have filled it."""
    unfilled = bool(wrong.site.reads & ROOM)
    return [site for site in record.sites if unfilled and does_nothing(site.text)]


def _handing_on(record: Record, wrong: Compared) -> list[Site]:
    """What returns a gradient as it is, where that is of another shape or only what a helper has computed."""
    site = record.returned.get(wrong.intermediate.position)
    suspicious = not wrong.match.fits or _is_of_a_call(record, wrong)
    return [site] if suspicious and site is not None else []


def _handing_in(judgement: Judgement, wrong: Compared) -> Iterable[Site]:
    """What ran in other helpers since something last was right, where a helper reads what it was handed."""
    if not _reads_what_it_is_handed(judgement.record, wrong.site):
        return ()
    ran = (event.site for event in _since_right(judgement, wrong.time))
    return dict.fromkeys(site for site in ran if site.function not in ("", wrong.site.function))


def _since_right(judgement: Judgement, until: int) -> Sequence[Event]:
    right = (one.time for one in judgement.compared if one.is_right and one.time < until)
    return judgement.record.log[max(right, default=-1) + 1 : until]


def _reads_what_it_is_handed(record: Record, site: Site) -> bool:
    """Whether a statement of a helper reads a name of its own that none of its statements computes."""
    handed = site.reads - {other.variable for other in record.sites}
    return bool(site.function) and any(read.startswith(f"{site.function}::") for read in handed)


def _is_of_a_call(record: Record, wrong: Compared) -> bool:
    """Whether what is wrong is what a helper has returned."""
    helpers = {key_of(site.function) for site in record.sites} - {""}
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
    if lines.idle:
        message = (
            f"Line {lines.site.line} does nothing: it gives nothing a value and calls nothing. "
            f"{name}, line {line}, is wrong."
        )
    if found is not None and not wrong.intermediate.is_input:
        # Of an input's gradient its own row says it.
        message += f" {found.message}"
    return message


def _called(site: Site) -> str:
    """What a statement computes, in a sentence: its name, or what a helper returns."""
    return site.name or f"what {site.function} returns"


def first_wrong(
    record: Record, message: str, site: Site, also: Sequence[int], **known: Any
) -> Finding:
    """The finding that names a line; what is `known`: the mistake's `name` and `code`, where it was `seen`."""
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
    record, label = judgement.record, wrong.label
    if found is None or label.returned:
        return list(record.rows.values())
    return [
        _explained(row, wrong, found, own=position == wrong.intermediate.position)
        if label.variable in behind(record, position)
        else row
        for position, row in record.rows.items()
    ]


def _explained(row: Row, wrong: Compared, found: Finding, *, own: bool) -> Row:
    """A row that follows from a wrong value, with its diagnosis in place of none."""
    name, line = str(wrong.label), wrong.site.line
    message = found.message if own else f"it follows from {name}, line {line}: {found.message}"
    named = replace(found, message=message, evidence={**found.evidence, "of": name, "line": line})
    findings = [named if _says_less(finding, found) else finding for finding in row.findings]
    return replace(row, findings=tuple(findings))


def _says_less(finding: Finding, found: Finding) -> bool:
    """Whether what the numbers of a whole gradient say is less than what a line says, which they follow from."""
    return finding.code == "unknown" or (is_roundabout(finding) and not is_open(found))


def diagnosis(judgement: Judgement, wrong: Compared) -> Finding | None:
    """The name of what is wrong with a value."""
    row = judgement.record.rows.get(wrong.intermediate.position)
    draws = Draws(_afresh(judgement, wrong))
    if row is not None:
        return _named_in(row) or _by_its_uses(judgement, wrong, draws)
    if not wrong.match.fits:
        return _misshapen(wrong)
    return _of_the_value(judgement, _at_its_first_step(wrong), draws)


def _of_the_value(judgement: Judgement, wrong: Compared, draws: Draws[Seen]) -> Finding | None:
    again = (other.suspect for _, other in draws)
    found = diagnose(wrong.suspect, OF_THE_VALUE, again) or _by_its_uses(judgement, wrong, draws)
    return found and (_step_left_out(judgement, wrong, found) or found)


def _afresh(judgement: Judgement, wrong: Compared) -> Iterator[Seen]:
    """The same value at fresh draws, where what is said of it must be true again."""

    def seen(fresh: Redrawn) -> Seen | None:
        compared = filter(None, map(fresh.comparison, judgement.record.rows))
        again = record(fresh, [one.row for one in compared], raised=False)
        alone = judged_alone(again, wrong, seed=0)
        return None if alone.wrong is None else (alone, _at_its_first_step(alone.wrong))

    return afresh(judgement.record.context, seen)


def _named_in(row: Row) -> Finding | None:
    """What is found first of a gradient, if that is the name of a mistake."""
    first = next(iter(row.findings), None)
    return None if first is None or first.code in ("unknown", "kink") else first


def _step_left_out(judgement: Judgement, wrong: Compared, found: Finding) -> Finding | None:
    """The gradient of what comes next: the step from here to there was left out."""
    after, one = found.evidence.get("gradient_of"), wrong.intermediate
    later = judgement.record.meant([str(after)])
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
    one, suspect, step = wrong.intermediate, wrong.suspect, _first_step(wrong)
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
    return wrong.intermediate.step_of(place)


def _by_its_uses(judgement: Judgement, wrong: Compared, draws: Draws[Seen]) -> Finding | None:
    """A diagnosis by what is computed from the value, which is the same at other draws."""
    found = _use_of(judgement, wrong)
    again = found is not None and all(_is_said_at(found, wrong, *draw) for draw in draws)
    return found if again else None


def _is_said_at(found: Finding, wrong: Compared, there: Judgement, other: Compared) -> bool:
    known, grown = _use_of(there, other), wrong.suspect.shapes != other.suspect.shapes
    return known is not None and is_again(found, known, grown)


def _use_of(judgement: Judgement, wrong: Compared) -> Finding | None:
    """A diagnosis by what is computed from the value, as far as its gradients are known."""
    if not wrong.match.fits:
        return None
    source = Source(wrong.intermediate, judgement.record, _first_step(wrong))
    return diagnose_uses(wrong.suspect, source, _uses(judgement, wrong.intermediate))


def _uses(judgement: Judgement, value: Intermediate) -> list[Use]:
    """The values computed from a value, through others whose gradient nobody has named."""
    gradient = judgement.stage.gradient
    between, found = [value.variable], dict[int, tuple[Intermediate, Array]]()
    for name in between:  # It grows while it is walked.
        for one in _reading(judgement, name, between):
            known = gradient(one)
            if known is None:
                between.append(one.variable)
            else:
                found[id(one)] = one, known
    sites = _assigning(judgement.record, between[1:])
    return [Use(one, known, sites) for one, known in found.values()]


def _reading(judgement: Judgement, name: str, but: Collection[str]) -> list[Intermediate]:
    """The values of the forward pass that are computed from a name directly, but for some."""
    values = chain(*judgement.record.meanings.values())
    return [one for one in values if name in one.reads and one.variable not in but]


def _assigning(record: Record, names: Collection[str]) -> frozenset[int]:
    recorded = record.copy.recorder.recorded.items()
    return frozenset(number for number, found in recorded if found.site.variable in names)
