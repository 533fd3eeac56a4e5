"""A backward pass is linear in its upstream gradient: the probe that says where one is not, and what is added."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace

import numpy as np

from gradcheck.layer import in_dtype
from gradcheck.passes import Run
from gradcheck.result import Array, Finding, fault

FACTOR = -8.0
"""The upstream gradient is multiplied with this, and so must the gradients be.

A power of two, so that a linear pass answers without any rounding; negative, so that |dy| is told
from dy; large enough to run into a gradient that is clipped.
"""


def ignores_the_upstream_gradient(seen: Run) -> Iterator[Finding]:
    """A vector-Jacobian product is linear in dy: backward(k·dy) = k·backward(dy)."""
    worst = _nonlinearity(seen)
    # Rounding has no say here but for sums in another order: the root of ε is far above it.
    if not worst > _root_of_epsilon(seen.dy):
        return
    lifted = _lifted(seen)
    if lifted is not None and not _nonlinearity(lifted) > _root_of_epsilon(lifted.dy):
        # Something under- or overflowed in the narrow precision; the formula is linear.
        return
    told = {"deviation": worst}
    kinds = ((kind, part(seen), message) for kind, (part, message) in KINDS.items())
    kind, name, message = next((one for one in kinds if one[1]), ("", "", NOT_LINEAR))
    evidence = {**told, kind: name} if kind else told
    yield fault("ignores-upstream", message.format(name), evidence)


NOT_LINEAR = (
    f"The gradients do not follow the upstream gradient: backward({FACTOR:g}·dy) is not "
    f"{FACTOR:g}·backward(dy). Multiply by dy, once, also where the layer is a loss."
)


def _root_of_epsilon(x: Array) -> float:
    """Half of the digits of an array's precision."""
    return float(np.finfo(x.dtype).eps ** 0.5)


def _nonlinearity(seen: Run) -> float:
    """How far backward(FACTOR·dy) is from FACTOR·backward(dy), relative to the larger, at its worst."""
    scaled = seen.answers(np.asarray(FACTOR * seen.dy, dtype=seen.dy.dtype))
    deviations = map(_deviation, seen.gradients, scaled)
    return max((d for d in deviations if d is not None), default=0.0)


def _lifted(seen: Run) -> Run | None:
    """The same run in float64, for a layer in a narrower precision that follows its inputs there."""
    if seen.dy.dtype.itemsize >= np.dtype(np.float64).itemsize:
        return None
    dy = seen.dy.astype(np.float64)
    wide = replace(seen, inputs=in_dtype(seen.inputs, np.float64), dy=dy)
    with suppress(Exception):
        return replace(wide, gradients=wide.answers(dy))
    return None


def _deviation(first: Array | None, scaled: Array | None) -> float | None:
    """How far `scaled` is from FACTOR times `first`, relative to the larger; None if they do not compare."""
    if first is None or scaled is None or first.shape != scaled.shape or first.dtype.kind != "f":
        return None
    with np.errstate(all="ignore"):
        expected = FACTOR * first.astype(np.float64)
        size, gap = max(map(_largest, (expected, scaled))), _largest(scaled - expected)
    # What over- or underflows is no evidence.
    comparable = np.isfinite(gap) and np.isfinite(size) and size > float(np.finfo(first.dtype).tiny)
    return gap / size if comparable else None


def _largest(x: Array) -> float:
    """The largest entry in size."""
    return float(np.abs(x).max(initial=0.0))


def _answers(seen: Run, *factors: float) -> Iterator[tuple[str, list[Array]]]:
    """Of each input its gradients for multiples of dy, where all are floats of one shape."""
    several = (seen.answers(np.asarray(k * seen.dy)) for k in factors)
    for name, *found in zip(seen.names, *several, strict=False):
        # None, strings, objects and other shapes are said elsewhere.
        (kind, *others) = {(np.shape(one), np.asarray(one).dtype.kind) for one in found}
        if kind[1] == "f" and not others:
            yield name, found


def _constant_part(seen: Run) -> str:
    """The first input whose gradient is part constant, part linear in dy; none if nothing is."""
    silent = _answers(seen, 1.0, 0.0)
    is_partly = (n for n, (first, zero) in silent if zero.any() and not np.array_equal(first, zero))
    return next(is_partly, "")


def _squared_part(seen: Run) -> str:
    """The first input whose gradient is part linear, part quadratic in dy; none if nothing is."""
    # Of g(k) = k linear + k² squared two values tell the parts, and a third whether that is all.
    answers = _answers(seen, 1.0, FACTOR, 2.0)
    return next((name for name, of in answers if _is_partly_squared(*of)), "")


def _is_partly_squared(first: Array, far: Array, near: Array) -> bool:
    """Whether a gradient for dy, FACTOR·dy and 2·dy has a linear and a quadratic part, and no more."""
    squared = (far - FACTOR * first) / (FACTOR**2 - FACTOR)
    linear = first - squared
    sizes = list(map(_largest, (linear, squared)))
    slack = _root_of_epsilon(first) * max(sizes)
    return min(sizes) > slack and np.allclose(near, 2 * linear + 4 * squared, 0, slack)


def _cut_off(seen: Run) -> str:
    """The first input whose gradient follows a small upstream gradient, and is the same for all large ones."""
    answers = _answers(seen, 1 / FAR, 2 / FAR, FAR, 2 * FAR)
    return next((name for name, of in answers if _is_cut(*of)), "")


FAR = 2.0**12
"""By so much smaller no usual gradient is cut off, and by so much larger each is."""


def _is_cut(small: Array, twice: Array, large: Array, twice_large: Array) -> bool:
    follows = bool(small.any()) and np.allclose(twice, 2 * small, 1e-6, 0)
    return follows and np.allclose(twice_large, large, 1e-6, 0)


KINDS: dict[str, tuple[Callable[[Run], str], str]] = {
    "constant": (
        _constant_part,
        "backward(0) is not zero: a term that does not depend on the upstream gradient is "
        "added to d{} (a constant where dy belongs, or weight decay inside the layer?).",
    ),
    "squared": (
        _squared_part,
        "d{} has a term that grows with the square of dy: what dy is multiplied with has been "
        "changed by dy before, as weights that are updated first. Compute every gradient from the "
        "old values, then update.",
    ),
    "cut_off": (
        _cut_off,
        "d{} is cut off where it is large: it is a multiple of a small upstream gradient, and not of a "
        "large one. A clip belongs into the training loop, not into the gradient.",
    ),
}
"""What is not linear in a way that has a name: which gradient is, if one is, and what is said of it."""
