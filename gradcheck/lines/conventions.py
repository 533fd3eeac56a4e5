"""Values that are no mistake but another convention: a mean's 1/n that is left to a later line."""

from __future__ import annotations

from dataclasses import replace

from gradcheck.diagnosis.margins import FEWEST
from gradcheck.lines.judge import Compared, Judgement
from gradcheck.lines.narrow import comes_right_with
from gradcheck.result import Verdict


def without_conventions(judgement: Judgement) -> Judgement:
    """What was compared, without a first wrong value that is only a multiple of the gradient it is named for.

    Set right, such a value leaves the gradients wrong, so that the mistake is in what else is wrong.
    """
    wrong = judgement.wrong
    if wrong is None or not _is_a_multiple(wrong):
        return judgement
    others = tuple(one for one in judgement.compared if one.label != wrong.label)
    if all(one.row.verdict is not Verdict.FAIL for one in others):
        return judgement
    if comes_right_with(judgement, wrong) is not False:
        return judgement
    name, of = wrong.label, wrong.match.intermediate.name
    note = f"{name} is left out: it is a multiple of the gradient of {of}, and without that the error remains."
    return replace(judgement, compared=others, notes=(*judgement.notes, note))


def _is_a_multiple(wrong: Compared) -> bool:
    """Whether a value is what it should be but for a positive factor."""
    suspect, true = wrong.suspect, wrong.row.numeric
    square = float((true * true).sum())
    fits = not wrong.label.returned and wrong.match.hand.shape == true.shape
    if not (fits and true.size >= FEWEST and square > 0):
        return False
    k = float((suspect.claimed * true).sum()) / square
    return k > 0 and suspect.is_(suspect.measured.times(k))
