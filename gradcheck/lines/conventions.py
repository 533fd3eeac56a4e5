"""Values that are no mistake but another convention: a mean's 1/n left to a later line; or one meant otherwise."""

from __future__ import annotations

from gradcheck.lines.compared import Compared
from gradcheck.lines.flow import doubtful_sites
from gradcheck.lines.innocent import is_returned
from gradcheck.lines.judge import Judgement, as_named, before_activations
from gradcheck.lines.narrow import comes_right_with
from gradcheck.lines.rerun import Rerun
from gradcheck.lines.sites import Label


def without_conventions(judgement: Judgement) -> Judgement:
    """What was compared, without first wrong values that are only multiples of the gradients they are named for.

    Set right, such a value leaves the gradients wrong, so that the mistake is in what else is wrong.
    """
    judgement = _as_named(judgement)
    wrong = judgement.wrong
    if wrong is None or not _is_a_convention(judgement, wrong):
        return judgement
    name, of = wrong.label, wrong.intermediate.name
    note = f"{name} is left out: it is a multiple of the gradient of {of}, and without that the error remains."
    others = judgement.without(wrong, note)
    return judgement if others.wrong is None else without_conventions(others)


def _is_a_convention(judgement: Judgement, wrong: Compared) -> bool:
    left_to_a_later_line = (wrong.multiple or 0) > 0 and not is_returned(wrong, judgement.record)
    leaves_all = left_to_a_later_line and _leaves_an_error(judgement, wrong)
    # What sets one gradient right has been wrong, and another value too.
    return leaves_all and not Rerun(judgement.record).mends_one(wrong)


def _leaves_an_error(judgement: Judgement, wrong: Compared) -> bool:
    return comes_right_with(judgement, wrong) is False


def as_meant(judgement: Judgement, seed: int) -> Judgement:
    """What was compared; a value that is right as its name says, but meant before the activation, is wrong.

    Set to what it would be there it makes every gradient right. Other names in this backward pass mean
    that too, or the first wrong value leaves an error and reads nothing else that could be wrong.
    """
    judgement = _as_named(judgement)
    wrong = judgement.wrong
    if wrong is None or not (_is_usual(judgement) or _is_unexplained(judgement, wrong)):
        return judgement
    meant = _explaining_before_activations(judgement, seed)
    return judgement.taken_for(meant) if len(meant) == 1 else judgement


def _as_named(judgement: Judgement) -> Judgement:
    """What was compared; the first wrong value means what its name says if that explains the error.

    Of two gradients that a value is not, it may be nearer by accident to that before the activation.
    """
    wrong = judgement.wrong
    if wrong is None or not wrong.intermediate.is_before_activation:
        return judgement
    named = as_named(judgement, wrong.label)
    explains = _leaves_an_error(judgement, wrong) and comes_right_with(judgement, named)
    return judgement.taken_for({wrong.label: named}) if explains else judgement


def _explaining_before_activations(judgement: Judgement, seed: int) -> dict[Label, Compared]:
    """The values that are wrong before an activation, and set right there explain the error."""
    others = before_activations(judgement.record, judgement.matches, judgement.plain, seed).items()
    return {
        label: one for label, one in others if one.is_wrong and comes_right_with(judgement, one)
    }


def _is_usual(judgement: Judgement) -> bool:
    """Whether names in this backward pass mean gradients before an activation."""
    return len(judgement.plain) < len(judgement.compared)


def _is_unexplained(judgement: Judgement, wrong: Compared) -> bool:
    """Whether the first wrong value, set right, leaves an error, and is computed by what is known."""
    known = judgement.known_but(wrong)
    behind = doubtful_sites(judgement.record, judgement.computing(wrong), known)
    return not behind and _leaves_an_error(judgement, wrong)
