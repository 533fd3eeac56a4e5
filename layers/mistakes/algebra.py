"""Mistakes in matrix functions and distances."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import normal
from layers.catalogue.entry import case
from layers.linear_algebra import (
    cholesky_solve,
    cosine_similarity,
    inverse,
    logdet,
    matmul,
    pairwise_distances,
    quadratic_form,
)
from layers.mistakes.planted import Mistake


def _matrix(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"A": rng.normal(size=(5, 5)) + 10 * np.eye(5)}


def _symmetric(rng: np.random.Generator) -> dict[str, np.ndarray]:
    A = _matrix(rng)["A"]
    return {"A": A + A.T}


def _form(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"x": rng.normal(size=(3, 5)), **_symmetric(rng)}


def _factor(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {"L": rng.normal(size=(5, 5)) + 10 * np.eye(5), "B": rng.normal(size=(5, 3))}


def _same_point(rng: np.random.Generator) -> dict[str, np.ndarray]:
    x = rng.normal(size=(3, 5))
    return {"x": x, "z": np.concatenate([x[:1], rng.normal(size=(4, 5))])}


_SYMMETRIC, _POINTS = case("symmetric", _symmetric), case("plain", normal(x=(3, 5), z=(7, 5)))

ALGEBRA = (
    Mistake(
        "matmul-transpose",
        matmul,
        "summed_to(dy @ _t(B), A.shape)",
        "summed_to(dy @ B, A.shape)",
        "transposed",
        "A",
        "The transpose forgotten.",
        case("square", normal(A=(3, 5), B=(5, 5))),
    ),
    Mistake(
        "inverse-transposes",
        inverse,
        "dA = -_t(y) @ dy @ _t(y)",
        "dA = -y @ dy @ y",
        "transposed",
        "A",
        "Both transposes forgotten: right for symmetric matrices.",
        case("plain", _matrix),
        _SYMMETRIC,
    ),
    Mistake(
        "inverse-sign",
        inverse,
        "dA = -_t(y)",
        "dA = _t(y)",
        "sign-flipped",
        "A",
        "The minus of the derivative of 1/a.",
        case("plain", _matrix),
    ),
    Mistake(
        "logdet-transpose",
        logdet,
        "_t(np.linalg.inv(A))",
        "np.linalg.inv(A)",
        "transposed",
        "A",
        "A⁻¹ instead of its transpose.",
        case("plain", _matrix),
        _SYMMETRIC,
    ),
    Mistake(
        "cholesky-one-use",
        cholesky_solve,
        "(dA + dA.T) @ lower",
        "2 * dA @ lower",
        "unknown",
        "L",
        "The two uses of L taken for equal.",
        case("plain", _factor),
    ),
    Mistake(
        "cholesky-upper",
        cholesky_solve,
        "dL = np.tril((dA + dA.T) @ lower)",
        "dL = (dA + dA.T) @ lower",
        "missing-mask",
        "L",
        "The triangle that is never read receives a gradient.",
        case("plain", _factor),
    ),
    Mistake(
        "quadratic-symmetric",
        quadratic_form,
        "dx = weighted @ (A + A.T)",
        "dx = 2 * weighted @ A",
        "unknown",
        "x",
        "2 A x: right for symmetric matrices.",
        case("rows", normal(x=(3, 5), A=(5, 5))),
        case("symmetric", _form),
    ),
    Mistake(
        "cosine-norm-constant",
        cosine_similarity,
        "dx = dcos * (v - cos * u) / norm_x",
        "dx = dcos * v / norm_x",
        "unknown",
        "x",
        "The norm taken for a constant.",
        case("rows", normal(x=(3, 5), z=(3, 5))),
    ),
    Mistake(
        "distances-factor-two",
        pairwise_distances,
        "dx = ddifference.sum(axis=1)",
        "dx = 2 * ddifference.sum(axis=1)",
        "scaled",
        "x",
        "The 2 of the square, which the root has cancelled.",
        _POINTS,
    ),
    Mistake(
        "distances-sign",
        pairwise_distances,
        "dz = -ddifference",
        "dz = ddifference",
        "sign-flipped",
        "z",
        "x − z depends on z with a minus.",
        _POINTS,
    ),
    Mistake(
        "distances-not-finite",
        pairwise_distances,
        "ratio = np.where(apart, dy / np.where(apart, y, 1), 0)",
        "ratio = np.divide(dy, y, out=np.full_like(y, np.nan), where=apart)",
        "not-finite",
        "x",
        "Division by a distance of 0.",
        case("a point in both sets", _same_point),
        _POINTS,
    ),
)
