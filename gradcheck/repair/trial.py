"""A trial: a backward pass with an edit in it is run once, and laid beside the gradients that are known."""

from __future__ import annotations

import ast
import contextlib
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from types import CodeType
from typing import Any

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.layer import Adapted, Layer, copies, listed, run
from gradcheck.lines.handing import forward_tree
from gradcheck.lines.source import blocks, parsed_function
from gradcheck.repair.candidates import Candidate, Sieve
from gradcheck.repair.chain import Ahead
from gradcheck.repair.patience import STEPS, Meter, counted, patience
from gradcheck.repair.places import (
    Known,
    Place,
    Scopes,
    Slot,
    may_agree,
    places,
)
from gradcheck.repair.program import OWN, Program, backward_in
from gradcheck.repair.scope import Pool, Scope, code_of, uneven
from gradcheck.repair.surroundings import Surroundings
from gradcheck.repair.tree import cleared, expression, inside
from gradcheck.repair.watch import SEEN, Watch, lines_of, watched, written_into
from gradcheck.result import Array, Row

HOOK = "_hook"
"""The name under which a function calls what stands in place of an expression of it."""
LONGER = 10
"""How many times as long as what is written something may take that is tried in its place."""


@dataclass(eq=False)
class Hook:
    """An expression that can be exchanged between runs; `layer` is the one whose functions call it."""

    surroundings: Mapping[str, Any]
    layer: Layer = field(init=False)
    code: CodeType | None = None

    def __call__(self, names: Mapping[str, Any]) -> Any:
        """What the expression is with these names."""
        assert self.code is not None
        return eval(self.code, {**self.surroundings, **names})


@dataclass(frozen=True, eq=False)
class Trials:
    """One function of a program, its tree, and how the layer is run with a changed one.

    `rows` are the gradients by the position of their input.
    """

    context: Context
    rows: Mapping[int, Row]
    program: Program
    name: str
    sieve: Sieve = field(default_factory=Sieve)
    hooks: dict[tuple[int, int | None], Hook] = field(default_factory=dict)

    @cached_property
    def _trees(self) -> tuple[ast.FunctionDef, ast.FunctionDef]:
        # Together, as finding a backward pass that is a lambda writes it out in the tree around it.
        tree = parsed_function(self.program.texts[self.name])
        return tree, tree if self.name else backward_in(tree, self.program.written)

    @property
    def tree(self) -> ast.FunctionDef:
        """The function, whose nodes are exchanged in place."""
        return self._trees[0]

    @property
    def function(self) -> ast.FunctionDef:
        """The backward pass in it; of a helper all of it."""
        return self._trees[1]

    @cached_property
    def right(self) -> frozenset[int]:
        """Which gradients are right as the texts now are; none if it raises."""
        return self._right(self.program.built())

    @cached_property
    def ahead(self) -> Ahead:
        """The forward pass as it was run."""
        return Ahead.of(self.context)

    @cached_property
    def usual(self) -> int:
        """How many steps both passes take as they were written."""
        meter = Meter(sys.maxsize, math.inf)
        with counted(meter), contextlib.suppress(Exception), patience(sys.maxsize):
            gradients_of(self.context.layer, self.context)
        return meter.steps

    @cached_property
    def care(self) -> dict[str, Any]:
        """That nothing is right which divides by zero where what is written does not: what goes in is lost."""
        careful: dict[str, Any] = {"all": "ignore", "divide": "raise", "invalid": "raise"}
        with contextlib.suppress(Exception), np.errstate(**careful):
            gradients_of(self.context.layer, self.context)
            return careful
        return {"all": "ignore"}

    def right_with(self, candidate: Candidate) -> frozenset[int]:
        """Which are right with an edit, which is taken back; none if the function then is no Python."""
        place = candidate.place
        with contextlib.suppress(Exception), place.slot.holding(candidate.edit.node):
            return self._right(
                self._built(self.tree, {}) if place.root is None else self._hooked(place)
            )
        return frozenset()

    def right_without(self, statement: ast.stmt) -> frozenset[int]:
        """Which are right if a statement is left out, and room that it should fill holds nothing."""
        for block in chain.from_iterable(map(blocks, ast.walk(self.tree))):
            if statement in block:
                k = block.index(statement)
                block[k] = ast.copy_location(ast.Pass(), statement)
                try:
                    return self._right(self._built(cleared(self.tree), {}))
                finally:
                    block[k] = statement
        return frozenset()

    def _right(self, layer: Layer) -> frozenset[int]:
        # The grammar does not know all of Python's: what is tried may fail in any way.
        with contextlib.suppress(Exception), self.surroundings.left_as_they_are():
            with np.errstate(**self.care), patience(STEPS + LONGER * self.usual):
                gradients = gradients_of(layer, self.context)
            both = ((p, gradients[p], row) for p, row in self.rows.items() if p < len(gradients))
            return frozenset(p for p, hand, row in both if _is_right(hand, row))
        return frozenset()

    @cached_property
    def surroundings(self) -> Surroundings:
        """What the functions see that is not theirs."""
        layer = self.context.layer
        adapted = (layer.forward, layer.backward) if isinstance(layer, Adapted) else (layer,)
        functions = [source.bound(source.function) for source in self.program.sources.values()]
        return Surroundings.of([*filter(None, adapted), *functions])

    def _built(self, tree: ast.FunctionDef, more: Mapping[str, Any]) -> Layer:
        """The layer with a changed tree, whose functions see more names."""
        return self.program.built({self.name: tree}, more)

    def _hooked(self, place: Place) -> Layer:
        """The same where one expression differs: it alone is compiled, and called by the rest."""
        assert place.root is not None
        key = (id(place.statement), place.root.index)
        code = code_of(place.computed)
        if key not in self.hooks:
            self.hooks[key] = self._hook(place, place.root)
        self.hooks[key].code = code
        return self.hooks[key].layer

    def _hook(self, place: Place, root: Slot) -> Hook:
        hook = Hook(place.scope.everything)
        with root.holding(expression(f"{HOOK}(locals())")):
            hook.layer = self._built(self.tree, {HOOK: hook})
        return hook

    def places(self, known: Known) -> list[Place]:
        """Where something may be exchanged, with what can be written there."""
        watch = Watch(written_into(self.tree))
        # What was seen until it raised is what there is.
        with contextlib.suppress(Exception), np.errstate(all="ignore"):
            gradients_of(self._built(watched(self.tree), {SEEN: watch}), self.context)
        watch.looks = False
        last, around = watch.last(lines_of(self.function))
        module = self.program.written.source.function.__globals__
        # No backward pass is mended by calling itself.
        surroundings = {name: value for name, value in module.items() if name != self.tree.name}
        pool = Pool.of(self.tree, last, surroundings, forward_tree(self.context.layer))
        turns = {at: uneven(watch.first.get(at, {}), names) for at, names in watch.found.items()}
        around = {**around, **self._of_the_function_around(watch)}
        last_of_all, first_of_all = (
            {
                at: Scope({**around, **names}, surroundings, pool, turns.get(at, frozenset()))
                for at, names in found.items()
            }
            for found in (watch.found, watch.first)
        )
        scopes = Scopes(last_of_all, first_of_all)
        return list(places(self.function, scopes, known, helper=self.name != OWN))

    def _of_the_function_around(self, watch: Watch) -> dict[str, Any]:
        """What a function within this one sees of its names, though it reads none of them yet."""
        whole, *within = map(lines_of, inside(self.function, ast.FunctionDef))
        return watch.last(set(whole).difference(*within))[0] if within else {}


def gradients_of(layer: Layer, context: Context) -> list[Array | None]:
    """The hand-derived gradients of a layer at the point that is checked."""
    _, backward = run(layer, copies(context.inputs))
    dy = context.dy.astype(context.forward.dtype)
    return listed(backward(dy), len(context.inputs))


def _is_right(hand: Array | None, row: Row) -> bool:
    if hand is None or hand.shape != row.shape or hand.dtype.kind != "f":
        return False
    return may_agree(hand, row.numeric, row.bound)


def by_position(context: Context, rows: Sequence[Row]) -> dict[int, Row]:
    """Rows by the position of their input."""
    return {context.names.index(row.name): row for row in rows}
