"""How thoroughly each gradient is looked at, so that the whole fits into a budget of seconds."""

from __future__ import annotations

import time
from collections.abc import Sequence

from gradcheck.numeric import NumericalWitness

EVALUATIONS = 4
"""Of the forward pass for each group of entries, where the first step will do."""


def efforts_for(
    witness: NumericalWitness, positions: Sequence[int], effort: str, budget: float
) -> dict[int, str]:
    """`complete` or `directional` for each input.

    Args:
        witness: the numerical witness; its forward pass is timed.
        positions: the inputs to look at.
        effort: what was asked for; `auto` is decided here, anything else stands.
        budget: seconds for all of them together: the cheapest are completed first.
    """
    if effort != "auto":
        return dict.fromkeys(positions, effort)
    chosen = dict.fromkeys(positions, "directional")
    seconds = _seconds_each(witness)
    for position in sorted(positions, key=lambda p: _groups(witness, p)):
        budget -= EVALUATIONS * _groups(witness, position) * seconds
        if budget < 0:
            break
        chosen[position] = "complete"
    return chosen


def _groups(witness: NumericalWitness, position: int) -> int:
    """How many groups of entries are moved, if none is found to move with another but in a batch.

    An upper bound: what is aligned is found only by probing, which is a part of the complete check.
    """
    x, y = witness.forward.inputs[position], witness.forward.value
    batched = x.ndim > 0 and y.ndim > 0 and x.shape[0] == y.shape[0]
    return x.size // x.shape[0] if batched and x.shape[0] else x.size


def _seconds_each(witness: NumericalWitness) -> float:
    """One evaluation of the forward pass, timed."""
    start = time.perf_counter()
    witness.forward(*witness.forward.inputs)
    return time.perf_counter() - start
