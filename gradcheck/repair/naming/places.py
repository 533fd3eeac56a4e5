"""Names of what is wrong with a place: an index, a slice, an axis, an orientation, an order of elements."""

from __future__ import annotations

import ast
import re

import numpy as np

from gradcheck.repair.grammar import called_name
from gradcheck.repair.grammar.calls import REDUCING
from gradcheck.repair.naming.slip import Name, Rule, Slip, same, written
from gradcheck.repair.scope import shape_of

REVERSED = "::-1"
TURNED = re.compile(r"\.T\b|swapaxes|transpose|moveaxis")


def _swapped(slip: Slip) -> Name | None:
    """Elements of a tuple, exchanged: gradients, gates."""
    match slip.old, slip.new:
        case ast.Tuple(old), ast.Tuple(new) if not slip.is_an_index and not slip.is_an_axis:
            if any(slip.is_array(one) for one in old) and _multiset(old) == _multiset(new):
                return Name("swapped", "two values stand in each other's place")
    return None


def _multiset(nodes: list[ast.expr]) -> list[str]:
    return sorted(map(ast.unparse, nodes))


def _size(slip: Slip) -> Name | None:
    """The size of another axis, or of another array."""
    within = [n for n, _ in slip.path if isinstance(n, ast.Subscript)]
    sizes = [n for n in within if ast.unparse(n.value).endswith(".shape")]
    return Name("scaled", f"{written(sizes[-1])} is another size than is meant") if sizes else None


def _turned_round(slip: Slip) -> Name | None:
    """An axis read backwards, or not."""
    old, new = ast.unparse(slip.old), ast.unparse(slip.new)
    turned = slip.is_within(ast.Slice, "step") and {old, new} == {"-1", "1"}
    if turned or (old.count(REVERSED) != new.count(REVERSED) and "range" not in old):
        return Name("flipped", f"{written(slip.old)} has an axis the wrong way round")
    return None


def _along_another_axis(slip: Slip) -> Name | None:
    """An axis of length one, put in elsewhere: what it meets is repeated along another axis."""
    old, new = _axes_put_in(slip.old), _axes_put_in(slip.new)
    if (slip.is_an_index or isinstance(slip.new, ast.Subscript)) and old != new:
        return Name(
            "wrong-axis", f"{written(slip.old)} is laid along another axis than it belongs to"
        )
    return None


def _axes_put_in(node: ast.AST) -> int:
    """How many axes of length one an index puts in."""
    return sum(isinstance(n, ast.Constant) and n.value is None for n in ast.walk(node))


def _index(slip: Slip) -> Name | None:
    """Another index: an offset, a stride, padding."""
    if not slip.is_an_index:
        return None
    if (
        isinstance(slip.old, ast.Name)
        and isinstance(slip.new, ast.Name)
        and slip.is_array(slip.old)
    ):
        return Name("wrong-variable", f"{written(slip.old)} is the index of something else")
    return Name(
        "shifted", f"the index {written(slip.old)} is off: another place is read or written"
    )


def _item(slip: Slip) -> Name | None:
    """Another item of the same array, or all of it."""
    match slip.old, slip.new:
        case ast.Subscript(old), ast.Subscript(new) if same(old, new):
            return Name("shifted", f"{written(slip.old)} is read at the wrong index")
        case ast.Subscript(value, ast.Slice() | ast.Tuple()), new if same(value, new):
            return Name("not-summed", f"{written(slip.old)} is only a part of what counts")
    return None


def _parts(slip: Slip) -> Name | None:
    """The same part of several arrays, where all of each counts."""
    if not isinstance(slip.old, ast.BinOp) or not isinstance(slip.new, ast.BinOp):
        return None
    items = {n.slice for n in ast.walk(slip.old) if isinstance(n, ast.Subscript)}
    parts = {ast.unparse(index) for index in items if ":" in ast.unparse(index)}
    if any(
        ast.unparse(slip.old).replace(f"[{part}]", "") == ast.unparse(slip.new) for part in parts
    ):
        return Name("not-summed", f"{written(slip.old)} adds up only a part of what counts")
    return None


def _reduced(slip: Slip) -> Name | None:
    """Over which axes is summed or averaged."""
    if slip.is_an_axis:
        return _over_other_axes(slip)
    match slip.old, slip.new:
        case ast.Call() as old, ast.Call() as new if called_name(old) == called_name(new):
            if _options(old) != _options(new) and _array(old) == _array(new):
                return _over_other_axes(slip)
    return None


def _over_other_axes(slip: Slip) -> Name:
    after, before = shape_of(slip.after), shape_of(slip.before)
    # A tuple or a list of arrays has no shape to be told by.
    if after is not None and before is not None and 0 not in after and len(after) < len(before):
        return Name("not-summed", "it is not summed over all the axes that were broadcast")
    return Name(
        "wrong-axis", "it is reduced over another axis than it should be, or loses the axis"
    )


def _options(call: ast.Call) -> list[str]:
    return [ast.unparse(k) for k in call.keywords if k.arg in ("axis", "keepdims")]


def _array(call: ast.Call) -> str:
    return ast.unparse(call.func) + ", ".join(map(ast.unparse, call.args[:1]))


def _not_reduced(slip: Slip) -> Name | None:
    """A sum left out, or one too many."""
    if _is_sum_of(slip.new, slip.old):
        return Name(
            "not-summed", f"{written(slip.old)} is not summed over the axis that was broadcast"
        )
    if _is_sum_of(slip.old, slip.new):
        return Name("wrong-axis", "it is summed over an axis that should stay")
    return None


def _is_sum_of(node: ast.AST, inner: ast.AST) -> bool:
    match node:
        case ast.Call(ast.Attribute(value, "sum")) if same(value, inner):
            return True
        case ast.Call(ast.Attribute(_, "sum"), [value, *_]):
            return same(value, inner)
    return False


def _transposed(slip: Slip) -> Name | None:
    """A transpose too many or too few, or the factors of a product exchanged."""
    match slip.old, slip.new:
        case ast.BinOp(a, ast.MatMult(), b), ast.BinOp(c, ast.MatMult(), d) if same(a, d) and same(
            b, c
        ):
            return Name("transposed", f"the factors of {written(slip.old)} are exchanged")
        case ast.Call() as old, ast.Call() as new if (
            called_name(old) == called_name(new) == "outer"
        ):
            return Name("transposed", f"the factors of {written(slip.old)} are exchanged")
    if _is_turned(slip.old, slip.new) or _is_turned(slip.new, slip.old):
        if isinstance(slip.around, ast.Attribute) and slip.around.attr in REDUCING:
            return _over_other_axes(slip)
        return Name("transposed", f"{written(slip.old)} has its axes in the wrong order")
    return None


def _is_turned(node: ast.AST, inner: ast.AST) -> bool:
    """Whether a node is another with a transpose more, or with another one."""
    match node:
        case ast.Attribute(value, "T"):
            return same(value, inner)
        case ast.Call(ast.Attribute(value, "swapaxes" | "transpose")):
            return same(value, inner) or _is_turned_back(value, inner)
        case ast.Call(ast.Attribute(_, "swapaxes" | "transpose" | "moveaxis"), [value, *_]):
            return same(value, inner)
    return False


def _is_turned_back(value: ast.AST, other: ast.AST) -> bool:
    return isinstance(other, ast.Attribute) and other.attr == "T" and same(value, other.value)


def _other_order_of_axes(slip: Slip) -> Name | None:
    """Other arguments of a transpose, or of what stands in one."""
    calls = [n for n, _ in slip.path if isinstance(n, ast.Call)] + [slip.old]
    if any(isinstance(n, ast.Call) and TURNED.search("." + called_name(n)) for n in calls):
        old, new = slip.before, slip.after
        both = isinstance(old, np.ndarray) and isinstance(new, np.ndarray)
        if both and old.size == new.size:
            return Name("transposed", f"{written(slip.old)} has its axes in the wrong order")
    return None


OF_PLACES: tuple[Rule, ...] = (
    _size,
    _swapped,
    _turned_round,
    _along_another_axis,
    _index,
    _item,
    _parts,
    _reduced,
    _not_reduced,
    _transposed,
    _other_order_of_axes,
)
