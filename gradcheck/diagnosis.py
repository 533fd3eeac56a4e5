"""From wrong numbers to a named mistake: hypotheses are fitted, simplest first, and reported only if exact.

A hypothesis is a function from a `Suspect` to a finding or None. It must explain every entry of the
wrong gradient to within the bound; what explains it only roughly is not reported, because a wrong
diagnosis costs more than none.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gradcheck.forward import Forward
from gradcheck.hygiene import Layer, listed, run
from gradcheck.numeric import NumericalGradient, slope_along
from gradcheck.result import Array, Finding, Row

FEWEST = 3
"""Of fewer entries anything can be explained by a number that happens to fit."""
PROBED = 6
"""Wrong entries whose contributions from each output are looked at one by one."""


@dataclass(frozen=True)
class Comparison:
    """A row, and what its verdict rests on; directional rows come without entries."""

    row: Row
    numeric: NumericalGradient | None = None
    ties_broken: float = 0.0


@dataclass(frozen=True)
class Scene:
    """Everything known of one check: inputs, upstream gradient, and both sides of every gradient."""

    layer: Layer
    names: Sequence[str]
    forward: Forward
    dy: Array
    compared: dict[int, Comparison]

    @property
    def inputs(self) -> list[Array]:
        """The inputs of the forward pass."""
        return self.forward.inputs

    @property
    def true(self) -> dict[int, Array]:
        """The numerical gradients."""
        return {p: c.numeric.value for p, c in self.compared.items() if c.numeric is not None}

    @property
    def options(self) -> dict[str, float]:
        """Hyperparameters bound to the layer that are numbers."""
        bound = getattr(self.layer, "keywords", {})
        return {k: float(v) for k, v in bound.items() if isinstance(v, (int, float)) and v}

    def backward(self, dy: Array) -> list[Array | None]:
        """The hand-derived gradients for another upstream gradient."""
        _, backward = run(self.layer, [x.copy() for x in self.inputs])
        return listed(backward(dy.copy()), len(self.inputs))


@dataclass(frozen=True)
class Suspect:
    """One wrong gradient: hand-derived `a`, true `n`, and the bound between them."""

    scene: Scene
    position: int
    a: Array
    n: Array
    bound: Array
    smooth: Array = field(repr=False)

    @property
    def name(self) -> str:
        """What a message calls the gradient."""
        return f"d{self.scene.names[self.position]}"

    @property
    def x(self) -> Array:
        """The input whose gradient this is."""
        return self.scene.inputs[self.position]

    @cached_property
    def grain(self) -> float:
        """Rounding of the hand-derived gradient, on the scale of its largest entry."""
        coarse = max(float(np.finfo(x.dtype).eps) for x in (self.x, self.scene.forward.value * 1.0))
        return float(np.sqrt(coarse)) * 1e-1 * self.size

    @cached_property
    def size(self) -> float:
        """The largest entry of either side."""
        return float(max(np.abs(self.a).max(initial=0.0), np.abs(self.n).max(initial=0.0)))

    @cached_property
    def wrong(self) -> Array:
        """Which entries are wrong."""
        return np.asarray(~(np.abs(self.a - self.n) <= self.bound + 1e-6 * self.grain))

    def is_(self, model: Array, factor: float = 1.0) -> bool:
        """Whether the hand-derived gradient is `model`, to within what can be seen."""
        if model.shape != self.a.shape:
            return False
        slack = 4 * (1 + abs(factor)) * self.bound.max(initial=0.0) + self.grain
        # Exact means: far less is left over than there was to explain.
        left, before = np.abs(self.a - model).max(initial=0.0), np.abs(self.a - self.n).max()
        return bool(left <= slack and left <= 1e-2 * before)


Hypothesis = Callable[[Suspect], Finding | None]


def diagnose(suspect: Suspect, hypotheses: Sequence[Hypothesis] | None = None) -> Finding | None:
    """The first hypothesis that explains the whole of a wrong gradient, or None; all by default."""
    with np.errstate(all="ignore"):
        for hypothesis in HYPOTHESES if hypotheses is None else hypotheses:
            finding = hypothesis(suspect)
            if finding is not None:
                return finding
    return None


def diagnose_shape(name: str, a: Array, true: Array, bound: Array) -> Finding | None:
    """What a gradient of the wrong shape is: the right one not summed, or transposed."""
    slack = 1e3 * bound.max(initial=0.0) + 1e-6 * np.abs(true).max(initial=0.0)
    for axes in _subsets(a.ndim):
        if all(a.shape[axis] == 1 for axis in axes):
            continue
        for keep in (True, False):
            summed = a.sum(axis=axes, keepdims=keep)
            if summed.shape == true.shape and (np.abs(summed - true) <= slack).all():
                return Finding(
                    "not-summed",
                    f"{name} is not summed back: added up over {_axes(axes)} it is the true gradient. "
                    "What is copied (broadcast) on the way there is summed on the way back.",
                    {"axes": list(axes)},
                )
    for order in itertools.permutations(range(a.ndim)):
        turned = a.transpose(order)
        if a.ndim > 1 and turned.shape == true.shape and (np.abs(turned - true) <= slack).all():
            return Finding(
                "transposed",
                f"{name} is the transpose of the true gradient.",
                {"axes": list(order)},
            )
    return None


def describe(suspect: Suspect) -> str:
    """What can be said of a mistake that no hypothesis explains."""
    a, n, wrong = suspect.a, suspect.n, suspect.wrong
    parts = []
    product = float(np.sqrt((a * a).sum() * (n * n).sum()))
    if product > 0 and wrong.all():
        parts.append(
            f"its direction has cosine {float((a * n).sum()) / product:.3f} with the truth"
        )
    for axis in range(a.ndim):
        slices = np.atleast_1d(wrong.any(axis=tuple(k for k in range(a.ndim) if k != axis)))
        if 0 < slices.sum() < len(slices):
            listed = ", ".join(map(str, np.flatnonzero(slices)[:6]))
            parts.append(f"along axis {axis} only {listed} are wrong")
    return ("; " + "; ".join(parts)) if parts else ""


def _zero(s: Suspect) -> Finding | None:
    if s.a.any():
        return None
    return Finding(
        "zero",
        f"{s.name} is zero everywhere, the true gradient is not: is it computed and returned at all, "
        "or allocated and never filled?",
        {"true_norm": float(np.linalg.norm(s.n))},
    )


def _sign(s: Suspect) -> Finding | None:
    if not s.is_(-s.n):
        return None
    return Finding(
        "sign-flipped",
        f"{s.name} is the negative of the true gradient: look for a minus too many or too few.",
        {"factor": -1.0},
    )


def _scaled(s: Suspect) -> Finding | None:
    k = _factor(s.a, s.n)
    if k is None or not s.is_(k * s.n, k):
        return None
    what = _named_factor(s.scene, k)
    if s.n[s.n != 0].size < FEWEST and not what:
        return None
    summed = _broadcast_axes(s)
    if summed and k > 0 and _near(1 / k, float(np.prod([s.scene.dy.shape[x] for x in summed]))):
        return Finding(
            "averaged",
            f"{s.name} is averaged over {_axes(summed)} of the output instead of summed: exactly "
            f"{k:.6g} times the true gradient. Every copy of a broadcast input adds its gradient.",
            {"factor": k, "axes": list(summed)},
        )
    plain = what.split(",")[0].replace("/", "").isdigit()
    equals = f", and that is {what}" if what and not plain else ""
    return Finding(
        "scaled",
        f"{s.name} is exactly {k:.6g} times the true gradient{equals}: look for a factor that is "
        f"missing, doubled or upside down.",
        {"factor": k, "equals": what or None},
    )


def _transposed(s: Suspect) -> Finding | None:
    for order in itertools.permutations(range(s.n.ndim)):
        if order != tuple(range(s.n.ndim)) and s.is_(s.n.transpose(order)):
            return Finding(
                "transposed",
                f"{s.name} is the transpose of the true gradient, which only a square shape lets pass.",
                {"axes": list(order)},
            )
    return None


def _read_in_another_order(s: Suspect) -> Finding | None:
    """The right numbers, laid out by the rows where the columns belong, or with axes exchanged."""
    if s.n.ndim < 2 or s.n.size > 10_000:
        return None
    orders = list(itertools.permutations(range(s.n.ndim)))
    for mine, its in itertools.product(orders, orders):
        if mine == its:
            continue
        laid = np.empty_like(s.n)
        laid.transpose(mine)[...] = s.n.transpose(its).reshape([s.n.shape[k] for k in mine])
        if s.is_(laid):
            return Finding(
                "transposed",
                f"{s.name} holds the right numbers in the wrong order: somewhere they are read along other "
                "axes than they were written (a reshape where a transpose belongs?).",
                {"order": [list(mine), list(its)]},
            )
    return None


def _flipped(s: Suspect) -> Finding | None:
    for axes in _subsets(s.n.ndim):
        if s.is_(np.flip(s.n, axes)):
            return Finding(
                "flipped",
                f"{s.name} is the true gradient with {_axes(axes)} reversed.",
                {"axes": list(axes)},
            )
    return None


def _shifted(s: Suspect) -> Finding | None:
    """Moved by an index or two along one axis, or along two at once as padding does."""
    for axes in itertools.chain(*(itertools.combinations(range(s.n.ndim), k) for k in (1, 2))):
        for by in itertools.product((1, -1, 2, -2), repeat=len(axes)):
            here = tuple(_overlapping(axes, by, axis, s.n.shape[axis]) for axis in range(s.n.ndim))
            there = tuple(
                _overlapping(axes, tuple(-k for k in by), axis, s.n.shape[axis])
                for axis in range(s.n.ndim)
            )
            a, n = s.a[here], s.n[there]
            if np.count_nonzero(n) < 2 * FEWEST or n.size < s.n.size / 4:
                continue
            if (np.abs(a - n) <= 8 * s.bound.max() + s.grain).all():
                return Finding(
                    "shifted",
                    f"{s.name} is the true gradient moved by {', '.join(map(str, by))} along "
                    f"{_axes(axes)}: an index is off, or padding was cut off on the wrong side.",
                    {"axes": list(axes), "by": list(by)},
                )
    return None


def _overlapping(axes: Sequence[int], by: Sequence[int], axis: int, size: int) -> slice:
    """The part of one axis that, moved, still lies within it."""
    move = by[axes.index(axis)] if axis in axes else 0
    return slice(max(move, 0), size + min(move, 0))


def _swapped(s: Suspect) -> Finding | None:
    for other, true in s.scene.true.items():
        if other != s.position and true.shape == s.a.shape and s.is_(true):
            return Finding(
                "swapped",
                f"{s.name} is the gradient of {s.scene.names[other]}: returned in the wrong order, or "
                "computed with the wrong factor.",
                {"gradient_of": s.scene.names[other]},
            )
    return None


def _parts_swapped(s: Suspect) -> Finding | None:
    """Cut into equal parts along an axis (gates, heads, halves), some hold the gradient of others."""
    slack = 4 * s.bound.max(initial=0.0) + s.grain
    for axis, size in enumerate(s.n.shape):
        for count in (k for k in range(2, min(size, 8) + 1) if size % k == 0):
            if s.n.size // count < FEWEST:
                continue
            a, n = np.split(s.a, count, axis), np.split(s.n, count, axis)
            found = [[np.abs(p - q).max() <= slack for q in n] for p in a]
            order = [row.index(True) for row in found if sum(row) == 1]
            if sorted(order) == list(range(count)) != order:
                return Finding(
                    "swapped",
                    f"{s.name} has parts in the wrong place: cut into {count} along axis {axis}, they are "
                    f"parts {', '.join(map(str, order))} of the true gradient.",
                    {"axis": axis, "order": order},
                )
    return None


def _missing_mask(s: Suspect) -> Finding | None:
    dy = s.scene.dy
    quiet = s.smooth & (np.abs(s.n) <= s.bound + s.grain)
    loud = s.smooth & ~quiet
    agree = np.abs(s.a - s.n) <= 4 * s.bound + s.grain
    masked = quiet.any() and loud.any() and agree[loud].all() and not agree[quiet].all()
    if masked and (np.abs(s.a[quiet]) > s.grain).mean() > 0.9:
        return Finding(
            "missing-mask",
            f"{s.name} flows where nothing should: right on all entries that are active, but not zero "
            f"on the {int(quiet.sum())} that are not. The mask (of ReLU, dropout, a maximum) was left out.",
            {"entries": int(quiet.sum())},
        )
    if dy.shape == s.a.shape and s.is_(dy):
        return Finding(
            "missing-mask",
            f"{s.name} is the upstream gradient itself: the derivative of this step, an activation's "
            "or a factor, was left out.",
            {"entries": int(s.wrong.sum())},
        )
    if dy.shape == s.a.shape and not agree.all():
        kept = s.a != 0
        passed = np.abs(s.a - dy) <= s.grain
        should = np.abs(s.n - dy) <= s.bound + s.grain
        if (passed | ~kept).all() and (should | quiet).all() and kept.any() and should.any():
            return Finding(
                "missing-mask",
                f"{s.name} lets the upstream gradient through at the wrong entries: the mask is taken of "
                "another array, or by another condition.",
                {"entries": int(s.wrong.sum())},
            )
    return None


def _contributions(s: Suspect) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For some wrong entries, what each output contributes to the true gradient there."""
    places = np.argwhere(s.wrong & s.smooth)
    rng = np.random.default_rng(0)
    for place in rng.permutation(places)[:PROBED]:
        entry = tuple(int(k) for k in place)
        x, forward = s.x[entry], s.scene.forward
        h = float(np.cbrt(forward.epsilon(s.position))) * max(1.0, abs(float(x))) * 0.5
        up = forward.moved(s.position, entry, np.asarray(x + h, dtype=s.x.dtype))
        down = forward.moved(s.position, entry, np.asarray(x - h, dtype=s.x.dtype))
        yield entry, np.asarray(s.scene.dy * (up - down) / (2 * h))


def _single_contribution(s: Suspect) -> Finding | None:
    """Where several outputs should add up, only one was kept."""
    own, single, several, total = 0, 0, 0, 0
    for entry, parts in _contributions(s):
        total += 1
        near = (1e-5 if s.x.dtype == np.float64 else 1e-2) * np.abs(parts).max(initial=0.0)
        # Zero is what a window leaves that came last and sent nothing.
        lost = bool(s.a[entry] == 0)
        if (np.abs(parts) > near).sum() < 2:
            single += lost
            continue
        several += 1
        if parts.shape == s.a.shape and abs(parts[entry] - s.a[entry]) <= near:
            own += 1
        # One output alone, or one window: all the features computed from it.
        kept = [parts, parts.sum(axis=-1)] if parts.ndim > 1 else [parts]
        single += lost or any(bool((np.abs(k - s.a[entry]) <= near).any()) for k in kept)
    if several == 0:
        return None
    if own == total and total >= min(FEWEST, s.a.size):
        return Finding(
            "diagonal-only",
            f"{s.name} holds only what each input does to the output at its own place; the cross terms, "
            "what it does to all others, are left out (softmax: dy·y·(1 − y) is the diagonal alone).",
            {"entries": int(s.wrong.sum())},
        )
    if single < total or total < min(FEWEST, int(s.wrong.sum())):
        return None
    ids = next((x for x in s.scene.inputs if x.dtype.kind in "iu" and x.size > 1), None)
    if ids is not None and np.unique(ids).size < ids.size:
        return Finding(
            "repeated-index-lost",
            f"{s.name} keeps one of several contributions wherever an index is repeated: d[ids] = … and "
            "d[ids] += … write each row once. np.add.at adds every occurrence.",
            {"entries": int(s.wrong.sum())},
        )
    if _broadcast_axes(s):
        return Finding(
            "not-summed",
            f"{s.name} holds the gradient of one of the copies only: sum over {_axes(_broadcast_axes(s))} "
            "of the output.",
            {"axes": list(_broadcast_axes(s))},
        )
    return Finding(
        "overlap-overwritten",
        f"{s.name} keeps one contribution where several windows overlap: = was written for +=.",
        {"entries": int(s.wrong.sum())},
    )


def _carry(s: Suspect) -> Finding | None:
    """Right for an upstream gradient that reaches the first time step only, wrong as soon as later ones count."""
    dy, forward = s.scene.dy, s.scene.forward
    if dy.ndim != 3 or dy.shape[1] < 2:
        return None
    sequence = next(
        (p for p, x in enumerate(s.scene.inputs) if x.ndim == 3 and x.shape[:2] == dy.shape[:2]),
        None,
    )
    if (
        sequence is None
        or s.scene.inputs[sequence].dtype.kind != "f"
        or not _is_causal(forward, sequence)
    ):
        return None
    first = np.zeros_like(dy)
    first[:, 0] = dy[:, 0]
    # Right at the first step for the sequence too: else it is the step itself that is wrong.
    if not all(_backward_is_right(s, first, position) for position in {s.position, sequence}):
        return None
    return Finding(
        "carry-dropped",
        f"{s.name} is right for the first time step alone and wrong once later ones count: what flows "
        "back through time, from step t + 1 into the state at t, is dropped or wrong.",
        {"steps": int(dy.shape[1])},
    )


def _is_causal(forward: Forward, position: int) -> bool:
    """Whether a later time step leaves earlier outputs alone and changes its own and later ones."""
    x = forward.inputs[position]
    T = x.shape[1]
    last = forward.moved(position, (0, T - 1, 0), x[0, T - 1, 0] + np.asarray(0.1, x.dtype))
    begin = forward.moved(position, (0, 0, 0), x[0, 0, 0] + np.asarray(0.1, x.dtype))
    return bool(
        np.array_equal(last[:, :-1], forward.value[:, :-1])
        and (last[0, -1] != forward.value[0, -1]).any()
        and (begin[0, -1] != forward.value[0, -1]).any()
    )


def _backward_is_right(s: Suspect, dy: Array, position: int) -> bool:
    """Whether, for another upstream gradient, the hand-derived gradient predicts random slopes."""
    gradient = s.scene.backward(dy)[position]
    if gradient is None or gradient.shape != s.scene.inputs[position].shape:
        return False
    return all(
        abs(slope - float((gradient * v).sum())) <= bound + 1e-7 * float(np.abs(gradient * v).sum())
        for v, slope, bound in _slopes(position, s.scene.forward, dy)
    )


def _slopes(position: int, forward: Forward, dy: Array) -> Iterator[tuple[Array, float, float]]:
    rng = np.random.default_rng(0)
    noise = forward.noise(rng)
    for _ in range(2):
        v = rng.normal(size=forward.inputs[position].shape)
        directions = [v if p == position else None for p in range(len(forward.inputs))]
        yield v, *slope_along(forward, directions, dy, noise)


def _altered_input(s: Suspect) -> Finding | None:
    """The hand-derived gradient is the true one of a layer whose input was transposed or flipped."""
    forward = s.scene.forward
    for position, x in enumerate(forward.inputs):
        if x.dtype.kind != "f" or x.ndim < 2 or (s.n.size > 1 and x.size > 1_000_000):
            continue
        for code, change, y in _alterations(x):
            inputs = [y if p == position else other for p, other in enumerate(forward.inputs)]
            try:
                other = Forward(s.scene.layer, inputs)
            except Exception:
                continue
            if other.value.shape != s.scene.dy.shape:
                continue
            if all(
                abs(slope - float((s.a * v).sum()))
                <= 4 * bound + 1e-7 * float(np.abs(s.a * v).sum())
                for v, slope, bound in _slopes(s.position, other, s.scene.dy)
            ):
                return Finding(
                    code,
                    f"{s.name} is what it would be if {s.scene.names[position]} were {change}: on the way "
                    "back the other orientation is needed.",
                    {"input": s.scene.names[position]},
                )
    return None


def _alterations(x: Array) -> Iterator[tuple[str, str, Array]]:
    if x.shape[-1] == x.shape[-2]:
        yield "transposed", "transposed", np.ascontiguousarray(np.swapaxes(x, -1, -2))
    if x.ndim >= 3:
        for axes in ((0, 1), (0,), (1,)):
            yield "flipped", f"reversed along {_axes(axes)}", np.ascontiguousarray(np.flip(x, axes))


def _statistics(s: Suspect) -> Finding | None:
    """What is left over is, in each group, a constant (the mean's part) or a multiple of x − mean."""
    x = s.x
    if x.ndim < 2 or x.shape != s.a.shape or x.shape != s.scene.dy.shape:
        return None
    d = s.a - s.n
    groups = [tuple(range(x.ndim - 1)), (x.ndim - 1,)]
    if x.ndim > 2:
        groups += [tuple(range(1, x.ndim - 1)), tuple(range(1, x.ndim))]
    for axes in groups:
        count = int(np.prod([x.shape[k] for k in axes]))
        if count < 4:
            continue
        # A statistic over these axes exists only if moving all of a group together changes nothing.
        shift = np.abs(s.n.sum(axis=axes)).max() <= 1e-6 * np.abs(s.n).sum(axis=axes).max()
        c = x - x.mean(axis=axes, keepdims=True) if shift else x
        mean = d.mean(axis=axes, keepdims=True)
        slope = (d * c).sum(axis=axes, keepdims=True) / (c * c).sum(axis=axes, keepdims=True)
        fits = {
            "mean": (mean + 0 * d) if shift else None,
            "variance": slope * c,
            "mean and variance": (mean + slope * c) if shift else None,
        }
        for what, model in fits.items():
            if model is not None and s.is_(s.n + model):
                return Finding(
                    "statistics-held-constant",
                    f"{s.name} is off by exactly what flows through the {what} over {_axes(axes)}: the "
                    f"{what} depends on x too and must be differentiated, with the right factor.",
                    {"statistic": what, "axes": list(axes)},
                )
    return None


def _extra_term(s: Suspect) -> Finding | None:
    d = s.a - s.n
    if s.n.size < FEWEST:
        return None
    candidates = [(s.scene.names[p], x) for p, x in enumerate(s.scene.inputs) if x.shape == d.shape]
    candidates += [("a constant", np.ones(d.shape)), ("the upstream gradient", s.scene.dy)]
    candidates += [
        (f"1 at each of the {s.scene.names[p]}, 0 elsewhere", np.eye(d.shape[-1])[x])
        for p, x in enumerate(s.scene.inputs)
        if x.dtype.kind in "iu" and (*x.shape, d.shape[-1]) == d.shape and d.ndim > 1
        if x.min(initial=0) >= 0 and x.max(initial=0) < d.shape[-1]
    ]
    for name, term in candidates:
        if term.shape != d.shape or term.dtype.kind != "f":
            continue
        k = _factor(d, term)
        if k is not None and s.is_(s.n + k * term):
            return Finding(
                "extra-term",
                f"{s.name} is the true gradient plus {k:.6g} times {name}: a term too many or too few "
                "(weight decay that the forward pass does not have?).",
                {"factor": k, "term": name},
            )
    return None


def _scaled_by_input(s: Suspect) -> Finding | None:
    """Along one axis each slice has a factor of its own, and it is an input or its reciprocal."""
    for axis, size in enumerate(s.n.shape):
        others = tuple(k for k in range(s.n.ndim) if k != axis)
        if size < 2 or not others:
            continue
        squares = (s.n * s.n).sum(axis=others, keepdims=True)
        factors = (s.a * s.n).sum(axis=others, keepdims=True) / np.where(squares == 0, 1, squares)
        if s.n.size // size < 2 or not s.is_(factors * s.n, float(np.abs(factors).max())):
            continue
        flat = factors.ravel()
        for p, x in enumerate(s.scene.inputs):
            if x.shape != (size,) or x.dtype.kind != "f":
                continue
            for name, vector in (("{}", x), ("1/{}", 1 / x), ("{}²", x * x), ("1/{}²", 1 / x**2)):
                if np.allclose(flat, vector, rtol=1e-5, atol=0):
                    what = name.format(s.scene.names[p])
                    return Finding(
                        "scaled",
                        f"{s.name} is exactly {what} times the true gradient: {s.scene.names[p]} is "
                        "missing, or applied too often.",
                        {"factor": what, "equals": what},
                    )
    return None


def _partial(s: Suspect) -> Finding | None:
    """All that is wrong lies in some slices of one axis, and there it is wrong throughout."""
    for axis, size in enumerate(s.n.shape):
        others = tuple(k for k in range(s.n.ndim) if k != axis)
        slices = s.wrong.any(axis=others)
        count = int(slices.sum())
        if size < 2 or not 0 < count <= size // 2:
            continue
        block = np.flatnonzero(slices)
        # Along a single axis scattered entries are no part of anything.
        if not others and block[-1] - block[0] >= count:
            continue
        inside = s.wrong.compress(slices, axis)
        if inside.mean() < 0.5:
            continue
        a, n = s.a.compress(slices, axis), s.n.compress(slices, axis)
        k = _factor(a, n)
        fits = k is not None and np.abs(a - k * n).max() <= 8 * s.bound.max() + s.grain
        how = f", where it is {k:.6g} times the true gradient" if fits and n.size > 2 else ""
        listed = ", ".join(map(str, np.flatnonzero(slices)[:8]))
        return Finding(
            "partial",
            f"{s.name} is wrong only at index {listed} of axis {axis} (size {size}){how}: one part (a "
            "gate, a channel, a border, a step) is treated differently.",
            {"axis": axis, "indices": [int(i) for i in np.flatnonzero(slices)]},
        )
    return None


HYPOTHESES: tuple[Hypothesis, ...] = (
    _zero,
    _sign,
    _swapped,
    _scaled,
    _transposed,
    _flipped,
    _parts_swapped,
    _read_in_another_order,
    _scaled_by_input,
    _missing_mask,
    _extra_term,
    _statistics,
    _carry,
    _single_contribution,
    _shifted,
    _altered_input,
    _partial,
)


OF_THE_VALUE = (
    *(h for h in HYPOTHESES if h not in (_carry, _altered_input, _swapped)),
    _swapped,
)
"""Those that look at values alone, and so apply to an intermediate gradient too.

There, the gradient of another value is more often a step left out than a mix-up: it comes last.
"""


def _factor(a: Array, n: Array) -> float | None:
    """The factor k of a = k n that fits best, or None if there is nothing to fit."""
    square = float((n * n).sum())
    k = float((a * n).sum()) / square if square > 0 else 0.0
    return k if np.isfinite(k) and k != 0 else None


def _near(k: float, value: float) -> bool:
    return abs(k - value) <= 1e-5 * abs(value)


def _named_factor(scene: Scene, k: float) -> str:
    """Which size at hand a factor is: the batch, the features, the positions, 2, a hyperparameter."""
    sizes: dict[str, float] = {}
    for name, x in [*zip(scene.names, scene.inputs, strict=False), ("the output", scene.dy)]:
        if x.ndim == 0:
            continue
        sizes.setdefault(
            "the batch size" if x is scene.inputs[0] else f"axis 0 of {name}", x.shape[0]
        )
        for axis in range(1, x.ndim):
            sizes.setdefault(f"axis {axis} of {name}", x.shape[axis])
        if x.ndim == 4:
            sizes.setdefault(f"the spatial positions of {name}", x.shape[1] * x.shape[2])
        sizes.setdefault(f"the number of entries of {name}", x.size)
        if x.ndim > 1:
            sizes.setdefault(f"the rows of {name}", x.size // max(x.shape[-1], 1))
    for name, value in scene.options.items():
        sizes |= {name: value, f"1 − {name}": 1 - value}
    for what, size in sizes.items():
        if size in (0, 1):
            continue
        for form, value in (
            ("{}", size),
            ("1 over {}", 1 / size),
            ("the root of {}", abs(size) ** 0.5),
            ("1 over the root of {}", abs(size) ** -0.5),
            ("{}, squared", size * size),
            ("2 over {}", 2 / size),
        ):
            if _near(abs(k), value):
                return form.format(what) + (", negative" if k < 0 else "")
    # Of a plain factor nothing more can be said.
    for small in (2, 3, 4):
        if _near(abs(k), small) or _near(abs(k), 1 / small):
            return (f"{small}" if abs(k) > 1 else f"1/{small}") + (", negative" if k < 0 else "")
    return ""


def _broadcast_axes(s: Suspect) -> tuple[int, ...]:
    """The axes of the output along which this input is copied, if it looks broadcast (a bias)."""
    x, dy = s.x.shape, s.scene.dy.shape
    if len(x) > len(dy) or not dy or x == dy:
        return ()
    ahead = len(dy) - len(x)
    if any(a not in (1, b) for a, b in zip(x, dy[ahead:], strict=True)):
        return ()
    return (*range(ahead), *(ahead + k for k, a in enumerate(x) if a == 1 != dy[ahead + k]))


def _subsets(ndim: int) -> Iterator[tuple[int, ...]]:
    for count in range(1, ndim + 1):
        yield from itertools.combinations(range(ndim), count)


def _axes(axes: Sequence[int]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {', '.join(map(str, axes))}"
