"""Configurations of softmax and its relatives, with logits whose exponentials would overflow too."""

from __future__ import annotations

from layers.catalogue.draw import normal, scaled, shifted
from layers.catalogue.entry import Configurations, case

CONFIGURATIONS: Configurations = {
    "softmax": (
        case("rows", normal(x=(3, 7))),
        case("axis=1", normal(x=(2, 5, 3)), axis=1),
        case("large logits", shifted(800, normal(x=(5, 7)))),
    ),
    "log_softmax": (
        case("rows", normal(x=(3, 7))),
        case("axis=0", normal(x=(5, 2, 3)), axis=0),
        case("large logits", scaled(10, normal(x=(5, 7)))),
    ),
    "logsumexp": (
        case("rows", normal(x=(3, 7))),
        case("axis=1", normal(x=(2, 5, 3)), axis=1),
        case("large", shifted(-900, normal(x=(5, 7)))),
    ),
}
