"""A conviction looked at from the hand-derived side: how far rounding alone moves that gradient.

Beside 3e8 an addend of one has eight digits left, and no backward pass can give it more. Where the forward pass
does not follow into more digits, this alone tells what rounding does from a mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from gradcheck.compare import COARSEST, agrees, norm
from gradcheck.layer import listed
from gradcheck.numeric import CAUTION, NumericalGradient, NumericalWitness, shaken_inputs
from gradcheck.result import Array, Finding, Row, Verdict

SHAKES = 4
"""Pairs of backward passes beside the point: of four samples the largest is below a deviation in one case of five,
and CAUTION covers four of them."""


def opened(witness: NumericalWitness, position: int, numeric: NumericalGradient, row: Row) -> Row:
    """A convicted row, left open where rounding explains every entry that convicts.

    Not at kinks, which an ulp may decide.
    """
    hand = row.analytic
    if row.verdict is not Verdict.FAIL or hand.shape != row.shape or hand.dtype.kind != "f":
        return row
    within = agrees(hand, row.numeric, row.bound)
    if within.all():
        return row
    rounding = CAUTION * _rounding(witness, position, hand)
    excused = agrees(hand, row.numeric, row.bound + rounding) & ~numeric.kinks
    if not (within | excused).all():
        return row
    return replace(row, verdict=Verdict.INCONCLUSIVE, findings=(_excuse(row),))


def _excuse(row: Row) -> Finding:
    return Finding(
        "unresolved",
        f"The hand-derived gradient is {row.relative_error:.1e} away from what the forward pass shows, and "
        "leaps by as much when its inputs move by an ulp: numbers that nearly cancel leave it their rounding, in "
        "which a mistake could hide. Try inputs of ordinary size, or a way back in which nothing large cancels.",
        {"resolution": row.resolution},
    )


def _rounding(witness: NumericalWitness, position: int, hand: Array) -> Array:
    """How far an ulp of the inputs moves each entry; where most digits go, how far beside a line.

    A function that is merely steep follows its inputs both ways alike, whatever is wrong with it, and a point
    where it is decided otherwise has neighbours that agree: no excuse. What is rounded on the way does neither.
    Infinite where the backward pass does not run beside the point.
    """
    rng = np.random.default_rng((witness.seed, position, 5))
    pairs = [shaken_inputs(witness.forward, rng) for _ in range(SHAKES)]
    there = np.array([[_there(witness, position, side, hand) for side in pair] for pair in pairs])
    moved = np.abs(there - hand).max(axis=(0, 1))
    if norm(moved) <= COARSEST * norm(hand):
        return np.asarray(moved)
    return np.asarray(np.nan_to_num(np.ptp(there.mean(axis=1), axis=0), nan=np.inf))


def _there(witness: NumericalWitness, position: int, inputs: Sequence[Array], hand: Array) -> Array:
    """The gradient at other inputs; infinite where there is none."""
    back = witness.forward.there_and_back(inputs, witness.dy)
    found = [] if back is None else listed(back[1], len(inputs))
    there = found[position] if position < len(found) else None
    if there is None or np.shape(there) != hand.shape:
        return np.full(hand.shape, np.inf)
    return there
