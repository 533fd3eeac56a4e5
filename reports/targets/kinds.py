"""What inputs may be besides numbers: masks, classes where no gradient is asked of them; one example."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck.forms.names import is_target
from gradcheck.layer import Function
from reports.targets.draws import Inputs, between
from reports.targets.inlined import inlined
from reports.targets.reader import letter


def _zeros_and_ones(drawn: Any) -> Any:
    return (drawn > 0).astype(float)


def _classes(drawn: Any) -> Any:
    """A one in each row."""
    return np.eye(drawn.shape[-1])[drawn.argmax(axis=-1)]


def _classes_in_columns(drawn: Any) -> Any:
    return _classes(drawn.T).T


KINDS: tuple[Callable[[Any], Any], ...] = (
    *(_zeros_and_ones, _classes, _classes_in_columns),
    between,
)
"""What numbers are made into: a mask, classes, probabilities. No ones and minus ones, whose square is no mask."""


def data_of(function: Function, inputs: Inputs, named: Sequence[str]) -> list[str]:
    """The inputs among some that are taken entry by entry; in a product of matrices any number is meant."""
    factors = set(_factors(inlined(function)))
    kinds = {name: np.asarray(inputs[name]) for name in named if name not in factors}
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
    data = data_of(function, inputs, left)
    for name, kind in itertools.product(data, KINDS):
        yield {**inputs, name: kind(inputs[name])}, OF_A_KIND.format(name)
    for kinds in itertools.product(KINDS, repeat=len(data)) if len(data) == PAIR else ():
        both = {name: kind(inputs[name]) for name, kind in zip(data, kinds, strict=True)}
        yield {**inputs, **both}, OF_A_KIND.format(" and ".join(data))


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
