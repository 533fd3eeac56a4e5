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
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from gradcheck.alignment import Group, Layout, find_layout
from gradcheck.forward import Forward
from gradcheck.kinks import Joint, joint_direction, jump
from gradcheck.result import Array

METHODS = ("extrapolated", "central", "forward", "complex")

LARGEST_STEP = 0.25
"""Relative to an entry's scale: further away is another point."""
ROUNDS = 4
"""How often a group may choose other steps before it settles for what it can see."""
BLURRED = 1e-4
"""A relative bound so wide that a sweep over all steps is worth its price."""
CAUTION = 4.0
"""Standard deviations of measured noise that a bound covers."""
RAGGED = 16.0
"""The same for noise seen in one stencil only: one sample is often far below its deviation."""

Progress = Callable[[int, int], None]


class Estimate(NamedTuple):
    """A derivative and a bound on its error, entry by entry."""

    value: Array
    bound: Array


@dataclass(frozen=True)
class NumericalGradient:
    """What the numerical witness says of one input, all arrays shaped like it.

    `kinks` marks entries where the slope jumps: there `value` is the middle of the one-sided slopes
    and `bound` reaches both. `gross` is the gradient with nothing cancelling, the scale on which a
    zero is a zero. `joint` is what the kinked entries must add up to.
    """

    value: Array
    bound: Array
    kinks: Array
    gross: Array
    layout: Layout
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


def scales(x: Array) -> Array:
    """The size against which a step is small: |x|, and near zero what is usual in the array."""
    magnitude = np.abs(np.asarray(x, dtype=np.float64))
    usual = magnitude[magnitude > 0]
    floor = 0.1 * float(np.median(usual)) if usual.size else 1.0
    return np.maximum(magnitude, floor)


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
        layout = find_layout(x.shape, self.forward.value.shape, self._touch(position), rng)
        found = self._walk(position, layout)
        if layout.lanes and not self._confirmed(position, found, rng):
            layout = Layout(x.shape)
            found = self._walk(position, layout)
        joint = None
        if found.kinks.sum() > 1:
            step = 2 * _first_step(self.forward.epsilon(position))
            step *= float(scales(x)[found.kinks].min())
            joint = joint_direction(
                self.forward, position, self.dy, self.spread, layout, found.kinks, step
            )
        return NumericalGradient(
            found.value,
            found.bound,
            found.kinks,
            found.gross,
            layout,
            self.forward.evaluations - before,
            joint,
        )

    def _touch(self, position: int) -> Callable[[Array], Array]:
        x = self.forward.inputs[position].copy()
        everything = (slice(None),) * x.ndim
        size = LARGEST_STEP * scales(x)

        def touch(perturbation: Array) -> Array:
            moved = (x + size * perturbation).astype(x.dtype)
            value = self.forward.moved(position, everything, moved)
            return np.asarray(value != self.forward.value)

        return touch

    def _walk(self, position: int, layout: Layout) -> _Found:
        """Visit every group; each of its entries walks to the step where its own bound is tight."""
        x = self.forward.inputs[position]
        scale, epsilon = scales(x), self.forward.epsilon(position)
        wanted, start = epsilon ** (4 / 7), _first_step(epsilon)
        weighted = (self.dy * self.spread) ** 2
        noises: dict[Any, Array] = {}
        found, largest, total = _Found.nothing(x.shape), 0.0, layout.count()
        roughness = 1.0
        for done, group in enumerate(layout.groups()):
            reading = layout.reading(group)
            if reading not in noises:
                noises[reading] = CAUTION * np.sqrt(layout.read(weighted, group))
            trail = _Trail(scale[group])
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
            blurred = ~trail.good(BLURRED, np.maximum(largest, best.gross))
            if blurred.any():
                steps = [t * scale[group] for t in _sweep(epsilon)]
                noise = roughness * noises[reading]
                rungs = [self._rung(position, layout, group, t, noise) for t in steps]
                best = best.choose(_corroborated(rungs, 10 * _first_step(epsilon) * scale[group]), blurred)
            start = trail.usual_step(start)
            found.enter(group, best)
            if self.progress is not None:
                self.progress(done + 1, total)
        return found

    def _rung(
        self, position: int, layout: Layout, group: Group, h: Array, noise: Array
    ) -> _Rung:
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
            gross = layout.read(np.abs(dy * (up - down)), group) / narrow
            # The second term is this arithmetic's own: all that is left where outputs are exact.
            rounding = 6 * noise / wide + 16 * np.finfo(np.float64).eps * gross
            ragged = 6 * ragged / wide
            structure = truncation + ragged
        return _Rung(h, value, structure, ragged, rounding, half_jump, gross)

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
        allowed = curved + CAUTION * np.sqrt(((self.dy * self.spread) ** 2).sum())
        allowed += float((np.abs(taken) * found.bound).sum())
        return bool(abs(seen - float((taken * found.value).sum())) <= allowed)

    def _complex_step(self, position: int) -> NumericalGradient:
        """Im f(x + ih)/h: no difference, so nothing cancels (Squire and Trapp 1998)."""
        from gradcheck.complexstep import complex_step

        value, bound, gross = complex_step(self.forward, position, self.dy)
        none = np.zeros(value.shape, dtype=bool)
        return NumericalGradient(
            value, bound, none, gross, Layout(value.shape), value.size, None
        )


def _first_step(epsilon: float) -> float:
    """Relative first step: 5e-5 in float64, 8e-3 in float32; near the optimum for extrapolation."""
    # Not a power of two: a step on the grid of a coarser dtype would see nothing of its rounding.
    return 0.43 * epsilon**0.25


class _Rung(NamedTuple):
    """One step's estimate for a group, with its bound in the parts that say where to go next."""

    step: Array
    value: Array
    structure: Array
    ragged: Array
    rounding: Array
    half_jump: Array
    gross: Array

    @property
    def bound(self) -> Array:
        bound = self.structure + self.rounding + self.half_jump
        return np.where(np.isfinite(bound) & np.isfinite(self.value), bound, np.inf)

    @property
    def kinked(self) -> Array:
        """Where the slope jumps by more than everything else that is unsure."""
        return np.asarray(2 * self.half_jump > self.bound)

    def choose(self, other: _Rung, where: Array) -> _Rung:
        return _Rung(*(np.where(where, b, a) for a, b in zip(self, other, strict=True)))


class _Trail:
    """The steps that one group has tried, entry by entry, and the estimate to believe of them.

    Two intervals that do not overlap cannot both be right: a step so long that the function swings
    in between, or so short that it sees a plateau of rounding. Believed is the estimate that most
    others agree with, the tightest of those; one that stands alone against another is widened.
    """

    def __init__(self, scale: Array) -> None:
        self.scale = scale
        self.rungs: list[_Rung] = []
        self.best: _Rung
        self.doubtful = np.zeros(scale.shape, dtype=bool)

    def add(self, rung: _Rung) -> None:
        self.rungs.append(rung)
        if len(self.rungs) == 1:
            self.best = rung
            return
        rungs = _monotone(self.rungs)
        values, bounds = np.stack([r.value for r in rungs]), np.stack([r.bound for r in rungs])
        steps = np.stack([r.step for r in rungs])
        with np.errstate(invalid="ignore"):
            apart = np.abs(values[:, None] - values) > bounds[:, None] + bounds
        # A long step may have met a kink or another bend: it is no witness against a shorter one.
        apart &= steps <= np.maximum(steps[:, None], steps[0])
        dissent = apart.sum(axis=1)
        fewest = dissent.min(axis=0)
        candidates = np.where(dissent == fewest, bounds, np.inf)
        choice = candidates.argmin(axis=0)
        self.best = rungs[0]
        for k, other in enumerate(rungs[1:], start=1):
            self.best = self.best.choose(other, choice == k)
        # Doubtful while as many speak against the choice as for it.
        self.doubtful = 2 * fewest >= len(self.rungs)
        spread = np.where(np.isfinite(bounds), np.abs(values - self.best.value), 0).max(axis=0)
        widened = np.where(self.doubtful, spread + self.best.structure, self.best.structure)
        self.best = self.best._replace(structure=widened)

    def good(self, wanted: float, largest: float | Array) -> Array:
        """Which entries need no other step; `largest` is the gradient's largest entry so far."""
        best = self.best
        fine = best.bound <= wanted * np.maximum(np.abs(best.value), largest)
        # A kink is settled only close by: an entry a little way off has a derivative.
        settled = best.kinked & (best.step <= 1e-8 * self.scale)
        return np.asarray((fine | settled) & ~self.doubtful)

    def next_step(self, good: Array) -> Array:
        """Shorter where the function is not straight enough, longer where rounding is in the way."""
        last, best = self.rungs[-1], self.best
        wobble = last.structure + last.half_jump
        with np.errstate(all="ignore"):
            optimum = np.cbrt(last.rounding / wobble)
        optimum = np.where(np.isfinite(optimum), optimum, 2.0**-10)
        shorter = last.step * np.clip(optimum, 2.0**-16, 0.25)
        limit = LARGEST_STEP * self.scale
        # If a shorter step has made things worse, what wobbles is noise.
        worse = (last.bound > best.bound) & (last.step < best.step)
        longer = np.minimum(64 * np.where(worse, best.step, last.step), limit)
        straight = ~worse & (last.structure < 0.01 * last.rounding)
        longer = np.where(straight, limit, longer)
        step = np.where((wobble > last.rounding) & ~worse, shorter, longer)
        return np.asarray(np.where(good, best.step, step))

    def roughness(self) -> float:
        """How many times the measured noise most stencils of this group show: 1, unless it misses some."""
        # Curvature or a kink also makes a stencil ragged, but less so at a shorter step.
        ratios = [
            float(np.median(r.ragged / r.rounding)) * CAUTION / RAGGED
            for r in self.rungs
            if (r.step <= self.rungs[0].step).all()
            and (r.rounding > 0).all()
            and np.isfinite(r.ragged).all()
            and r.ragged.size
        ]
        shorter = len(ratios) > 1 and (self.rungs[1].step < self.rungs[0].step).all()
        return max(1.0, min(ratios)) if shorter else 1.0

    def usual_step(self, otherwise: float) -> float:
        """The relative step at which this group ended: a good first one for the next."""
        smooth = ~self.best.kinked & np.isfinite(self.best.bound)
        relative = (self.best.step / self.scale)[smooth]
        return float(np.median(relative)) if relative.size else otherwise


def _sweep(epsilon: float) -> list[float]:
    """Relative steps from the longest to the shortest that can mean anything, each 1/16 of the last."""
    steps = [0.17]
    while steps[-1] > 2.0**12 * epsilon:
        steps.append(steps[-1] / 16)
    return steps


def _monotone(rungs: list[_Rung]) -> list[_Rung]:
    """No step may claim less noise than a shorter one has seen.

    What makes a stencil ragged at some step is there at every longer one, in the same size or more;
    where a stencil looks smoother, its points have fallen on the steps of a staircase by luck.
    """
    steps = np.stack([r.step for r in rungs])
    seen = np.stack([np.nan_to_num(r.structure, nan=0.0, posinf=0.0) for r in rungs]) * steps
    return [
        r._replace(
            structure=np.maximum(
                r.structure, np.where(steps < r.step, seen, 0).max(axis=0) / r.step
            )
        )
        for r in rungs
    ]


def _corroborated(rungs: list[_Rung], long: Array) -> _Rung:
    """Of a sweep over all steps, the tightest estimate that a neighbouring step confirms.

    A neighbour confirms if it says something of its own (its bound is not wider than its value) and
    the two agree. On a plateau of rounding, or where the function swings within a step, neighbours
    do not. Where none is confirmed, the bound is widened to reach those that contradict, unless by
    a step longer than `long`, which may have met a kink.
    """
    rungs = _monotone(rungs)
    values, bounds = np.stack([r.value for r in rungs]), np.stack([r.bound for r in rungs])
    jumps = np.stack([r.half_jump for r in rungs])
    with np.errstate(invalid="ignore"):
        telling = bounds - jumps < 0.25 * (np.abs(values) + jumps)
        agree = np.abs(values[1:] - values[:-1]) <= bounds[1:] + bounds[:-1]
        confirmed = np.zeros(values.shape, dtype=bool)
        confirmed[1:] |= agree & telling[:-1] & telling[1:]
        confirmed[:-1] |= agree & telling[:-1] & telling[1:]
    unconfirmed = ~confirmed.any(axis=0)
    choice = np.where(confirmed | unconfirmed, bounds, np.inf).argmin(axis=0)
    best = rungs[0]
    for k, other in enumerate(rungs[1:], start=1):
        best = best.choose(other, choice == k)
    away = np.abs(values - best.value)
    against = (away > bounds + best.bound) & np.isfinite(bounds)
    against &= np.stack([r.step for r in rungs]) <= long
    reach = np.where(against, away, 0).max(axis=0)
    return best._replace(structure=best.structure + np.where(unconfirmed, reach, 0))


@dataclass
class _Found:
    """The gradient of one input as it fills up, group by group."""

    value: Array
    bound: Array
    kinks: Array
    gross: Array

    @classmethod
    def nothing(cls, shape: tuple[int, ...]) -> _Found:
        zero, inf = np.zeros(shape), np.full(shape, np.inf)
        return cls(zero, inf, np.zeros(shape, dtype=bool), zero.copy())

    def enter(self, group: Group, rung: _Rung) -> None:
        self.value[group] = np.where(np.isfinite(rung.value), rung.value, 0)
        self.bound[group] = rung.bound
        self.kinks[group] = rung.kinked
        self.gross[group] = np.nan_to_num(rung.gross)
