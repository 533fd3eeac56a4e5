"""Adds a call after each assignment of a function; the call sees the value, and in the forward pass may move it.

The function's own lines keep their numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.lines.recorder import Recorder, Site
from gradcheck.lines.source import Source, blocks
from gradcheck.lines.statements import names_read, targets, written_into

VALUE, PIECE, BACKWARD, INDEX = "_forward_value", "_forward_piece", "_backward_value", "_index"
"""The names under which the copies know the recorder's methods, and what makes an index of a[…]."""


def scope_of(recorder: Recorder) -> dict[str, Any]:
    """What the calls that are added call."""
    return {
        VALUE: recorder.forward_value,
        PIECE: recorder.forward_piece,
        BACKWARD: recorder.backward_value,
        INDEX: np.s_,
    }


def instrument_forward(source: Source, tree: ast.FunctionDef, sites: list[Site]) -> None:
    """Change the tree of a forward pass so that the recorder sees, and may move, what is assigned."""
    _through(tree, _Forward(source, sites).handle, source)


def instrument_backward(source: Source, tree: ast.FunctionDef, sites: list[Site]) -> None:
    """Change the tree of a backward pass so that the recorder sees what is assigned and returned."""
    _through(tree, _Backward(source, sites).handle, source)


def _through(
    node: ast.AST,
    handle: Callable[[ast.stmt, int | None], list[ast.stmt]],
    source: Source,
    loop: int | None = None,
) -> None:
    """Replace each statement, those inside others first, by what `handle` makes of it and its loop."""
    for block in blocks(node):
        changed: list[ast.stmt] = []
        for statement in block:
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                loops = isinstance(statement, (ast.For, ast.While))
                _through(statement, handle, source, source.line_of(statement) if loops else loop)
            changed += handle(statement, loop)
        block[:] = changed


@dataclass(frozen=True)
class _Sites:
    """The sites found so far in one function, whose lines `source` knows."""

    source: Source
    sites: list[Site]

    def add(
        self,
        name: str,
        statement: ast.stmt,
        loop: int | None = None,
        *,
        whole: bool = True,
        onto: bool = True,
    ) -> int:
        """The number of a new site; `onto` says that what stood there before goes into the value."""
        reads = names_read(statement)
        if not whole:
            reads = reads | {name} if onto else reads - {name}
        line, text = self.source.line_of(statement), self.source.text(statement)
        self.sites.append(Site(name, line, text, reads, whole, loop=loop))
        return len(self.sites) - 1


class _Forward(_Sites):
    """What is added to the statements of a forward pass."""

    def handle(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        """A statement with the calls before and after it."""
        after = [call for t in targets(statement) for call in self._assigned(t, statement, loop)]
        return [*self._appended(statement), statement, *after]

    def _assigned(self, target: ast.expr, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        match target:
            case ast.Subscript(ast.Name(name), index) if loop is not None:
                if isinstance(statement, ast.AugAssign):
                    return []
                site = self.add(name, statement, whole=False)
                return _statements(f"{PIECE}({site}, {name}, {_index(index)})")
            case ast.Name(name) | ast.Subscript(ast.Name(name)):
                return _statements(f"{name} = {VALUE}({self.add(name, statement)}, {name})")
        return []

    def _appended(self, statement: ast.stmt) -> list[ast.stmt]:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [ast.Name(value)])):
                # What is put into the list is the same as what is used from here on.
                return _statements(f"{value} = {VALUE}({self.add(name, statement)}, {value})")
            case ast.Expr(ast.Call(ast.Attribute(ast.Name(name), "append"), [value]) as call):
                site = self.add(name, statement)
                call.args = [_expression(f"{VALUE}({site}, {ast.unparse(value)})")]
        return []


class _Backward(_Sites):
    """What is added to the statements of a backward pass."""

    def handle(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        """A statement with the calls after it; a return statement with the calls in it."""
        if isinstance(statement, ast.Return) and statement.value is not None:
            return [self._returning(statement, statement.value)]
        after = [call for t in targets(statement) for call in self._assigned(t, statement, loop)]
        for name in written_into(statement):
            site = self.add(name, statement, loop, whole=False)
            after += _statements(f"{BACKWARD}({site}, {name})")
        return [statement, *after]

    def _assigned(self, target: ast.expr, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        match target:
            case ast.Name(name):
                return _statements(f"{BACKWARD}({self.add(name, statement, loop)}, {name})")
            case ast.Subscript(ast.Name(name), index):
                piece = loop is not None and isinstance(statement, ast.Assign)
                site = self.add(name, statement, loop, whole=False, onto=not piece)
                return _statements(f"{BACKWARD}({site}, {name}, {_index(index)})")
        return []

    def _returning(self, statement: ast.Return, value: ast.expr) -> ast.Return:
        if not isinstance(value, (ast.Tuple, ast.List)):
            return ast.copy_location(ast.Return(self._returned(value, 0)), statement)
        if any(isinstance(part, ast.Starred) for part in value.elts):
            return statement
        parts = [self._returned(part, k) for k, part in enumerate(value.elts)]
        return ast.copy_location(ast.Return(ast.Tuple(parts, ast.Load())), statement)

    def _returned(self, part: ast.expr, position: int) -> ast.expr:
        name = part.id if isinstance(part, ast.Name) else ""
        line, text = self.source.line_of(part), self.source.text(part)
        self.sites.append(Site(name, line, text, names_read(part), position=position))
        call = _expression(f"{BACKWARD}({len(self.sites) - 1}, None)")
        assert isinstance(call, ast.Call)
        call.args[1] = part
        return ast.copy_location(call, part)


def _index(index: ast.expr) -> str:
    return ast.unparse(ast.Subscript(ast.Name(INDEX, ast.Load()), index, ast.Load()))


def _statements(text: str) -> list[ast.stmt]:
    return ast.parse(text).body


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
