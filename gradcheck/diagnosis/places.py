"""Hypotheses about the places: the right numbers, transposed, reversed, moved, or exchanged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import FEWEST, OVERLAP
from gradcheck.diagnosis.wrong import Measured, Models, WrongGradient, fitted, named_axes, subsets
from gradcheck.result import Array, Finding

BY = (1, -1, 2, -2)
"""Indices by which a gradient is moved to see whether it then is right."""
LARGEST = 10_000
"""Entries beyond which not all orders of reading are tried."""
PARTS = 8
"""Parts into which an axis is cut at most: gates, heads, halves."""


@fitted
def swapped(s: WrongGradient) -> Models:
    """It is the gradient of another input."""
    for other, name in enumerate(s.context.names):
        if other != s.position and s.x_of(other).shape == s.claimed.shape:
            yield (
                s.context.measured(other),
                Finding(
                    "swapped",
                    f"{s.name} is the gradient of {name}: returned in the wrong order, or computed with the wrong "
                    "factor.",
                    {"gradient_of": name},
                ),
            )


def parts_swapped(s: WrongGradient) -> Iterator[Finding]:
    """Cut into equal parts along an axis (gates, heads, halves), some hold the gradient of others."""
    for axis, size in enumerate(s.true.shape):
        for count in (k for k in range(2, min(size, PARTS) + 1) if size % k == 0):
            order = _order_of_parts(s, axis, count) if s.true.size // count >= FEWEST else None
            if order is not None:
                yield Finding(
                    "swapped",
                    f"{s.name} has parts in the wrong place: cut into {count} along axis {axis}, they "
                    f"are parts {', '.join(map(str, order))} of the true gradient.",
                    {"axis": axis, "order": order},
                )


def _order_of_parts(s: WrongGradient, axis: int, count: int) -> list[int] | None:
    """Which part of the true gradient stands in the place of each, if they are just exchanged."""

    def parts(values: Array) -> list[Array]:
        return np.split(values, count, axis)

    claimed, here = parts(s.claimed), parts(s.smooth)
    true = list(zip(parts(s.true), parts(s.bound + s.grain), parts(s.smooth), strict=True))
    order = []
    for a, mine in zip(claimed, here, strict=True):
        same = [
            bool((mine & its).any() and agrees(a, n, bound)[mine & its].all())
            for n, bound, its in true
        ]
        if sum(same) == 1:
            order.append(same.index(True))
    return order if sorted(order) == list(range(count)) != order else None


@fitted
def transposed(s: WrongGradient) -> Models:
    """It is the transpose."""
    for order in itertools.permutations(range(s.true.ndim)):
        yield (
            s.measured.rearranged(partial(np.transpose, axes=order)),
            Finding(
                "transposed",
                f"{s.name} is the transpose of the true gradient, which only a square shape lets pass.",
                {"axes": list(order)},
            ),
        )


@fitted
def read_in_another_order(s: WrongGradient) -> Models:
    """The right numbers, laid out by the rows where the columns belong, or with axes exchanged."""
    orders = list(itertools.permutations(range(s.true.ndim if s.true.size <= LARGEST else 0)))
    for mine, its in itertools.permutations(orders, 2):
        yield (
            s.measured.rearranged(_relaid(mine, its)),
            Finding(
                "transposed",
                f"{s.name} holds the right numbers in the wrong order: somewhere they are read along "
                "other axes than they were written (a reshape where a transpose belongs?).",
                {"order": [list(mine), list(its)]},
            ),
        )


def _relaid(mine: Sequence[int], its: Sequence[int]) -> Callable[[Array], Array]:
    """Read with the axes in the order `its`, written with them in the order `mine`."""

    def move(values: Array) -> Array:
        laid = np.empty_like(values)
        laid.transpose(mine)[...] = values.transpose(its).reshape([values.shape[k] for k in mine])
        return laid

    return move


@fitted
def flipped(s: WrongGradient) -> Models:
    """One or several axes are reversed."""
    for axes in subsets(s.true.ndim):
        yield (
            s.measured.rearranged(partial(np.flip, axis=axes)),
            Finding(
                "flipped",
                f"{s.name} is the true gradient with {named_axes(axes)} reversed.",
                {"axes": list(axes)},
            ),
        )


def shifted(s: WrongGradient) -> Iterator[Finding]:
    """Moved by an index or two along one axis, or along two at once as padding does."""
    several = [axes for axes in subsets(s.true.ndim) if len(axes) <= 2]
    moves = ((axes, by) for axes in several for by in itertools.product(BY, repeat=len(axes)))
    for axes, by in moves:
        model = _moved(s.measured, axes, by)
        beyond = (np.abs(model.value) > model.bound + s.grain) & model.smooth
        if beyond.sum() >= 2 * FEWEST and s.is_(model, share=OVERLAP):
            yield Finding(
                "shifted",
                f"{s.name} is the true gradient moved by {', '.join(map(str, by))} along "
                f"{named_axes(axes)}: an index is off, or padding was cut off on the wrong side.",
                {"axes": list(axes), "by": list(by)},
            )


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
