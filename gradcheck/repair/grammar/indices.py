"""Indices: another one, none, a slice with other ends or another step."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.repair.grammar.alternative import Alternative, Rule
from gradcheck.repair.scope import Scope, expression


def _other_index(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another index, none, or one where there is none."""
    match node:
        case ast.Subscript(value, index, ast.Load()):
            yield Alternative(value, 1.2)
            for other in other_indices(index, scope):
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


def other_indices(index: ast.expr, scope: Scope) -> Iterator[ast.expr]:
    """The indices that are written elsewhere in the function."""
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


INDEXED: tuple[Rule, ...] = (_other_index,)
