"""Inputs beside what an object holds: as long as its matrices, in its precision."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from reports.targets.draws import SINGLE, Inputs

MATRICES = 3
"""Lengths of an object's matrices that are tried as an input's features."""


def sizes_in(held: Sequence[Any]) -> tuple[int, ...]:
    """The lengths of the matrices that an object holds, and what is left of them where two are stacked."""
    lengths = dict.fromkeys(n for array in held if array.ndim > 1 for n in array.shape)
    between = (a - b for a, b in itertools.permutations(lengths, 2) if a > b)
    return tuple(dict.fromkeys((*lengths, *between)))[:MATRICES]


def as_held(guess: Inputs, held: list[Any]) -> Inputs:
    """The inputs in float32 where all that the object holds is: float64 beside it would be our mistake."""
    kinds = {array.dtype for array in held if array.ndim and array.dtype.kind == "f"}
    return in_single(guess) if kinds == {SINGLE} else guess


def in_single(guess: Inputs) -> Inputs:
    """The inputs in float32."""
    is_float = {n: isinstance(v, np.ndarray) and v.dtype.kind == "f" for n, v in guess.items()}
    return {n: v.astype(SINGLE) if is_float[n] else v for n, v in guess.items()}
