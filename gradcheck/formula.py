"""A gradient that its own precision cannot judge, judged as a formula: the layer lifted into a wider one.

Where float32 leaves the bound too wide, inputs are lifted exactly and the layer is run again, there and
back. If it follows them, differences there are thousands of times quieter. The hand-derived gradient in
the wider precision is judged as a formula; how far the one of its own precision lies from it is what
rounding has done to it.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck.compare import compare, norm
from gradcheck.layer import copies, listed, run
from gradcheck.numeric import NumericalGradient, NumericalWitness
from gradcheck.result import Array, Row, Verdict

MOST_ROUNDING = 0.5
"""Exponent: a gradient that has lost more than half of its digits is not called right, formula or not."""


def judged_as_formula(
    witness: NumericalWitness, position: int, hand: Array, row: Row
) -> tuple[Row, NumericalGradient, float] | None:
    """The row, judged in the next wider precision; None where the layer does not follow there.

    Args:
        witness: the witness in the layer's own precision.
        position: the input.
        hand: its hand-derived gradient, in its own precision.
        row: what was made of it there.

    Returns:
        The row, the numerical gradient that it rests on, and by how much tied entries miss their sum.
    """
    judged = _judged(witness.lifted, position, hand, row)
    if witness.lifted is None or _says(judged) is not Verdict.INCONCLUSIVE:
        return judged
    # Two precisions further what a cancellation has left may be seen; a mistake seen only there is none.
    again = _judged(witness.lifted.lifted, position, hand, row)
    return again if _says(again) is Verdict.PASS else judged


def _says(judged: tuple[Row, NumericalGradient, float] | None) -> Verdict | None:
    return None if judged is None else judged[0].verdict


def _judged(
    wide: NumericalWitness | None, position: int, hand: Array, row: Row
) -> tuple[Row, NumericalGradient, float] | None:
    """The row as one wider precision judges it."""
    formula = None if wide is None else _lifted_gradient(wide, position)
    if wide is None or formula is None or formula.shape != hand.shape:
        return None
    numeric = wide.beside(position, formula)
    there, ties_broken = compare(row.name, formula, numeric, None)
    rounding = np.abs(hand.astype(np.float64) - formula.astype(np.float64))
    most = float(np.finfo(hand.dtype).eps) ** MOST_ROUNDING * norm(numeric.absolute_sum)
    verdict = there.verdict
    if verdict is Verdict.PASS and norm(rounding) > most:
        verdict = Verdict.INCONCLUSIVE
    numeric = replace(numeric, bound=numeric.bound + rounding)
    here, _ = compare(row.name, hand, numeric, row.tape)
    return replace(here, verdict=verdict, resolution=there.resolution), numeric, ties_broken


def _lifted_gradient(wide: NumericalWitness, position: int) -> Array | None:
    """What the backward pass returns in the wider precision, if it returns that."""
    dtype = wide.forward.dtype
    try:
        with np.errstate(all="ignore"):
            _, backward = run(wide.forward.f, copies(wide.forward.inputs))
            gradient = listed(backward(wide.dy.astype(dtype)), len(wide.forward.inputs))[position]
    except Exception:
        # Whatever it is that it cannot do with these numbers, it does not follow.
        return None
    fits = gradient is not None and gradient.dtype == dtype and np.isfinite(gradient).all()
    return gradient if fits else None
