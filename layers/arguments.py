"""Hyperparameters in range: what a layer asks of them, and the one line that says which is not.

Each function returns the argument in the form in which the layer uses it, or raises ValueError with
the argument's name, what it is, and what was expected.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from layers.types import Array

Pair = tuple[int, int]
"""For rows and for columns."""


MOST = 2**31
"""No array that anybody has is so long; NumPy would speak of its own limits."""


def whole(name: str, value: object, *, least: int = 1) -> int:
    """An integer, NumPy's included, that is not below `least`."""
    number = _index(value)
    if number is None or not least <= number < MOST:
        raise _out_of_range(name, value, f"an integer ≥ {least} and < 2³¹")
    return number


def pair(name: str, value: object, *, least: int = 1, below: Pair = (MOST, MOST)) -> Pair:
    """One integer for both directions, or one for each, at least `least` and below their own limits."""
    both = value if isinstance(value, (tuple, list)) else (value, value)
    numbers = [
        n
        for one, limit in zip(both, below, strict=False)
        if (n := _index(one)) is not None and least <= n < limit
    ]
    if len(both) != 2 or len(numbers) != 2:
        most = ["2³¹" if limit == MOST else str(limit) for limit in below]
        limits = most[0] if most[0] == most[1] else f"{most[0]} (rows) and {most[1]} (columns)"
        raise _out_of_range(name, value, f"an integer ≥ {least} and < {limits}, or a pair of them")
    return numbers[0], numbers[1]


def split(name: str, value: object, count: int, what: str) -> int:
    """Into how many equal parts `count` things are split."""
    parts = whole(name, value)
    if count % parts:
        raise _out_of_range(name, value, f"a divisor of the {count} {what}")
    return parts


def number(
    name: str,
    value: object,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    below: float = math.inf,
    most: float = math.inf,
) -> None:
    """A finite real number: at least `least`, above `above`, below `below`, at most `most`."""
    # Written so that nan, which is neither above nor below anything, is refused.
    real = _real(value)
    if real is None or not (least <= real <= most and above < real < below):
        limits = [("≥", least), (">", above), ("<", below), ("≤", most)]
        told = " and ".join(f"{sign} {limit:g}" for sign, limit in limits if math.isfinite(limit))
        raise _out_of_range(name, value, f"a finite number {told}".rstrip())


def number_or_infinity(name: str, value: object) -> None:
    """A real number, or ±∞."""
    real = _real(value)
    if real is None or math.isnan(real):
        raise _out_of_range(name, value, "a number")


def truth(name: str, value: object) -> None:
    """True or False: a text such as "no" would be true."""
    if not isinstance(value, (bool, np.bool_)):
        raise _out_of_range(name, value, "True or False")


def one_of(name: str, value: object, *known: str) -> None:
    """One of several words."""
    if not isinstance(value, str) or value not in known:
        raise _out_of_range(name, value, " or ".join(repr(word) for word in known))


def axis_of(name: str, value: object, *arrays: Array) -> int:
    """An axis that all the arrays have, counted from the front, or from the back if negative."""
    axis, least = _index(value), min(array.ndim for array in arrays)
    if axis is None or not -least <= axis < least:
        shapes = " and ".join(str(array.shape) for array in arrays)
        raise _out_of_range(name, value, f"an axis of an array of shape {shapes}")
    return axis


def order_of(name: str, value: object, x: Array) -> tuple[int, ...]:
    """All axes of x, each once, in any order; counted from the front."""
    axes = [_index(one) for one in _listed(value)]
    counted = tuple(axis % x.ndim for axis in axes if axis is not None and -x.ndim <= axis < x.ndim)
    if len(axes) != x.ndim or sorted(counted) != list(range(x.ndim)):
        raise _out_of_range(name, value, f"the axes 0 … {x.ndim - 1} of x, each once")
    return counted


def shape_for(name: str, value: object, x: Array) -> tuple[int, ...]:
    """A shape that holds as many entries as x, one of its sizes −1 if it is to be found."""
    sizes = tuple(
        size for one in _listed(value) if (size := _index(one)) is not None and size >= -1
    )
    known = math.prod(size for size in sizes if size != -1)
    open_ = sizes.count(-1)
    fits = known == x.size if open_ == 0 else open_ == 1 and known > 0 and x.size % known == 0
    if len(sizes) != len(_listed(value)) or not fits:
        raise _out_of_range(name, value, f"a shape for {x.size} entries, at most one size −1")
    return sizes


def _index(value: object) -> int | None:
    """An integer of Python or NumPy as Python's; None for anything else, truth values included."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return int(value) if is_whole else None  # type: ignore[call-overload]


def _real(value: object) -> Any:
    """A real number of Python or NumPy; None for anything else, truth values included."""
    is_real = isinstance(value, (int, float, np.integer, np.floating))
    return value if is_real and not isinstance(value, bool) else None


def _listed(value: object) -> Sequence[Any]:
    """A sequence, or what is none as the only one of a sequence."""
    return value if isinstance(value, (tuple, list)) else (value,)


def _out_of_range(name: str, value: object, expected: str) -> ValueError:
    # A repr may run over several lines (an array's does): the message is one.
    return ValueError(f"{name} is {' '.join(repr(value).split())}, expected {expected}")
