"""Hypotheses about the values: zero, a factor, a term too many or too few, a part left out or wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.compare import norm
from gradcheck.diagnosis.margins import EXPLAINED, FEWEST, INEXACT, NAMED, SMALL
from gradcheck.diagnosis.sizes import near, sizes_equal_to, small_number, written
from gradcheck.diagnosis.wrong import (
    Measured,
    WrongGradient,
    factor,
    factors,
    named_axes,
    others,
    subsets,
)
from gradcheck.result import Array, Finding


def zero(s: WrongGradient) -> Iterator[Finding]:
    """It is zero, and should not be."""
    if not s.claimed.any():
        yield Finding(
            "zero",
            f"{s.name} is zero everywhere, the true gradient is not: is it computed and returned at "
            "all, or allocated and never filled?",
            {"true_norm": float(np.linalg.norm(s.true))},
        )


def sign(s: WrongGradient) -> Iterator[Finding]:
    """It is the negative."""
    if s.is_(s.measured.times(-1.0)):
        yield Finding(
            "sign-flipped",
            f"{s.name} is the negative of the true gradient: look for a minus too many or too few.",
            {"factor": -1.0},
        )


def scaled(s: WrongGradient) -> Iterator[Finding]:
    """It is a multiple of the true gradient, and a size at hand may be the factor."""
    fitted, model = s.times_itself()
    k = float(fitted.sum())
    # A factor that is all but 1 is an inexactness.
    if k == 0 or abs(k - 1) <= INEXACT or not s.is_(model):
        return
    plain = small_number(k)
    for size in sizes_equal_to(s.context, k):
        guess = f", which may be {size}" if plain else f", and that is {size}"
        yield _scaled(s, k, size, guess)
    if plain or np.count_nonzero(s.true) >= FEWEST:
        yield _scaled(s, k, plain or None, "")


def _scaled(s: WrongGradient, k: float, equals: str | None, guess: str) -> Finding:
    return Finding(
        "scaled",
        f"{s.name} is exactly {written(k)} times the true gradient{guess}: look for a factor that is "
        "missing, doubled or upside down.",
        {"factor": k, "equals": equals},
    )


def scaled_by_vector(s: WrongGradient) -> Iterator[Finding]:
    """Along one axis each slice has a factor of its own: a gain, a deviation, a length."""
    return _scaled_by_input(s, lambda x: x.ndim == 1)


def scaled_by_array(s: WrongGradient) -> Iterator[Finding]:
    """Each entry has a factor of its own, which is another input's."""
    return _scaled_by_input(s, lambda x: x.ndim > 1)


def _scaled_by_input(s: WrongGradient, which: Callable[[Array], bool]) -> Iterator[Finding]:
    """It is the true gradient times an input, or a function of one, and a number."""
    if np.count_nonzero(s.true) < FEWEST:
        return
    for name, what, vector in _weights(s, which):
        model = s.measured.times(vector)
        c = factor(s.error + np.where(s.smooth, s.true, 0.0), np.where(s.smooth, model.value, 0.0))
        if c is None or not s.is_(model.times(c)):
            continue
        for equals in (None,) if near(c, 1) else (*sizes_equal_to(s.context, c), None):
            times = "" if near(c, 1) else f" and {equals or f'{c:.6g}'}"
            yield Finding(
                "scaled",
                f"{s.name} is exactly {what}{times} times the true gradient: {name} is missing, or applied "
                "too often.",
                {"factor": c, "equals": equals, "of": what},
            )


WEIGHTS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("{}", lambda x: x),
    ("1/{}", lambda x: 1 / x),
    ("{}²", lambda x: x**2),
    ("1/{}²", lambda x: x**-2.0),
    ("exp {}", np.exp),
    ("exp −{}", lambda x: np.exp(-x)),
)
"""What a gradient is multiplied by where an input is a gain, a deviation, a length, or the log of one."""


def _weights(s: WrongGradient, which: Callable[[Array], bool]) -> Iterator[tuple[str, str, Array]]:
    """Inputs that can be laid along the gradient, and what they may be multiplied with as."""
    for name, x in zip(s.context.names, s.context.inputs, strict=False):
        if x.dtype.kind not in "fiu" or not which(x) or np.ptp(x) == 0:
            continue
        for shape in _alignments(x.shape, s.true.shape):
            for form, of in WEIGHTS:
                weight = np.broadcast_to(of(x.astype(np.float64)).reshape(shape), s.true.shape)
                if np.isfinite(weight).all():
                    yield name, form.format(name), weight


def _alignments(shape: tuple[int, ...], whole: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """The shapes in which an array can be laid along a larger one: as it is, or along one axis."""
    if len(shape) == 1:
        for axis in (k for k, length in enumerate(whole) if length == shape[0]):
            yield (*(1,) * axis, shape[0], *(1,) * (len(whole) - axis - 1))
    elif len(shape) == len(whole) and all(a in (1, b) for a, b in zip(shape, whole, strict=True)):
        yield shape


def extra_term(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is a multiple of an input, of the upstream gradient, of a constant."""
    if s.true.size < FEWEST:
        return
    for name, term in _terms(s):
        k, model = s.plus_fitted(term)
        if k is not None and s.is_(model):
            for equals in (*sizes_equal_to(s.context, k), None):
                yield Finding(
                    "extra-term",
                    f"{s.name} is the true gradient plus {k:.6g}{f' ({equals})' if equals else ''} times "
                    f"{name}: a term too many or too few (weight decay that the forward pass does not "
                    "have?).",
                    {"factor": k, "term": name, "equals": equals},
                )


def without_upstream(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is there for an upstream gradient of zero too."""
    alone = _at_upstream(s, 0)
    if alone is None or not alone.any() or not s.is_(s.measured.plus(alone)):
        return
    what = next(_multiples(s, alone), None)
    yield Finding(
        "extra-term",
        f"{s.name} is the true gradient plus a term that does not depend on the upstream gradient"
        f"{f', {what}' if what else ''}: backward of zeros is not zero (weight decay in the layer?).",
        {"upstream": False, "term": what},
    )


def upstream_squared(s: WrongGradient) -> Iterator[Finding]:
    """What is left over grows with the square of the upstream gradient."""
    twice = _at_upstream(s, 2)
    if twice is not None and s.is_(s.measured.plus(twice / 2 - s.claimed)):
        yield Finding(
            "wrong-variable",
            f"{s.name} is the true gradient plus a term that grows with the square of the upstream gradient: "
            "what is multiplied with it has been changed by it before, as weights that are updated first. "
            "Compute every gradient from the old values, then update.",
            {"upstream": "squared"},
        )


def _at_upstream(s: WrongGradient, times: int) -> Array | None:
    """The hand-derived gradient for a multiple of the upstream gradient."""
    found = s.context.backward(times * s.context.dy)[s.position]
    fits = found is not None and found.shape == s.true.shape and np.isfinite(found).all()
    return found if fits else None


def _multiples(s: WrongGradient, term: Array) -> Iterator[str]:
    """What a term is a multiple of."""
    for name, other in _terms(s):
        k = factor(term, other)
        if k is not None and np.allclose(term, k * other, rtol=NAMED, atol=0):
            yield f"{k:.6g} times {name}"


def shared_term(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is the same all along some axes, where the gradient itself is not."""
    for axes in reversed(list(subsets(s.true.ndim))):
        count = math.prod(s.true.shape[axis] for axis in axes)
        shared = s.error.mean(axis=axes, keepdims=True) + np.zeros(s.true.shape)
        doubt = s.bound.max(axis=axes, keepdims=True)
        if count >= FEWEST and s.is_(s.measured.plus(shared, doubt)):
            yield Finding(
                "extra-term",
                f"{s.name} is off by a term that is the same all along {named_axes(axes)}: what flows through "
                "a sum or a mean over them is left out, or has a wrong factor.",
                {"axes": list(axes), "or": "scaled"},
            )


def factor_in_one_term(s: WrongGradient) -> Iterator[Finding]:
    """Two terms add up to the gradient, one a multiple of what is known, and the other has a factor."""
    if s.true.size < 2 * FEWEST:
        return
    n, a = np.where(s.smooth, s.true, 0.0), np.where(s.smooth, s.claimed, 0.0)
    for name, term in _terms(s):
        known = np.stack([n.ravel(), np.where(s.smooth, term, 0.0).ravel()], axis=1)
        (k, c), _, rank, _ = np.linalg.lstsq(known, a.ravel(), rcond=None)
        # Both parts count: a factor of 1 leaves an extra term, no extra term leaves a factor.
        parts = norm(k * n), norm(c * term)
        # Two numbers fit any gradient that takes two values.
        if np.unique(np.round(known / s.size, 6), axis=0).shape[0] < 2 * FEWEST:
            continue
        if rank < 2 or near(k, 1) or min(parts) <= EXPLAINED * norm(a):
            continue
        doubt = norm(s.bound) * (np.abs(n) / norm(n) + np.abs(term) / norm(term))
        if s.is_(s.measured.times(float(k)).plus(c * term, doubt)):
            yield Finding(
                "scaled",
                f"{s.name} is {k:.6g} times the true gradient plus {c:.6g} times {name}: one of its terms "
                "has a factor that the other does not have.",
                {"factor": float(k), "term": name, "of_term": float(c)},
            )


def inexact(s: WrongGradient) -> Iterator[Finding]:
    """Right to many digits at every entry, and no further."""
    n, error = np.abs(s.true), np.abs(s.error)
    # Entry by entry, but for what is small beside the others.
    if s.smooth.any() and (error <= INEXACT * np.maximum(n, SMALL * s.size)).all():
        off = norm(error) / norm(n)
        yield Finding(
            "inexact",
            f"{s.name} is right to about {off:.0e} and no further: look for an ε, a clip or a rounded "
            "constant that only one of the two passes has.",
            {"relative_error": off},
        )


def _terms(s: WrongGradient) -> Iterator[tuple[str, Array]]:
    """What has the gradient's shape and may have been added to it."""
    shape = s.claimed.shape
    inputs = list(zip(s.context.names, s.context.inputs, strict=False))
    yield from ((name, x) for name, x in inputs if x.shape == shape and x.dtype.kind == "f")
    yield "a constant", np.ones(shape)
    if s.context.dy.shape == shape:
        yield "the upstream gradient", s.context.dy
    for name, x in inputs:
        if _are_labels(x, shape):
            yield f"1 at each of the {name}, 0 elsewhere", np.eye(shape[-1])[x]


def _are_labels(x: Array, shape: tuple[int, ...]) -> bool:
    """Whether x holds a label for each row of an array of a shape: an index along its last axis."""
    return len(shape) > 1 and x.shape == shape[:-1] and _counts_below(x, shape[-1])


def _counts_below(x: Array, limit: int) -> bool:
    """Whether x holds labels or indices below a limit."""
    whole = x.dtype.kind in "iu" and x.size > 0
    return whole and bool(x.min() >= 0 and x.max() < limit)


def by_the_sign(s: WrongGradient) -> Iterator[Finding]:
    """On either side of zero of its input it has a factor of its own."""
    above = s.smooth & (s.x > 0)
    below = s.smooth & (s.x < 0)
    if min(above.sum(), below.sum()) < FEWEST or not s.wrong.any():
        return
    k, m = (float(factors(s.claimed[side], s.true[side]).sum()) for side in (above, below))
    if s.is_(s.measured.times(np.where(s.x > 0, k, m))):
        name = s.name[1:]
        yield Finding(
            "partial",
            f"{s.name} is {written(k)} times the true gradient where {name} > 0, and {written(m)} times "
            f"where {name} < 0: one side is treated differently, or both are exchanged.",
            {"above": k, "below": m},
        )


def partial(s: WrongGradient) -> Iterator[Finding]:
    """All that is wrong lies in some slices of one axis, and there it is wrong throughout."""
    for axis, size in enumerate(s.true.shape):
        indices = np.flatnonzero(s.wrong.any(axis=others(s.true.ndim, axis)))
        if not _is_a_part(indices, size, s.true.ndim):
            continue
        if s.wrong.take(indices, axis).mean() < 0.5:
            continue
        listed = ", ".join(map(str, indices[:8]))
        yield Finding(
            "partial",
            f"{s.name} is wrong only at index {listed} of axis {axis} (size {size})"
            f"{_factor_within(s, axis, indices)}: one part (a gate, a channel, a border, a step) is "
            "treated differently.",
            {"axis": axis, "indices": [int(i) for i in indices]},
        )


def _is_a_part(indices: Array, size: int, ndim: int) -> bool:
    """Whether these indices are few; along a single axis scattered entries are no part of anything."""
    if size < 2 or not 0 < len(indices) <= size // 2:
        return False
    return ndim > 1 or bool(indices[-1] - indices[0] < len(indices))


def _factor_within(s: WrongGradient, axis: int, indices: Array) -> str:
    """How the wrong part compares with the true one, if a factor tells it."""

    def cut(values: Array) -> Array:
        return values.take(indices, axis)

    part = Measured(cut(s.true), cut(s.bound), cut(s.smooth))
    inside = WrongGradient(
        s.context, s.position, cut(s.claimed), part.value, part.bound, part.smooth
    )
    k = factor(inside.claimed, part.value)
    if k is None or part.value.size < FEWEST or not inside.is_(inside.times_itself()[1]):
        return ""
    return f", where it is {written(k)} times the true gradient"
