"""The candidates: a backward pass with one edit in one of its lines, the most plausible first.

An edit exchanges one node of the syntax tree. Most are dismissed without a run: their expression is
evaluated where the line stands, and whoever raises there, changes nothing, or misses a value that is
known cannot be meant.
"""

from __future__ import annotations

import ast
import itertools
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import CodeType
from typing import Any

import numpy as np

from gradcheck.compare import agrees
from gradcheck.repair.grammar import (
    FAR_FETCHED,
    LEFT_OUT,
    MISTAKEN,
    Rule,
    alternatives,
    called_name,
)
from gradcheck.repair.patience import Meter, patience
from gradcheck.repair.scope import NOTHING, Scope, same, shape_of
from gradcheck.result import Array

IMPURE = ("pop", "popleft", "append", "extend", "update", "next", "random", "at")
"""Calls that leave something changed: their lines are not evaluated beside the run."""
NEW = "_new"
"""What stands for the exchanged node while the expression around it is evaluated."""

OF_ANY_SHAPE = 2.0
"""The price below which an edit may change the shape of what is computed in a loop."""

SIEVED = 20
"""What it costs to look at a candidate, in steps, besides those that are counted."""

True_ = tuple[Array, Array]
"""A true gradient and the bound on its error."""


@dataclass(frozen=True)
class Known:
    """The true gradients: of names, each in the line that gives it its value, and of what is returned."""

    by_name: Mapping[tuple[str, int], True_] = field(default_factory=dict)
    by_position: Mapping[int, True_] = field(default_factory=dict)


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

    def put(self, node: ast.AST) -> ast.AST:
        """Exchange what stands there, and return what stood there before."""
        before = self.node
        if self.index is None:
            setattr(self.parent, self.name, node)
        else:
            getattr(self.parent, self.name)[self.index] = node
        return before


@dataclass(frozen=True, eq=False)
class Place:
    """A statement or expression that can be exchanged, with the statement around it and what it computes.

    `root` is the slot of the expression that the statement computes, if it can be evaluated by
    itself; `true` is what that should be, if it is known; `scope` is what can be written there.
    """

    slot: Slot
    node: ast.AST
    statement: ast.stmt
    scope: Scope
    root: Slot | None
    true: True_ | None
    repeated: bool

    @property
    def computed(self) -> ast.expr:
        """The expression that the statement computes, as it stands now."""
        assert self.root is not None and isinstance(self.root.node, ast.expr)
        return self.root.node

    @cached_property
    def before(self) -> Any:
        """What the statement computes as it is written."""
        return self.scope.value(self.computed)

    @cached_property
    def around(self) -> CodeType | None:
        """What the statement computes from `NEW` in this place; None if it cannot be compiled so."""
        if isinstance(self.node, ast.Slice):
            return None
        self.slot.put(ast.Name(NEW, ast.Load()))
        try:
            tree = ast.fix_missing_locations(ast.Expression(self.computed))
            return compile(tree, "<candidate>", "eval")
        except (SyntaxError, ValueError, TypeError):
            return None
        finally:
            self.slot.put(self.node)

    def after(self, new: ast.AST) -> Any:
        """What the statement computes with another node in this place; NOTHING if it raises."""
        value = NOTHING if self.around is None else _value(new, self.scope)
        if value is TOO_LARGE:
            return NOTHING
        if value is NOTHING or self.around is None:
            return self._compiled_anew(new)
        try:
            self.scope.everything[NEW] = value
            with np.errstate(all="ignore"), patience():
                return eval(self.around, self.scope.everything)
        except Exception:
            return NOTHING

    def _compiled_anew(self, new: ast.AST) -> Any:
        """The same where the new node has no value by itself: a slice, or something of an inner loop."""
        self.slot.put(new)
        try:
            return self.scope.evaluated(self.computed)
        finally:
            self.slot.put(self.node)


OPERATIONS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.MatMult: operator.matmul,
    ast.Pow: operator.pow,
    ast.FloorDiv: operator.floordiv,
}


LARGEST = 1_000_000
"""Entries, or a power, beyond which nothing is computed: what is meant is of the size of what is written."""
TOO_LARGE: Any = object()
"""The value of an expression that would take too long."""


def _is_too_large(op: ast.operator, left: Any, right: Any) -> bool:
    """Whether an operation gives too many entries, or a whole number that a loop would not come to the end of."""
    if isinstance(left, int) and isinstance(right, int):
        if isinstance(op, ast.Pow):
            return abs(right) > 3 or abs(left) > 100
        return abs(left * right) > LARGEST
    sizes = [max(pair) for pair in _paired(shape_of(left) or (), shape_of(right) or ())]
    return float(np.prod(sizes, dtype=float)) > LARGEST


def _paired(one: tuple[int, ...], other: tuple[int, ...]) -> list[tuple[int, int]]:
    """The axes of two shapes, from the last to the first, those missing of length 1."""
    return list(itertools.zip_longest(reversed(one), reversed(other), fillvalue=1))


def _value(new: ast.AST, scope: Scope) -> Any:
    """What a new node is by itself: put together, where it can be, from what is known of its parts."""
    if not isinstance(new, ast.expr):
        return NOTHING
    if not (isinstance(new, ast.BinOp) and type(new.op) in OPERATIONS):
        return scope.evaluated(new)
    left, right = scope.value(new.left), scope.value(new.right)
    if left is NOTHING or right is NOTHING:
        return NOTHING
    if _is_too_large(new.op, left, right):
        return TOO_LARGE
    try:
        with np.errstate(all="ignore"):
            return OPERATIONS[type(new.op)](left, right)
    except Exception:
        return NOTHING


@dataclass(frozen=True, eq=False)
class Candidate:
    """One edit: a node that stands in place of another."""

    place: Place
    node: ast.AST
    price: float


class Sieve:
    """Lets through what may be meant; of several candidates that compute the same, the first."""

    def __init__(self) -> None:
        self.values: set[Key] = set()

    def lets_through(self, candidate: Candidate) -> bool:
        """Whether a candidate is worth a run."""
        place = candidate.place
        if place.root is None:
            return True
        after = place.after(candidate.node)
        if after is NOTHING:
            return False
        if isinstance(place.statement, ast.For) and _length(after) > _length(place.before):
            return False
        if place.repeated:
            # What comes last may be an exception: only its shape is looked at.
            fits = place.before is NOTHING or shape_of(after) == shape_of(place.before)
            return fits or candidate.price < OF_ANY_SHAPE
        return self._is_new(place, after) and _may_be_true(place, after)

    def lets_through_again(self, candidate: Candidate) -> None:
        """Let through what computes the same: it may do so for another reason, and elsewhere differ."""
        if candidate.place.root is not None:
            key = _key(candidate.place, candidate.place.after(candidate.node))
            self.values -= set() if key is None else {key}

    def _is_new(self, place: Place, value: Any) -> bool:
        key = _key(place, value)
        if same(place.before, value) or key in self.values:
            return False
        self.values |= set() if key is None else {key}
        return True


Key = tuple[int, int, tuple[int, ...], bytes]


def _key(place: Place, value: Any) -> Key | None:
    """What a statement computes, as far as it is numbers."""
    if place.root is None or not isinstance(value, (np.ndarray, np.generic)):
        return None
    return id(place.statement), place.root.index or 0, value.shape, value.tobytes()


def _length(steps: Any) -> int:
    """How many steps a loop takes, as far as that can be told; an iterator is as long as it says."""
    return operator.length_hint(steps, 0)


def _may_be_true(place: Place, value: Any) -> bool:
    """Whether a value is what is known to be true, if anything is known of it."""
    if place.true is None:
        return True
    true, bound = place.true
    if shape_of(value) != true.shape or np.asarray(value).dtype.kind != "f":
        return False
    return bool(agrees(np.asarray(value, dtype=np.float64), true, bound).all())


def candidates(
    function: ast.FunctionDef,
    first: int | None,
    doubtful: Sequence[int],
    scopes: Mapping[tuple[int, int], Scope],
    known: Known,
    sieve: Sieve,
    meter: Meter,
) -> Iterator[Candidate]:
    """Every edit of the backward pass that the grammar knows and that may be meant, the likeliest first.

    Args:
        function: the backward pass; its nodes are exchanged in place while a candidate is tried.
        first: the line of the first wrong value, counted as in the tree; None to find it.
        doubtful: the lines that share the doubt.
        scopes: what can be written in each statement, by its line and column.
        known: what is known to be true.
        sieve: lets through what may be meant.
        meter: ends it.
    """
    places = list(_places(function, scopes, known))
    first = _first_wrong(places) if first is None else first
    places = [one if _is_on(one, (first or 0,)) else replace(one, true=None) for one in places]
    doubtful = [*doubtful, *_loops_around(function, first)]
    blamed, doubted, others = _shared_out(places, first, doubtful)
    # Where lines share the doubt the likelier slip says which it is; of two alike the line that is blamed.
    for several, rules in (
        ([*blamed, *doubted], MISTAKEN),
        ([*blamed, *doubted], LEFT_OUT),
        ([place for place in blamed if place.true is not None], FAR_FETCHED),
        (others, MISTAKEN),
        (others, LEFT_OUT),
    ):
        for candidate in _of(several, rules):
            if meter.is_over:
                return
            meter.steps += SIEVED
            if sieve.lets_through(candidate):
                yield candidate


def _shared_out(
    places: Sequence[Place], first: int | None, doubtful: Sequence[int]
) -> tuple[list[Place], list[Place], list[Place]]:
    """The places on the first wrong line, those on the lines that share the doubt, and the others."""
    blamed = [p for p in places if first is not None and _is_on(p, (first,))]
    doubted = [p for p in places if _is_on(p, doubtful) and p not in blamed]
    return blamed, doubted, [p for p in places if p not in blamed and p not in doubted]


def _first_wrong(places: Sequence[Place]) -> int | None:
    """The line of the first expression whose value is not what it is known to be."""
    for place in places:
        if place.true is not None and not _may_be_true(place, place.before):
            return place.computed.lineno
    return None


def _loops_around(function: ast.FunctionDef, line: int | None) -> list[int]:
    """The lines of the loops that a line is in."""
    loops = [node for node in ast.walk(function) if isinstance(node, ast.For)]
    return [o.lineno for o in loops if line and o.lineno < line <= (o.end_lineno or o.lineno)]


def _of(places: Sequence[Place], rules: Sequence[Rule]) -> list[Candidate]:
    found = [
        Candidate(place, one.node, one.price)
        for place in places
        for one in alternatives(place.node, place.scope, rules)
    ]
    return sorted(found, key=lambda one: one.price)


def _is_on(place: Place, lines: Sequence[int]) -> bool:
    """Whether a place is in a statement that one of the lines is part of."""
    part: ast.stmt | ast.expr = place.statement
    if isinstance(part, ast.Return) and place.root is not None:
        part = place.computed
    end = part.lineno if isinstance(part, (ast.For, ast.If, ast.With)) else part.end_lineno
    return any(part.lineno <= line <= (end or part.lineno) for line in lines)


def _places(
    function: ast.FunctionDef, scopes: Mapping[tuple[int, int], Scope], known: Known
) -> Iterator[Place]:
    slots = {id(slot.node): slot for slot in _slots(function)}
    nothing = Scope({}, {})
    for statement, repeated in _statements(function, repeated=False):
        if isinstance(statement, (ast.Assert, ast.Raise)):
            continue
        scope = scopes.get((statement.lineno, statement.col_offset), nothing)
        roots = _roots(statement, slots)
        for node in (statement, *_expressions(statement)):
            root = roots.get(id(node))
            true = None if repeated else _true(statement, root, known)
            yield Place(slots[id(node)], node, statement, scope, root, true, repeated)


def _true(statement: ast.stmt, root: Slot | None, known: Known) -> True_ | None:
    """What the expression that a statement computes should be, if that is known."""
    match statement:
        case ast.Assign([ast.Name(name)]) if root is not None:
            return known.by_name.get((name, statement.lineno))
        case ast.Return(ast.Tuple()) if root is not None:
            return known.by_position.get(root.index or 0)
        case ast.Return() if root is not None:
            return known.by_position.get(0)
    return None


def _statements(node: ast.AST, repeated: bool) -> Iterator[tuple[ast.stmt, bool]]:
    """The statements of a function, those of functions in it too, and whether they may run repeatedly."""
    for name in ("body", "orelse", "finalbody"):
        for statement in getattr(node, name, ()):
            within = repeated or isinstance(statement, (ast.For, ast.While, ast.FunctionDef))
            if not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                yield statement, repeated
            # In a while loop nothing is changed: it might not end.
            if not isinstance(statement, (ast.While, ast.ClassDef)):
                yield from _statements(statement, within)


def _slots(function: ast.FunctionDef) -> Iterator[Slot]:
    for parent in ast.walk(function):
        for name, value in ast.iter_fields(parent):
            if isinstance(value, ast.AST):
                yield Slot(parent, name, None)
            elif isinstance(value, list):
                several = [k for k, item in enumerate(value) if isinstance(item, ast.AST)]
                yield from (Slot(parent, name, k) for k in several)


BLOCKS = ("body", "orelse", "finalbody", "handlers", "annotation")


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions that a statement itself reads, without the functions that it calls."""
    if isinstance(statement, ast.While):
        return
    for name, value in ast.iter_fields(statement):
        if name not in BLOCKS:
            for part in value if isinstance(value, list) else [value]:
                if isinstance(part, ast.AST):
                    yield from _read_within(part)


def _read_within(part: ast.AST) -> Iterator[ast.expr]:
    inside = list(ast.walk(part))
    functions = {id(node.func) for node in inside if isinstance(node, ast.Call)}
    yield from (n for n in inside if _is_read(n) and id(n) not in functions)  # type: ignore[misc]


def _is_read(node: ast.AST) -> bool:
    stored = isinstance(getattr(node, "ctx", ast.Load()), (ast.Store, ast.Del))
    unlike = isinstance(node, (ast.JoinedStr, ast.Lambda))
    return isinstance(node, ast.expr) and not stored and not unlike


def _roots(statement: ast.stmt, slots: Mapping[int, Slot]) -> dict[int, Slot]:
    """For each node of the expressions that a statement computes: the slot of that expression."""
    match statement:
        case ast.Return(ast.Tuple(elements)):
            parts: list[ast.expr] = elements
        case ast.Assign() | ast.AugAssign() | ast.Return() | ast.AnnAssign():
            parts = [] if statement.value is None else [statement.value]
        case ast.For(_, iterated):
            parts = [iterated]
        case ast.If(test):
            parts = [test]
        case _:
            parts = []
    found: dict[int, Slot] = {}
    for part in parts:
        inside = list(ast.walk(part))
        if not any(map(_is_impure, inside)):
            found |= dict.fromkeys(map(id, inside), slots[id(part)])
    return found


def _is_impure(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and called_name(node) in IMPURE
