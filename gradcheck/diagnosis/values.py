"""Hypotheses about the values: zero, a factor, right but for some digits, or wrong in a part alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.compare import norm
from gradcheck.diagnosis.margins import FEWEST, INEXACT, SMALL
from gradcheck.diagnosis.sizes import (
    code_of,
    near,
    sizes_equal_to,
    sizes_or_none,
    small_number,
    written,
)
from gradcheck.diagnosis.wrong import Context, Measured, WrongGradient, factor, others
from gradcheck.result import Array, Code, Finding


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
    yield from s.if_it_is(
        s.measured.times(-1.0),
        "sign-flipped",
        f"{s.name} is the negative of the true gradient: look for a minus too many or too few.",
        {"factor": -1.0},
    )


def scaled(s: WrongGradient) -> Iterator[Finding]:
    """It is a multiple of the true gradient, and a size at hand may be the factor."""
    k, model = s.times_itself()
    # A factor that is all but 1 is an inexactness.
    if abs(k - 1) > INEXACT:
        plain = small_number(k)
        guess = "which may be" if plain else "and that is"
        for size in sizes_equal_to(s.context, k):
            yield from _scaled(s, k, model, size, f", {guess} {size}")
        if plain or np.count_nonzero(s.true) >= FEWEST:
            yield from _scaled(s, k, model, plain, "")


def _scaled(
    s: WrongGradient, k: float, model: Measured, equals: str | None, guess: str
) -> Iterator[Finding]:
    return s.if_it_is(
        model,
        "scaled",
        f"{s.name} is exactly {written(k)} times the true gradient{guess}: look for a factor that is "
        "missing, doubled or upside down.",
        {"factor": k, "equals": equals},
    )


def scaled_by_sizes(s: WrongGradient) -> Iterator[Finding]:
    """It is a multiple of the true gradient, and at other sizes another one that is none of them alone."""
    k, model = s.times_itself()
    if abs(k - 1) > INEXACT and np.count_nonzero(s.true) >= FEWEST:
        yield from s.if_it_is(
            model,
            code_of(k),
            f"{s.name} is exactly {written(k)} times the true gradient here, and another multiple at other "
            "sizes: look for a factor with a size in it that is missing, doubled or upside down.",
            {"factor": k, "equals": None, "grows": ["factor"]},
        )


def scaled_by_vector(s: WrongGradient) -> Iterator[Finding]:
    """Along one axis each slice has a factor of its own: a gain, a deviation, a length."""
    return _scaled_by_input(s, _along_an_axis)


def scaled_by_array(s: WrongGradient) -> Iterator[Finding]:
    """Each entry has a factor of its own, which is another input's."""
    return _scaled_by_input(s, _entry_by_entry)


Lay = Callable[[Array, tuple[int, ...]], list[Array]]
"""How an array can be laid over a shape."""


def _scaled_by_input(s: WrongGradient, lay: Lay) -> Iterator[Finding]:
    """It is the true gradient times an input, or a function of one, and a number."""
    for name, what, weight in _weights(s, lay) if np.count_nonzero(s.true) >= FEWEST else ():
        model = s.measured.times(weight)
        c = factor(s.at_smooth(s.claimed), s.at_smooth(model.value))
        for times, equals in _and_times(s.context, c):
            yield from s.if_it_is(
                model.times(c),
                "scaled",
                f"{s.name} is exactly {what}{times} times the true gradient: {name} is missing, or applied "
                "too often.",
                {"factor": c, "equals": equals, "of": what},
            )


def _and_times(context: Context, c: float) -> list[tuple[str, str | None]]:
    """What a number beside a weight is called in a sentence, and the size that it equals; 1 is not spoken of."""
    if near(c, 1):
        return [("", None)]
    return [(f" and {equals or f'{c:.6g}'}", equals) for equals in sizes_or_none(context, c)]


WEIGHTS: tuple[tuple[str, Callable[[Array], Array]], ...] = (
    ("{}", lambda x: x),
    ("1/{}", lambda x: 1 / x),
    ("{}²", lambda x: x**2),
    ("1/{}²", lambda x: x**-2.0),
    ("exp {}", np.exp),
    ("exp −{}", lambda x: np.exp(-x)),
)
"""What a gradient is multiplied by where an input is a gain, a deviation, a length, or the log of one."""


def _weights(s: WrongGradient, lay: Lay) -> Iterator[tuple[str, str, Array]]:
    """Inputs that can be laid over the gradient, and what they may be multiplied with as."""
    for name, x in s.context.named_inputs:
        laid = lay(x, s.true.shape) if x.dtype.kind in "fiu" else ()
        for one, (form, of) in itertools.product(laid, WEIGHTS):
            weight = np.broadcast_to(of(one.astype(np.float64)), s.true.shape)
            if np.isfinite(weight).all() and np.ptp(one):
                yield name, form.format(name), weight


def _along_an_axis(x: Array, whole: tuple[int, ...]) -> list[Array]:
    """A vector along each axis of its length."""
    axes = [axis for axis, length in enumerate(whole) if x.shape == (length,)]
    return [x.reshape(-1, *(1,) * (len(whole) - axis - 1)) for axis in axes]


def _entry_by_entry(x: Array, whole: tuple[int, ...]) -> list[Array]:
    """An array of as many axes, of which some may be of length one."""
    if not 1 < x.ndim == len(whole):
        return []
    return [x] if all(a in (1, b) for a, b in zip(x.shape, whole, strict=True)) else []


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


def _of_sides(factors: set[float]) -> Code:
    """What a factor on either side of zero is called: wrong on one it is another derivative there."""
    sides: dict[bool, Code] = {True: "missing-mask", False: "partial"}
    return "sign-flipped" if factors == {-1, 1} else sides[1 in factors]


def by_the_sign(s: WrongGradient) -> Iterator[Finding]:
    """On either side of zero of its input it has a factor of its own."""
    above, below = s.smooth & (s.x > 0), s.smooth & (s.x < 0)
    if min(above.sum(), below.sum()) >= FEWEST:
        k, m = (factor(s.claimed[side], s.true[side]) for side in (above, below))
        name = s.name[1:]
        yield from s.if_it_is(
            s.measured.times(np.where(s.x > 0, k, m)),
            _of_sides({round(k, 6), round(m, 6)}),
            f"{s.name} is {k:.6g} times the true gradient where {name} > 0, and {m:.6g} times where "
            f"{name} < 0: the derivative is another on one side, or both are exchanged.",
            {"above": k, "below": m},
        )


def scaled_in_places(s: WrongGradient) -> Iterator[Finding]:
    """Where it is wrong it is one multiple of the true gradient, and right elsewhere: one of two cases."""
    there = s.wrong & s.smooth
    seen = np.unique(np.round(s.true[there] / s.size, 6)).size
    k = factor(s.claimed[there], s.true[there]) if seen >= FEWEST and not there.all() else 0.0
    if k:
        yield from s.if_it_is(
            s.measured.times(np.where(there, k, 1.0)),
            code_of(k),
            f"{s.name} is exactly {written(k)} times the true gradient at {int(there.sum())} of "
            f"{there.size} entries, and right at the others: one of two cases is treated wrongly.",
            {"factor": k, "indices": []},
        )


def partial(s: WrongGradient) -> Iterator[Finding]:
    """All that is wrong lies in some slices of one axis, and there it is wrong throughout.

    Of slices that count: rows of a table that nobody has looked up are right by being zero.
    """
    counting = s.wrong | (np.abs(s.true) > s.bound)
    for axis, size in enumerate(s.true.shape):
        indices, counted = (
            np.flatnonzero(one.any(axis=others(s.true.ndim, axis))) for one in (s.wrong, counting)
        )
        if (
            _is_a_part(indices, len(counted), s.true.ndim)
            and s.wrong.take(indices, axis).mean() >= 0.5
        ):
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
    arrays = s.claimed, s.true, s.bound, s.smooth
    inside = WrongGradient(s.context, s.position, *(x.take(indices, axis) for x in arrays))
    k, model = inside.times_itself()
    told = inside.true.size >= FEWEST and inside.is_(model)
    return f", where it is {written(k)} times the true gradient" if told else ""
