"""A forward pass taken apart into its statements, each of which is run again alone to see what it does."""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType, FrameType
from typing import Any

import numpy as np

from gradcheck.layer import Adapted, Function
from gradcheck.lines.source import Source, blocks
from gradcheck.result import Array

STEP = 1e-3
"""How far an entry is moved; the error of the extrapolated slope is its fourth power."""
NOTHING = 1e-9
"""A slope below this is that of an entry which is not used."""
RESULT = "_value"
"""What the returned value is called."""

Names = dict[str, Any]
Key = tuple[str, int]
"""A variable, and how often it had been given a value."""


@dataclass(frozen=True, eq=False)
class Step:
    """One statement as it was passed: what every name held before it, and what it then wrote.

    `writes` is the variable and which value of it, `reads` the same for all that it computes with;
    `mask` marks the entries that it wrote, all of them unless it wrote into a part: the others are those
    of the value before.
    """

    line: int
    code: CodeType
    before: Names
    scope: Mapping[str, Any]
    writes: Key
    reads: tuple[Key, ...]
    after: Array
    mask: Array

    def slopes(self, variable: str) -> Iterator[tuple[tuple[int, ...], Array]]:
        """For each entry of a variable how all that is written changes with it."""
        held = np.asarray(self.before[variable], dtype=np.float64)
        for index in np.ndindex(held.shape):
            yield index, self._slope(variable, held, index)

    def _slope(self, variable: str, held: Array, index: tuple[int, ...]) -> Array:
        def along(h: float) -> Array:
            ends = []
            for moved in (held[index] + h, held[index] - h):
                other = held.copy()
                other[index] = moved
                names = _performed(self.code, self.scope, {**self.before, variable: other})
                ends.append(names[self.writes[0]])
            return np.asarray((np.asarray(ends[0]) - np.asarray(ends[1])) / (2 * h))

        scale = STEP * max(1.0, abs(float(held[index])))
        found = (4 * along(scale / 2) - along(scale)) / 3
        return np.where(self.mask, found, 0.0)


def steps_of(layer: Function, inputs: Sequence[Array]) -> list[Step]:
    """Run the forward pass once and keep its statements.

    Raises:
        Unreadable: if its source is not at hand.
    """
    function = layer.forward if isinstance(layer, Adapted) else layer
    source = Source.of(function)
    statements = {source.line_of(one): one for one in _simple(source.tree)}
    passed = _watched(source, statements, lambda: layer(*[np.array(x) for x in inputs]))
    return list(_steps(passed, source))


def _simple(node: ast.AST) -> Iterator[ast.stmt]:
    """The statements of a function that compute something, at any depth, not in functions within it."""
    for block in blocks(node):
        for statement in block:
            if isinstance(statement, (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)):
                yield statement
            elif not isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
                yield from _simple(statement)


def _watched(
    source: Source, statements: Mapping[int, ast.stmt], call: Callable[[], Any]
) -> list[tuple[ast.stmt, Names]]:
    """Each statement that is passed, with what the names held then."""
    passed: list[tuple[ast.stmt, Names]] = []
    last: list[ast.stmt] = []

    def local(frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            line = frame.f_lineno
            # A statement over several lines comes back to its own lines.
            if (
                last
                and line <= source.line + (last[0].end_lineno or 0) - 1
                and line >= source.line_of(last[0])
            ):
                return local
            last[:] = [statements[line]] if line in statements else []
            passed.extend((one, _kept(frame.f_locals)) for one in last)
        return local

    def called(frame: FrameType, event: str, _: Any) -> Any:
        mine = frame.f_code is source.function.__code__ and not passed
        return local if mine else None

    before = sys.gettrace()
    sys.settrace(called)
    try:
        call()
    finally:
        sys.settrace(before)
    return passed


def _kept(names: Mapping[str, Any]) -> Names:
    return {name: _copied(value) for name, value in names.items()}


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.array(value)
    return copy.copy(value) if isinstance(value, (list, dict)) else value


def _steps(passed: Sequence[tuple[ast.stmt, Names]], source: Source) -> Iterator[Step]:
    given = source.function.__closure__ or ()
    cells = dict(zip(source.function.__code__.co_freevars, given, strict=True))
    outside = {name: cell.cell_contents for name, cell in cells.items() if _is_filled(cell)}
    scope = {**source.function.__globals__, **outside}
    times: dict[str, int] = {}
    for statement, before in passed:
        yield from _one(statement, before, scope, times, source.line_of(statement))


def _is_filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _one(
    statement: ast.stmt, before: Names, scope: Mapping[str, Any], times: dict[str, int], line: int
) -> Iterator[Step]:
    """A step for each variable that a statement writes numbers to."""
    targets, code = _compiled(statement)
    after = _performed(code, scope, before)
    used = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)}
    read = [
        name
        for name in before
        if name in used and _is_float(before[name]) and _is_read(statement, name)
    ]
    reads = tuple((name, times.get(name, 0)) for name in read)
    for variable, place in targets:
        if variable not in after or not _is_float(after[variable]):
            continue
        value = np.asarray(after[variable])
        mask = np.full(value.shape, place is None)
        if place is not None:
            exec(place, {**scope, **before, "_mask": mask})
        times[variable] = times.get(variable, 0) + 1
        key = (variable, times[variable])
        yield Step(line, code, before, scope, key, reads, value, mask)


def _is_read(statement: ast.stmt, name: str) -> bool:
    """Whether a statement computes with a name, and does not only write to it."""
    value = getattr(statement, "value", None)
    if value is None:
        return False
    loaded = {n.id for n in ast.walk(value) if isinstance(n, ast.Name)}
    if isinstance(statement, ast.AugAssign):
        loaded |= {n.id for n in ast.walk(statement.target) if isinstance(n, ast.Name)}
    return name in loaded


def _compiled(statement: ast.stmt) -> tuple[list[tuple[str, CodeType | None]], CodeType]:
    """What a statement writes, each with the place in it, and the statement as it can be run."""
    match statement:
        case ast.Return(value) if value is not None:
            first = value.elts[0] if isinstance(value, ast.Tuple) else value
            text = f"{RESULT} = {ast.unparse(first)}"
            return [(RESULT, None)], compile(text, "<step>", "exec")
        case ast.Assign(targets):
            found = [one for target in targets for one in _targets(target)]
        case ast.AugAssign(target) | ast.AnnAssign(target):
            found = _targets(target)
        case _:
            found = []
    return found, compile(ast.unparse(statement), "<step>", "exec")


def _targets(target: ast.expr) -> list[tuple[str, CodeType | None]]:
    match target:
        case ast.Name(name):
            return [(name, None)]
        case ast.Subscript(ast.Name(name), place):
            marked = ast.unparse(ast.Subscript(ast.Name("_mask"), place, ast.Store()))
            return [(name, compile(f"{marked} = True", "<place>", "exec"))]
        case ast.Tuple(parts) | ast.List(parts):
            return [one for part in parts for one in _targets(part)]
    return []


def _performed(code: CodeType, scope: Mapping[str, Any], before: Names) -> Names:
    """What all names hold after a statement."""
    names = {**scope, **_kept(before)}
    with np.errstate(all="ignore"):
        exec(code, names)
    return names


def _is_float(value: Any) -> bool:
    return (
        isinstance(value, (np.ndarray, np.floating)) and np.asarray(value).dtype.kind == "f"
    ) or isinstance(value, float)
