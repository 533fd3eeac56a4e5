"""Sees through functions that only hand on, `lambda W: loss(W, X, y)`, to the one that does the work."""

from __future__ import annotations

import ast
import copy
import inspect
import linecache
import sysconfig
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cache, partial
from types import CodeType, FunctionType
from typing import Any

from gradcheck.layer import Adapted, Layer
from gradcheck.lines.source import (
    Function,
    Source,
    Unreadable,
    from_lambda,
    kept_of,
    parsed_function,
    seen_by,
    unbound,
)
from gradcheck.lines.statements import base_of, name_of
from gradcheck.lines.together import put_together

CALLED = "_called"
"""The name under which a copy of a function that hands on knows what it calls."""
LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
"""Where no function is the user's own."""


def at_work(function: Function) -> Source:
    """The source of a function, or, where it only hands on to another, of that other; or Unreadable."""
    bare, _, _ = unbound(function)
    tree, called = _tree_of(bare), _handed_to(bare)
    call = _handing_on(tree)
    if call is None or called is None:
        return put_together(function, tree, partial(_called_by, bare=bare)) or Source.of(function)
    inner, passed = at_work(called), _passed(call, called)
    names = {mine: inner.called.get(its, its) for mine, its in passed.items()}
    around = partial(_handing_on_to, function)
    return replace(inner, around=(around, *inner.around), called=names)


def bound_alike(function: Function, other: Function) -> Function:
    """Another function in place of the one that does the work, with what is bound to that; no source is read."""
    bare, ahead, keywords = unbound(function)
    called = _handed_to(bare)
    if called is None:
        return partial(other, *ahead, **keywords)
    return _handing_on_to(function, bound_alike(called, other))


def _handed_to(bare: FunctionType) -> Function | None:
    """The function of the user's that one hands on to, if it does."""
    call = _handing_on(_tree_of(bare))
    return None if call is None else _called_by(call, bare)


def _handing_on_to(function: Function, other: Function) -> Function:
    """A function that hands on, to another one."""
    bare, ahead, keywords = unbound(function)
    changed = copy.deepcopy(_tree_of(bare))
    call = _handing_on(changed)
    assert call is not None
    call.func = ast.copy_location(ast.Name(CALLED, ast.Load()), call.func)
    outer = Source(bare, changed, 1, (), ahead, keywords)
    return outer.bound(outer.kept_in(changed, {CALLED: other}))


def forward_tree(layer: Layer) -> ast.AST:
    """The forward pass of a layer, where its source is at hand; what does nothing where it is not."""
    with suppress(Unreadable):
        return at_work(layer.forward if isinstance(layer, Adapted) else layer).tree
    return ast.Pass()


def _tree_of(bare: FunctionType) -> ast.FunctionDef:
    """A function, as it was changed where it was."""
    kept = kept_of(bare)
    return _tree(bare.__code__) if kept is None else kept.tree


@cache
def _tree(code: CodeType) -> ast.FunctionDef:
    """A function by its code, a lambda as one too; one that does nothing where its source is not at hand."""
    with suppress(OSError, TypeError, ValueError, SyntaxError, Unreadable):
        if code.co_name == "<lambda>":
            return _lambda(code)
        return parsed_function(inspect.getsource(code))
    return parsed_function("def _nothing(): pass")


def _lambda(code: CodeType) -> ast.FunctionDef:
    """The only lambda with this code in its file, as a function."""
    module = ast.parse("".join(linecache.getlines(code.co_filename)))
    places = set(code.co_positions())
    lambdas = (node for node in ast.walk(module) if isinstance(node, ast.Lambda))
    (found,) = (one for one in lambdas if _place(one.body) in places)
    return from_lambda(found, "_lambda")


def _place(node: ast.expr) -> tuple[int | None, ...]:
    """From where to where an expression stands, as its code says it."""
    return node.lineno, node.end_lineno, node.col_offset, node.end_col_offset


def _handing_on(tree: ast.FunctionDef) -> ast.Call | None:
    """The call whose result a function returns as it is, if it computes nothing before."""
    docstring = ast.get_docstring(tree) is not None
    match tree.body[docstring:]:
        case [*before, ast.Return(ast.Call() as call)] if all(map(_only_puts, before)):
            return call
    return None


def _only_puts(statement: ast.stmt) -> bool:
    """Whether a statement puts values that are there in their places: net.W = W, net.set(W)."""
    match statement:
        case ast.Assign(_, value):
            computing = (ast.Call, ast.BinOp, ast.UnaryOp, ast.Lambda)
            return not any(isinstance(node, computing) for node in ast.walk(value))
        case ast.Expr(ast.Call()):
            return True
    return False


def _called_by(call: ast.Call, bare: FunctionType) -> Function | None:
    """The function of the user's that a call calls, if it is known before."""
    scope = seen_by(bare)
    name = base_of(name_of(call.func) or "")
    if name not in scope or name in bare.__code__.co_varnames:
        return None
    found = eval(compile(ast.Expression(call.func), "<called>", "eval"), scope)
    return found if _is_users(found) else None


def _is_users(function: Any) -> bool:
    with suppress(Unreadable):
        bare, _, _ = unbound(function)
        return not bare.__code__.co_filename.startswith(LIBRARIES)
    return False


def _passed(call: ast.Call, called: Function) -> Mapping[str, str]:
    """Under which names a function receives the names that it is called with."""
    keywords = {one.arg: one.value for one in call.keywords if one.arg is not None}
    with suppress(TypeError, ValueError):
        bound = inspect.signature(called).bind_partial(*call.args, **keywords)
        nodes = bound.arguments.items()
        return {node.id: name for name, node in nodes if isinstance(node, ast.Name)}
    return {}
