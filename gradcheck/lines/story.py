"""From a wrong gradient to the wrong line: what the backward pass computes is compared, value by value.

Each line is a function, named behind it with its room.

1. The layer's source is copied with a call after each assignment, helpers of the same file included, and
   run once, both ways: every value that a name held is known, and when (`copy.instrumented`, `record.record`).
2. The names of the backward pass are laid beside those of the forward pass: `dxhat`, `grads["dxhat"]`
   or `self.xhat_grad` is the gradient of `xhat` (`names.counterparts`, `readings.matches_of`).
3. Every intermediate value laid beside becomes an input that differences can move, so that it has a
   numerical gradient, with bounds, aligned axes and kinks as inputs have (`judge.judge`).
4. What only seems wrong goes: a name that means something else, an input laid beside by mistake
   (`judge.without_innocent`), a mean's 1/n that a later line makes good (`conventions.without_conventions`);
   and of i = σ(a) `di` may be the gradient of a, if that explains more (`conventions.as_meant`).
5. Of the values left, the one that is wrong from the earliest moment is the first wrong value, and the
   statement that computed it at that moment is its line (`judge.Judgement.wrong`).
6. In doubt with it are the lines it is computed by, back to values that were compared or that the
   forward pass handed over: the mistake is in one of them (`flow.doubtful_sites`).
7. Those are told apart by running the backward pass again: with the first wrong value set right, and
   with any value of the others; a line that alone explains the error takes the blame (`narrow.narrowed`).
8. If the backward pass raises and nothing before is wrong, the line that raises takes that place, or
   the one that made a shape which that line cannot take (`raising.blamed_for_raising`).
9. The first wrong value is given a name, by itself or by the step to what is computed from it; rows that
   follow from it and have no name of their own take it over (`blame.diagnosis`, `blame.explained`).
10. What still is in doubt a proved repair decides, if a short search finds one (`agree.agreed`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gradcheck.diagnosis.explain import without_carries
from gradcheck.diagnosis.wrong import Context
from gradcheck.lines.blame import blamed, diagnosis, explained, solved
from gradcheck.lines.carried import may_carry
from gradcheck.lines.conventions import as_meant, without_conventions
from gradcheck.lines.handing import forward_tree
from gradcheck.lines.judge import Judgement, judge
from gradcheck.lines.narrow import comes_right_with
from gradcheck.lines.raising import blamed_for_raising
from gradcheck.lines.record import Record, record
from gradcheck.lines.source import Unreadable
from gradcheck.result import Lines, Row


def check_lines(
    context: Context, rows: Sequence[Row], seed: int, *, raised: bool = False
) -> tuple[list[Row], Lines]:
    """Compare the lines of a backward pass; rows whose mistake a line explains say so."""
    try:
        judged = judge(_step_by_step(record(context, rows, raised=raised)), seed)
        judgement = as_meant(without_conventions(judged), seed)
    except Unreadable as reason:
        note = f"The lines of the backward pass were not compared: {reason}."
        return list(rows), Lines(notes=(note,))
    return _told(judgement)


def _step_by_step(record: Record) -> Record:
    """The record, its rows saying nothing of a carry where no turn of a loop leaves the next anything."""
    if any(site.loop is not None for site in record.sites) and may_carry(
        forward_tree(record.context.layer)
    ):
        return record
    rows = {p: without_carries(record.context, row) for p, row in record.rows.items()}
    return replace(record, rows=rows)


def _told(judgement: Judgement) -> tuple[list[Row], Lines]:
    """What a judgement says of the rows and of the lines."""
    record, wrong = judgement.record, judgement.wrong
    compared = tuple(one.line for one in judgement.compared)
    lines = Lines(compared, record.copy.listing, judgement.notes, file=record.copy.file)
    if wrong is not None:
        found = diagnosis(judgement, wrong)
        rows = explained(judgement, wrong, found)
        first = blamed(judgement, wrong, found)
        truth, explains = solved(judgement, first), comes_right_with(judgement, wrong)
        return rows, replace(lines, first_wrong=first, solved=truth, explains=explains)
    if record.raised_at is not None:
        lines = replace(lines, first_wrong=blamed_for_raising(judgement))
    return list(record.rows.values()), lines
