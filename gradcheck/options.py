"""What may be asked of a check: options that cannot be honoured are refused in one sentence, never ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

import numpy as np

from gradcheck.entries import every_entry
from gradcheck.layer import random_upstream
from gradcheck.meant import must_be, shown
from gradcheck.result import Array

METHODS = ("extrapolated", "central", "forward", "complex")
EFFORTS = ("complete", "directional", "verdict", "auto")
BUDGET = 10.0
"""Seconds that `effort="auto"` may take where nothing is said: as long as somebody at a desk waits."""


def refuse(**given: Any) -> None:
    """Raise for an option that is not what it should be, or that does not go with another.

    Raises:
        TypeError: for a value of the wrong kind; the message names the option and what came.
        ValueError: for a value that is none of those there are.
    """
    for option, (fits, expected) in KINDS.items():
        must_be(fits(given[option]), option, given[option], expected)
    seed, budget, effort, method = (given[n] for n in ("seed", "budget", "effort", "method"))
    if seed < 0:
        raise ValueError(f"seed is {seed}, expected 0 or more")
    _one_of("method", method, METHODS)
    _one_of("effort", effort, EFFORTS)
    if not (isinstance(budget, (int, float)) and budget > 0):
        raise ValueError(f"budget is {shown(budget)}, expected seconds above 0")
    _must_go_together(effort, budget, method)


def _must_go_together(effort: str, budget: float, method: str) -> None:
    """Raise ValueError for a budget or a method that an effort would leave unheeded."""
    if effort != "auto" and budget != BUDGET:
        raise ValueError(
            f"budget is {budget:g}, but effort={effort!r} keeps to none: give effort='auto', or leave budget out"
        )
    if effort != "complete" and method != "extrapolated":
        raise ValueError(
            f"method is {method!r}, but effort={effort!r} follows directions with "
            "method='extrapolated' only: leave one of the two out"
        )


def _one_of(option: str, given: Any, known: tuple[str, ...]) -> None:
    if not isinstance(given, str) or given not in known:
        raise ValueError(
            f"{option} is {shown(given)}, expected one of {', '.join(map(repr, known))}"
        )


def _names_inputs(wrt: Any) -> bool:
    if wrt is None or isinstance(wrt, (str, Integral)):
        return True
    return isinstance(wrt, Iterable) and all(isinstance(item, (str, Integral)) for item in wrt)


KINDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "layer": (callable, "a function that returns (value, backward)"),
    "twin": (lambda twin: twin is None or callable(twin), "a function of tensors, or None"),
    "seed": (lambda seed: isinstance(seed, Integral), "a whole number"),
    "lines": (lambda lines: lines is None or isinstance(lines, bool), "True, False or None"),
    "progress": (lambda progress: progress is None or callable(progress), "a function, or None"),
    "name": (lambda name: name is None or isinstance(name, str), "text, or None"),
    "wrt": (_names_inputs, "a name, a position, or several of them"),
}
"""What an option is to be, and how that is said."""


def upstream_for(given: Any, seed: int) -> Callable[[Array], Array]:
    """From the value of a layer to its upstream gradient: as given, 1 for a scalar, else random.

    Raises (when called):
        TypeError: if the value or the given upstream gradient is not of real floats.
        ValueError: if the given one has another shape than the value, or is not finite.
    """

    def upstream(value: Array) -> Array:
        if value.dtype.kind != "f":
            raise TypeError(f"the forward pass returns dtype {value.dtype}, expected a float array")
        if given is None:
            return np.ones_like(value) if value.ndim == 0 else random_upstream(value, seed)
        dy = _numbers(given, value.dtype)
        if dy.shape != value.shape:
            raise ValueError(f"upstream has shape {dy.shape}, the layer returns {value.shape}")
        _must_show_something(dy)
        return dy

    return upstream


def _must_show_something(dy: Array) -> None:
    """Raise ValueError for an upstream gradient that no gradient could be seen with."""
    if not np.isfinite(dy).all():
        raise ValueError("upstream holds NaN or infinite entries, expected finite ones")
    if dy.size and not dy.any():
        raise ValueError(
            "upstream is zero everywhere, expected entries that let a gradient be seen"
        )


def _numbers(given: Any, dtype: Any) -> Array:
    """What was given as an upstream gradient, in the dtype of the value."""
    try:
        if not np.iscomplexobj(given):
            return np.array(every_entry(given), dtype=dtype)
    except (TypeError, ValueError) as error:
        raise TypeError(f"upstream is {shown(given)}, expected numbers") from error
    raise TypeError(f"upstream is complex, expected numbers of {dtype}")
