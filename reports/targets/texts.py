"""What a function's text says that it returns: a value and its way back, a loss and its gradients."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import tokenize
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from gradcheck.forms.names import is_of, takes
from gradcheck.layer import Function

LOSS = re.compile(r"loss|cost|nll|energy|^[JLE]$", re.IGNORECASE)
GRADIENT = re.compile(r"^d[A-Z_]|^d[a-z]{1,2}\d?\b|grad|^d(scores|pred|logits|out)\b")
"""How a loss and its gradient are called where they are returned together, whoever wrote it."""


def text_of(subject: Any) -> str:
    """The text of a function or a class; nothing where it is not at hand."""
    try:
        return inspect.getsource(subject)
    except (OSError, TypeError):
        return ""


def comments_ahead(function: Function) -> str:
    """The comments of a function down to its first statement, one a line."""
    tree, lines = tree_of(function), text_of(function).splitlines(keepends=True)
    first = next((one.lineno for one in getattr(tree, "body", ()) if not _is_said(one)), 1)
    found = list[str]()
    # The text ends within the function: what was read until then is all that is asked for.
    with suppress(tokenize.TokenError, IndentationError):
        for token in tokenize.generate_tokens(iter(lines[: first - 1]).__next__):
            found += [token.string.lstrip("# ")] * (token.type == tokenize.COMMENT)
    return "\n".join(found)


def _is_said(statement: ast.stmt) -> bool:
    """Whether a statement is a text alone, as a docstring is."""
    return isinstance(getattr(statement, "value", None), ast.Constant)


def tree_of(function: Function) -> ast.AST | None:
    """The text of a function, taken apart; None where it is not at hand."""
    try:
        return next(iter(ast.parse(textwrap.dedent(text_of(function))).body), None)
    except SyntaxError:
        return None


def returns_two(function: Function) -> bool:
    """Whether a function returns two values, whatever they are."""
    return bool(_twos(tree_of(function)))


def returns_way_back(function: Function) -> bool:
    """Whether the second of two values is a function that is written inside, or a lambda."""
    tree = tree_of(function)
    inner = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)} if tree else set()
    return any(
        isinstance(second, ast.Lambda) or (isinstance(second, ast.Name) and second.id in inner)
        for _, second in _twos(tree)
    )


def returns_gradients(function: Function) -> bool:
    """Whether a loss and its gradient are returned, in either order, by what they are called; more may follow."""
    several, inputs = _returned(tree_of(function)), takes(function)
    pairs = [pair for one, second, *_ in several for pair in ((one, second), (second, one))]
    name = getattr(function, "__name__", "")
    mine = LOSS.search(name) or "grad" in name.lower()
    return any(
        _is_gradient(other, inputs)
        and not GRADIENT.search(ast.unparse(loss))
        and (mine or LOSS.search(ast.unparse(loss)))
        for loss, other in pairs
    )


def _twos(tree: ast.AST | None) -> list[tuple[ast.expr, ast.expr]]:
    """The first two of what is returned together, where those behind them are gradients."""
    return [(v[0], v[1]) for v in _returned(tree) if all(map(_is_gradient, v[2:]))]


def _returned(tree: ast.AST | None) -> list[list[ast.expr]]:
    """What is returned together, two values or more."""
    returned = [n.value for n in ast.walk(tree) if isinstance(n, ast.Return)] if tree else []
    values = [value.elts for value in returned if isinstance(value, (ast.Tuple, ast.List))]
    return [several for several in values if len(several) > 1]


def _is_gradient(part: ast.expr, inputs: Sequence[str] = ()) -> bool:
    """Whether what is returned is a gradient by its name, that of an input say, or several of such."""
    inner = getattr(part, "values", None) or getattr(part, "elts", None) or [part]
    called = map(ast.unparse, inner)
    return all(GRADIENT.search(one) or any(is_of(one, name) for name in inputs) for one in called)
