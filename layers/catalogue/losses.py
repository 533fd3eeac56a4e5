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
from layers.catalogue.entry import Configurations, case
from layers.types import Array


def labelled(N: int, C: int, factor: float = 1.0, name: str = "logits") -> Inputs:
    """Scores (N, C), and a label for each row."""
    return joined(scaled(factor, normal(**{name: (N, C)})), integers(C, labels=(N,)))


def paired(*shape: int) -> Inputs:
    """Predictions and targets of one shape."""
    return normal(predictions=shape, targets=shape)


def binary(factor: float, *shape: int) -> Inputs:
    """Logits, and targets between 0 and 1."""

    def targets(rng: np.random.Generator) -> dict[str, Array]:
        return {"targets": rng.uniform(0, 1, size=shape)}

    return joined(scaled(factor, normal(logits=shape)), targets)


def distributions(N: int, C: int) -> Inputs:
    """Logits, and targets that are probabilities."""
    return joined(normal(logits=(N, C)), rows_of_probabilities(positive(targets=(N, C))))


CONFIGURATIONS: Configurations = {
    "softmax_cross_entropy": (
        case("mean", labelled(5, 7)),
        case("sum", labelled(3, 11), reduction="sum"),
        case("large logits", labelled(5, 3, factor=10)),
        case("smoothed", labelled(5, 7), label_smoothing=0.1),
    ),
    "binary_cross_entropy": (
        case("mean", binary(1, 5, 7)),
        case("sum", binary(1, 11), reduction="sum"),
        case("large logits", binary(30, 5, 3)),
    ),
    "mean_squared_error": (
        case("mean", paired(5, 7)),
        case("sum", paired(3, 2, 5), reduction="sum"),
    ),
    "mean_absolute_error": (
        case("mean", paired(5, 7)),
        case("sum", paired(3, 2, 5), reduction="sum"),
    ),
    "huber": (
        case("mean", paired(5, 7)),
        case("delta=0.3, sum", paired(11, 3), delta=0.3, reduction="sum"),
    ),
    "hinge": (
        case("mean", labelled(5, 7, name="scores")),
        case("margin=3, sum", labelled(3, 11, name="scores"), margin=3.0, reduction="sum"),
    ),
    "kl_divergence": (
        case("mean", distributions(5, 7)),
        case(
            "sum, rows not normalized",
            joined(normal(logits=(3, 5)), positive(targets=(3, 5))),
            reduction="sum",
        ),
    ),
    "l2_penalty": (
        case("strength=1", normal(W=(5, 7))),
        case("strength=0.01", normal(W=(3, 2, 5)), strength=0.01),
    ),
}
