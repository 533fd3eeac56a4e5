"""How what is derived is written: sums and products in the fewest signs."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache

from gradcheck.repair.grammar.rewrite import filled
from gradcheck.repair.tree import expression, inside


@cache
def template(rule: str) -> ast.expr:
    """A rule, parsed."""
    return expression(rule)


def letters_of(rule: str) -> set[str]:
    """The letters that a rule is written with."""
    return {one.id for one in inside(template(rule), ast.Name)}


def written(rule: str, letters: Mapping[str, ast.expr]) -> ast.expr:
    """A rule with what its letters stand for."""
    return plain(filled(template(rule), dict(letters)))


def plain(node: ast.expr) -> ast.expr:
    """An expression without factors of one, the minus signs of its products in front of them."""
    match node:
        case ast.BinOp(left, op, right):
            return _joined(plain(left), op, plain(right))
        case ast.UnaryOp(ast.USub(), inner):
            return _negative(plain(inner))
    return node


def _joined(left: ast.expr, op: ast.operator, right: ast.expr) -> ast.expr:
    match left, op, right:
        case ast.UnaryOp(ast.USub(), inner), ast.Mult() | ast.Div() | ast.MatMult(), _:
            return _negative(_joined(inner, op, right))
        case ast.Constant(1), ast.Mult(), _ if not isinstance(right, ast.Compare):
            return right
        case _, ast.Mult(), ast.Constant(1):
            return left
    return ast.BinOp(left, op, right)


def _negative(node: ast.expr) -> ast.expr:
    match node:
        case ast.UnaryOp(ast.USub(), inner):
            return inner
    return ast.UnaryOp(ast.USub(), node)


def added(left: ast.expr, right: ast.expr) -> ast.expr:
    """The sum of two expressions, a difference where the second is a negative."""
    match right:
        case ast.UnaryOp(ast.USub(), inner):
            return ast.BinOp(left, ast.Sub(), inner)
    return ast.BinOp(left, ast.Add(), right)
