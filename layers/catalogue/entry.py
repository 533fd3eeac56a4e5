"""What the catalogue says of a layer: the function, and the configurations in which it is checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from inspect import getdoc
from typing import Any

from layers.catalogue.draw import Inputs
from layers.families import family_of, layers_of
from layers.types import Layer


@dataclass(frozen=True)
class Configuration:
    """One way to run a layer: inputs drawn for it, and its hyperparameters."""

    label: str
    inputs: Inputs
    options: Mapping[str, Any]


Configurations = Mapping[str, tuple[Configuration, ...]]
"""What a family's file in the catalogue holds: configurations by the name of their layer."""


@dataclass(frozen=True)
class Entry:
    """One layer of the catalogue, with its configurations."""

    layer: Layer
    configurations: tuple[Configuration, ...]

    @property
    def name(self) -> str:
        """The layer's name, which its twin and its page share."""
        return str(self.layer.__name__)

    @property
    def formula(self) -> str:
        """What the layer computes: the first line of its docstring."""
        return (getdoc(self.layer) or "").split("\n")[0]

    @property
    def shapes(self) -> str:
        """From which shapes to which: the line of its docstring with the arrow."""
        # Without docstrings, by python -OO, there are none.
        return next((line for line in (getdoc(self.layer) or "").split("\n") if "->" in line), "")

    def bound(self, configuration: Configuration) -> Layer:
        """The layer with a configuration's hyperparameters."""
        return partial(self.layer, **configuration.options)

    def twin(self, configuration: Configuration) -> Callable[..., Any]:
        """The same forward pass in TensorFlow, which is imported here if it was not yet."""
        return twin_of(self.bound(configuration))


def case(label: str, inputs: Inputs, **options: Any) -> Configuration:
    """A configuration: what it is called, how its inputs are drawn, its hyperparameters."""
    return Configuration(label, inputs, options)


def entries_of(family: str) -> list[Entry]:
    """The layers of a family that have configurations, in the order of the family's file.

    Raises:
        AttributeError: if there are configurations of something that is no layer of the family.
    """
    layers, cases = layers_of(family), catalogued(family)
    for name in cases:
        if name not in layers:
            raise AttributeError(f"layers/catalogue/{family}.py: {name} is no layer of {family}")
    return [Entry(layer, cases[name]) for name, layer in layers.items() if name in cases]


def catalogued(family: str) -> Configurations:
    """The configurations of a family's layers, by the layer's name."""
    found: Configurations = family_of(family, "layers.catalogue").CONFIGURATIONS
    return found


def twin_of(layer: Layer) -> Callable[..., Any]:
    """The twin of a layer, with the hyperparameters that are bound to it."""
    twins = import_module("layers.twins")
    if isinstance(layer, partial):
        return partial(getattr(twins, layer.func.__name__), **layer.keywords)
    return partial(getattr(twins, layer.__name__))
