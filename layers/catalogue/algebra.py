"""Configurations of the matrix functions and the distances: matrices well away from singular ones."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import Inputs, joined, normal, scaled, shifted
from layers.catalogue.entry import case, entry
from layers.linear_algebra import (
    cholesky_solve,
    cosine_similarity,
    inverse,
    logdet,
    matmul,
    pairwise_distances,
    quadratic_form,
)


def _invertible(*shape: int) -> Inputs:
    return lambda rng: {"A": rng.normal(size=shape) + 2 * shape[-1] * np.eye(shape[-1])}


def _factor(D: int) -> Inputs:
    return lambda rng: {"L": rng.normal(size=(D, D)) + 2 * D * np.eye(D)}


ALGEBRA = (
    entry(
        matmul,
        case("plain", normal(A=(3, 5), B=(5, 7))),
        case("batch", normal(A=(2, 3, 5), B=(2, 5, 7))),
        case("broadcast", normal(A=(3, 1, 2, 5), B=(2, 5, 7))),
        case("broadcast twice", normal(A=(3, 2, 2, 5), B=(1, 5, 7))),
    ),
    entry(
        inverse,
        case("plain", _invertible(5, 5)),
        case("batch", _invertible(2, 3, 3)),
    ),
    entry(
        logdet,
        case("plain", _invertible(5, 5)),
        case("negative determinant", scaled(-1, _invertible(3, 3))),
        case("batch", _invertible(2, 3, 3)),
    ),
    entry(
        cholesky_solve,
        case("plain", joined(_factor(5), normal(B=(5, 3)))),
        case("one column", joined(_factor(7), normal(B=(7, 1)))),
    ),
    entry(
        quadratic_form,
        case("rows", normal(x=(3, 5), A=(5, 5))),
        case("one vector", normal(x=(7,), A=(7, 7))),
    ),
    entry(
        cosine_similarity,
        case("rows", normal(x=(3, 5), z=(3, 5))),
        case("nearly parallel", shifted(3, normal(x=(2, 7), z=(2, 7)))),
    ),
    entry(
        pairwise_distances,
        case("plain", normal(x=(3, 5), z=(7, 5))),
        case("far from 0", shifted(100, normal(x=(2, 3), z=(5, 3)))),
    ),
)
