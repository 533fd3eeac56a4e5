"""An edit that mends a mistake, laid beside what is written: where both stand, and what they are worth there."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

import numpy as np

from gradcheck.lines.carried import read_by
from gradcheck.repair.grammar import Alternative
from gradcheck.repair.grammar.calls import REDUCING, axes_told, is_method
from gradcheck.repair.places import Place, Slot
from gradcheck.repair.scope import Scope, is_mask, shape_of
from gradcheck.repair.tree import called_name, inside

FACTOR = 2
"""A number up to which it is a factor of its own, and no size that is written out."""
READ = (ast.Name, ast.Attribute, ast.Subscript, ast.Call)


@dataclass(frozen=True, eq=False)
class Mend:
    """An edit that mends a mistake, and what the statement computes before and after."""

    place: Place
    edit: Alternative
    before: Any
    after: Any

    @property
    def old(self) -> ast.AST:
        """What is written."""
        return self.place.node

    @property
    def new(self) -> ast.AST:
        """What should stand there."""
        return self.edit.node

    @property
    def texts(self) -> tuple[str, str]:
        """Both as they are written."""
        return ast.unparse(self.old), ast.unparse(self.new)

    @property
    def sizes(self) -> frozenset[int]:
        """The whole numbers that are read where they were not, and those above 2 that are written."""
        before = set(map(ast.unparse, inside(self.old, *READ)))
        known = before | self.place.scope.pool.options
        new = (one for one in inside(self.new, *READ) if ast.unparse(one) not in known)
        written = _whole(_constants(self.new) - _constants(self.old))
        large = (value for value in written if value > FACTOR)
        return frozenset([*_whole(map(self.value, new)), *large, *_whole([self.after])])

    def value(self, node: ast.AST | None) -> Any:
        """What an expression is worth there; None if it has no value."""
        return self.place.scope.value(node) if isinstance(node, ast.expr) else None

    def count(self, node: ast.AST | None) -> int:
        """How many numbers an expression is there; 0 if it is none."""
        shape = shape_of(self.value(node))
        return 0 if shape is None else int(np.prod(shape))

    @property
    def around(self) -> list[ast.AST]:
        """The nodes that it is in, from the statement inwards."""
        return [slot.parent for slot in self.place.path]

    @property
    def size(self) -> ast.Subscript | None:
        """The size that it is in, as x.shape[0] is one."""
        items = [node for node in self.around if isinstance(node, ast.Subscript)]
        return next((one for one in items if getattr(one.value, "attr", "") == "shape"), None)

    @property
    def reduction(self) -> ast.AST | None:
        """The call that reduces over axes which it is in."""
        calls = (node for node in reversed(self.around) if called_name(node) in REDUCING)
        return next(calls, None) if self.is_an_axis else None

    @property
    def is_a_place(self) -> bool:
        """Whether its statement computes whole numbers for a name by which something is indexed."""
        (target, *_) = getattr(self.place.statement, "targets", [None])
        whole = type(self.before) is type(self.after) is int
        return whole and getattr(target, "id", "") in self.place.scope.pool.indexing

    @property
    def is_read_on(self) -> bool:
        """Whether its statement gives a plain name a value in a loop whose other statements compute with that."""
        (target, *_) = getattr(self.place.statement, "targets", [None])
        others = {*inside(self.place.repeated or ast.Pass(), ast.stmt)} - {self.place.statement}
        read = set[str]().union(*map(read_by, others))
        return isinstance(self.place.repeated, ast.For) and getattr(target, "id", "") in read

    @property
    def product(self) -> ast.AST:
        """The widest expression around it that is computed from it entry by entry."""
        return [self.old, *takewhile(_is_entrywise, reversed(self.around))][-1]

    @property
    def is_an_index(self) -> bool:
        """Whether it stands between the brackets of an index."""
        return isinstance(self.old, ast.Slice) or any(s.name == "slice" for s in self.place.path)

    @property
    def is_an_axis(self) -> bool:
        """Whether it is what a call reduces over, or how."""
        return any(_leads_to_an_axis(slot, self.place.scope) for slot in self.place.path)

    @property
    def are_masks(self) -> bool:
        """Whether one array of truth values stands for another."""
        return is_mask(self.value(self.old)) and is_mask(self.value(self.new))


def _is_entrywise(node: ast.AST) -> bool:
    """Whether an expression keeps the entries of its operands apart; an index may put axes in."""
    match node:
        case ast.BinOp(op=op):
            return not isinstance(op, ast.MatMult)
        case ast.Subscript(slice=index):
            return any(axis in ast.unparse(index) for axis in ("None", "newaxis"))
    return isinstance(node, ast.UnaryOp)


def _leads_to_an_axis(slot: Slot, scope: Scope) -> bool:
    parent, option = slot.parent, getattr(slot.parent, "arg", "") in ("axis", "keepdims")
    return option or (isinstance(parent, ast.Call) and slot.node in _axes_given(parent, scope))


def _axes_given(call: ast.Call, scope: Scope) -> list[ast.expr]:
    """The arguments that are axes: of a method the first is one, of a function the second."""
    first = 0 if is_method(call, scope) else 1
    return call.args[first:] if called_name(call) in REDUCING else axes_told(call, scope)


def _whole(values: Iterable[Any]) -> list[int]:
    return [value for value in values if type(value) is int]


def _constants(node: ast.AST) -> set[Any]:
    return {one.value for one in inside(node, ast.Constant)}
