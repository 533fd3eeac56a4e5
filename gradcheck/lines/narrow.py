"""Which of the lines in doubt it is: values are set to what they should have been, and the rest is run again.

The first wrong value is known, and so is what it should be. If the gradients come right when it is
set to that, the mistake is in its line or in one that only it is computed by. If not, its line is no
explanation, and the mistake is where all that is wrong comes from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from math import inf

import numpy as np

from gradcheck.lines.compared import Compared
from gradcheck.lines.flow import doubtful_sites, reached
from gradcheck.lines.judge import Judgement
from gradcheck.lines.names import grouped
from gradcheck.lines.rerun import Fit, Rerun
from gradcheck.lines.sites import Site


@np.errstate(all="ignore")
def comes_right_with(judgement: Judgement, wrong: Compared) -> bool | None:
    """Whether every gradient is right once a wrong value is set right; None if that cannot be told."""
    return Rerun(judgement.record).right_with(wrong)


@dataclass(frozen=True)
class Narrowed:
    """The line that is blamed, and the others that share the doubt.

    `solved` if it is not the compared one, `idle` if it is a statement that does nothing.
    """

    site: Site
    others: tuple[Site, ...]
    solved: bool = False
    idle: bool = False


def narrowed(judgement: Judgement, wrong: Compared, others: Sequence[Site]) -> Narrowed:
    """Blame another line of those in doubt where only that explains the error, and acquit the innocent."""
    own, left = wrong.site, tuple(others)
    if judgement.record.raised_at is not None:
        return Narrowed(own, left)
    chosen = _scaled_before(judgement, wrong)
    if others and not chosen:
        chosen, left = _explaining(judgement, wrong, others)
    # Of none or several nobody knows, and the blame stays where it was.
    first = next(filter(partial(_all_go_through, chosen), chosen), own)
    others = tuple(site for site in (*left, own) if site.line != first.line)
    return Narrowed(first, others, solved=first is not own)


def _explaining(
    judgement: Judgement, wrong: Compared, others: Sequence[Site]
) -> tuple[list[Site], tuple[Site, ...]]:
    """The statements of the others that may alone explain the error, and all that are not ruled out."""
    explains = _explains(judgement, wrong)
    fits = _fits(judgement, wrong, others, explains)
    by_fit = grouped(fits, lambda site: fits[site])
    chosen = by_fit.get(Fit.YES, [])
    if not chosen and explains is False:
        chosen = _behind_it_all(judgement, wrong, by_fit)
    return chosen, tuple(site for site, fit in fits.items() if fit is not Fit.NO)


@np.errstate(all="ignore")
def _scaled_before(judgement: Judgement, wrong: Compared) -> list[Site]:
    """The last statement whose value, without the factor of the first wrong value, makes all gradients right.

    Only where that value alone does not: what several wrong values share is a factor of what they all are
    computed by, which by itself may be as right as its name says.
    """
    k, rerun = _shared_multiple(judgement), Rerun(judgement.record)
    if k is None or rerun.right_with(wrong) is True:
        return []
    shared = set.intersection(*_all_behind(judgement))
    before = sorted(shared, key=lambda site: site.line, reverse=True)
    right = (site for site in before if rerun.right_times(site, 1 / k))
    return [*islice(right, 1)]


def _shared_multiple(judgement: Judgement) -> float | None:
    """The number that the wrong values are times their gradients, those of too few entries to tell left out.

    None if they are not all so.
    """
    ks = {_rounded(one.multiple) for one in judgement.all_wrong if one.tells_a_multiple}
    return ks.pop() if len(ks) == 1 else None


def _rounded(k: float | None) -> float | None:
    """A multiple to as many digits as it is known to."""
    return k and float(f"{k:.6g}")


def _all_behind(judgement: Judgement) -> list[set[Site]]:
    """What stands behind each wrong value, back to the beginning; of what a helper returns, behind the call."""
    wrong = (dict.fromkeys((one.site, judgement.computing(one))) for one in judgement.all_wrong)
    return [{*chain(*map(partial(_behind, judgement), several)), *several} for several in wrong]


def _behind(judgement: Judgement, site: Site) -> list[Site]:
    return doubtful_sites(judgement.record, site, set())


def _behind_it_all(
    judgement: Judgement, wrong: Compared, by_fit: Mapping[Fit, list[Site]]
) -> list[Site]:
    """Where the first wrong value, set right, leaves an error: lines that it is computed by, read there too.

    Those that could explain any error; or else what cannot be solved for, an index, say, and goes into
    all that is wrong.
    """
    roots, unknown = _roots(judgement, wrong), by_fit.get(Fit.UNKNOWN, ())
    shared = [site for site in unknown if all(site in behind for behind in roots)]
    return by_fit.get(Fit.ANYTHING) or shared


def _roots(judgement: Judgement, wrong: Compared) -> list[list[Site]]:
    """What stands behind each wrong value that does not follow from the first one."""
    record, known = judgement.record, judgement.known_but(wrong)
    return [
        doubtful_sites(record, other.site, known)
        for other in judgement.all_wrong
        if wrong.label.variable not in reached(record, other.site.reads, known)
    ]


def _all_go_through(chosen: Sequence[Site], site: Site) -> bool:
    """Whether a statement is the only one of these lines, or computed by all others."""
    return all(site.line == other.line or other.variable in site.reads for other in chosen)


def _explains(judgement: Judgement, wrong: Compared) -> bool | None:
    """Whether the first wrong value, set right, explains the error; None if that cannot be told."""
    # One call of a helper set right tells nothing of the others, nor does one of a derivative.
    alone = judgement.record.copy.chained and not wrong.label.call
    return comes_right_with(judgement, wrong) if alone else None


@np.errstate(all="ignore")
def _fits(
    judgement: Judgement, wrong: Compared, others: Iterable[Site], explains: bool | None
) -> dict[Site, Fit]:
    """For other statements whether some value of what they compute explains the error."""
    rerun, shape = Rerun(judgement.record), wrong.match.hand.shape
    freedom = inf if explains is False else rerun.freedom(wrong)
    return {site: rerun.fit(site, shape, freedom) for site in dict.fromkeys(others)}
