"""The chain rule applied to the forward pass: the gradient of every value in it, written for one line.

Its statements are gone through backwards. A gradient that has a name in that line already goes by its name.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from typing import Any

import numpy as np

from gradcheck.lines.statements import name_of, place_of
from gradcheck.repair.chain.ahead import Ahead, Step
from gradcheck.repair.chain.rules import back_through, shares
from gradcheck.repair.chain.shaped import summed_to
from gradcheck.repair.chain.telling import Lost, Telling, is_turned
from gradcheck.repair.chain.writing import added, letters_of, written
from gradcheck.repair.scope import Scope, code_of, shape_of
from gradcheck.result import Array

LONGEST = 100
"""Letters of a line as editors are set up: nobody writes, or reads, more in one expression."""
ALIKE = 1e-9
"""To how many digits two ways to compute a gradient agree."""


@dataclass(frozen=True, eq=False)
class Gradient:
    """An expression of a line of the backward pass, and what it is worth there."""

    node: ast.expr
    value: Array

    def __add__(self, other: Gradient) -> Gradient:
        """The sum of two."""
        return Gradient(added(self.node, other.node), np.add(self.value, other.value))


@dataclass(frozen=True, eq=False)
class Derived:
    """The gradient of a value of the forward pass by its name, and the terms that it is the sum of, one a use."""

    name: str
    whole: Gradient
    terms: Sequence[Gradient]


def gradients(ahead: Ahead, scope: Scope) -> list[Derived]:
    """The gradients of the values of a forward pass that can be written in the line of a scope."""
    if id(scope) not in ahead.known:
        ahead.known[id(scope)] = scope, list(_Sweep(ahead, scope).gradients())
    found: list[Derived] = ahead.known[id(scope)][1]
    return found


class _Sweep:
    """One way back through the steps; `open` are the terms that have arrived at each name so far."""

    def __init__(self, ahead: Ahead, scope: Scope) -> None:
        self.ahead, self.scope, self.telling = ahead, scope, Telling(ahead.steps, scope)
        self.open: dict[str, list[Gradient]] = defaultdict(list)

    def gradients(self) -> Iterator[Derived]:
        """Each gradient when all that is computed from the value is behind it; those of inputs last."""
        self._upstream()
        for step in reversed(self.ahead.steps):
            name = name_of(step.target)
            known = self._part_of(step) if name is None else self._settled(name)
            if known is not None:
                yield known
                self._through(step, self._by_name(known.whole))
        yield from filter(None, map(self._settled, list(self.open)))

    def _upstream(self) -> None:
        """What is returned has the upstream gradient, by its name; of a loss that is 1."""
        end, dy = self.ahead.returned, self.ahead.upstream
        node = self.telling.named(dy, ALIKE) if dy.ndim else ast.Constant(1)
        if end is not None and node is not None:
            self._pull(end.value, Gradient(node, dy), end)

    def _through(self, step: Step, gradient: Gradient) -> None:
        """Carry a gradient back through a step; through all at once that together make shares of a whole."""
        for name, rule in islice(_made_shares(step), 1):
            with suppress(Lost):
                letters = self._letters(rule, {"y": step.value}, step)
                self.open[name].append(self._by_rule(rule, gradient, letters))
                return
        self._pull(step.value, gradient, step)

    def _settled(self, name: str) -> Derived | None:
        terms = self.open.pop(name, [])
        with suppress(ValueError):
            return Derived(name, reduce(Gradient.__add__, terms), terms) if terms else None
        return None

    def _part_of(self, step: Step) -> Derived | None:
        """The gradient of what is written into a part of something: that part of its gradient."""
        match place_of(step.target):
            case (str(name), _, ast.expr() as index) if self.open[name]:
                with suppress(Lost, ValueError):
                    whole = reduce(Gradient.__add__, self.open[name])
                    part = ast.Subscript(whole.node, self.telling.told(index, step), ast.Load())
                    return Derived(name, self._worth(part), ())
        return None

    def _by_name(self, gradient: Gradient) -> Gradient:
        name = self.telling.named(gradient.value, ALIKE)
        return gradient if name is None else Gradient(name, gradient.value)

    def _pull(self, node: ast.expr, gradient: Gradient, step: Step) -> None:
        """Carry a gradient back through an expression, to the names in it."""
        value = step.scope.value(node)
        if not _is_float(value):
            return
        # The rules do not know all of Python's: what is written may be called in any way.
        with suppress(Exception):
            gradient = self._summed(gradient, np.shape(value))
            name = None if is_turned(node) else name_of(node)
            if name is not None:
                self.open[name].append(gradient)
            else:
                self._pull_apart(node, gradient, step)

    def _pull_apart(self, node: ast.expr, gradient: Gradient, step: Step) -> None:
        """Carry a gradient on to the operands of an expression; it is that of a part by itself too."""
        if isinstance(node, ast.Subscript):
            self.open[ast.unparse(node)].append(gradient)
        for operand, rule, letters in back_through(node, step.scope.value):
            with suppress(Lost):
                more = self._letters(rule, {**letters, "y": node}, step)
                self._pull(operand, self._by_rule(rule, gradient, more), step)

    def _letters(
        self, rule: str, letters: Mapping[str, ast.expr], step: Step
    ) -> dict[str, ast.expr]:
        """What the letters that a rule is written with stand for, as it is written here."""
        used = letters_of(rule)
        return {k: self.telling.told(one, step) for k, one in letters.items() if k in used}

    def _by_rule(self, rule: str, gradient: Gradient, letters: Mapping[str, ast.expr]) -> Gradient:
        return self._worth(written(rule, {**letters, "g": gradient.node}))

    def _summed(self, gradient: Gradient, shape: tuple[int, ...]) -> Gradient:
        """A gradient summed over the axes along which a value was repeated."""
        rule = summed_to(gradient.value.shape, shape)
        return gradient if rule == "g" else self._by_rule(rule, gradient, {})

    def _worth(self, node: ast.expr) -> Gradient:
        value = self.scope.run(code_of(node))
        if len(ast.unparse(node)) > LONGEST or shape_of(value) is None:
            raise Lost
        # Of a sum of booleans, where the upstream gradient is 1.
        return Gradient(node, np.asarray(value) if _is_float(value) else np.asarray(value, float))


def _made_shares(step: Step) -> Iterator[tuple[str, str]]:
    """The names of what a quotient is the softmax of, each with the rule of that."""
    match step.value:
        case ast.BinOp(op=ast.Div()):
            held = ((name, step.scope.local[name]) for name in step.scope.arrays)
            value = step.scope.value(step.value)
            yield from ((name, rule) for name, one in held for rule in shares(one, value))


def _is_float(value: Any) -> bool:
    return shape_of(value) is not None and np.asarray(value).dtype.kind == "f"
