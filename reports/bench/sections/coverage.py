"""Section `coverage`: do the bounds hold, and how tight are they?"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import numerical_gradient
from gradcheck.result import Array
from reports.bench.measurement import Measurement, at_least, at_most, scientific, share
from reports.bench.section import Sample, Section

Function = Callable[[Array], Array]


@dataclass(frozen=True)
class Case:
    """A function, its derivative known exactly, and a point."""

    function: Function
    derivative: Function
    x: Array

    @property
    def true(self) -> float:
        """The derivative at the point, computed in more digits than float64 has, where there are more."""
        return float(self.derivative(self.x.astype(np.longdouble))[0])


FUNCTIONS: tuple[tuple[Function, Function, tuple[float, float]], ...] = (
    (np.exp, np.exp, (-5, 20)),
    (lambda x: np.sin(50 * x), lambda x: 50 * np.cos(50 * x), (-3, 3)),
    (lambda x: (1 + x) / (2 + x * x), lambda x: (2 - 2 * x - x * x) / (2 + x * x) ** 2, (-9, 9)),
    (lambda x: (x + 1e4) - 1e4, np.ones_like, (-1, 1)),
    (np.tanh, lambda x: 1 / np.cosh(x) ** 2, (-6, 6)),
    (lambda x: 1e-8 * x**5, lambda x: 5e-8 * x**4, (-3, 3)),
    (lambda x: 1e8 * np.sin(x), lambda x: 1e8 * np.cos(x), (-3, 3)),
)
"""Growth, oscillation, a quotient, cancellation, saturation, tiny and huge values; and where."""

KINDLY = (0, 2, 4)
"""Those that are tried in float32 too: the others lose all digits there."""

NEAR_ZERO = (2, 4)
"""Those that are tried close to zero too."""


def cases(sample: Sample) -> Iterator[Case]:
    """Every function in turn at random points, some near zero, some in other units, some in float32."""
    rng = np.random.default_rng(sample.seed)
    for k in range(sample.size):
        kind = k % len(FUNCTIONS)
        f, df, (low, high) = FUNCTIONS[kind]
        x = np.array([rng.uniform(low, high)])
        if k % 3 == 0 and kind in NEAR_ZERO:
            x = x * 10.0 ** rng.uniform(-6, 0)
        if k % 5 == 0:
            f, df = _in_other_units(f, df, 10.0 ** rng.integers(-6, 7))
        yield Case(f, df, x.astype(np.float32) if k % 4 == 3 and kind in KINDLY else x)


def _in_other_units(f: Function, df: Function, unit: float) -> tuple[Function, Function]:
    return (lambda x: unit * f(x)), (lambda x: unit * df(x))


def covers(case: Case, value: float, bound: float) -> bool:
    """Whether the error is within the bound; the known derivative is itself rounded where computed."""
    return bool(abs(value - case.true) <= bound + 4 * np.finfo(float).eps * abs(case.true))


def coverage(sample: Sample) -> list[Measurement]:
    """How often the true error of a difference is within its bound, derivatives known exactly."""
    covered = 0
    resolutions: dict[str, list[float]] = {"float64": [], "float32": []}
    for case in sample.over(list(cases(sample)), "coverage"):
        (value,), (bound,) = numerical_gradient(case.function, [case.x], np.ones(1))
        covered += covers(case, value, bound)
        resolutions[case.x.dtype.name].append(float(bound / abs(case.true)))
    double, single = (float(np.median(found or np.nan)) for found in resolutions.values())
    return [
        share("error within the bound", covered, sample.size, at_least(0.999)),
        Measurement("median claimed resolution, float64", double, at_most(1e-9), scientific),
        Measurement("median claimed resolution, float32", single, None, scientific),
    ]


SECTION = Section("coverage", coverage, "functions at a point", size=4000, quick=200)
