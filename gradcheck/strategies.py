"""A Hypothesis strategy for the inputs of a layer, from a line that says their shapes.

    @given(inputs("x: N D; W: D M; b: M"))
    def test_dense(arrays):
        assert check(dense, **arrays)

Hypothesis draws hundreds of shapes and shrinks one that fails; the report says what is wrong there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from gradcheck.result import Array

PATTERN = re.compile(r"\s*(\w+)\s*:\s*([\w\s]*?)\s*(?:int\s*<\s*(\w+))?\s*$")


@dataclass(frozen=True)
class _Input:
    """One input: its name, its axes, and for integers what they stay below."""

    name: str
    axes: tuple[str, ...]
    below: str | None = None


def inputs(
    spec: str,
    *,
    least: int = 1,
    most: int = 5,
    dtype: type[np.floating] = np.float64,
    scale: float = 1.0,
) -> st.SearchStrategy[dict[str, Array]]:
    """A strategy for dicts of arrays.

    Args:
        spec: an input a part, "x: N D; W: D 3; labels: N int<C": letters are lengths, the same letter
            the same length, numbers are themselves, `int<C` integers from 0 to C − 1.
        least, most: the lengths that letters stand for.
        dtype: of the floats.
        scale: their standard deviation; drawn normally from a seed, for a gradient at random points
            is seldom at a kink.

    Raises:
        ValueError: for a spec that cannot be read.
    """
    parsed = [_parsed(part) for part in spec.split(";") if part.strip()]
    letters = sorted({a for one in parsed for a in (*one.axes, one.below) if a and not a.isdigit()})

    @st.composite
    def drawn(draw: st.DrawFn) -> dict[str, Array]:
        lengths = {letter: draw(st.integers(least, most), label=letter) for letter in letters}
        rng = np.random.default_rng(draw(st.integers(0, 2**16), label="seed"))
        return {one.name: _array(one, lengths, rng, dtype, scale) for one in parsed}

    return drawn()


def _parsed(part: str) -> _Input:
    match = PATTERN.match(part)
    if match is None:
        raise ValueError(f'{part.strip()!r} is no input: expected "x: N D" or "labels: N int<C"')
    name, axes, below = match.groups()
    return _Input(name, tuple(axes.split()), below)


def _array(
    one: _Input,
    lengths: dict[str, int],
    rng: np.random.Generator,
    dtype: type[np.floating],
    scale: float,
) -> Array:
    shape = [_length(axis, lengths) for axis in one.axes]
    if one.below is not None:
        return rng.integers(_length(one.below, lengths), size=shape)
    return np.asarray(scale * rng.standard_normal(shape), dtype=dtype)


def _length(axis: str, lengths: dict[str, int]) -> int:
    return lengths[axis] if axis in lengths else int(axis)
