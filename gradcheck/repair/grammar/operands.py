"""Operands: a factor or a term more, from what is at hand."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.repair.grammar.alternative import Alternative, Rule
from gradcheck.repair.scope import Scope, expression, shape_of

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
        yield Alternative(ast.BinOp(node, op, one.node), one.price)
    for turned in (ast.Sub(), ast.Div()):
        yield Alternative(ast.BinOp(one.node, turned, node), one.price + 0.5)
    if one.price < DERIVED:
        yield Alternative(ast.BinOp(node, ast.Pow(), one.node), one.price + 1)
        yield Alternative(ast.BinOp(one.node, ast.Pow(), node), one.price + 1)


@dataclass(frozen=True)
class Operand:
    """Something at hand that could be a factor or a term."""

    node: ast.expr
    price: float
    shape: tuple[int, ...]


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
        yield Operand(node, price, shape)


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
    helpers = [f"{name}({{0}})" for name, count in scope.helpers.items() if count == 1]
    yield from _factors_of(scope.arrays, helpers, price=DERIVED)


def _factors_of(
    values: Sequence[str], factors: Sequence[str], price: float
) -> Iterator[tuple[float, ast.expr]]:
    """Derivatives made from what is at hand."""
    yield from ((price, expression(f.format(value))) for value in values for f in factors)


def _broadcast(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    pairs = zip(reversed(one), reversed(other), strict=False)
    return all(a == b or 1 in (a, b) for a, b in pairs)


def _multiply(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether arrays of these shapes can be multiplied as matrices."""
    return bool(one and other) and one[-1] == other[-2 if len(other) > 1 else 0]


OPERANDS_LEFT_OUT: tuple[Rule, ...] = (_another_operand,)
PRODUCTS: tuple[Rule, ...] = (_product,)
