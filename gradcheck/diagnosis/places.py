"""Hypotheses about the places: the right numbers, transposed, reversed, moved, or exchanged."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.wrong import (
    FEWEST,
    WrongGradient,
    named_axes,
    subsets,
)
from gradcheck.result import Finding


def swapped(s: WrongGradient) -> Finding | None:
    """It is the gradient of another input."""
    for other, true in s.context.true.items():
        if other != s.position and true.shape == s.claimed.shape and s.is_(true):
            return Finding(
                "swapped",
                f"{s.name} is the gradient of {s.context.names[other]}: returned in the wrong order, or "
                "computed with the wrong factor.",
                {"gradient_of": s.context.names[other]},
            )
    return None


def parts_swapped(s: WrongGradient) -> Finding | None:
    """Cut into equal parts along an axis (gates, heads, halves), some hold the gradient of others."""
    slack = 4 * s.bound.max(initial=0.0) + s.grain
    for axis, size in enumerate(s.true.shape):
        for count in (k for k in range(2, min(size, 8) + 1) if size % k == 0):
            if s.true.size // count < FEWEST:
                continue
            a, n = np.split(s.claimed, count, axis), np.split(s.true, count, axis)
            found = [[np.abs(p - q).max() <= slack for q in n] for p in a]
            order = [row.index(True) for row in found if sum(row) == 1]
            if sorted(order) == list(range(count)) != order:
                return Finding(
                    "swapped",
                    f"{s.name} has parts in the wrong place: cut into {count} along axis {axis}, they are "
                    f"parts {', '.join(map(str, order))} of the true gradient.",
                    {"axis": axis, "order": order},
                )
    return None


def transposed(s: WrongGradient) -> Finding | None:
    """It is the transpose."""
    for order in itertools.permutations(range(s.true.ndim)):
        if order != tuple(range(s.true.ndim)) and s.is_(s.true.transpose(order)):
            return Finding(
                "transposed",
                f"{s.name} is the transpose of the true gradient, which only a square shape lets pass.",
                {"axes": list(order)},
            )
    return None


def read_in_another_order(s: WrongGradient) -> Finding | None:
    """The right numbers, laid out by the rows where the columns belong, or with axes exchanged."""
    if s.true.ndim < 2 or s.true.size > 10_000:
        return None
    orders = list(itertools.permutations(range(s.true.ndim)))
    for mine, its in itertools.product(orders, orders):
        if mine == its:
            continue
        laid = np.empty_like(s.true)
        laid.transpose(mine)[...] = s.true.transpose(its).reshape([s.true.shape[k] for k in mine])
        if s.is_(laid):
            return Finding(
                "transposed",
                f"{s.name} holds the right numbers in the wrong order: somewhere they are read along other "
                "axes than they were written (a reshape where a transpose belongs?).",
                {"order": [list(mine), list(its)]},
            )
    return None


def flipped(s: WrongGradient) -> Finding | None:
    """One or several axes are reversed."""
    for axes in subsets(s.true.ndim):
        if s.is_(np.flip(s.true, axes)):
            return Finding(
                "flipped",
                f"{s.name} is the true gradient with {named_axes(axes)} reversed.",
                {"axes": list(axes)},
            )
    return None


def shifted(s: WrongGradient) -> Finding | None:
    """Moved by an index or two along one axis, or along two at once as padding does."""
    for axes in itertools.chain(*(itertools.combinations(range(s.true.ndim), k) for k in (1, 2))):
        for by in itertools.product((1, -1, 2, -2), repeat=len(axes)):
            here = tuple(
                _overlapping(axes, by, axis, s.true.shape[axis]) for axis in range(s.true.ndim)
            )
            there = tuple(
                _overlapping(axes, tuple(-k for k in by), axis, s.true.shape[axis])
                for axis in range(s.true.ndim)
            )
            a, n = s.claimed[here], s.true[there]
            if np.count_nonzero(n) < 2 * FEWEST or n.size < s.true.size / 4:
                continue
            if (np.abs(a - n) <= 8 * s.bound.max() + s.grain).all():
                return Finding(
                    "shifted",
                    f"{s.name} is the true gradient moved by {', '.join(map(str, by))} along "
                    f"{named_axes(axes)}: an index is off, or padding was cut off on the wrong side.",
                    {"axes": list(axes), "by": list(by)},
                )
    return None


def _overlapping(axes: Sequence[int], by: Sequence[int], axis: int, size: int) -> slice:
    """The part of one axis that, moved, still lies within it."""
    move = by[axes.index(axis)] if axis in axes else 0
    return slice(max(move, 0), size + min(move, 0))
