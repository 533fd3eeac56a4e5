"""Hypotheses about a gradient's terms: one too many, one left out, one with a factor of its own."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.compare import norm
from gradcheck.diagnosis.margins import EXPLAINED, FEWEST, INVARIANT, NAMED
from gradcheck.diagnosis.sizes import near, said, sizes_or_none
from gradcheck.diagnosis.statistics import cancels
from gradcheck.diagnosis.wrong import WrongGradient, factor, named_axes, subsets
from gradcheck.result import Array, Finding


def extra_term(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is a multiple of an input, of the upstream gradient, of a constant."""
    for name, term in _terms(s) if s.true.size >= FEWEST else ():
        k, model = s.plus_fitted(term)
        for equals in sizes_or_none(s.context, k):
            yield from s.if_it_is(
                model,
                "extra-term",
                f"{s.name} is the true gradient plus {k:.6g}{said(equals)} times {name}: a term too many or "
                "too few (weight decay that the forward pass does not have?).",
                {"factor": k, "term": name, "equals": equals},
            )


def without_upstream(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is there for an upstream gradient of zero too."""
    alone = s.at_upstream(np.zeros_like(s.context.dy))
    if alone is not None and alone.any():
        what = next(_multiples(s, alone), None)
        yield from s.if_it_is(
            s.measured.plus(alone),
            "extra-term",
            f"{s.name} is the true gradient plus a term that does not depend on the upstream gradient"
            f"{f', {what}' if what else ''}: backward of zeros is not zero (weight decay in the layer?).",
            {"upstream": False, "term": what},
        )


def upstream_squared(s: WrongGradient) -> Iterator[Finding]:
    """What is left over grows with the square of the upstream gradient."""
    twice = s.at_upstream(2 * s.context.dy)
    if twice is not None:
        yield from s.if_it_is(
            s.measured.plus(twice / 2 - s.claimed),
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


def shared_term(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is the same all along some axes, where the gradient itself is not."""
    several = (axes for axes in _summed_axes(s) if np.take(s.true.shape, axes).prod() >= FEWEST)
    for axes in several:
        shared, doubt = s.error.mean(axis=axes, keepdims=True), s.widest_bound(axes)
        yield from s.if_it_is(
            s.measured.plus(shared, doubt),
            "extra-term",
            f"{s.name} is off by a term that is the same all along {named_axes(axes)}: what flows through "
            "a sum or a mean over them is left out, or has a wrong factor.",
            {"axes": list(axes), "or": "scaled"},
        )


def _summed_axes(s: WrongGradient) -> Iterator[tuple[int, ...]]:
    """Axes over which a sum may be taken, many first.

    Where moving all of them together changes nothing it would be a statistic's, and that has its own name.
    """
    centred: list[set[int]] = []
    for axes in reversed(list(subsets(s.true.ndim))):
        if cancels(s.true, axes, INVARIANT):
            centred.append(set(axes))
        elif not any(more > set(axes) for more in centred):
            yield axes


def factor_in_one_term(s: WrongGradient) -> Iterator[Finding]:
    """Two terms add up to the gradient, one a multiple of what is known, and the other has a factor."""
    n, a = s.at_smooth(s.true), s.at_smooth(s.claimed)
    for name, term in _terms(s):
        known = np.stack([n.ravel(), s.at_smooth(term).ravel()], axis=1)
        k, c = map(float, np.linalg.lstsq(known, a.ravel(), rcond=None)[0])
        # Both parts count: a factor of 1 leaves an extra term, no extra term leaves a factor.
        both = min(norm(k * n), norm(c * term)) > EXPLAINED * norm(a) and not near(k, 1)
        # Two numbers fit any gradient that takes two values.
        if both and len(np.unique(np.round(known / s.size, 6), axis=0)) >= 2 * FEWEST:
            doubt = norm(s.bound) * (np.abs(n) / norm(n) + np.abs(term) / norm(term))
            yield from s.if_it_is(
                s.measured.times(k).plus(c * term, doubt),
                "scaled",
                f"{s.name} is {k:.6g} times the true gradient plus {c:.6g} times {name}: one of its terms "
                "has a factor that the other does not have.",
                {"factor": k, "term": name, "of_term": c},
            )


def _terms(s: WrongGradient) -> Iterator[tuple[str, Array]]:
    """What has the gradient's shape and may have been added to it."""
    shape = s.claimed.shape
    floats = [(name, x) for name, x in s.context.named_inputs if x.dtype.kind == "f"]
    known = [*floats, ("a constant", np.ones(shape)), ("the upstream gradient", s.context.dy)]
    yield from ((name, x) for name, x in known if x.shape == shape)
    yield from _one_hot(s)


def _one_hot(s: WrongGradient) -> Iterator[tuple[str, Array]]:
    """Labels, as the rows of the gradient would hold them."""
    for name, x in _labels(s):
        yield f"1 at each of the {name}, 0 elsewhere", np.eye(s.claimed.shape[-1])[x]


def _labels(s: WrongGradient) -> Iterator[tuple[str, Array]]:
    """The inputs that hold a label for each row of the gradient."""
    shape = s.claimed.shape
    return ((n, x) for n, x in s.context.named_inputs if _are_labels_of_its_rows(x, shape))


def at_its_labels(s: WrongGradient) -> Iterator[Finding]:
    """Wrong at the right class of its rows alone, and at most of these."""
    for name, x in _labels(s):
        there = np.eye(s.claimed.shape[-1], dtype=bool)[x]
        if np.array_equal(s.wrong, s.wrong & there) and s.wrong.sum() > max(FEWEST, x.size / 2):
            yield Finding(
                "partial",
                f"{s.name} is wrong only at the right class of each row, that in {name}: what flows into it "
                "alone is left out, or is not what it should be.",
                {"of": name, "indices": []},
            )


def _are_labels_of_its_rows(x: Array, shape: tuple[int, ...]) -> bool:
    """Whether x holds a label for each row of an array of this shape, an index along its last axis."""
    if x.dtype.kind not in "iu" or x.ndim == 0 or x.shape != shape[:-1]:
        return False
    return bool(np.isin(x, np.arange(shape[-1])).all())
