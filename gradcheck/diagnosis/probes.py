"""Hypotheses that run the layer again: at other inputs, other upstream gradients, one entry moved."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.compare import agrees, norm
from gradcheck.diagnosis.margins import CONTRIBUTES, EXPLAINED, FEWEST, PROBED
from gradcheck.diagnosis.wrong import WrongGradient, broadcast_axes, named_axes
from gradcheck.numeric import Forward, slope_along
from gradcheck.result import Array, Code, Finding, Verdict

LARGEST = 1_000_000
"""Entries of an input beyond which it isn't altered to see what would become of the gradient."""
ROUND_OFF = 1e-7
"""What adding up the terms of a slope may lose, of their absolute sum: float32's ε."""


@dataclass
class Tally:
    """Of the wrong entries looked at: how many hold only one of their outputs' contributions, and which."""

    looked_at: int = 0
    of_several: int = 0
    one: int = 0
    own: int = 0

    def enter(self, s: WrongGradient, entry: tuple[int, ...], parts: Array) -> None:
        """Count one entry, to which each output contributes `parts`."""
        claimed = s.claimed[entry]
        near = CONTRIBUTES[str(s.x.dtype)] * np.abs(parts).max(initial=0.0)
        self.looked_at += 1
        # Zero is what a window leaves that came last and sent nothing.
        if (np.abs(parts) > near).sum() < 2:
            self.one += claimed == 0
            return
        self.of_several += 1
        self.own += parts.shape == s.claimed.shape and bool(abs(parts[entry] - claimed) <= near)
        # One output alone, or one window: all the features computed from it.
        kept = [parts, parts.sum(axis=-1)] if parts.ndim > 1 else [parts]
        self.one += claimed == 0 or any(agrees(k, claimed, near).any() for k in kept)


def single_contribution(s: WrongGradient) -> Iterator[Finding]:
    """Where several outputs should add up, only one was kept."""
    tally = Tally()
    for entry, parts in _contributions(s):
        tally.enter(s, entry, parts)
    if tally.of_several == 0:
        return
    if tally.own == tally.looked_at >= min(FEWEST, s.claimed.size):
        yield Finding(
            "diagonal-only",
            f"{s.name} holds only what each input does to the output at its own place; the cross terms, "
            "what it does to all others, are left out (softmax: dy·y·(1 − y) is the diagonal alone).",
            {"entries": int(s.wrong.sum())},
        )
    elif tally.one == tally.looked_at >= min(FEWEST, int(s.wrong.sum())):
        yield _one_of_several(s)


def _one_of_several(s: WrongGradient) -> Finding:
    """What it is called depends on why several outputs depend on one entry."""
    entries = int(s.wrong.sum())
    copies = broadcast_axes(s)
    if _repeats_an_index(s):
        return Finding(
            "repeated-index-lost",
            f"{s.name} keeps one of several contributions wherever an index is repeated: d[ids] = … and "
            "d[ids] += … write each row once. np.add.at adds every occurrence.",
            {"entries": entries},
        )
    if copies:
        return Finding(
            "not-summed",
            f"{s.name} holds the gradient of one of the copies only: sum over {named_axes(copies)} of the "
            "output.",
            {"axes": list(copies)},
        )
    return Finding(
        "overlap-overwritten",
        f"{s.name} keeps one contribution where several windows overlap: = was written for +=.",
        {"entries": entries},
    )


def _repeats_an_index(s: WrongGradient) -> bool:
    ids = next((x for x in s.context.inputs if x.dtype.kind in "iu" and x.size > 1), None)
    return ids is not None and np.unique(ids).size < ids.size


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


def carry(s: WrongGradient) -> Iterator[Finding]:
    """Right for an upstream gradient that reaches the first time step only, wrong once later ones count."""
    dy = s.context.dy
    sequence = _sequence(s)
    if sequence is None:
        return
    known = s.context.comparison(sequence)
    if known is not None and known.row.verdict is not Verdict.FAIL:
        return
    first = np.zeros_like(dy)
    first[:, 0] = dy[:, 0]
    # Right at the first step for the sequence too: else it is the step itself that is wrong.
    if all(_backward_is_right(s, first, position) for position in {s.position, sequence}):
        yield Finding(
            "carry-dropped",
            f"{s.name} is right for the first time step alone and wrong once later ones count: what "
            "flows back through time, from step t + 1 into the state at t, is dropped or wrong.",
            {"steps": int(dy.shape[1])},
        )


def _sequence(s: WrongGradient) -> int | None:
    """The input that is a sequence whose later steps leave earlier outputs alone."""
    dy = s.context.dy
    if dy.ndim != 3 or dy.shape[1] < 2:
        return None
    for position, x in enumerate(s.context.inputs):
        if x.ndim == 3 and x.shape[:2] == dy.shape[:2]:
            causal = x.dtype.kind == "f" and _is_causal(s.context.forward, position)
            return position if causal else None
    return None


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


def _backward_is_right(s: WrongGradient, dy: Array, position: int) -> bool:
    """Whether, for another upstream gradient, the hand-derived gradient predicts random slopes."""
    gradient = s.context.backward(dy)[position]
    if gradient is None or gradient.shape != s.context.inputs[position].shape:
        return False
    return _predicts_slopes(gradient, position, s.context.forward, dy)


def _predicts_slopes(gradient: Array, position: int, forward: Forward, dy: Array) -> bool:
    """Whether a gradient agrees with the slopes along two random directions, which must be sharp."""
    rng = np.random.default_rng(0)
    noise = forward.noise(rng)
    for _ in range(2):
        v = rng.normal(size=forward.inputs[position].shape)
        directions = [v if p == position else None for p in range(len(forward.inputs))]
        slope, bound = slope_along(forward, directions, dy, noise)
        terms = gradient * v
        if not bound <= EXPLAINED * norm(terms):
            return False
        if abs(slope - float(terms.sum())) > bound + ROUND_OFF * float(np.abs(terms).sum()):
            return False
    return True


def altered_input(s: WrongGradient) -> Iterator[Finding]:
    """The hand-derived gradient is the true one of a layer whose input was transposed or flipped."""
    for position, x in enumerate(s.context.inputs):
        if x.dtype.kind != "f" or not 2 <= x.size <= LARGEST:
            continue
        for code, change, altered in _alterations(x):
            other = _forward_with(s, position, altered)
            if other is not None and _predicts_slopes(s.claimed, s.position, other, s.context.dy):
                yield Finding(
                    code,
                    f"{s.name} is what it would be if {s.context.names[position]} were {change}: on the "
                    "way back the other orientation is needed.",
                    {"input": s.context.names[position], "change": change},
                )


def _forward_with(s: WrongGradient, position: int, altered: Array) -> Forward | None:
    """The forward pass at a point where one input is another, if it is defined there."""
    inputs = list(s.context.inputs)
    inputs[position] = altered
    try:
        other = Forward(s.context.layer, inputs)
    except Exception:
        return None
    return other if other.value.shape == s.context.dy.shape else None


def _alterations(x: Array) -> Iterator[tuple[Code, str, Array]]:
    if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
        yield "transposed", "transposed", np.ascontiguousarray(np.swapaxes(x, -1, -2))
    for axes in ((0,),) if x.ndim == 1 else ((0, 1), (0,), (1,)):
        change = f"reversed along {named_axes(axes)}"
        yield "flipped", change, np.ascontiguousarray(np.flip(x, axes))
