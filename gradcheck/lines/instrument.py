"""Adds a call after each assignment of a function; the call sees the value, and in the forward pass may move it.

Calls of the user's own functions are followed: what is called in their place is a copy that is
instrumented likewise, made when it is first called. Lines keep their numbers.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from types import BuiltinFunctionType, FunctionType
from typing import Any, ClassVar

import numpy as np

from gradcheck.lines.recorder import Recorder
from gradcheck.lines.sites import ACTIVATION, Site, variable
from gradcheck.lines.source import Source, Unreadable, blocks, unbound
from gradcheck.lines.statements import (
    activated,
    base_of,
    given,
    items_written,
    key_of,
    locals_of,
    makes_room,
    name_of,
    names_read,
    place_of,
    reads_for,
    texts_in,
    written_into,
)

VALUE, PIECE, BACKWARD = "_forward_value", "_forward_piece", "_backward_value"
UPSTREAM, CALL, INDEX = "_upstream_value", "_call", "_index"
CALLS = (VALUE, PIECE, BACKWARD, UPSTREAM, CALL)
"""The names under which the copies know the recorder's methods; `INDEX` makes an index of a[…]."""

Text = tuple[tuple[int, str], ...]
"""Lines with their numbers."""

Helpers = dict[FunctionType, tuple[Text, FunctionType]]
"""Functions that were followed, each with its text and its copy."""


@dataclass
class Instrument:
    """Makes instrumented copies of functions of one direction, and of the helpers that they call.

    `helpers` are those that were called so far; only functions of the files in `files`
    are followed, and none if there are no files.
    """

    recorder: Recorder
    sites: list[Site]
    handler: type[_Handler]
    files: frozenset[str] = frozenset()
    helpers: Helpers = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scope[self.handler.following] = self.followed

    def compiled(self, source: Source, tree: ast.FunctionDef) -> FunctionType:
        """Compile a tree, changed or within a changed one, with what the added calls call."""
        calls = {name: getattr(self.recorder, name[1:]) for name in CALLS}
        return source.compiled(tree, {**calls, INDEX: np.s_, **self.scope})

    def change(self, source: Source, tree: ast.FunctionDef, function: str = "") -> None:
        """Change the tree of a function, or of a helper of that name."""
        own = locals_of(tree) - {"self"} if function else frozenset()
        handler = self.handler(source, self.sites, function, own)
        if source.in_doubt:
            _through(tree, handler.handle, source)
        if self.files:
            for call in _calls(tree):
                handler.follow(call)

    def followed(self, function: Any, called: str) -> Any:
        """The instrumented copy of a function of the user's, with what is bound to it; others as they are.

        It is known as it is `called`, which is how others read what it returns: `self.derivative` may hold any.
        """
        if isinstance(function, FunctionType) and function in self.helpers:
            return partial(self.helpers[function][1])
        if isinstance(function, BuiltinFunctionType) or self._is_anothers(function):
            return function
        with suppress(Unreadable, SyntaxError):
            bare, ahead, keywords = unbound(function)
            if bare.__code__.co_filename in self.files and not hasattr(bare, "__wrapped__"):
                return partial(self._copied(bare, called), *ahead, **keywords)
        return function

    def _is_anothers(self, function: Any) -> bool:
        """Whether it is a plain function of another file: most calls are, and it is told at once."""
        plain = isinstance(function, FunctionType)
        return plain and function.__code__.co_filename not in self.files

    def _copied(self, bare: FunctionType, called: str) -> FunctionType:
        """The copy of a helper, made where it is first called."""
        if bare not in self.helpers:
            source = Source.of(bare)
            name = bare.__qualname__ if called == bare.__name__ else called
            text = source.numbered(source.tree)
            self.change(source, source.tree, name)
            handed = self.handler(source, self.sites, name, locals_of(source.tree)).handed(
                source.tree
            )
            source.tree.body[:0] = [_statement(f"{CALL}({name!r})"), *handed]
            self.helpers[bare] = text, self.compiled(source, source.tree)
        return self.helpers[bare][1]


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


def _calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls in a function, not those in functions within it."""
    for inner in ast.iter_child_nodes(node):
        if not isinstance(inner, (ast.FunctionDef, ast.ClassDef, ast.Lambda)):
            yield from _calls(inner)
            if isinstance(inner, ast.Call):
                yield inner


def _arguments(helper: Any, beside: FunctionType) -> Sequence[str]:
    """What a function of the same file as another calls its arguments; nothing of all else."""
    code = getattr(helper, "__code__", beside.__code__)
    ours = isinstance(helper, FunctionType) and code.co_filename == beside.__code__.co_filename
    return code.co_varnames[: code.co_argcount] if ours else ()


NOT_FOLLOWED = {"np", "numpy", "super", INDEX, *CALLS}
"""What is never a function of the user's; to look costs time at each call."""


@dataclass(frozen=True)
class Assigned:
    """What a statement assigns to: the name, its code, the index of the part that is written, the value."""

    name: str
    code: str
    index: ast.expr | None
    value: ast.expr
    reads: frozenset[str]
    statement: ast.stmt
    loop: int | None

    @property
    def adds(self) -> bool:
        """Whether it goes on with what was there, as += does."""
        return isinstance(self.statement, ast.AugAssign)


@dataclass(frozen=True)
class _Handler:
    """What is added to the statements of one function, whose lines `source` knows.

    `sites` are those found so far; `function` is the helper that it is, if any, and `own` its locals.
    """

    source: Source
    sites: list[Site]
    function: str
    own: frozenset[str]
    following: ClassVar[str] = ""

    def handle(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        """A statement with the calls around it."""
        return [statement, *self.assigned(statement, loop)]

    def assigned(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        """The calls that see what a statement assigns."""
        found: list[ast.stmt] = []
        for target, value in given(statement):
            if (place := place_of(target)) is not None:
                name, node, index = place
                reads = reads_for(statement, target, value)
                one = Assigned(name, ast.unparse(node), index, value, reads, statement, loop)
                found += self.seen_after(one)
        return found

    def seen_after(self, one: Assigned) -> Iterable[ast.stmt]:
        """The calls that see what is assigned, after it."""
        raise NotImplementedError

    def handed(self, _: ast.FunctionDef) -> Iterable[ast.stmt]:
        """The calls that see what a helper is handed, before all else."""
        return ()

    def follow(self, call: ast.Call) -> None:
        """Have the call of a name that may be a function of the user's call its copy."""
        name = name_of(call.func)
        if name is not None and base_of(name) not in NOT_FOLLOWED:
            called = [call.func, ast.Constant(key_of(name))]
            followed = ast.Call(ast.Name(self.following, ast.Load()), called, [])
            call.func = ast.copy_location(followed, call.func)

    def add(self, name: str, statement: ast.stmt | ast.expr, **what: Any) -> int:
        """The number of a new site; `what` are fields of it."""
        reads = what.pop("reads", None)
        reads = names_read(statement) if reads is None else reads
        line, text = self.source.line_of(statement), self.source.text(statement)
        reads = frozenset(self._variable(read) for read in reads)
        self.sites.append(Site(name, line, text, reads, function=self.function, **what))
        return len(self.sites) - 1

    def _variable(self, name: str) -> str:
        return variable(name, self.function) if base_of(name) in self.own else name


class Forward(_Handler):
    """What is added to the statements of a forward pass."""

    following = "_followed_forward"

    def handle(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        """A statement with the calls before and after it."""
        return [*self._appended(statement), *super().handle(statement, loop)]

    def seen_after(self, one: Assigned) -> Iterator[ast.stmt]:
        """The value, or the piece of it that is written in a loop; what goes into its activation before."""
        name, code = one.name, one.code
        if not one.adds:
            self._see_before(name, one.value)
        if one.index is None or (one.loop is None and not _is_text(one.index)):
            site = self.add(name, one.statement, reads=one.reads)
            yield _statement(f"{code} = {VALUE}({site}, {code})")
        elif not one.adds:
            reads = one.reads - {name}
            site = self.add(name, one.statement, whole=False, in_place=True, reads=reads)
            yield _statement(f"{PIECE}({site}, {code}, {_index(one.index)})")

    def handed(self, tree: ast.FunctionDef) -> Iterator[ast.stmt]:
        """What a helper of the forward pass is handed has the name there that its gradient is called after."""
        for name in (one.arg for one in tree.args.args if one.arg != "self"):
            site = self.add(name, tree, reads=frozenset(), handing=True)
            yield _statement(f"{name} = {VALUE}({site}, {name})")

    def _see_before(self, name: str, value: ast.expr) -> None:
        """Have what goes into an activation seen."""
        found = activated(value)
        if found is not None:
            call, k = found
            call.args[k] = self._seen(name + ACTIVATION, call.args[k])

    def _seen(self, name: str, argument: ast.expr) -> ast.expr:
        """What goes into an activation, seen as if it had a name; of −z it is z."""
        if isinstance(argument, ast.UnaryOp):
            argument.operand = self._seen(name, argument.operand)
            return argument
        call = _expression(f"{VALUE}({self.add(name, argument)}, {ast.unparse(argument)})")
        return ast.copy_location(call, argument)

    def _appended(self, statement: ast.stmt) -> list[ast.stmt]:
        match statement:
            case ast.Expr(ast.Call(ast.Attribute(held, "append"), [value]) as call):
                name = name_of(held)
                if name is None or isinstance(value, (ast.Tuple, ast.List, ast.Dict)):
                    return []
                self._see_before(name, value)
                seen = f"{VALUE}({self.add(name, statement)}, {ast.unparse(value)})"
                if isinstance(value, ast.Name):
                    # What is put into the list is the same as what is used from here on.
                    return [_statement(f"{value.id} = {seen}")]
                call.args = [_expression(seen)]
        return []


class Backward(_Handler):
    """What is added to the statements of a backward pass."""

    following = "_followed_backward"

    def handle(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        """A statement with the calls after it, and in it around what helpers are handed."""
        handled = self._handled(statement, loop)
        for call in _calls(statement):
            self._see_handed(call, statement, loop)
        return handled

    def _see_handed(self, call: ast.Call, statement: ast.stmt, loop: int | None) -> None:
        """Have what is computed for an argument of a helper seen under the name that it has there."""
        function = self.source.function
        helper: Any = function.__globals__.get(str(name_of(call.func)))
        for k, name in enumerate(_arguments(helper, function)[: len(call.args)]):
            if isinstance(argument := call.args[k], ast.BinOp | ast.Subscript):
                reads = names_read(argument)
                site = self.add(name, statement, loop=loop, handing=True, reads=reads)
                self.sites[site] = replace(self.sites[site], function=helper.__qualname__)
                seen = _expression(f"{BACKWARD}({site}, {ast.unparse(argument)})")
                call.args[k] = ast.copy_location(seen, argument)

    def _handled(self, statement: ast.stmt, loop: int | None) -> list[ast.stmt]:
        """A statement with the calls after it; a return statement with the calls in it."""
        match statement:
            case ast.Return(ast.expr() as value):
                return [ast.copy_location(ast.Return(self._returned(value, ())), statement)]
            case _ if makes_room(statement):
                return [statement]
        seen = super().handle(statement, loop)
        return [*seen, *self._items(statement, loop), *self._written(statement, loop)]

    def _items(self, statement: ast.stmt, loop: int | None) -> Iterator[ast.stmt]:
        for name, value in items_written(statement).items():
            yield _statement(f"{BACKWARD}({self.add(name, value, loop=loop)}, {name})")

    def _written(self, statement: ast.stmt, loop: int | None) -> Iterator[ast.stmt]:
        for place in written_into(statement):
            name = str(name_of(place))
            reads = names_read(statement) | {name}
            site = self.add(name, statement, loop=loop, whole=False, in_place=True, reads=reads)
            yield _statement(f"{BACKWARD}({site}, {ast.unparse(place)})")

    def upstream(self, tree: ast.FunctionDef, names: tuple[str, ...]) -> None:
        """The arguments that carry upstream gradients are the first values."""
        sites = ((self.add(name, tree, reads=frozenset()), name) for name in names)
        tree.body[:0] = [_statement(f"{UPSTREAM}({site}, {name})") for site, name in sites]

    def seen_after(self, one: Assigned) -> Iterator[ast.stmt]:
        """The value, or the piece of it that is written."""
        name, code, reads, statement = one.name, one.code, one.reads, one.statement
        if one.index is None:
            site = self.add(name, statement, loop=one.loop, in_place=one.adds, reads=reads)
            yield _statement(f"{code} = {BACKWARD}({site}, {code})")
            return
        piece = one.loop is not None and isinstance(statement, ast.Assign)
        reads = reads - {name} if piece else reads | {name}
        site = self.add(name, statement, loop=one.loop, whole=False, in_place=True, reads=reads)
        yield _statement(f"{BACKWARD}({site}, {code}, {_index(one.index)})")

    def _returned(self, value: ast.expr, path: tuple[Any, ...]) -> ast.expr:
        """What is returned, with a call around each gradient in it."""
        match value:
            case ast.Tuple(parts) | ast.List(parts):
                keys: Sequence[Any] = _positions(parts)
            case ast.Dict(names, parts):
                keys = [*map(_constant, names)]
            case _:
                return self._seen(value, path)
        parts[:] = [
            part if key is None else self._returned(part, (*path, key))
            for part, key in zip(parts, keys, strict=True)
        ]
        return value

    def _seen(self, value: ast.expr, path: tuple[Any, ...]) -> ast.expr:
        site = self.add(name_of(value) or "", value, path=path)
        call = ast.Call(ast.Name(BACKWARD, ast.Load()), [ast.Constant(site), value], [])
        return ast.copy_location(call, value)


def _constant(node: ast.expr | None) -> Any:
    return node.value if isinstance(node, ast.Constant) else None


def _positions(parts: Sequence[ast.expr]) -> Sequence[int | None]:
    """Where the parts of a tuple or list stand; what is behind a star cannot be told."""
    starred = any(isinstance(part, ast.Starred) for part in parts)
    return [None] * len(parts) if starred else range(len(parts))


def _is_text(index: ast.expr) -> bool:
    """Whether an index looks like a key that is text: "dW" + str(l), f"dW{l}"."""
    return isinstance(index, ast.JoinedStr) or any(map(texts_in, ast.walk(index)))


def _index(index: ast.expr) -> str:
    return ast.unparse(ast.Subscript(ast.Name(INDEX, ast.Load()), index, ast.Load()))


def _statement(text: str) -> ast.stmt:
    return ast.parse(text).body[0]


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body
