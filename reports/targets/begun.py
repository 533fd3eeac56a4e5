"""Parameters for what takes them whole, `forward(X, params)`: as the file's `init_params(sizes)` makes them.

Where none makes them, as its keys have it: of `params[f"W{k}"]` and `params[f"b{k}"]` there is one a layer.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from gradcheck.forms.scored import beside
from gradcheck.layer import Function
from gradcheck.lines.statements import inside, name_of
from reports.targets.draws import Inputs
from reports.targets.inlined import inlined
from reports.targets.making import arguments
from reports.targets.proposals import wanted
from reports.targets.reader import WEIGHT
from reports.targets.shapes import BIAS

WHOLE = re.compile(r"^_?(params?|parameters?|weights|theta|model|net(work)?|nn|p)$", re.IGNORECASE)
"""How an input is called that holds all parameters."""

BEGINS = re.compile(
    r"^_?(init|(make|create|build|random|new|get)_(\w+_)?(params?|parameters|weights|model|net))",
    re.IGNORECASE,
)
"""How a function is called that makes them before there is any training."""

LAYERS = (5, 4, 2)
"""Features of a net of two layers, its input's first: all different."""

TRIED = 3
"""Sizes that are tried: with one of each length matrices that do not fit together are seen."""


def begun(function: Function, seed: int) -> Iterator[Inputs]:
    """What a function takes whole, as the functions of its module make it.

    Its numbers are drawn anew: a bias of zeros, or weights of a hundredth, would excuse what is wrong with them.
    """
    mine = [name for name in wanted(function) if WHOLE.match(name)]
    if len(mine) == 1:
        several = itertools.chain(_made(function, seed), _numbered(function, mine[0]))
        # Others than those that inputs are drawn from.
        yield from (
            {mine[0]: _drawn_anew(one, np.random.default_rng([seed, 1]))} for one in several
        )


def _made(function: Function, seed: int) -> Iterator[dict[Any, Any]]:
    """What the functions of its module make that begin a model."""
    for maker in _makers(function):
        for sizes in itertools.islice(arguments(maker, wanted(maker)), TRIED):
            # Weights are drawn from NumPy's global generator more often than not.
            np.random.seed(seed)  # noqa: NPY002
            try:
                made = maker(*sizes)
            except Exception:
                continue
            if isinstance(made, dict) and arrays_in(made):
                yield made


def _numbered(function: Function, name: str) -> Iterator[dict[Any, Any]]:
    """A matrix and a bias for each layer, where numbered keys ask for them: in columns, then in rows."""
    asked = [n.slice for n in inside(inlined(function), ast.Subscript) if name_of(n.value) == name]
    begin = {text for key in asked for text in _beginning(key)}
    weights, biases = ([b for b in begin if kind.match(f"{b}1")] for kind in (WEIGHT, BIAS))
    if len(weights) == len(biases) == 1 and begin == {*weights, *biases}:
        yield from (_net(weights[0], biases[0], turn) for turn in (-1, 1))


def _net(weight: str, bias: str, turn: int) -> dict[Any, Any]:
    """A net whose examples lie in rows, or turned round in columns."""
    layers = list(enumerate(itertools.pairwise(LAYERS), 1))
    matrices = {f"{weight}{k}": np.zeros((n, m)[::turn]) for k, (n, m) in layers}
    return matrices | {f"{bias}{k}": np.zeros((1, m)[::turn]) for k, (_, m) in layers}


def _beginning(key: ast.AST) -> list[str]:
    """What a numbered key begins with: W of f"W{k}", and of "W" + str(k)."""
    match key:
        case ast.JoinedStr([ast.Constant(str(text)), ast.FormattedValue()]):
            return [text]
        case ast.BinOp(ast.Constant(str(text)), ast.Add(), ast.Call(ast.Name("str"))):
            return [text]
    return []


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
