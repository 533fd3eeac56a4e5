"""The forward pass as the checker sees it: evaluated on private copies, counted, its rounding noise measured."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import Any

import numpy as np

from gradcheck.entries import every_entry
from gradcheck.layer import Misuse, value_of
from gradcheck.numeric.margins import (
    GRAIN,
    HALVINGS,
    KINK_RATIO,
    LINE,
    PLACES,
    STAIRS_MET,
    ULPS,
    UNBACKED,
)
from gradcheck.numeric.steps import median
from gradcheck.result import Array

Group = tuple[slice, ...]
"""Entries moved together: one slice for each axis of the input."""

Visited = Callable[[], None]
"""Called after each group that was moved."""


class Forward:
    """A forward pass at one point: its inputs, its value there, and how noisy that value is.

    Args:
        f: `f(*inputs)` returns an array, or a pair (array, backward) whose second part is ignored.
        inputs: arrays of any shape; those of floating dtype may be perturbed.
        careful: hand out a fresh copy of every input at every call, for an `f` that writes to them.
        movable: positions of the inputs that may be moved to measure noise; by default every one of
            floating dtype. Labels and masks stay as they are.

    Raises:
        ValueError: if the value is not a real array of floating dtype, or not finite; later, if it has
            another shape at other inputs.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        inputs: Sequence[Array],
        *,
        careful: bool = False,
        movable: Iterable[int] | None = None,
    ) -> None:
        self.f = f
        self.inputs = [np.array(value) for value in inputs]
        self.careful = careful
        floats = [p for p, x in enumerate(self.inputs) if np.issubdtype(x.dtype, np.floating)]
        self.movable = floats if movable is None else [p for p in movable if p in floats]
        self.evaluations = 0
        self.seconds = 0.0
        self.still: Array | None = None
        """Which outputs nothing moved while noise was measured: flat there, or a staircase."""
        self.refusal: Exception | None = None
        """What f has raised last of numbers that are not its point's."""
        self.shape: tuple[int, ...] | None = None
        self.value = self(*self.inputs)
        if not np.isfinite(self.value).all():
            raise ValueError("the forward pass returns NaN or Inf here: nothing to differentiate")

    def __call__(self, *inputs: Array) -> Array:
        """f's value in float64 or wider, safe from what later happens to the inputs."""
        began = time.perf_counter()
        # A step may leave the domain (a logarithm below zero); the NaN that comes back says so.
        with np.errstate(all="ignore"):
            value = self._evaluated(inputs)
        self.seconds += time.perf_counter() - began
        # A reshape returns a view of the input, which is about to be put back as it was.
        return np.array(value, dtype=np.result_type(value.dtype, np.float64))

    def _evaluated(self, inputs: Sequence[Array]) -> Array:
        self.evaluations += 1
        given = [np.array(x) for x in inputs] if self.careful else inputs
        value = self.raw(*given) if self.shape is None else self._raw_or_nan(given, self.shape)
        if value.dtype.kind != "f":
            raise ValueError(
                f"the forward pass returns dtype {value.dtype}, not a real float array"
            )
        if self.shape is not None and value.shape != self.shape:
            raise ValueError(
                f"the forward pass returns shape {value.shape} a step away from where it returns {self.shape}: "
                "expected a shape that does not depend on the numbers in the inputs"
            )
        self.dtype, self.shape = value.dtype, value.shape
        return value

    def _raw_or_nan(self, inputs: Sequence[Array], shape: tuple[int, ...]) -> Array:
        """The same beside the point, where f may refuse: a matrix that has no root is a logarithm below zero."""
        try:
            return self.raw(*inputs)
        except Misuse:
            raise
        except Exception as refusal:
            self.refusal = refusal
            return np.full(shape, np.nan, self.dtype)

    def raw(self, *inputs: Array) -> Array:
        """f's value as it is."""
        value = self.f(*inputs)
        if isinstance(value, tuple) and len(value) == 2 and callable(value[1]):
            value = value[0]
        return np.asarray(every_entry(value) if isinstance(value, np.ndarray) else value_of(value))

    def there_and_back(self, inputs: Sequence[Array], dy: Array) -> tuple[Array, Any] | None:
        """f's value at other inputs with what its way back returns for dy; None where there is none."""
        self.evaluations += 1
        try:
            with np.errstate(all="ignore"):
                value, backward = self.f(*(np.array(x) for x in inputs))
                value = np.array(every_entry(value))
                gradients = backward(dy.astype(value.dtype))
        except Exception:
            # An f without a way back, or a point that it does not like: nothing is known there.
            return None
        return value.astype(np.result_type(value.dtype, np.float64)), gradients

    def moved(self, position: int, group: Group | tuple[int, ...], entries: Array) -> Array:
        """The value with `entries` in place of `inputs[position][group]`, everything else kept."""
        x = self.inputs[position]
        kept = x[group].copy()
        x[group] = entries
        try:
            return self(*self.inputs)
        finally:
            x[group] = kept

    def moved_in_turn(
        self, position: int, groups: Sequence[Group], places: Sequence[Array], visited: Visited
    ) -> list[Array]:
        """The values with one group of entries after the other at each of some places: a stack for each place."""
        x, began = self.inputs[position], time.perf_counter()
        found = [np.empty((len(groups), *self.value.shape), self.value.dtype) for _ in places]
        with np.errstate(all="ignore"):
            for k, group in enumerate(groups):
                kept = x[group].copy()
                try:
                    for values, place in zip(found, places, strict=True):
                        x[group] = place[k]
                        values[k] = self._evaluated(self.inputs)
                finally:
                    x[group] = kept
                visited()
        self.seconds += time.perf_counter() - began
        return found

    def epsilon(self, position: int) -> float:
        """The working precision: of the output, or of the input where that is coarser."""
        dtypes = (self.dtype, self.inputs[position].dtype)
        return float(max(np.finfo(dtype).eps for dtype in dtypes))

    def noise(self, rng: np.random.Generator) -> Array:
        """The rounding noise of each output, measured at neighbouring points.

        How far the outputs at x ± an ulp or two are from one line shows what a cancelling sum loses
        inside. A coarser staircase (float32 somewhere on the way) shows in the third
        differences along a line so short that a smooth function leaves nothing of them: a
        difference table of Moré and Wild, Estimating Computational Noise, 2011. The floor is
        half an ulp, with the ε of a coarser dtype where the values turn out to be rounded to it; an output
        that does not move at all has been saturated by numbers of the inputs' size, and its floor is
        theirs. Only `movable` inputs are moved. Six evaluations, or seven.
        """
        directions = [random_direction(rng, x.shape) for x in self.inputs]
        epsilon = self.coarsest_epsilon()
        self.refusal = None
        near = [
            self._shifted(directions, [t * _ulp(x) for x in self.inputs]) for t in (ULPS, -ULPS)
        ]
        line = [
            self._shifted(directions, [t * epsilon**LINE * np.abs(x) for x in self.inputs])
            for t in PLACES
        ]
        if self.refusal is not None:
            # So near that nothing can be known of the point: whoever called must know.
            raise self.refusal
        seen = self._off_a_line(near[0], near[1], line)
        epsilon = max(epsilon, _precision([*near, *line], self.dtype))
        # Below the smallest normal number, what underflows is lost too.
        floor = epsilon / 2 * np.abs(self.value) + np.finfo(self.dtype).tiny
        # Far above an ulp, the few samples are all that is known of it.
        seen = np.where(seen > UNBACKED * floor, 2 * seen, seen)
        self.still = np.all([moved == self.value for moved in (*near, *line)], axis=0)
        if self.still.any():
            # An input of zero has not moved yet.
            off_zero = [epsilon**LINE * (np.abs(x) + (x == 0)) for x in self.inputs]
            self.still &= self._shifted(directions, off_zero) == self.value
        flat = np.where(self.still, epsilon * self._usual_input(), 0.0)
        return np.asarray(np.maximum(np.maximum(seen, flat), self._usual(seen, floor) * floor))

    def _shifted(self, directions: Sequence[Array], sizes: Sequence[Array]) -> Array:
        """The outputs where every input that is movable is moved by these sizes along its direction."""
        moved = list(self.inputs)
        for p in self.movable:
            x = self.inputs[p]
            moved[p] = np.asarray(x + directions[p] * sizes[p]).astype(x.dtype)
        return self(*moved)

    def _off_a_line(self, ahead: Array, behind: Array, line: Sequence[Array]) -> Array:
        """How far outputs at neighbouring points are from where a smooth function has them."""
        # Half of it, because two evaluations and twice a third are in it.
        within_ulps = ((ahead - self.value) - (self.value - behind)) / 2
        # Most forward passes round a multiple of x before anything else: a third of an ulp of x or so.
        inside = (ahead - self.value) / (2 * ULPS)
        samples = [within_ulps, inside, *_misfits([self.value, *line], (0.0, *PLACES))]
        found: Array = np.max(np.nan_to_num(np.abs(samples), nan=0.0, posinf=0.0), axis=0)
        return found

    def _usual(self, seen: Array, floor: Array) -> float:
        """How many floors most outputs show, at least one: the others are spared by luck only."""
        telling = self.value != 0
        with np.errstate(over="ignore"):
            usual = float(np.median(seen[telling] / floor[telling])) if telling.any() else 1.0
        return max(1.0, usual)

    def coarsest_epsilon(self) -> float:
        """The ε of the output or of the coarsest input: what float32 goes through stays float32."""
        dtypes = [self.dtype, *(x.dtype for x in self.inputs if x.dtype.kind == "f")]
        return float(max(np.finfo(dtype).eps for dtype in dtypes))

    def _usual_input(self) -> float:
        """The usual size of the numbers that go in."""
        sizes = [np.abs(self.inputs[p]) for p in self.movable]
        return max((median(x[x > 0]) for x in sizes if (x > 0).any()), default=0.0)


def shaken_inputs(
    forward: Forward, rng: np.random.Generator, epsilon: float | None = None
) -> tuple[list[Array], list[Array]]:
    """The inputs at two points, one to either side, where everything that may move has moved by an ulp or two.

    Of its own precision, or of a narrower one whose ε is given.
    """
    moving = {p: forward.inputs[p] for p in forward.movable}
    ulps = {p: _ulp(x) if epsilon is None else epsilon * np.abs(x) for p, x in moving.items()}
    shifts = {p: ULPS * ulp * random_direction(rng, ulp.shape) for p, ulp in ulps.items()}

    def at(side: float) -> list[Array]:
        moved = {p: np.asarray(x + side * shifts[p]).astype(x.dtype) for p, x in moving.items()}
        return [moved.get(p, x) for p, x in enumerate(forward.inputs)]

    return at(1.0), at(-1.0)


def has_stairs(forward: Forward, seed: int, epsilon: float) -> bool:
    """Whether the outputs jump again and again along a line through all inputs, some ulps of a precision long.

    As they do where something on the way is rounded to it. By halving, a continuous function is seen to move
    less and less; a threshold that happens to be near stands alone.
    """
    sizes = {p: ULPS * epsilon * np.abs(forward.inputs[p]) for p in forward.movable}

    @cache
    def at(t: float) -> Array:
        moved = list(forward.inputs)
        for p, size in sizes.items():
            direction = random_direction(np.random.default_rng((seed, p)), size.shape)
            moved[p] = np.asarray(moved[p] + t * size * direction).astype(moved[p].dtype)
        return forward(*moved)

    return all(_jumps_between(at, float(k), k + 1.0) for k in range(STAIRS_MET))


def _jumps_between(at: Callable[[float], Array], low: float, high: float) -> bool:
    """Whether more is left of a movement after many halvings than a slope would leave, and nothing like it beside.

    What swings many times in between leaves as much on either side.
    """
    whole = _furthest(at(low), at(high))
    for _ in range(2 * HALVINGS):
        low, high = _steeper_half(at, low, high)
    width, below, above = high - low, at(low), at(high)
    beside = max(_furthest(at(low - width), below), _furthest(at(high + width), above))
    return _furthest(below, above) > max(whole / 2.0**HALVINGS, KINK_RATIO * beside)


def _steeper_half(at: Callable[[float], Array], low: float, high: float) -> tuple[float, float]:
    middle = (low + high) / 2
    here = at(middle)
    rises_early = _furthest(here, at(low)) > _furthest(at(high), here)
    return (low, middle) if rises_early else (middle, high)


def _furthest(one: Array, other: Array) -> float:
    """The largest movement of an output; the rounding of what is returned is none."""
    moved = np.abs(one - other)
    grain = GRAIN * np.spacing(np.maximum(np.abs(one), np.abs(other)))
    return float(np.where(moved > grain, moved, 0.0).max(initial=0.0))


def random_direction(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Random signs and random sizes, none near zero.

    Of equal sizes, shifts of opposite entries would cancel and so hide what they do, and a layer
    that is blind to a common shift would seem to do nothing.
    """
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 1.0, shape))


def _misfits(line: list[Array], places: tuple[float, ...]) -> Iterator[Array]:
    """By how much each inner point misses the parabola through the three nearest others."""
    for k in range(1, len(line) - 1):
        others = sorted(set(range(len(line))) - {k}, key=lambda j: abs(places[j] - places[k]))[:3]
        weights = {
            j: np.prod(
                [(places[k] - places[i]) / (places[j] - places[i]) for i in others if i != j]
            )
            for j in others
        }
        # The differences first: weights that round would leave their rounding of the whole value.
        yield sum(weights[j] * (line[j] - line[k]) for j in others)


def _ulp(x: Array) -> Array:
    return np.spacing(np.abs(x)) if np.issubdtype(x.dtype, np.floating) else np.zeros(x.shape)


def _precision(values: list[Array], dtype: np.dtype[Any]) -> float:
    """The ε of the coarsest dtype to which all these values turn out to be rounded."""
    narrower = [
        (coarse, bits)
        for coarse, bits in ((np.float32, np.int32), (np.float64, np.int64))
        if np.finfo(coarse).eps > np.finfo(dtype).eps
    ]
    for coarse, bits in narrower:
        if all(_rounded_to(coarse, bits, value) for value in values):
            return float(np.finfo(coarse).eps)
    return 0.0


def rounded_to_float32(value: Array) -> bool:
    """Whether float64 values carry no more than float32's digits, though more than round numbers do."""
    return _rounded_to(np.float32, np.int32, value)


def _rounded_to(dtype: type[np.floating], bits: type[np.signedinteger], value: Array) -> bool:
    with np.errstate(over="ignore"):
        rounded = value.astype(dtype)
    # Ten bits of mantissa, as in a half, are what a round number has.
    more = (1 << (np.finfo(dtype).nmant - 10)) - 1
    return bool((rounded == value).all() and (rounded.view(bits) & more).any())
