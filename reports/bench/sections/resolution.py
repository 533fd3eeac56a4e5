"""Section `resolution`: what differences claim of their own error, beside SciPy's and numdifftools' claims."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import numerical_gradient
from gradcheck.result import Array
from reports.bench.measurement import Measurement, Unit, at_least, at_most, scientific, share
from reports.bench.section import Sample, Section
from reports.bench.sections.coverage import Case, Function, cases, covers

Witness = Callable[[Function, float], tuple[float, float]]
"""From a function and a point to the derivative there, and the error that is claimed for it."""


@dataclass
class Counted:
    """A function that counts the points at which it is evaluated."""

    function: Function
    points: int = 0

    def __call__(self, x: Array) -> Array:
        """Its values."""
        self.points += np.size(x)
        return self.function(x)


def ours(f: Function, x: float) -> tuple[float, float]:
    """gradcheck's extrapolated differences, and their bound."""
    (value,), (bound,) = numerical_gradient(f, [np.array([x])], np.ones(1))
    return float(value), float(bound)


def scipys(f: Function, x: float) -> tuple[float, float]:
    """`scipy.differentiate.derivative` as it comes, and its `error`."""
    from scipy.differentiate import derivative

    found = derivative(f, np.array(x))
    return float(found.df), float(found.error)


def numdifftools(f: Function, x: float) -> tuple[float, float]:
    """`numdifftools.Derivative` as it comes, and its `error_estimate`."""
    from numdifftools import Derivative

    found = Derivative(f, full_output=True)(x)
    # Since 0.11 the value is a field; before, a pair of the value and the rest was returned.
    value, rest = (found.estimate, found) if hasattr(found, "estimate") else found
    return float(value), float(np.squeeze(rest.error_estimate))


WITNESSES: dict[str, tuple[Witness, str]] = {
    "gradcheck": (ours, "gradcheck"),
    "SciPy": (scipys, "scipy.differentiate"),
    "numdifftools": (numdifftools, "numdifftools"),
}
"""Each with the module that it needs."""


def resolution(sample: Sample) -> Iterator[Measurement]:
    """Claimed errors in float64, how tight they are and how often they hold, beside peers installed."""
    chosen = [case for case in cases(sample) if case.x.dtype == np.float64]
    for name, (witness, module) in WITNESSES.items():
        if installed(module):
            yield from _measured(name, witness, chosen, sample)


def installed(module: str) -> bool:
    """Whether a module can be imported; its warnings at import are nobody's business here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            __import__(module)
        except ImportError:
            return False
    return True


def _measured(
    name: str, witness: Witness, chosen: list[Case], sample: Sample
) -> Iterator[Measurement]:
    covered, points = 0, 0
    claimed, true = [], []
    for case in sample.over(chosen, name):
        function = Counted(case.function)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            value, error = witness(function, float(case.x[0]))
        points += function.points
        covered += covers(case, value, error)
        claimed.append(error / abs(case.true))
        true.append(abs(value - case.true) / abs(case.true))
    of_ours = name == "gradcheck"
    holds, tight = (at_least(0.999), at_most(2e-12)) if of_ours else (None, None)
    yield share(f"{name}: the error is within what is claimed", covered, len(chosen), holds)
    yield Measurement(f"{name}: median claimed", float(np.median(claimed)), tight, scientific)
    yield Measurement(f"{name}: median true", float(np.median(true)), None, scientific)
    yield Measurement(f"{name}: points a derivative", points / len(chosen), None, _points)


_points: Unit = "{:.1f}".format

SECTION = Section("resolution", resolution, "functions at a point", size=4000, quick=200)
