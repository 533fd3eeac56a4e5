"""The forward pass as it was run: its statements in order, each with what could be read there."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Adapted, Layer, copies, run
from gradcheck.lines.handing import at_work
from gradcheck.lines.source import Source, seen_by, statements
from gradcheck.lines.statements import given
from gradcheck.repair.scope import Scope, shape_of
from gradcheck.repair.tree import expression
from gradcheck.repair.watch import SEEN, Watch, watched
from gradcheck.result import Array


@dataclass(frozen=True, eq=False)
class Step:
    """One statement of the forward pass: what it gives a value, and what could be read there."""

    target: ast.expr
    value: ast.expr
    scope: Scope


@dataclass(frozen=True, eq=False)
class Ahead:
    """The steps of a forward pass in order, what it returns, and the upstream gradient of that.

    Of what is passed several times the last passing counts. `known` is what was derived of it for each line.
    """

    steps: Sequence[Step] = ()
    returned: Step | None = None
    upstream: Array = field(default_factory=lambda: np.zeros(0))
    known: dict[int, tuple[Scope, Any]] = field(default_factory=dict)

    @staticmethod
    def of(context: Context) -> Ahead:
        """The forward pass of what is checked; without steps where its source cannot be read or run so."""
        watch, layer = Watch(), context.layer
        # A copy may not run where what it was made from does: there is nothing to derive from then.
        with suppress(Exception):
            source = at_work(layer.forward if isinstance(layer, Adapted) else layer)
            run(_watched(layer, source, watch), copies(context.inputs))
            steps, returned = _steps(source, watch, context.forward.value)
            return Ahead(steps, returned, np.asarray(context.dy))
        return Ahead()


def _watched(layer: Layer, source: Source, watch: Watch) -> Layer:
    function = source.bound(source.compiled(watched(source.tree), {SEEN: watch}))
    return layer.assemble(function, layer.backward) if isinstance(layer, Adapted) else function


def _steps(source: Source, watch: Watch, value: Array) -> tuple[list[Step], Step | None]:
    """The steps of the statements that were reached, and what was returned as the value."""
    reached = list(_reached(source, watch))
    steps = [Step(target, part, scope) for one, scope in reached for target, part in _given(one)]
    ends = chain.from_iterable(_returned(one, scope, value) for one, scope in reached)
    return steps, next(ends, None)


def _reached(source: Source, watch: Watch) -> Iterator[tuple[ast.stmt, Scope]]:
    """The statements that were reached, each with what could be read there."""
    around = seen_by(source.function)
    for _, statement in statements(source.tree):
        names = watch.found.get((statement.lineno, statement.col_offset))
        if names is not None:
            yield statement, Scope(names, around)


def _given(statement: ast.stmt) -> Iterable[tuple[ast.expr, ast.expr]]:
    """What a statement gives values to, and which."""
    match statement:
        case ast.AugAssign(target, op, more):
            return [(target, ast.BinOp(expression(ast.unparse(target)), op, more))]
    return given(statement)


def _returned(statement: ast.stmt, scope: Scope, value: Array) -> Iterator[Step]:
    """What is returned that is the value, as a step that gives nothing a name."""
    part = getattr(statement, "value", None) if isinstance(statement, ast.Return) else None
    for one in filter(None, (part, *getattr(part, "elts", ()))):
        held = scope.value(one)
        if shape_of(held) is not None and np.array_equal(held, value):
            yield Step(one, one, scope)
