"""Sees the calls that do the work of a loss which only wraps them, and where what it returns is in what they give.

def loss(W, b):
    net.W, net.b = W, b
    return net.loss(X, y), net.gradients(X, y)
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from itertools import chain
from typing import Any

from gradcheck.lines.source import Path

MOST = 2
"""Calls, one there and one back; what puts more of them together does some of the work itself."""


def at_work_in(tree: ast.FunctionDef, does_work: Callable[[Any], bool]) -> list[Any]:
    """The calls that do the work of a loss, last that of its gradients; None for one that does its own."""
    calls: list[Any] = sorted(filter(does_work, ast.walk(tree)), key=_place)
    gradients = set(map(ast.unparse, _ends(_returned(tree))[1:]))
    wraps = gradients and 0 < len(calls) <= MOST
    return calls if wraps and gradients <= _places(calls[-1], tree).keys() else [None]


def _place(node: Any) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _returned(tree: ast.FunctionDef) -> Any:
    return getattr(tree.body[-1], "value", None)


def _ends(node: Any) -> list[Any]:
    """What stands in a tuple or a list at any depth."""
    parts = getattr(node, "elts", None)
    return [node] if parts is None else [*chain.from_iterable(map(_ends, parts))]


def way_through(tree: ast.FunctionDef, call: ast.Call, path: Path) -> Path | None:
    """Where in what a call gives, or its object holds, what a function returns at some place is, if it is."""
    node, rest = _returned(tree), path
    while rest and hasattr(node, "elts"):
        node, rest = node.elts[rest[0]], rest[1:]
    place = _places(call, tree).get(ast.unparse(node))
    return None if place is None else (*place, *rest)


def _places(call: ast.Call, tree: ast.FunctionDef) -> dict[str, Path]:
    """Where in what a call gives, or its object holds, each expression is that says so."""
    owner, nodes = ast.unparse(call.func).rpartition(".")[0], [*ast.walk(tree)]
    names = {getattr(node, "attr", "") for node in nodes}
    held: dict[str, Path] = {f"{owner}.{name}": ("self", name) for name in names}
    (target,) = next(
        (s.targets for s in nodes if isinstance(s, ast.Assign) and s.value is call), [call]
    )
    parts = enumerate(getattr(target, "elts", ()))
    return held | {ast.unparse(part): (k,) for k, part in parts} | {ast.unparse(target): ()}
