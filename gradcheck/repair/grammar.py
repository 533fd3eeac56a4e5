"""What could have been meant by what is written: for each node of a syntax tree, what might stand there.

The commonest slips come first. Every alternative has a price: what people mix up often is cheap.
"""

from __future__ import annotations

import ast
import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.codes import Code
from gradcheck.repair.scope import Scope, expression, shape_of


@dataclass(frozen=True)
class Alternative:
    """Another node, how far-fetched it is, and the name of the mistake if it was meant, where there is one."""

    node: ast.AST
    price: float
    code: Code | None = None


def alternatives(node: ast.AST, scope: Scope, rules: Sequence[Rule]) -> Iterator[Alternative]:
    """What might have been meant by a node.

    Args:
        node: an expression that is read, or a statement.
        scope: what can be written there.
        rules: `MISTAKEN` or `LEFT_OUT`.
    """
    for rule in rules:
        yield from rule(node, scope)


# Statements ---------------------------------------------------------------------------------------


def _added_or_set(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """= for +=, += for =, and the other ways to add."""
    match node:
        case ast.AugAssign(target, op, value):
            yield Alternative(ast.Assign([_stored(target)], value), 1)
            for other in (ast.Add, ast.Sub, ast.Mult, ast.Div):
                if not isinstance(op, other):
                    yield Alternative(ast.AugAssign(target, other(), value), 1, _sign(op, other()))
        case ast.Assign([ast.Subscript() | ast.Name() as target], value):
            overlap: Code | None = (
                "overlap-overwritten" if isinstance(target, ast.Subscript) else None
            )
            yield Alternative(ast.AugAssign(_stored(target), ast.Add(), value), 1, overlap)
            for op in (ast.Sub(), ast.Mult(), ast.Div()):
                yield Alternative(ast.AugAssign(_stored(target), op, value), 2.5)


def _other_order(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """The steps of a loop the other way round, without the first or the last."""
    match node:
        case ast.Call(ast.Name("reversed" | "range")):
            steps = ast.unparse(node)
            for other in (f"reversed({steps})", f"list({steps})[1:]", f"list({steps})[:-1]"):
                yield Alternative(expression(other), 1.2)


def _repeated_indices(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """np.add.at where an index may come twice."""
    match node:
        case ast.AugAssign(ast.Subscript(array, index), ast.Add(), value) | ast.Assign(
            [ast.Subscript(array, index)], value
        ):
            add_at = expression("np.add.at")
            call = ast.Call(add_at, [_stored_read(array), _as_value(index), value], [])
            yield Alternative(ast.Expr(call), 1.5, "repeated-index-lost")


def _written_target(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Written into another place: the target with another index, or with one where it has none."""
    match node:
        case ast.Assign([ast.Subscript(array, index)], value):
            for other in _other_indices(index, scope):
                yield Alternative(ast.Assign([ast.Subscript(array, other, ast.Store())], value), 2)
        case ast.AugAssign(ast.Subscript(array, index), op, value):
            for other in _other_indices(index, scope):
                yield Alternative(
                    ast.AugAssign(ast.Subscript(array, other, ast.Store()), op, value), 2
                )
        case ast.Expr(ast.Call(ast.Attribute(ast.Attribute(_, "add"), "at"), [array, index, *_])):
            call = node.value
            assert isinstance(call, ast.Call)
            for other in _other_indices(index, scope):
                yield Alternative(ast.Expr(_call(call, args=[array, other, *call.args[2:]])), 2)


# Expressions --------------------------------------------------------------------------------------

OPERATORS: tuple[type[ast.operator], ...] = (
    ast.Add, ast.Sub, ast.Mult, ast.Div, ast.MatMult, ast.Pow, ast.FloorDiv,
)  # fmt: skip


OFTEN_MISTAKEN = (
    {ast.Add, ast.Sub},
    {ast.Mult, ast.Div},
    {ast.Mult, ast.MatMult},
    {ast.Mult, ast.Pow},
    {ast.Mult, ast.FloorDiv},
)
"""Operators of which one is written for the other."""


def _other_operator(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another operator, the operands exchanged, or one of them alone."""
    match node:
        case ast.BinOp(left, op, right):
            for other in OPERATORS:
                if not isinstance(op, other):
                    price = 1 if {type(op), other} in OFTEN_MISTAKEN else 1.5
                    yield Alternative(ast.BinOp(left, other(), right), price, _sign(op, other()))
            if not isinstance(op, (ast.Add, ast.Mult)):
                yield Alternative(ast.BinOp(right, op, left), 1)
            yield Alternative(left, 1, "extra-term" if isinstance(op, (ast.Add, ast.Sub)) else None)
            yield Alternative(right, 1, "extra-term" if isinstance(op, ast.Add) else None)


def _regrouped(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Brackets elsewhere: a * (b + c) for a * b + c, and the other way round."""
    match node:
        case ast.BinOp(ast.BinOp(a, inner, b), outer, c):
            yield Alternative(ast.BinOp(a, inner, ast.BinOp(b, outer, c)), 1.5)
        case ast.BinOp(a, outer, ast.BinOp(b, inner, c)):
            yield Alternative(ast.BinOp(ast.BinOp(a, outer, b), inner, c), 1.5)


def _sign_and_negation(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    match node:
        case ast.UnaryOp(ast.USub(), operand):
            yield Alternative(operand, 1, "sign-flipped")
        case ast.UnaryOp(_, operand):
            yield Alternative(operand, 1)
        case ast.expr() if not isinstance(node, (ast.Constant, ast.Tuple, ast.Slice)):
            value = scope.value(node)
            if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "b":
                yield Alternative(ast.UnaryOp(ast.Invert(), node), 1.5)
            elif scope.shape(node) is not None:
                yield Alternative(ast.UnaryOp(ast.USub(), node), 1.5, "sign-flipped")
                yield Alternative(ast.BinOp(ast.Constant(1), ast.Sub(), node), 1.6)
            if isinstance(value, bool):
                yield Alternative(ast.UnaryOp(ast.Not(), node), 1.5)


def _choices(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """One side of a condition, or one of its parts."""
    match node:
        case ast.IfExp(_, body, orelse):
            yield from (Alternative(body, 1), Alternative(orelse, 1))
        case ast.BoolOp(op, values):
            yield from (Alternative(value, 1) for value in values)
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield Alternative(ast.BoolOp(other, values), 1)


COMPARISONS: tuple[type[ast.cmpop], ...] = (ast.Gt, ast.GtE, ast.Lt, ast.LtE, ast.Eq, ast.NotEq)


def _other_comparison(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    match node:
        case ast.Compare(left, [op], [right]):
            for other in COMPARISONS:
                if not isinstance(op, other):
                    yield Alternative(ast.Compare(left, [other()], [right]), 1)


def _other_constant(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """A constant off by one, by two, or upside down; a size that is off by one."""
    match node:
        case ast.Constant(bool(value)):
            yield Alternative(ast.Constant(not value), 1)
        case ast.Constant(None):
            yield from (Alternative(ast.Constant(k), 2) for k in (0, -1, 1))
        case ast.Constant(int(value)):
            near = (value - 1, value + 1, -value, 2 * value, value - 2, value + 2)
            yield from (Alternative(ast.Constant(v), 1 + 0.1 * k) for k, v in enumerate(near))
            yield Alternative(ast.Constant(None), 2)
            yield from (Alternative(ast.Constant(v), 2) for v in (0.5, 1.5, 3))
        case ast.Constant(float(value)) if value:
            near_by = (
                value / 2,
                value * 2,
                1 - value,
                value + 1,
                value - 1,
                -value,
                1 / value,
                value**2,
            )
            yield from (Alternative(ast.Constant(v), 1 + 0.1 * k) for k, v in enumerate(near_by))
            yield from (Alternative(ast.Constant(v), 2) for v in (0.0, 0.5, 1.0, 2.0, 3.0))


def _other_name(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another name that holds the same kind of thing; any, where a name holds nothing yet."""
    match node:
        case ast.Name(name, ast.Load()) if name in (*scope.names, *scope.constants):
            own = scope.everything[name]
            for other in (*scope.names, *scope.constants):
                value = scope.everything[other]
                if other != name:
                    yield Alternative(ast.Name(other, ast.Load()), _price(name, own, other, value))
        case ast.Name(name, ast.Load()) if name not in scope.everything:
            yield from (Alternative(ast.Name(n, ast.Load()), 1.2) for n in scope.names)


def _size_for_a_number(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """A size, where a number is written that it may have been once."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield from (Alternative(one, 1.6) for one in scope.sizes.values())


def _one_of_several(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """An item of a list or array, as it is read elsewhere, for a name: hs[t] for h."""
    match node:
        case ast.Name(_, ast.Load()) if scope.shape(node) is not None:
            for other in scope.pool.operands:
                if isinstance(other, ast.Subscript) and scope.shape(other) == scope.shape(node):
                    yield Alternative(other, 1.7)


def _price(name: str, own: object, other: str, value: object) -> float:
    """How far-fetched one name is for another: least where both look alike and hold the same kind of thing."""
    if not _same_kind(own, value):
        return 1.9
    alike = shape_of(own) == shape_of(value) and _alike(name, other)
    return 1 if alike else 1.4


def _alike(one: str, other: str) -> bool:
    """Whether names have a beginning or an end in common: h and h_prev, dx and x."""
    return (
        one.startswith(other) or other.startswith(one) or one.endswith(other) or other.endswith(one)
    )


def _same_kind(a: object, b: object) -> bool:
    arrays = isinstance(a, (np.ndarray, np.generic)), isinstance(b, (np.ndarray, np.generic))
    if all(arrays):
        return True
    if any(arrays):
        return isinstance(a if arrays[1] else b, float)
    return type(a) is type(b) or (isinstance(a, (int, float)) and isinstance(b, (int, float)))


def _transposed(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """.T put or left out, the last two axes exchanged."""
    match node:
        case ast.Attribute(value, "T"):
            yield Alternative(value, 0.5, "transposed")
            yield Alternative(_method(value, "swapaxes(-1, -2)"), 2, "transposed")
        case ast.expr():
            shape = scope.shape(node)
            if shape is not None and len(shape) > 1:
                yield Alternative(ast.Attribute(node, "T", ast.Load()), 0.8, "transposed")
                if len(shape) > 2:
                    yield Alternative(_method(node, "swapaxes(-1, -2)"), 1.5, "transposed")


def _reduced(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Summed or averaged over an axis."""
    if not isinstance(node, ast.expr) or not (shape := scope.shape(node)):
        return
    for axis in _axes(len(shape)):
        for keep in ("", ", keepdims=True"):
            yield Alternative(_method(node, f"sum(axis={axis}{keep})"), 2, "not-summed")
            yield Alternative(_method(node, f"mean(axis={axis}{keep})"), 3)
    yield Alternative(_method(node, "sum()"), 2, "not-summed")
    yield Alternative(_method(node, "mean()"), 3)


def _axes(ndim: int) -> list[int | tuple[int, ...]]:
    """What an array is reduced over: one axis, all but the last or the first, those of images."""
    spans = [tuple(range(ndim - 1)), tuple(range(1, ndim))] if ndim > 2 else []
    of_images = [(1, 2), (2, 3), (0, 2, 3)] if ndim == 4 else []
    return [*range(ndim), *spans, *of_images]


OTHER_CALL = {
    "sum": ("mean", "max", "prod", "cumsum"),
    "mean": ("sum", "max", "var", "std"),
    "max": ("min", "sum", "mean"),
    "min": ("max",),
    "var": ("std", "mean"),
    "std": ("var",),
    "maximum": ("minimum",),
    "minimum": ("maximum",),
    "argmin": ("argmax",),
    "argmax": ("argmin",),
    "log": ("exp", "log1p"),
    "exp": ("log", "sqrt", "expm1"),
    "sin": ("cos",),
    "cos": ("sin",),
    "sinh": ("cosh",),
    "cosh": ("sinh",),
    "tanh": ("cosh",),
    "sqrt": ("square",),
    "square": ("sqrt",),
    "abs": ("sign",),
    "sign": ("abs",),
    "floor": ("ceil",),
    "ceil": ("floor",),
    "outer": ("dot",),
    "dot": ("outer", "multiply"),
    "multiply": ("dot", "add"),
    "cumsum": ("sum", "cumprod"),
    "repeat": ("tile",),
    "tile": ("repeat",),
    "zeros_like": ("ones_like",),
    "ones_like": ("zeros_like",),
    "triu": ("tril",),
    "tril": ("triu",),
}  # fmt: skip
"""What is called for something else."""


def _other_call(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another function, arguments exchanged, an option left out, or the call left out."""
    if not isinstance(node, ast.Call):
        return
    if isinstance(node.func, ast.Attribute):
        yield from _other_function(node, node.func, scope)
    yield from (Alternative(one, 1) for one in node.args[:1] if not isinstance(one, ast.Starred))
    for i, j in itertools.combinations(range(len(node.args)), 2):
        args = list(node.args)
        args[i], args[j] = args[j], args[i]
        yield Alternative(_call(node, args=args), 1)
    for keyword in node.keywords:
        others = [one for one in node.keywords if one is not keyword]
        yield Alternative(ast.Call(node.func, node.args, others), 1.5)


def _other_function(node: ast.Call, func: ast.Attribute, scope: Scope) -> Iterator[Alternative]:
    """What is mistaken for this function, or only what it is a method of."""
    for name in OTHER_CALL.get(func.attr, ()):
        code: Code | None = "averaged" if (func.attr, name) == ("mean", "sum") else None
        other = ast.Attribute(func.value, name, ast.Load())
        yield Alternative(ast.Call(other, node.args, node.keywords), 1, code)
    if not _is_module(func.value, scope):
        yield Alternative(func.value, 1)


def _is_module(node: ast.expr, scope: Scope) -> bool:
    return isinstance(node, ast.Name) and node.id not in scope.local


REDUCING = ("sum", "mean", "max", "min", "prod", "var", "std", "argmax", "argmin", "any", "all")


def _options(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another axis, keepdims put in, an option that is given elsewhere."""
    if not isinstance(node, ast.Call):
        return
    if called_name(node) in REDUCING:
        yield from _reduced_otherwise(node, scope)
    for other in scope.pool.calls:
        if called_name(other) == called_name(node):
            yield from _called_as(other, node)


def _reduced_otherwise(node: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """Over other axes, and so that they are kept."""
    array = _array_of(node, scope)
    shape = None if array is None else scope.shape(array)
    keeps = bool(_given(node, "keepdims"))
    for axes in _axes(len(shape or ())):
        over = _with(node, "axis", expression(str(axes)))
        yield Alternative(over, 1.2)
        if not keeps:
            yield Alternative(_with(over, "keepdims", ast.Constant(True)), 1.8)
    if not keeps:
        yield Alternative(_with(node, "keepdims", ast.Constant(True)), 1.2)


def _called_as(other: ast.Call, node: ast.Call) -> Iterator[Alternative]:
    """A call with the options and the further arguments that another one has."""
    for keyword in other.keywords:
        if keyword.arg and ast.unparse(keyword.value) not in _given(node, keyword.arg):
            yield Alternative(_with(node, keyword.arg, keyword.value), 1.5)
    if len(other.args) > len(node.args):
        yield Alternative(_call(node, args=[*node.args, *other.args[len(node.args) :]]), 2)


def _given(node: ast.Call, name: str) -> list[str]:
    return [ast.unparse(k.value) for k in node.keywords if k.arg == name]


def called_name(node: ast.Call) -> str:
    """The name of what a call calls, without what it is an attribute of; empty where it has none."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _array_of(node: ast.Call, scope: Scope) -> ast.expr | None:
    """What a reducing call reduces."""
    assert isinstance(node.func, ast.Attribute | ast.Name)
    if isinstance(node.func, ast.Attribute) and not _is_module(node.func.value, scope):
        return node.func.value
    return node.args[0] if node.args else None


def _other_index(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another index, none, or one where there is none."""
    match node:
        case ast.Subscript(value, index, ast.Load()):
            yield Alternative(value, 1.2)
            for other in _other_indices(index, scope):
                yield Alternative(ast.Subscript(value, other, ast.Load()), 1.5)
        case ast.Slice():
            yield from _other_slices(node, scope)
        case ast.expr() if not isinstance(node, (ast.Constant, ast.BinOp)) and scope.shape(node):
            yield from _indexed(node, scope)


def _other_slices(node: ast.Slice, scope: Scope) -> Iterator[Alternative]:
    """A slice with another end or step, with none, or with its ends counted in steps."""
    lower, upper, step = node.lower, node.upper, node.step
    for k, end in enumerate((lower, upper, step)):
        for new in (None, *_ends(end, scope)):
            if new is not end:
                others = [lower, upper, step]
                others[k] = new
                yield Alternative(ast.Slice(*others), 1.5)
    if step is not None:
        yield Alternative(ast.Slice(_times(lower, step), _times(upper, step), step), 2)


COMMON_INDICES = (
    "..., None", "None", ":, None", "::-1", "..., ::-1", ":, ::-1", "0", "-1",
)  # fmt: skip
"""An axis more, an axis turned round, the first and the last."""


def _indexed(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """Any index that is written elsewhere, and the common ones."""
    for other in scope.pool.indices:
        yield Alternative(ast.Subscript(node, other, ast.Load()), 2)
    for index in COMMON_INDICES:
        yield Alternative(expression(f"({ast.unparse(node)})[{index}]"), 2.2)


def _other_indices(index: ast.expr, scope: Scope) -> Iterator[ast.expr]:
    written = ast.unparse(index)
    yield from (other for other in scope.pool.indices if ast.unparse(other) != written)


def _ends(end: ast.expr | None, scope: Scope) -> Iterator[ast.expr]:
    yield from (ast.Constant(1), ast.UnaryOp(ast.USub(), ast.Constant(1)))
    yield from scope.pool.ends
    for name in scope.names:
        if type(scope.local[name]) is int:
            yield ast.Name(name, ast.Load())
            if end is not None:
                yield ast.BinOp(end, ast.Add(), ast.Name(name, ast.Load()))


def _times(end: ast.expr | None, step: ast.expr) -> ast.expr | None:
    return None if end is None else ast.BinOp(end, ast.Mult(), step)


SLIPS = ((ast.Sub(), 1), (ast.Add(), 1), (ast.Mult(), 2), (ast.Div(), 2), (ast.Pow(), 2))
"""What is done to a number too much or too little: n - 1 for n, n / 2, n²."""


def _off_by_one(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """A number of steps or a size with one more, one less, or half of it."""
    if not isinstance(node, ast.expr) or isinstance(node, ast.Constant):
        return
    value = scope.value(node)
    if type(value) is int:
        for op, number in SLIPS:
            yield Alternative(ast.BinOp(node, op, ast.Constant(number)), 1.6)


def _swapped_in_a_tuple(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    match node:
        case ast.Tuple(elements, ast.Load()):
            for i in range(len(elements)):
                for j in range(i + 1, len(elements)):
                    others = list(elements)
                    others[i], others[j] = others[j], others[i]
                    code: Code | None = "swapped" if scope.shape(elements[i]) else None
                    yield Alternative(ast.Tuple(others, ast.Load()), 1, code)


WRAPPED = (
    "np.exp({})", "np.tanh({})", "np.cos({})", "np.sqrt({})", "np.sign({})", "np.abs({})", "1 / {}",
    "{} ** 2", "np.zeros_like({})", "np.where({} > 0, {}, 0)", "{}.copy()", "np.log({})", "{} ** 0.5",
    "reversed({})", "np.conj({})", "len({})", "range({})", "{}.ravel()", "np.sin({})", "1 - {}",
    "{} > 0", "{} != 0", "{} ** 3",
)  # fmt: skip


def _wrapped(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """In a call or formula: one of the commonest, or one that stands elsewhere in the function."""
    if not isinstance(node, ast.expr) or isinstance(node, (ast.Slice, ast.Tuple, ast.Starred)):
        return
    text = f"({ast.unparse(node)})"
    for form in WRAPPED:
        yield Alternative(expression(form.replace("{}", text)), 3)
    for other in scope.pool.calls:
        if other.args and not isinstance(other.args[0], ast.Starred):
            yield Alternative(_call(other, args=[node, *other.args[1:]]), 2.2)
            yield from _with_other_names(node, other, scope)
        if isinstance(other.func, ast.Attribute) and not _is_module(other.func.value, scope):
            func = ast.Attribute(node, other.func.attr, ast.Load())
            yield Alternative(ast.Call(func, other.args, other.keywords), 2)


def _with_other_names(node: ast.expr, call: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """A call that stands elsewhere, of this node, with another name among its other arguments."""
    arrays = [n for n in scope.names if isinstance(scope.local[n], np.ndarray)]
    for k, argument in enumerate(call.args[1:], 1):
        inside = [n for n in ast.walk(argument) if isinstance(n, ast.Name) and n.id in arrays]
        for used, name in itertools.product({n.id for n in inside}, arrays):
            if used != name:
                renamed = _Renamed(used, name).visit(copy.deepcopy(argument))
                args = [node, *call.args[1:k], renamed, *call.args[k + 1 :]]
                yield Alternative(_call(call, args=args), 2.8)


class _Renamed(ast.NodeTransformer):
    """One name for another."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """The new name in place of the old."""
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


FACTORS = (
    "(1 - {0} * {0})", "{0} * (1 - {0})", "({0} > 0)", "(1 - {0})", "2 * {0}", "np.exp({0})", "np.cos({0})",
    "np.sign({0})", "(1 + {0})", "{0} ** 2", "({0} != 0)", "({0} < 0)", "np.sin({0})", "{0} ** 0.5",
    "np.tanh({0})", "({0} >= 0)", "(1 - {0} ** 2) ** 0.5", "{0} ** 3",
)  # fmt: skip
"""Derivatives of what is applied to every entry, in terms of its input or its output."""


def _another_operand(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """A factor or a term more: what is at hand, a size, a derivative, a mask, what stands elsewhere."""
    if not isinstance(node, ast.expr) or isinstance(node, (ast.Constant, ast.Slice, ast.Tuple)):
        return
    shape = scope.shape(node)
    if shape is None:
        return
    for one in operands(scope):
        if _broadcast(shape, one.shape):
            yield from _combined(node, one)
        if _multiply(shape, one.shape):
            yield Alternative(ast.BinOp(node, ast.MatMult(), one.node), one.price + 0.5)
        if _multiply(one.shape, shape):
            yield Alternative(ast.BinOp(one.node, ast.MatMult(), node), one.price + 0.5)


def _combined(node: ast.expr, one: Operand) -> Iterator[Alternative]:
    """An expression and an operand, entry by entry."""
    for op in (ast.Mult(), ast.Div(), ast.Add(), ast.Sub()):
        code = one.code if isinstance(op, (ast.Mult, ast.Div)) else None
        yield Alternative(ast.BinOp(node, op, one.node), one.price, code)
    for turned in (ast.Sub(), ast.Div()):
        yield Alternative(ast.BinOp(one.node, turned, node), one.price + 0.5)
    if one.price < DERIVED:
        yield Alternative(ast.BinOp(node, ast.Pow(), one.node), one.price + 1)
        yield Alternative(ast.BinOp(one.node, ast.Pow(), node), one.price + 1)


@dataclass(frozen=True)
class Operand:
    """Something at hand that could be a factor or a term, and what a mistake without that factor is called."""

    node: ast.expr
    price: float
    shape: tuple[int, ...]
    code: Code | None


DERIVED = 2.5
"""The price of a factor that has to be made from what is at hand."""


def _product(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """A term or factor more that is itself a product of two things at hand."""
    if not isinstance(node, ast.expr) or scope.shape(node) is None:
        return
    for one, other in itertools.combinations_with_replacement(scope.arrays[:MANY], 2):
        shapes = [np.shape(scope.local[n]) for n in (one, other)]
        if _broadcast(*shapes):
            both = expression(f"{one} * {other}")
            for op in (ast.Sub(), ast.Add(), ast.Mult()):
                yield Alternative(ast.BinOp(node, op, both), 4)


MANY = 16
"""Names of which products are made: more would be too many."""


def operands(scope: Scope) -> list[Operand]:
    """What could be a factor or a term here, each value once."""
    if id(OPERANDS) not in scope.known:
        scope.known[id(OPERANDS)] = OPERANDS, list(_operands(scope))
    found: list[Operand] = scope.known[id(OPERANDS)][1]
    return found


OPERANDS = ast.Pass()
"""Stands for the operands among what is known in a scope."""


def _operands(scope: Scope) -> Iterator[Operand]:
    seen: set[tuple[tuple[int, ...], bytes]] = set()
    for price, node in _written_operands(scope):
        value = scope.value(node)
        shape = shape_of(value)
        if shape is None or (key := (shape, np.asarray(value, dtype=complex).tobytes())) in seen:
            continue
        seen.add(key)
        yield Operand(node, price, shape, _code_of_factor(value))


def _written_operands(scope: Scope) -> Iterator[tuple[float, ast.expr]]:
    names = (*scope.names, *scope.constants)
    yield from ((2.0, ast.Name(name, ast.Load())) for name in names)
    yield from ((2.0, one) for one in scope.sizes.values())
    yield from ((2.0, ast.Constant(k)) for k in (2, 1, 0.5, 3, 4))
    yield from ((2.1, ast.UnaryOp(ast.USub(), ast.Constant(k))) for k in (1, 2))
    yield from ((2.2, one) for one in scope.pool.operands)
    steps = [ast.unparse(one) for one in scope.pool.operands if isinstance(one, ast.Subscript)]
    yield from _factors_of(steps, FACTORS[:4], price=2.4)
    yield from _factors_of(scope.arrays, FACTORS, price=DERIVED)


def _factors_of(
    values: Sequence[str], factors: Sequence[str], price: float
) -> Iterator[tuple[float, ast.expr]]:
    """Derivatives made from what is at hand."""
    yield from ((price, expression(f.format(value))) for value in values for f in factors)


def _code_of_factor(value: object) -> Code | None:
    if np.ndim(value) == 0:  # type: ignore[arg-type]
        return "scaled"
    return "missing-mask" if bool(np.isin(value, (0, 1)).all()) else None  # type: ignore[arg-type]


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


def _multiply(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether arrays of these shapes can be multiplied as matrices."""
    return bool(one and other) and one[-1] == other[-2 if len(other) > 1 else 0]


def _sign(op: ast.AST, other: ast.AST) -> Code | None:
    pair = {type(op), type(other)}
    return "sign-flipped" if pair == {ast.Add, ast.Sub} else None


def _stored(target: ast.expr) -> ast.Name | ast.Subscript | ast.Attribute:
    assert isinstance(target, (ast.Name, ast.Subscript, ast.Attribute))
    return target


def _method(value: ast.expr, call: str) -> ast.expr:
    return expression(f"({ast.unparse(value)}).{call}")


def _call(node: ast.Call, args: list[ast.expr]) -> ast.Call:
    return ast.Call(node.func, args, node.keywords)


def _with(node: ast.Call, name: str, value: ast.expr) -> ast.Call:
    """A call with an option set."""
    changed = copy.copy(node)
    others = [k for k in node.keywords if k.arg != name]
    changed.keywords = [*others, ast.keyword(name, value)]
    return changed


def _stored_read(array: ast.expr) -> ast.expr:
    return expression(ast.unparse(array))


def _as_value(index: ast.expr) -> ast.expr:
    """An index as an argument: slices are written in brackets only."""
    if any(isinstance(node, ast.Slice) for node in ast.walk(index)):
        return ast.Subscript(expression("np.s_"), index, ast.Load())
    return index


Rule = Callable[[ast.AST, Scope], Iterator[Alternative]]

MISTAKEN: tuple[Rule, ...] = (
    _added_or_set,
    _other_order,
    _repeated_indices,
    _written_target,
    _other_operator,
    _sign_and_negation,
    _transposed,
    _other_call,
    _other_comparison,
    _other_constant,
    _other_name,
    _one_of_several,
    _size_for_a_number,
    _choices,
    _swapped_in_a_tuple,
    _options,
    _other_index,
    _off_by_one,
    _regrouped,
)
"""What is written is mistaken for something else."""

LEFT_OUT: tuple[Rule, ...] = (_reduced, _wrapped, _another_operand)
"""Something is not written at all."""

FAR_FETCHED: tuple[Rule, ...] = (_product,)
"""What is only tried where the true value is known, which takes no run."""
