"""A slip: what was written, what should stand there, where that is, and what both are worth."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.codes import Code
from gradcheck.repair.grammar import called_name
from gradcheck.repair.grammar.calls import REDUCING
from gradcheck.repair.scope import NOTHING, Scope, shape_of

BLOCKS = ("body", "orelse", "finalbody")


@dataclass(frozen=True)
class Name:
    """A code, and the clause that says what is wrong in the line."""

    code: Code
    clause: str


@dataclass(frozen=True, eq=False)
class Slip:
    """An edit: `old` stands in `statement` of `function`, and `new` should.

    `scope` is what the names hold there, `before` and `after` what the statement computes with either;
    `repeated` says whether it is in a loop.
    """

    function: ast.FunctionDef
    statement: ast.stmt
    old: ast.AST
    new: ast.AST
    scope: Scope
    before: Any
    after: Any
    repeated: bool

    @cached_property
    def path(self) -> tuple[tuple[ast.AST, str], ...]:
        """From the statement to the old node: each node with the name of the field that leads on."""
        return next(_paths(self.statement, self.old), ())

    def is_within(self, kind: type[ast.AST], *fields: str) -> bool:
        """Whether the old node is somewhere in these fields of a node of a kind."""
        return any(isinstance(node, kind) and field in fields for node, field in self.path)

    @property
    def around(self) -> ast.AST:
        """What the old node is an operand, argument or element of."""
        return self.path[-1][0] if self.path else self.statement

    @property
    def product(self) -> ast.AST:
        """The widest expression around the old node that is computed from it entry by entry."""
        outward = reversed([node for node, _ in self.path])
        inside = itertools.takewhile(_is_entrywise, outward)
        return [self.old, *inside][-1]

    @property
    def is_an_index(self) -> bool:
        """Whether it stands between the brackets of an index."""
        return isinstance(self.old, ast.Slice) or self.is_within(ast.Subscript, "slice")

    @property
    def is_an_axis(self) -> bool:
        """Whether it is what a call reduces over, or how."""
        within = [node for node, _ in self.path]
        named = any(isinstance(n, ast.keyword) and n.arg in ("axis", "keepdims") for n in within)
        return named or any(map(self._is_further_argument, zip(within, self._nexts(), strict=True)))

    def _nexts(self) -> list[ast.AST]:
        return [*(node for node, _ in self.path[1:]), self.old]

    def _is_further_argument(self, step: tuple[ast.AST, ast.AST]) -> bool:
        """Whether the way leads into an argument of a reducing call other than the array."""
        call, then = step
        if not isinstance(call, ast.Call) or called_name(call) not in REDUCING:
            return False
        of_a_module = isinstance(call.func, ast.Attribute) and ast.unparse(call.func.value) in (
            "np",
            "numpy",
        )
        return then in call.args[1 if of_a_module else 0 :]

    def value(self, node: ast.AST) -> Any:
        """What an expression is worth there; NOTHING if it has no value."""
        return self.scope.value(node) if isinstance(node, ast.expr) else NOTHING

    def is_number(self, node: ast.AST) -> bool:
        """Whether an expression is one number there."""
        shape = shape_of(self.value(node))
        return shape is not None and int(np.prod(shape)) == 1

    def is_array(self, node: ast.AST) -> bool:
        """Whether an expression is an array of several numbers there."""
        shape = shape_of(self.value(node))
        return shape is not None and int(np.prod(shape)) != 1

    def is_carried(self, node: ast.AST) -> bool:
        """Whether an expression reads a name that an earlier turn of the loop has left there."""
        if not self.repeated:
            return False
        read = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}
        stored = {
            n.id
            for loop in ast.walk(self.function)
            if isinstance(loop, ast.For) and self.statement in ast.walk(loop)
            for n in ast.walk(loop)
            if isinstance(n, ast.Name)
            and isinstance(n.ctx, ast.Store)
            and n.lineno > self.statement.lineno
        }
        return bool(read & stored)


Rule = Callable[[Slip], Name | None]
"""Says what a slip is called, or nothing."""


def _is_entrywise(node: ast.AST) -> bool:
    """Whether an expression keeps the entries of its operands apart; an index may put axes in."""
    match node:
        case ast.BinOp(op=op):
            return not isinstance(op, ast.MatMult)
        case ast.Subscript(slice=index):
            return "None" in ast.unparse(index) or "newaxis" in ast.unparse(index)
    return isinstance(node, ast.UnaryOp)


def same(one: ast.AST, other: ast.AST) -> bool:
    """Whether two nodes are written the same."""
    return ast.unparse(one) == ast.unparse(other)


def written(node: ast.AST) -> str:
    """A node as a sentence quotes it."""
    return f"`{ast.unparse(node)}`"


def _paths(node: ast.AST, wanted: ast.AST) -> Iterator[tuple[tuple[ast.AST, str], ...]]:
    if node is wanted:
        yield ()
    for field, value in ast.iter_fields(node):
        if field in BLOCKS and isinstance(node, ast.stmt):
            continue
        for part in value if isinstance(value, list) else [value]:
            if isinstance(part, ast.AST):
                yield from (((node, field), *rest) for rest in _paths(part, wanted))
