"""Fresh draws of inputs, at which a repair must hold too: other values, other sizes if the layer takes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from gradcheck.diagnosis.wrong import Context
from gradcheck.result import Array

Change = Callable[[Array], Array]
"""From an input to a fresh one."""

JITTERS = (0.3, 0.01)
"""How far values are moved, as a factor exp(±jitter): another point, or one close by for a narrow domain."""


def same_sizes(context: Context, rng: np.random.Generator) -> Iterator[Change]:
    """Other values in the shapes given: first far away, then ever closer, at last the same values."""
    yield lambda x: _jittered(_permuted(x, rng), JITTERS[0], rng)
    for jitter in (*JITTERS, 0.0):
        yield lambda x, jitter=jitter: _jittered(x, jitter, rng)  # type: ignore[misc]


def other_sizes(context: Context, rng: np.random.Generator) -> Iterator[Change]:
    """Every size larger by one, equal ones together; or only the batch; or none."""

    def grown(which: Callable[[Array, int], bool]) -> Change:
        return lambda x: _jittered(
            _grown(x, [k for k in range(x.ndim) if which(x, k)]), JITTERS[0], rng
        )

    first = context.inputs[0].shape[0] if context.inputs[0].ndim else 0
    yield grown(lambda x, axis: x.shape[axis] > 1)
    yield grown(lambda x, axis: x.shape[axis] == first > 1)
    yield grown(lambda x, axis: axis == 0 and x.shape[axis] == first > 1)
    yield from same_sizes(context, rng)


def _grown(x: Array, axes: Sequence[int]) -> Array:
    """One index more along some axes: the first one again."""
    for axis in axes:
        x = x.take([*range(x.shape[axis]), 0], axis)
    return x


def _permuted(x: Array, rng: np.random.Generator) -> Array:
    """The same values in other places."""
    if _is_given(x) or _is_symmetric(x):
        return x
    return rng.permutation(x.ravel()).reshape(x.shape)


def _jittered(x: Array, size: float, rng: np.random.Generator) -> Array:
    """Values nearby, of the same signs, zeros kept; what is symmetric or sums to one stays so."""
    if _is_given(x):
        return x
    factors = np.exp(size * rng.normal(size=x.shape))
    if _is_symmetric(x):
        factors = np.sqrt(factors * factors.T)
    moved = x * factors
    if _are_probabilities(x):
        moved = moved / moved.sum(axis=-1, keepdims=True)
    return np.asarray(moved, dtype=x.dtype)


def _is_given(x: Array) -> bool:
    """Whether an input is no place to move from: labels, indices, masks."""
    return x.dtype.kind != "f" or bool(np.isin(x, (0, 1)).all())


def _is_symmetric(x: Array) -> bool:
    return x.ndim == 2 and x.shape[0] == x.shape[1] and np.array_equal(x, x.T)


def _are_probabilities(x: Array) -> bool:
    return x.ndim > 0 and bool((x >= 0).all() and np.allclose(x.sum(axis=-1), 1))
