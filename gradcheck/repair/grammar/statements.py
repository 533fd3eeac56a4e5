"""Statements: = for +=, a loop's order, an index that repeats, another place to write to."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from gradcheck.repair.grammar.alternative import Alternative, Rule, with_arguments
from gradcheck.repair.grammar.indices import other_indices
from gradcheck.repair.scope import Scope, expression


def _added_or_set(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """= for +=, += for =, and the other ways to add."""
    match node:
        case ast.AugAssign(target, op, value):
            yield Alternative(ast.Assign([_stored(target)], value), 1)
            for other in (ast.Add, ast.Sub, ast.Mult, ast.Div):
                if not isinstance(op, other):
                    yield Alternative(ast.AugAssign(target, other(), value), 1)
        case ast.Assign([ast.Subscript() | ast.Name() as target], value):
            yield Alternative(ast.AugAssign(_stored(target), ast.Add(), value), 1)
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
            yield Alternative(ast.Expr(call), 1.5)


def _written_target(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Written into another place: the target with another index, or with one where it has none."""
    match node:
        case ast.Assign([ast.Subscript(array, index)], value):
            for other in other_indices(index, scope):
                yield Alternative(ast.Assign([ast.Subscript(array, other, ast.Store())], value), 2)
        case ast.AugAssign(ast.Subscript(array, index), op, value):
            for other in other_indices(index, scope):
                yield Alternative(
                    ast.AugAssign(ast.Subscript(array, other, ast.Store()), op, value), 2
                )
        case ast.Expr(ast.Call(ast.Attribute(ast.Attribute(_, "add"), "at"), [array, index, *_])):
            call = node.value
            assert isinstance(call, ast.Call)
            for other in other_indices(index, scope):
                yield Alternative(
                    ast.Expr(with_arguments(call, args=[array, other, *call.args[2:]])), 2
                )


def _stored(target: ast.expr) -> ast.Name | ast.Subscript | ast.Attribute:
    assert isinstance(target, (ast.Name, ast.Subscript, ast.Attribute))
    return target


def _stored_read(array: ast.expr) -> ast.expr:
    return expression(ast.unparse(array))


def _as_value(index: ast.expr) -> ast.expr:
    """An index as an argument: slices are written in brackets only."""
    if any(isinstance(node, ast.Slice) for node in ast.walk(index)):
        return ast.Subscript(expression("np.s_"), index, ast.Load())
    return index


STATED: tuple[Rule, ...] = (
    _added_or_set,
    _other_order,
    _repeated_indices,
    _written_target,
)
