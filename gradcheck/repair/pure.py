"""Which functions of a user's module may be called though the layer never calls them: those that only compute.

An edit may hand a gradient to `sigmoid_prime`, which stands unused in the module. It must not try what
else is there: `train`, `save`, a `main` that ends the process. So a helper counts only if its source is
a few assignments and a return, and calls nothing but NumPy's arithmetic, or another such helper.
"""

from __future__ import annotations

import ast
from types import FunctionType
from typing import Any

import numpy as np

from gradcheck.lines import Unreadable
from gradcheck.lines.source import Source
from gradcheck.repair.tree import inside, is_read

ARITHMETIC = {
    "where", "zeros_like", "ones_like", "clip", "sum", "mean", "max", "min", "prod", "dot", "outer",
    "transpose", "reshape", "real", "conj", "einsum", "var", "std", "asarray", "array", "diag", "eye",
    "concatenate", "stack", "flip", "roll", "pad", "cumsum", "repeat", "expand_dims", "swapaxes",
}  # fmt: skip
"""Functions of NumPy that read their arguments and return something new; its ufuncs are such too."""

METHODS = {
    "sum", "mean", "max", "min", "var", "std", "copy", "astype", "reshape", "dot", "transpose",
}  # fmt: skip
"""The same among an array's methods."""

STATEMENTS = (ast.Return, ast.Assign, ast.Expr)
UNSTILL = (ast.Await, ast.Yield, ast.YieldFrom, ast.Lambda)


DEEPEST = 1
"""Helpers that call each other: `sigmoid_prime` calls `sigmoid`."""


def only_computes(function: Any, further: int = DEEPEST) -> bool:
    """Whether a function's source shows that calling it changes nothing and asks nobody."""
    try:
        source = Source.of(function)
    except Unreadable:
        return False
    body = source.tree.body
    return not source.tree.decorator_list and all(
        _is_still(s, source.function, further) for s in body
    )


def _is_still(statement: ast.stmt, function: FunctionType, further: int) -> bool:
    """Whether a statement binds names alone, and calls arithmetic alone."""
    still = isinstance(statement, STATEMENTS) and not inside(statement, *UNSTILL)
    items = inside(statement, ast.Attribute, ast.Subscript)
    calls = inside(statement, ast.Call)
    return (
        still
        and all(map(is_read, items))
        and all(_is_arithmetic(c, function, further) for c in calls)
    )


def _is_arithmetic(call: ast.Call, function: FunctionType, further: int) -> bool:
    match call.func:
        case ast.Name(name) if further:
            return only_computes(function.__globals__.get(name), further - 1)
        case ast.Attribute(ast.Name(name), attribute) if function.__globals__.get(name) is np:
            return attribute in ARITHMETIC or isinstance(getattr(np, attribute, None), np.ufunc)
        case ast.Attribute(ast.Name(name), _) if name in function.__globals__:
            return False
        case ast.Attribute(_, attribute):
            return attribute in METHODS
    return False
