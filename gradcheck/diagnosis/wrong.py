"""A wrong gradient and all that is known around it, which hypotheses look at."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gradcheck.layer import Layer, listed, run
from gradcheck.numeric import Forward, NumericalGradient
from gradcheck.result import Array, Finding, Row

FEWEST = 3
"""Of fewer entries anything can be explained by a number that happens to fit."""


@dataclass(frozen=True)
class Comparison:
    """A row, and what its verdict rests on; directional rows come without entries."""

    row: Row
    numeric: NumericalGradient | None = None
    ties_broken: float = 0.0


@dataclass(frozen=True)
class Context:
    """Everything known of one check: inputs, upstream gradient, and both sides of every gradient."""

    layer: Layer
    names: Sequence[str]
    forward: Forward
    dy: Array
    compared: dict[int, Comparison]

    @property
    def inputs(self) -> list[Array]:
        """The inputs of the forward pass."""
        return self.forward.inputs

    @property
    def true(self) -> dict[int, Array]:
        """The numerical gradients."""
        return {p: c.numeric.value for p, c in self.compared.items() if c.numeric is not None}

    @property
    def options(self) -> dict[str, float]:
        """Hyperparameters bound to the layer that are numbers."""
        bound = getattr(self.layer, "keywords", {})
        return {k: float(v) for k, v in bound.items() if isinstance(v, (int, float)) and v}

    def backward(self, dy: Array) -> list[Array | None]:
        """The hand-derived gradients for another upstream gradient."""
        _, backward = run(self.layer, [x.copy() for x in self.inputs])
        return listed(backward(dy.copy()), len(self.inputs))


@dataclass(frozen=True)
class WrongGradient:
    """One wrong gradient: hand-derived `claimed`, `true` as measured, and the bound between them."""

    context: Context
    position: int
    claimed: Array
    true: Array
    bound: Array
    smooth: Array = field(repr=False)

    @property
    def name(self) -> str:
        """What a message calls the gradient."""
        return f"d{self.context.names[self.position]}"

    @property
    def x(self) -> Array:
        """The input whose gradient this is."""
        return self.context.inputs[self.position]

    @cached_property
    def grain(self) -> float:
        """Rounding of the hand-derived gradient, on the scale of its largest entry."""
        coarse = max(
            float(np.finfo(x.dtype).eps) for x in (self.x, self.context.forward.value * 1.0)
        )
        return float(np.sqrt(coarse)) * 1e-1 * self.size

    @cached_property
    def size(self) -> float:
        """The largest entry of either side."""
        return float(max(np.abs(self.claimed).max(initial=0.0), np.abs(self.true).max(initial=0.0)))

    @cached_property
    def wrong(self) -> Array:
        """Which entries are wrong."""
        return np.asarray(~(np.abs(self.claimed - self.true) <= self.bound + 1e-6 * self.grain))

    def is_(self, model: Array, factor: float = 1.0) -> bool:
        """Whether the hand-derived gradient is `model`, to within what can be seen."""
        if model.shape != self.claimed.shape:
            return False
        slack = 4 * (1 + abs(factor)) * self.bound.max(initial=0.0) + self.grain
        # Exact means: far less is left over than there was to explain.
        left, before = (
            np.abs(self.claimed - model).max(initial=0.0),
            np.abs(self.claimed - self.true).max(),
        )
        return bool(left <= slack and left <= 1e-2 * before)


Hypothesis = Callable[[WrongGradient], Finding | None]


def factor(a: Array, n: Array) -> float | None:
    """The factor k of a = k n that fits best, or None if there is nothing to fit."""
    square = float((n * n).sum())
    k = float((a * n).sum()) / square if square > 0 else 0.0
    return k if np.isfinite(k) and k != 0 else None


def near(k: float, value: float) -> bool:
    """Whether a fitted factor is this value."""
    return abs(k - value) <= 1e-5 * abs(value)


def broadcast_axes(s: WrongGradient) -> tuple[int, ...]:
    """The axes of the output along which this input is copied, if it looks broadcast (a bias)."""
    x, dy = s.x.shape, s.context.dy.shape
    if len(x) > len(dy) or not dy or x == dy:
        return ()
    ahead = len(dy) - len(x)
    if any(a not in (1, b) for a, b in zip(x, dy[ahead:], strict=True)):
        return ()
    return (*range(ahead), *(ahead + k for k, a in enumerate(x) if a == 1 != dy[ahead + k]))


def subsets(ndim: int) -> Iterator[tuple[int, ...]]:
    """All sets of axes, small ones first."""
    for count in range(1, ndim + 1):
        yield from itertools.combinations(range(ndim), count)


def named_axes(axes: Sequence[int]) -> str:
    """Axes, as a message names them."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
