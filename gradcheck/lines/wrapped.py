"""Sees the calls that do the work of a loss which only wraps them, and where what it returns is in what they give.

def loss(W, b):
    net.W, net.b = W, b
    out = net.forward(X)
    return net.loss(out, y), net.gradients(out, y)
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from typing import Any

from gradcheck.lines.source import Path
from gradcheck.lines.statements import texts_in

BOTH = 2
"""Calls, one there and one back; of more the first is not all of the way there."""


def at_work_in(tree: ast.FunctionDef, does_work: Callable[[Any], bool], which: int) -> Any:
    """The call that does the work of a loss: the first, of its value, or the one of its gradients.

    None of one that does its own, or if more than one call is the way there.
    """
    calls: list[Any] = sorted(filter(does_work, ast.walk(tree)), key=_place)
    gradients = _ends(_returned(tree))[1:] or [ast.Pass()]
    gives = [c for c in calls if all(_is_given(one, c, tree) for one in gradients)]
    there = calls[:1] if len(calls) <= BOTH else []
    return next(iter(gives and (there, gives)[which]), None)


def _is_given(gradient: Any, call: ast.Call, tree: ast.FunctionDef) -> bool:
    """Whether a gradient is what a call gives, or its object holds then: at most laid out otherwise."""
    parts = [*_laid_out(gradient, call)]
    given = {place.partition(".")[0] for place in _places(call, tree)}
    read, own = _names(parts, ast.Load), _names(parts, ast.Store)
    others = _names(ast.walk(tree), ast.Store) - given - own
    comes_from_it = call in parts or not read.isdisjoint(given)
    return comes_from_it and read.isdisjoint(others) and not any(map(_computes, parts))


def _names(nodes: Iterable[Any], context: type[ast.expr_context]) -> set[str]:
    return {node.id for node in filter(partial(_is_name, context), nodes)}


def _is_name(context: type[ast.expr_context], node: Any) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, context)


def _laid_out(node: ast.AST, call: ast.Call) -> Iterator[ast.AST]:
    """What an expression is written with, down to a call that is not looked into."""
    yield node
    for inner in ast.iter_child_nodes(node) if node is not call else ():
        yield from _laid_out(inner, call)


def _computes(node: ast.AST) -> bool:
    """Whether an operation computes with numbers: "d" + name makes a name."""
    operands = ast.iter_child_nodes(node)
    return isinstance(node, ast.BinOp | ast.UnaryOp) and not any(map(texts_in, operands))


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
