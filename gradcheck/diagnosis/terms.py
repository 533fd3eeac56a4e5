"""Hypotheses about a gradient's terms: one too many, one left out, one with a factor of its own."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from gradcheck.compare import norm
from gradcheck.diagnosis.margins import EXPLAINED, FEWEST, INVARIANT, NAMED
from gradcheck.diagnosis.sizes import near, said, sizes_or_none
from gradcheck.diagnosis.statistics import cancels
from gradcheck.diagnosis.wrong import Models, WrongGradient, factor, fitted, named_axes, subsets
from gradcheck.result import Array, Finding


@fitted
def extra_term(s: WrongGradient) -> Models:
    """What is left over is a multiple of an input, of the upstream gradient, of a constant."""
    for name, term in _terms(s) if s.true.size >= FEWEST else ():
        k, model = s.plus_fitted(term)
        for equals in sizes_or_none(s.context, k):
            yield (
                model,
                Finding(
                    "extra-term",
                    f"{s.name} is the true gradient plus {k:.6g}{said(equals)} times {name}: a term too many or "
                    "too few (weight decay that the forward pass does not have?).",
                    {"factor": k, "term": name, "equals": equals},
                ),
            )


def without_upstream(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is there for an upstream gradient of zero too."""
    alone = s.at_upstream(np.zeros_like(s.context.dy))
    if alone is not None and alone.any() and s.is_(s.measured.plus(alone)):
        what = next(_multiples(s, alone), None)
        yield Finding(
            "extra-term",
            f"{s.name} is the true gradient plus a term that does not depend on the upstream gradient"
            f"{f', {what}' if what else ''}: backward of zeros is not zero (weight decay in the layer?).",
            {"upstream": False, "term": what},
        )


def upstream_squared(s: WrongGradient) -> Iterator[Finding]:
    """What is left over grows with the square of the upstream gradient."""
    twice = s.at_upstream(2 * s.context.dy)
    if twice is not None and s.is_(s.measured.plus(twice / 2 - s.claimed)):
        yield Finding(
            "wrong-variable",
            f"{s.name} is the true gradient plus a term that grows with the square of the upstream gradient: "
            "what is multiplied with it has been changed by it before, as weights that are updated first. "
            "Compute every gradient from the old values, then update.",
            {"upstream": "squared"},
        )


def _multiples(s: WrongGradient, term: Array) -> Iterator[str]:
    """What a term is a multiple of."""
    for name, other in _terms(s):
        k = factor(term, other)
        if k and np.allclose(term, k * other, rtol=NAMED, atol=0):
            yield f"{k:.6g} times {name}"


@fitted
def shared_term(s: WrongGradient) -> Models:
    """What is left over is the same all along some axes, where the gradient itself is not."""
    every = list(subsets(s.true.ndim))
    # Where moving all of them together changes nothing it would be a statistic's, and that has its own name.
    centred = [set(axes) for axes in every if cancels(s.true, axes, INVARIANT)]
    for axes in reversed(every):
        several = math.prod(s.true.shape[axis] for axis in axes) >= FEWEST
        if several and not any(more >= set(axes) for more in centred):
            shared, doubt = s.error.mean(axis=axes, keepdims=True), s.widest_bound(axes)
            yield (
                s.measured.plus(shared, doubt),
                Finding(
                    "extra-term",
                    f"{s.name} is off by a term that is the same all along {named_axes(axes)}: what flows through "
                    "a sum or a mean over them is left out, or has a wrong factor.",
                    {"axes": list(axes), "or": "scaled"},
                ),
            )


@fitted
def factor_in_one_term(s: WrongGradient) -> Models:
    """Two terms add up to the gradient, one a multiple of what is known, and the other has a factor."""
    n, a = s.at_smooth(s.true), s.at_smooth(s.claimed)
    for name, term in _terms(s):
        known = np.stack([n.ravel(), s.at_smooth(term).ravel()], axis=1)
        k, c = map(float, np.linalg.lstsq(known, a.ravel(), rcond=None)[0])
        # Both parts count: a factor of 1 leaves an extra term, no extra term leaves a factor.
        both = min(norm(k * n), norm(c * term)) > EXPLAINED * norm(a) and not near(k, 1)
        # Two numbers fit any gradient that takes two values.
        values = len(np.unique(np.round(known / s.size, 6), axis=0))
        if both and values >= 2 * FEWEST:
            doubt = norm(s.bound) * (np.abs(n) / norm(n) + np.abs(term) / norm(term))
            yield (
                s.measured.times(k).plus(c * term, doubt),
                Finding(
                    "scaled",
                    f"{s.name} is {k:.6g} times the true gradient plus {c:.6g} times {name}: one of its terms "
                    "has a factor that the other does not have.",
                    {"factor": k, "term": name, "of_term": c},
                ),
            )


def _terms(s: WrongGradient) -> Iterator[tuple[str, Array]]:
    """What has the gradient's shape and may have been added to it."""
    shape = s.claimed.shape
    inputs = list(zip(s.context.names, s.context.inputs, strict=False))
    floats = [(name, x) for name, x in inputs if x.dtype.kind == "f"]
    known = [*floats, ("a constant", np.ones(shape)), ("the upstream gradient", s.context.dy)]
    yield from ((name, x) for name, x in known if x.shape == shape)
    for name, x in inputs:
        if shape and x.shape == shape[:-1] and _counts_below(x, shape[-1]):
            yield f"1 at each of the {name}, 0 elsewhere", np.eye(shape[-1])[x]


def _counts_below(x: Array, limit: int) -> bool:
    """Whether x holds labels or indices below a limit."""
    return x.ndim > 0 and x.dtype.kind in "iu" and bool(np.isin(x, np.arange(limit)).all())
