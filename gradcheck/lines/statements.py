"""What a statement does with names: which it gives a value, which it writes into, which it computes with."""

from __future__ import annotations

import ast
from collections.abc import Iterator


def targets(statement: ast.stmt) -> list[ast.expr]:
    """What a statement assigns to, tuples taken apart."""
    match statement:
        case ast.Assign(assigned):
            return [part for target in assigned for part in _parts(target)]
        case ast.AugAssign(target) | ast.AnnAssign(target, _, ast.expr()):
            return _parts(target)
    return []


def _parts(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        return [part for element in target.elts for part in _parts(element)]
    return [target]


def written_into(statement: ast.stmt) -> list[str]:
    """The names of what a call, standing alone, writes into: np.add.at(d, …), ds.append(…)."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)):
        return []
    call = statement.value
    places = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "out")]
    if isinstance(call.func, ast.Attribute):
        places.append(call.func.value)
    return [place.id for place in places if isinstance(place, ast.Name) and place.id != "np"]


def names_read(node: ast.AST) -> frozenset[str]:
    """The names that a statement or expression computes with."""
    return frozenset(_read(node))


def _read(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load):
            yield inner.id
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        yield node.target.id
