"""A conviction looked at from the hand-derived side: how far that gradient moves when its inputs move by an ulp.

Beside 3e8 an addend of one has eight digits left, and no backward pass can give it more. Where the forward pass
does not follow into more digits, this alone tells what rounding does from a mistake.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck.compare import COARSEST, agrees, norm
from gradcheck.layer import listed
from gradcheck.numeric import CAUTION, NumericalGradient, NumericalWitness, shaken_inputs
from gradcheck.result import Array, Row, Verdict

SHAKES = 4
"""Backward passes beside the point: of four samples the largest is below a deviation in one case of five, and
CAUTION covers four of them."""


def opened(witness: NumericalWitness, position: int, numeric: NumericalGradient, row: Row) -> Row:
    """A convicted row, left open where rounding of the inputs explains every entry that convicts.

    Not at kinks, which an ulp may decide, and not where most digits go: a function so steep is no excuse.
    """
    hand = row.analytic
    if row.verdict is not Verdict.FAIL or hand.shape != row.shape or hand.dtype.kind != "f":
        return row
    within = agrees(hand, row.numeric, row.bound)
    if within.all():
        return row
    moved = _moved(witness, position, hand)
    excused = agrees(hand, row.numeric, row.bound + CAUTION * moved) & ~numeric.kinks
    few = norm(moved) <= COARSEST * norm(hand)
    return replace(row, verdict=Verdict.INCONCLUSIVE) if few and (within | excused).all() else row


def _moved(witness: NumericalWitness, position: int, hand: Array) -> Array:
    """The most that each entry moves; infinite where the backward pass does not run beside the point."""
    rng = np.random.default_rng((witness.seed, position, 5))
    moved = np.zeros(hand.shape)
    for _ in range(SHAKES):
        back = witness.forward.there_and_back(shaken_inputs(witness.forward, rng), witness.dy)
        found = [] if back is None else listed(back[1], len(witness.forward.inputs))
        there = found[position] if position < len(found) else None
        if there is None or np.shape(there) != hand.shape:
            return np.full(hand.shape, np.inf)
        moved = np.maximum(moved, np.abs(there - hand))
    return moved
