"""Two derivatives in one: a loss that holds that of its softmax, a softmax that leaves its own to the loss."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.compare import agrees
from gradcheck.diagnosis.wrong import Measured, WrongGradient
from gradcheck.result import Array, Finding


def hands_on(s: WrongGradient) -> Iterator[Finding]:
    """A softmax whose backward pass returns what it is given: p − y comes from the loss behind it."""
    if _are_probabilities(s.context.forward.value):
        yield from s.if_it_is(
            Measured.exactly(s.context.dy),
            "fused",
            f"{s.name} is the upstream gradient itself. That is right only behind a loss whose backward pass "
            "holds the softmax's derivative already (p − y for cross-entropy): the backward pass is of both "
            "together. Of the softmax alone it is y·(dy − Σ dy·y).",
            {"of": "softmax"},
        )


def holds_another(s: WrongGradient) -> Iterator[Finding]:
    """A loss whose gradient is that of the logits, not of the probabilities that it takes."""
    if s.context.forward.value.ndim:
        return
    p, measured = s.x, s.measured
    for axis in range(p.ndim - 1, -1, -1):
        taken = (p * measured.value).sum(axis=axis, keepdims=True)
        doubt = (np.abs(p) * measured.bound).sum(axis=axis, keepdims=True)
        through = Measured(measured.value - taken, measured.bound + doubt, measured.smooth)
        yield from _of_a_loss(s, through.times(p), "softmax")
    yield from _of_a_loss(s, measured.times(p * (1 - p)), "sigmoid")


def _of_a_loss(s: WrongGradient, model: Measured, activation: str) -> Iterator[Finding]:
    """What is said of a loss whose gradient is this model, summed or averaged over its rows."""
    count = s.x.shape[0] if s.x.ndim else 1
    averaged = (count, f", times the {count} rows that the loss is averaged over")
    for rows, means in [(1, ""), averaged][: 1 + (count > 1)]:
        yield from s.if_it_is(
            model.times(rows),
            "fused",
            f"{s.name} is the gradient by what goes into a {activation} before this loss, not by "
            f"{s.context.names[s.position]}, which comes out of it{means}: the backward pass is of both "
            f"together. It is right where the {activation}'s own backward pass hands it on as it is.",
            {"of": activation, "rows": rows},
        )


def _are_probabilities(value: Array) -> bool:
    """Whether along some axis outputs that are positive sum to one."""
    slack = value.size * float(np.finfo(value.dtype).eps)
    sums = [value.sum(axis=k) for k, length in enumerate(value.shape) if length > 1]
    ones = (agrees(total, np.ones(()), slack).all() for total in sums)
    return bool((value > 0).all()) and any(ones)
