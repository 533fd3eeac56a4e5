"""What inputs may be besides numbers: masks, classes where no gradient is asked of them; one example."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from gradcheck.forms.names import is_target
from gradcheck.layer import Function
from reports.targets.draws import PROBABILITIES, Inputs, between, classes, shares
from reports.targets.inlined import inlined
from reports.targets.reader import letter


def _zeros_and_ones(drawn: Any) -> Any:
    return (drawn > 0).astype(float)


Kind = Callable[[Any], Any]
OF_TARGETS: tuple[Kind, ...] = (
    *(partial(shares, axis=axis) for axis in (-1, 0)),
    *(partial(classes, axis=axis) for axis in (-1, 0)),
    *(between, _zeros_and_ones),
)
"""What numbers are made into that are compared with a prediction: probabilities, classes, zeros and ones."""

LETS_THROUGH = re.compile(
    r"^(r|m|\w*masks?|mask\w*|seen|rated|observed|present|valid|active|known|indicators?)$",
    re.IGNORECASE,
)
"""How data are called that say what counts: of any other a number's square is not the number itself, and zeros and
ones would excuse whoever forgets the one or the other."""


def _kinds_of(name: str) -> tuple[Kind, ...]:
    if is_target(name) or PROBABILITIES.match(name):
        return OF_TARGETS
    return (_zeros_and_ones,) if LETS_THROUGH.match(name) else ()


def data_of(function: Function, inputs: Inputs, named: Sequence[str]) -> list[str]:
    """The inputs among some that are taken entry by entry; as weights and in products any number is meant."""
    factors = set(_factors(inlined(function)))
    others = [name for name in named if name not in factors and "weight" not in name.lower()]
    kinds = {name: np.asarray(inputs[name]) for name in others}
    return [name for name, value in kinds.items() if value.dtype.kind == "f" and value.ndim]


def _factors(tree: ast.AST) -> Iterator[str]:
    """The names that stand in a product of matrices as they are, or turned round."""
    for node in ast.walk(tree):
        match node:
            case ast.BinOp(left, ast.MatMult(), right):
                yield from map(letter, (left, right))
            case ast.Call(ast.Attribute(left, "dot" | "matmul"), several):
                yield from map(letter, (left, *several))


def otherwise(function: Function, inputs: Inputs, left: Sequence[str]) -> Iterator[Meant]:
    """What inputs may be besides, of which some are `left` without a gradient, and what is to be said of it."""
    for target in filter(is_target, left):
        if target in _indices_alone(inlined(function)) and np.ndim(inputs[target]):
            yield _a_single_one(inputs, len(inputs[target])), OF_ONE.format(target)
    kinds = {name: _kinds_of(name) for name in data_of(function, inputs, left)}
    for name, several in kinds.items():
        for kind in several:
            yield {**inputs, name: kind(inputs[name])}, OF_A_KIND.format(name)
    for each in itertools.product(*kinds.values()) if len(kinds) == PAIR else ():
        both = {name: kind(inputs[name]) for name, kind in zip(kinds, each, strict=True)}
        yield {**inputs, **both}, OF_A_KIND.format(" and ".join(kinds))


def _a_single_one(inputs: Inputs, several: int) -> Inputs:
    """The first of so many examples."""
    return {n: v[0] if np.shape(v)[:1] == (several,) else v for n, v in inputs.items()}


def _indices_alone(tree: ast.AST) -> set[str]:
    """The names that stand between the brackets of an index alone: p[target]."""
    indices = [node.slice for node in ast.walk(tree) if isinstance(node, ast.Subscript)]
    return {index.id for index in indices if isinstance(index, ast.Name)}


Meant = tuple[Inputs, str]
OF_ONE = "For several of {} at once a gradient is wrong."
OF_A_KIND = "With any other numbers in {} a gradient is wrong."
"""What is said of inputs that are as a way back needs them."""

PAIR = 2
"""So many data are tried in all their kinds: a target and a mask."""
