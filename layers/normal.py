"""Φ, the normal distribution's share below x: what GELU multiplies with. NumPy has no error function."""

from __future__ import annotations

import math

import numpy as np

from layers.types import Array

ERFC_FIT = np.array(
    [
        *(0.17087277, -0.82215223, 1.48851587, -1.13520398, 0.27886807),
        *(-0.18628806, 0.09678418, 0.37409196, 1.00002368, -1.26551223),
    ],
    dtype=np.float32,
)
"""erfc z = t exp(−z² + fit(t)), t = 1 / (1 + z/2), z ≥ 0: Chebyshev's fit of degree 9 (Press et al., Numerical
Recipes, 1992, §6.2), to a relative 1.2e-7, which is float32's own precision. A test fits it again."""


def normal_cdf(x: Array) -> Array:
    """Φ(x) = erfc(−x/√2) / 2

    x (…) -> (…); through erfc, which keeps its digits far to the left, where 1 + erf would cancel.
    """
    if x.dtype == np.float32:
        return _fitted(x)
    # Imported where it is needed, for a quick start elsewhere.
    from scipy.special import erfc

    return np.asarray(0.5 * erfc(-math.sqrt(1 / 2) * x))


def _fitted(x: Array) -> Array:
    """Φ(−|x|), three times quicker than SciPy, which computes float32 in float64; then Φ(x) = 1 − Φ(−x)."""
    z = math.sqrt(1 / 2) * np.abs(x)
    t = 1 / (1 + z / 2)
    tail = 0.5 * t * np.exp(np.polyval(ERFC_FIT, t) - z * z)
    return np.asarray(tail + (x > 0) * (1 - 2 * tail))
