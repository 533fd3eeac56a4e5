"""The hypothesis of a dropped carry: right for one time step, wrong as soon as later ones count."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

from gradcheck.diagnosis.probes import forward_at, only, predicts_slopes
from gradcheck.diagnosis.wrong import WrongGradient
from gradcheck.numeric import Forward
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
    for sequence in filter(partial(_is_wrong, s), _sequences(s)):
        # Right at the first step for the sequence too: else it is the step itself that is wrong.
        if all(_right_at_one_step(s, sequence, p) for p in {s.position, sequence.position}):
            yield Finding(
                "carry-dropped",
                f"{s.name} is right for the first time step alone and wrong once later ones count: what "
                "flows back through time, from step t + 1 into the state at t, is dropped or wrong.",
                {"input": s.context.names[sequence.position], "axis": sequence.axis},
            )


def _is_wrong(s: WrongGradient, sequence: Sequence) -> bool:
    """Whether the sequence's own gradient is wrong."""
    known = s.context.comparison(sequence.position)
    return known is not None and known.row.verdict is Verdict.FAIL


def _sequences(s: WrongGradient) -> Iterator[Sequence]:
    """The inputs that are read step by step, each step after those before it, along one of their axes."""
    for position, x in enumerate(s.context.inputs):
        for axis in range(x.ndim) if x.dtype.kind == "f" else ():
            yield from itertools.islice(_read_along(s, position, axis), x.shape[axis] > 1)


def _read_along(s: WrongGradient, position: int, axis: int) -> Iterator[Sequence]:
    """An input as a sequence along one of its axes, if it is read step by step along it."""
    axes = (k for k in range(s.context.dy.ndim) if _is_causal(s, position, axis, k))
    yield from (Sequence(position, axis, k) for k in axes)
    if position == 0 and _only_the_last_counts(s, position, axis):
        yield Sequence(position, axis, None)


def _is_causal(s: WrongGradient, position: int, axis: int, output_axis: int) -> bool:
    """Whether a later time step leaves earlier outputs alone and changes its own, the first the last."""
    if s.x_of(position).shape[axis] != s.context.dy.shape[output_axis]:
        return False
    by_last, by_first = (
        np.moveaxis(_changed_by(s, position, axis, t), output_axis, 0) for t in (-1, 0)
    )
    return bool(by_last[-1].any() and not by_last[:-1].any() and by_first[-1].any())


def _changed_by(s: WrongGradient, position: int, axis: int, t: int) -> Array:
    """Which outputs hear of one time step."""
    forward, x = s.context.forward, s.x_of(position)
    group = (slice(None),) * axis + (slice(t, t + 1 or None),)
    moved = forward.moved(position, group, x[group] + np.asarray(STEP, x.dtype))
    return np.asarray(moved != forward.value)


def _only_the_last_counts(s: WrongGradient, position: int, axis: int) -> bool:
    """Whether one step alone gives an output of the same shape, and the order of the steps matters."""
    x = s.x_of(position)
    if x.ndim < 3 or forward_at(s, position, x.take([0], axis)) is None:
        return False
    reversed_ = forward_at(s, position, np.ascontiguousarray(np.flip(x, axis)))
    return reversed_ is not None and not np.allclose(reversed_.value, s.context.forward.value)


def _right_at_one_step(s: WrongGradient, sequence: Sequence, position: int) -> bool:
    """Whether the hand-derived gradient predicts slopes where only one step counts."""
    context, dy, inputs = s.context, s.context.dy, list(s.context.inputs)
    if sequence.output_axis is not None:
        dy = only(dy, sequence.output_axis, 0)
    else:
        inputs[sequence.position] = inputs[sequence.position].take([0], sequence.axis)
    gradient = context.backward(dy, inputs)[position]
    if gradient is None or gradient.shape != inputs[position].shape:
        return False
    return predicts_slopes(gradient, position, Forward(context.layer, inputs), dy)
