"""How a configuration's inputs are drawn."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from layers.types import Array

Inputs = Callable[[np.random.Generator], dict[str, Array]]
"""From a generator to inputs by name, in the layer's order."""


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


def positive(**shapes: tuple[int, ...]) -> Inputs:
    """Inputs well above zero: variances, probabilities before they are normalized."""
    return lambda rng: {name: rng.uniform(0.3, 3.0, size=s) for name, s in shapes.items()}


def zeros(**shapes: tuple[int, ...]) -> Inputs:
    """Inputs that are 0 everywhere."""
    return lambda rng: {name: np.zeros(shape) for name, shape in shapes.items()}


def ones(**shapes: tuple[int, ...]) -> Inputs:
    """Inputs that are 1 everywhere."""
    return lambda rng: {name: np.ones(shape) for name, shape in shapes.items()}


def symmetric(name: str, inputs: Inputs) -> Inputs:
    """The same inputs, the matrix `name` made symmetric."""

    def draw(rng: np.random.Generator) -> dict[str, Array]:
        drawn = inputs(rng)
        return {**drawn, name: drawn[name] + np.swapaxes(drawn[name], -1, -2)}

    return draw


def integers(below: int, **shapes: tuple[int, ...]) -> Inputs:
    """Labels and indices, with repetitions."""
    return lambda rng: {name: rng.integers(0, below, size=s) for name, s in shapes.items()}


def mask(keep: float, **shapes: tuple[int, ...]) -> Inputs:
    """Booleans, true with probability `keep`."""
    return lambda rng: {name: rng.random(size=s) < keep for name, s in shapes.items()}


def rows_of_probabilities(inputs: Inputs) -> Inputs:
    """The same inputs, each row divided by its sum."""
    return lambda rng: {
        name: value / value.sum(axis=-1, keepdims=True) for name, value in inputs(rng).items()
    }


def joined(*parts: Inputs) -> Inputs:
    """All the inputs of several."""
    return lambda rng: {name: value for part in parts for name, value in part(rng).items()}
