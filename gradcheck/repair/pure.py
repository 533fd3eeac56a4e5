"""Which functions of a user's module may be called though the layer never calls them: those that only compute.

An edit may hand a gradient to `sigmoid_prime`, which stands unused in the module. It must not try what
else is there: `train`, `save`, a `main` that ends the process. So a helper counts only if its source is
a few assignments and a return, and calls nothing but NumPy's arithmetic.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from types import FunctionType

import numpy as np

ARITHMETIC = {
    "where", "zeros_like", "ones_like", "clip", "sum", "mean", "max", "min", "prod", "dot", "outer",
    "transpose", "reshape", "real", "conj", "einsum", "var", "std", "asarray", "array", "diag", "eye",
    "concatenate", "stack", "flip", "roll", "pad", "cumsum", "repeat", "expand_dims", "swapaxes",
}  # fmt: skip
"""Functions of NumPy that read their arguments and return something new; its ufuncs are such too."""

METHODS = {
    "sum",
    "mean",
    "max",
    "min",
    "var",
    "std",
    "copy",
    "astype",
    "reshape",
    "dot",
    "transpose",
}
"""The same among an array's methods."""

STATEMENTS = (ast.Return, ast.Assign, ast.Expr)


def only_computes(function: FunctionType) -> bool:
    """Whether a function's source shows that calling it changes nothing and asks nobody."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndexError):
        return False
    if not isinstance(tree, ast.FunctionDef) or tree.decorator_list:
        return False
    return all(isinstance(one, STATEMENTS) and _is_still(one, function) for one in tree.body)


def _is_still(statement: ast.stmt, function: FunctionType) -> bool:
    """Whether a statement binds names alone, and calls arithmetic alone."""
    nodes = list(ast.walk(statement))
    stored = [n for n in nodes if isinstance(getattr(n, "ctx", None), ast.Store | ast.Del)]
    if not all(isinstance(node, ast.Name | ast.Tuple) for node in stored):
        return False
    if any(isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.Lambda) for node in nodes):
        return False
    return all(_is_arithmetic(n, function) for n in nodes if isinstance(n, ast.Call))


def _is_arithmetic(call: ast.Call, function: FunctionType) -> bool:
    match call.func:
        case ast.Attribute(ast.Name(name), attribute) if function.__globals__.get(name) is np:
            return attribute in ARITHMETIC or isinstance(getattr(np, attribute, None), np.ufunc)
        case ast.Attribute(ast.Name(name), _) if name in function.__globals__:
            return False
        case ast.Attribute(_, attribute):
            return attribute in METHODS
    return False
