"""The catalogue's configurations under names that another process understands."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.result import Array
from layers.catalogue import CATALOGUE, Configuration, Entry
from layers.types import Layer


@dataclass(frozen=True)
class Place:
    """A configuration of the catalogue: the layer's name, and which of its configurations."""

    name: str
    which: int

    @property
    def entry(self) -> Entry:
        """The layer's entry."""
        return CATALOGUE[self.name]

    @property
    def configuration(self) -> Configuration:
        """The configuration."""
        return self.entry.configurations[self.which]

    @property
    def layer(self) -> Layer:
        """The layer with the configuration's hyperparameters."""
        return self.entry.bound(self.configuration)

    def inputs(self, seed: int) -> list[Array]:
        """Inputs drawn for it, in the layer's order."""
        return list(self.configuration.inputs(np.random.default_rng(seed)).values())

    def __str__(self) -> str:
        return f"{self.name}, {self.configuration.label}"


def places(at_most: int | None = None) -> list[Place]:
    """Every configuration of every layer, or the first few of each."""
    return [
        Place(name, which)
        for name, entry in CATALOGUE.items()
        for which in range(len(entry.configurations))[:at_most]
    ]
