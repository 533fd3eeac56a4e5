"""A value of the forward pass as it is written in a line of the backward pass.

Whatever holds it there stands for it, under the same name or under another; what nothing holds is written out,
with its parts as they are written there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np

from gradcheck.lines.names import grouped
from gradcheck.lines.statements import name_of
from gradcheck.repair.chain.ahead import Step
from gradcheck.repair.scope import NOTHING, Scope, same, shape_of
from gradcheck.repair.tree import Node, read
from gradcheck.result import Array

DEEPEST = 3
"""How many values that nothing holds are written out, one within the other."""
HOLDING = ast.Attribute | ast.Subscript
"""What holds a value besides names."""
WITHOUT_VALUE = (ast.Slice, ast.Starred, ast.keyword, ast.Tuple)
"""Parts of an expression that are no numbers by themselves."""


class Lost(Exception):
    """Something of the forward pass cannot be written in this line."""


class Telling:
    """Writes expressions of the forward pass in terms of what can be read in one line."""

    def __init__(self, steps: Sequence[Step], scope: Scope) -> None:
        self.scope = scope
        self._giving = grouped(steps, lambda step: name_of(step.target))
        self._order = {id(step): k for k, step in enumerate(steps)}

    def told(self, node: ast.expr, step: Step, depth: int = 0) -> ast.expr:
        """An expression of a step of the forward pass as it is written here.

        Raises:
            Lost: if something in it is neither held here nor computed from what is.
        """
        if isinstance(node, ast.Constant):
            return node
        value = step.scope.value(node)
        held = (way(node, value) for way in (self._same, self._array, self._size, self._number))
        found = next(filter(None, held), None)
        return found or self._written_out(node, step, depth)

    def _written_out(self, node: ast.expr, step: Step, depth: int) -> ast.expr:
        """An expression by its parts, a name by what it was given."""
        if name_of(node) is None or is_turned(node):
            return _parts_told(node, partial(self.told, step=step, depth=depth), step)
        return self._by_its_step(name_of(node), step, depth + 1)

    def _by_its_step(self, name: str | None, step: Step, depth: int) -> ast.expr:
        """What the last step that gave something a value gave it."""
        before = [one for one in self._giving.get(name, ()) if self._is_before(one, step)]
        if depth > DEEPEST or not before:
            raise Lost
        return self.told(before[-1].value, before[-1], depth)

    def _is_before(self, one: Step, other: Step) -> bool:
        """Whether a step was gone before another; what is returned comes last."""
        return self._order[id(one)] < self._order.get(id(other), len(self._order))

    def _same(self, node: ast.expr, value: Any) -> ast.expr | None:
        """The same text, where it holds the same here."""
        holds = isinstance(node, ast.Name | HOLDING) and value is not NOTHING
        return node if holds and same(self.scope.value(node), value) else None

    def _array(self, node: ast.expr, value: Any) -> ast.expr | None:
        """What holds the same numbers."""
        return self._arrays.get(_key(value)) if _is_several(value) else None

    def _size(self, node: ast.expr, value: Any) -> ast.expr | None:
        """The size of something here that is as large."""
        found = self.scope.all_sizes.get(value, ()) if type(value) is int else ()
        return next(iter(found), None)

    def _number(self, node: ast.expr, value: Any) -> ast.expr | None:
        """The name of a number."""
        held = (n for n, v in self.scope.local.items() if isinstance(v, float) and same(v, value))
        return next(map(read, held), None)

    @cached_property
    def _arrays(self) -> Mapping[Any, ast.expr]:
        """The arrays that can be read here, by what they hold; of two alike the one with a name."""
        named: Iterable[ast.expr] = map(read, reversed(self.scope.arrays))
        held = (one for one in self.scope.pool.operands if isinstance(one, HOLDING))
        values = ((one, self.scope.value(one)) for one in (*held, *named))
        return {_key(v): one for one, v in values if _is_several(v)}

    def named(self, value: Array, alike: float) -> ast.expr | None:
        """The name of an array that agrees to so many digits, if there is one."""
        held = ((name, self.scope.local[name]) for name in self.scope.arrays)
        mine = (name for name, one in held if _agree(one, value, alike))
        return next(map(read, mine), None)


def _parts_told(node: Node, told: Callable[[ast.expr], ast.expr], step: Step) -> Node:
    """An expression whose parts are written as they are elsewhere; what is called is called so everywhere."""

    def part(name: str, value: Any) -> Any:
        if isinstance(value, list):
            return [part(name, one) for one in value]
        if name == "func":
            return _called(value)
        if isinstance(value, WITHOUT_VALUE):
            return _parts_told(value, told, step)
        return told(value) if isinstance(value, ast.expr) else value

    def _called(function: ast.expr) -> ast.expr:
        """A function as it is; the method of an array is that of what holds it."""
        match function:
            case ast.Attribute(owner, method) if shape_of(step.scope.value(owner)) is not None:
                return ast.Attribute(told(owner), method, ast.Load())
        return function

    return type(node)(**{name: part(name, value) for name, value in ast.iter_fields(node)})


def is_turned(node: ast.expr) -> bool:
    """Whether something is a matrix with its axes exchanged, which is no name of it."""
    return isinstance(node, ast.Attribute) and node.attr == "T"


def _is_several(value: Any) -> bool:
    """Whether a value is an array by whose numbers it is known."""
    return isinstance(value, np.ndarray) and value.size > 1


def _key(value: Array) -> tuple[Any, ...]:
    return value.shape, value.dtype.str, value.tobytes()


def _agree(one: Array, other: Array, alike: float) -> bool:
    fits = one.shape == other.shape and one.dtype.kind == "f" and bool(one.any())
    # What cancels to zero in the one is rounding in the other.
    return fits and np.allclose(one, other, rtol=alike, atol=alike * np.abs(other).max())
