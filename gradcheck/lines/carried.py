"""Whether a function carries anything from one turn of a loop to the next: only then can a carry be dropped."""

from __future__ import annotations

import ast
from itertools import chain
from operator import attrgetter

import numpy as np

from gradcheck.lines.statements import (
    base_of,
    given,
    inside,
    name_of,
    names_read,
    place_of,
    written_into,
)

STATELESS = ("np", "numpy", "math")
"""What functions are of that keep nothing."""


def may_carry(function: ast.AST) -> bool:
    """Whether a loop of a function reads what an earlier turn has left, or it has no loop that could be asked."""
    loops = inside(function, ast.For, ast.While)
    return not loops or any(map(_carries, loops))


def _carries(loop: ast.AST) -> bool:
    """Whether something is read before it is written, in turns that write it; what is only added up is not."""
    before, written = set[str](), set[str]()
    for statement in sorted(inside(loop, ast.stmt)[1:], key=attrgetter("lineno")):
        before |= read_by(statement) - written
        written |= written_by(statement)
    return not before.isdisjoint(written) or any(map(_keeps_something, inside(loop, ast.Call)))


def written_by(statement: ast.stmt) -> set[str]:
    """The names that a statement gives a value, wholly or in part, or writes into."""
    places = filter(None, (place_of(target) for target, _ in given(statement)))
    return {*(name for name, *_ in places), *map(str, map(name_of, written_into(statement)))}


def read_by(statement: ast.stmt) -> set[str]:
    """The names that a statement computes with, but for what it adds to or puts something into."""
    parts = filter(None, (getattr(statement, name, None) for name in ("value", "test", "iter")))
    return {*chain(*map(names_read, parts))} - {*map(name_of, written_into(statement))}


def _keeps_something(call: ast.Call) -> bool:
    """Whether an object's own method is called, which may keep a state from call to call."""
    owner, _, method = (name_of(call.func) or "").rpartition(".")
    own = base_of(owner) not in ("", *STATELESS)
    return own and not any(hasattr(kind, method) for kind in (np.ndarray, list))
