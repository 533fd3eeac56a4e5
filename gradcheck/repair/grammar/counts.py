"""Whole numbers: one more or less, so many times as large, farther on; at all places where one is read."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Collection, Iterator
from itertools import product

from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.rewrite import Alternative, Rule, on, rules
from gradcheck.repair.grammar.rewrites import is_count
from gradcheck.repair.scope import Scope
from gradcheck.repair.tree import inside, read, replaced

OFF: tuple[Rule, ...] = rules(
    "a", ["a - 1", "a + 1", "a * 2", "a / 2", "a ** 2"], 1.6, when=is_count
)
"""A number of steps or a size: one more, one less, half of it."""
HELD = (ast.Attribute, ast.Subscript)
"""What holds a stride, a dilation, a padding where no name does."""
TIMES = 1.5
"""The price of a count times another one: a stride, a dilation."""
FARTHER = 0.6
"""How much more far-fetched it is farther on by one: padding is rather cut off than left out of an index."""

BY = ((TIMES, ast.Mult()), (TIMES + FARTHER, ast.Add()), (TIMES + FARTHER, ast.Sub()))


@on(ast.Name)
def _by_another(node: ast.Name, scope: Scope) -> Iterator[Alternative]:
    """A count times another one at hand, or farther on by it."""
    for price, op, other in _counts(node, scope) if is_count(node, scope) else ():
        yield Alternative(ast.BinOp(node, op, other), price, slip.SHIFTED)


@on(ast.BinOp, ast.Call, ast.Tuple, ast.Slice)
def _everywhere(node: ast.expr, scope: Scope) -> Iterator[Alternative]:
    """The same wherever a count is read twice, as in `slice(j, j + k)`."""
    for one in _read_twice(node, scope.counts):
        for price, op, other in _counts(one, scope):
            new = replaced(node, one.id, ast.BinOp(one, op, other))
            yield Alternative(new, price + 0.1, slip.SHIFTED)


def _read_twice(node: ast.expr, names: Collection[str]) -> list[ast.Name]:
    """Which of these names are read more than once."""
    times = Counter(one.id for one in inside(node, ast.Name))
    return [read(name) for name in names if times[name] > 1]


def _counts(node: ast.Name, scope: Scope) -> Iterator[tuple[float, ast.operator, ast.expr]]:
    """Other whole numbers above 1 at hand, with each operation that an index is made with and its price."""
    several = [*map(read, (one for one in scope.counts if one != node.id)), *held_counts(scope)]
    for (price, op), one in product(BY, several):
        if scope.value(one) > 1:
            yield price, op, one


def held_counts(scope: Scope) -> Iterator[ast.expr]:
    """Whole numbers that are attributes or items."""
    return (one for one in scope.pool.operands if isinstance(one, HELD) and is_count(one, scope))


COUNTS: tuple[Rule, ...] = (*OFF, _by_another, _everywhere)
