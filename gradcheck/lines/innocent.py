"""What may be held against a value: one that leads to what is right is right, whatever its name says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import filterfalse
from operator import attrgetter

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.diagnose import diagnose_shape
from gradcheck.lines.compared import Compared
from gradcheck.lines.flow import behind
from gradcheck.lines.names import grouped
from gradcheck.lines.readings import counterpart
from gradcheck.lines.record import Record
from gradcheck.lines.rerun import Rerun
from gradcheck.lines.sites import Label
from gradcheck.result import Code, Row, Verdict

FEW = 2
"""As many different entries a mask has too."""


def without_innocent(compared: list[Compared], record: Record) -> tuple[list[Compared], list[str]]:
    """What may be held against a value, and the reasons why other values are wrong by right.

    Where a multiple of a gradient leads to what is right (y − out for out − y, no 1/n as yet), others that are as
    many times theirs follow the same convention.
    """
    right, left = _apart(_in_order(compared, record), partial(_means_something_else, record=record))
    usual = {round(one.multiple, 6) for one in right if one.multiple is not None}
    multiples, left = _apart(left, partial(_is_usual, usual=usual))
    by = {one.label.variable for one in (*right, *multiples)} if usual else set()
    by -= _made_good(compared)
    unknown, left = _apart(left, partial(_is_open, record=record, by=by))
    reasons = (*map(_is_right, right), *map(_is_a_multiple, multiples), *map(_is_unknown, unknown))
    return left, [*reasons]


def _made_good(compared: Iterable[Compared]) -> set[str]:
    """What some right gradient of an intermediate value is computed by: what else is, is no multiple any more."""
    right = filter(attrgetter("is_right"), compared)
    inner = filterfalse(attrgetter("intermediate.is_input"), right)
    return set().union(*map(attrgetter("site.reads"), inner))


def _apart(
    several: list[Compared], test: Callable[[Compared], bool]
) -> tuple[list[Compared], list[Compared]]:
    """The values that a test holds for, and the others."""
    told = grouped(several, test)
    return told.get(True, []), told.get(False, [])


def without_slopes(compared: list[Compared], record: Record) -> tuple[list[Compared], list[str]]:
    """What is the gradient of what it is named for, and why other values are not."""
    parts, left = _apart(compared, _is_a_part)
    slopes, left = _apart(left, partial(_is_a_slope, record=record))
    return left, [*map(_is_of_itself, parts), *map(_is_by_an_input, slopes)]


def _is_a_part(one: Compared) -> bool:
    """Whether it holds some of the entries of the value that it is named for, and padding: g_x of a group of x."""
    hand, value = one.match.hand, one.intermediate.value
    named = not (one.match.fits or one.label.returned)
    return named and len(np.unique(hand)) > FEW and bool(np.isin(hand, [0, *value.flat]).all())


def _is_a_slope(one: Compared, record: Record) -> bool:
    """Whether it has another shape than what it is named for, as nothing returned has, nor its gradient's numbers.

    Then the name means something else: `d_dice` how that follows an input, `dxp` what was cut to the size of x.
    """
    row, may_differ = one.row, one.is_wrong and not one.match.fits and not one.label.returned
    if not may_differ or any(r.analytic.shape != r.shape for r in record.rows.values()):
        return False
    return diagnose_shape(one.label.name, one.match.hand, row.numeric, row.bound) is None


def _is_of_itself(one: Compared) -> str:
    of = one.intermediate.name
    return f"{one.label} is left out: it is a part of {of}, not the gradient of {of}."


def _is_by_an_input(one: Compared) -> str:
    of = one.intermediate.name
    return f"{one.label} is left out: it has not the shape of {of}, though all that is returned has its own."


def _is_right(one: Compared) -> str:
    of = one.intermediate.name
    return f"{one.label} is left out: it is not the gradient of {of}, and what is computed from it is right."


def _is_a_multiple(one: Compared) -> str:
    times = f"{one.multiple:.6g} times the gradient of {one.intermediate.name}"
    return f"{one.label} is left out: it is {times}, as others here are by convention."


def _is_unknown(one: Compared) -> str:
    by = "what is another multiple of its gradient by convention"
    return f"{one.label} is left out: it is computed by {by}."


def _is_usual(one: Compared, usual: set[float]) -> bool:
    """Whether a local is a multiple of its gradient as others are by right."""
    return not one.intermediate.is_input and round(one.multiple or 1.0, 6) in usual


def _is_open(one: Compared, record: Record, by: set[str]) -> bool:
    """Whether it is not known what a local should be, as it is computed by what follows another convention."""
    is_local = not (one.intermediate.is_input or one.label.returned or is_returned(one, record))
    return is_local and one.is_wrong and not one.site.reads.isdisjoint(by)


def is_returned(one: Compared, record: Record) -> bool:
    """Whether a value is a gradient as it is returned: no line comes later."""
    return any(np.array_equal(one.match.hand, row.analytic) for row in record.rows.values())


def _in_order(compared: list[Compared], record: Record) -> list[Compared]:
    """Without what only stands where another gradient should be returned."""
    named = [one for one in compared if not _laid_beside_another(one, compared, record)]
    return [one for one in named if not _returned_under_its_name(one, named)]


def _laid_beside_another(one: Compared, compared: Sequence[Compared], record: Record) -> bool:
    """Whether it is laid beside an input only because it is returned for it, which is a wrong order."""
    if not one.is_wrong or one.label.returned or counterpart(record, one.label) is not None:
        return False
    return one.intermediate.position in _positions_right(compared)


def _positions_right(compared: Iterable[Compared]) -> set[int]:
    return {one.intermediate.position for one in compared if one.is_right}


def _returned_under_its_name(one: Compared, compared: Sequence[Compared]) -> bool:
    """Whether it was judged under its name before it is returned; what remains is a wrong order."""
    named = Label(one.site.name) in labels_wrong(compared)
    return one.label.returned and (named or not one.is_wrong)


def labels_wrong(compared: Iterable[Compared]) -> list[Label]:
    """What the wrong ones are filed under."""
    return [one.label for one in compared if one.is_wrong]


def _means_something_else(one: Compared, record: Record) -> bool:
    """Whether a gradient that is computed from this value is right, so that the value must be.

    Of several that were joined in one array each is only computed from its part.
    """
    if one.label.returned or not one.is_wrong:
        return False
    if not record.failed():
        return True
    return one.label.variable in _proved(record) and Rerun(record).spoils(one) is not False


def _proved(record: Record) -> set[str]:
    right = (position for position, row in record.rows.items() if _proves(row))
    return set().union(*(behind(record, position) for position in right))


def _proves(row: Row) -> bool:
    """Whether a gradient is right, and the true one not zero everywhere."""
    codes = {finding.code for finding in row.findings}
    return "vacuous" not in codes and (
        row.verdict is Verdict.PASS or _has_right_numbers(row, codes)
    )


def _has_right_numbers(row: Row, codes: set[Code]) -> bool:
    """Whether a gradient is right entry by entry, though its dtype is not."""
    same = codes == {"wrong-dtype"} and row.analytic.shape == row.shape
    return same and bool(agrees(row.analytic, row.numeric, row.bound).all())
