"""Hypotheses about a normalization: a mean, a deviation or a length held constant, or with another factor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import EXPLAINED, FEWEST, INVARIANT, NAMED
from gradcheck.diagnosis.sizes import code_of, near, said, sizes_or_none
from gradcheck.diagnosis.wrong import WrongGradient, named_axes, subsets
from gradcheck.result import Array, Finding

LARGEST = 10_000
"""Entries beyond which not every way is tried to cut an axis into groups."""


@dataclass(frozen=True)
class Layout:
    """How the entries are laid out where a statistic is taken: an axis may be cut into groups.

    `axes` are those of `shape` that it is taken over, `cut` the axis that was cut into two, if one was.
    """

    shape: tuple[int, ...]
    axes: tuple[int, ...]
    cut: int | None = None

    @property
    def whole(self) -> tuple[int, ...]:
        """The axes, as the input itself counts them."""
        before = (k if self.cut is None or k <= self.cut else k - 1 for k in self.axes)
        return tuple(before)

    @property
    def called(self) -> str:
        """The axes, and the groups along them, as a message names them."""
        over = named_axes(self.whole)
        if self.cut is None:
            return over
        first, second = self.shape[self.cut : self.cut + 2]
        groups = second if self.cut in self.axes else first
        return f"{over}, in {groups} groups along axis {self.cut}"


def layouts(shape: tuple[int, ...]) -> Iterator[Layout]:
    """Every set of axes, the larger ones first; then those of which one is in groups."""
    # Large groups first: what is constant in them is so in smaller ones too.
    for axes in reversed(list(subsets(len(shape)))):
        yield Layout(shape, axes)
    for parts, cut in _cut_in_two(shape) if math.prod(shape) <= LARGEST else ():
        for axes in reversed(list(subsets(len(parts)))):
            # Both parts are the whole axis, and neither is none of it.
            if (cut in axes) != (cut + 1 in axes):
                yield Layout(parts, axes, cut)


def _cut_in_two(shape: tuple[int, ...]) -> Iterator[tuple[tuple[int, ...], int]]:
    """The shapes in which one axis is cut into groups, with that axis."""
    for cut, length in enumerate(shape):
        for first in range(2, length // 2 + 1):
            if length % first == 0:
                yield (*shape[:cut], first, length // first, *shape[cut + 1 :]), cut


@dataclass(frozen=True)
class Group:
    """The entries that share a statistic, and what of each stands in its part of the gradient.

    `centred` is x − mean; x itself where moving all of a group together changes something, so that there
    is a size and no mean.
    """

    layout: Layout
    centred: Array
    has_a_mean: bool

    @staticmethod
    def of(s: WrongGradient, layout: Layout) -> Group:
        """The groups of a layout."""
        axes = layout.axes
        has_a_mean = cancels(s.true.reshape(layout.shape), axes, INVARIANT)
        x = s.x.astype(np.float64).reshape(layout.shape)
        return Group(layout, x - has_a_mean * x.mean(axis=axes, keepdims=True), has_a_mean)

    @property
    def count(self) -> int:
        """How many entries a group has."""
        return int(np.prod([self.centred.shape[axis] for axis in self.layout.axes]))

    def beside(self, entry: tuple[int, ...]) -> Array:
        """Which other entries are in one group with one of them."""
        inside = np.zeros(self.centred.shape, dtype=bool)
        axes = self.layout.axes
        inside[tuple(slice(None) if k in axes else i for k, i in enumerate(entry))] = True
        inside[entry] = False
        return inside

    @property
    def terms(self) -> dict[str, Array]:
        """What flows through each of its statistics is a multiple of this."""
        if self.has_a_mean:
            return {"mean": np.ones_like(self.centred), "variance": self.centred}
        return {"size": self.centred}

    def parts(self, s: WrongGradient) -> Iterator[tuple[str, Array]]:
        """What the error would be, fitted, if a mean, a variance or both were left out."""
        c, axes = self.centred, self.layout.axes
        error, shape = s.error.reshape(c.shape), s.true.shape
        slope = (error * c).sum(axis=axes, keepdims=True) / (c * c).sum(axis=axes, keepdims=True)
        if self.has_a_mean:
            mean = error.mean(axis=axes, keepdims=True)
            yield "mean", np.broadcast_to(mean, c.shape).reshape(shape)
            yield "variance", (slope * c).reshape(shape)
            # Two numbers fit any three that are centred.
            if self.count > FEWEST:
                yield "mean and variance", (mean + slope * c).reshape(shape)
        # What is divided by a size of its own does not change with that size.
        elif cancels(s.true.reshape(c.shape) * c, axes, EXPLAINED):
            yield "size", (slope * c).reshape(shape)

    def doubt(self, s: WrongGradient) -> Array:
        """In each group the widest bound: by no more is off what was fitted to a group."""
        bound = s.bound.reshape(self.centred.shape)
        widest = bound.max(axis=self.layout.axes, keepdims=True)
        return np.broadcast_to(widest, bound.shape).reshape(s.bound.shape)


def statistics(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is, in each group, a constant (the mean's part) or a multiple of x − mean."""
    for group in _groups(s) if s.x.ndim > 1 else ():
        for what, part in group.parts(s):
            if s.is_(s.measured.plus(part, group.doubt(s))):
                yield from _named(s, group, what)


def _groups(s: WrongGradient) -> Iterator[Group]:
    """The groups of every layout that have enough entries."""
    groups = (Group.of(s, layout) for layout in layouts(s.x.shape))
    return (group for group in groups if group.count >= FEWEST)


def _named(s: WrongGradient, group: Group, what: str) -> Iterator[Finding]:
    """The statistic is held constant, unless its term can be seen to be there with another factor."""
    over = f"the {what} over {group.layout.called}"
    evidence = {"statistic": what, "axes": list(group.layout.whole)}
    factors = np.array([k for name, k in _factors_of_the_terms(s, group).items() if name in what])
    if not factors.size:
        yield Finding(
            "statistics-held-constant",
            f"{s.name} is off by exactly what flows through {over}, which depends on x too: its term is "
            "left out, or has a wrong factor.",
            {**evidence, "or": "scaled"},
        )
    elif np.abs(factors).max() <= NAMED:
        yield Finding(
            "statistics-held-constant",
            f"{s.name} lacks exactly what flows through {over}: it depends on x too and must be "
            "differentiated.",
            evidence,
        )
    elif near(factors.min(), k := float(factors.max())):
        for equals in sizes_or_none(s.context, k):
            yield Finding(
                code_of(k),
                f"{s.name} has {k:.6g}{said(equals)} times the term that flows through {over}: its factor is "
                "wrong, the rest is right.",
                {**evidence, "factor": k, "equals": equals},
            )


def _factors_of_the_terms(s: WrongGradient, group: Group) -> dict[str, float]:
    """How often the gradient has each term, where one output tells it; empty where none does.

    Where an output has an input of its own, all others reach it through the statistics alone: by a
    constant through the mean, by a multiple of x − mean through the variance or the size.
    """
    dy, c = s.context.dy, group.centred
    # Two numbers fit any two that are beside one, and one fits one.
    if dy.shape != s.x.shape or group.count - 1 <= len(group.terms) or not _is_returned(s):
        return {}
    own = tuple(map(int, np.unravel_index(int(np.abs(c).argmax()), c.shape)))
    alone = np.zeros(c.shape, dy.dtype)
    alone[own] = 1
    answer = s.at_upstream(alone.reshape(dy.shape))
    return {} if answer is None else _fitted(s, group, own, alone.reshape(dy.shape), answer)


def _fitted(
    s: WrongGradient, group: Group, own: tuple[int, ...], alone: Array, answer: Array
) -> dict[str, float]:
    """How often the answer to one output alone has each term, beside the input that is the output's own."""
    numeric = s.context.witness(s.context.forward, alone).gradient(s.position)
    beside, shape = group.beside(own), group.centred.shape
    claimed, true = answer.reshape(shape)[beside], numeric.value.reshape(shape)[beside]
    terms = np.stack([term[beside] for term in group.terms.values()], axis=-1)
    fits, left = _fit(terms, claimed, true)
    # Else an input reaches the output by another way too.
    slack = numeric.bound.max() + NAMED * np.abs(true).max(initial=0.0)
    alike = agrees(answer.reshape(shape), numeric.value.reshape(shape), slack)
    # What reaches other groups is no factor: the statistic is taken over other axes.
    alike[beside] = agrees(left, np.zeros(()), slack).all()
    alike[own] = True
    known = fits[1].all() and alike.all()
    return dict(zip(group.terms, map(float, fits[0] / fits[1]), strict=True)) if known else {}


def _is_returned(s: WrongGradient) -> bool:
    """Whether it is what the backward pass returns here, and no gradient within it."""
    returned = s.at_upstream(s.context.dy)
    return returned is not None and np.array_equal(returned, s.claimed)


def _fit(terms: Array, *values: Array) -> tuple[Array, Array]:
    """What several values have of each term, and what of them is left."""
    several = np.stack(values, axis=1)
    found = np.linalg.lstsq(terms, several, rcond=None)[0]
    return found.T, several - terms @ found


def cancels(values: Array, axes: tuple[int, ...], share: float) -> bool:
    """Whether no more than a share of the largest sum of absolute values is left in any sum over these axes."""
    return bool(np.abs(values.sum(axis=axes)).max() <= share * np.abs(values).sum(axis=axes).max())
