"""A conviction looked at from the hand-derived side: how far rounding alone moves that gradient.

Beside 3e8 an addend of one has eight digits left, and no backward pass can give it more. Where the forward pass
does not follow into more digits, this alone tells what rounding does from a mistake.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.compare import COARSEST, ROUND_OFF, agrees, compare, norm
from gradcheck.layer import listed
from gradcheck.numeric import (
    CAUTION,
    NumericalGradient,
    NumericalWitness,
    has_stairs,
    shaken_inputs,
)
from gradcheck.result import Array, Finding, Row, Verdict

SHAKES = 4
"""Pairs of backward passes beside the point: of four samples the largest is below a deviation in one case of five,
and CAUTION covers four of them."""


NARROWER = {np.dtype(dtype): float(np.finfo(dtype).eps) for dtype in (np.float32, np.float16)}
"""The precisions to which a forward pass may round on its way."""


def opened(witness: NumericalWitness, position: int, numeric: NumericalGradient, row: Row) -> Row:
    """A convicted row, left open where rounding explains every entry that convicts.

    Not at kinks, which an ulp may decide. Where the forward pass itself is seen to round on the way, to float32
    say, its inputs are known to no more digits, and a gradient is judged to as many.
    """
    if not _is_of_numbers(row) or not _is_convicted(row):
        return row
    hand = row.analytic
    if _explains(CAUTION * _rounding(witness, position, hand), numeric, row):
        return replace(row, verdict=Verdict.INCONCLUSIVE, findings=(_excuse(row),))
    narrower = (dtype for dtype in NARROWER if NARROWER[dtype] > witness.forward.coarsest_epsilon())
    seen = (_as_rounded_to(dtype, witness, position, numeric, row) for dtype in narrower)
    return next(filter(None, seen), row)


def _is_of_numbers(row: Row) -> bool:
    return row.analytic.shape == row.shape and row.analytic.dtype.kind == "f"


def _is_convicted(row: Row) -> bool:
    """Whether entries speak for a conviction, and not ties alone."""
    within = agrees(row.analytic, row.numeric, row.bound)
    return row.verdict is Verdict.FAIL and not within.all()


def _explains(rounding: Array, numeric: NumericalGradient, row: Row) -> bool:
    """Whether every entry that convicts, none of them at a kink, is off by no more than this."""
    within = agrees(row.analytic, row.numeric, row.bound)
    excused = agrees(row.analytic, row.numeric, row.bound + rounding) & ~numeric.kinks
    return bool((within | excused).all())


def _as_rounded_to(
    narrow: np.dtype[Any],
    witness: NumericalWitness,
    position: int,
    numeric: NumericalGradient,
    row: Row,
) -> Row | None:
    """A convicted row judged to the digits of a narrower precision, if the forward pass rounds to it."""
    epsilon = NARROWER[narrow]
    rounding = CAUTION * _rounding(witness, position, row.analytic, epsilon)
    rounding = rounding + ROUND_OFF * epsilon * numeric.absolute_sum
    seed = witness.seed
    if not (_explains(rounding, numeric, row) and has_stairs(witness.forward, seed, epsilon)):
        return None
    wider = replace(numeric, bound=row.bound + rounding)
    there, _ = compare(row.name, row.analytic, wider, row.tape)
    return replace(there, findings=(_rounds_to(narrow, there),))


def _rounds_to(narrow: np.dtype[Any], row: Row) -> Finding:
    return Finding(
        "low-precision",
        f"The forward pass rounds to {narrow} on the way, and no gradient can be judged beyond those digits; "
        f"the hand-derived one agrees as far as they reach, {row.resolution:.1e} of it.",
        {"precision": str(narrow), "resolution": row.resolution},
    )


def _excuse(row: Row) -> Finding:
    return Finding(
        "unresolved",
        f"The hand-derived gradient is {row.relative_error:.1e} away from what the forward pass shows, and "
        "leaps by as much when its inputs move by an ulp: numbers that nearly cancel leave it their rounding, in "
        "which a mistake could hide. Try inputs of ordinary size, or a way back in which nothing large cancels.",
        {"resolution": row.resolution},
    )


def _rounding(
    witness: NumericalWitness, position: int, hand: Array, epsilon: float | None = None
) -> Array:
    """How far an ulp of the inputs moves each entry; where most digits go, how far beside a line.

    Or an ulp of a narrower precision, whose ε is given, where nothing is known between two of its numbers.
    A function that is merely steep follows its inputs both ways alike, whatever is wrong with it, and a point
    where it is decided otherwise has neighbours that agree: no excuse. What is rounded on the way does neither.
    Infinite where the backward pass does not run beside the point.
    """
    rng = np.random.default_rng((witness.seed, position, 5))
    pairs = [shaken_inputs(witness.forward, rng, epsilon) for _ in range(SHAKES)]
    there = np.array([[_there(witness, position, side, hand) for side in pair] for pair in pairs])
    moved = np.abs(there - hand).max(axis=(0, 1))
    if epsilon or norm(moved) <= COARSEST * norm(hand):
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
