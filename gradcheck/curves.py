"""Error against step, in plain arrays: the V that every lecture on finite differences draws."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.numeric import Forward, scales
from gradcheck.result import Array


@dataclass(frozen=True)
class StepCurves:
    """For every method the relative error of a slope at every step.

    `steps` (K,), relative to the scale of x; `errors` maps a method to an array (K,). The complex
    step is there if f accepts complex input.
    """

    steps: Array
    errors: dict[str, Array] = field(default_factory=dict)


def step_curves(
    f: Callable[[Array], Any], df: Callable[[Array], Any], x: Any, *, seed: int = 0
) -> StepCurves:
    """How the error of each difference quotient depends on the step, along one random direction.

    Truncation falls with the step, as h (forward), h² (central) or h⁴ (extrapolated), and rounding
    grows as 1/h: together a V, whose bottom is the best that the method can do.

    Args:
        f: `f(x)` returns a scalar, or an array whose entries are added up.
        df: gradient of a scalar f or derivative of an elementwise f, taken as the truth.
        x: float array of any shape.
        seed: draws the direction.
    """
    point = np.asarray(x, dtype=np.float64)
    rng = np.random.default_rng(seed)
    v = rng.choice([-1.0, 1.0], point.shape) * scales(point)
    forward = Forward(f, [point])
    true = float((np.asarray(df(point)) * v).sum())
    steps = np.logspace(-1, -15, 57)

    def moved(t: float) -> float:
        return float((forward(point + t * v) - forward.value).sum())

    ahead, behind = (np.array([moved(sign * t) for t in steps]) for sign in (1, -1))
    near_ahead, near_behind = (np.array([moved(sign * t / 2) for t in steps]) for sign in (1, -1))
    central = (ahead - behind) / (2 * steps)
    finer = (near_ahead - near_behind) / steps
    slopes = {
        "forward": ahead / steps,
        "central": central,
        "extrapolated": (4 * finer - central) / 3,
    }
    imaginary = _complex(f, point, v, steps)
    if imaginary is not None:
        slopes["complex"] = imaginary
    return StepCurves(steps, {name: np.abs(s - true) / abs(true) for name, s in slopes.items()})


def _complex(f: Callable[[Array], Any], x: Array, v: Array, steps: Array) -> Array | None:
    """Σ Im f(x + i·t·v)/t at every step, or None where f does not accept complex input."""
    try:
        values = [np.asarray(f(x + 1j * t * v)) for t in steps]
    except (TypeError, ValueError):
        return None
    if not all(np.iscomplexobj(value) for value in values):
        return None
    return np.array([value.imag.sum() / t for value, t in zip(values, steps, strict=True)])
