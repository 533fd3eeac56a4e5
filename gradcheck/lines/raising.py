"""The line at fault where a backward pass raises: that line, or one that made a shape it cannot take."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.lines.blame import first_wrong
from gradcheck.lines.flow import doubtful_loops, doubtful_sites, known_names
from gradcheck.lines.judge import Judgement
from gradcheck.lines.readings import counterpart
from gradcheck.lines.record import Record
from gradcheck.lines.recorder import Label, Site
from gradcheck.lines.statements import name_of
from gradcheck.result import Finding

Shape = tuple[int, ...]


def blamed_for_raising(judgement: Judgement) -> Finding:
    """The line that raises, unless a value that goes into it has a shape that it cannot take."""
    record, copy = judgement.record, judgement.record.copy
    assert record.raised_at is not None
    place = _raising(record)
    line, *callers = record.raised_at
    message = f"Line {line} raises, and the values before it that could be compared are right."
    known = known_names(record, judgement.matches)
    misfit = _misfit(record, place, doubtful_sites(record, place, known))
    if misfit is not None:
        name, place = misfit.name, misfit
        message = (
            f"{name}, line {place.line}, has a shape that line {line} cannot take, which raises."
        )
    in_a_function = line in {site.line for site in copy.inner}
    inner = [site.line for site in copy.inner] if in_a_function else []
    sites = doubtful_sites(record, place, known)
    loops = doubtful_loops(record, (place, *sites), judgement.right_before())
    also = {*loops, *callers, *inner, *(site.line for site in sites), line} - {place.line}
    return first_wrong(record, message, place, sorted(also), code="raises", seen={"line": line})


def _raising(record: Record) -> Site:
    """The statement that raises, also where it gives nothing a value."""
    assert record.raised_at is not None
    line, copy = record.raised_at[0], record.copy
    text = next(text.strip() for number, text in copy.listing if number == line)
    nothing = Site("", line, text, frozenset())
    # Of several statements in a line, the first that has not been passed as often as those before it.
    site = min((s for s in copy.sites if s.line == line), key=record.passings, default=nothing)
    # An array that is written into was made somewhere.
    return replace(site, text=text, reads=site.reads | {site.variable})


def _misfit(record: Record, place: Site, doubtful: Sequence[Site]) -> Site | None:
    """The statement that gave a factor or term of the one that raises a shape that it cannot take.

    What is computed entry by entry has the shape of its counterpart on the way there, and so each
    factor and each term must fit into that. What was made before a loop, and has no index in it, may
    lack that.
    """
    wanted = _shape_wanted(record, place)
    if wanted is None:
        return None
    made = {e.site.name: e for e in record.log if e.site.whole and e.site in doubtful}
    misfits = {
        name: made[name].site
        for name, indices in _factors_and_terms(place.text)
        if name in made
        and (indices or made[name].site.loop == place.loop)
        and not _fits(_taken(np.shape(made[name].value), indices), wanted)
    }
    return next(iter(misfits.values())) if len(misfits) == 1 else None


def _shape_wanted(record: Record, place: Site) -> Shape | None:
    """The shape of what a statement gives a value to, at one time step; None if its counterpart has several."""
    name = counterpart(record, Label(place.name, function=place.function))
    meant = record.meanings[name] if name is not None else ()
    shapes = {
        one.value[one.place(0)].shape if one.steps or one.places else one.value.shape
        for one in meant
    }
    return next(iter(shapes)) if len(shapes) == 1 else None


Part = tuple[str, list[ast.expr]]
"""A name, and the indices that follow it: none if the whole is meant."""


def _factors_and_terms(text: str) -> Iterator[Part]:
    """What a statement combines entry by entry."""
    try:
        (statement,) = ast.parse(text).body
    except SyntaxError:
        return
    if isinstance(statement, (ast.Assign, ast.AugAssign)):
        yield from _combined(statement.value)


def _combined(node: ast.expr) -> Iterator[Part]:
    match node:
        case ast.BinOp(left, ast.Add() | ast.Sub() | ast.Mult() | ast.Div(), right):
            yield from (*_combined(left), *_combined(right))
        case ast.Compare(left, _, [right]):
            yield from (*_combined(left), *_combined(right))
        case ast.UnaryOp(_, operand) | ast.BinOp(operand, ast.Pow(), ast.Constant()):
            yield from _combined(operand)
        case ast.Name() | ast.Attribute():
            yield name_of(node) or "", []
        case ast.Subscript(ast.Name(name), ast.Tuple(indices)):
            yield name, indices
        case ast.Subscript(ast.Name(name), index):
            yield name, [index]


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


def _fits(shape: Shape | None, wanted: Shape) -> bool:
    """Whether an array of a shape takes part in one of another, entry by entry; an unknown one may."""
    try:
        return shape is None or np.broadcast_shapes(shape, wanted) == wanted
    except ValueError:
        return False
