"""How an input is drawn whose shape is chosen: numbers, labels, a mask, probabilities, by what it is called."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from gradcheck.forms.names import MASK
from reports.targets.shapes import Shape

Inputs = dict[str, Any]

ORDINARY: Shape = (3, 5)
"""The shape that is tried first."""

SINGLE = np.dtype(np.float32)

Draw = Callable[[np.random.Generator], Any]

BATCH = 3
"""How many of a batch there are, where an object says how many features each has."""

LABELS = re.compile(
    r"^(y_?true|labels?|targets?|t|ids?|indices|classes|\w*(idx|index))$", re.IGNORECASE
)
"""Names of inputs that usually hold integers."""

PROBABILITIES = re.compile(r"^(p|probs?|probabilit\w+|y_?hat)$", re.IGNORECASE)
"""Names of inputs of which the logarithm is taken as they are."""

PENALTY = 0.35
"""The weight of a penalty that is proposed: no small size, nor one over it, that a factor could be taken for."""


def between(drawn: Any) -> Any:
    """Numbers of which a logarithm can be taken, also of what is left to 1; classes stay what they are."""
    is_float = np.asarray(drawn).dtype.kind == "f" and not np.isin(drawn, (0, 1)).all()
    return 0.1 + 0.8 / (1 + np.exp(-np.asarray(drawn))) if is_float else drawn


def shares(drawn: Any, axis: int) -> Any:
    """Numbers that add up to one along an axis, as probabilities of classes do."""
    e = np.exp(drawn)
    return e / e.sum(axis=axis, keepdims=True)


def classes(drawn: Any, axis: int) -> Any:
    """Zeros, and a one for the largest along an axis."""
    return 1.0 * (drawn == drawn.max(axis=axis, keepdims=True))


def floats(name: str, shape: Shape) -> Draw:
    """Numbers of a shape, as the name asks for; a single one is as often a rate, a width, a weight: positive."""
    # With other numbers than 0 and 1 a mask and its square differ.
    drawn = ((PROBABILITIES, _probabilities), (MASK, _mask))
    usual = _normal if shape else _probabilities
    draw = next((draw for names, draw in drawn if names.match(name)), usual)
    return partial(draw, size=shape)


def _mask(rng: np.random.Generator, size: Shape) -> Any:
    return shared_out(rng, 3, size).astype(bool).astype(float)


def _normal(rng: np.random.Generator, size: Shape) -> Any:
    return rng.normal(size=size)


def _probabilities(rng: np.random.Generator, size: Shape) -> Any:
    return rng.uniform(0.1, 0.9, size=size)


def one_hot(rng: np.random.Generator) -> Any:
    """Classes as rows of zeros and a one."""
    rows, classes = ORDINARY
    return np.eye(classes)[rng.integers(0, classes, rows)]


def penalty(_: np.random.Generator) -> float:
    """What weighs a penalty."""
    return PENALTY


def count(n: int, _: np.random.Generator) -> int:
    """How many there are of something."""
    return n


def on(_: np.random.Generator) -> bool:
    """A flag that is set."""
    return True


def filled(shapes: Mapping[str, Shape], rng: np.random.Generator) -> dict[str, Any]:
    """A dict of arrays."""
    return {key: rng.normal(size=shape) for key, shape in shapes.items()}


def word(text: str, _: np.random.Generator) -> str:
    """A word that an option is compared with."""
    return text


def labels(rng: np.random.Generator, size: Shape) -> Any:
    """Classes, two of them."""
    return shared_out(rng, 2, size)


def shared_out(rng: np.random.Generator, kinds: int, size: Shape) -> Any:
    """Whole numbers below `kinds`, each as often as the others: labels all alike would hide half of a loss."""
    return rng.permutation(np.arange(np.prod(size, dtype=int)) % kinds).reshape(size)
