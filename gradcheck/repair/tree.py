"""What is asked of syntax trees in more than one room."""

from __future__ import annotations

import ast
import copy

from gradcheck.lines.statements import Node as Node
from gradcheck.lines.statements import inside as inside


def expression(text: str) -> ast.expr:
    """An expression, parsed."""
    return ast.parse(text, mode="eval").body


def read(name: str) -> ast.Name:
    """A name that is read."""
    return ast.Name(name, ast.Load())


def is_read(node: ast.AST) -> bool:
    """Whether a node is not written to or deleted."""
    return isinstance(getattr(node, "ctx", None), ast.Load | None)


def same(one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes are written the same."""
    return one is other or ast.unparse(one) == ast.unparse(other)


def called_name(node: ast.AST) -> str:
    """The name of what a call calls, without what it is an attribute of; empty where there is none."""
    match node:
        case ast.Call(ast.Attribute(_, name) | ast.Name(name)):
            return name
    return ""


def replaced(node: ast.AST, text: str, other: ast.expr) -> ast.AST:
    """A tree with one expression for another, wherever it is written."""
    changed: ast.AST = _Replaced(text, other).visit(copy.deepcopy(node))
    return changed


def unannotated(tree: Node) -> Node:
    """A copy of a tree without its types, which are no values."""
    changed = copy.deepcopy(tree)
    for one in inside(changed, ast.arg, ast.FunctionDef, ast.AnnAssign):
        for name in {"annotation", "returns"} & set(one._fields):
            setattr(one, name, None)
    return changed


def cleared(tree: Node) -> Node:
    """A copy of a tree in which room is made of zeros: left empty, it may hold what was right a run before."""
    changed = copy.deepcopy(tree)
    for one in inside(changed, ast.Attribute):
        one.attr = one.attr.replace("empty", "zeros") if one.attr in EMPTY else one.attr
    return changed


EMPTY = ("empty", "empty_like")
"""What makes room, and leaves in it what the memory held."""


class _Replaced(ast.NodeTransformer):
    """One expression for another, wherever it is written."""

    def __init__(self, text: str, other: ast.expr) -> None:
        self.text, self.other = text, other

    def visit(self, node: ast.AST) -> ast.AST:
        """The other expression in place of what is written so."""
        if isinstance(node, ast.expr) and ast.unparse(node) == self.text:
            return self.other
        return self.generic_visit(node)
