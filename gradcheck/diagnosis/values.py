"""Hypotheses about the values: zero, a factor, a term too many or too few, a part left out or wrong."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.diagnosis.margins import FEWEST, INVARIANT
from gradcheck.diagnosis.sizes import near, sizes_equal_to, small_number, written
from gradcheck.diagnosis.wrong import (
    Measured,
    WrongGradient,
    broadcast_axes,
    factor,
    named_axes,
    others,
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


def averaged(s: WrongGradient) -> Iterator[Finding]:
    """It is averaged where a broadcast input adds up."""
    fitted, model = s.times_itself()
    k, axes = float(fitted.sum()), broadcast_axes(s)
    copies = float(np.prod([s.context.dy.shape[axis] for axis in axes]))
    if axes and k > 0 and near(1 / k, copies) and s.is_(model):
        yield Finding(
            "averaged",
            f"{s.name} is averaged over {named_axes(axes)} of the output instead of summed: exactly "
            f"{written(k)} times the true gradient. Every copy of a broadcast input adds its gradient.",
            {"factor": k, "axes": list(axes)},
        )


def scaled(s: WrongGradient) -> Iterator[Finding]:
    """It is a multiple of the true gradient, and a size at hand may be the factor."""
    fitted, model = s.times_itself()
    k = float(fitted.sum())
    if k == 0 or not s.is_(model):
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


def scaled_by_input(s: WrongGradient) -> Iterator[Finding]:
    """Along one axis each slice has a factor of its own, and it is an input or its reciprocal."""
    for axis, size in enumerate(s.true.shape):
        if size < 2 or s.true.size < 2 * size:
            continue
        k, model = s.times_itself(others(s.true.ndim, axis))
        if not s.is_(model):
            continue
        for what, vector in _vectors(s, size):
            if np.all([near(a, b) for a, b in zip(k.ravel(), vector, strict=True)]):
                name = what.strip("1/²")
                yield Finding(
                    "scaled",
                    f"{s.name} is exactly {what} times the true gradient: {name} is missing, or applied "
                    "too often.",
                    {"factor": what, "equals": what},
                )


def _vectors(s: WrongGradient, size: int) -> Iterator[tuple[str, Array]]:
    """Inputs of one axis of this size, and what a factor of them may be."""
    for name, x in zip(s.context.names, s.context.inputs, strict=False):
        if x.shape == (size,) and x.dtype.kind == "f":
            yield from (
                (name, x),
                (f"1/{name}", 1 / x),
                (f"{name}²", x**2),
                (f"1/{name}²", x**-2.0),
            )


def extra_term(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is a multiple of an input, of the upstream gradient, of a constant."""
    if s.true.size < FEWEST:
        return
    for name, term in _terms(s):
        k, model = s.plus_fitted(term)
        if k is not None and s.is_(model):
            yield Finding(
                "extra-term",
                f"{s.name} is the true gradient plus {k:.6g} times {name}: a term too many or too few "
                "(weight decay that the forward pass does not have?).",
                {"factor": k, "term": name},
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
        if len(shape) > 1 and x.shape == shape[:-1] and _counts_below(x, shape[-1]):
            yield f"1 at each of the {name}, 0 elsewhere", np.eye(shape[-1])[x]


def _counts_below(x: Array, limit: int) -> bool:
    """Whether x holds labels or indices below a limit."""
    whole = x.dtype.kind in "iu" and x.size > 0
    return whole and bool(x.min() >= 0 and x.max() < limit)


def statistics(s: WrongGradient) -> Iterator[Finding]:
    """What is left over is, in each group, a constant (the mean's part) or a multiple of x − mean."""
    if s.x.ndim < 2 or not s.x.shape == s.claimed.shape == s.context.dy.shape:
        return
    for axes in _groups(s.x.ndim):
        for what, part in _flows_through(s, axes):
            # What was fitted to a group is off by no more than its widest bound.
            doubt = s.bound.max(axis=axes, keepdims=True)
            if s.is_(s.measured.plus(part, doubt)):
                yield Finding(
                    "statistics-held-constant",
                    f"{s.name} is off by exactly what flows through the {what} over {named_axes(axes)}: "
                    f"the {what} depends on x too and must be differentiated, with the right factor.",
                    {"statistic": what, "axes": list(axes)},
                )


def _groups(ndim: int) -> list[tuple[int, ...]]:
    """Axes over which normalizations take their statistics: batch, layer, instance, group."""
    groups = [tuple(range(ndim - 1)), (ndim - 1,)]
    return groups + ([tuple(range(1, ndim - 1)), tuple(range(1, ndim))] if ndim > 2 else [])


def _flows_through(s: WrongGradient, axes: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """What the error would be, fitted, if a mean, a variance or both over these axes were left out."""
    x, error = s.x, s.error
    if np.prod([x.shape[axis] for axis in axes]) <= FEWEST:
        return
    # A mean over these axes exists only if moving all of a group together changes nothing.
    kept = np.abs(s.true.sum(axis=axes)).max()
    centred = kept <= INVARIANT * np.abs(s.true).sum(axis=axes).max()
    c = x - x.mean(axis=axes, keepdims=True) if centred else x
    mean = error.mean(axis=axes, keepdims=True)
    slope = (error * c).sum(axis=axes, keepdims=True) / (c * c).sum(axis=axes, keepdims=True)
    if centred:
        yield "mean", mean + 0 * error
    yield "variance", slope * c
    if centred:
        yield "mean and variance", mean + slope * c


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
