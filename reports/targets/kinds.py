"""Data of several kinds: what no gradient is asked of holds numbers, or zeros and ones, signs, classes."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

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
    *(_zeros_and_ones, np.sign, _classes, _classes_in_columns),
    between,
)
"""What numbers are made of, each from a draw of them: a mask, labels of two kinds, of many, probabilities."""


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


def of_other_kinds(inputs: Inputs, data: Sequence[str]) -> Iterator[Inputs]:
    """The inputs with data of other kinds: one of them first, then all."""
    for name, kind in itertools.product(data, KINDS):
        yield {**inputs, name: kind(inputs[name])}
    for kinds in itertools.product(KINDS, repeat=len(data)) if len(data) == PAIR else ():
        yield {
            **inputs,
            **{name: kind(inputs[name]) for name, kind in zip(data, kinds, strict=True)},
        }


PAIR = 2
"""So many are tried in all their kinds: a target and a mask."""
