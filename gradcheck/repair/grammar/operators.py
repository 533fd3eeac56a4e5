"""Operators and constants: another one, brackets elsewhere, a sign, a comparison, a number."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from gradcheck.repair.grammar.alternative import Alternative, Rule
from gradcheck.repair.scope import Scope

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
                    yield Alternative(ast.BinOp(left, other(), right), price)
            if not isinstance(op, (ast.Add, ast.Mult)):
                yield Alternative(ast.BinOp(right, op, left), 1)
            yield Alternative(left, 1)
            yield Alternative(right, 1)
            if isinstance(left, ast.BinOp):
                # A derivative like p (1 - p) is two factors.
                yield Alternative(left.left, 1.5)


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
            yield Alternative(operand, 1)
        case ast.UnaryOp(_, operand):
            yield Alternative(operand, 1)
        case ast.expr() if not isinstance(node, (ast.Constant, ast.Tuple, ast.Slice)):
            value = scope.value(node)
            if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind == "b":
                yield Alternative(ast.UnaryOp(ast.Invert(), node), 1.5)
            elif scope.shape(node) is not None:
                yield Alternative(ast.UnaryOp(ast.USub(), node), 1.5)
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


OPERATED: tuple[Rule, ...] = (
    _other_operator,
    _sign_and_negation,
    _other_comparison,
    _other_constant,
    _choices,
    _regrouped,
)
