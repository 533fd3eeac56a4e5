"""Configurations of the matrix functions and the distances: matrices well away from singular ones."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import Inputs, joined, normal, scaled, shifted
from layers.catalogue.entry import Configurations, case


def invertible(*shape: int) -> Inputs:
    """A matrix whose diagonal outweighs the rest."""
    return lambda rng: {"A": rng.normal(size=shape) + 2 * shape[-1] * np.eye(shape[-1])}


def factor(D: int) -> Inputs:
    """A triangular factor whose diagonal outweighs the rest."""
    return lambda rng: {"L": rng.normal(size=(D, D)) + 2 * D * np.eye(D)}


CONFIGURATIONS: Configurations = {
    "matmul": (
        case("plain", normal(A=(3, 5), B=(5, 7))),
        case("batch", normal(A=(2, 3, 5), B=(2, 5, 7))),
        case("broadcast", normal(A=(3, 1, 2, 5), B=(2, 5, 7))),
        case("broadcast twice", normal(A=(3, 2, 2, 5), B=(1, 5, 7))),
    ),
    "inverse": (
        case("plain", invertible(5, 5)),
        case("batch", invertible(2, 3, 3)),
    ),
    "logdet": (
        case("plain", invertible(5, 5)),
        case("negative determinant", scaled(-1, invertible(3, 3))),
        case("batch", invertible(2, 3, 3)),
    ),
    "cholesky_solve": (
        case("plain", joined(factor(5), normal(B=(5, 3)))),
        case("one column", joined(factor(7), normal(B=(7, 1)))),
    ),
    "quadratic_form": (
        case("rows", normal(x=(3, 5), A=(5, 5))),
        case("one vector", normal(x=(7,), A=(7, 7))),
    ),
    "cosine_similarity": (
        case("rows", normal(x=(3, 5), z=(3, 5))),
        case("nearly parallel", shifted(3, normal(x=(2, 7), z=(2, 7)))),
    ),
    "pairwise_distances": (
        case("plain", normal(x=(3, 5), z=(7, 5))),
        case("far from 0", shifted(100, normal(x=(2, 3), z=(5, 3)))),
    ),
}
