"""What may be asked of a check: options that cannot be honoured are refused in one sentence, never ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from numbers import Integral
from typing import Any

import numpy as np

from gradcheck.layer import random_upstream
from gradcheck.result import Array

METHODS = ("extrapolated", "central", "forward", "complex")
EFFORTS = ("complete", "directional", "auto")


def refuse(
    layer: Any,
    *,
    twin: Any,
    wrt: Any,
    seed: Any,
    method: Any,
    effort: Any,
    budget: Any,
    lines: Any,
    name: Any,
) -> None:
    """Raise for an option that is not what it should be, or that does not go with another.

    Raises:
        TypeError: for a value of the wrong kind; the message names the option and what came.
        ValueError: for a value that is none of those there are.
    """
    _must(callable(layer), "layer", "a function that returns (value, backward)", layer)
    _must(twin is None or callable(twin), "twin", "a function of tensors, or None", twin)
    _must(isinstance(seed, Integral), "seed", "a whole number", seed)
    _must(lines in (None, True, False), "lines", "True, False or None", lines)
    _must(name is None or isinstance(name, str), "name", "text, or None", name)
    _must(_names_inputs(wrt), "wrt", "a name, a position, or several of them", wrt)
    if seed < 0:
        raise ValueError(f"seed is {seed}, expected 0 or more")
    _one_of("method", method, METHODS)
    _one_of("effort", effort, EFFORTS)
    if not (isinstance(budget, (int, float)) and budget > 0):
        raise ValueError(f"budget is {_shown(budget)}, expected seconds above 0")
    if effort != "complete" and method != "extrapolated":
        raise ValueError(
            f"method is {method!r}, but effort={effort!r} follows directions with "
            "method='extrapolated' only: leave one of the two out"
        )


def _must(fits: bool, option: str, expected: str, given: Any) -> None:
    if not fits:
        raise TypeError(f"{option} is {_shown(given)}, expected {expected}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"a {type(value).__name__}"


def _one_of(option: str, given: Any, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ValueError(f"{option} is {given!r}, expected one of {', '.join(map(repr, known))}")


def _names_inputs(wrt: Any) -> bool:
    if wrt is None or isinstance(wrt, (str, Integral)):
        return True
    return isinstance(wrt, Iterable) and all(isinstance(item, (str, Integral)) for item in wrt)


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
        try:
            dy = np.array(given, dtype=value.dtype)
        except (TypeError, ValueError) as error:
            raise TypeError(f"upstream is {_shown(given)}, expected numbers") from error
        if dy.shape != value.shape:
            raise ValueError(f"upstream has shape {dy.shape}, the layer returns {value.shape}")
        if not np.isfinite(dy).all():
            raise ValueError("upstream holds NaN or infinite entries, expected finite ones")
        return dy

    return upstream
