"""Indices: another one, none, a slice with other ends or another step, all slices moved alike."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from itertools import chain, product

import numpy as np

from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.counts import held_counts
from gradcheck.repair.grammar.rewrite import (
    Alternative,
    Bound,
    Rule,
    filled,
    fits,
    on,
    priced,
    rules,
)
from gradcheck.repair.grammar.rewrites import has_axes
from gradcheck.repair.scope import Scope
from gradcheck.repair.tree import expression, is_read, read

Change = tuple[ast.AST, ast.AST]
"""From a pattern to a template."""


def _other_index(node: ast.AST, scope: Scope) -> Iterator[Alternative]:
    """Another index, where something is read or written."""
    match node:
        case ast.Subscript(value, index, context):
            price = 1.5 if is_read(node) else 2
            for other in scope.pool.indices:
                at = ast.Subscript(value, other, context)
                yield Alternative(
                    at, price, slip.OTHER_VALUE if _is_key(other) else slip.OTHER_ITEM
                )
            for name, other in _moved(index, scope):
                # What is read nowhere was meant for something.
                meant = 0.9 if name in scope.pool.unread else 1.8
                yield Alternative(ast.Subscript(value, other, context), meant, slip.OTHER_ITEM)


def _is_key(index: ast.expr) -> bool:
    """Whether an index is a word: what stands under another one is another value, and no other place."""
    return isinstance(index, ast.Constant) and isinstance(index.value, str)


@on(ast.Subscript)
def _other_key(node: ast.Subscript, scope: Scope) -> Iterable[Alternative]:
    """What a dict holds under another key, whether that is written anywhere or not."""
    held = scope.value(node.value) if _is_key(node.slice) else {}
    keys = (
        [ast.Constant(k) for k, v in held.items() if isinstance(v, np.ndarray)]
        if isinstance(held, dict)
        else []
    )
    return priced((ast.Subscript(node.value, key, node.ctx) for key in keys), 1.3, slip.OTHER_VALUE)


@on(ast.Subscript)
def _counted_here(node: ast.Subscript, scope: Scope) -> Iterator[Alternative]:
    """A name by which something else is indexed, where a number is written: the channel for the first one."""
    items = getattr(node.slice, "elts", [node.slice])
    names = (
        sorted(scope.pool.indexing.intersection(scope.counts))
        if has_axes(node.value, scope)
        else ()
    )
    for k, name in product(range(len(items)), names):
        if isinstance(items[k], ast.Constant) and type(items[k].value) is int:
            several = [*items[:k], read(name), *items[k + 1 :]]
            index = ast.Tuple(several, ast.Load()) if len(items) > 1 else several[0]
            yield Alternative(ast.Subscript(node.value, index, node.ctx), 1.4, slip.OTHER_ITEM)


@on(ast.Subscript)
def _whole(node: ast.Subscript, scope: Scope) -> Iterable[Alternative]:
    """All of an array of which a part is read."""
    part = isinstance(node.slice, ast.Slice | ast.Tuple)
    return priced([node.value], 1.2, slip.PART if part else slip.OTHER_VALUE)


@on(ast.Slice)
def _other_ends(node: ast.Slice, scope: Scope) -> Iterator[Alternative]:
    """A slice with another end or step, or with none."""
    ends = [node.lower, node.upper, node.step]
    for k, end in enumerate(ends):
        for other in (None, *_ends(end, scope)):
            others = [*ends[:k], other, *ends[k + 1 :]]
            yield Alternative(ast.Slice(*others), 1.5)


def _ends(end: ast.expr | None, scope: Scope) -> Iterable[ast.expr]:
    """Where a slice may end: at a number, where another one does, so much farther on."""
    counts = list(map(read, scope.counts))
    farther = [ast.BinOp(end, ast.Add(), count) for count in counts] if end is not None else []
    return chain((expression("1"), expression("-1")), scope.pool.ends, counts, farther)


def _slices(*texts: str) -> list[Change]:
    """Changes of slices, as they are written between brackets."""
    several = (f"_[{text.replace(' → ', '], _[')}]" for text in texts)
    return [tuple(item.slice for item in expression(text).elts) for text in several]  # type: ignore[attr-defined]


PARTS = [_slices(one) for one in (":b → b:", "b: → :b", "-b: → :b", ":b → -b:")]
"""What is on the other side of a cut, or as long at the other end."""


@on(ast.Slice)
def _other_part(node: ast.Slice, scope: Scope) -> Iterator[Alternative]:
    """The other of two parts, of states and inputs put together say."""
    parts = (_changed(node, one, {}) for one in PARTS)
    return priced((part for part in parts if part is not node), 1.2, slip.OTHER_ITEM)


COUNTED = _slices("a:b:c → a * c:b * c:c", ":b:c → :b * c:c", "a::c → a * c::c")
MOVES = (
    _slices("a:b → a + k:b + k", ":b → k:b + k", "a: → a + k:-k"),
    _slices("a:b → a - k:b - k", ":b → :b - k", "a: → a - k:"),
    _slices("a:a + b → a * k:a * k + b", "a:b + a → a * k:b + a * k"),
    _slices("a:b → k:-k", ":b → k:-k", "a: → k:-k"),
)
"""Farther on by a number, back, beginning at so many times the beginning, or so much in from both ends."""


@on(ast.Slice)
def _counted_in_steps(node: ast.Slice, scope: Scope) -> Iterable[Alternative]:
    """A slice whose ends are counted in steps."""
    return priced([_changed(node, COUNTED, {})], 2)


def _changed(node: ast.expr, changes: list[Change], also: Bound) -> ast.expr:
    """A node by the first change whose pattern it fits; as it is if it fits none."""
    for pattern, template in changes:
        bound: Bound = {}
        if fits(pattern, node, bound):
            changed: ast.expr = filled(template, bound | also)
            return changed
    return node


def _moved(index: ast.expr, scope: Scope) -> Iterator[tuple[str, ast.expr]]:
    """An index with all its slices moved alike by a number at hand, and that: an image is cut along two axes.

    What an object holds is its padding, where a name may be the last turn of a loop.
    """
    if isinstance(index, ast.Tuple):
        for number, move in product([*held_counts(scope), *map(read, scope.counts)], MOVES):
            moved = [_changed(one, move, {"k": number}) for one in index.elts]
            yield ast.unparse(number), ast.Tuple(moved, ast.Load())


INDEXABLE = (ast.Name, ast.Call, ast.Subscript, ast.Attribute, ast.UnaryOp)


@on(*INDEXABLE)
def _indexed_as_elsewhere(node: ast.expr, scope: Scope) -> Iterable[Alternative]:
    """An index that is written elsewhere, where there is none."""
    indices = scope.pool.indices if has_axes(node, scope) else ()
    return priced([ast.Subscript(node, o, ast.Load()) for o in indices], 2, slip.OTHER_VALUE)


PAIRED = ("np.add.at(a, [b, K], [c, -c])", "np.add.at(a, [b, K], [c, c])")


@on(ast.AugAssign)
def _both_of_a_pair(node: ast.AugAssign, scope: Scope) -> Iterator[Alternative]:
    """What is added to one of two is taken off the other, or added to it too: the gradient of a difference."""
    mine = ast.unparse(getattr(node.target, "slice", node.target))
    known = [ast.unparse(one) for one in scope.pool.indices]
    others = [one for one in known if one in scope.counts and one != mine]
    for other, text in product(others, PAIRED):
        (rewrite,) = rules("a[b] += c", [text.replace("K", other)], 2, slip.LEFT_TERM, about="c")
        yield from rewrite(node, scope)


INDICES: tuple[Rule, ...] = (
    _whole,
    _other_index,
    _other_key,
    _counted_here,
    _other_ends,
    _other_part,
    _counted_in_steps,
    _indexed_as_elsewhere,
    _both_of_a_pair,
)
