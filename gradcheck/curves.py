"""Error against step, in plain arrays: the V that every lecture on finite differences draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from gradcheck.numeric import Forward, scales
from gradcheck.result import Array, Report

STEPS = np.logspace(-1, -15, 57)
"""Four a decade: a smooth V, from a step as long as the input to one that float64 hardly takes."""


@dataclass(frozen=True)
class StepCurves:
    """For every method the relative error of a slope at every step.

    `steps` (K,), relative to the scale of x; `errors` maps a method to an array (K,). The complex
    step is there if f accepts complex input.
    """

    steps: Array
    errors: dict[str, Array] = field(default_factory=dict)


def step_curves(
    f: Callable[[Array], Any],
    df: Callable[[Array], Any],
    x: Any,
    *,
    seed: int = 0,
    steps: Array = STEPS,
    methods: Sequence[str] = ("forward", "central", "extrapolated", "complex"),
    fixed: Array | None = None,
) -> StepCurves:
    """How the error of each difference quotient depends on the step, along one random direction.

    Truncation falls with the step, as h (forward), h² (central) or h⁴ (extrapolated), and rounding
    grows as 1/h: together a V, whose bottom is the best that the method can do. The error is
    |slope − true| / max(|slope|, |true|), so that where df is wrong it stays on a plateau.

    Args:
        f: `f(x)` returns a scalar, or an array whose entries are added up.
        df: gradient of a scalar f or derivative of an elementwise f, taken as the truth.
        x: float array of any shape.
        seed: draws the direction.
        steps: (K,) lengths, relative to the scale of x.
        methods: which difference quotients, of `forward`, `central`, `extrapolated` and `complex`.
        fixed: of x's shape, entries that do not move: those at a kink, where there is no slope.
    """
    point = np.asarray(x)
    if point.dtype != np.float32:
        point = point.astype(np.float64)
    v = np.random.default_rng(seed).choice([-1.0, 1.0], point.shape) * scales(point)
    if fixed is not None:
        v = np.where(fixed, 0.0, v)
    true = float((np.asarray(df(point), dtype=np.float64) * v).sum())
    line = _Line(f, point, v)
    slopes = {method: QUOTIENTS[method](line, steps) for method in methods}
    return StepCurves(steps, {m: _apart(s, true) for m, s in slopes.items() if s is not None})


def curves_of(
    report: Report,
    name: str,
    *,
    steps: Array = STEPS,
    methods: Sequence[str] = ("forward", "central", "extrapolated", "complex"),
) -> StepCurves:
    """The curves of a gradient that was checked, with its own upstream gradient, kinks left out.

    Args:
        report: what `check` returned, in this process.
        name: the gradient, `W` or `dW`.
        steps: as for `step_curves`.
        methods: as for `step_curves`.

    Raises:
        KeyError: if no such gradient was checked.
        ValueError: if there is none of the input's shape, or the report comes from another process.
    """
    row = report[name]
    if row.analytic.shape != row.shape:
        raise ValueError(f"d{row.name} has shape {row.analytic.shape}, expected {row.shape}")
    # Kept, so that what was asked for beside the layer can be drawn where the report has gone.
    kept = report.__dict__.setdefault("_curves", {})
    key = (row.name, steps.tobytes(), tuple(methods))
    if key not in kept:
        options: dict[str, Any] = {"steps": steps, "methods": methods, "fixed": row.kinks}
        kept[key] = step_curves(*report.along(name), seed=report.seed, **options)
    found: StepCurves = kept[key]
    return found


class _Line:
    """f along x + t·v, seen from x; each point is asked for once."""

    def __init__(self, f: Callable[[Array], Any], x: Array, v: Array) -> None:
        self.f, self.x, self.v = f, x, v
        self.forward = Forward(f, [x])
        self.moved = cache(self._moved)

    def _moved(self, t: float) -> float:
        there = (self.x + t * self.v).astype(self.x.dtype)
        return float((self.forward(there) - self.forward.value).sum())

    def ahead(self, steps: Array) -> Array:
        """(f(x + t·v) − f(x)) / t at every step."""
        return np.array([self.moved(t) for t in steps]) / steps

    def central(self, steps: Array) -> Array:
        """Half of what lies between both sides, at every step."""
        return (self.ahead(steps) + self.ahead(-steps)) / 2

    def extrapolated(self, steps: Array) -> Array:
        """From the central ones at t and t/2, without their common error of second order."""
        return (4 * self.central(steps / 2) - self.central(steps)) / 3

    def imaginary(self, steps: Array) -> Array | None:
        """Σ Im f(x + i·t·v)/t at every step, or None where f does not accept complex input."""
        try:
            values = [np.asarray(self.f(self.x + 1j * t * self.v)) for t in steps]
        except (TypeError, ValueError):
            return None
        if not all(np.iscomplexobj(value) for value in values):
            return None
        return np.array([value.imag.sum() / t for value, t in zip(values, steps, strict=True)])


QUOTIENTS: dict[str, Callable[[_Line, Array], Array | None]] = {
    "forward": _Line.ahead,
    "central": _Line.central,
    "extrapolated": _Line.extrapolated,
    "complex": _Line.imaginary,
}


def _apart(slopes: Array, true: float) -> Array:
    """The relative error of each slope; none where both are zero."""
    size = np.maximum(np.abs(slopes), abs(true))
    with np.errstate(all="ignore"):
        return np.where(slopes == true, 0.0, np.abs(slopes - true) / size)
