"""Configurations of the fully connected layer and its relative with two inputs."""

from __future__ import annotations

from layers.catalogue.draw import normal, scaled
from layers.catalogue.entry import Configurations, case

CONFIGURATIONS: Configurations = {
    "dense": (
        case("plain", normal(x=(3, 5), W=(5, 7), b=(7,))),
        case("batch of one", normal(x=(1, 11), W=(11, 2), b=(2,))),
        case("small weights", scaled(1e-3, normal(x=(2, 13), W=(13, 5), b=(5,)))),
    ),
    "bilinear": (
        case("plain", normal(x=(3, 5), z=(3, 2), W=(5, 2, 7), b=(7,))),
        case("batch of one", normal(x=(1, 3), z=(1, 5), W=(3, 5, 2), b=(2,))),
    ),
}
