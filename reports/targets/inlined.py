"""A function's text with what it calls written in its place: helpers of its own module say what it does."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from gradcheck.layer import Function
from reports.targets.texts import tree_of

DEEPEST = 3
"""How far a helper's helpers are followed; one that calls itself has no end."""


def inlined(function: Function) -> ast.AST:
    """The text of a function in which a helper's statements stand before the one that calls it."""
    known = getattr(inspect.unwrap(function), "__globals__", {})
    tree: ast.AST = _Inliner(known, DEEPEST).visit(tree_of(function) or ast.Pass())
    return tree


def whole_text(function: Function) -> str:
    """The same written down."""
    return ast.unparse(ast.fix_missing_locations(inlined(function)))


class _Inliner(ast.NodeTransformer):
    """Writes the value that a helper returns for its call; `ahead` is what it does before."""

    def __init__(self, known: Mapping[str, Any], depth: int) -> None:
        self.known, self.depth = known, depth
        self.ahead: list[ast.stmt] = []

    def visit(self, node: ast.AST) -> Any:
        """A statement's calls go ahead of it, where it stands."""
        if not isinstance(node, ast.stmt):
            return super().visit(node)
        outer, self.ahead = self.ahead, []
        node = super().visit(node)
        mine, self.ahead = self.ahead, outer
        return [*mine, node] if mine else node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """The helper's value, if it is a function of the module that is handed everything in order."""
        self.generic_visit(node)
        helper = self.known.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if not (inspect.isfunction(helper) and self.depth and not node.keywords):
            return node
        tree = tree_of(helper)
        if not (isinstance(tree, ast.FunctionDef) and isinstance(tree.body[-1], ast.Return)):
            return node
        taken = [one.arg for one in tree.args.args]
        mine = _Renamed(tree.name, dict(zip(taken, node.args, strict=False)))
        body = ast.Module([mine.visit(one) for one in tree.body], [])
        *before, last = _Inliner(self.known, self.depth - 1).visit(body).body
        self.ahead += before
        return last.value or node


class _Renamed(ast.NodeTransformer):
    """Writes what a helper was handed for its parameters, and names of its own for what is its own."""

    def __init__(self, helper: str, handed: Mapping[str, ast.expr]) -> None:
        self.helper, self.handed = helper, handed
        self.own: set[str] = set()

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """What is given here is the helper's own from then on."""
        node.value = self.visit(node.value)
        targets = (n for target in node.targets for n in ast.walk(target))
        self.own |= {n.id for n in targets if isinstance(n, ast.Name) and _is_given(n)}
        node.targets = [self.visit(target) for target in node.targets]
        return node

    def visit_Name(self, node: ast.Name) -> ast.AST:
        """A parameter, or a name of the helper's own."""
        if node.id in self.own:
            return ast.Name(f"{self.helper}.{node.id}", node.ctx)
        return deepcopy(self.handed[node.id]) if node.id in self.handed else node


def _is_given(node: ast.Name) -> bool:
    return isinstance(node.ctx, ast.Store)
