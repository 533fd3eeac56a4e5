"""A forward pass without its guards: an ε that keeps a logarithm or a quotient from zero is part of no formula."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import suppress
from copy import deepcopy
from dataclasses import replace
from types import FunctionType
from typing import Any

import numpy as np

from gradcheck.layer import Adapted, Layer
from gradcheck.lines.handing import at_work
from gradcheck.lines.source import Function, Source, Unreadable

GUARD = float(np.finfo(np.float32).eps)
"""What is no larger a float32 does not see beside 1: nobody means it by a formula."""

NO_GUARD = "_no_guard"
"""The name under which a copy calls what makes a guard zero."""

PLAIN = (ast.Constant, ast.Name, ast.Attribute)


def without_guards(layer: Layer) -> tuple[Layer, list[float]]:
    """The layer with every guard in its forward pass and its helpers zero, and those that were met when it ran.

    Unreadable or SyntaxError where the text is not at hand.
    """
    user = layer if isinstance(layer, Adapted) else Adapted("", (), layer, None, _as_it_is)
    met: list[float] = []

    def no_guard(value: Any) -> Any:
        if not (isinstance(value, float) and 0 < abs(value) <= GUARD):
            return value
        met.append(value)
        return 0.0

    if NO_GUARD in at_work(user.forward).function.__globals__:
        return layer, met  # It is without them already.
    if user.scored is not None:
        loss, scored_by = user.scored
        user = scored_by(_unguarded(Source.of(loss), no_guard))
    forward = _unguarded(at_work(user.forward), no_guard)
    back = forward if user.backward == user.forward else user.backward
    whole = replace(user, forward=forward, backward=back)
    return whole if isinstance(layer, Adapted) else forward, met


def _unguarded(source: Source, no_guard: Callable[[Any], Any]) -> Function:
    """A function in which no guard is added, bound as it was."""
    return source.bound(_copied(source, no_guard))


def _as_it_is(forward: Layer, _: Any) -> Layer:
    return forward


def _copied(
    source: Source, no_guard: Callable[[Any], Any], around: tuple[str, ...] = ()
) -> FunctionType:
    """A copy of a function, and of the helpers of its module that it calls, in which no guard is added."""
    helpers = dict(_helpers(source.function, no_guard, around))
    tree = ast.fix_missing_locations(_Unguarded().visit(deepcopy(source.tree)))
    return source.kept_in(tree, {**helpers, NO_GUARD: no_guard})


def _helpers(
    function: FunctionType, no_guard: Callable[[Any], Any], around: tuple[str, ...]
) -> Iterator[tuple[str, FunctionType]]:
    known = function.__globals__
    for name in set(function.__code__.co_names).difference(around):
        helper = known.get(name)
        if isinstance(helper, FunctionType) and helper.__module__ == function.__module__:
            with suppress(Unreadable, SyntaxError):
                yield name, _copied(Source.of(helper), no_guard, (*around, name))


class _Unguarded(ast.NodeTransformer):
    """Asks of whatever is added, subtracted or handed to a function whether it is a guard; a factor is none."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """p + eps, 1 - eps."""
        self.generic_visit(node)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            node.left, node.right = _asked(node.left), _asked(node.right)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """np.clip(p, eps, 1 - eps), np.maximum(norm, 1e-12)."""
        self.generic_visit(node)
        node.args = list(map(_asked, node.args))
        return node


def _asked(node: ast.expr) -> ast.expr:
    if not isinstance(node, PLAIN):
        return node
    return ast.copy_location(ast.Call(ast.Name(NO_GUARD, ast.Load()), [node], []), node)
