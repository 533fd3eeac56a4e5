"""What a row's numbers mean, in a sentence for a student: kinks, zeros, precision, and who agrees with whom."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.compare import COARSEST, agrees, is_vacuous, norm, not_finite, relative_error
from gradcheck.diagnosis.diagnose import HYPOTHESES, describe, diagnose, diagnose_shape
from gradcheck.diagnosis.draws import again, with_all_digits
from gradcheck.diagnosis.recurrence import carry
from gradcheck.diagnosis.wrong import Context, Hypothesis, WrongGradient
from gradcheck.numeric import CAUTION, Joint, NumericalGradient, rounded_to_float32
from gradcheck.result import Array, Finding, Row, Verdict, fault


def explain_row(
    context: Context, position: int, hypotheses: Sequence[Hypothesis] = HYPOTHESES
) -> Row:
    """The row of one input with its findings; a disagreement with the tape alone is one of them."""
    row, numeric = context.compared[position].row, context.compared[position].numeric
    if numeric is None:
        return row
    findings = _findings(row, numeric, context, position, hypotheses)
    verdict = Verdict.FAIL if any(finding.fails for finding in findings) else row.verdict
    return replace(row, verdict=verdict, findings=tuple(findings))


def without_carries(context: Context, row: Row) -> Row:
    """A row of a backward pass without loops, in which nothing is carried: it is explained by something else.

    Whatever is wrong with causal attention is right at its first step too.
    """
    if all(one.code != "carry-dropped" for one in row.findings):
        return row
    others = [one for one in HYPOTHESES if one is not carry]
    return explain_row(context, context.names.index(row.name), others)


def _findings(
    row: Row,
    numeric: NumericalGradient,
    context: Context,
    position: int,
    hypotheses: Sequence[Hypothesis],
) -> list[Finding]:
    """What the mistake is, what the form of the gradient and the point say, and whether the tape agrees."""
    dtype = _expected(row.analytic, context, position)
    findings = [*_form(row, dtype), *_conditions(row, numeric, context)]
    if not _holds_numbers(row.analytic) or row.analytic.shape != row.shape:
        return findings
    if row.verdict is not Verdict.FAIL:
        return [*findings, *_tape(row, numeric, context, position)]
    # Where the dtype is wrong, its rounding is no second mistake.
    if row.relative_error < 1e-6 and row.analytic.dtype != dtype:
        return findings
    return [_mistake(row, numeric, context, position, hypotheses), *findings]


def _expected(given: Array, context: Context, position: int) -> Any:
    """The dtype of an input; beside others of another precision a gradient may have that of both."""
    floats = [x.dtype for x in context.inputs if x.dtype.kind == "f"]
    widest = np.result_type(*floats) if floats else given.dtype
    return widest if given.dtype == widest else context.inputs[position].dtype


def of_one_draw(row: Row, conduct: Sequence[Finding]) -> Row:
    """A row of a way back that draws at random: what no hypothesis explains is explained by that."""
    drawn = any(one.code == "nondeterministic" and one.fails for one in conduct)
    message = f"d{row.name} is another at each call: what is compared here is one of many."
    named = Finding("nondeterministic", message)
    findings = (named if drawn and one.code == "unknown" else one for one in row.findings)
    return replace(row, findings=tuple(findings))


def _holds_numbers(given: Array) -> bool:
    return given.dtype.kind == "f" and bool(np.isfinite(given).all())


def forward_disagrees(value: Array, twin_value: Array) -> Iterator[Finding]:
    """Whether layer and twin differ already in their forward value."""
    mine, theirs = value.astype(np.float64), np.asarray(twin_value, dtype=np.float64)
    error = relative_error(mine, theirs)
    if not error <= float(np.finfo(value.dtype).eps) ** (2 / 3):
        yield fault(
            "tape-disagrees",
            f"The forward values of layer and twin differ, relative error {error:.1e}: one of the "
            "two forward passes is not the function you mean, and a backward pass can be "
            "consistent with a wrong forward pass.",
            {"forward_error": error},
        )


def _form(row: Row, dtype: Any) -> Iterator[Finding]:
    """Wrong before any number is looked at: missing, of another shape or dtype, not finite."""
    given = row.analytic
    if given.shape != row.shape:
        yield from _misshapen(row)
    elif np.isnan(given).all() and given.size:
        yield fault(
            "wrong-count",
            f"backward returned no gradient (None or nothing) for {row.name}, expected an array "
            f"of shape {row.shape}. If {row.name} is a constant, leave it out with wrt=….",
            {"input": row.name},
        )
    elif given.dtype != dtype:
        yield fault(
            "wrong-dtype",
            f"d{row.name} has dtype {given.dtype}, expected {dtype}, the dtype of {row.name}.",
            {"expected": str(dtype), "returned": str(given.dtype)},
        )
    elif not np.isfinite(given).all():
        yield not_finite(f"d{row.name}", given, row.numeric)


def _misshapen(row: Row) -> Iterator[Finding]:
    """Another shape, and what the numbers in it are if that can be told."""
    given, name = row.analytic, f"d{row.name}"
    named = diagnose_shape(name, given, row.numeric, row.bound) if _holds_numbers(given) else None
    right = None if named else _numbers_in_shape(row)
    yield from filter(None, [named])
    yield fault(
        "wrong-shape",
        f"{name} has shape {given.shape}, expected {row.shape}, the shape of {row.name}{OF_NUMBERS[right]}.",
        {"expected": list(row.shape), "returned": list(given.shape), "numbers": right},
    )


OF_NUMBERS = {
    None: "",
    True: "; the numbers in it are right",
    False: "; the numbers in it are wrong too",
}
"""What is said of the numbers in a wrong shape."""


def _numbers_in_shape(row: Row) -> bool | None:
    """Whether the numbers are right, where only axes of length one were lost or added; None elsewhere."""
    given = row.analytic
    shape = tuple(n for n in row.shape if n != 1)
    if not _holds_numbers(given) or np.squeeze(given).shape != shape:
        return None
    return bool(agrees(given.astype(np.float64).reshape(row.shape), row.numeric, row.bound).all())


def _conditions(row: Row, numeric: NumericalGradient, context: Context) -> Iterator[Finding]:
    """What limits the statement: kinks, a gradient that is zero here, a bound too wide."""
    kinks = int(numeric.kinks.sum())
    if kinks:
        yield Finding(
            "kink",
            f"{kinks} of {numeric.kinks.size} entries sit at a kink, where the slopes from left "
            "and right differ; any value between them is accepted.",
            {"entries": kinks},
        )
    if row.findings:
        # Whoever left it open has said why.
        yield from row.findings
    elif row.verdict is Verdict.INCONCLUSIVE:
        why = (
            _why_unresolved(row, numeric) if context.dy.size or not row.numeric.size else NO_OUTPUT
        )
        yield Finding("unresolved", why, {"resolution": row.resolution})
    elif is_vacuous(numeric):
        yield Finding(
            "vacuous",
            f"The true gradient is zero here (to {norm(row.bound):.1e}), and no more is proved than that "
            "the hand-derived one is zero too: with a wrong sign, factor or formula it would pass as "
            "well. Try other inputs, where it is not zero.",
            {"bound": norm(row.bound)},
        )


NO_OUTPUT = "The output has no entries: nothing can be learnt of the gradient."


def _why_unresolved(row: Row, numeric: NumericalGradient) -> str:
    """The witnesses contradict each other, kinks meet, or too little is seen."""
    if is_contradicted(row):
        return (
            f"The tape agrees with the hand-derived value, the numerical witness does not, at "
            f"{list(row.worst)} {row.numeric[row.worst]:.6g}: a kink or noise is at work, or both follow a "
            "convention that is no derivative. Try other inputs."
        )
    if np.any(numeric.met_on_the_way & numeric.from_afar):
        return (
            "Only steps longer than the input itself move an output by more than its rounding, and the slope that "
            "they see is not the hand-derived one: whether it is the slope here cannot be told. "
            f"{_what_to_do(row)}"
        )
    if np.any(numeric.met_on_the_way):
        return (
            "No more is seen than the mean slope over a step, and on the way the hand-derived gradient is "
            "now above it, now below, as where a function swings: whether it is right here cannot be told. "
            f"{_what_to_do(row)}"
        )
    if entries := int(np.sum(numeric.undecided)):
        return (
            f"At a kink of {entries} of the entries the hand-derived gradient leaves the slopes on either side, "
            "though all around it is right: where several kinks meet each may be decided for itself, which is "
            "not seen from outside. Try inputs without exact zeros and ties."
        )
    return f"{_what_is_lost(row)} {_what_to_do(row)}".rstrip()


def is_contradicted(row: Row) -> bool:
    """Whether the tape sides with the hand-derived gradient where the numerical witness speaks against it."""
    if row.tape is None or row.tape.shape != row.analytic.shape:
        return False
    hand = row.analytic.astype(np.float64)
    far = not agrees(hand, row.numeric, row.bound).all()
    return far and who_agrees(row) == WITH_THE_HAND


def _what_is_lost(row: Row) -> str:
    if not row.numeric.size:
        return f"{row.name} has no entries: there is nothing to compare."
    # A bound below the smallest number is no bound either: all there is has underflowed.
    if not 0 < row.resolution < np.inf:
        return (
            "Nothing can be seen of the gradient here: no output moves by more than its rounding."
        )
    if row.resolution <= COARSEST:
        return (
            f"As a formula no mistake is seen in the gradient; computed in {row.analytic.dtype}, rounding "
            f"changes it by about {row.relative_error:.1e} here."
        )
    return (
        f"Errors below {row.resolution:.1e} of the gradient cannot be seen here: the forward pass is "
        "too noisy or too strongly curved for differences at this point."
    )


def _what_to_do(row: Row) -> str:
    if not row.numeric.size:
        return ""
    if row.analytic.dtype.itemsize < np.dtype(np.float64).itemsize:
        return "Try it in float64."
    return "Try inputs of ordinary size, away from saturation."


def _tape(
    row: Row, numeric: NumericalGradient, context: Context, position: int
) -> Iterator[Finding]:
    """Whether the tape agrees, away from kinks, where conventions may differ."""
    if row.tape is None:
        return
    hand = row.analytic.astype(np.float64)
    bound = row.bound + _rounding_of(row.tape, row.analytic.dtype)
    far = ~agrees(hand, row.tape, bound) & ~numeric.kinks
    if far.any():
        # What is lost in the one way back is likely to be lost in the other, rounded otherwise.
        far &= ~agrees(hand, row.tape, bound + CAUTION * context.rounding(position))
    if far.any():
        yield fault(
            "tape-disagrees",
            f"Hand-derived and numeric agree, the tape does not ({int(far.sum())} entries, relative "
            f"error {row.tape_error:.1e}): the twin computes another function, or follows another "
            "convention.",
            {"entries": int(far.sum()), "tape_error": row.tape_error},
        )


def _rounding_of(tape: Array, dtype: Any) -> float:
    """What the tape's own rounding may do to an entry: two thirds of the digits are right."""
    return norm(tape) * float(np.finfo(dtype).eps ** (2 / 3))


def _mistake(
    row: Row,
    numeric: NumericalGradient,
    context: Context,
    position: int,
    hypotheses: Sequence[Hypothesis],
) -> Finding:
    """What the mistake is: ties, a precision, a hypothesis that explains it, or what can be said of it."""
    hand = row.analytic.astype(np.float64)
    broken = context.compared[position].ties_broken > 0
    if numeric.joint is not None and broken and agrees(hand, row.numeric, row.bound).all():
        return _ties(numeric.joint, hand, who_agrees(row))
    if _in_float32(row, hand):
        return Finding(
            "low-precision",
            f"d{row.name} is right to about {row.relative_error:.0e} and no further: somewhere "
            "on the way back float32 is used (a dtype lost in np.zeros or a constant?).",
            {"relative_error": row.relative_error},
        )
    suspect = with_all_digits(WrongGradient.of(context, position, row, numeric))
    sides = who_agrees(row)
    # What an independent derivation says too is no slip of the pen.
    named = None if sides == WITH_THE_HAND else diagnose(suspect, hypotheses, again(suspect))
    named = named or _unnamed(row, suspect)
    return replace(named, message=named.message + sides)


def _unnamed(row: Row, suspect: WrongGradient) -> Finding:
    """How many entries are wrong, and what can be said of them."""
    hand = row.analytic.astype(np.float64)
    wrong = ~agrees(hand, row.numeric, row.bound)
    return Finding(
        "unknown",
        f"{int(wrong.sum())} of {wrong.size} entries are wrong; the worst at "
        f"{list(row.worst)}: hand-derived {hand[row.worst]:.6g}, numeric "
        f"{row.numeric[row.worst]:.6g} ± {row.bound[row.worst]:.1e}{describe(suspect)}.",
        {"entries": int(wrong.sum())},
    )


def _ties(joint: Joint, hand: Array, witnesses: str) -> Finding:
    excess = joint.excess(hand)
    place = np.unravel_index(int(np.argmax(excess)), excess.shape)
    claimed, value = float(joint.claimed(hand)[place]), float(joint.value[place])
    return Finding(
        "ties-duplicated",
        f"Moved together, the tied entries change the output at {value:.6g}, but their hand-derived "
        f"gradients add up to {claimed:.6g}: a tie's gradient goes to one of the tied entries or is "
        f"split among them, it is not given in full to each.{witnesses}",
        {"claimed": claimed, "expected": value},
    )


WITH_THE_HAND = " The tape agrees with the hand-derived value: a kink or noise may be at work."


def who_agrees(row: Row) -> str:
    """Which witness sides with whom, as a sentence to append; empty without a tape."""
    if row.tape is None:
        return ""
    hand, rounding = row.analytic.astype(np.float64), _rounding_of(row.tape, row.analytic.dtype)
    if agrees(row.tape, row.numeric, row.bound + rounding).all():
        return " Both witnesses, numeric and tape, agree: the derivation is wrong."
    if agrees(row.tape, hand, rounding).all():
        return WITH_THE_HAND
    return " The tape agrees with neither."


def _in_float32(row: Row, hand: Array) -> bool:
    """Whether float32's rounding explains the error, in a gradient that is kept in float64."""
    kept = row.analytic.dtype == np.float64 and 1e-10 < row.relative_error < 1e-4
    return kept and rounded_to_float32(hand)
