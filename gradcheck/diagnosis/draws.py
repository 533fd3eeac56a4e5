"""Fresh draws, where a name must hold again: other inputs, other sizes, another upstream gradient.

A name is a prediction. Fitted at one point it may be a coincidence ("18 = 2·3·3, so it is averaged over
axes 0, 1, 2"); at other inputs, and in a batch of another size, only what is true is true again.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

import numpy as np

from gradcheck.compare import compare
from gradcheck.diagnosis.margins import JITTERS
from gradcheck.diagnosis.wrong import Comparison, Context, WrongGradient
from gradcheck.layer import in_dtype, random_upstream
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.result import Array, Verdict

T = TypeVar("T")
Change = Callable[[Array], Array]
"""From an input to a fresh one."""
Changes = Callable[[Context, np.random.Generator], Iterator[Change]]


@dataclass(frozen=True)
class Redrawn(Context):
    """A context at fresh inputs, whose gradients are compared when somebody asks for them."""

    @property
    def convicts(self) -> bool:
        """Nobody is convicted here: a value that is off by chance makes a name fail, and none hold."""
        return False

    def comparison(self, position: int) -> Comparison | None:
        """The comparison of one input, made at the first time of asking; None for integers."""
        if self.inputs[position].dtype.kind != "f":
            return None
        if position not in self.compared:
            self.compared[position] = self._compare(position)
        return self.compared[position]

    def _compare(self, position: int) -> Comparison:
        hand = self.backward(self.dy)[position]
        numeric = self._witness.beside(position, hand, convicts=self.convicts)
        row, ties_broken = compare(self.names[position], hand, numeric, None)
        return Comparison(row, numeric, ties_broken)

    @cached_property
    def _witness(self) -> NumericalWitness:
        return self.witness(self.forward, self.dy)


class Draws(Generic[T]):
    """Fresh draws, made when they are first looked at, and kept for the next who looks."""

    def __init__(self, coming: Iterable[T]) -> None:
        self.coming = iter(coming)
        self.made: list[T] = []

    def __iter__(self) -> Iterator[T]:
        # Another may look on while somebody still does.
        for k in itertools.count():
            if k == len(self.made):
                self.made += itertools.islice(self.coming, 1)
            if k == len(self.made):
                return
            yield self.made[k]


def again(suspect: WrongGradient) -> Iterator[WrongGradient]:
    """The same gradient at fresh draws."""
    return afresh(suspect.context, lambda fresh: _wrong_in(fresh, suspect.position))


def with_all_digits(suspect: WrongGradient) -> WrongGradient:
    """The same gradient in float64, if the layer follows its inputs there and is wrong there too.

    A name is fitted to what float32 does not round away; what it does is no part of the mistake.
    """
    context = suspect.context
    if suspect.x.dtype.itemsize >= np.dtype(np.float64).itemsize:
        return suspect
    wide = _seen_in(context, in_dtype(context.inputs, np.float64), suspect.position)
    return suspect if wide is None else wide


@np.errstate(all="ignore")
def _seen_in(context: Context, inputs: Sequence[Array], position: int) -> WrongGradient | None:
    """One gradient at the same point in float64, if everything is computed in it and the verdict is the same."""
    try:
        given = context.forward
        forward = Forward(context.layer, inputs, careful=given.careful, movable=given.movable)
        dy = context.dy.astype(np.float64)
        wide = Redrawn(context.layer, context.names, forward, dy, {}, context.witness)
        found, compared = _wrong_in(wide, position), wide.comparison(position)
    except Exception:
        # Whatever it is that the layer cannot do with these numbers, it does not follow.
        return None
    follows = forward.coarsest_epsilon() <= float(np.finfo(np.float64).eps)
    if compared is None or not follows or compared.row.analytic.dtype != np.float64:
        return None
    return found if compared.row.verdict is Verdict.FAIL else None


def afresh(context: Context, seen: Callable[[Redrawn], T | None]) -> Iterator[T]:
    """What is seen at two fresh draws: of the sizes given, and of others if the layer takes them.

    A layer that runs at none of the inputs tried is asked again where it is, under another upstream
    gradient. Who asks next of the same check sees the same draws, and what was found there already.
    """
    for seed, changes in enumerate((same_sizes, other_sizes)):
        drawn = context.kept.setdefault(seed, Draws(_redrawn(context, changes, seed)))
        tried = (_seen_at(fresh, seen) for fresh in drawn)
        yield from itertools.islice((found for found in tried if found is not None), 1)


def _redrawn(context: Context, changes: Changes, seed: int) -> Iterator[Redrawn]:
    """The context at changed inputs, one after the other, where the layer runs."""
    rng = np.random.default_rng((1, seed))
    for change in changes(context, rng):
        # Not every layer runs at every point or size; that is no finding.
        with suppress(Exception):
            yield _redrawn_at(context, change, rng)


@np.errstate(all="ignore")
def _redrawn_at(context: Context, change: Change, rng: np.random.Generator) -> Redrawn:
    forward = Forward(context.layer, [change(x) for x in context.inputs])
    dy = _upstream(context, forward, rng)
    return Redrawn(context.layer, context.names, forward, dy, {}, context.witness)


@np.errstate(all="ignore")
def _seen_at(fresh: Redrawn, seen: Callable[[Redrawn], T | None]) -> T | None:
    """What is seen there; None if the layer does not run both ways."""
    with suppress(Exception):
        return seen(fresh)
    return None


def _wrong_in(fresh: Redrawn, position: int) -> WrongGradient | None:
    """One gradient, if there are finite numbers of its shape."""
    comparison = fresh.comparison(position)
    if comparison is None or comparison.numeric is None:
        return None
    suspect = WrongGradient.of(fresh, position, comparison.row, comparison.numeric)
    usable = suspect.claimed.shape == suspect.true.shape and np.isfinite(suspect.claimed).all()
    return suspect if usable else None


def _upstream(context: Context, forward: Forward, rng: np.random.Generator) -> Array:
    """A fresh upstream gradient; ones were not drawn: they are a loss's, or show a Jacobian as it is."""
    if (context.dy == 1).all():
        return np.ones_like(forward.value, dtype=context.dy.dtype)
    drawn = random_upstream(forward.value, int(rng.integers(2**31)))
    return drawn.astype(context.dy.dtype)


def same_sizes(context: Context, rng: np.random.Generator) -> Iterator[Change]:
    """Other values in the shapes given: first far away, then ever closer, at last the same values."""
    yield lambda x: _jittered(x, JITTERS[0], rng, permuted=not _is_square(x))
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


def _jittered(x: Array, size: float, rng: np.random.Generator, permuted: bool = False) -> Array:
    """Values nearby, of the same signs, zeros kept; what is symmetric, sums to one or is a copy stays so.

    `permuted` puts them in other places before; not a square matrix, which may be solved with.
    """
    if _is_given(x):
        return x
    one = _one_copy(x)
    moved = rng.permutation(one.ravel()).reshape(one.shape) if permuted else one
    factors = np.exp(size * rng.normal(size=one.shape))
    if _is_symmetric(x):
        factors = np.sqrt(factors * factors.T)
    moved = np.broadcast_to(moved * factors, x.shape).astype(x.dtype)
    return moved / moved.sum(axis=-1, keepdims=True) if _are_probabilities(x) else moved


def _one_copy(x: Array) -> Array:
    """An array without the axes along which it is repeated, as the point is at which a Jacobian has its rows."""
    repeated = [bool((x == x.take([0], axis)).all()) for axis in range(x.ndim)]
    if all(repeated):
        return x
    return x[tuple(slice(0, 1) if again else slice(None) for again in repeated)]


def _is_given(x: Array) -> bool:
    """Whether an input is no place to move from: labels, indices, masks."""
    return x.dtype.kind != "f" or bool(np.isin(x, (0, 1)).all())


def _is_symmetric(x: Array) -> bool:
    return _is_square(x) and np.array_equal(x, x.T)


def _is_square(x: Array) -> bool:
    return x.ndim == 2 and x.shape[0] == x.shape[1]


def _are_probabilities(x: Array) -> bool:
    return x.ndim > 0 and bool((x >= 0).all() and np.allclose(x.sum(axis=-1), 1))
