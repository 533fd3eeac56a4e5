"""The name of a mistake, from the edit that mends it: by where it stands, by the slip, by what the value is worth.

The edit is proved before it is asked for its name, so no number is fitted: a rule looks at what is written,
what should stand there and where that is, and says what the difference is, or nothing. The first that
speaks is heard.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from gradcheck.codes import Code
from gradcheck.diagnosis.wrong import factor
from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.calls import REDUCING, TURNING
from gradcheck.repair.mend import Mend
from gradcheck.repair.places import Slot
from gradcheck.repair.scope import is_mask, shape_of
from gradcheck.repair.slips import Slip
from gradcheck.repair.tree import called_name, inside, is_read
from gradcheck.result import Array

CONDITIONAL = (ast.Compare, ast.BoolOp, ast.IfExp)
REVERSED = "::-1"


@dataclass(frozen=True)
class Name:
    """A code, and the clause that says what is wrong in the line."""

    code: Code
    clause: str


def _leads_to_a_choice(slot: Slot) -> bool:
    return isinstance(slot.parent, CONDITIONAL) and slot.name != "body"


def _leads_to_an_exponent(slot: Slot) -> bool:
    return isinstance(getattr(slot.parent, "op", None), ast.Pow) and slot.name == "right"


Rule = Callable[[Mend], Slip | None]
"""Says what slip an edit mends, or nothing."""


def name_of(mend: Mend) -> Name | None:
    """What a mistake is called whose mend is known; None if no rule knows it."""
    slips = filter(None, (rule(mend) for rule in RULES))
    return next(filter(None, (_told(mend, one) for one in slips)), None)


def _told(mend: Mend, what: Slip) -> Name | None:
    about = mend.edit.about
    code = what.code if what.code in get_args(Code) else CODES[what.code](mend)
    said = "" if about is None else f"`{ast.unparse(about)}`"
    whole = mend.size or mend.reduction or mend.old
    clause = what.clause.replace("{}", f"`{ast.unparse(whole)}`")
    clause = clause.replace("{about}", said)
    return Name(code, clause) if code else None  # type: ignore[arg-type]


def _turns(mend: Mend) -> Slip | None:
    """The order of a loop, or how many turns it takes."""
    if not isinstance(mend.place.statement, ast.For):
        return None
    old, new = ("reversed" in text for text in mend.texts)
    return slip.ORDER if old != new else slip.STEPS


def _size(mend: Mend) -> Slip | None:
    """The size of another axis, or of another array."""
    return None if mend.size is None else slip.OTHER_SIZE


def _backwards(mend: Mend) -> Slip | None:
    """An axis read backwards, or not; so is what a conjugate is the spectrum of."""
    old, new = mend.texts
    step = mend.is_an_index and {old, new} == {"-1", "1"}
    turned = _reversals(old) != _reversals(new) and "range" not in old
    return slip.BACKWARDS if step or turned else None


def _reversals(text: str) -> tuple[int, int]:
    return text.count(REVERSED), text.count("conj")


def _along(mend: Mend) -> Slip | None:
    """An axis of length one, put in elsewhere: what it meets is repeated along another axis."""
    old, new = (text.count("None") for text in mend.texts)
    places = mend.is_an_index or isinstance(mend.new, ast.Subscript)
    return slip.ALONG if places and old != new else None


def _from_the_other_end(mend: Mend) -> Slip | None:
    """An index counted from the other end of its axis, `k - 1 - i` for `i`, or not."""
    indexes = mend.is_an_index or isinstance(mend.old, ast.Subscript)
    return slip.BACKWARDS if indexes and _are_opposite(*mend.texts) else None


def _are_opposite(one: str, other: str) -> bool:
    """Whether where two indices differ one is something less the other."""
    both = (text.rpartition("[")[2].strip("()]").split(", ") for text in (one, other))
    several = [two for two in zip(*both, strict=False) if len(set(two)) > 1]
    return any(several) and all(a.endswith(f" - {b}") for a, b in map(_longer_first, several))


def _longer_first(two: tuple[str, ...]) -> list[str]:
    return sorted(two, key=len, reverse=True)


def _indices_exchanged(mend: Mend) -> Slip | None:
    """The same indices in another order, `dy[j, i]` for `dy[i, j]`."""
    old, new = map(_items_of, (mend.old, mend.new))
    return slip.TURNED if old != new and sorted(old) == sorted(new) else None


def _items_of(index: ast.AST) -> list[str]:
    """The indices by which something is read, one for each axis."""
    index = getattr(index, "slice", index)
    return [*map(ast.unparse, getattr(index, "elts", ()))]


def _index(mend: Mend) -> Slip | None:
    """Another index: an offset, a stride, padding."""
    if not mend.is_an_index:
        return slip.SHIFTED if mend.is_a_place else None
    names = isinstance(mend.old, ast.Name) and isinstance(mend.new, ast.Name)
    return slip.OTHER_INDEX if names and mend.count(mend.old) > 1 else slip.SHIFTED


def _axes(mend: Mend) -> Slip | None:
    """Over which axes is reduced: by the call, or by a transpose before it."""
    reduced = getattr(mend.place.slot.parent, "attr", "") in REDUCING
    turned = reduced and mend.edit.slip is slip.TURNED
    return slip.AXES if mend.is_an_axis or turned else None


def _order_of_axes(mend: Mend) -> Slip | None:
    """Other arguments of a transpose, or the same entries in another order in what stands in one."""
    turns = set(TURNING) & set(map(called_name, [*mend.around, mend.old]))
    return slip.TURNED if turns and _are_reordered(mend.before, mend.after) else None


def _are_reordered(before: Any, after: Any) -> bool:
    """Whether two values hold the same entries, several of them: another variable's are others."""
    was, should_be = (np.sort(np.ravel(value)) for value in (before, after))
    return was.size > 1 and np.array_equal(was, should_be)


def _choice(mend: Mend) -> Slip | None:
    """Another condition: a mask, its opposite, the sides of a choice."""
    chooses = isinstance(mend.old, CONDITIONAL) or called_name(mend.old) == "where"
    tested = isinstance(mend.place.statement, ast.If) or mend.are_masks
    within = any(map(_leads_to_a_choice, mend.place.path))
    return slip.CHOICE if chooses or tested or within else None


CERTAIN = {
    slip.MEAN,
    slip.SUM,
    *(one for one in vars(slip).values() if getattr(one, "code", None) == "sign-flipped"),
}
"""What a slip says more truly than the ratio of two numbers."""


def _number(mend: Mend) -> Slip | None:
    """Another number: a factor, a size; an exponent is another derivative."""
    numbers = mend.count(mend.old) == mend.count(mend.new) == 1
    if not numbers or mend.edit.slip in CERTAIN or _varies(mend):
        return None
    if any(map(_leads_to_an_exponent, mend.place.path)):
        return slip.OTHER_POWER
    if not np.any(mend.before):
        return slip.NOTHING_LEFT
    return slip.OTHER_FACTOR if _is_ratio(mend.before, mend.after) else None


def _varies(mend: Mend) -> bool:
    """Whether a number is read that is another one in each turn of a loop: no factor of the whole."""
    return any(_reads_what_is_written(mend, one, 0) for one in (mend.old, mend.new))


def _reads_what_is_written(mend: Mend, node: ast.AST, after: int) -> bool:
    """Whether an expression reads a name that the loop around it gives a value in a line after some line."""
    loop = mend.place.repeated
    names = [] if loop is None else inside(loop, ast.Name)
    written = {name.id for name in names if name.lineno > after and not is_read(name)}
    return not written.isdisjoint(name.id for name in inside(node, ast.Name))


def _is_ratio(old: Any, new: Any) -> bool:
    """Whether one value is a multiple of another."""
    with suppress(TypeError, ValueError):
        a, b = (np.asarray(value, dtype=np.float64) for value in (old, new))
        if a.shape == b.shape and b.any():
            return bool(np.allclose(a, factor(a, b) * b, rtol=1e-9, atol=1e-12))
    return False


def _by_slip(mend: Mend) -> Slip | None:
    """The slip that the edit is made for."""
    return mend.edit.slip


def _by_value(mend: Mend) -> Slip | None:
    """The negative of what it should be, or zero where something should be."""
    before, after = _numbers(mend.before), _numbers(mend.after)
    if before.shape != after.shape or not after.any():
        return None
    if np.allclose(before, -after):
        return slip.NEGATIVE
    return None if before.any() or mend.place.repeated else slip.NOTHING_LEFT


def _numbers(value: Any) -> Array:
    """An array of several numbers; an empty one for all else."""
    several = isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 2
    return value if several else np.zeros(0)


RULES: tuple[Rule, ...] = (
    *(
        _turns,
        _size,
        _backwards,
        _from_the_other_end,
        _along,
        _indices_exchanged,
        _index,
        _axes,
        _order_of_axes,
        _choice,
        _number,
    ),
    *(_by_slip, _by_value),
)
"""From where it stands to what it is worth; the first that speaks is heard."""


def _of_a_scale(mend: Mend, operand: ast.AST | None) -> Code:
    """What a factor, or what is raised, does: a sign; a scale, of all or of each slice; else a derivative.

    What is kept of a reduced axis is one number for a slice.
    """
    value, count = mend.value(operand), mend.count(operand)
    if isinstance(value, np.ndarray) and set(np.unique(value)) == {-1, 1}:
        return "sign-flipped"
    fewer = count < max(mend.count(mend.product), 2) or 1 in np.shape(value)
    scales = count and fewer and not is_mask(value)
    return "scaled" if scales else "missing-mask"


def _of_a_term(mend: Mend) -> Code | None:
    """What an earlier turn of the loop has left is carried; a constant, or a term of a number, is no term.

    A constant in a factor is one of a derivative's.
    """
    term = mend.edit.about
    if term is None or mend.count(mend.old) == 1:
        return None
    if isinstance(term, ast.Constant):
        return "missing-mask" if any(map(_is_product, mend.around)) else None
    is_carried = _reads_what_is_written(mend, term, mend.place.statement.lineno)
    return "carry-dropped" if is_carried else "extra-term"


def _is_product(node: ast.AST) -> bool:
    return isinstance(getattr(node, "op", None), ast.Mult | ast.Div)


def _of_what_is_lost(mend: Mend) -> Code | None:
    """In a loop, or in part of an array, contributions overlap; elsewhere a term is missing.

    What the rest of the loop computes with is no sum of contributions, but what a turn leaves the next.
    """
    if mend.is_read_on:
        return "carry-dropped"
    overlaps = mend.place.repeated or isinstance(mend.edit.about, ast.Subscript)
    return "overlap-overwritten" if overlaps else "extra-term"


def _of_axes(mend: Mend) -> Code | None:
    """Whether fewer axes are left then: it was not summed over all of them."""
    fewer = _axes_left(mend.after, NO_SHAPE) < _axes_left(mend.before, 0)
    return "not-summed" if fewer else "wrong-axis"


NO_SHAPE = 99
"""How many axes a tuple or a list of arrays counts for, which has no shape to be told by."""


def _axes_left(value: Any, without: int) -> int:
    """How many axes a value has, if it is an array with entries."""
    shape = shape_of(value)
    return without if shape is None or 0 in shape else len(shape)


CODES: dict[str, Callable[[Mend], Code | None]] = {
    "factor": lambda mend: _of_a_scale(mend, mend.edit.about),
    "power": lambda mend: _of_a_scale(mend, mend.old),
    "term": _of_a_term,
    "lost": _of_what_is_lost,
    "axes": _of_axes,
}
"""What the code of a slip hangs on."""
