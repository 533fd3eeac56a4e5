"""The numerical witness: for every entry of a gradient a difference quotient, and a bound on its error.

For L(x) = Σ dy·f(x) and one entry moved by ±h, the central quotient and its extrapolation are

    D(h) = Σ dy·(f(x+h) − f(x−h)) / 2h              error h²/6·L''' + …
    R    = (4 D(h/2) − D(h)) / 3                    error h⁴ (Richardson 1911)

and what is claimed of R is   |R − L'| ≤ 2 |R − D(h/2)| + 3·noise/h + half the jump at a kink.

|R − D(h/2)| estimates the error of the *worse* of the two values, which is what makes it a bound on
the better. The factor 3 is what extrapolation makes of an error `noise` in every evaluation. The
noise itself is measured: how far the outputs move when all inputs move by an ulp or two, and the
fourth difference of each stencil, which a smooth function leaves at h⁴ and a noisy one at √70 times
its noise (the column of a difference table of Moré and Wild, Estimating Computational Noise, 2011).
Assumed is only that f is smooth, or straight on both sides of a kink, over the last step taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from gradcheck.numeric.complexstep import complex_step, must_agree
from gradcheck.numeric.forward import Forward
from gradcheck.numeric.grouping import Group, Grouping, find_grouping
from gradcheck.numeric.kinks import Joint, joint_direction, jump
from gradcheck.numeric.steps import (
    CAUTION,
    LARGEST_STEP,
    RAGGED,
    StencilEstimate,
    StepSearch,
    corroborated,
    first_step,
    scales,
    sweep,
)
from gradcheck.result import Array

METHODS = ("extrapolated", "central", "forward", "complex")

ROUNDS = 3
"""How often a group may choose other steps before it settles for what it can see."""
NEIGHBOURS = 48
"""Points near a kink that are asked before a value there is called wrong."""
BLURRED = 1e-4
"""A relative bound so wide that a sweep over all steps is worth its price."""
Progress = Callable[[int, int], None]


class Estimate(NamedTuple):
    """A derivative and a bound on its error, entry by entry."""

    value: Array
    bound: Array


@dataclass(frozen=True)
class NumericalGradient:
    """What the numerical witness says of one input, all arrays shaped like it.

    `kinks` marks entries where the slope jumps: there `value` is the middle of the one-sided slopes
    and `bound` reaches both. `absolute_sum` is the gradient with nothing cancelling, the scale on which a
    zero is a zero. `joint` is what the kinked entries must add up to.
    """

    value: Array
    bound: Array
    kinks: Array
    absolute_sum: Array
    layout: Grouping
    evaluations: int
    joint: Joint | None = None


def numerical_gradient(
    f: Callable[..., Any],
    inputs: Sequence[Array] | Array,
    dy: Array,
    wrt: int = 0,
    method: str = "extrapolated",
    seed: int = 0,
) -> Estimate:
    """The vector-Jacobian product Σ dy·∂f/∂x of one input by differences, with a bound on its error.

    Args:
        f: `f(*inputs)` returns an array (a layer's pair of value and way back serves too).
        inputs: float32 or float64 arrays of any shapes, or a single one; integer ones are constants.
        dy: the upstream gradient, of the shape of f's value.
        wrt: the position of the input to differentiate.
        method: `extrapolated`, `central`, `forward` or `complex` (the complex step: exact to
            rounding where f accepts complex input).
        seed: for the probes that find which entries can be perturbed together.

    Returns:
        `value, bound`, float64, each of the shape of that input.

    Raises:
        ValueError: for an unknown method, an upstream gradient of another shape, a value that is
            not finite, or a forward pass that does not accept complex input (`complex`).
        TypeError: if the input is not of floating dtype.
    """
    arrays = [np.asarray(x) for x in ([inputs] if isinstance(inputs, np.ndarray) else inputs)]
    witness = NumericalWitness(Forward(f, arrays), dy, method=method, seed=seed)
    gradient = witness.gradient(wrt)
    return Estimate(gradient.value, gradient.bound)


def directional_derivative(
    f: Callable[..., Any],
    inputs: Sequence[Array],
    directions: Sequence[Array | None],
    dy: Array | None = None,
    seed: int = 0,
) -> tuple[float, float]:
    """The derivative of Σ dy·f along one direction through all inputs at once, with a bound.

    Args:
        f: `f(*inputs)` returns an array; dy may be left out for a scalar.
        inputs: arrays.
        directions: for each input an array of its shape, or None for an input that stays.
        dy: upstream gradient, of the shape of f's value.
        seed: for the measurement of rounding noise.

    Returns:
        slope, bound.
    """
    forward = Forward(f, inputs)
    noise = forward.noise(np.random.default_rng(seed))
    return slope_along(forward, directions, np.ones(()) if dy is None else dy, noise)


def slope_along(
    forward: Forward, directions: Sequence[Array | None], dy: Array, noise: Array
) -> tuple[float, float]:
    """As `directional_derivative`, for a forward pass whose noise is known."""

    def along(t: Array) -> Array:
        forward.evaluations += 1
        moved = [
            x if v is None else x + (t * v).astype(x.dtype)
            for x, v in zip(forward.inputs, directions, strict=True)
        ]
        return forward.raw(*moved)

    # The rounding of x + t·v is that of x, so the noise must be that of the full inputs.
    line = NumericalWitness(Forward(along, [np.zeros(())]), dy, noise=noise)
    slope = line.gradient(0)
    return float(slope.value), float(slope.bound)


@dataclass
class NumericalWitness:
    """Differences of a forward pass under one upstream gradient, for one input after another.

    Args:
        forward: the forward pass at its point.
        dy: upstream gradient, of the shape of its value.
        method: one of `METHODS`.
        seed: for probes and confirmations.
        noise: the noise of each output, where it is known already.
        progress: called with groups done and groups in all.
    """

    forward: Forward
    dy: Array
    method: str = "extrapolated"
    seed: int = 0
    noise: Array | None = None
    progress: Progress | None = None
    spread: Array = field(init=False)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ValueError(f"method is {self.method!r}, expected one of {', '.join(METHODS)}")
        self.dy = np.asarray(self.dy, dtype=np.float64)
        if self.dy.shape != self.forward.value.shape:
            raise ValueError(
                f"dy has shape {self.dy.shape}, the forward pass returns {self.forward.value.shape}"
            )
        rng = np.random.default_rng(self.seed)
        self.spread = self.forward.noise(rng) if self.noise is None else np.asarray(self.noise)

    def gradient(self, position: int) -> NumericalGradient:
        """The gradient of the input at `position`: grouped if that is confirmed, one by one if not."""
        x = self.forward.inputs[position]
        if not np.issubdtype(x.dtype, np.floating):
            raise TypeError(f"input {position} has dtype {x.dtype}: a step needs a float array")
        rng = np.random.default_rng((self.seed, position))
        before = self.forward.evaluations
        if self.method == "complex":
            return self._complex_step(position)
        layout = find_grouping(x.shape, self.forward.value.shape, self._touch(position), rng)
        found = self._walk(position, layout)
        if layout.lanes and not self._confirmed(position, found, rng):
            layout = Grouping(x.shape)
            found = self._walk(position, layout)
        joint = None
        if found.kinks.sum() > 1:
            step = 2 * first_step(self.forward.epsilon(position))
            step *= float(scales(x)[found.kinks].min())
            joint = joint_direction(
                self.forward, position, self.dy, self.spread, layout, found.kinks, step
            )
        return NumericalGradient(
            found.value,
            found.bound,
            found.kinks,
            found.absolute_sum,
            layout,
            self.forward.evaluations - before,
            joint,
        )

    def beside(self, position: int, hand: Array | None) -> NumericalGradient:
        """The gradient, looked at more closely where a hand-derived one lies outside a kink's slopes."""
        numeric = self.gradient(position)
        if hand is None or hand.shape != numeric.value.shape or not np.isfinite(hand).all():
            return numeric
        outside = numeric.kinks & ~(np.abs(hand - numeric.value) <= numeric.bound)
        # Where many are wrong, the first of them say it.
        outside.flat[np.flatnonzero(outside)[64:]] = False
        if not outside.any():
            return numeric
        return self.with_neighbours(position, numeric, outside, hand.astype(np.float64))

    def with_neighbours(
        self, position: int, numeric: NumericalGradient, wanted: Array, claimed: Array
    ) -> NumericalGradient:
        """Widen the bound at kinks by the gradients at points nearby.

        A subgradient in Clarke's sense lies in the convex hull of the gradients at neighbouring
        points that have one. Slopes along one entry do not always show them all: of four equal
        numbers that are sorted, one that moves alone can only become the first or the last.

        Args:
            position: the input.
            numeric: what the witness said of it.
            wanted: marks the kinked entries to look at.
            claimed: the hand-derived gradient; no more is looked at once it lies between.
        """
        x = self.forward.inputs[position]
        scale, reach = scales(x), self.forward.epsilon(position) ** 0.375
        step = reach * self.forward.epsilon(position) ** 0.25 * scale
        rng = np.random.default_rng((self.seed, position, 2))
        value, bound = numeric.value.copy(), numeric.bound.copy()
        # The gradient itself changes a little over that distance.
        slack = 16 * reach * numeric.absolute_sum
        for _ in range(NEIGHBOURS):
            outside = wanted & ~(np.abs(claimed - value) <= bound)
            if not outside.any():
                break
            shift = reach * scale * rng.uniform(-1, 1, x.shape) * numeric.kinks
            for entry in map(tuple, np.argwhere(outside)):
                slope, doubt = self._slope_at(position, (x + shift).astype(x.dtype), entry, step)
                low = min(value[entry] - bound[entry], slope - doubt - slack[entry])
                high = max(value[entry] + bound[entry], slope + doubt + slack[entry])
                value[entry], bound[entry] = (low + high) / 2, (high - low) / 2
        return replace(numeric, value=value, bound=bound)

    def _slope_at(
        self, position: int, x: Array, entry: tuple[int, ...], step: Array
    ) -> tuple[float, float]:
        """A central difference at another point, and the rounding in it."""
        everything = (slice(None),) * x.ndim
        ahead, behind = x.copy(), x.copy()
        ahead[entry] += step[entry]
        behind[entry] -= step[entry]
        width = float(ahead[entry]) - float(behind[entry])
        difference = self.forward.moved(position, everything, ahead)
        difference = difference - self.forward.moved(position, everything, behind)
        rounding = CAUTION * float(np.sqrt(((self.dy * self.spread) ** 2).sum()))
        return float((self.dy * difference).sum()) / width, 2 * rounding / width

    def _touch(self, position: int) -> Callable[[Array], Array]:
        x = self.forward.inputs[position].copy()
        everything = (slice(None),) * x.ndim
        size = LARGEST_STEP * scales(x)

        def touch(perturbation: Array) -> Array:
            moved = (x + size * perturbation).astype(x.dtype)
            value = self.forward.moved(position, everything, moved)
            return np.asarray(value != self.forward.value)

        return touch

    def _walk(self, position: int, layout: Grouping) -> _Found:
        """Visit every group; each of its entries walks to the step where its own bound is tight."""
        x = self.forward.inputs[position]
        scale, epsilon = scales(x), self.forward.epsilon(position)
        wanted, start = epsilon ** (4 / 7), first_step(epsilon)
        with np.errstate(over="ignore"):
            weighted = (self.dy * self.spread) ** 2
        noises: dict[Any, Array] = {}
        found, largest, total = _Found.nothing(x.shape), 0.0, layout.count()
        roughness = 1.0
        for done, group in enumerate(layout.groups()):
            reading = layout.reading(group)
            if reading not in noises:
                noises[reading] = CAUTION * np.sqrt(layout.read(weighted, group))
            trail = StepSearch(scale[group], near=first_step(epsilon))
            h = scale[group] * start
            for attempt in range(ROUNDS):
                trail.add(self._rung(position, layout, group, h, roughness * noises[reading]))
                largest = max(largest, float(np.abs(trail.best.value).max(initial=0.0)))
                good = trail.good(wanted, largest)
                # The first group looks twice: one stencil may lie by luck on a staircase.
                if good.all() and (done or attempt):
                    break
                h = 0.6 * h if good.all() else trail.next_step(good)
            roughness = max(roughness, trail.roughness())
            best = trail.best
            # Where everything cancels, a small bound on what cancels is all that can be had.
            blurred = ~trail.good(BLURRED, np.maximum(largest, best.absolute_sum))
            if blurred.any():
                steps = [t * scale[group] for t in sweep(epsilon)]
                noise = roughness * noises[reading]
                rungs = [self._rung(position, layout, group, t, noise) for t in steps]
                best = best.choose(
                    corroborated(rungs, 10 * first_step(epsilon) * scale[group]), blurred
                )
            start = trail.usual_step(start)
            found.enter(group, best)
            if self.progress is not None:
                self.progress(done + 1, total)
        return found

    def _rung(
        self, position: int, layout: Grouping, group: Group, h: Array, noise: Array
    ) -> StencilEstimate:
        """Five points on a line through x, and what their differences say. Four evaluations."""
        x = self.forward.inputs[position][group].copy()
        places = [(x + t * h).astype(x.dtype) for t in (-1.0, -0.5, 0.5, 1.0)]
        far_down, down, up, far_up = (
            self.forward.moved(position, group, place) for place in places
        )
        f, dy = self.forward.value, self.dy
        wide, narrow = (
            places[3].astype(np.float64) - places[0],
            places[2].astype(np.float64) - places[1],
        )
        with np.errstate(all="ignore"):
            coarse = layout.read(dy * (far_up - far_down), group) / wide
            fine = layout.read(dy * (up - down), group) / narrow
            ratio = (wide / narrow) ** 2
            extrapolated = (ratio * fine - coarse) / (ratio - 1)
            centre, right, left = up - 2 * f + down, far_up - 2 * up + f, far_down - 2 * down + f
            jumps = jump(centre, right, left, self.spread)
            fourth = np.where(jumps > 0, 0.0, right + left - 2 * centre)
            ragged = RAGGED * np.sqrt(layout.read((dy * fourth) ** 2, group) / 70)
            half_jump = layout.read(np.abs(dy) * jumps, group) / narrow
            if self.method == "forward":
                ahead = (places[2] - x).astype(np.float64)
                value = layout.read(dy * (up - f), group) / ahead
                further = layout.read(dy * (far_up - f), group) / (places[3] - x)
                truncation = 2 * np.abs(value - further)
                half_jump = 2 * half_jump
            else:
                value = extrapolated if self.method == "extrapolated" else fine
                truncation = 2 * np.abs(extrapolated - fine)
            absolute_sum = layout.read(np.abs(dy * (up - down)), group) / narrow
            # The second term is this arithmetic's own: all that is left where outputs are exact.
            rounding = 6 * noise / wide + 16 * np.finfo(np.float64).eps * absolute_sum
            ragged = 6 * ragged / wide
            structure = truncation + ragged
        return StencilEstimate(h, value, structure, ragged, rounding, half_jump, absolute_sum)

    def _confirmed(self, position: int, found: _Found, rng: np.random.Generator) -> bool:
        """Whether the grouped gradient predicts the slope along a random direction. Two evaluations."""
        x = self.forward.inputs[position].copy()
        everything = (slice(None),) * x.ndim
        h = self.forward.epsilon(position) ** 0.4 * scales(x) * rng.uniform(0.5, 1.0, x.shape)
        h *= rng.choice([-1.0, 1.0], x.shape)
        ahead, behind = (x + h).astype(x.dtype), (x - h).astype(x.dtype)
        up = self.forward.moved(position, everything, ahead)
        down = self.forward.moved(position, everything, behind)
        taken = (ahead.astype(np.float64) - behind) / 2
        seen = float((self.dy * (up - down)).sum()) / 2
        curved = np.abs(self.dy * (up - 2 * self.forward.value + down)).sum() / 2
        with np.errstate(over="ignore"):
            allowed = curved + CAUTION * np.sqrt(((self.dy * self.spread) ** 2).sum())
        allowed += float((np.abs(taken) * found.bound).sum())
        return bool(abs(seen - float((taken * found.value).sum())) <= allowed)

    def _complex_step(self, position: int) -> NumericalGradient:
        """Im f(x + ih)/h: no difference, so nothing cancels; differences must agree along a line."""
        before = self.forward.evaluations
        x = self.forward.inputs[position]
        value, bound, absolute_sum = complex_step(self.forward, position, self.dy)
        signs = np.random.default_rng((self.seed, position)).choice([-1.0, 1.0], x.shape)
        direction = signs * scales(x)
        directions: list[Array | None] = [None] * len(self.forward.inputs)
        directions[position] = direction
        slope, doubt = slope_along(self.forward, directions, self.dy, self.spread)
        must_agree(float((direction * value).sum()), slope, doubt)
        none = np.zeros(value.shape, dtype=bool)
        used = self.forward.evaluations - before
        return NumericalGradient(value, bound, none, absolute_sum, Grouping(value.shape), used)


@dataclass
class _Found:
    """The gradient of one input as it fills up, group by group."""

    value: Array
    bound: Array
    kinks: Array
    absolute_sum: Array

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> _Found:
        zero, inf = np.zeros(shape), np.full(shape, np.inf)
        return cls(zero, inf, np.zeros(shape, dtype=bool), zero.copy())

    def enter(self, group: Group, rung: StencilEstimate) -> None:
        self.value[group] = np.where(np.isfinite(rung.value), rung.value, 0)
        self.bound[group] = rung.bound
        self.kinks[group] = rung.kinked
        self.absolute_sum[group] = np.nan_to_num(rung.absolute_sum)
