"""A trial: a backward pass with an edit in it is run once, and laid beside the gradients that are known."""

from __future__ import annotations

import ast
import contextlib
import copy
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Layer, copies, listed, run
from gradcheck.lines import BackwardText, rewritten
from gradcheck.lines.source import Source, parsed_function, returned_function, unbound
from gradcheck.repair.candidates import Candidate, Place, Slot
from gradcheck.repair.patience import STEPS, Meter, counted, patience
from gradcheck.repair.scope import SEEN, Pool, Scope, Watch, attributes, expression, watched
from gradcheck.result import Array, Row

Function = Callable[..., Any]

HOOK = "_hook"
"""The name under which a backward pass calls what stands in place of an expression of it."""


@dataclass(eq=False)
class Hook:
    """An expression that can be exchanged between runs; `layer` is the one whose backward pass calls it."""

    surroundings: Mapping[str, Any]
    code: CodeType | None = None
    layer: Layer = field(init=False)

    def __call__(self, names: Mapping[str, Any]) -> Any:
        """What the expression is with these names."""
        assert self.code is not None
        return eval(self.code, {**self.surroundings, **names})


LONGER = 10
"""How many times as long as what is written something may take that is tried in its place."""


def rebound(function: FunctionType, other: FunctionType) -> FunctionType:
    """A function with the closure of another that has the same free names, from another run."""
    cells = dict(zip(other.__code__.co_freevars, other.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in function.__code__.co_freevars)
    bound = FunctionType(
        function.__code__, function.__globals__, function.__name__, other.__defaults__, closure
    )
    bound.__kwdefaults__ = other.__kwdefaults__
    return bound


@dataclass(frozen=True, eq=False)
class Trials:
    """A layer whose backward pass may be changed: its text, its tree, and how a changed tree is run.

    `tree` is the function that holds the backward pass, `function` the backward pass in it; `usual` are
    the steps that both passes take as they are written.
    """

    context: Context
    rows: Mapping[int, Row]
    written: BackwardText
    text: str
    tree: ast.FunctionDef
    function: ast.FunctionDef
    usual: int = 0
    around: dict[str, Any] = field(default_factory=dict)
    hooks: dict[tuple[int, int | None], Hook] = field(default_factory=dict)

    @staticmethod
    def of(context: Context, rows: Sequence[Row], written: BackwardText, text: str) -> Trials:
        """The trials of a layer with a text in place of that of its backward pass."""
        tree = parsed_function(text)
        function = (returned_function(tree) if written.inside else tree) or tree
        by_position = {context.names.index(row.name): row for row in rows}
        return Trials(context, by_position, written, text, tree, function, _steps_of(context))

    def right(self) -> frozenset[int]:
        """Which gradients are right with the tree as it now is; none if it raises."""
        return self._right(self._layer_of(self._compiled({})))

    def right_with(self, candidate: Candidate) -> frozenset[int]:
        """The same with an edit, which is taken back."""
        place = candidate.place
        before = place.slot.put(candidate.node)
        try:
            return self.right() if place.root is None else self._right(self._hooked(place))
        except Exception:
            # The grammar does not know all of Python's: what is tried may fail in any way.
            return frozenset()
        finally:
            place.slot.put(before)

    def _right(self, layer: Layer) -> frozenset[int]:
        try:
            with np.errstate(all="ignore"), patience(STEPS + LONGER * self.usual):
                gradients = _gradients_of(layer, self.context)
        except Exception:
            return frozenset()
        several = ((p, row) for p, row in self.rows.items() if p < len(gradients))
        return frozenset(p for p, row in several if _is_right(gradients[p], row))

    def _compiled(self, scope: Mapping[str, Any]) -> FunctionType:
        """The backward pass as the tree now is; within a layer it lacks the closure that a run gives it."""
        source = self.written.source
        if self.function is not self.tree:
            _, backward = run(self.context.layer, copies(self.context.inputs))
            source = Source(unbound(backward)[0], self.function, 0, (), (), {})
        # Compiling moves the lines of what it is given.
        return source.compiled(copy.deepcopy(self.function), {**self.around, **scope})

    def _layer_of(self, compiled: FunctionType) -> Layer:
        """The layer with a compiled backward pass."""
        if self.function is self.tree:
            return rewritten(self.context.layer, self.written, compiled)

        # Within a layer: the forward pass is as it was, and hands its values to the new function.
        def layer(*inputs: Array) -> tuple[Any, Function]:
            value, backward = self.context.layer(*inputs)
            return value, rebound(compiled, unbound(backward)[0])

        return layer

    def _hooked(self, place: Place) -> Layer:
        """The same where one expression differs: it alone is compiled, and called by the rest."""
        assert place.root is not None and isinstance(place.root.node, ast.expr)
        edited = ast.fix_missing_locations(ast.Expression(place.root.node))
        code = compile(edited, "<candidate>", "eval")
        key = (id(place.statement), place.root.index)
        if key not in self.hooks:
            self.hooks[key] = self._hook(place, place.root)
        self.hooks[key].code = code
        return self.hooks[key].layer

    def _hook(self, place: Place, root: Slot) -> Hook:
        hook = Hook({**place.scope.surroundings, **self.around})
        written = root.put(expression(f"{HOOK}(locals())"))
        try:
            hook.layer = self._layer_of(self._compiled({HOOK: hook}))
        finally:
            root.put(written)
        return hook

    def scopes(self) -> dict[tuple[int, int], Scope]:
        """What can be written in each statement of the backward pass, by its line and column."""
        watch = Watch()
        try:
            with np.errstate(all="ignore"):
                _gradients_of(self._watched(watch), self.context)
        except Exception:
            # What was seen until it raised is what there is.
            pass
        around = self._around(watch)
        self.around.update(around)
        # No backward pass is mended by calling itself.
        seen = self.written.source.function.__globals__.items()
        surroundings = {name: value for name, value in seen if name != self.tree.name}
        pool = Pool.of(copy.deepcopy(self.tree))
        last = watch.found[max(watch.found)] if watch.found else {}
        held = tuple(one for one in attributes(last) if ast.unparse(one) not in pool.written)
        pool = replace(pool, operands=(*pool.operands, *held))
        found = watch.found.items()
        return {place: Scope({**around, **names}, surroundings, pool) for place, names in found}

    def _watched(self, watch: Watch) -> Layer:
        """The layer, which reports the names of the function that holds its backward pass."""
        compiled = self.written.source.compiled(watched(self.tree), {SEEN: watch})
        return rewritten(self.context.layer, self.written, compiled)

    def _around(self, watch: Watch) -> dict[str, Any]:
        """The names of the function around the backward pass, as its last statement sees them."""
        if self.function is self.tree:
            return {}
        outer = [
            s
            for s in ast.walk(self.tree)
            if isinstance(s, ast.Return) and s not in ast.walk(self.function)
        ]
        places = [(s.lineno, s.col_offset) for s in outer]
        return next((watch.found[place] for place in places if place in watch.found), {})


def _steps_of(context: Context) -> int:
    """How many steps both passes take as they are written."""
    meter = Meter(sys.maxsize, math.inf)
    with counted(meter), contextlib.suppress(Exception), patience(sys.maxsize):
        _gradients_of(context.layer, context)
    return meter.steps


def _gradients_of(layer: Layer, context: Context) -> list[Array | None]:
    _, backward = run(layer, copies(context.inputs))
    dy = context.dy.astype(context.forward.dtype)
    return listed(backward(dy), len(context.inputs))


def _is_right(hand: Array | None, row: Row) -> bool:
    if hand is None or hand.shape != row.shape or hand.dtype.kind != "f":
        return False
    return bool(agrees(hand.astype(np.float64), row.numeric, row.bound).all())
