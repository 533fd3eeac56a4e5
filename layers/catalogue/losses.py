"""Configurations of the losses."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import (
    Inputs,
    integers,
    joined,
    normal,
    positive,
    rows_of_probabilities,
    scaled,
)
from layers.catalogue.entry import case, entry
from layers.losses import (
    binary_cross_entropy,
    hinge,
    huber,
    kl_divergence,
    l2_penalty,
    mean_absolute_error,
    mean_squared_error,
    softmax_cross_entropy,
)
from layers.types import Array


def _labelled(N: int, C: int, factor: float = 1.0, name: str = "logits") -> Inputs:
    return joined(scaled(factor, normal(**{name: (N, C)})), integers(C, labels=(N,)))


def _paired(*shape: int) -> Inputs:
    return normal(predictions=shape, targets=shape)


def _binary(factor: float, *shape: int) -> Inputs:
    def targets(rng: np.random.Generator) -> dict[str, Array]:
        return {"targets": rng.uniform(0, 1, size=shape)}

    return joined(scaled(factor, normal(logits=shape)), targets)


def _distributions(N: int, C: int) -> Inputs:
    return joined(normal(logits=(N, C)), rows_of_probabilities(positive(targets=(N, C))))


LOSSES = (
    entry(
        softmax_cross_entropy,
        case("mean", _labelled(5, 7)),
        case("sum", _labelled(3, 11), reduction="sum"),
        case("large logits", _labelled(5, 3, factor=10)),
        case("smoothed", _labelled(5, 7), label_smoothing=0.1),
    ),
    entry(
        binary_cross_entropy,
        case("mean", _binary(1, 5, 7)),
        case("sum", _binary(1, 11), reduction="sum"),
        case("large logits", _binary(30, 5, 3)),
    ),
    entry(
        mean_squared_error,
        case("mean", _paired(5, 7)),
        case("sum", _paired(3, 2, 5), reduction="sum"),
    ),
    entry(
        mean_absolute_error,
        case("mean", _paired(5, 7)),
        case("sum", _paired(3, 2, 5), reduction="sum"),
    ),
    entry(
        huber,
        case("mean", _paired(5, 7)),
        case("delta=0.3, sum", _paired(11, 3), delta=0.3, reduction="sum"),
    ),
    entry(
        hinge,
        case("mean", _labelled(5, 7, name="scores")),
        case("margin=3, sum", _labelled(3, 11, name="scores"), margin=3.0, reduction="sum"),
    ),
    entry(
        kl_divergence,
        case("mean", _distributions(5, 7)),
        case(
            "sum, rows not normalized",
            joined(normal(logits=(3, 5)), positive(targets=(3, 5))),
            reduction="sum",
        ),
    ),
    entry(
        l2_penalty,
        case("strength=1", normal(W=(5, 7))),
        case("strength=0.01", normal(W=(3, 2, 5)), strength=0.01),
    ),
)
