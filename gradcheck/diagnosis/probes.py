"""Hypotheses that run the layer again: at other inputs, other upstream gradients, one entry moved."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.diagnosis.wrong import (
    FEWEST,
    WrongGradient,
    broadcast_axes,
    named_axes,
)
from gradcheck.numeric import Forward, slope_along
from gradcheck.result import Array, Code, Finding, Verdict

PROBED = 6
"""Wrong entries whose contributions from each output are looked at one by one."""


def single_contribution(s: WrongGradient) -> Finding | None:
    """Where several outputs should add up, only one was kept."""
    own, single, several, total = 0, 0, 0, 0
    for entry, parts in _contributions(s):
        total += 1
        near = (1e-5 if s.x.dtype == np.float64 else 1e-2) * np.abs(parts).max(initial=0.0)
        # Zero is what a window leaves that came last and sent nothing.
        lost = bool(s.claimed[entry] == 0)
        if (np.abs(parts) > near).sum() < 2:
            single += lost
            continue
        several += 1
        if parts.shape == s.claimed.shape and abs(parts[entry] - s.claimed[entry]) <= near:
            own += 1
        # One output alone, or one window: all the features computed from it.
        kept = [parts, parts.sum(axis=-1)] if parts.ndim > 1 else [parts]
        single += lost or any(bool((np.abs(k - s.claimed[entry]) <= near).any()) for k in kept)
    if several == 0:
        return None
    if own == total and total >= min(FEWEST, s.claimed.size):
        return Finding(
            "diagonal-only",
            f"{s.name} holds only what each input does to the output at its own place; the cross terms, "
            "what it does to all others, are left out (softmax: dy·y·(1 − y) is the diagonal alone).",
            {"entries": int(s.wrong.sum())},
        )
    if single < total or total < min(FEWEST, int(s.wrong.sum())):
        return None
    ids = next((x for x in s.context.inputs if x.dtype.kind in "iu" and x.size > 1), None)
    if ids is not None and np.unique(ids).size < ids.size:
        return Finding(
            "repeated-index-lost",
            f"{s.name} keeps one of several contributions wherever an index is repeated: d[ids] = … and "
            "d[ids] += … write each row once. np.add.at adds every occurrence.",
            {"entries": int(s.wrong.sum())},
        )
    if broadcast_axes(s):
        return Finding(
            "not-summed",
            f"{s.name} holds the gradient of one of the copies only: sum over {named_axes(broadcast_axes(s))} "
            "of the output.",
            {"axes": list(broadcast_axes(s))},
        )
    return Finding(
        "overlap-overwritten",
        f"{s.name} keeps one contribution where several windows overlap: = was written for +=.",
        {"entries": int(s.wrong.sum())},
    )


def _contributions(s: WrongGradient) -> Iterator[tuple[tuple[int, ...], Array]]:
    """For some wrong entries, what each output contributes to the true gradient there."""
    places = np.argwhere(s.wrong & s.smooth)
    rng = np.random.default_rng(0)
    for place in rng.permutation(places)[:PROBED]:
        entry = tuple(int(k) for k in place)
        x, forward = s.x[entry], s.context.forward
        h = float(np.cbrt(forward.epsilon(s.position))) * max(1.0, abs(float(x))) * 0.5
        up = forward.moved(s.position, entry, np.asarray(x + h, dtype=s.x.dtype))
        down = forward.moved(s.position, entry, np.asarray(x - h, dtype=s.x.dtype))
        yield entry, np.asarray(s.context.dy * (up - down) / (2 * h))


def carry(s: WrongGradient) -> Finding | None:
    """Right for an upstream gradient that reaches the first time step only, wrong as soon as later ones count."""
    dy, forward = s.context.dy, s.context.forward
    if dy.ndim != 3 or dy.shape[1] < 2:
        return None
    sequence = next(
        (p for p, x in enumerate(s.context.inputs) if x.ndim == 3 and x.shape[:2] == dy.shape[:2]),
        None,
    )
    if (
        sequence is None
        or s.context.inputs[sequence].dtype.kind != "f"
        or not _is_causal(forward, sequence)
    ):
        return None
    first = np.zeros_like(dy)
    first[:, 0] = dy[:, 0]
    known = s.context.compared.get(sequence)
    if known is not None and known.row.verdict is not Verdict.FAIL:
        return None
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


def _backward_is_right(s: WrongGradient, dy: Array, position: int) -> bool:
    """Whether, for another upstream gradient, the hand-derived gradient predicts random slopes."""
    gradient = s.context.backward(dy)[position]
    if gradient is None or gradient.shape != s.context.inputs[position].shape:
        return False
    return all(
        abs(slope - float((gradient * v).sum())) <= bound + 1e-7 * float(np.abs(gradient * v).sum())
        for v, slope, bound in _slopes(position, s.context.forward, dy)
    )


def _slopes(position: int, forward: Forward, dy: Array) -> Iterator[tuple[Array, float, float]]:
    rng = np.random.default_rng(0)
    noise = forward.noise(rng)
    for _ in range(2):
        v = rng.normal(size=forward.inputs[position].shape)
        directions = [v if p == position else None for p in range(len(forward.inputs))]
        yield v, *slope_along(forward, directions, dy, noise)


def altered_input(s: WrongGradient) -> Finding | None:
    """The hand-derived gradient is the true one of a layer whose input was transposed or flipped."""
    forward = s.context.forward
    for position, x in enumerate(forward.inputs):
        if x.dtype.kind != "f" or x.size < 2 or (s.true.size > 1 and x.size > 1_000_000):
            continue
        for code, change, y in _alterations(x):
            inputs = [y if p == position else other for p, other in enumerate(forward.inputs)]
            try:
                other = Forward(s.context.layer, inputs)
            except Exception:
                continue
            if other.value.shape != s.context.dy.shape:
                continue
            if all(
                abs(slope - float((s.claimed * v).sum()))
                <= 4 * bound + 1e-7 * float(np.abs(s.claimed * v).sum())
                for v, slope, bound in _slopes(s.position, other, s.context.dy)
            ):
                return Finding(
                    code,
                    f"{s.name} is what it would be if {s.context.names[position]} were {change}: on the way "
                    "back the other orientation is needed.",
                    {"input": s.context.names[position]},
                )
    return None


def _alterations(x: Array) -> Iterator[tuple[Code, str, Array]]:
    if x.ndim > 1 and x.shape[-1] == x.shape[-2]:
        yield "transposed", "transposed", np.ascontiguousarray(np.swapaxes(x, -1, -2))
    for axes in ((0,),) if x.ndim == 1 else ((0, 1), (0,), (1,)):
        yield (
            "flipped",
            f"reversed along {named_axes(axes)}",
            np.ascontiguousarray(np.flip(x, axes)),
        )
