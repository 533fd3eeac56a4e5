"""The line at fault where a backward pass raises: that line, or one that made a shape it cannot take."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np

from gradcheck.lines.blame import first_wrong
from gradcheck.lines.flow import doubtful_loops, doubtful_sites, lines_of
from gradcheck.lines.judge import Judgement
from gradcheck.lines.names import grouped
from gradcheck.lines.readings import counterpart
from gradcheck.lines.record import Record
from gradcheck.lines.sites import Event, Label, Site
from gradcheck.lines.statements import name_of, only_statement
from gradcheck.lines.values import is_number
from gradcheck.result import Finding

Shape = tuple[int, ...]


def blamed_for_raising(judgement: Judgement) -> Finding:
    """The line that raises, unless a value that goes into it has a shape that it cannot take."""
    record, copy = judgement.record, judgement.record.copy
    assert record.raised_at is not None
    line, *callers = record.raised_at
    raising = _raising(record, line)
    place = _misfit(record, raising, doubtful_sites(record, raising, judgement.known))
    sites = doubtful_sites(record, place, judgement.known)
    loops = doubtful_loops(record, (place, *sites), judgement.right_before())
    inner = lines_of(copy.inner)
    also = loops | lines_of(sites) | {*callers, line} | (inner if line in inner else set())
    message = f"Line {line} raises, and the values before it that could be compared are right."
    if place is not raising:
        message = f"{place.name}, line {place.line}, has a shape that line {line} cannot take, which raises."
    seen = {"line": line}
    return first_wrong(
        record, message, place, sorted(also - {place.line}), code="raises", seen=seen
    )


def _raising(record: Record, line: int) -> Site:
    """The statement that raises, also where it gives nothing a value."""
    text = dict(record.copy.listing)[line].strip()
    nothing = Site("", line, text, frozenset())
    sites = [site for site in record.sites if site.line == line]
    # Of several statements in a line, the first that has not been passed as often as those before it.
    site = min(sites, key=record.passings, default=nothing)
    # An array that is written into was made somewhere.
    return replace(site, text=text, reads=site.reads | {site.variable})


def _misfit(record: Record, place: Site, doubtful: Sequence[Site]) -> Site:
    """The statement that gave a factor or term of the one that raises a shape that it cannot take; else that one.

    What is computed entry by entry has the shape of its counterpart on the way there, or of what is known
    of it, and so each factor and each term must fit into that. What was made before a loop, and has no
    index in it, may lack that.
    """
    doubted, known = _parts(record, place.text, doubtful)
    wanted = _shape_wanted(record, place) or _shape_of(known)
    misfits = {part.site for part in doubted if part.is_misfit(wanted, place)}
    misfits |= _too_flat(record, place.text, doubtful)
    return misfits.pop() if len(misfits) == 1 else place


def _too_flat(record: Record, text: str, doubtful: Sequence[Site]) -> set[Site]:
    """The statements in doubt that made what has fewer axes than a statement reads of it."""
    made = {event.site.name: event for event in record.log if event.site in doubtful}
    items = (node for node in ast.walk(only_statement(text)) if isinstance(node, ast.Subscript))
    read = ((made.get(_name_of(node)), node) for node in items)
    return {event.site for event, node in read if event is not None and _lacks_axes(event, node)}


def _lacks_axes(event: Event, node: ast.Subscript) -> bool:
    numbers = is_number(event.value) or isinstance(event.value, int)
    return numbers and sum(map(_takes_an_axis, _indices(node))) > np.ndim(event.value)


def _indices(node: ast.Subscript) -> list[ast.expr]:
    """What stands between the brackets, one for each axis."""
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _takes_an_axis(index: ast.expr) -> bool:
    """Whether an index surely goes along one axis: a mask or an array of indices may go along others."""
    numbers = isinstance(index, ast.Constant) and isinstance(index.value, int)
    return numbers or isinstance(index, ast.Slice)


def _parts(record: Record, text: str, doubtful: Sequence[Site]) -> tuple[list[_Part], list[_Part]]:
    """The factors and terms of a statement whose values were recorded: those in doubt, and the others."""
    made = {event.site.name: event for event in record.log if event.site.whole}
    nodes = grouped(_factors_and_terms(text), _name_of)
    parts = (_Part.of(made[name], node) for name in nodes.keys() & made for node in nodes[name])
    known = grouped(parts, lambda part: part.site in doubtful)
    return known.get(True, []), known.get(False, [])


def _name_of(node: ast.expr) -> str:
    return name_of(node.value if isinstance(node, ast.Subscript) else node) or ""


def _shape_wanted(record: Record, place: Site) -> Shape | None:
    """The shape of what a statement gives a value to, at one time step; None if its counterpart has several."""
    name = counterpart(record, Label(place.name, function=place.function))
    shapes = {one.step_shape for one in record.meant([name or ""])}
    return shapes.pop() if len(shapes) == 1 else None


def _shape_of(parts: Sequence[_Part]) -> Shape | None:
    """The shape of what some parts give together; None if they give none."""
    shapes = [part.shape for part in parts if part.shape is not None]
    return _broadcast(*shapes) if shapes else None


@dataclass(frozen=True)
class _Part:
    """A factor or term: the statement that made its name's value, and its shape, None if that is not simple."""

    site: Site
    shape: Shape | None
    whole: bool

    @staticmethod
    def of(event: Event, node: ast.expr) -> _Part:
        """Of the value that a name was given, what stands in an expression."""
        if not isinstance(node, ast.Subscript):
            return _Part(event.site, np.shape(event.value), True)
        return _Part(event.site, _taken(np.shape(event.value), _indices(node)), False)

    def is_misfit(self, wanted: Shape | None, place: Site) -> bool:
        """Whether it cannot take part in something of a shape, entry by entry; an unknown one may."""
        if wanted is None or self.shape is None or (self.whole and self.site.loop != place.loop):
            return False
        return _broadcast(self.shape, wanted) != wanted


def _broadcast(*shapes: Shape) -> Shape | None:
    """The shape of arrays combined entry by entry; None where that raises."""
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        return None


def _factors_and_terms(text: str) -> Iterable[ast.expr]:
    """What a statement combines entry by entry, as it stands there."""
    match only_statement(text):
        case ast.Assign(value=value) | ast.AugAssign(value=value):
            return _combined(value)
    return ()


def _combined(node: ast.AST) -> Iterator[ast.expr]:
    """The operands of an expression that are combined entry by entry."""
    match node:
        case ast.BinOp(op=ast.MatMult()):
            return
        case ast.BinOp() | ast.Compare() | ast.UnaryOp():
            yield from chain(*map(_combined, ast.iter_child_nodes(node)))
        case ast.expr():
            yield node


def _taken(shape: Shape, indices: Sequence[ast.expr]) -> Shape | None:
    """The shape of a part of an array, one time step of it, say; None if that is not as simple."""
    rest = list(shape)
    taken: list[int] = []
    for index in indices:
        match index:
            case ast.Constant(None):
                taken.append(1)
            case ast.Slice(None, None, None) if rest:
                taken.append(rest.pop(0))
            case ast.Name() | ast.Constant(int()) if rest:
                rest.pop(0)
            case _:
                return None
    return (*taken, *rest)
