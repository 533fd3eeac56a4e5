"""What was compared: every value of the backward pass beside the numerical gradient of its counterpart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from gradcheck.compare import compare
from gradcheck.diagnosis.wrong import WrongGradient
from gradcheck.lines.compared import Compared, wrong_entries
from gradcheck.lines.flow import gives, known_names
from gradcheck.lines.innocent import labels_wrong, without_innocent, without_slopes
from gradcheck.lines.match import Match, Matches, Touches
from gradcheck.lines.names import grouped
from gradcheck.lines.readings import matches_before, matches_of, why_left_out
from gradcheck.lines.record import Record
from gradcheck.lines.sites import Event, Label, Site
from gradcheck.lines.stage import Stage, staged
from gradcheck.result import Array, Row, Verdict


@dataclass(frozen=True)
class Judgement:
    """What was compared, in the order in which it is computed, and why other names were not."""

    record: Record
    matches: Matches
    stage: Stage
    compared: tuple[Compared, ...]
    notes: tuple[str, ...]

    @property
    def wrong(self) -> Compared | None:
        """The first wrong value; a helper that was right at another call is not where it was computed wrongly."""
        return next(map(self._placed, self.all_wrong), None)

    @property
    def all_wrong(self) -> list[Compared]:
        """All wrong values, the first one first."""
        return [one for one in self.compared if one.is_wrong]

    @property
    def known(self) -> set[str]:
        """The names whose values are known: all of them were compared, as what they were taken for."""
        taken = {one.label: (one.match,) for one in self.compared}
        unclear = {one.label.variable for one in self.compared if one.is_unclear}
        return known_names(self.record, {**self.matches, **taken}) - unclear

    def known_but(self, one: Compared) -> set[str]:
        """The same without the name of a value itself, and those of wrong ones that come round a loop into it."""
        labels = {one.label, *self._round_a_loop(one)}
        return self.known - {label.variable for label in labels if not label.returned}

    def _round_a_loop(self, one: Compared) -> list[Label]:
        """What is computed farther on and wrong, and goes into a value in the next turn."""
        later = (other.label for other in self.all_wrong if other.site.line > one.site.line)
        return [label for label in later if label.variable in one.site.reads]

    def computing(self, one: Compared) -> Site:
        """The statement that gave the name its value, also where it only handed on another's."""
        return self.record.log[one.time].site

    def _placed(self, one: Compared) -> Compared:
        if not one.site.function or one.site not in self.right_sites:
            return one
        return replace(one, site=self.computing(one))

    def without(self, wrong: Compared, note: str) -> Judgement:
        """The judgement without a value, of which it is not known what it should be, and why."""
        others = tuple(one for one in self.compared if one.label != wrong.label)
        matches = {**self.matches}
        matches.pop(wrong.label, None)
        return replace(self, compared=others, matches=matches, notes=(*self.notes, note))

    def taken_for(self, meant: Mapping[Label, Compared]) -> Judgement:
        """The judgement with some values compared with what they mean."""
        return replace(self, compared=_by_time(meant.get(one.label, one) for one in self.compared))

    @property
    def plain(self) -> list[Label]:
        """What is compared under its name, not with the gradient of what goes into an activation."""
        plain = (one for one in self.compared if not one.intermediate.is_before_activation)
        return [one.label for one in plain]

    @property
    def right_sites(self) -> set[Site]:
        """The statements that have computed something right."""
        return {one.site for one in self.compared if one.is_right}

    def right_before(self) -> set[str]:
        """The names that were right, or at first were, before another value was wrong."""
        until = len(self.record.log) if self.wrong is None else self.wrong.time
        return {one.label.variable for one in self.compared if one.was_right(until)}


def judge(record: Record, seed: int) -> Judgement:
    """Compare every value that has a counterpart; Unreadable if intermediate values cannot be moved."""
    laid = matches_of(record)
    stage = staged(record, laid, seed)
    asked = {label: laid[label] for label in laid if not record.stays_given(label)}
    notes = [_left_out(label, record, several, stage) for label, several in asked.items()]
    matches = _movable(asked, stage)
    found = _as_meant(_beside(record, matches, stage, matches), record, matches, seed)
    found, slopes = without_slopes(found, record)
    named = {one.label: matches[one.label] for one in found}
    suspects, reasons = without_innocent(found, record)
    notes = [*notes, *slopes, *reasons]
    return Judgement(record, named, stage, _by_time(suspects), (*filter(None, notes),))


def judged_alone(record: Record, wrong: Compared, seed: int) -> Judgement:
    """A wrong value alone, at another draw, compared with what it was taken for, if it is wrong there too."""
    laid, before = matches_of(record), wrong.intermediate.is_before_activation
    of_one = {wrong.label: laid.get(wrong.label, ())}
    stage = staged(record, laid, seed)
    found = (
        before_activations(record, laid, of_one, seed).values()
        if before
        else _beside(record, _taken_as(wrong, _movable(of_one, stage)), stage, laid)
    )
    return Judgement(record, laid, stage, tuple(one for one in found if one.is_wrong), ())


def _taken_as(wrong: Compared, matches: Matches) -> Matches:
    """Of the ways to lay a value beside others those by which it was judged."""
    name, goes_back = wrong.intermediate.name, wrong.match.goes_back
    return {
        label: alike
        for label, several in matches.items()
        if (
            alike := tuple(
                m for m in several if (m.intermediate.name, m.goes_back) == (name, goes_back)
            )
        )
    }


def _by_time(compared: Iterable[Compared]) -> tuple[Compared, ...]:
    return tuple(sorted(compared, key=attrgetter("settled")))


def _beside(record: Record, matches: Matches, stage: Stage, known_by: Matches) -> list[Compared]:
    """Every value beside that of its counterparts which it is nearest to, as the loop that computes it runs."""
    known = known_names(record, known_by) | {label.variable for label in record.given}
    tried = [
        [_compare(record, stage, label, match, known) for match in several]
        for label, several in matches.items()
    ]
    runs = grouped(filter(_shows_its_loop, map(_best, tried)), lambda one: one.site.loop)
    return [_best(_running_as(several, runs)) for several in tried]


def _shows_its_loop(one: Compared) -> bool:
    """Whether a value was right in a loop, or at first was: by accident it is that in no other order."""
    right = one.is_right or one.began < one.time
    return right and one.site.loop is not None and one.match.goes_back is not None


def _running_as(
    tried: Sequence[Compared], runs: Mapping[int | None, Sequence[Compared]]
) -> Sequence[Compared]:
    """Those of several readings that go through the time steps as what at first is right in the same loop does."""
    return [one for one in tried if _runs_as(one, runs.get(one.site.loop, ()))] or tried


def _runs_as(one: Compared, others: Sequence[Compared]) -> bool:
    """Whether a reading goes through the time steps as some others do, if all of those go one way."""
    ways = {other.match.goes_back for other in others}
    return len(ways) != 1 or one.match.goes_back in {None, *ways}


def _as_meant(
    compared: list[Compared], record: Record, matches: Matches, seed: int
) -> list[Compared]:
    """What was compared; a wrong value is taken for the gradient before an activation if that is nearer."""
    before = before_activations(record, matches, labels_wrong(compared), seed)
    return [_best([one, before.get(one.label, one)]) for one in compared]


def before_activations(
    record: Record, matches: Matches, labels: Iterable[Label], seed: int
) -> dict[Label, Compared]:
    """Values compared with the gradient of what goes into an activation, where their names allow that."""
    meant = matches_before(record, labels)
    if not any(meant.values()):
        return {}
    stage = staged(record, meant, seed)
    return {one.label: one for one in _beside(record, _movable(meant, stage), stage, matches)}


def as_named(judgement: Judgement, label: Label) -> Compared:
    """A value compared with the gradient that it is named for, not with that before an activation."""
    record, matches = judgement.record, judgement.matches
    laid = _movable({label: matches[label]}, judgement.stage)
    (one,) = _beside(record, laid, judgement.stage, matches)
    return one


def _movable(matches: Matches, stage: Stage) -> Matches:
    """The matches of labels beside which a value stands, and none that cannot be moved."""
    laid = {label: several for label, several in matches.items() if several}
    return {label: several for label, several in laid.items() if not stage.why_unmoved(several)}


def _left_out(label: Label, record: Record, several: Sequence[Match], stage: Stage) -> str | None:
    if not several:
        # What a helper is handed is asked for because it may tell something, and not for its name.
        return None if record.is_handed(label) else why_left_out(record, label)
    reason = stage.why_unmoved(several)
    return reason and f"{label} is left out: {reason}."


def _best(tried: Sequence[Compared]) -> Compared:
    """Right under any meaning of its name is right; a wrong value means what it is nearest to."""
    return min(tried, key=_distance)


def _distance(one: Compared) -> tuple[bool, bool, bool, float, float]:
    # What is a multiple of one is explained by that, though another may happen to be nearer.
    unexplained = one.multiple is None
    # What nothing is computed from, an attribute that keeps a value for the backward pass, is no meaning.
    unused = not one.row.numeric.any()
    share = float(np.mean(wrong_entries(one.match, one.row)))
    # Where two meanings have the same gradient rounding does not decide.
    error = round(one.row.relative_error, 6)
    return one.row.verdict is not Verdict.PASS, unused, unexplained, share, error


def _compare(record: Record, stage: Stage, label: Label, match: Match, known: set[str]) -> Compared:
    """One value beside the numerical gradient of its counterpart."""
    one, hand = match.intermediate, match.hand
    numeric = stage.numeric(one)
    assert numeric is not None
    row, _ = compare(one.name, hand, numeric, None)
    time, part = _wrong_from(match, row, record), _first_part(match, record)
    suspect = WrongGradient(
        *(stage, stage.position(one), hand.astype(np.float64)),
        *(row.numeric, row.bound, ~numeric.kinks),
    )
    site = _origin(record, time, known)
    return Compared(label, site, time, row, suspect, match, record.copy.file, part)


def _first_part(match: Match, record: Record) -> tuple[int, Any] | None:
    """The line that computes the first part of a value, and where that is; None of what has one part."""
    began, place = min(match.times, key=itemgetter(0))
    by_parts = match.fits and match.in_parts and not match.overwritten
    return (record.log[began].site.line, place) if by_parts else None


def _origin(record: Record, time: int, known: set[str]) -> Site:
    """The statement that computed a value: where one only hands on what another computed, that one.

    Values that are known, because they were compared or come from the forward pass, are handed on
    wrongly if they are wrong.
    """
    event, earlier = record.log[time], reversed(range(time))
    handed = (before for before in earlier if _hands_on(event, record.log[before], known))
    origin = next(handed, None)
    return event.site if origin is None else _origin(record, origin, known)


def _hands_on(event: Event, other: Event, known: set[str]) -> bool:
    """Whether an event only gives another name to what another gave, or a helper returned."""
    site = event.site
    if site.in_place or not _same_array(other.value, event.value):
        return False
    return not site.reads.isdisjoint(gives(other.site) - known) or _hands_in(
        site, other.site, known
    )


def _hands_in(site: Site, other: Site, known: set[str]) -> bool:
    """Whether a statement of a helper may read, as an argument, what another one gives a value to."""
    in_helper = site.function not in ("", other.function)
    return in_helper and other.path is None and other.variable not in known


def _same_array(a: Any, b: Any) -> bool:
    """Whether two values are equal arrays; zeros are where something begins, and not handed on."""
    arrays = all(isinstance(one, np.ndarray) and one.dtype != object for one in (a, b))
    return arrays and bool(np.any(a)) and np.array_equal(a, b)


def _wrong_from(match: Match, row: Row, record: Record) -> int:
    """When the first wrong part of a value was computed; the last part if none is wrong."""
    if row.verdict is not Verdict.FAIL or not match.fits:
        return match.ended
    wrong = wrong_entries(match, row)
    times = _making_wrong(match, wrong, record) if match.overwritten else _left(match, record)
    return match.first_touching(wrong, times)


def _left(match: Match, record: Record) -> Touches:
    """When what is left of a value was computed: what is written over later, and not added to, is not."""
    over, left = np.zeros(match.hand.shape, dtype=bool), list[Any]()
    for one in sorted(match.times, key=itemgetter(0), reverse=True):
        part, site = match.touched((one,)), record.log[one[0]].site
        left += [one] * (not over[part].all())
        over |= part & (site.variable not in site.reads)
    return tuple(left)


def _making_wrong(match: Match, wrong: Array, record: Record) -> Touches:
    """Of several statements that wrote over each other the last that touched what is wrong and little else.

    One that is passed several times, into a place each, is asked as a whole too.
    """
    moving = [one for one in match.times if not _moved_nothing(record.log, one[0])] or match.times
    alone = [(one,) for one in sorted(moving, key=itemgetter(0), reverse=True)]
    passings = grouped(match.times, lambda one: record.log[one[0]].site).values()
    tried = [*alone, *map(tuple, passings)]
    holding = [times for times in tried if (match.touched(times) | ~wrong).all()]
    return min(holding, key=lambda times: int(match.touched(times).sum()))


def _moved_nothing(log: Sequence[Event], time: int) -> bool:
    """Whether an expression, standing alone, has left what it might have written into as it was."""
    event = log[time]
    if event.site.whole or event.index is not None:
        return False
    before = (one for one in reversed(log[:time]) if one.site.variable == event.site.variable)
    return any(_same_array(one.value, event.value) for one in islice(before, 1))
