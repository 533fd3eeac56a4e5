"""Calls: transposed, reduced over other axes, another function, other arguments, in a call or not."""

from __future__ import annotations

import ast
import copy
import inspect
import itertools
from collections.abc import Iterator
from types import FunctionType

import numpy as np

from gradcheck.repair.grammar.alternative import (
    Alternative,
    Rule,
    called_name,
    is_module,
    method,
    with_arguments,
    with_option,
)
from gradcheck.repair.scope import Scope, expression


def _transposed(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """.T put or left out, the last two axes exchanged."""
    match node:
        case ast.Attribute(value, "T"):
            yield Alternative(value, 0.5)
            yield Alternative(method(value, "swapaxes(-1, -2)"), 2)
        case ast.expr():
            shape = scope.shape(node)
            if shape is not None and len(shape) > 1:
                yield Alternative(ast.Attribute(node, "T", ast.Load()), 0.8)
                if len(shape) > 2:
                    yield Alternative(method(node, "swapaxes(-1, -2)"), 1.5)


def _reduced(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Summed or averaged over an axis."""
    if not isinstance(node, ast.expr) or not (shape := scope.shape(node)):
        return
    for axis in _axes(len(shape)):
        for keep in ("", ", keepdims=True"):
            yield Alternative(method(node, f"sum(axis={axis}{keep})"), 2)
            yield Alternative(method(node, f"mean(axis={axis}{keep})"), 3)
    yield Alternative(method(node, "sum()"), 2)
    yield Alternative(method(node, "mean()"), 3)


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
        yield Alternative(with_arguments(node, args=args), 1)
    for keyword in node.keywords:
        others = [one for one in node.keywords if one is not keyword]
        yield Alternative(ast.Call(node.func, node.args, others), 1.5)


def _other_function(node: ast.Call, func: ast.Attribute, scope: Scope) -> Iterator[Alternative]:
    """What is mistaken for this function, or only what it is a method of."""
    for name in OTHER_CALL.get(func.attr, ()):
        other = ast.Attribute(func.value, name, ast.Load())
        yield Alternative(ast.Call(other, node.args, node.keywords), 1)
    if not is_module(func.value, scope):
        yield Alternative(func.value, 1)


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
        over = with_option(node, "axis", expression(str(axes)))
        yield Alternative(over, 1.2)
        if not keeps:
            yield Alternative(with_option(over, "keepdims", ast.Constant(True)), 1.8)
    if not keeps:
        yield Alternative(with_option(node, "keepdims", ast.Constant(True)), 1.2)


def _called_as(other: ast.Call, node: ast.Call) -> Iterator[Alternative]:
    """A call with the options and the further arguments that another one has."""
    for keyword in other.keywords:
        if keyword.arg and ast.unparse(keyword.value) not in _given(node, keyword.arg):
            yield Alternative(with_option(node, keyword.arg, keyword.value), 1.5)
    if len(other.args) > len(node.args):
        yield Alternative(with_arguments(node, args=[*node.args, *other.args[len(node.args) :]]), 2)


def _an_argument_more(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """The next argument that a function takes, and was not given: that of its name first."""
    if not isinstance(node, ast.Call) or any(isinstance(a, ast.Starred) for a in node.args):
        return
    for parameter in _left_to_default(node, scope):
        named = [ast.Name(n, ast.Load()) for n in scope.names if n == parameter]
        yield from (Alternative(with_option(node, parameter, one), 1.2) for one in named)


def _left_to_default(node: ast.Call, scope: Scope) -> list[str]:
    """The parameters of a called function that the call says nothing of."""
    function = scope.value(node.func)
    if not isinstance(function, FunctionType):
        return []
    taken = list(inspect.signature(function).parameters)[len(node.args) :]
    return [name for name in taken if not _given(node, name)]


def _symmetrized(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """A + A.T for 2 A, or for A: what enters twice, once from either side."""
    match node:
        case ast.BinOp(ast.Constant(2 | 2.0), ast.Mult(), one) if _is_square(scope.shape(one)):
            yield Alternative(_with_transpose(one), 1.8)
        case ast.BinOp(ast.BinOp(ast.Constant(2 | 2.0), ast.Mult(), one), ast.MatMult() as op, two):
            for left, right in ((_with_transpose(one), two), (one, _with_transpose(two))):
                yield Alternative(ast.BinOp(left, op, right), 1.8)
        case ast.expr() if _is_square(scope.shape(node)):
            yield Alternative(_with_transpose(node), 2)


def _with_transpose(node: ast.expr) -> ast.expr:
    return ast.BinOp(node, ast.Add(), ast.Attribute(node, "T", ast.Load()))


def _is_square(shape: tuple[int, ...] | None) -> bool:
    return shape is not None and len(shape) == 2 and shape[0] == shape[1]


def _given(node: ast.Call, name: str) -> list[str]:
    return [ast.unparse(k.value) for k in node.keywords if k.arg == name]


def _array_of(node: ast.Call, scope: Scope) -> ast.expr | None:
    """What a reducing call reduces."""
    assert isinstance(node.func, ast.Attribute | ast.Name)
    if isinstance(node.func, ast.Attribute) and not is_module(node.func.value, scope):
        return node.func.value
    return node.args[0] if node.args else None


def _swapped_in_a_tuple(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    match node:
        case ast.Tuple(elements, ast.Load()):
            for i in range(len(elements)):
                for j in range(i + 1, len(elements)):
                    others = list(elements)
                    others[i], others[j] = others[j], others[i]
                    yield Alternative(ast.Tuple(others, ast.Load()), 1)


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
            yield Alternative(with_arguments(other, args=[node, *other.args[1:]]), 2.2)
            yield from _with_other_names(node, other, scope)
        if isinstance(other.func, ast.Attribute) and not is_module(other.func.value, scope):
            func = ast.Attribute(node, other.func.attr, ast.Load())
            yield Alternative(ast.Call(func, other.args, other.keywords), 2)


def _helped(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Handed to one of the module's own functions that only compute, alone or with an array at hand."""
    if not isinstance(node, ast.expr) or not scope.shape(node):
        return
    for name, count in scope.helpers.items():
        others = [[]] if count == 1 else [[ast.Name(n, ast.Load())] for n in scope.arrays]
        for more in others:
            call = ast.Call(ast.Name(name, ast.Load()), [node, *more], [])
            yield Alternative(call, 2.1 + 0.3 * len(more))


def _with_other_names(node: ast.expr, call: ast.Call, scope: Scope) -> Iterator[Alternative]:
    """A call that stands elsewhere, of this node, with another name among its other arguments."""
    arrays = [n for n in scope.names if isinstance(scope.local[n], np.ndarray)]
    for k, argument in enumerate(call.args[1:], 1):
        inside = [n for n in ast.walk(argument) if isinstance(n, ast.Name) and n.id in arrays]
        for used, name in itertools.product({n.id for n in inside}, arrays):
            if used != name:
                renamed = _Renamed(used, name).visit(copy.deepcopy(argument))
                args = [node, *call.args[1:k], renamed, *call.args[k + 1 :]]
                yield Alternative(with_arguments(call, args=args), 2.8)


class _Renamed(ast.NodeTransformer):
    """One name for another."""

    def __init__(self, old: str, new: str) -> None:
        self.old, self.new = old, new

    def visit_Name(self, node: ast.Name) -> ast.Name:
        """The new name in place of the old."""
        return ast.Name(self.new, node.ctx) if node.id == self.old else node


CALLED: tuple[Rule, ...] = (
    _transposed,
    _other_call,
    _swapped_in_a_tuple,
    _options,
    _an_argument_more,
)
REDUCED: tuple[Rule, ...] = (_reduced, _symmetrized)
WRAPPED_IN: tuple[Rule, ...] = (_wrapped, _helped)
