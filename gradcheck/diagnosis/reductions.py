"""Hypotheses about sums: over the copies of a broadcast input, over a loop, over what repeats an index."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import CONTRIBUTES, FEWEST, PROBED
from gradcheck.diagnosis.probes import forward_at, only, predicts_slopes
from gradcheck.diagnosis.sizes import near, written
from gradcheck.diagnosis.wrong import (
    Measured,
    WrongGradient,
    broadcasts,
    named_axes,
    others,
    subsets,
)
from gradcheck.result import Array, Finding


def averaged(s: WrongGradient) -> Iterator[Finding]:
    """It is averaged where a broadcast input adds up."""
    k, model = s.times_itself()
    for axes in broadcasts(s):
        # Only axes along which there are several entries count as copied.
        if near(k, 1 / math.prod(s.context.dy.shape[axis] for axis in axes)):
            yield from s.if_it_is(
                model,
                "averaged",
                f"{s.name} is averaged over {named_axes(axes)} of the output instead of summed: exactly "
                f"{written(k)} times the true gradient. Every copy of a broadcast input adds its "
                "gradient.",
                {"factor": k, "axes": list(axes)},
            )


def summed_over_other_axes(s: WrongGradient) -> Iterator[Finding]:
    """A broadcast input's copies are added up along an axis that is not theirs."""
    sums = _sums(s) if s.true.size > 1 else {}
    right_ones = [axes for axes in broadcasts(s) if axes in sums and _is_true(s, sums[axes])]
    for right, axes in itertools.product(right_ones, sums):
        if axes != right:
            yield from s.if_it_is(
                sums[axes],
                "not-summed",
                f"{s.name} is summed over {named_axes(axes)} of the output; {s.name[1:]} is copied "
                f"along {named_axes(right)}, and over that the gradient is summed.",
                {"axes": list(right), "summed": list(axes)},
            )


def _sums(s: WrongGradient) -> dict[tuple[int, ...], Measured]:
    """What the outputs contribute, summed over all axes that leave something of the gradient's size."""
    parts = _contributions_to(s, (slice(None),) * s.x.ndim)
    doubt = np.full(s.true.shape, _negligible(s, parts))
    sums = {axes: parts.sum(axis=axes) for axes in subsets(parts.ndim)}
    return {
        axes: Measured(total.reshape(s.true.shape), doubt, s.smooth)
        for axes, total in sums.items()
        if total.size == s.true.size
    }


def _is_true(s: WrongGradient, model: Measured) -> bool:
    return bool(agrees(model.value, s.true, model.bound).all())


def _negligible(s: WrongGradient, parts: Array) -> float:
    """A contribution below this is none, beside the largest."""
    return CONTRIBUTES[str(s.x.dtype)] * float(np.abs(parts).max(initial=0.0))


def _contributions_to(s: WrongGradient, entries: tuple[Any, ...]) -> Array:
    """What each output contributes to the true gradient where some entries are moved at once."""
    forward, x = s.context.forward, s.x[entries]
    # ε^(1/3): where the truncation of a central difference, h², meets its rounding, ε/h.
    h = float(np.cbrt(forward.epsilon(s.position))) * max(1.0, float(np.abs(x).max())) * 0.5
    up, down = (
        forward.moved(s.position, entries, np.asarray(moved, s.x.dtype)) for moved in (x + h, x - h)
    )
    return np.asarray(s.context.dy * (up - down) / (2 * h))


def one_end(s: WrongGradient) -> Iterator[Finding]:
    """Only one index of an axis of the output sends anything back: one of two outputs, or the end of a loop."""
    copied = set(itertools.chain(*broadcasts(s)))
    for axis, index in _ends(s):
        length = s.context.dy.shape[axis]
        if length == 2:
            # Said first: where sizes can change, an axis that a loop runs over is no longer two.
            yield Finding(
                "extra-term",
                f"In {s.name} the term is missing that index {1 - index} of axis {axis} of the output sends "
                "back: both outputs send something, and it adds up.",
                {"axis": axis, "missing": 1 - index},
            )
        yield Finding(
            "not-summed" if axis in copied else "overlap-overwritten",
            f"{s.name} is what index {index} of axis {axis} of the output alone sends back: what the "
            "others send is lost, as by = for += in a loop over them.",
            {"axis": axis, "last": bool(index), "loop": length},
        )


def _ends(s: WrongGradient) -> Iterator[tuple[int, int]]:
    """Axis and index of the output whose upstream gradient alone makes up the whole."""
    dy = s.context.dy
    for axis, length in enumerate(dy.shape):
        # A loop ends with the last, or with the first if it runs backwards.
        for index in (length - 1, 0) if length > 1 else ():
            alone = only(dy, axis, index)
            if predicts_slopes(s.claimed, s.position, s.context.forward, alone):
                yield axis, index


class Probed(NamedTuple):
    """A wrong entry, what each output contributes to the true gradient there, and what is no contribution."""

    entry: tuple[int, ...]
    claimed: float
    parts: Array
    negligible: float

    @property
    def is_of_several(self) -> bool:
        """Whether more than one output contributes."""
        return bool((np.abs(self.parts) > self.negligible).sum() > 1)

    @property
    def holds_its_own(self) -> bool:
        """Whether it holds what it does to the output at its own place."""
        own = self.parts[self.entry]
        return self.is_of_several and bool(abs(own - self.claimed) <= self.negligible)

    def holds_one(self, axis: int | None) -> bool:
        """Whether it holds one output's contribution, or one window's: all features along an axis."""
        kept = self.parts if axis is None else self.parts.sum(axis=axis)
        one = self.is_of_several and agrees(kept, np.asarray(self.claimed), self.negligible).any()
        # Zero is what a window leaves that came last and sent nothing.
        return self.claimed == 0 or bool(one)


def single_contribution(s: WrongGradient) -> Iterator[Finding]:
    """Where several outputs should add up, only one was kept."""
    probed = list(_probed(s))
    if not any(one.is_of_several for one in probed):
        return
    if _hold_their_own(s, probed):
        yield Finding(
            "diagonal-only",
            f"{s.name} holds only what each input does to the output at its own place; the cross terms, "
            "what it does to all others, are left out (softmax: dy·y·(1 − y) is the diagonal alone).",
            {"entries": int(s.wrong.sum())},
        )
    elif _hold_one(s, probed):
        yield _one_of_several(s)


def _hold_their_own(s: WrongGradient, probed: list[Probed]) -> bool:
    """Whether every entry holds what it does to the output at its own place."""
    enough = len(probed) >= min(FEWEST, s.claimed.size)
    same_shape = s.claimed.shape == s.context.dy.shape
    return enough and same_shape and all(one.holds_its_own for one in probed)


def _hold_one(s: WrongGradient, probed: list[Probed]) -> bool:
    """Whether every entry holds one contribution of several; where all hold none nothing was kept."""
    enough = len(probed) >= min(FEWEST, int(s.wrong.sum())) and any(one.claimed for one in probed)
    axes = (None, *range(s.context.dy.ndim))
    return enough and any(all(one.holds_one(axis) for one in probed) for axis in axes)


def diagonal(s: WrongGradient) -> Iterator[Finding]:
    """A Jacobian, right on its diagonal and zero beside it."""
    half, rest = s.true.shape[: s.true.ndim // 2], s.true.shape[s.true.ndim // 2 :]
    if half != rest or not s.claimed.any():
        return
    own = np.eye(math.prod(half), dtype=bool).reshape(s.true.shape)
    if not (s.claimed[~own].any() or s.wrong[own].any()):
        yield Finding(
            "diagonal-only",
            f"{s.name} is right on its diagonal and zero beside it: the cross terms, what each input does to "
            "the other outputs, are left out.",
            {"entries": int(s.wrong.sum())},
        )


def _one_of_several(s: WrongGradient) -> Finding:
    """What it is called depends on why several outputs depend on one entry."""
    copies = next(broadcasts(s), ())
    if copies:
        return Finding(
            "not-summed",
            f"{s.name} holds the gradient of one of the copies only: sum over {named_axes(copies)} of the "
            "output.",
            {"axes": list(copies)},
        )
    if _repeats_an_index(s):
        return _lost(s)
    if _only_copies(s):
        return Finding(
            "not-summed",
            f"{s.name} holds the gradient of one of the copies only: what stands in several places of the "
            "output gets the sum of what they send back.",
            {"entries": int(s.wrong.sum())},
        )
    return Finding(
        "overlap-overwritten",
        f"{s.name} keeps one contribution where several windows overlap: = was written for +=.",
        {"entries": int(s.wrong.sum())},
    )


def _only_copies(s: WrongGradient) -> bool:
    """Whether the output holds entries of the input as they are, and not the largest of some."""
    y, other = s.context.forward.value, forward_at(s, s.position, -s.x)
    turned = other is not None and np.array_equal(other.value, -y)
    return turned and bool(np.isin(y, s.x).all())


def _repeats_an_index(s: WrongGradient) -> bool:
    indices = (x for x in s.context.inputs if x.dtype.kind in "iu" and x.size > 1)
    return any(np.unique(ids).size < ids.size for ids in itertools.islice(indices, 1))


def _lost(s: WrongGradient) -> Finding:
    return Finding(
        "repeated-index-lost",
        f"{s.name} keeps one of several contributions wherever an index is repeated: d[ids] = … and "
        "d[ids] += … write each row once. np.add.at adds every occurrence.",
        {"entries": int(s.wrong.sum())},
    )


def repeated_index(s: WrongGradient) -> Iterator[Finding]:
    """Wrong at all rows that an index names more than once, and right at all others."""
    for ids in s.context.inputs:
        if _are_rows_of(s.true, ids) and _is_wrong_where_repeated(s, ids):
            yield _lost(s)


def _are_rows_of(gradient: Array, ids: Array) -> bool:
    """Whether an input holds several indices of a gradient's rows."""
    if ids.dtype.kind not in "iu" or ids.size < 2 or not gradient.ndim:
        return False
    return bool(ids.min() >= 0 and ids.max() < len(gradient))


def _is_wrong_where_repeated(s: WrongGradient, ids: Array) -> bool:
    """Whether just those rows are wrong that come more than once, among all indices or in one bag of them."""
    wrong = s.wrong.any(axis=others(s.true.ndim, 0))
    all_in_one, by_bag = ids.reshape(1, -1), ids.reshape(-1, ids.shape[-1])
    counts = [_most_in_a_bag(bags, len(s.true)) for bags in (all_in_one, by_bag)]
    return any(np.array_equal(wrong, count > 1) and (count == 1).any() for count in counts)


def _most_in_a_bag(bags: Array, rows: int) -> Array:
    """For each row, how often it comes in the bag in which it comes most often."""
    return np.asarray(np.max([np.bincount(bag, minlength=rows) for bag in bags], axis=0))


def _probed(s: WrongGradient) -> Iterator[Probed]:
    """Some of the wrong entries."""
    places = np.argwhere(s.wrong & s.smooth)
    for place in np.random.default_rng(0).permutation(places)[:PROBED]:
        entry = tuple(int(k) for k in place)
        parts = _contributions_to(s, entry)
        yield Probed(entry, float(s.claimed[entry]), parts, _negligible(s, parts))
