"""Names: another that holds the same kind of thing, one item of several, a size, off by one."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

import numpy as np

from gradcheck.repair.grammar.alternative import Alternative, Rule
from gradcheck.repair.scope import Scope, shape_of


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


def _name_for_more(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """A name, where something is computed or written out: k for size[0] * size[1], stride for (1, 1)."""
    if not isinstance(node, (ast.BinOp, ast.Call, ast.Subscript, ast.Attribute, ast.Tuple)):
        return
    own = scope.value(node)
    for name in scope.names:
        value = scope.local[name]
        alike = shape_of(own) == shape_of(value) or shape_of(own) == ()
        if alike and _as_long(own, value):
            price = 1.6 if _same_kind(own, value) else 1.9
            yield Alternative(ast.Name(name, ast.Load()), price)


def _as_long(one: object, other: object) -> bool:
    """Whether both are tuples of the same length, or neither is one."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other)
    return not isinstance(one, tuple) and not isinstance(other, tuple)


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


def _other_item(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another attribute of an object, or an item of another list: outs[t] for states[t]."""
    match node:
        case ast.Attribute(ctx=ast.Load()) if scope.shape(node):
            for other in scope.pool.operands:
                if isinstance(other, ast.Attribute) and scope.shape(other) == scope.shape(node):
                    yield Alternative(other, 1.3)
        case ast.Subscript(ast.Name(), index, ast.Load()):
            held = (n for n in scope.names if isinstance(scope.local[n], (list, np.ndarray)))
            for name, place in itertools.product(held, (index, *scope.pool.indices)):
                yield Alternative(ast.Subscript(ast.Name(name, ast.Load()), place, ast.Load()), 1.8)


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


NAMED: tuple[Rule, ...] = (
    _other_name,
    _one_of_several,
    _other_item,
    _name_for_more,
    _size_for_a_number,
    _off_by_one,
)
