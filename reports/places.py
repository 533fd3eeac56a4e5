"""The catalogue's configurations under names that another process understands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck import check
from gradcheck.result import Array, Report
from layers.catalogue import CATALOGUE, Configuration, Entry, twin_of
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

    @property
    def title(self) -> str:
        """What a report calls it."""
        return f"{self.name} ({self.configuration.label})"

    def inputs(self, seed: int) -> list[Array]:
        """Inputs drawn for it, in the layer's order."""
        return list(self.configuration.inputs(np.random.default_rng(seed)).values())

    def check(self, seed: int = 0, *, tape: bool = False, **options: Any) -> Report:
        """The check of its layer, beside its twin where the tape is asked too."""
        layer = self.layer
        twin = twin_of(layer) if tape else None
        return check(
            layer, *self.inputs(seed), **{"name": self.title, **options, "twin": twin, "seed": seed}
        )

    def __str__(self) -> str:
        return f"{self.name}, {self.configuration.label}"


def places_of(name: str) -> list[Place]:
    """Every configuration of a layer."""
    return [Place(name, which) for which in range(len(CATALOGUE[name].configurations))]


def places(at_most: int | None = None) -> list[Place]:
    """Every configuration of every layer, or the first few of each."""
    return [place for name in CATALOGUE for place in places_of(name)[:at_most]]
