"""Configurations of dropout."""

from __future__ import annotations

from layers.catalogue.draw import joined, mask, normal
from layers.catalogue.entry import Configurations, case

CONFIGURATIONS: Configurations = {
    "dropout": (
        case("rate=0.3", joined(normal(x=(5, 7)), mask(0.7, mask=(5, 7))), rate=0.3),
        case("images", joined(normal(x=(2, 3, 5, 2)), mask(0.5, mask=(2, 3, 5, 2)))),
    ),
}
