"""Hypotheses about a normalization: a mean, a deviation or a length held constant, or with another factor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import EXPLAINED, FEWEST, INVARIANT, NAMED
from gradcheck.diagnosis.sizes import near, said, sizes_equal_to
from gradcheck.diagnosis.wrong import WrongGradient, named_axes, subsets
from gradcheck.result import Array, Finding


@dataclass(frozen=True)
class Group:
    """The entries that share a statistic, and what of each stands in its part of the gradient.

    `centred` is x − mean; x itself where moving all of a group together changes something, so that there
    is a size and no mean.
    """

    axes: tuple[int, ...]
    centred: Array
    has_a_mean: bool

    @staticmethod
    def of(s: WrongGradient, axes: tuple[int, ...]) -> Group:
        """The groups over some axes."""
        has_a_mean = _cancels(s.true, axes, INVARIANT)
        x = s.x.astype(np.float64)
        return Group(axes, x - has_a_mean * x.mean(axis=axes, keepdims=True), has_a_mean)

    @property
    def count(self) -> int:
        """How many entries a group has."""
        return int(np.prod([self.centred.shape[axis] for axis in self.axes]))

    def parts(self, s: WrongGradient) -> Iterator[tuple[str, Array]]:
        """What the error would be, fitted, if a mean, a variance or both were left out."""
        c, axes = self.centred, self.axes
        slope = (s.error * c).sum(axis=axes, keepdims=True) / (c * c).sum(axis=axes, keepdims=True)
        if self.has_a_mean:
            mean = s.error.mean(axis=axes, keepdims=True)
            yield "mean", mean + 0 * c
            yield "variance", slope * c
            # Two numbers fit any three that are centred.
            if self.count > FEWEST:
                yield "mean and variance", mean + slope * c
        # What is divided by a size of its own does not change with that size.
        elif _cancels(s.true * c, axes, EXPLAINED):
            yield "size", slope * c


def statistics(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is, in each group, a constant (the mean's part) or a multiple of x − mean."""
    # Large groups first: what is constant in them is so in smaller ones too.
    for axes in reversed(list(subsets(s.x.ndim)) if s.x.ndim > 1 else []):
        group = Group.of(s, axes)
        # What was fitted to a group is off by no more than its widest bound.
        doubt = s.bound.max(axis=axes, keepdims=True)
        for what, part in group.parts(s) if group.count >= FEWEST else ():
            if s.is_(s.measured.plus(part, doubt)):
                yield from _named(s, group, what)


def _named(s: WrongGradient, group: Group, what: str) -> Iterator[Finding]:
    """The statistic is held constant, unless its term can be seen to be there with another factor."""
    over = f"the {what} over {named_axes(group.axes)}"
    evidence = {"statistic": what, "axes": list(group.axes)}
    factors = [k for name, k in _factors_of_the_terms(s, group).items() if name in what]
    k = factors[0] if factors else 0.0
    if not factors:
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
    elif all(near(one, k) for one in factors):
        for equals in (*sizes_equal_to(s.context, k), None):
            yield Finding(
                "scaled",
                f"{s.name} has {k:.6g}{said(equals)} times the term that flows through {over}: its factor is "
                "wrong, the rest is right.",
                {**evidence, "factor": k, "equals": equals},
            )


def _factors_of_the_terms(s: WrongGradient, group: Group) -> dict[str, float]:
    """How often the gradient has each term, where one output tells it; empty where none does.

    Where an output has an input of its own, all others reach it through the statistics alone: by a
    constant through the mean, by a multiple of x − mean through the variance or the size.
    """
    if s.context.dy.shape != s.x.shape or group.count - 1 < FEWEST:
        return {}
    own = np.unravel_index(int(np.abs(group.centred).argmax()), s.x.shape)
    alone = np.zeros_like(s.context.dy)
    alone[own] = 1
    claimed = s.context.backward(alone)[s.position]
    if claimed is None or claimed.shape != s.x.shape:
        return {}
    numeric = s.context.witness(s.context.forward, alone).gradient(s.position)
    others = tuple(slice(None) if k in group.axes else slice(i, i + 1) for k, i in enumerate(own))
    beside = np.ones(s.x.shape, dtype=bool)
    beside[own] = False
    here = beside[others]
    c, true = group.centred[others][here], numeric.value[others][here]
    terms = np.stack([np.ones_like(c), c], axis=1)[:, 0 if group.has_a_mean else 1 :]
    (fitted, mine), left = _fit(terms, true, claimed[others][here].astype(np.float64))
    # Else an input reaches the output by another way too.
    slack = numeric.bound.max() + NAMED * np.abs(true).max(initial=0.0)
    if not fitted.all() or not agrees(left, np.zeros(()), slack).all():
        return {}
    names = ("mean", "variance") if group.has_a_mean else ("size",)
    return dict(zip(names, map(float, mine / fitted), strict=True))


def _fit(terms: Array, *values: Array) -> tuple[Array, Array]:
    """What several values have of each term, and what of them is left."""
    found = np.linalg.lstsq(terms, np.stack(values, axis=1), rcond=None)[0]
    return found.T, np.stack(values, axis=1) - terms @ found


def _cancels(values: Array, axes: tuple[int, ...], share: float) -> bool:
    """Whether no more than a share of the largest sum of absolute values is left in any sum over these axes."""
    return bool(np.abs(values.sum(axis=axes)).max() <= share * np.abs(values).sum(axis=axes).max())
