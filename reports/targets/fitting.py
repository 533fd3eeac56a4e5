"""Inputs beside what is known: as long as an object's matrices, in its precision, of the shapes of gradients."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from gradcheck.result import Report
from reports.targets.draws import SINGLE, Inputs, floats
from reports.targets.shapes import MATRIX, Shape, long_axes

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


def as_returned(inputs: Inputs, report: Report, seed: int) -> Iterator[Inputs]:
    """The inputs in the shapes in which their gradients came back, where those have axes of length one besides.

    A scale (1, C, 1, 1) broadcasts as one of C numbers does, and a layer of images or sequences takes a batch
    of rows for one of them: of those there are two then, as a single one would hide what is wrong along it.
    What is longer than one along the first axis, or behind it in a matrix, is a sum along the wrong one as likely.
    """
    rows = {row.name: (row.shape, row.analytic.shape) for row in report.rows if row.name in inputs}
    back = {name: new for name, (old, new) in rows.items() if old != new}
    apart = all(len(new) > MATRIX and new[0] == 1 and long_axes(new) for new in back.values())
    alike = all(long_axes(rows[name][0]) == long_axes(new) for name, new in back.items())
    if back and apart and alike:
        for shapes in ({name: _two_of(new) for name, new in back.items()}, back):
            rng = np.random.default_rng(seed)
            yield {**inputs, **{name: floats(name, shape)(rng) for name, shape in shapes.items()}}


def _two_of(shape: Shape) -> Shape:
    """The shape with two along its first axis."""
    return (2, *shape[1:])
