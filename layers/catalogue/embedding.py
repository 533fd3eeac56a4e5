"""Configurations of the embedding: with repeated ids, whose gradients add up."""

from __future__ import annotations

import numpy as np

from layers.catalogue.draw import integers, joined, normal
from layers.catalogue.entry import Configurations, case

CONFIGURATIONS: Configurations = {
    "embedding": (
        case("repeated ids", joined(integers(5, ids=(3, 7)), normal(table=(5, 2)))),
        case("one row", lambda rng: {"ids": np.array([2]), "table": rng.normal(size=(5, 3))}),
    ),
}
