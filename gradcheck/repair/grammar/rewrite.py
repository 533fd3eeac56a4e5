"""A rewrite, written in Python: what a single letter stands for on the left, it stands for on the right.

`rules("a - b", ["b - a"], 1)` says that somebody who wrote a difference may have meant the other one, and
what that costs: what people mix up often is cheap.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial, wraps
from typing import Any

from gradcheck.repair.scope import Scope
from gradcheck.repair.slips import Slip
from gradcheck.repair.tree import Node, is_read, same

LETTERS = frozenset("abck")
"""The names in a pattern that stand for any expression."""

Bound = dict[str, ast.expr]
"""What the letters stand for."""


@dataclass(frozen=True)
class Alternative:
    """Another node, how far-fetched it is, and the slip that it mends, with the operand that this is about."""

    node: ast.AST
    price: float
    slip: Slip | None = None
    about: ast.expr | None = None


Rule = Callable[[ast.AST, Scope], Iterable[Alternative]]
"""From a node to what might have been meant by it."""


def on(*kinds: type[Node]) -> Callable[[Callable[[Node, Scope], Iterable[Alternative]]], Rule]:
    """A rule for nodes of some kinds, where they are read."""

    def limited(rule: Callable[[Node, Scope], Iterable[Alternative]]) -> Rule:
        @wraps(rule)
        def only(node: ast.AST, scope: Scope) -> Iterable[Alternative]:
            return rule(node, scope) if isinstance(node, kinds) and is_read(node) else ()

        return only

    return limited


def priced(
    nodes: Iterable[ast.AST], price: float, slip: Slip | None = None
) -> Iterator[Alternative]:
    """Nodes that are all as far-fetched, and mend the same slip."""
    return (Alternative(node, price, slip) for node in nodes)


Guard = Callable[[Any, Scope], bool]
"""Whether a rewrite makes sense of a node."""


def always(node: ast.AST, scope: Scope) -> bool:
    """A guard that lets everything through."""
    return True


def fits(pattern: Any, node: Any, bound: Bound) -> bool:
    """Whether a node is written as a pattern says; `bound` learns what the letters stand for."""
    match pattern:
        case ast.Name(name) if name in LETTERS:
            value = isinstance(node, ast.expr) and not isinstance(node, UNBOUND)
            return value and same(bound.setdefault(name, node), node)
        case ast.AST():
            return type(pattern) is type(node) and _all_fit(_parts(pattern), _parts(node), bound)
        case list():
            return len(pattern) == len(node) and _all_fit(pattern, node, bound)
    return bool(pattern == node)


UNBOUND = (ast.Starred, ast.Slice)
"""Expressions that have no value, for which no letter stands."""


def _all_fit(patterns: list[Any], nodes: list[Any], bound: Bound) -> bool:
    return all(map(partial(fits, bound=bound), patterns, nodes))


def _parts(node: ast.AST) -> list[Any]:
    """What a node is made of; whether it is read or written says nothing about it."""
    return [getattr(node, name, None) for name in node._fields if name != "ctx"]


def filled(template: Any, bound: Bound) -> Any:
    """A template with what its letters stand for."""
    match template:
        case ast.Name(name):
            return bound.get(name, template)
        case ast.AST():
            return type(template)(*(filled(part, bound) for part in _fields(template)))
        case list():
            return [filled(part, bound) for part in template]
    return template


def _fields(node: ast.AST) -> list[Any]:
    return [getattr(node, name, None) for name in node._fields]


@dataclass(frozen=True)
class Rewrite:
    """One rewrite, a rule of the grammar; `when` says of which nodes it makes sense."""

    before: ast.AST
    after: ast.AST
    price: float
    slip: Slip | None
    about: str
    when: Guard

    def __call__(self, node: ast.AST, scope: Scope) -> Iterator[Alternative]:
        """What might have been meant by a node that is written so."""
        bound: Bound = {}
        if fits(self.before, node, bound) and self.when(node, scope):
            new = filled(self.after, bound)
            yield Alternative(new, self.price, self.slip, bound.get(self.about))


def rules(
    before: str,
    after: Sequence[str],
    price: float,
    slip: Slip | None = None,
    *,
    about: str = "b",
    when: Guard = always,
) -> tuple[Rewrite, ...]:
    """The rewrites of one pattern into what may have been meant instead, in that order.

    `slip` is what then was done wrong, `about` the letter of the term or factor in question; `when` says of
    which nodes it makes sense, of all that are written so if not given.
    """
    several: list[ast.AST] = [ast.parse(text).body[0] for text in (before, *after)]
    if isinstance(several[0], ast.Expr):
        several = [one.value for one in several]  # type: ignore[attr-defined]
    pattern, *templates = several
    return tuple(Rewrite(pattern, one, price, slip, about, when) for one in templates)
