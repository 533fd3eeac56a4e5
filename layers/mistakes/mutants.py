"""Mistakes by the hundred: every way back of a layer with one operator, constant, axis or operand changed.

A change is made in the text, where the node of the syntax tree stands, so that every other line
stays what and where it was.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from layers.mistakes.planted import Function, plant, source_of
from layers.types import Layer


@dataclass(frozen=True)
class Mutant:
    """One change in the way back of `layer`: in its own text, or in that of one of its helpers.

    `line` counts from 1 within `place`; `before` and `after` are that line without its indentation.
    """

    layer: Layer
    helpers: tuple[Function, ...]
    place: Function
    line: int
    before: str
    after: str
    source: str

    @property
    def name(self) -> str:
        """The layer, the line as it was, the line as it is."""
        return f"{self.layer.__name__}: {self.before}  →  {self.after}"

    @property
    def planted(self) -> Layer:
        """The layer with the change in it."""
        return plant(self.layer, self.place, self.source, self.helpers, self.name)


def mutants(layer: Layer) -> Iterator[Mutant]:
    """Every change of one place in the way back of a layer."""
    helpers = _helpers(layer)
    for place in (layer, *helpers):
        source = source_of(place)
        function = _parsed(place)
        parts = _on_the_way_back(function) if place is layer else [function]
        seen = {source}
        for node, names in ((n, _names(part)) for part in parts for n in _nodes(part)):
            for alternative in _alternatives(node, names):
                changed = _replaced(source, node, alternative)
                if changed in seen or not _parses(changed):
                    continue
                seen.add(changed)
                line = node.lineno  # type: ignore[attr-defined]
                before, after = (text.split("\n")[line - 1].strip() for text in (source, changed))
                yield Mutant(layer, helpers, place, line, before, after, changed)


def _parsed(function: Function) -> ast.FunctionDef:
    parsed = ast.parse(source_of(function)).body[0]
    assert isinstance(parsed, ast.FunctionDef)
    return parsed


def _on_the_way_back(layer: ast.FunctionDef) -> list[ast.FunctionDef]:
    """The functions inside a layer that its way there does not call."""
    there = _read_on_the_way_there(layer)
    inner = [statement for statement in layer.body if isinstance(statement, ast.FunctionDef)]
    return [f for f in inner if f.name == "backward" or f.name not in there]


def _read_on_the_way_there(layer: ast.FunctionDef) -> set[str]:
    there = [s for s in layer.body if not isinstance(s, (ast.FunctionDef, ast.Return))]
    return {n.id for s in there for n in ast.walk(s) if isinstance(n, ast.Name)}


def _helpers(layer: Layer) -> tuple[Function, ...]:
    """The package's functions that the way back calls and the way there does not."""
    tree = _parsed(layer)
    scope = vars(sys.modules[layer.__module__])
    read = {n.id for f in _on_the_way_back(tree) for n in ast.walk(f) if isinstance(n, ast.Name)}
    found = [scope[name] for name in sorted(read - _read_on_the_way_there(tree)) if name in scope]
    package = __name__.split(".")[0]
    return tuple(f for f in found if callable(f) and str(f.__module__).startswith(package))


def _nodes(part: ast.FunctionDef) -> Iterator[ast.AST]:
    """The nodes that compute: no annotations, no messages, nor the way back of a helper itself."""
    waiting: list[ast.AST] = list(part.body)
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, (ast.Assert, ast.Raise)) or _is_backward(node):
            continue
        yield node
        hidden = {"annotation", "returns", "args"} if not isinstance(node, ast.Call) else set()
        for field, value in ast.iter_fields(node):
            if field not in hidden:
                values = value if isinstance(value, list) else [value]
                waiting += [child for child in values if isinstance(child, ast.AST)]


def _is_backward(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "backward"


def _names(part: ast.FunctionDef) -> list[str]:
    """The names of values that a function reads, in the order in which they first appear."""
    called = {n.func for n in ast.walk(part) if isinstance(n, ast.Call)}
    names = [argument.arg for argument in part.args.args]
    for node in _nodes(part):
        if isinstance(node, ast.Name) and node not in called and node.id != "np":
            names.append(node.id)
    return list(dict.fromkeys(names))


_OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.Pow: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.Gt: ast.Lt,
    ast.Lt: ast.Gt,
    ast.GtE: ast.Gt,
    ast.LtE: ast.Lt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
}
_OTHER_CALL = {"sum": "mean", "mean": "sum", "max": "min", "maximum": "minimum", "exp": "log"}
_ON_THE_EDGE = {ast.Gt: ast.GtE, ast.Lt: ast.LtE, ast.GtE: ast.Gt, ast.LtE: ast.Lt}


def _alternatives(node: ast.AST, names: list[str]) -> Iterator[ast.AST]:
    """What could have been written instead of one node."""
    match node:
        case ast.BinOp(left, op, right):
            yield ast.BinOp(left, _OTHER[type(op)](), right)  # type: ignore[arg-type]
            yield from (left, right)
            if not isinstance(op, (ast.Add, ast.Mult)):
                yield ast.BinOp(right, op, left)
        case ast.UnaryOp(_, operand):
            yield operand
        case ast.BoolOp(_, values):
            yield from values
        case ast.IfExp(_, body, orelse):
            yield from (body, orelse)
        case ast.Compare(left, [op], right):
            for table in (_OTHER, _ON_THE_EDGE):
                if type(op) in table:
                    yield ast.Compare(left, [table[type(op)]()], right)  # type: ignore[list-item]
        case ast.Constant(bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(int(value)):
            yield from (ast.Constant(value + 1), ast.Constant(value - 1))
        case ast.Constant(float(value)):
            yield ast.Constant(value * 2)
        case ast.Name(name, ast.Load()) if name in names and len(names) > 1:
            # The name before: it exists by now, and so does what was mixed up with it.
            yield ast.Name(names[names.index(name) - 1], ast.Load())
        case ast.Attribute(value, "T"):
            yield value
        case ast.Slice(lower, upper, step):
            ends = [(None, upper, step), (lower, None, step), (lower, upper, None)]
            yield from (ast.Slice(*e) for e in ends)
        case ast.Subscript(value, _, ast.Load()):
            yield value
        case ast.Tuple(elements, ast.Load()):
            for k in range(len(elements) - 1):
                swapped = [*elements[:k], elements[k + 1], elements[k], *elements[k + 2 :]]
                yield ast.Tuple(swapped, ast.Load())
        case ast.AugAssign(target, op, value):
            yield ast.Assign([target], value)
            yield ast.AugAssign(target, _OTHER[type(op)](), value)  # type: ignore[arg-type]
        case ast.Call():
            yield from _other_calls(node)


def _other_calls(node: ast.Call) -> Iterator[ast.AST]:
    """Left out, an argument left out, two exchanged, the mean for the sum."""
    of_numpy = isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "np"
    if isinstance(node.func, ast.Attribute) and not of_numpy:
        yield node.func.value
    elif node.args and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]
    if isinstance(node.func, ast.Attribute) and node.func.attr in _OTHER_CALL:
        other = ast.Attribute(node.func.value, _OTHER_CALL[node.func.attr], ast.Load())
        yield ast.Call(other, node.args, node.keywords)
    for k in range(len(node.args) - 1):
        changed = copy.copy(node)
        changed.args = [*node.args[:k], node.args[k + 1], node.args[k], *node.args[k + 2 :]]
        yield changed
    for keyword in node.keywords:
        changed = copy.copy(node)
        changed.keywords = [other for other in node.keywords if other is not keyword]
        yield changed


def _replaced(source: str, node: ast.AST, alternative: ast.AST) -> str:
    """The text with an alternative where a node was; an expression keeps together in brackets."""
    ast.fix_missing_locations(alternative)
    text = ast.unparse(alternative)
    loose = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp, ast.IfExp, ast.Lambda)
    if isinstance(alternative, loose):
        text = f"({text})"
    start, end = _span(source, node)
    encoded = source.encode()
    return (encoded[:start] + text.encode() + encoded[end:]).decode()


def _span(source: str, node: ast.AST) -> tuple[int, int]:
    """Where a node begins and ends, in bytes."""
    lengths = [len(line.encode()) for line in source.splitlines(keepends=True)]
    starts = [sum(lengths[:k]) for k in range(len(lengths))]
    assert isinstance(node, (ast.expr, ast.stmt))
    assert node.end_lineno is not None and node.end_col_offset is not None
    return (
        starts[node.lineno - 1] + node.col_offset,
        starts[node.end_lineno - 1] + node.end_col_offset,
    )


def _parses(source: str) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True
