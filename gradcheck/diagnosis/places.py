"""Hypotheses about the places: the right numbers, transposed, reversed, moved, or exchanged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import FEWEST, OVERLAP
from gradcheck.diagnosis.wrong import FEW, Measured, WrongGradient, named_axes, orders, subsets
from gradcheck.result import Array, Finding

BY = (1, -1, 2, -2)
"""Indices by which a gradient is moved to see whether it then is right."""
LARGEST = 10_000
"""Entries beyond which not all orders of reading are tried; of many axes there are too many pairs of orders."""
PARTS = 8
"""Parts into which an axis is cut at most: gates, heads, halves."""


def swapped(s: WrongGradient) -> Iterator[Finding]:
    """It is the gradient of another input."""
    for other, name in enumerate(s.context.names):
        if other != s.position and s.x_of(other).shape == s.claimed.shape:
            yield from s.if_it_is(
                s.context.measured(other),
                "swapped",
                f"{s.name} is the gradient of {name}: returned in the wrong order, or computed with the wrong "
                "factor.",
                {"gradient_of": name},
            )


def parts_swapped(s: WrongGradient) -> Iterator[Finding]:
    """Cut into equal parts along an axis (gates, heads, halves), some hold the gradient of others."""
    for axis, count in _ways_to_cut(s.true):
        order = _order_of_parts(s, axis, count)
        if order and order != sorted(order):
            yield Finding(
                "swapped",
                f"{s.name} has parts in the wrong place: cut into {count} along axis {axis}, they "
                f"are parts {', '.join(map(str, order))} of the true gradient.",
                {"axis": axis, "order": order},
            )


def _ways_to_cut(a: Array) -> Iterator[tuple[int, int]]:
    """Axes and counts of equal parts, none too small to be known again."""
    for axis, count in itertools.product(range(a.ndim), range(2, PARTS + 1)):
        if a.shape[axis] % count == 0 and a.size // count >= FEWEST:
            yield axis, count


def _order_of_parts(s: WrongGradient, axis: int, count: int) -> list[int] | None:
    """Which part of the true gradient stands in the place of each, if just one may in each."""
    bounds = s.bound + s.grain
    claimed, true, bound, smooth = (
        np.split(x, count, axis) for x in (s.claimed, s.true, bounds, s.smooth)
    )
    same = np.zeros((count, count), dtype=bool)
    for mine, its in np.ndindex(count, count):
        seen = smooth[mine] & smooth[its]
        alike = agrees(claimed[mine], true[its], bound[its])[seen]
        same[mine, its] = alike.size and alike.all()
    is_order = (same.sum(axis=0) == 1).all() and (same.sum(axis=1) == 1).all()
    return same.argmax(axis=1).tolist() if is_order else None


def transposed(s: WrongGradient) -> Iterator[Finding]:
    """It is the transpose."""
    for order in orders(s.true.ndim):
        yield from s.if_it_is(
            s.measured.rearranged(partial(np.transpose, axes=order)),
            "transposed",
            f"{s.name} is the transpose of the true gradient, which only a square shape lets pass.",
            {"axes": list(order)},
        )


def read_in_another_order(s: WrongGradient) -> Iterator[Finding]:
    """The right numbers, laid out by the rows where the columns belong, or with axes exchanged."""
    tried = s.true.size <= LARGEST and s.true.ndim < FEW
    for mine, its in itertools.permutations(orders(s.true.ndim) if tried else (), 2):
        yield from s.if_it_is(
            s.measured.rearranged(_relaid(mine, its)),
            "transposed",
            f"{s.name} holds the right numbers in the wrong order: somewhere they are read along "
            "other axes than they were written (a reshape where a transpose belongs?).",
            {"order": [list(mine), list(its)]},
        )


def _relaid(mine: Sequence[int], its: Sequence[int]) -> Callable[[Array], Array]:
    """Read with the axes in the order `its`, written with them in the order `mine`."""

    def move(values: Array) -> Array:
        laid = np.empty_like(values)
        laid.transpose(mine)[...] = values.transpose(its).reshape([values.shape[k] for k in mine])
        return laid

    return move


def flipped(s: WrongGradient) -> Iterator[Finding]:
    """One or several axes are reversed."""
    for axes in subsets(s.true.ndim):
        yield from s.if_it_is(
            s.measured.rearranged(partial(np.flip, axis=axes)),
            "flipped",
            f"{s.name} is the true gradient with {named_axes(axes)} reversed.",
            {"axes": list(axes)},
        )


def shifted(s: WrongGradient) -> Iterator[Finding]:
    """Moved by an index or two along one axis, or along two at once as padding does."""
    for axes, by in _moves(s.true.shape):
        model = _moved(s.measured, axes, by)
        beyond = (np.abs(model.value) > model.bound + s.grain) & model.smooth
        if beyond.sum() >= 2 * FEWEST and s.is_(model, share=OVERLAP):
            yield Finding(
                "shifted",
                f"{s.name} is the true gradient moved by {', '.join(map(str, by))} along "
                f"{named_axes(axes)}: an index is off, or padding was cut off on the wrong side.",
                {"axes": list(axes), "by": list(by)},
            )


def _moves(shape: Sequence[int]) -> Iterator[tuple[Sequence[int], Sequence[int]]]:
    """Axes and by how much to move along them: along one that is no longer than that nothing would stay."""
    within = [[by for by in BY if abs(by) < size] for size in shape]
    for axes in subsets(len(shape), most=2):
        for by in itertools.product(*map(within.__getitem__, axes)):
            yield axes, by


def _moved(measured: Measured, axes: Sequence[int], by: Sequence[int]) -> Measured:
    """Moved along some axes; what comes in from outside is not known, and so not smooth."""
    moves = np.zeros(measured.value.ndim, dtype=int)
    moves[list(axes)] = by

    def move(values: Array) -> Array:
        moved = np.zeros_like(values)
        moved[tuple(map(_part, moves, values.shape))] = values[
            tuple(map(_part, -moves, values.shape))
        ]
        return moved

    return measured.rearranged(move)


def _part(move: int, size: int) -> slice:
    """The part of an axis into which it still reaches when it is moved."""
    return slice(max(move, 0), max(size + min(move, 0), 0))
