"""What a row's numbers mean, in a sentence for a student: kinks, zeros, precision, and who agrees with whom."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.compare import is_vacuous, norm, relative_error
from gradcheck.diagnosis.diagnose import describe, diagnose, diagnose_shape
from gradcheck.diagnosis.wrong import Context, WrongGradient
from gradcheck.numeric import NumericalGradient
from gradcheck.result import Array, Finding, Row, Verdict


def explain_row(context: Context, position: int) -> Row:
    """The row of one input with its findings; a disagreement with the tape alone is one of them."""
    row, numeric = context.compared[position].row, context.compared[position].numeric
    if numeric is None:
        return row
    findings = [*_form(row, context.inputs[position].dtype), *_conditions(row, numeric)]
    numbers = row.analytic.dtype.kind == "f" and bool(np.isfinite(row.analytic).all())
    if numbers and row.analytic.shape == row.shape:
        findings += _tape(row)
        # Where the dtype is wrong, its rounding is no second mistake.
        rounded = "wrong-dtype" in {f.code for f in findings} and row.relative_error < 1e-6
        if row.verdict is Verdict.FAIL and not rounded:
            findings = [*_wrong(row, numeric, context, position), *findings]
    verdict = Verdict.FAIL if any(finding.fails for finding in findings) else row.verdict
    return replace(row, verdict=verdict, findings=tuple(findings))


def forward_disagrees(value: Array, twin_value: Array) -> list[Finding]:
    """A finding if layer and twin differ already in their forward value."""
    mine, theirs = value.astype(np.float64), np.asarray(twin_value, dtype=np.float64)
    error = relative_error(mine, theirs)
    if error <= float(np.finfo(value.dtype).eps) ** (2 / 3):
        return []
    return [
        Finding(
            "tape-disagrees",
            f"The forward values of layer and twin differ, relative error {error:.1e}: one of the "
            "two forward passes is not the function you mean, and a backward pass can be "
            "consistent with a wrong forward pass.",
            {"forward_error": error},
            fails=True,
        )
    ]


def _form(row: Row, dtype: Any) -> list[Finding]:
    """Wrong before any number is looked at: missing, of another shape or dtype, not finite."""
    given = row.analytic
    if given.shape == row.shape and np.isnan(given).all() and given.size:
        return [
            Finding(
                "wrong-count",
                f"backward returned no gradient (None or nothing) for {row.name}, expected an array "
                f"of shape {row.shape}. If {row.name} is a constant, leave it out with wrt=….",
                {"input": row.name},
                fails=True,
            )
        ]
    if given.shape != row.shape:
        numbers = given.dtype.kind == "f" and bool(np.isfinite(given).all())
        named = diagnose_shape(f"d{row.name}", given, row.numeric, row.bound) if numbers else None
        return [
            *([named] if named else []),
            Finding(
                "wrong-shape",
                f"d{row.name} has shape {given.shape}, expected {row.shape}, the shape of "
                f"{row.name}.",
                {"expected": list(row.shape), "returned": list(given.shape)},
                fails=True,
            ),
        ]
    if given.dtype != dtype:
        return [
            Finding(
                "wrong-dtype",
                f"d{row.name} has dtype {given.dtype}, expected {dtype}, the dtype of {row.name}.",
                {"expected": str(dtype), "returned": str(given.dtype)},
                fails=True,
            )
        ]
    if not np.isfinite(given).all():
        place = [int(k) for k in np.argwhere(~np.isfinite(given))[0]]
        return [
            Finding(
                "not-finite",
                f"d{row.name} is {given[tuple(place)]} at {place}, where the numerical witness "
                f"sees {row.numeric[tuple(place)]:.6g}.",
                {"index": place},
                fails=True,
            )
        ]
    return []


def _conditions(row: Row, numeric: NumericalGradient) -> list[Finding]:
    """What limits the statement: kinks, a gradient that is zero here, a bound too wide."""
    findings = []
    kinks = int(numeric.kinks.sum())
    if kinks:
        findings.append(
            Finding(
                "kink",
                f"{kinks} of {numeric.kinks.size} entries sit at a kink, where the slopes from left "
                "and right differ; any value between them is accepted.",
                {"entries": kinks},
            )
        )
    if is_vacuous(row, numeric):
        findings.append(
            Finding(
                "vacuous",
                f"The true gradient is zero here (to {norm(row.bound):.1e}), so little was proved: "
                "try other inputs.",
                {"bound": norm(row.bound)},
            )
        )
    elif row.verdict is Verdict.INCONCLUSIVE:
        findings.append(
            Finding(
                "unresolved",
                f"Errors below {row.resolution:.1e} of the gradient cannot be seen here: the "
                "forward pass is too noisy or too strongly curved for differences at this point.",
                {"resolution": row.resolution},
            )
        )
    return findings


def _tape(row: Row) -> list[Finding]:
    """Whether the tape agrees, away from kinks, where conventions may differ."""
    if row.tape is None or row.kinks is None:
        return []
    if row.verdict is Verdict.FAIL:
        return []
    error = np.abs(row.analytic.astype(np.float64) - row.tape)
    rounding = float(np.finfo(row.analytic.dtype).eps) ** (2 / 3) * norm(row.tape)
    far = ~(error <= row.bound + rounding) & ~row.kinks
    if not far.any():
        return []
    return [
        Finding(
            "tape-disagrees",
            f"Hand-derived and numeric agree, the tape does not ({int(far.sum())} entries, relative "
            f"error {row.tape_error:.1e}): the twin computes another function, or follows another "
            "convention.",
            {"entries": int(far.sum()), "tape_error": row.tape_error},
            fails=True,
        )
    ]


def _wrong(row: Row, numeric: NumericalGradient, context: Context, position: int) -> list[Finding]:
    ties_broken = context.compared[position].ties_broken
    hand = row.analytic.astype(np.float64)
    wrong = ~(np.abs(hand - row.numeric) <= row.bound)
    witnesses = _who_agrees(row)
    if ties_broken > 0 and not wrong.any():
        assert numeric.joint is not None
        excess = numeric.joint.excess(hand)
        place = np.unravel_index(int(np.argmax(excess)), excess.shape)
        claimed, value = numeric.joint.claimed(hand)[place], numeric.joint.value[place]
        return [
            Finding(
                "ties-duplicated",
                f"Moved together, the tied entries change the output at {value:.6g}, but their "
                f"hand-derived gradients add up to {claimed:.6g}: a tie's gradient goes to one of "
                f"the tied entries or is split among them, it is not given in full to each."
                f"{witnesses}",
                {"claimed": float(claimed), "expected": float(value)},
            )
        ]
    if _rounded_to_float32(row, hand):
        return [
            Finding(
                "low-precision",
                f"d{row.name} is right to about {row.relative_error:.0e} and no further: somewhere "
                "on the way back float32 is used (a dtype lost in np.zeros or a constant?).",
                {"relative_error": row.relative_error},
            )
        ]
    suspect = WrongGradient(context, position, hand, row.numeric, row.bound, ~numeric.kinks)
    named = diagnose(suspect)
    if named is not None:
        return [replace(named, message=named.message + witnesses)]
    return [
        Finding(
            "unknown",
            f"{int(wrong.sum())} of {wrong.size} entries are wrong; the worst at "
            f"{list(row.worst)}: hand-derived {hand[row.worst]:.6g}, numeric "
            f"{row.numeric[row.worst]:.6g} ± {row.bound[row.worst]:.1e}{describe(suspect)}.{witnesses}",
            {"entries": int(wrong.sum())},
        )
    ]


def _who_agrees(row: Row) -> str:
    if row.tape is None:
        return ""
    hand = row.analytic.astype(np.float64)
    rounding = float(np.finfo(row.analytic.dtype).eps) ** (2 / 3) * norm(row.tape)
    if (np.abs(row.tape - row.numeric) <= row.bound + rounding).all():
        return " Both witnesses, numeric and tape, agree: the derivation is wrong."
    if (np.abs(row.tape - hand) <= rounding).all():
        return " The tape agrees with the hand-derived value: a kink or noise may be at work."
    return " The tape agrees with neither."


def _rounded_to_float32(row: Row, hand: Array) -> bool:
    """Whether float32's rounding explains the error, in a gradient that is kept in float64."""
    if row.analytic.dtype != np.float64 or not 1e-10 < row.relative_error < 1e-4:
        return False
    nonzero = hand[hand != 0]
    return bool((nonzero == nonzero.astype(np.float32)).mean() > 0.9)
