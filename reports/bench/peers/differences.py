"""Checkers that take a scalar function of a vector: the layer's value weighted with a random dy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layers.types import Array
from reports.bench.peers.subject import Subject

Scalar = Callable[[Array], float]

STEP = 1e-5
"""The step that Stanford's CS231n takes for central differences in float64."""

UNCOMFORTABLE = 1e-4
"""Above this relative error its notes call a gradient suspicious, kinks or not."""


def scipy(subject: Subject) -> bool:
    """`scipy.optimize.approx_fprime` as it comes, compared with NumPy's `allclose` as it comes."""
    from scipy.optimize import approx_fprime

    return _agrees(subject, lambda f, x: approx_fprime(x, f))


def numdifftools(subject: Subject) -> bool:
    """`numdifftools.Gradient` as it comes, compared with NumPy's `allclose` as it comes."""
    from numdifftools import Gradient

    return _agrees(subject, lambda f, x: Gradient(f)(x))


def course(subject: Subject) -> bool:
    """The loop that students write: central differences, entry by entry, and a relative error."""
    f, x, claimed = _as_vector(subject)
    numerical = np.empty_like(x)
    for k in range(x.size):
        step = np.zeros_like(x)
        step[k] = STEP
        numerical[k] = (f(x + step) - f(x - step)) / (2 * STEP)
    error = np.abs(claimed - numerical) / np.maximum(1e-8, np.abs(claimed) + np.abs(numerical))
    return bool(error.max() <= UNCOMFORTABLE)


def _agrees(subject: Subject, gradient: Callable[[Scalar, Array], Array]) -> bool:
    f, x, claimed = _as_vector(subject)
    return bool(np.allclose(claimed, gradient(f, x)))


def _as_vector(subject: Subject) -> tuple[Scalar, Array, Array]:
    """The layer as a scalar function of one vector, the vector, and the gradient that is claimed."""
    point, dy = subject.point, subject.upstream()
    ends = np.cumsum([x.size for x in point])[:-1]

    def apart(vector: Array) -> list[Array]:
        return [
            part.reshape(x.shape) for part, x in zip(np.split(vector, ends), point, strict=True)
        ]

    def scalar(vector: Array) -> float:
        return float((dy * subject.value(*apart(np.asarray(vector).ravel()))).sum())

    claimed = np.concatenate([g.ravel() for g in subject.gradients(point, dy)])
    return scalar, np.concatenate([x.ravel() for x in point]), claimed
