"""Hypotheses about the places: the right numbers, transposed, reversed, moved, or exchanged."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import FEWEST, OVERLAP
from gradcheck.diagnosis.wrong import Measured, WrongGradient, named_axes, subsets
from gradcheck.result import Array, Finding

LARGEST = 10_000
"""Entries beyond which not all orders of reading are tried."""
PARTS = 8
"""Parts into which an axis is cut at most: gates, heads, halves."""


def swapped(s: WrongGradient) -> Iterator[Finding]:
    """It is the gradient of another input."""
    for other, x in enumerate(s.context.inputs):
        if other == s.position or x.shape != s.claimed.shape:
            continue
        compared = s.context.comparison(other)
        numeric = None if compared is None else compared.numeric
        if numeric is not None and s.is_(Measured.of(numeric)):
            yield Finding(
                "swapped",
                f"{s.name} is the gradient of {s.context.names[other]}: returned in the wrong order, or "
                "computed with the wrong factor.",
                {"gradient_of": s.context.names[other]},
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


def transposed(s: WrongGradient) -> Iterator[Finding]:
    """It is the transpose."""
    for order in itertools.permutations(range(s.true.ndim)):
        if order != tuple(range(s.true.ndim)) and s.is_(_transposed(s.measured, order)):
            yield Finding(
                "transposed",
                f"{s.name} is the transpose of the true gradient, which only a square shape lets pass.",
                {"axes": list(order)},
            )


def _transposed(measured: Measured, order: Sequence[int]) -> Measured:
    return measured.rearranged(lambda values: values.transpose(order))


def read_in_another_order(s: WrongGradient) -> Iterator[Finding]:
    """The right numbers, laid out by the rows where the columns belong, or with axes exchanged."""
    if s.true.ndim < 2 or s.true.size > LARGEST:
        return
    for mine, its in itertools.product(itertools.permutations(range(s.true.ndim)), repeat=2):
        if mine != its and s.is_(s.measured.rearranged(_relaid(mine, its))):
            yield Finding(
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
        if s.is_(_flipped(s.measured, axes)):
            yield Finding(
                "flipped",
                f"{s.name} is the true gradient with {named_axes(axes)} reversed.",
                {"axes": list(axes)},
            )


def _flipped(measured: Measured, axes: tuple[int, ...]) -> Measured:
    return measured.rearranged(lambda values: np.flip(values, axes))


def shifted(s: WrongGradient) -> Iterator[Finding]:
    """Moved by an index or two along one axis, or along two at once as padding does."""
    for count in (1, 2):
        for axes in itertools.combinations(range(s.true.ndim), count):
            for by in itertools.product((1, -1, 2, -2), repeat=count):
                model = _moved(s.measured, axes, by)
                beyond = np.abs(model.value) > model.bound + s.grain
                if np.count_nonzero(beyond & model.smooth) < 2 * FEWEST:
                    continue
                if s.is_(model, share=OVERLAP):
                    yield Finding(
                        "shifted",
                        f"{s.name} is the true gradient moved by {', '.join(map(str, by))} along "
                        f"{named_axes(axes)}: an index is off, or padding was cut off on the wrong side.",
                        {"axes": list(axes), "by": list(by)},
                    )


def _moved(measured: Measured, axes: Sequence[int], by: Sequence[int]) -> Measured:
    """Moved along some axes; what comes in from outside is not known, and so not smooth."""
    ndim = measured.value.ndim
    moves = [by[axes.index(axis)] if axis in axes else 0 for axis in range(ndim)]

    def move(values: Array) -> Array:
        moved = np.zeros_like(values)
        there = tuple(_part(k, n) for k, n in zip(moves, values.shape, strict=True))
        here = tuple(_part(-k, n) for k, n in zip(moves, values.shape, strict=True))
        moved[there] = values[here]
        return moved

    return measured.rearranged(move)


def _part(move: int, size: int) -> slice:
    """The part of an axis into which it still reaches when it is moved."""
    return slice(max(move, 0), max(size + min(move, 0), 0))
