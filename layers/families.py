"""The families of layers: the same names here, in twins, in the catalogue and among the mistakes."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

from layers.types import Layer

FAMILIES = (
    "dense",
    "embedding",
    "dropout",
    "combine",
    "activations",
    "softmax",
    "conv",
    "pooling",
    "losses",
    "normalization",
    "recurrent",
    "attention",
    "linear_algebra",
)
"""In the order in which a course would teach them; everything that lists layers starts from here."""


def family_of(name: str, room: str = "layers") -> ModuleType:
    """A family's module: the layers themselves, or in the room `layers.twins`, `layers.catalogue`."""
    return import_module(f"{room}.{name}")


def layers_of(family: str) -> dict[str, Layer]:
    """The layers of a family by name, in the order of its file: what returns a value and the way back."""
    module = family_of(family)
    return {
        name: function
        for name, function in vars(module).items()
        if getattr(function, "__module__", "") == module.__name__
        and getattr(function, "__annotations__", {}).get("return") == "tuple[Array, Backward]"
    }
