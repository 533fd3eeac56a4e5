"""Shares, which add up to 1 as those of a softmax do: each depends on all, and not on its own input alone."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

import numpy as np

from gradcheck.repair import slips as slip
from gradcheck.repair.grammar.rewrite import Alternative, Bound, Rule, filled, fits, on
from gradcheck.repair.scope import Scope
from gradcheck.repair.tree import expression
from gradcheck.result import Array

DIAGONAL = [*map(expression, (
    "a * b * (1 - b)", "b * a * (1 - b)", "b * (1 - b) * a", "a * (b * (1 - b))", "(b - b * b) * a",
    "a * (b - b * b)", "(b - b ** 2) * a", "a * (b - b ** 2)", "b * (a - a * b)", "b * (a - b * a)",
))]  # fmt: skip
"""What comes back through shares b if each depended on its own input alone; a is what came to them."""
WEIGHTED = [*map(expression, ("a - b * a", "a - a * b", "a * (1 - b)", "(1 - b) * a"))]
"""The same where a holds the shares as a factor already."""


@on(ast.BinOp)
def _of_all(node: ast.BinOp, scope: Scope) -> Iterator[Alternative]:
    """The derivative of a softmax for that of a sigmoid: what flows through the sum comes back too."""
    for patterns, meant in (
        (DIAGONAL, "b * (a - (a * b).sum(axis={}, keepdims=True))"),
        (WEIGHTED, "a - b * a.sum(axis={}, keepdims=True)"),
    ):
        for bound in _read_as(node, patterns):
            for axis in _axes_of_shares(bound["b"], scope):
                yield Alternative(filled(expression(meant.format(axis)), bound), 0.9, slip.SHARES)


def _read_as(node: ast.expr, patterns: Iterable[ast.expr]) -> Iterator[Bound]:
    """What the letters stand for in each pattern that a node is written as."""
    for pattern in patterns:
        bound: Bound = {}
        if fits(pattern, node, bound):
            yield bound


def _axes_of_shares(node: ast.expr, scope: Scope) -> list[int]:
    """The axes along which the numbers of an array are shares."""
    value = np.asarray(scope.value(node))
    return [axis for axis in range(-1, -1 - value.ndim, -1) if _are_shares(value, axis)]


def _are_shares(value: Array, axis: int) -> bool:
    """Whether there are several numbers along an axis, none negative, that add up to 1."""
    several = value.dtype.kind == "f" and value.shape[axis] > 1
    return several and np.allclose(np.sum([value, np.abs(value)], axis=axis), 1)


SHARES: tuple[Rule, ...] = (_of_all,)
"""The Jacobian of a softmax, of which people take the diagonal."""
