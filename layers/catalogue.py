"""Every layer with the configurations that are checked: where mistakes show, and where they would hide.

Sizes are distinct primes, so that a transposed or swapped axis cannot pass for the right one;
batches have two or more, so that a forgotten mean or sum over them shows; biases are not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib import import_module
from inspect import getdoc
from typing import Any

import numpy as np

from layers.activations import relu, softmax
from layers.combine import flatten
from layers.conv import conv2d
from layers.dense import dense
from layers.losses import softmax_cross_entropy
from layers.pooling import avg_pool2d, max_pool2d
from layers.types import Array, Layer

Inputs = Callable[[np.random.Generator], dict[str, Array]]


@dataclass(frozen=True)
class Configuration:
    """One way to run a layer: its hyperparameters, and inputs drawn for it."""

    label: str
    inputs: Inputs
    options: Mapping[str, Any] = field(default_factory=dict)


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
        return next(line for line in (getdoc(self.layer) or "").split("\n") if "->" in line)

    def bound(self, configuration: Configuration) -> Layer:
        """The layer with a configuration's hyperparameters."""
        return partial(self.layer, **configuration.options)

    def twin(self, configuration: Configuration) -> Callable[..., Any]:
        """The same forward pass in TensorFlow, which is imported here if it was not yet."""
        return twin_of(self.bound(configuration))


def twin_of(layer: Layer) -> Callable[..., Any]:
    """The twin of a layer, with the hyperparameters that are bound to it."""
    twins = import_module("layers.twins")
    if isinstance(layer, partial):
        return partial(getattr(twins, layer.func.__name__), **layer.keywords)
    return partial(getattr(twins, layer.__name__))


def normal(**shapes: tuple[int, ...]) -> Inputs:
    """Inputs drawn from a normal distribution."""
    return lambda rng: {name: rng.normal(size=shape) for name, shape in shapes.items()}


def scaled(factor: float, inputs: Inputs) -> Inputs:
    """The same inputs, larger or smaller."""
    return lambda rng: {name: factor * value for name, value in inputs(rng).items()}


def shifted(offset: float, inputs: Inputs) -> Inputs:
    """The same inputs around another value."""
    return lambda rng: {name: value + offset for name, value in inputs(rng).items()}


def tied(levels: int, **shapes: tuple[int, ...]) -> Inputs:
    """Inputs of a few different values, as a digit's blank background has them."""
    return lambda rng: {
        name: 0.25 + 0.5 * rng.integers(0, levels, size=shape) for name, shape in shapes.items()
    }


def labelled(N: int, C: int, factor: float = 1.0) -> Inputs:
    """Logits and labels."""
    return lambda rng: {
        "logits": factor * rng.normal(size=(N, C)),
        "labels": rng.integers(0, C, size=N),
    }


def _with(label: str, inputs: Inputs, **options: Any) -> Configuration:
    return Configuration(label, inputs, options)


def _image(x: tuple[int, ...], W: tuple[int, ...]) -> Inputs:
    return normal(x=x, W=W, b=W[-1:])


_ENTRIES = (
    Entry(
        dense,
        (
            _with("plain", normal(x=(3, 5), W=(5, 7), b=(7,))),
            _with("batch of one", normal(x=(1, 11), W=(11, 2), b=(2,))),
            _with("small weights", scaled(1e-3, normal(x=(2, 13), W=(13, 5), b=(5,)))),
        ),
    ),
    Entry(
        conv2d,
        (
            _with("plain", _image((2, 5, 7, 3), (3, 2, 3, 5))),
            _with("padding=1", _image((2, 5, 7, 2), (3, 3, 2, 3)), padding=1),
            _with("stride=2", _image((3, 7, 11, 2), (3, 2, 2, 3)), stride=2, padding=(1, 0)),
            _with("stride=(3, 2)", _image((2, 11, 7, 1), (2, 3, 1, 2)), stride=(3, 2)),
            _with("dilation=2", _image((2, 7, 11, 2), (3, 2, 2, 3)), dilation=2, padding=1),
            _with(
                "dilation=(1, 3)", _image((2, 5, 11, 2), (2, 3, 2, 3)), dilation=(1, 3), stride=2
            ),
            _with("groups=3", _image((2, 5, 7, 6), (2, 3, 2, 9)), groups=3, padding=1),
            _with("depthwise", _image((2, 7, 5, 3), (3, 3, 1, 3)), groups=3),
            _with("one pixel", _image((2, 3, 5, 2), (3, 5, 2, 7))),
        ),
    ),
    Entry(
        max_pool2d,
        (
            _with("size=2", normal(x=(2, 4, 6, 3))),
            _with("overlapping", normal(x=(2, 7, 11, 3)), size=3, stride=2),
            _with(
                "size=(3, 2), padding=1", normal(x=(2, 5, 7, 2)), size=(3, 2), stride=1, padding=1
            ),
            _with("gaps", normal(x=(3, 7, 11, 2)), size=2, stride=3),
            _with("ties", tied(3, x=(2, 6, 8, 3))),
            _with("overlapping ties", tied(9, x=(2, 7, 11, 2)), size=3, stride=2),
        ),
    ),
    Entry(
        avg_pool2d,
        (
            _with("size=2", normal(x=(2, 4, 6, 3))),
            _with("overlapping", normal(x=(2, 7, 11, 3)), size=3, stride=2),
            _with(
                "size=(3, 2), padding=1", normal(x=(2, 5, 7, 2)), size=(3, 2), stride=2, padding=1
            ),
        ),
    ),
    Entry(
        flatten,
        (
            _with("image", normal(x=(2, 3, 5, 7))),
            _with("row", normal(x=(3, 5))),
        ),
    ),
    Entry(
        relu,
        (
            _with("image", normal(x=(2, 3, 5, 7))),
            _with("zeros", lambda rng: {"x": rng.normal(size=(5, 7)) * rng.integers(0, 2, (5, 7))}),
        ),
    ),
    Entry(
        softmax,
        (
            _with("rows", normal(x=(3, 7))),
            _with("axis=1", normal(x=(2, 5, 3)), axis=1),
            _with("large logits", shifted(800, normal(x=(5, 7)))),
        ),
    ),
    Entry(
        softmax_cross_entropy,
        (
            _with("mean", labelled(5, 7)),
            _with("sum", labelled(3, 11), reduction="sum"),
            _with("large logits", labelled(5, 3, factor=10)),
        ),
    ),
)

CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
"""The catalogue, in the order in which a course would teach it."""
