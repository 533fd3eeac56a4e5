"""A call of a function of the user's as what it computes: its statements, put into one expression."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from contextlib import suppress
from types import FunctionType
from typing import Any

from gradcheck.lines import Unreadable
from gradcheck.lines.source import Source
from gradcheck.repair.grammar.rewrite import filled

LONGEST = 1_000
"""Letters of what a helper computes, beyond which none of its derivatives fits into a line."""


def written_out(call: ast.Call, function: Any) -> ast.expr | None:
    """What a call computes, in the words of who calls; None of what is more than assignments and a `return`."""
    if isinstance(function, FunctionType):
        with suppress(Unreadable, TypeError):
            return _returned(Source.of(function).tree, _handed(call, function))
    return None


def _handed(call: ast.Call, function: FunctionType) -> dict[str, ast.expr]:
    """What each parameter stands for; of one that is left out its default.

    Raises:
        TypeError: if the call does not fit, or hands over several at once.
    """
    bound = inspect.signature(function).bind(*call.args, **_by_word(call))
    bound.apply_defaults()
    several = any(isinstance(one, ast.Starred) for one in call.args)
    if several:
        raise TypeError
    return {name: _written(one) for name, one in bound.arguments.items()}


def _by_word(call: ast.Call) -> dict[str, ast.expr]:
    return {one.arg or "**": one.value for one in call.keywords}


def _written(one: Any) -> ast.expr:
    return one if isinstance(one, ast.expr) else ast.Constant(one)


def _returned(tree: ast.FunctionDef, known: Mapping[str, ast.expr]) -> ast.expr | None:
    """What is returned, with what its names were given put in for them; None where that gets too long."""
    names = dict(known)
    for statement in tree.body[ast.get_docstring(tree) is not None :]:
        match statement:
            case ast.Assign([ast.Name(name)], value):
                names[name] = _put_in(value, names)
            case ast.Return(ast.expr() as value):
                return _put_in(value, names)
            case _:
                return None
    return None


def _put_in(value: ast.expr, names: Mapping[str, ast.expr]) -> ast.expr:
    """An expression with what its names stand for.

    Raises:
        TypeError: if it gets so long that nothing is derived from it: each statement may double it.
    """
    whole: ast.expr = filled(value, dict(names))
    if len(ast.unparse(whole)) > LONGEST:
        raise TypeError
    return whole
