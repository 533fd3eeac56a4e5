"""The Taylor test: how fast a first-order expansion goes wrong tells a right derivative from a wrong one.

Along a direction v let φ(t) = Σ dy·f(x + t·v). With the true derivative

    R₁(t) = |φ(t) − φ(0) − t·φ'(0)| = O(t²),      slope 2 on logarithmic axes

with a wrong one the term t·(error) stays, slope 1; with the curvature ½t²·vᵀHv taken off as well, 3.
(Farrell, Ham, Funke and Rognes, 2013, section 4.3, test their adjoints so.)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from gradcheck.binding import array_of
from gradcheck.entries import every_entry
from gradcheck.jacobians import derivative_layer
from gradcheck.layer import Layer, listed, random_upstream, run
from gradcheck.meant import must_be, must_be_functions
from gradcheck.numeric import CAUTION, Forward, random_direction, scales
from gradcheck.result import Array, Verdict

STEPS = 2.0 ** -np.arange(1, 40)
"""Lengths t of the expansion, relative to the scale of x."""
CLEAR = 8.0
"""A remainder counts where it is this many times what rounding can explain."""
STRAIGHT = 5
"""Steps beside each other, a factor of 16 in t, that show a straight line; fewer have a slope by chance."""
BENT = 0.5
"""How far the slopes within it may lie apart: the right one and a wrong one differ by 1."""


@dataclass(frozen=True)
class TaylorTest:
    """The remainders of a Taylor expansion, and what their slope says.

    `steps`, `remainders` and `floor` (what rounding can explain) are arrays (K,), for a plot.
    `slope` is 1 for a wrong derivative, 2 for a right one, 3 with curvature; NaN where f is linear,
    so that the remainder never leaves the floor (`linear`).
    """

    verdict: Verdict
    slope: float
    linear: bool
    steps: Array
    remainders: Array
    floor: Array

    @property
    def is_straight(self) -> bool:
        """Whether enough remainders stand clear of rounding, and lie on a line: only that has a slope."""
        clear = np.flatnonzero(self.remainders > CLEAR * self.floor)[-STRAIGHT:]
        # Each step is half of the one before it.
        slopes = -np.diff(np.log2(self.remainders[clear]))
        return len(clear) == STRAIGHT and bool(np.ptp(slopes) < BENT)

    @property
    def passed(self) -> bool:
        """Whether the derivative was seen to be right."""
        return self.verdict is Verdict.PASS

    def __str__(self) -> str:
        if self.linear:
            return f"Taylor test: {self.verdict}, f is linear to rounding along the direction"
        return f"Taylor test: {self.verdict}, the remainder shrinks with slope {self.slope:.2f}"


def taylor_test(
    f: Callable[[Array], Any],
    df: Callable[[Array], Any],
    x: Any,
    *,
    curvature: Callable[[Array, Array], Any] | None = None,
    seed: int = 0,
) -> TaylorTest:
    """How fast the remainder of the expansion of f with the derivative df shrinks.

    Args:
        f: `f(x)` returns a scalar or an array.
        df: gradient of a scalar f, derivative of an elementwise f, or Jacobian, as for
            `check_derivative`.
        x: float32 or float64 array of any shape.
        curvature: `curvature(x, v)`, the product of a scalar f's Hessian with v, of x's shape; with
            it the right slope is 3.
        seed: draws the direction and the upstream gradient.

    Raises:
        TypeError: if x is not of floating dtype.
        ValueError: if df(x) has a shape that does not go with f(x), or f(x) is not finite.
    """
    must_be_functions("taylor_test(f, df, x)", f=f, df=df)
    must_be(isinstance(seed, Integral), "seed", seed, "a whole number")
    point = _point(x)
    rng = np.random.default_rng(seed)
    v = random_direction(rng, point.shape) * scales(point)
    expansion, forward, dy = _expansion(derivative_layer(f, df), point, v, seed)
    remainders = np.array([_taken(forward, point, v, t, dy) for t in STEPS]) - STEPS * expansion
    right = 2.0
    if curvature is not None:
        bent = float(
            (np.asarray(every_entry(curvature(point, v)), dtype=np.float64) * v * dy).sum()
        )
        remainders -= STEPS**2 / 2 * bent
        right = 3.0
    noise = forward.noise(rng)
    rounding = CAUTION * float(np.sqrt(((dy * noise) ** 2).sum()))
    epsilon = float(np.finfo(np.float64).eps)
    floor = 2 * rounding + 8 * epsilon * (abs(expansion) * STEPS)
    return _judged(np.abs(remainders), floor, right)


def _point(x: Any) -> Array:
    """Where the expansion begins: an array of floats, with entries."""
    point = array_of("x", x)
    if point.dtype.kind != "f":
        raise TypeError(f"x has dtype {point.dtype}, expected float32 or float64")
    if not point.size:
        raise ValueError("x has no entries, expected some: there is no direction to go in")
    return point


def _expansion(layer: Layer, x: Array, v: Array, seed: int) -> tuple[float, Forward, Array]:
    """The hand-derived slope along v, the forward pass, and the upstream gradient."""
    value, backward = run(layer, [x.copy()])
    dy = np.ones(()) if value.ndim == 0 else random_upstream(value, seed)
    (gradient,) = listed(backward(dy.astype(value.dtype)), 1)
    assert gradient is not None
    slope = float((gradient.astype(np.float64) * v).sum())
    return slope, Forward(layer, [x]), dy.astype(np.float64)


def _taken(forward: Forward, x: Array, v: Array, t: float, dy: Array) -> float:
    """φ(t) − φ(0), the difference before the sum."""
    return float((dy * (forward((x + t * v).astype(x.dtype)) - forward.value)).sum())


def _judged(remainders: Array, floor: Array, right: float) -> TaylorTest:
    """Fit the slope where the remainder stands clear of rounding, at the shortest such steps."""
    finite = np.isfinite(remainders)
    clear = finite & (remainders > CLEAR * floor)
    # Only the unbroken run of clear steps from the shortest one up: below it all is rounding.
    if clear.sum() < 2:
        verdict = Verdict.PASS if finite.any() else Verdict.INCONCLUSIVE
        return TaylorTest(verdict, float("nan"), True, STEPS, remainders, floor)
    shortest = int(np.flatnonzero(clear)[-1])
    chosen = np.flatnonzero(clear & (np.arange(len(STEPS)) > shortest - 6))
    logs = np.log(STEPS[chosen]), np.log(remainders[chosen])
    slope = float(np.polyfit(*logs, 1)[0]) if len(chosen) > 1 else float("nan")
    if slope > right - 0.5:
        verdict = Verdict.PASS
    else:
        verdict = Verdict.FAIL if slope < 1.5 or right == 3 else Verdict.INCONCLUSIVE
    return TaylorTest(verdict, slope, False, STEPS, remainders, floor)
