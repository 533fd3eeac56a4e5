"""Configurations of the activations."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import normal, scaled
from layers.catalogue.entry import Configurations, case
from layers.types import Array

PLAIN = case("image", normal(x=(2, 3, 5, 7)))
LARGE = case("large inputs", scaled(30, normal(x=(5, 7))))


def with_zeros(rng: np.random.Generator) -> dict[str, Array]:
    """Half of the entries exactly 0, where several activations have a kink."""
    return {"x": rng.normal(size=(5, 7)) * rng.integers(0, 2, (5, 7))}


CONFIGURATIONS: Configurations = {
    "relu": (PLAIN, case("zeros", with_zeros)),
    "leaky_relu": (
        case("slope=0.1", normal(x=(5, 7)), slope=0.1),
        case("zeros", with_zeros),
    ),
    "elu": (PLAIN, case("alpha=0.3, zeros", with_zeros, alpha=0.3), LARGE),
    "selu": (PLAIN, LARGE),
    "sigmoid": (PLAIN, LARGE),
    "tanh": (PLAIN, case("large inputs", scaled(8, normal(x=(5, 7))))),
    "softplus": (PLAIN, LARGE),
    "silu": (PLAIN, LARGE),
    "gelu": (PLAIN, case("large inputs", scaled(5, normal(x=(5, 7))))),
    "gelu_tanh": (PLAIN, case("large inputs", scaled(5, normal(x=(5, 7))))),
    "maxout": (
        case("two pieces", normal(x=(3, 5), W=(2, 5, 7), b=(2, 7))),
        case("five pieces", normal(x=(2, 3), W=(5, 3, 2), b=(5, 2))),
    ),
    "swiglu": (
        case("plain", normal(x=(3, 5), W=(5, 7), V=(5, 7))),
        case("batch of one", normal(x=(1, 7), W=(7, 3), V=(7, 3))),
    ),
}
