"""What was compared: every value of the backward pass beside the numerical gradient of its counterpart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

import numpy as np

from gradcheck.compare import agrees, compare
from gradcheck.diagnosis.margins import FEWEST
from gradcheck.diagnosis.wrong import WrongGradient
from gradcheck.lines.flow import behind, gives, known_names
from gradcheck.lines.intermediate import Intermediate
from gradcheck.lines.names import grouped
from gradcheck.lines.readings import (
    Match,
    Matches,
    Touches,
    counterpart,
    matches_before,
    matches_of,
    why_left_out,
)
from gradcheck.lines.record import Record
from gradcheck.lines.recorder import Event, Label, Site
from gradcheck.lines.stage import Stage, staged
from gradcheck.result import Array, Code, Line, Row, Verdict


@dataclass(frozen=True)
class Compared:
    """One value of the backward pass, compared: its row, and the site and time it is wrong from.

    `part` is the line of the statement that a loop passes first for it, with the place it gives a value to.
    """

    label: Label
    site: Site
    time: int
    row: Row
    suspect: WrongGradient
    match: Match
    file: str
    part: tuple[int, Any] | None = None

    @property
    def intermediate(self) -> Intermediate:
        """The value of the forward pass whose gradient it should be."""
        return self.match.intermediate

    @property
    def is_wrong(self) -> bool:
        """Whether it is convicted."""
        return self.row.verdict is Verdict.FAIL

    @property
    def can_be_set_right(self) -> bool:
        """Whether it is known what it should be, where it is computed."""
        return self.match.fits and not self.label.returned

    @property
    def is_right(self) -> bool:
        """Whether nothing can be said against it."""
        return self.row.verdict is Verdict.PASS

    @cached_property
    def multiple(self) -> float | None:
        """The number that it is times the gradient it is named for, if it is one."""
        if not self.can_be_set_right or np.count_nonzero(self.row.numeric) < FEWEST:
            return None
        k, model = self.suspect.times_itself()
        return k if k and self.suspect.is_(model) else None

    def was_right(self, until: int) -> bool:
        """Whether it has a name and was right, or at first was, before a moment."""
        return not self.label.returned and (self.is_right or self.began < until < self.time)

    @property
    def began(self) -> int:
        """When its first part was computed."""
        return min(time for time, _ in self.match.times)

    @property
    def settled(self) -> int:
        """When the first wrong part of it had its final value: until then it is still being summed."""
        if not (self.is_wrong and self.match.fits):
            return self.time
        last = np.full(self.match.hand.shape, self.time)
        for time, place in self.match.times:
            last[place] = time
        return min(last[_wrong(self.match, self.row)].tolist(), default=self.time)

    @property
    def line(self) -> Line:
        """As a report says it."""
        row, site = self.row, self.site
        return Line(
            str(self.label), site.line, site.text, row.relative_error, row.bound, row.verdict,
            row.analytic, row.numeric, self.file, self.part,
        )  # fmt: skip


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
        """The names whose values are known."""
        return known_names(self.record, self.matches)

    def known_but(self, one: Compared) -> set[str]:
        """The same without the name that a value has of its own."""
        return self.known - (set() if one.label.returned else {one.label.variable})

    def wrong_under(self, label: Label) -> Compared | None:
        """What is wrong under a label."""
        return next((one for one in self.all_wrong if one.label == label), None)

    def computing(self, one: Compared) -> Site:
        """The statement that gave the name its value, also where it only handed on another's."""
        return self.record.log[one.time].site

    def _placed(self, one: Compared) -> Compared:
        if not one.site.function or one.site not in self.right_sites:
            return one
        return replace(one, site=self.computing(one))

    def without(self, wrong: Compared, note: str) -> Judgement:
        """The judgement without a value, and why."""
        others = tuple(one for one in self.compared if one.label != wrong.label)
        return replace(self, compared=others, notes=(*self.notes, note))

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
    suspects, reasons = without_innocent(found, record)
    return Judgement(record, matches, stage, _by_time(suspects), (*filter(None, notes), *reasons))


def _by_time(compared: Iterable[Compared]) -> tuple[Compared, ...]:
    return tuple(sorted(compared, key=attrgetter("settled")))


def _beside(record: Record, matches: Matches, stage: Stage, known_by: Matches) -> list[Compared]:
    """Every value beside that of its counterparts which it is nearest to."""
    known = known_names(record, known_by) | {label.variable for label in record.given}
    return [
        _best([_compare(record, stage, label, match, known) for match in several])
        for label, several in matches.items()
    ]


def _as_meant(
    compared: list[Compared], record: Record, matches: Matches, seed: int
) -> list[Compared]:
    """What was compared; a wrong value is taken for the gradient before an activation if that is nearer."""
    before = before_activations(record, matches, _labels_wrong(compared), seed)
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


def without_innocent(compared: list[Compared], record: Record) -> tuple[list[Compared], list[str]]:
    """What may be held against a value, and the reasons why other values are wrong by right.

    Where a multiple of a gradient leads to what is right (y − out for out − y, no 1/n as yet), others that are as
    many times theirs follow the same convention.
    """
    ordered = grouped(_in_order(compared, record), partial(_means_something_else, record=record))
    reasons = [
        f"{one.label} is left out: it is not the gradient of {one.intermediate.name}, "
        "and what is computed from it is right."
        for one in ordered.get(True, ())
    ]
    usual = {round(k, 6) for one in ordered.get(True, ()) if (k := one.multiple) is not None}
    left = grouped(ordered.get(False, []), lambda one: _is_usual(one, usual))
    reasons += [
        f"{one.label} is left out: it is {one.multiple:.6g} times the gradient of {one.intermediate.name}, "
        "as others here are by convention."
        for one in left.get(True, ())
    ]
    by = (
        {one.label.variable for one in (*ordered.get(True, ()), *left.get(True, ()))}
        if usual
        else set()
    )
    unknown = grouped(left.get(False, []), lambda one: _is_open(one, by))
    reasons += [
        f"{one.label} is left out: it is computed by what is another multiple of its gradient by convention."
        for one in unknown.get(True, ())
    ]
    return unknown.get(False, []), reasons


def _is_usual(one: Compared, usual: set[float]) -> bool:
    """Whether a local is a multiple of its gradient as others are by right."""
    return not one.intermediate.is_input and round(one.multiple or 1.0, 6) in usual


def _is_open(one: Compared, by: set[str]) -> bool:
    """Whether it is not known what a local should be, as it is computed by what follows another convention."""
    is_local = not one.intermediate.is_input and not one.label.returned
    return is_local and one.is_wrong and not one.site.reads.isdisjoint(by)


def _in_order(compared: list[Compared], record: Record) -> list[Compared]:
    """Without what only stands where another gradient should be returned."""
    named = [one for one in compared if not _laid_beside_another(one, compared, record)]
    return [one for one in named if not _returned_under_its_name(one, named)]


def _left_out(label: Label, record: Record, several: Sequence[Match], stage: Stage) -> str | None:
    if not several:
        return why_left_out(record, label)
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
    share = float(np.mean(_wrong(one.match, one.row)))
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
        *(stage.context, stage.position(one), hand.astype(np.float64)),
        *(row.numeric, row.bound, ~numeric.kinks),
    )
    site = _origin(record, time, known)
    return Compared(label, site, time, row, suspect, match, record.copy.file, part)


def _first_part(match: Match, record: Record) -> tuple[int, Any] | None:
    """The line that computes the first part of a value, and where that is; None of what has one part."""
    began, place = min(match.times, key=itemgetter(0))
    return (record.log[began].site.line, place) if match.fits and match.in_parts else None


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


def _wrong(match: Match, row: Row) -> Array:
    """Which entries of a value are wrong; of one of another shape there is only one answer."""
    if not match.fits:
        return np.array(row.verdict is Verdict.FAIL)
    return np.asarray(~(np.abs(match.hand - row.numeric) <= row.bound))


def _wrong_from(match: Match, row: Row, record: Record) -> int:
    """When the first wrong part of a value was computed; the last part if none is wrong."""
    if row.verdict is not Verdict.FAIL or not match.fits:
        return match.ended
    wrong = _wrong(match, row)
    times = _making_wrong(match, wrong, record) if match.overwritten else match.times
    return match.first_touching(wrong, times)


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


def _laid_beside_another(one: Compared, compared: Sequence[Compared], record: Record) -> bool:
    """Whether it is laid beside an input only because it is returned for it, which is a wrong order."""
    if not one.is_wrong or one.label.returned or counterpart(record, one.label) is not None:
        return False
    return one.intermediate.position in _positions_right(compared)


def _positions_right(compared: Iterable[Compared]) -> set[int]:
    return {one.intermediate.position for one in compared if one.is_right}


def _returned_under_its_name(one: Compared, compared: Sequence[Compared]) -> bool:
    """Whether it was judged under its name before it is returned; what remains is a wrong order."""
    named = Label(one.site.name) in _labels_wrong(compared)
    return one.label.returned and (named or not one.is_wrong)


def _labels_wrong(compared: Iterable[Compared]) -> list[Label]:
    return [one.label for one in compared if one.is_wrong]


def _means_something_else(one: Compared, record: Record) -> bool:
    """Whether a gradient that is computed from this value is right, so that the value must be."""
    if one.label.returned or not one.is_wrong:
        return False
    return not record.failed() or one.label.variable in _proved(record)


def _proved(record: Record) -> set[str]:
    right = (position for position, row in record.rows.items() if _proves(row))
    return set().union(*(behind(record, position) for position in right))


def _proves(row: Row) -> bool:
    """Whether a gradient is right, and the true one not zero everywhere."""
    codes = {finding.code for finding in row.findings}
    return "vacuous" not in codes and (
        row.verdict is Verdict.PASS or _has_right_numbers(row, codes)
    )


def _has_right_numbers(row: Row, codes: set[Code]) -> bool:
    """Whether a gradient is right entry by entry, though its dtype is not."""
    same = codes == {"wrong-dtype"} and row.analytic.shape == row.shape
    return same and bool(agrees(row.analytic, row.numeric, row.bound).all())
