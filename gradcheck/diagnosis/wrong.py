"""A wrong gradient and all that is known around it, which hypotheses look at."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.compare import agrees, norm
from gradcheck.diagnosis.margins import COMPARED, EXPLAINED, ROUNDED
from gradcheck.layer import Layer, copies, listed, run
from gradcheck.numeric import Forward, NumericalGradient, NumericalWitness, wider
from gradcheck.result import Array, Code, Finding, Row


@dataclass(frozen=True)
class Comparison:
    """A row, and what its verdict rests on; directional rows come without entries."""

    row: Row
    numeric: NumericalGradient | None = None
    ties_broken: float = 0.0


@dataclass(frozen=True)
class Context:
    """Everything known of one check: inputs, upstream gradient, and both sides of every gradient.

    `witness` makes the numerical witness at another point. Where the layer was taken apart, `cuts` are the
    numerical gradients of the values between its pieces, by the site and the passing of it.
    """

    layer: Layer
    names: Sequence[str]
    forward: Forward
    dy: Array
    compared: dict[int, Comparison]
    witness: Callable[[Forward, Array], NumericalWitness] = NumericalWitness
    cuts: Mapping[tuple[int, int], NumericalGradient] | None = None

    @cached_property
    def kept(self) -> dict[Any, Any]:
        """What somebody has found out beside it, for the next who asks."""
        return {}

    @property
    def inputs(self) -> list[Array]:
        """The inputs of the forward pass."""
        return self.forward.inputs

    @property
    def named_inputs(self) -> list[tuple[str, Array]]:
        """The inputs, each with its name."""
        return list(zip(self.names, self.inputs, strict=False))

    @property
    def convicts(self) -> bool:
        """Whether what is wrong here is held against somebody, which takes a second look."""
        return True

    @property
    def true(self) -> dict[int, Array]:
        """The numerical gradients."""
        return {p: c.numeric.value for p, c in self.compared.items() if c.numeric is not None}

    def comparison(self, position: int) -> Comparison | None:
        """What was found of one input, if it was compared."""
        return self.compared.get(position)

    def measured(self, position: int) -> Measured:
        """The true gradient of one input, as far as it was measured: else nothing of it is smooth."""
        compared = self.comparison(position)
        if compared is not None and compared.numeric is not None:
            return Measured.of(compared.numeric)
        nothing = np.zeros(self.inputs[position].shape)
        return Measured(nothing, nothing, nothing > 0)

    @property
    def options(self) -> dict[str, float]:
        """Hyperparameters bound to the layer that are numbers."""
        bound = getattr(self.layer, "keywords", {})
        return {k: float(v) for k, v in bound.items() if isinstance(v, (int, float)) and v}

    def backward(self, dy: Array, inputs: Sequence[Array] | None = None) -> list[Array | None]:
        """The hand-derived gradients for another upstream gradient, or at other inputs too.

        One for each input, None where there is none, or where the layer does not run.
        """
        inputs = self.inputs if inputs is None else inputs
        nothing: list[Array | None] = [None] * len(inputs)
        try:
            _, backward = run(self.layer, copies(inputs))
            found = listed(backward(dy.copy()), len(inputs))
        except Exception:
            # It ran at the point that is checked; that it does not run here is no finding.
            return nothing
        return (found + nothing)[: len(inputs)]

    def rounding(self, position: int) -> Array | float:
        """What a hand-derived gradient loses: how far it lies from itself in the next wider precision.

        Zero where the layer does not follow its inputs into that, and so nothing is known.
        """
        here = self.compared[position].row.analytic
        wide = wider(here.dtype) or here.dtype
        lifted = [x.astype(wide) if x.dtype.kind == "f" else x for x in self.inputs]
        there = np.asarray(self.backward(self.dy.astype(wide), lifted)[position])
        followed = there.dtype == wide and there.shape == here.shape
        return np.abs(there - here).astype(np.float64) if followed else 0.0


@dataclass(frozen=True)
class Measured:
    """A gradient as measured, or what a hypothesis makes of it: arrays of one shape.

    `value` is off by no more than `bound`, where `smooth` says that there is a derivative.
    """

    value: Array
    bound: Array
    smooth: Array

    @staticmethod
    def of(numeric: NumericalGradient) -> Measured:
        """What the numerical witness says."""
        return Measured(numeric.value, numeric.bound, ~numeric.kinks)

    @staticmethod
    def exactly(value: Array) -> Measured:
        """What is known without a doubt."""
        return Measured(value, np.zeros(value.shape), np.ones(value.shape, dtype=bool))

    def rearranged(self, move: Callable[[Array], Array]) -> Measured:
        """The same entries in other places."""
        return Measured(move(self.value), move(self.bound), move(self.smooth))

    def times(self, k: float | Array) -> Measured:
        """Each entry multiplied by a known number."""
        return Measured(k * self.value, np.abs(k) * self.bound, self.smooth)

    def plus(self, term: Array | float, doubt: Array | float = 0.0) -> Measured:
        """Each entry with a term more, which is itself off by no more than `doubt`."""
        return Measured(self.value + term, self.bound + doubt, self.smooth)


@dataclass(frozen=True)
class WrongGradient:
    """One wrong gradient: hand-derived `claimed`, `true` as measured, and the bound between them."""

    context: Context
    position: int
    claimed: Array
    true: Array
    bound: Array
    smooth: Array = field(repr=False)

    @staticmethod
    def of(context: Context, position: int, row: Row, numeric: NumericalGradient) -> WrongGradient:
        """What a row says of it."""
        hand = row.analytic.astype(np.float64)
        return WrongGradient(context, position, hand, row.numeric, row.bound, ~numeric.kinks)

    @property
    def name(self) -> str:
        """What a message calls the gradient."""
        return f"d{self.context.names[self.position]}"

    @property
    def x(self) -> Array:
        """The input whose gradient this is."""
        return self.context.inputs[self.position]

    def x_of(self, position: int) -> Array:
        """Another input."""
        return self.context.inputs[position]

    @property
    def shapes(self) -> list[tuple[int, ...]]:
        """The sizes of the inputs."""
        return [x.shape for x in self.context.inputs]

    @property
    def measured(self) -> Measured:
        """The true gradient, with its bound and where it exists."""
        return Measured(self.true, self.bound, self.smooth)

    @property
    def error(self) -> Array:
        """Claimed minus true; zero at kinks, where there is no true one."""
        return np.where(self.smooth, self.claimed - self.true, 0.0)

    @cached_property
    def grain(self) -> float:
        """What rounding may do to the hand-derived gradient, on the scale of its largest entry."""
        return ROUNDED * float(np.sqrt(np.finfo(self.x.dtype).eps)) * self.size

    @cached_property
    def size(self) -> float:
        """The largest entry of either side."""
        return float(max(np.abs(self.claimed).max(initial=0.0), np.abs(self.true).max(initial=0.0)))

    @cached_property
    def wrong(self) -> Array:
        """Which entries are wrong, beyond what rounding explains."""
        return ~self.agrees_with(self.true, self.bound + 1e-6 * self.grain)

    def agrees_with(self, value: Array, bound: Array | float) -> Array:
        """Where the hand-derived gradient equals a value."""
        return agrees(self.claimed, value, bound)

    def is_(self, model: Measured | Array, share: float = COMPARED) -> bool:
        """Whether the hand-derived gradient is `model`, entry by entry, wherever both are smooth.

        A bare array is taken as exact as the true gradient; the model must speak of a share of the smooth entries.
        """
        if isinstance(model, np.ndarray):
            model = Measured(model, self.bound, self.smooth)
        if model.value.shape != self.claimed.shape:
            return False
        seen = self.smooth & model.smooth
        if not (seen & self.wrong).any() or seen.sum() < share * self.smooth.sum():
            return False
        if not self.agrees_with(model.value, model.bound + self.grain)[seen].all():
            return False
        # Exact means: far less is left over than there was to explain.
        left, before = self.claimed - model.value, self.claimed - self.true
        return bool(np.abs(left[seen]).max() <= EXPLAINED * np.abs(before[seen]).max())

    def if_it_is(
        self, model: Measured | Array, code: Code, message: str, evidence: dict[str, Any]
    ) -> Iterator[Finding]:
        """What is said of it if it is the model."""
        if self.is_(model):
            yield Finding(code, message, evidence)

    def times_itself(self) -> tuple[float, Measured]:
        """The factor of the true gradient that fits best, and the model."""
        k = factor(self.at_smooth(self.claimed), self.at_smooth(self.true))
        return k, self.measured.times(k).plus(0.0, self._doubt(k * self.true))

    def plus_fitted(self, term: Array) -> tuple[float, Measured]:
        """The multiple of a term that fits what is left over, and the true gradient with it added."""
        k = factor(self.error, self.at_smooth(term))
        return k, self.measured.plus(k * term, self._doubt(term))

    def _doubt(self, term: Array) -> Array:
        """By what a fitted multiple of a term is off: as the bound is of the values that it was fitted to."""
        share = np.divide(norm(self.at_smooth(self.bound)), norm(self.at_smooth(term)))
        return np.asarray(share * np.abs(term))

    def at_smooth(self, values: Array) -> Array:
        """Values without those at kinks, where there is nothing to compare."""
        return np.where(self.smooth, values, 0.0)

    def widest_bound(self, axes: tuple[int, ...]) -> Array:
        """In each group over some axes the widest bound: by no more is off what was fitted to a group."""
        return np.asarray(self.bound.max(axis=axes, keepdims=True))

    def at_upstream(self, dy: Array) -> Array | None:
        """The hand-derived gradient for another upstream gradient, if there is one of finite numbers."""
        found = self.context.backward(dy)[self.position]
        usable = found is not None and found.shape == self.true.shape and np.isfinite(found).all()
        return found if usable else None


Hypothesis = Callable[[WrongGradient], Iterable[Finding]]
"""A guess at what a wrong gradient is: it yields what it finds, likeliest first, or nothing."""


def factor(a: Array, n: Array) -> float:
    """The factor k of a = k n that fits best; 0 if there is nothing to fit."""
    return float(np.nan_to_num((a * n).sum() / (n * n).sum(), posinf=0, neginf=0))


def broadcasts(s: WrongGradient) -> Iterator[tuple[int, ...]]:
    """The axes of the output along which this input may be copied (a bias), if it looks broadcast.

    NumPy aligns shapes at their ends, so that comes first; channels first are aligned by hand.
    """
    sizes, shape = tuple(n for n in s.x.shape if n != 1), np.array(s.context.dy.shape, dtype=int)
    several = np.flatnonzero(shape > 1)
    for axes in sorted(itertools.combinations(several.tolist(), len(sizes)), reverse=True):
        copied = tuple(np.setdiff1d(several, axes).tolist())
        if tuple(shape[list(axes)]) == sizes and copied:
            yield copied


FEW = 6
"""Axes of which all sets and all orders are tried: windows over images have as many, and twelve have half a
billion orders."""


def subsets(ndim: int, most: int | None = None) -> Iterator[tuple[int, ...]]:
    """All sets of axes, or those of so many at most, small ones first; of more than a few axes pairs at most."""
    most = most or (ndim if ndim <= FEW else 2)
    for count in range(1, min(ndim, most) + 1):
        yield from itertools.combinations(range(ndim), count)


def orders(ndim: int) -> Iterator[tuple[int, ...]]:
    """All orders of a few axes; of more the reverse, and those in which two are exchanged."""
    if ndim <= FEW:
        yield from itertools.permutations(range(ndim))
        return
    yield tuple(reversed(range(ndim)))
    for one, other in itertools.combinations(range(ndim), 2):
        exchanged = {one: other, other: one}
        yield tuple(exchanged.get(axis, axis) for axis in range(ndim))


def others(ndim: int, axis: int) -> tuple[int, ...]:
    """All axes but one."""
    return tuple(k for k in range(ndim) if k != axis)


def named_axes(axes: Sequence[int]) -> str:
    """Axes, as a message names them."""
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
