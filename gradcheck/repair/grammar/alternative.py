"""What every room of the grammar speaks of: an alternative with its price, a rule, and how calls are rewritten."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gradcheck.repair.scope import Scope, expression


@dataclass(frozen=True)
class Alternative:
    """Another node, and how far-fetched it is."""

    node: ast.AST
    price: float


Rule = Callable[[ast.AST, Scope], Iterator[Alternative]]
"""From a node to what might have been meant by it."""


def called_name(node: ast.Call) -> str:
    """The name of what a call calls, without what it is an attribute of; empty where it has none."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_module(node: ast.expr, scope: Scope) -> bool:
    """Whether a name is that of a module: none that the function itself has given."""
    return isinstance(node, ast.Name) and node.id not in scope.local


def method(value: ast.expr, call: str) -> ast.expr:
    """A method of a value, called as written."""
    return expression(f"({ast.unparse(value)}).{call}")


def with_arguments(node: ast.Call, args: list[ast.expr]) -> ast.Call:
    """A call with other arguments, its options as they are."""
    return ast.Call(node.func, args, node.keywords)


def with_option(node: ast.Call, name: str, value: ast.expr) -> ast.Call:
    """A call with an option set."""
    changed = copy.copy(node)
    others = [k for k in node.keywords if k.arg != name]
    changed.keywords = [*others, ast.keyword(name, value)]
    return changed
