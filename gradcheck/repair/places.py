"""The places of a backward pass where something else could stand: its statements, and what they read."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from types import CodeType
from typing import Any

import numpy as np

from gradcheck.compare import agrees, norm
from gradcheck.lines.source import blocks
from gradcheck.lines.statements import name_of
from gradcheck.lines.values import are_alike
from gradcheck.repair.scope import NOTHING, TOO_LARGE, Scope, code_of, shape_of
from gradcheck.repair.tree import called_name, expression, is_read, read
from gradcheck.result import Array

IMPURE = ("pop", "popleft", "append", "extend", "update", "next", "random", "at")
"""Calls that leave something changed: their lines are not evaluated beside the run."""
NEW = "_new"
"""What stands for the exchanged node while the expression around it is evaluated."""
UNREAD = ("body", "orelse", "finalbody", "handlers", "cases", "annotation")
"""Fields that hold no value of a statement's own: other statements, types."""
UNENTERED = (ast.While, ast.ClassDef)
"""Statements in which nothing is changed: a while loop might not end."""
LEFT_ALONE = (ast.Assert, ast.Raise, ast.FunctionDef, *UNENTERED)

True_ = tuple[Array, Array]
"""A true gradient and the bound on its error."""


@dataclass(frozen=True)
class Known:
    """The true gradients: of names, each in the line that gives it its value, and of what is returned.

    Of what a loop computes part by part `first` holds what is true when its line is first passed.
    """

    by_name: Mapping[tuple[str, int], True_] = field(default_factory=dict)
    by_position: Mapping[int, True_] = field(default_factory=dict)
    first: Mapping[tuple[str, int], True_] = field(default_factory=dict)

    def of(self, statement: ast.stmt, root: Slot | None, scope: Scope) -> True_ | None:
        """What the expression that a statement computes should be, if that is known."""
        match statement, root:
            case ast.Assign([target]), _:
                return self._named(target)
            case ast.AugAssign(target, ast.Add() | ast.Sub() as op), _:
                # What is added should be what the name lacked before.
                return _lacking(self._named(target), _held(target, scope), op)
            case ast.Return(), Slot(index=index):
                return self.by_position.get(index or 0)
        return None

    def _named(self, target: ast.expr) -> True_ | None:
        name = name_of(target)
        return None if name is None else self.by_name.get((name, target.lineno))

    def at_first(self, statement: ast.stmt, scope: Scope) -> True_ | None:
        """What a statement in a loop should compute when it is first passed, if that is known."""
        match statement:
            case ast.Assign([ast.Name(name) | ast.Subscript(ast.Name(name))]):
                return self.first.get((name, statement.lineno))
            case ast.AugAssign(ast.Name(name) as target, ast.Add() | ast.Sub() as op):
                return _lacking(self.first.get((name, statement.lineno)), _held(target, scope), op)
        return None


SIGNS: dict[type[ast.operator], int] = {ast.Add: 1, ast.Sub: -1}


def _held(target: ast.expr, scope: Scope) -> Any:
    """What stands where a statement adds something: a target by itself is no expression."""
    return scope.value(expression(ast.unparse(target)))


def _lacking(true: True_ | None, held: Any, op: ast.operator) -> True_ | None:
    """What is to be added to what a name held, or subtracted from it, to make it true."""
    if true is None or shape_of(held) != true[0].shape:
        return None
    return (true[0] - held) * SIGNS[type(op)], true[1]


@dataclass(frozen=True)
class Slot:
    """A place in the tree: what stands there can be exchanged."""

    parent: ast.AST
    name: str
    index: int | None

    @property
    def node(self) -> ast.AST:
        """What stands there."""
        value = getattr(self.parent, self.name)
        node: ast.AST = value if self.index is None else value[self.index]
        return node

    @contextmanager
    def holding(self, node: ast.AST) -> Iterator[None]:
        """Have something else stand there for a while."""
        before = self.node
        self._put(node)
        try:
            yield
        finally:
            self._put(before)

    def _put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.name, node)
        else:
            getattr(self.parent, self.name)[self.index] = node


@dataclass(frozen=True, eq=False)
class Place:
    """A statement or expression that can be exchanged.

    `path` leads to it from the statement that it is part of; `root` is the slot of the expression that
    the statement computes, if it can be evaluated by itself; `true` is what that should be, if it is
    known; `scope` is what can be written there; `repeated` is what may run the statement more than once.
    """

    path: tuple[Slot, ...]
    node: ast.AST
    statement: ast.stmt
    scope: Scope
    root: Slot | None
    true: True_ | None
    repeated: ast.AST | None

    @property
    def slot(self) -> Slot:
        """Where it stands."""
        return self.path[-1]

    @property
    def chooses_a_way(self) -> bool:
        """Whether it decides once which of two ways is gone, and not in each turn of a loop."""
        chosen = any(map(_is_a_test, self.path)) or isinstance(self.node, ast.IfExp)
        return chosen and not isinstance(self.repeated, ast.For)

    @property
    def takes_a_step(self) -> bool:
        """Whether its statement is `self.W -= …`: what is read after it may only be right without the step."""
        match self.statement:
            case ast.AugAssign(ast.Attribute(), ast.Sub()):
                return True
        return False

    @property
    def leads_around(self) -> bool:
        """Whether an edit there may make right what goes wrong elsewhere: a way is gone no more, or a step."""
        return self.chooses_a_way or self.takes_a_step

    @property
    def sets_an_item(self) -> bool:
        """Whether its statement gives an item of something another value."""
        statement = self.statement
        return isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Subscript)

    @property
    def computed(self) -> ast.expr:
        """The expression that the statement computes, as it stands now."""
        assert self.root is not None and isinstance(self.root.node, ast.expr)
        return self.root.node

    @cached_property
    def before(self) -> Any:
        """What the statement computes as it is written; NOTHING if that is not known."""
        return NOTHING if self.root is None else self.scope.value(self.computed)

    @cached_property
    def _around(self) -> CodeType | None:
        """What the statement computes from `NEW` in this place."""
        with self.slot.holding(read(NEW)):
            return code_of(self.computed)

    def after(self, new: ast.AST) -> Any:
        """What the statement computes with another node in this place; NOTHING if that is not known."""
        if self.root is None:
            return NOTHING
        value = self.scope.worth(new)
        if value is TOO_LARGE:
            return NOTHING
        if value is NOTHING or self._around is None:
            # A slice, or something of an inner loop, has no value by itself.
            with self.slot.holding(new):
                return self.scope.run(code_of(self.computed))
        return self.scope.run(self._around, **{NEW: value})

    def may_be_true(self, value: Any) -> bool:
        """Whether a value is what the statement should compute, if anything is known of that."""
        return self.true is None or _agrees_with(value, self.true)

    @cached_property
    def lines(self) -> range:
        """The lines of its statement: of a loop its head, of what is returned the element."""
        returned = isinstance(self.statement, ast.Return) and self.root is not None
        part = self.computed if returned else self.statement
        end = part.lineno if list(blocks(part)) else part.end_lineno
        return range(part.lineno, 1 + (end or part.lineno))


def _is_a_test(slot: Slot) -> bool:
    return isinstance(slot.parent, ast.If | ast.IfExp) and slot.name == "test"


@dataclass(frozen=True)
class Scopes:
    """What can be written in each statement, by its line and column: as it was last passed, and first."""

    last: Mapping[tuple[int, int], Scope]
    first: Mapping[tuple[int, int], Scope]


def places(
    function: ast.FunctionDef, scopes: Scopes, known: Known, *, helper: bool = False
) -> Iterator[Place]:
    """Every place of a function, in the order of its text; its nodes are exchanged in place.

    `scopes` say what can be written in each statement; a helper may be called more than once.
    """
    several = chain.from_iterable(map(_children, ast.walk(function)))
    slots = {id(slot.node): slot for slot in several}
    for statement, repeated in _statements(function, function if helper else None):
        scope, first = _judged(statement, scopes, known if repeated else Known())
        roots = _roots(statement, slots)
        for node in (statement, *_read_by(statement)):
            root, path = roots.get(id(node)), _path(node, statement, slots)
            true = first if repeated else known.of(statement, root, scope)
            yield Place(path, node, statement, scope, root, true if root else None, repeated)


def _judged(statement: ast.stmt, scopes: Scopes, known: Known) -> tuple[Scope, True_ | None]:
    """Where a statement is judged: as it was last passed; or first, by what is true then, if it is wrong already.

    Later turns go on with what is wrong.
    """
    at = statement.lineno, statement.col_offset
    scope = scopes.first.get(at, NOWHERE)
    true = known.at_first(statement, scope)
    if true is not None and _is_wrong(scope, statement, true):
        return scope, true
    return scopes.last.get(at, NOWHERE), None


def _is_wrong(scope: Scope, statement: ast.stmt, true: True_) -> bool:
    """Whether a statement computes numbers there, and not what is true."""
    value = scope.value(_computed(statement)[0])
    return shape_of(value) is not None and not _agrees_with(value, true)


def _agrees_with(value: Any, true: True_) -> bool:
    numbers, bound = true
    value = np.asarray(value) if are_alike(value) else value
    if (
        shape_of(value) is None
        or np.asarray(value).dtype.kind != "f"
        or np.size(value) != numbers.size
    ):
        return False
    # Laid flat, or by heads, it may be what it should: the gradients tell.
    return may_agree(np.asarray(value).reshape(numbers.shape), numbers, bound)


FAR = 0.01
"""How far off is wrong without a second look: what a check may have to look at twice, it is left to."""


def may_agree(value: Array, numbers: Array, bound: Array) -> bool:
    """Whether a value is what a witness says, or may be where neither has the digits of float64.

    A witness that follows the steps of float32 is sure of entries that it sees otherwise at a second look. What
    is let through by that has its proof before it.
    """
    wide = value.astype(np.float64)
    if agrees(wide, numbers, bound).all():
        return True
    return not (_is_fine(value) or is_far(wide, numbers, bound))


def _is_fine(value: Array) -> bool:
    return bool(np.finfo(value.dtype).eps <= np.finfo(np.float64).eps)


def is_far(value: Array, numbers: Array, bound: Array) -> bool:
    """Whether a value differs from the true one by more than a part of it, and than its bound."""
    error, size, unsure = map(norm, (value - numbers, numbers, bound))
    return error > FAR * size + unsure


NOWHERE = Scope({}, {})
"""What is visible in a statement that was not reached."""


def _roots(statement: ast.stmt, slots: Mapping[int, Slot]) -> dict[int, Slot]:
    """For each node of the expressions that a statement computes: the slot of that expression."""
    pure = [part for part in _computed(statement) if not any(map(_is_impure, ast.walk(part)))]
    return {id(node): slots[id(part)] for part in pure for node in ast.walk(part)}


def _is_impure(node: ast.AST) -> bool:
    return called_name(node) in IMPURE


def _path(node: ast.AST, statement: ast.stmt, slots: Mapping[int, Slot]) -> tuple[Slot, ...]:
    """From a statement to a node in it: the slot of each node that leads on."""
    slot = slots[id(node)]
    if statement in (node, slot.parent):
        return (slot,)
    return (*_path(slot.parent, statement, slots), slot)


def _children(parent: ast.AST) -> Iterator[Slot]:
    """The slots of what a node is made of."""
    for name, value in ast.iter_fields(parent):
        for k, one in _numbered(value):
            if isinstance(one, ast.AST):
                yield Slot(parent, name, k)


def _numbered(value: Any) -> Iterable[tuple[int | None, Any]]:
    """The values of a field: several with their numbers, or one without."""
    return enumerate(value) if isinstance(value, list) else [(None, value)]


def _statements(
    node: ast.AST, repeated: ast.AST | None
) -> Iterator[tuple[ast.stmt, ast.AST | None]]:
    """The statements of a function, those of functions in it too, and what may run them repeatedly."""
    for statement in chain.from_iterable(blocks(node)):
        if not isinstance(statement, LEFT_ALONE):
            yield statement, repeated
        if not isinstance(statement, UNENTERED):
            yield from _statements(statement, repeated or _repeats(statement))


def _repeats(statement: ast.stmt) -> ast.stmt | None:
    """What may run its statements more than once."""
    return statement if isinstance(statement, (ast.For, ast.FunctionDef)) else None


def _read_by(node: ast.AST) -> Iterator[ast.expr]:
    """The expressions that a statement itself reads, or writes an item of, the outer before the inner."""
    for slot in _children(node):
        if slot.name not in UNREAD:
            yield from _exchangeable(slot)
            yield from _read_by(slot.node)


STAYS = (ast.JoinedStr, ast.Lambda)


def _exchangeable(slot: Slot) -> list[ast.expr]:
    """What stands there, if another expression can; in place of what is written to, another item."""
    node = slot.node
    if not isinstance(node, ast.expr) or isinstance(node, STAYS) or slot.name == "func":
        return []
    return [node] if is_read(node) or isinstance(node, ast.Subscript) else []


def _computed(statement: ast.stmt) -> list[ast.expr]:
    """The expressions that a statement computes."""
    match statement:
        case ast.Return(ast.Tuple(elements)):
            return elements
        case (
            ast.Return(ast.expr() as part)
            | ast.Assign(_, part)
            | ast.AugAssign(_, _, part)
            | ast.AnnAssign(value=ast.expr() as part)
            | ast.For(_, part)
            | ast.If(part)
        ):
            return [part]
    return []
