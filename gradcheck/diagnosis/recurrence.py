"""The hypothesis of a dropped carry: right for one time step, wrong as soon as later ones count."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from gradcheck.diagnosis.probes import forward_at, predicts_slopes
from gradcheck.diagnosis.wrong import WrongGradient
from gradcheck.result import Array, Finding, Verdict

STEP = 0.1
"""How far a time step is moved to see which outputs hear of it: far more than rounding."""


class Sequence(NamedTuple):
    """An input that is a sequence: where it stands, its time axis, and that of the output if it has one."""

    position: int
    axis: int
    output_axis: int | None


def carry(s: WrongGradient) -> Iterator[Finding]:
    """Right for an upstream gradient that reaches the first time step only, wrong once later ones count."""
    for sequence in _sequences(s):
        known = s.context.comparison(sequence.position)
        if known is None or known.row.verdict is not Verdict.FAIL:
            continue
        # Right at the first step for the sequence too: else it is the step itself that is wrong.
        if all(_right_at_one_step(s, sequence, p) for p in {s.position, sequence.position}):
            yield Finding(
                "carry-dropped",
                f"{s.name} is right for the first time step alone and wrong once later ones count: what "
                "flows back through time, from step t + 1 into the state at t, is dropped or wrong.",
                {"input": s.context.names[sequence.position], "axis": sequence.axis},
            )


def _sequences(s: WrongGradient) -> Iterator[Sequence]:
    """The inputs that are read step by step, each step after those before it."""
    for position, x in enumerate(s.context.inputs):
        if x.dtype.kind == "f":
            along = (_sequence(s, position, axis) for axis in range(x.ndim) if x.shape[axis] > 1)
            yield from (sequence for sequence in along if sequence is not None)


def _sequence(s: WrongGradient, position: int, axis: int) -> Sequence | None:
    """An input as a sequence along one of its axes, if it is read step by step along it."""
    x = s.x_of(position)
    along = [k for k, steps in enumerate(s.context.dy.shape) if steps == x.shape[axis]]
    for sequence in (Sequence(position, axis, k) for k in along):
        if _is_causal(s, sequence):
            return sequence
    if position == 0 and x.ndim > 2 and _only_the_last_counts(s, position, axis):
        return Sequence(position, axis, None)
    return None


def _is_causal(s: WrongGradient, sequence: Sequence) -> bool:
    """Whether a later time step leaves earlier outputs alone and changes its own, the first the last."""
    position, axis, output_axis = sequence
    steps = s.x_of(position).shape[axis]
    assert output_axis is not None
    by_last, by_first = (
        np.moveaxis(_changed_by(s, position, axis, t), output_axis, 0) for t in (steps - 1, 0)
    )
    return bool(by_last[-1].any() and not by_last[:-1].any() and by_first[-1].any())


def _changed_by(s: WrongGradient, position: int, axis: int, t: int) -> Array:
    """Which outputs hear of one time step."""
    forward, x = s.context.forward, s.x_of(position)
    group = tuple(slice(t, t + 1) if k == axis else slice(None) for k in range(x.ndim))
    moved = forward.moved(position, group, x[group] + np.asarray(STEP, x.dtype))
    return np.asarray(moved != forward.value)


def _only_the_last_counts(s: WrongGradient, position: int, axis: int) -> bool:
    """Whether one step alone gives an output of the same shape, and the order of the steps matters."""
    x = s.x_of(position)
    alone = forward_at(s, position, x.take([0], axis))
    reversed_ = forward_at(s, position, np.ascontiguousarray(np.flip(x, axis)))
    if alone is None or reversed_ is None:
        return False
    return not np.allclose(reversed_.value, s.context.forward.value)


def _right_at_one_step(s: WrongGradient, sequence: Sequence, position: int) -> bool:
    """Whether the hand-derived gradient is right where only one step counts."""
    context, dy = s.context, s.context.dy
    if sequence.output_axis is not None:
        first = np.zeros_like(dy)
        place = tuple(0 if k == sequence.output_axis else slice(None) for k in range(dy.ndim))
        first[place] = dy[place]
        return _is_right(context.backward(first)[position], position, s, context.inputs, first)
    inputs = list(context.inputs)
    inputs[sequence.position] = inputs[sequence.position].take([0], sequence.axis)
    return _is_right(context.backward(dy, inputs)[position], position, s, inputs, dy)


def _is_right(
    gradient: Array | None, position: int, s: WrongGradient, inputs: list[Array], dy: Array
) -> bool:
    """Whether a gradient at these inputs predicts slopes."""
    if gradient is None or gradient.shape != inputs[position].shape:
        return False
    forward = type(s.context.forward)(s.context.layer, inputs)
    return predicts_slopes(gradient, position, forward, dy)
