"""Hypotheses about sums: over the copies of a broadcast input, over a loop, over what repeats an index."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.margins import CONTRIBUTES, FEWEST, PROBED
from gradcheck.diagnosis.probes import only, predicts_slopes
from gradcheck.diagnosis.sizes import near, written
from gradcheck.diagnosis.wrong import (
    Measured,
    Models,
    WrongGradient,
    broadcasts,
    fitted,
    named_axes,
    others,
    subsets,
)
from gradcheck.result import Array, Finding


@fitted
def averaged(s: WrongGradient) -> Models:
    """It is averaged where a broadcast input adds up."""
    k, model = s.times_itself()
    for axes in broadcasts(s):
        # Only axes along which there are several entries count as copied.
        if near(k, 1 / math.prod(s.context.dy.shape[axis] for axis in axes)):
            yield (
                model,
                Finding(
                    "averaged",
                    f"{s.name} is averaged over {named_axes(axes)} of the output instead of summed: exactly "
                    f"{written(k)} times the true gradient. Every copy of a broadcast input adds its "
                    "gradient.",
                    {"factor": k, "axes": list(axes)},
                ),
            )


def summed_over_other_axes(s: WrongGradient) -> Iterator[Finding]:
    """A broadcast input's copies are added up along an axis that is not theirs."""
    parts = _contributions_of_all(s)
    bound = CONTRIBUTES[str(s.x.dtype)] * float(np.abs(parts).max(initial=0.0))
    for right in broadcasts(s) if s.true.size > 1 else ():
        if agrees(parts.sum(axis=right).reshape(s.true.shape), s.true, bound).all():
            yield from (
                _summed_over(s, axes, right)
                for axes in subsets(parts.ndim)
                if axes != right and _is_sum(s, parts.sum(axis=axes), bound)
            )


def _is_sum(s: WrongGradient, summed: Array, bound: float) -> bool:
    """Whether the hand-derived gradient is a sum of contributions, which is of its size."""
    return summed.size == s.true.size and _is_near(s, summed, bound)


def _summed_over(s: WrongGradient, axes: tuple[int, ...], right: tuple[int, ...]) -> Finding:
    return Finding(
        "not-summed",
        f"{s.name} is summed over {named_axes(axes)} of the output; {s.name[1:]} is copied "
        f"along {named_axes(right)}, and over that the gradient is summed.",
        {"axes": list(right), "summed": list(axes)},
    )


def _contributions_of_all(s: WrongGradient) -> Array:
    """What each output contributes if all entries of the input are moved at once."""
    forward, x = s.context.forward, s.x
    h = float(np.cbrt(forward.epsilon(s.position))) * max(1.0, float(np.abs(x).max())) * 0.5
    everything = (slice(None),) * x.ndim
    up = forward.moved(s.position, everything, (x + h).astype(x.dtype))
    down = forward.moved(s.position, everything, (x - h).astype(x.dtype))
    return np.asarray(s.context.dy * (up - down) / (2 * h))


def _is_near(s: WrongGradient, model: Array, bound: float) -> bool:
    """As `is_`, for a model that comes of a plain difference."""
    shaped = model.reshape(s.true.shape)
    return s.is_(Measured(shaped, np.full(s.true.shape, bound), s.smooth))


def one_end(s: WrongGradient) -> Iterator[Finding]:
    """Only one index of an axis of the output sends anything back: one of two outputs, or the end of a loop."""
    copied = {axis for axes in broadcasts(s) for axis in axes}
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
    # A loop ends with the last, or with the first if it runs backwards.
    ends = [(axis, k) for axis, n in enumerate(dy.shape) if n > 1 for k in (n - 1, 0)]
    for axis, index in ends:
        alone = only(dy, axis, index)
        if predicts_slopes(s.claimed, s.position, s.context.forward, alone):
            yield axis, index


@dataclass
class Tally:
    """Of the wrong entries looked at: how many hold only one of their outputs' contributions, and which."""

    looked_at: int = 0
    of_several: int = 0
    own: int = 0
    nothing: int = 0
    one: dict[int | None, int] = field(default_factory=dict)

    def enter(self, s: WrongGradient, entry: tuple[int, ...], parts: Array) -> None:
        """Count one entry, to which each output contributes `parts`."""
        claimed = s.claimed[entry]
        near_by = CONTRIBUTES[str(s.x.dtype)] * float(np.abs(parts).max(initial=0.0))
        several = (np.abs(parts) > near_by).sum() > 1
        self.looked_at += 1
        self.of_several += bool(several)
        self.nothing += bool(claimed == 0)
        if several and parts.shape == s.claimed.shape:
            self.own += bool(abs(parts[entry] - claimed) <= near_by)
        # One output alone, or one window: all the features computed from it, on whatever axis.
        for axis in (None, *range(parts.ndim)):
            kept = parts if axis is None else parts.sum(axis=axis)
            # Zero is what a window leaves that came last and sent nothing.
            one = claimed == 0 or (several and bool(agrees(kept, claimed, near_by).any()))
            self.one[axis] = self.one.get(axis, 0) + one

    def keeps_own(self, s: WrongGradient) -> bool:
        """Whether every entry holds what it does to the output at its own place."""
        return self.own == self.looked_at >= min(FEWEST, s.claimed.size)

    def keeps_one(self, s: WrongGradient) -> bool:
        """Whether every entry holds one contribution of several; where all hold none nothing was kept."""
        best = 0 if self.nothing == self.looked_at else max(self.one.values(), default=0)
        return best == self.looked_at >= min(FEWEST, int(s.wrong.sum()))


def single_contribution(s: WrongGradient) -> Iterator[Finding]:
    """Where several outputs should add up, only one was kept."""
    tally = Tally()
    for entry, parts in _contributions(s):
        tally.enter(s, entry, parts)
    if tally.of_several == 0:
        return
    if tally.keeps_own(s):
        yield Finding(
            "diagonal-only",
            f"{s.name} holds only what each input does to the output at its own place; the cross terms, "
            "what it does to all others, are left out (softmax: dy·y·(1 − y) is the diagonal alone).",
            {"entries": int(s.wrong.sum())},
        )
    elif tally.keeps_one(s):
        yield _one_of_several(s)


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
    return Finding(
        "overlap-overwritten",
        f"{s.name} keeps one contribution where several windows overlap: = was written for +=.",
        {"entries": int(s.wrong.sum())},
    )


def _repeats_an_index(s: WrongGradient) -> bool:
    ids = next((x for x in s.context.inputs if x.dtype.kind in "iu" and x.size > 1), None)
    return ids is not None and np.unique(ids).size < ids.size


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


def _contributions(s: WrongGradient) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For some wrong entries, what each output contributes to the true gradient there."""
    places = np.argwhere(s.wrong & s.smooth)
    forward = s.context.forward
    for place in np.random.default_rng(0).permutation(places)[:PROBED]:
        entry = tuple(int(k) for k in place)
        x = s.x[entry]
        # ε^(1/3): where the truncation of a central difference, h², meets its rounding, ε/h.
        h = float(np.cbrt(forward.epsilon(s.position))) * max(1.0, abs(float(x))) * 0.5
        up = forward.moved(s.position, entry, np.asarray(x + h, dtype=s.x.dtype))
        down = forward.moved(s.position, entry, np.asarray(x - h, dtype=s.x.dtype))
        yield entry, np.asarray(s.context.dy * (up - down) / (2 * h))
