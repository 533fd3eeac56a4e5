"""Names: another that holds the same kind of thing, one item of several, a size; at one place or two."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import product

import numpy as np

from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.rewrite import Alternative, Rule, on, priced
from gradcheck.repair.grammar.rewrites import is_count
from gradcheck.repair.scope import Scope, shape_of
from gradcheck.repair.tree import expression, inside, read, replaced

COMPUTED = (ast.BinOp, ast.Call, ast.Subscript, ast.Attribute, ast.Tuple)
READ = (ast.Name, ast.Call, ast.Subscript, ast.Attribute)


@on(ast.Name)
def _other_name(node: ast.Name, scope: Scope) -> Iterator[Alternative]:
    """Another name that holds data; what looks alike and holds the same kind of thing is likelier."""
    for other in scope.others(node.id):
        own, value = (scope.everything.get(name) for name in (node.id, other))
        alike = shape_of(own) == shape_of(value) and _alike(node.id, other)
        likely = _likely(other, scope, 1.4 - 0.4 * alike)
        yield Alternative(read(other), _price(likely, own, value), slip.OTHER_VALUE)


@on(*COMPUTED)
def _name_for_more(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """A name, where something is computed or written out: k for size[0] * size[1], stride for (1, 1)."""
    own = scope.value(node)
    for name in scope.names:
        value = scope.local[name]
        if _fits_in(value, own):
            likely = _likely(name, scope, 1.6)
            yield Alternative(read(name), _price(likely, own, value), slip.OTHER_VALUE)


def _likely(name: str, scope: Scope, otherwise: float) -> float:
    """The price of a name: a small one of what is given a value and read nowhere, being meant for something."""
    return min(0.9, otherwise) if name in scope.pool.unread else otherwise


def _fits_in(value: object, own: object) -> bool:
    """Whether a value has the shape of what is computed, or the length of the tuple."""
    return shape_of(own) in (shape_of(value), ()) and _length(own) == _length(value)


def _length(value: object) -> int | None:
    """How long a tuple is."""
    return len(value) if isinstance(value, tuple) else None


KINDS = ((np.ndarray, np.generic, float), (int, float))
"""Things of which one may stand for another."""


def _price(likely: float, a: object, b: object) -> float:
    """How far-fetched one value is for another: more than likely if it is not of the same kind."""
    alike = type(a) is type(b) or any(isinstance(a, kind) and isinstance(b, kind) for kind in KINDS)
    return likely if alike else 1.9


def _alike(one: str, other: str) -> bool:
    """Whether names have a beginning or an end in common: h and h_prev, dx and x."""
    short, long = sorted((one, other), key=len)
    return long.startswith(short) or long.endswith(short)


@on(ast.Name)
def _as_counted_elsewhere(node: ast.Name, scope: Scope) -> Iterable[Alternative]:
    """What a whole number is part of elsewhere, another whole number: stride * i for i."""
    counts = [one for one in scope.pool.operands if _counts_by(one, scope)]
    others = counts if type(scope.value(node)) is int else ()
    return priced((one for one in others if node.id in _names_in(one)), 1.5, slip.SHIFTED)


def _counts_by(node: ast.expr, scope: Scope) -> bool:
    """Whether a whole number is computed."""
    return isinstance(node, ast.BinOp) and type(scope.value(node)) is int


def _names_in(node: ast.expr) -> set[str]:
    return {name.id for name in inside(node, ast.Name)}


@on(ast.Name)
def _item_for_a_name(node: ast.Name, scope: Scope) -> Iterable[Alternative]:
    """An item of a list or array, as it is read elsewhere, for a name: hs[t] for h."""
    return priced(scope.alike(node, ast.Subscript), 1.7, slip.OTHER_VALUE)


@on(ast.Attribute)
def _other_attribute(node: ast.Attribute, scope: Scope) -> Iterable[Alternative]:
    """Another attribute of an object."""
    return priced(scope.alike(node, ast.Attribute), 1.3, slip.OTHER_VALUE)


@on(ast.Subscript)
def _item_of_another(node: ast.Subscript, scope: Scope) -> Iterable[Alternative]:
    """An item of another list: outs[t] for states[t]."""
    held = map(read, scope.lists if isinstance(node.value, ast.Name) else ())
    several = product(held, (node.slice, *scope.pool.indices))
    items = (ast.Subscript(name, index, ast.Load()) for name, index in several)
    return priced(items, 1.8, slip.OTHER_VALUE)


WHOLE = (int, np.int64)
"""What is counted, by Python or by NumPy."""


@on(ast.Constant, ast.Name, ast.Subscript, ast.Call)
def _size_for_a_number(node: ast.expr, scope: Scope) -> Iterable[Alternative]:
    """A size, where a number is written that it may have been once, or another size."""
    # A fraction that has a name of its own is a rate.
    kinds = WHOLE if isinstance(node, ast.Name) else (float, *WHOLE)
    return priced(scope.sizes if type(scope.value(node)) in kinds else (), 1.6)


@on(ast.BinOp, ast.Slice)
def _read_twice(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """Another variable wherever one is read twice, as in a (1 - a), i:i + k; or no call around it, no index."""
    read_here = Counter(map(ast.unparse, inside(node, *READ)))
    for text, _ in filter(_is_repeated, read_here.items()):
        for other in _instead(expression(text), scope):
            yield Alternative(replaced(node, text, other), 1.7, slip.OTHER_VALUES)


def _is_repeated(counted: tuple[str, int]) -> bool:
    return counted[1] > 1


def _instead(one: ast.expr, scope: Scope) -> Iterator[ast.expr]:
    """What may stand in place of an array: what it is made of, names and items of its shape."""
    match one:
        case ast.Call(_, [inner, *_]) | ast.Subscript(inner):
            yield inner
    names = scope.counts if is_count(one, scope) else scope.same_shape(one)
    yield from (*map(read, names), *scope.alike(one, ast.Subscript))


@on(ast.BinOp)
def _same_parts(node: ast.BinOp, scope: Scope) -> Iterator[Alternative]:
    """The whole where the same part of several arrays is taken: x.T @ dy for x[:1].T @ dy[:1]."""
    written = ast.unparse(node)
    for part in scope.pool.parts:
        if written.count(part) > 1:
            yield Alternative(expression(written.replace(part, "")), 1.7, slip.PART)


NAMED: tuple[Rule, ...] = (
    _other_name,
    _as_counted_elsewhere,
    _item_for_a_name,
    _other_attribute,
    _item_of_another,
    _name_for_more,
    _size_for_a_number,
)
TWICE: tuple[Rule, ...] = (_read_twice, _same_parts)
