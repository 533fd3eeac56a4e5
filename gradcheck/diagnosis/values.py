"""Hypotheses about the values: zero, a factor, right but for some digits, or wrong in a part alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from gradcheck.compare import norm
from gradcheck.diagnosis.margins import FEWEST, INEXACT, SMALL
from gradcheck.diagnosis.sizes import near, sizes_equal_to, sizes_or_none, small_number, written
from gradcheck.diagnosis.wrong import Models, WrongGradient, factor, fitted, others
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


@fitted
def sign(s: WrongGradient) -> Models:
    """It is the negative."""
    yield (
        s.measured.times(-1.0),
        Finding(
            "sign-flipped",
            f"{s.name} is the negative of the true gradient: look for a minus too many or too few.",
            {"factor": -1.0},
        ),
    )


@fitted
def scaled(s: WrongGradient) -> Models:
    """It is a multiple of the true gradient, and a size at hand may be the factor."""
    k, model = s.times_itself()
    # A factor that is all but 1 is an inexactness.
    if abs(k - 1) > INEXACT:
        plain = small_number(k)
        guess = ", which may be {}" if plain else ", and that is {}"
        for size in sizes_equal_to(s.context, k):
            yield model, _scaled(s, k, size, guess.format(size))
        if plain or np.count_nonzero(s.true) >= FEWEST:
            yield model, _scaled(s, k, plain or None, "")


def _scaled(s: WrongGradient, k: float, equals: str | None, guess: str) -> Finding:
    return Finding(
        "scaled",
        f"{s.name} is exactly {written(k)} times the true gradient{guess}: look for a factor that is "
        "missing, doubled or upside down.",
        {"factor": k, "equals": equals},
    )


@fitted
def scaled_by_vector(s: WrongGradient) -> Models:
    """Along one axis each slice has a factor of its own: a gain, a deviation, a length."""
    return _scaled_by_input(s, lambda x: x.ndim == 1)


@fitted
def scaled_by_array(s: WrongGradient) -> Models:
    """Each entry has a factor of its own, which is another input's."""
    return _scaled_by_input(s, lambda x: x.ndim > 1)


def _scaled_by_input(s: WrongGradient, which: Callable[[Array], bool]) -> Models:
    """It is the true gradient times an input, or a function of one, and a number."""
    for name, what, weight in _weights(s, which) if np.count_nonzero(s.true) >= FEWEST else ():
        model = s.measured.times(weight)
        c = factor(s.at_smooth(s.claimed), s.at_smooth(model.value))
        for equals in (None,) if near(c, 1) else sizes_or_none(s.context, c):
            times = "" if near(c, 1) else f" and {equals or f'{c:.6g}'}"
            yield (
                model.times(c),
                Finding(
                    "scaled",
                    f"{s.name} is exactly {what}{times} times the true gradient: {name} is missing, or applied "
                    "too often.",
                    {"factor": c, "equals": equals, "of": what},
                ),
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
    numbers = [p for p, x in enumerate(s.context.inputs) if x.dtype.kind in "fiu" and which(x)]
    for position in (p for p in numbers if np.ptp(s.x_of(p))):
        name, x = s.context.names[position], s.x_of(position).astype(np.float64)
        for laid in _laid_along(x, s.true.shape):
            for form, of in WEIGHTS:
                if np.isfinite(weight := np.broadcast_to(of(laid), s.true.shape)).all():
                    yield name, form.format(name), weight


def _laid_along(x: Array, whole: tuple[int, ...]) -> list[Array]:
    """An array as it can be laid along a larger one: as it is, or a vector along one axis."""
    if x.ndim == 1:
        axes = [axis for axis, length in enumerate(whole) if length == len(x)]
        return [x.reshape(-1, *(1,) * (len(whole) - axis - 1)) for axis in axes]
    pairs = zip(x.shape, whole, strict=False)
    return [x] if x.ndim == len(whole) and all(a in (1, b) for a, b in pairs) else []


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


@fitted
def by_the_sign(s: WrongGradient) -> Models:
    """On either side of zero of its input it has a factor of its own."""
    above, below = s.smooth & (s.x > 0), s.smooth & (s.x < 0)
    if min(above.sum(), below.sum()) >= FEWEST:
        k, m = (factor(s.claimed[side], s.true[side]) for side in (above, below))
        name = s.name[1:]
        yield (
            s.measured.times(np.where(s.x > 0, k, m)),
            Finding(
                "partial",
                f"{s.name} is {written(k)} times the true gradient where {name} > 0, and {written(m)} times "
                f"where {name} < 0: one side is treated differently, or both are exchanged.",
                {"above": k, "below": m},
            ),
        )


def partial(s: WrongGradient) -> Iterator[Finding]:
    """All that is wrong lies in some slices of one axis, and there it is wrong throughout."""
    for axis, size in enumerate(s.true.shape):
        indices = np.flatnonzero(s.wrong.any(axis=others(s.true.ndim, axis)))
        if _is_a_part(indices, size, s.true.ndim) and s.wrong.take(indices, axis).mean() >= 0.5:
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
    few = 0 < len(indices) <= size // 2
    return few and bool(ndim > 1 or np.ptp(indices) < len(indices))


def _factor_within(s: WrongGradient, axis: int, indices: Array) -> str:
    """How the wrong part compares with the true one, if a factor tells it."""
    parts = {name: getattr(s, name).take(indices, axis) for name in PARTS}
    inside = replace(s, **parts)
    k, model = inside.times_itself()
    told = inside.true.size >= FEWEST and inside.is_(model)
    return f", where it is {written(k)} times the true gradient" if told else ""


PARTS = ("claimed", "true", "bound", "smooth")
"""What of a wrong gradient is an array of its shape."""
