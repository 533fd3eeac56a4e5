"""What is missing where the true value is known: a term or a factor, a product of things at hand.

What a node should be worth is found by undoing what its statement does with it. What it lacks, a difference or a
quotient, is looked for among the products of up to three things at hand, entry by entry; nothing is run for it.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial, reduce
from itertools import chain, combinations_with_replacement, filterfalse, product
from typing import Any, NamedTuple

import numpy as np

from gradcheck.diagnosis.margins import FEWEST
from gradcheck.lines.names import grouped
from gradcheck.repair import slips as slip
from gradcheck.repair.grammar import Alternative
from gradcheck.repair.grammar.operands import Operand, once, operands
from gradcheck.repair.grammar.rewrites import OVER
from gradcheck.repair.places import Place, Slot
from gradcheck.repair.scope import Scope, shape_of
from gradcheck.repair.tree import expression, inside
from gradcheck.result import Array

ENTRIES = 12
"""Entries at which products are compared: of the millions that are tried none agrees at so many by chance."""
ALIKE = 1e-6
"""What agrees to so many digits is laid beside the bound afterwards: differences are hardly worse."""
FEW = 40
"""Things of which products of three are made, names and the nearest at hand: some thousand pairs of them."""
NAMES = 12
"""Arrays of which sums of products are made, the last that were given a value."""
SAID = 6
"""Products that are tried for one node, the simplest first."""
PRODUCTS = ast.Pass()
"""Stands for the products of matrices among what is known in a scope."""
PRICE = 4.0
"""As far-fetched as anything: it is looked for where nothing else does."""


def missing(place: Place) -> Iterator[Alternative]:
    """A node with the term or factor more by which its statement computes what is true."""
    own, true = place.scope.value(place.node), wanted(place)
    if true is not None and _are_alike(own, true):
        sure = _sure(place, true.shape)
        with np.errstate(all="ignore"):
            terms, factors = (np.where(sure, lack, 0.0) for lack in (true - own, true / own))
        yield from map(partial(_term, place.node), _added(place, terms))
        taken_away = partial(
            _Product.is_divided_by_any, nodes=[place.node, *_multiplied(place.statement)]
        )
        products = filterfalse(taken_away, _products(factors, place.scope))
        yield from map(partial(_factor, place.node), products)


def _multiplied(tree: ast.AST) -> list[ast.expr]:
    """What is multiplied by what: nobody divides by it again."""
    products = (one for one in inside(tree, ast.BinOp) if isinstance(one.op, ast.Mult))
    return [side for one in products for side in (one.left, one.right)]


def _are_alike(own: Any, true: Array) -> bool:
    """Whether a value is an array of floats of another one's shape."""
    return shape_of(own) == true.shape and np.asarray(own).dtype.kind == "f"


def _added(place: Place, lack: Array) -> Iterable[_Product]:
    """The products that are lacking; a multiple of what is there is a factor."""
    return filterfalse(partial(_Product.is_made_of, node=place.node), _products(lack, place.scope))


def _sure(place: Place, shape: tuple[int, ...]) -> Array:
    """Where the true value, and what it lacks, is known to more digits than are compared."""
    assert place.true is not None
    (true, bound), own = place.true, place.before
    sure = bound <= ALIKE / 10 * np.minimum(np.abs(true), np.abs(true - own))
    # The bound of what was solved for is only what would be seen of it.
    return sure if sure.shape == shape and sure.any() else np.ones(shape, dtype=bool)


def wanted(place: Place) -> Array | None:
    """What a node should be worth for its statement to compute what is true; None if that cannot be told."""
    if place.true is None or place.root is None:
        return None
    below = place.path[place.path.index(place.root) + 1 :]
    with np.errstate(all="ignore"):
        value: Array | None = place.true[0]
        for slot in below:
            value = _undone(value, slot, place.scope)
    return value


def _undone(value: Array | None, slot: Slot, scope: Scope) -> Array | None:
    """What stands in a slot if the expression around it is worth a value, and nothing is repeated by it."""
    parent = slot.parent
    if value is None or scope.shape(slot.node) != value.shape:
        return None
    if isinstance(parent, ast.BinOp):
        others = {"left": parent.right, "right": parent.left}
        return _without(parent.op, slot.name, value, scope.value(others.get(slot.name, parent)))
    return -value if isinstance(getattr(parent, "op", None), ast.USub) else None


def _without(op: ast.operator, side: str, value: Array, other: Any) -> Array | None:
    """The operand on one side from the value of an operation and the other operand."""
    undo = UNDONE.get((type(op), side))
    return None if undo is None or shape_of(other) is None else undo(value, np.asarray(other))


UNDONE: dict[tuple[type[ast.operator], str], Callable[[Array, Array], Array]] = {
    (ast.Add, "left"): lambda value, other: value - other,
    (ast.Add, "right"): lambda value, other: value - other,
    (ast.Sub, "left"): lambda value, other: value + other,
    (ast.Sub, "right"): lambda value, other: other - value,
    (ast.Mult, "left"): lambda value, other: value / other,
    (ast.Mult, "right"): lambda value, other: value / other,
    (ast.Div, "left"): lambda value, other: value * other,
    (ast.Div, "right"): lambda value, other: other / value,
}
"""How an operand is had from the value of an operation, by the side that it stands on."""


class _AtHand(NamedTuple):
    """An expression that may be a part of what is missing."""

    price: float
    node: ast.expr


class _Product(NamedTuple):
    """A product: what is multiplied, what it is divided by, and its sign."""

    above: Sequence[_AtHand]
    below: Sequence[_AtHand]
    negative: bool

    @property
    def price(self) -> float:
        """How far-fetched it is."""
        return PRICE + sum(price for price, _ in (*self.above, *self.below))

    @property
    def node(self) -> ast.expr:
        """As it is written, but for the sign."""
        first, *others = self.above or (_AtHand(0, ast.Constant(1)),)
        return _joined(_joined(first.node, ast.Mult(), others), ast.Div(), self.below)

    def is_made_of(self, node: ast.AST) -> bool:
        """Whether something is multiplied that is made of nothing but a node, entry by entry."""
        plain = (one for _, one in self.above if not inside(one, ast.Call))
        return _names(node) in map(_names, plain)

    def is_divided_by_any(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether one of these nodes is what it is divided by, or a factor of that."""
        below = {ast.dump(part) for _, one in self.below for part in (one, *_multiplied(one))}
        return not below.isdisjoint(map(ast.dump, nodes))


def _names(node: ast.AST) -> set[str]:
    return {one.id for one in inside(node, ast.Name)}


def _joined(node: ast.expr, op: ast.operator, by: Iterable[_AtHand]) -> ast.expr:
    """An expression and others, one after the other."""
    return reduce(lambda left, right: ast.BinOp(left, op, right.node), by, node)


def _term(node: ast.AST, found: _Product) -> Alternative:
    assert isinstance(node, ast.expr)
    new = ast.BinOp(node, ast.Sub() if found.negative else ast.Add(), found.node)
    return Alternative(new, found.price, slip.LEFT_TERM, found.node)


def _factor(node: ast.AST, found: _Product) -> Alternative:
    assert isinstance(node, ast.expr)
    more = _joined(_joined(node, ast.Mult(), found.above), ast.Div(), found.below)
    new = ast.UnaryOp(ast.USub(), more) if found.negative else more
    return Alternative(new, found.price, slip.LEFT_FACTOR, found.node)


@dataclass(frozen=True, eq=False)
class _Things:
    """What products are made of: expressions, and of each some entries, then those of its inverse.

    Of the first `nearest` rows of entries products of three are made.
    """

    parts: Sequence[_AtHand]
    entries: Array
    nearest: int

    def factors_of(self, value: Array) -> Iterator[_Product]:
        """The products of up to three things that have these entries."""
        for some in self._some():
            left = value / np.prod(self.entries[some], axis=1)
            for row, last in _alike(left, self.entries):
                negative = bool(left[row, 0] * self.entries[last, 0] < 0)
                yield self._product(sorted((*some[row].tolist(), last)), negative)

    def _some(self) -> Iterator[Array]:
        """No thing, one, or two: what is left over is one more."""
        yield np.zeros((1, 0), dtype=int)
        yield np.arange(len(self.entries))[:, None]
        pairs = [*combinations_with_replacement(range(min(len(self.entries), self.nearest)), 2)]
        yield np.array(pairs, dtype=int).reshape(-1, 2)

    def _product(self, several: Sequence[int], negative: bool) -> _Product:
        sides = grouped(several, lambda k: k % 2)
        above, below = ([self.parts[k // 2] for k in sides.get(side, ())] for side in (0, 1))
        return _Product(above, below, negative)


def _alike(several: Array, others: Array) -> Iterator[tuple[int, int]]:
    """Which rows are the same but for their sign, by number."""
    order = np.argsort(np.abs(others[:, 0]))
    sizes, found = np.abs(others[order, 0]), np.abs(several[:, 0])
    first = np.searchsorted(sizes, found * (1 - ALIKE))
    end = np.searchsorted(sizes, found * (1 + ALIKE), side="right")
    rows = np.repeat(np.arange(len(several)), end - first)
    places = np.concatenate([order[a:b] for a, b in zip(first, end, strict=True)])
    near = zip(rows.tolist(), places.tolist(), strict=True)
    yield from (pair for pair in near if _is_one(several[pair[0]] / others[pair[1]]))


def _is_one(ratios: Array) -> bool:
    """Whether all are 1, or all −1."""
    return bool(np.ptp(ratios) <= ALIKE and abs(abs(ratios[0]) - 1) <= ALIKE)


def _products(lack: Array, scope: Scope) -> list[_Product]:
    """The simplest products of things at hand that are what is lacking, each value once."""
    places = _telling(lack)
    if places is None:
        return []
    things = _things(scope, lack.shape, places)
    found = {ast.unparse(one.node): one for one in things.factors_of(lack[places])}
    return sorted(found.values(), key=lambda one: one.price)[:SAID]


def _telling(lack: Array) -> tuple[Array, ...] | None:
    """Entries of several sizes at which something is lacking; None if there are too few."""
    size = np.abs(np.where(np.isfinite(lack), lack, 0.0))
    counts = size > ALIKE * size.max(initial=0.0)
    several = np.unique(np.round(size[counts] / size.max(initial=1.0), 6), return_index=True)[1]
    if len(several) < FEWEST:
        return None
    chosen = np.random.default_rng(0).permutation(several)[:ENTRIES]
    return tuple(axis[chosen] for axis in np.nonzero(counts))


def _things(scope: Scope, shape: tuple[int, ...], places: tuple[Array, ...]) -> _Things:
    """What is at hand and repeats to a shape, at some places of it."""
    # A number is always at hand.
    parts, rows = zip(*_seen(scope, shape, places), strict=True)
    both = np.stack([rows, 1 / np.array(rows)], axis=1)
    return _Things(parts, both.reshape(2 * len(parts), -1), 2 * FEW)


def _seen(
    scope: Scope, shape: tuple[int, ...], places: tuple[Array, ...]
) -> Iterator[tuple[_AtHand, Array]]:
    """What is at hand, with its entries; no product is 0 there."""
    several = (one for one in _at_hand(scope, shape) if _repeats(scope.value(one.node), shape))
    for one in several:
        entries = _entries(scope.value(one.node), places)
        if np.isfinite(entries / entries).all():
            yield one, entries


def _repeats(value: Any, shape: tuple[int, ...]) -> bool:
    """Whether a value is numbers that are repeated to a shape."""
    own = shape_of(value)
    if own is None or not np.can_cast(np.asarray(value).dtype, np.float64, "same_kind"):
        return False
    with suppress(ValueError):
        return np.broadcast_shapes(own, shape) == shape
    return False


def _entries(value: Any, places: tuple[Array, ...]) -> Array:
    """Some entries of a value that is repeated where it has fewer axes, or shorter ones."""
    array = np.asarray(value, dtype=np.float64)
    own = zip(places[len(places) - array.ndim :], array.shape, strict=True)
    entries = array[tuple(place * (length > 1) for place, length in own)]
    return np.broadcast_to(entries, places[0].shape)


def _at_hand(scope: Scope, shape: tuple[int, ...]) -> list[_AtHand]:
    """What may be a part of what is missing, the nearest first."""
    plain = [_AtHand(one.price, one.node) for one in operands(scope)]
    own = [name for name in scope.arrays if scope.local[name].shape == shape][-NAMES:]
    summed = (_AtHand(PRICE, expression(text)) for text in _sums(own, len(shape)))
    several = chain(plain, _beside_one(plain), summed, _passed_back(scope, shape))
    return sorted(several, key=lambda one: one.price)


def _passed_back(scope: Scope, shape: tuple[int, ...]) -> Iterator[_AtHand]:
    """The products of matrices that have a shape."""
    several = once(scope, PRODUCTS, _matrix_products)
    return (_AtHand(one.price, one.node) for one in several if one.shape == shape)


def _matrix_products(scope: Scope) -> Iterator[Operand]:
    """Products of two matrices, or of one and a vector, as they are or turned: what goes back through a layer."""
    named = _named(scope)
    turned = [ast.Attribute(one, "T", ast.Load()) for one in named]
    for left, right in product([*named, *turned], repeat=2):
        shape = _shape_of_product(np.shape(scope.value(left)), np.shape(scope.value(right)))
        if shape:
            yield Operand(ast.BinOp(left, ast.MatMult(), right), PRICE, shape)


def _named(scope: Scope) -> list[ast.expr]:
    """The arrays at hand that have a name, or are an object's."""
    plain = (one.node for one in operands(scope) if isinstance(one.node, ast.Name | ast.Attribute))
    return [*filter(scope.shape, plain)]


def _shape_of_product(one: tuple[int, ...], other: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what a matrix makes of another one or of a vector; nothing if they do not fit."""
    return (one[0], *other[1:]) if len(one) == 2 >= len(other) and one[1:] == other[:1] else ()


def _beside_one(plain: Iterable[_AtHand]) -> Iterator[_AtHand]:
    """1 plus or minus what is computed."""
    computed = (one for one in plain if _is_computed(one.node))
    for (price, node), op in product(computed, (ast.Add(), ast.Sub())):
        yield _AtHand(price + 0.5, ast.BinOp(ast.Constant(1), op, node))


def _is_computed(node: ast.expr) -> bool:
    """Whether an expression is more than a name and a number, of which there are forms enough."""
    numbers = [isinstance(getattr(node, side, None), ast.Constant) for side in ("left", "right")]
    return isinstance(node, ast.Call | ast.BinOp) and not any(numbers)


def _sums(names: Sequence[str], count: int) -> Iterator[str]:
    """Sums and means of arrays of so many axes, and of products of two, over some axes, which are kept."""
    pairs = (f"({a} * {b})" for a, b in combinations_with_replacement(names, 2))
    for one, how, axis in product(chain(names, pairs), ("sum", "mean"), OVER.get(count, ())):
        yield f"{one}.{how}(axis={axis}, keepdims=True)"
