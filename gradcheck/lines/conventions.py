"""Values that are no mistake but another convention: a mean's 1/n left to a later line; or one meant otherwise."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from gradcheck.diagnosis.margins import FEWEST
from gradcheck.lines.flow import doubtful_sites, known_names
from gradcheck.lines.judge import Compared, Judgement, before_activations
from gradcheck.lines.narrow import comes_right_with


def without_conventions(judgement: Judgement) -> Judgement:
    """What was compared, without a first wrong value that is only a multiple of the gradient it is named for.

    Set right, such a value leaves the gradients wrong, so that the mistake is in what else is wrong.
    """
    wrong = judgement.wrong
    if wrong is None or not _is_a_multiple(wrong):
        return judgement
    others = tuple(one for one in judgement.compared if one.label != wrong.label)
    if not any(one.is_wrong for one in others):
        return judgement
    if comes_right_with(judgement, wrong) is not False:
        return judgement
    name, of = wrong.label, wrong.match.intermediate.name
    note = f"{name} is left out: it is a multiple of the gradient of {of}, and without that the error remains."
    return replace(judgement, compared=others, notes=(*judgement.notes, note))


def as_meant(judgement: Judgement, seed: int) -> Judgement:
    """What was compared; a value that is right as its name says, but meant before the activation, is wrong.

    Set to what it would be there it makes every gradient right. Other names in this backward pass mean
    that too, or the first wrong value leaves an error and reads nothing else that could be wrong.
    """
    compared, record = judgement.compared, judgement.record
    if judgement.wrong is None or not (_is_usual(compared) or _is_unexplained(judgement)):
        return judgement
    plain = [one.label for one in compared if not one.is_before_activation]
    others = before_activations(record, judgement.matches, plain, seed)
    match [one for one in others if one.is_wrong and comes_right_with(judgement, one)]:
        case [meant]:
            changed = (meant if one.label == meant.label else one for one in compared)
            return replace(judgement, compared=tuple(sorted(changed, key=lambda one: one.time)))
    return judgement


def _is_usual(compared: Iterable[Compared]) -> bool:
    """Whether names in this backward pass mean gradients before an activation."""
    return any(one.is_before_activation for one in compared)


def _is_unexplained(judgement: Judgement) -> bool:
    """Whether the first wrong value, set right, leaves an error, and is computed by what is known."""
    wrong, record = judgement.wrong, judgement.record
    if wrong is None or comes_right_with(judgement, wrong) is not False:
        return False
    known = known_names(record, judgement.matches)
    return not doubtful_sites(record, record.log[wrong.time].site, known - {wrong.label.variable})


def _is_a_multiple(wrong: Compared) -> bool:
    """Whether a value is what it should be but for a positive factor."""
    suspect, true = wrong.suspect, wrong.row.numeric
    square = float((true * true).sum())
    fits = not wrong.label.returned and wrong.match.hand.shape == true.shape
    if not (fits and true.size >= FEWEST and square > 0):
        return False
    k = float((suspect.claimed * true).sum()) / square
    return k > 0 and suspect.is_(suspect.measured.times(k))
