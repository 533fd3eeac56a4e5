"""Parameters that a file makes itself for what takes them whole: `init_params(sizes)` for `forward(X, params)`."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck.forms.scored import beside
from gradcheck.layer import Function
from reports.targets.draws import Inputs
from reports.targets.making import arguments
from reports.targets.proposals import wanted

WHOLE = re.compile(r"^_?(params?|parameters?|weights|theta|model|net(work)?|nn|p)$", re.IGNORECASE)
"""How an input is called that holds all parameters."""

BEGINS = re.compile(
    r"^_?(init|(make|create|build|random|new|get)_(\w+_)?(params?|parameters|weights|model|net))",
    re.IGNORECASE,
)
"""How a function is called that makes them before there is any training."""

TRIED = 3
"""Sizes that are tried: with one of each length matrices that do not fit together are seen."""


def begun(function: Function, seed: int) -> Iterator[Inputs]:
    """What a function takes whole, as the functions of its module make it.

    Its numbers are drawn anew: a bias of zeros, or weights of a hundredth, would excuse what is wrong with them.
    """
    mine = [name for name in wanted(function) if WHOLE.match(name)]
    for maker in _makers(function) if len(mine) == 1 else ():
        for sizes in itertools.islice(arguments(maker, wanted(maker)), TRIED):
            # Weights are drawn from NumPy's global generator more often than not.
            np.random.seed(seed)  # noqa: NPY002
            try:
                made = maker(*sizes)
            except Exception:
                continue
            if isinstance(made, dict) and arrays_in(made):
                # Others than those that inputs are drawn from.
                yield {mine[0]: _drawn_anew(made, np.random.default_rng([seed, 1]))}


def arrays_in(value: Any) -> list[Any]:
    """The arrays of floats in a dict, and in lists in it."""
    if isinstance(value, Mapping):
        return arrays_in(list(value.values()))
    if isinstance(value, (list, tuple)):
        return [*itertools.chain(*map(arrays_in, value))]
    return [value] if isinstance(value, np.ndarray) and value.dtype.kind == "f" else []


def _makers(function: Function) -> list[Function]:
    """The functions of its module that begin a model, in the order of the text."""
    own = vars(beside(inspect.unwrap(function)))
    return [one for name, one in own.items() if BEGINS.match(name) and inspect.isfunction(one)]


def _drawn_anew(value: Any, rng: np.random.Generator) -> Any:
    """The same dict, lists and shapes with other numbers."""
    if isinstance(value, Mapping):
        return {key: _drawn_anew(item, rng) for key, item in value.items()}
    if isinstance(value, list):
        return [_drawn_anew(item, rng) for item in value]
    if isinstance(value, np.ndarray) and value.dtype.kind == "f":
        # As large as what it is multiplied with stays: far out a softmax is all rounding.
        drawn = rng.normal(size=value.shape) / np.sqrt(max(value.shape, default=1))
        return np.asarray(drawn, dtype=value.dtype)
    return value
