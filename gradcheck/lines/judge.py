"""What was compared: every value of the backward pass beside the numerical gradient of its counterpart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.compare import agrees, compare
from gradcheck.diagnosis.wrong import Comparison, Context, WrongGradient
from gradcheck.layer import copies
from gradcheck.lines.flow import behind, known_names
from gradcheck.lines.intermediate import Intermediate, merged
from gradcheck.lines.readings import (
    Match,
    Matches,
    counterpart,
    matches_before,
    matches_of,
    why_left_out,
)
from gradcheck.lines.record import Record
from gradcheck.lines.recorder import ACTIVATION, Label, Site
from gradcheck.lines.source import Unreadable
from gradcheck.lines.statements import key_of, part_of
from gradcheck.numeric import Forward, NumericalGradient, NumericalWitness
from gradcheck.result import Array, Line, Row, Verdict


@dataclass(frozen=True)
class Compared:
    """One value of the backward pass, compared: its row, and the site and time it is wrong from."""

    label: Label
    site: Site
    time: int
    row: Row
    suspect: WrongGradient
    match: Match
    file: str

    @property
    def is_wrong(self) -> bool:
        """Whether it is convicted."""
        return self.row.verdict is Verdict.FAIL

    @property
    def is_before_activation(self) -> bool:
        """Whether it is taken for the gradient of what goes into an activation."""
        return self.match.intermediate.name.endswith(ACTIVATION)

    @property
    def began(self) -> int:
        """When its first part was computed."""
        return min(time for time, _ in self.match.times)

    @property
    def line(self) -> Line:
        """As a report says it."""
        row, site = self.row, self.site
        name, file = str(self.label), self.file
        return Line(
            name, site.line, site.text, row.relative_error, row.bound, row.verdict,
            row.analytic, row.numeric, file,
        )  # fmt: skip


@dataclass(frozen=True)
class Stage:
    """The check in which every intermediate value is an input too.

    `places` are the positions of the intermediate values, by identity; `unmoved` says which of them
    were not moved, and why.
    """

    context: Context
    places: dict[int, int]
    unmoved: dict[int, str]

    def position(self, one: Intermediate) -> int:
        """Where an intermediate value stands among the inputs."""
        return self.places[id(one)] if one.position is None else one.position

    def gradient(self, one: Intermediate) -> Array | None:
        """The numerical gradient of an intermediate value, if it was looked at."""
        known = self.context.compared.get(self.places.get(id(one), -1))
        return None if known is None or known.numeric is None else known.numeric.value


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
        first = next((one for one in self.compared if one.row.verdict is Verdict.FAIL), None)
        if first is None or not first.site.function or first.site not in self.right_sites:
            return first
        return replace(first, site=self.record.log[first.time].site)

    @property
    def right_sites(self) -> set[Site]:
        """The statements that have computed something right."""
        return {one.site for one in self.compared if one.row.verdict is Verdict.PASS}

    def right_before(self) -> set[str]:
        """The names that were right, or at first were, before another value was wrong."""
        until = len(self.record.log) if self.wrong is None else self.wrong.time
        return {
            one.label.variable
            for one in self.compared
            if not one.label.returned
            and (one.row.verdict is Verdict.PASS or one.began < until < one.time)
        }


def judge(record: Record, seed: int) -> Judgement:
    """Compare every value that has a counterpart.

    Args:
        record: what was recorded.
        seed: for the numerical witness.

    Raises:
        Unreadable: if intermediate values cannot be moved.
    """
    matches = matches_of(record)
    stage = _staged(record, matches, seed)
    notes = [note for label in matches if (note := _left_out(label, record, matches, stage))]
    matches = _movable(matches, stage)
    compared = _as_meant(_beside(record, matches, stage, matches), record, matches, seed)
    doubtful, reasons = _without_innocent(compared, record)
    in_order = sorted(doubtful, key=lambda one: one.time)
    return Judgement(record, matches, stage, tuple(in_order), (*notes, *reasons))


def _beside(record: Record, matches: Matches, stage: Stage, known_by: Matches) -> list[Compared]:
    """Every value beside that of its counterparts which it is nearest to."""
    known = known_names(record, known_by) | {label.variable for label in record.given}
    return [
        _best([_compare(record, stage, label, match, known) for match in several])
        for label, several in matches.items()
        if several and not _is_upstream(label, record)
    ]


def _as_meant(
    compared: list[Compared], record: Record, matches: Matches, seed: int
) -> list[Compared]:
    """What was compared; a wrong value is taken for the gradient before an activation if that is nearer."""
    wrong = [one.label for one in compared if one.is_wrong]
    before = {one.label: one for one in before_activations(record, matches, wrong, seed)}
    return [_best([one, before.get(one.label, one)]) for one in compared]


def before_activations(
    record: Record, matches: Matches, labels: Iterable[Label], seed: int
) -> list[Compared]:
    """Values compared with the gradient of what goes into an activation, where their names allow that."""
    meant = matches_before(record, labels)
    if not meant:
        return []
    stage = _staged(record, meant, seed)
    return _beside(record, _movable(meant, stage), stage, matches)


def _movable(matches: Matches, stage: Stage) -> Matches:
    """The matches, none for a label beside which a value stands that cannot be moved."""
    return {
        label: () if any(id(m.intermediate) in stage.unmoved for m in several) else several
        for label, several in matches.items()
    }


def _without_innocent(compared: list[Compared], record: Record) -> tuple[list[Compared], list[str]]:
    """What may be held against a value, and the reasons why other values are wrong by right."""
    reasons: list[str] = []
    for innocent in INNOCENT:
        dropped = {one.label: innocent(one, compared, record) for one in compared}
        reasons += [reason for reason in dropped.values() if reason]
        compared = [one for one in compared if dropped[one.label] is None]
    return compared, reasons


def _staged(record: Record, matches: Matches, seed: int) -> Stage:
    """Differentiate by every intermediate value that something is laid beside."""
    wanted = _intermediates(matches)
    several, context = [m.intermediate for m in wanted.values()], record.context
    names = [*context.names, *(one.name for one in several)]
    try:
        forward = Forward(_forward(record, several), [*context.inputs, *(o.value for o in several)])
        witness = NumericalWitness(forward, context.dy, seed=seed)
    except Exception as error:
        raise Unreadable(f"moving its values a little raises {error!r}") from error
    compared, unmoved = dict(context.compared), {}
    for position, (key, match) in enumerate(wanted.items(), len(context.inputs)):
        numeric = _numeric(context, witness, position, match)
        if isinstance(numeric, str):
            unmoved[key] = numeric
            continue
        row, ties_broken = compare(names[position], match.hand, numeric, None)
        compared[position] = Comparison(row, numeric, ties_broken)
    places = {key: k for k, key in enumerate(wanted, len(context.inputs))}
    return Stage(Context(context.layer, names, forward, context.dy, compared), places, unmoved)


def _numeric(
    context: Context, witness: NumericalWitness, position: int, match: Match
) -> NumericalGradient | str:
    """The numerical gradient of an intermediate value, or why there is none."""
    one = match.intermediate
    if context.cuts is not None:
        # Where a whole function takes too long, the values between its pieces are known.
        known = context.cuts.get((one.sites[0], one.passing)) if one.steps is None else None
        return f"the layer was not cut at {one.name}" if known is None else known
    try:
        return witness.beside(position, match.hand)
    except Exception as error:
        # Whoever asserts something of an intermediate value does not want it moved.
        return f"moving {one.name} a little raises {error!r}"


def _intermediates(matches: Matches) -> dict[int, Match]:
    """The intermediate values, by identity, each with the first match that it is part of."""
    wanted: dict[int, Match] = {}
    for match in (match for several in matches.values() for match in several):
        if match.intermediate.position is None:
            wanted.setdefault(id(match.intermediate), match)
    return wanted


def _forward(record: Record, several: Sequence[Intermediate]) -> Callable[..., Array]:
    """The forward pass as a function of its inputs and of its intermediate values."""
    recorder, layer, count = record.copy.recorder, record.copy.layer, len(record.context.inputs)

    def forward(*arrays: Array) -> Array:
        moved = zip(several, arrays[count:], strict=True)
        recorder.start(merged([one.move(value) for one, value in moved]))
        return np.asarray(layer(*copies(arrays[:count]))[0])

    return forward


def _left_out(label: Label, record: Record, matches: Matches, stage: Stage) -> str | None:
    """Why a gradient's name is not compared, if it is one."""
    several = matches[label]
    if _is_upstream(label, record):
        return None
    if not several:
        return why_left_out(record, label)
    for one in (match.intermediate for match in several):
        if id(one) in stage.unmoved:
            return f"{label} is left out: {stage.unmoved[id(one)]}."
    return None


def _is_upstream(label: Label, record: Record) -> bool:
    """Whether a name is that of the upstream gradient, and stays it."""
    return label in record.given and len(record.events[label]) == 1


def _best(tried: Sequence[Compared]) -> Compared:
    """Right under any meaning of its name is right; a wrong value means what it is nearest to."""
    return min(tried, key=_distance)


def _distance(one: Compared) -> tuple[bool, bool, float]:
    # What nothing is computed from, an attribute that keeps a value for the backward pass, is no meaning.
    unused = not one.row.numeric.any()
    return one.row.verdict is not Verdict.PASS, unused, float(np.mean(_wrong(one.match, one.row)))


def _compare(record: Record, stage: Stage, label: Label, match: Match, known: set[str]) -> Compared:
    """One value beside the numerical gradient of its counterpart."""
    context, position = stage.context, stage.position(match.intermediate)
    numeric = context.compared[position].numeric
    assert numeric is not None
    row, _ = compare(context.names[position], match.hand, numeric, None)
    hand = match.hand.astype(np.float64)
    suspect = WrongGradient(context, position, hand, row.numeric, row.bound, ~numeric.kinks)
    time = _wrong_from(match, row)
    return Compared(
        label, _origin(record, time, known), time, row, suspect, match, record.copy.file
    )


def _origin(record: Record, time: int, known: set[str]) -> Site:
    """The statement that computed a value: where one only hands on what another computed, that one.

    Values that are known, because they were compared or come from the forward pass, are handed on
    wrongly if they are wrong.
    """
    event = record.log[time]
    if event.site.in_place:
        return event.site
    for earlier in range(time - 1, -1, -1):
        other = record.log[earlier]
        if _hands_on(event.site, other.site, known) and _same_array(other.value, event.value):
            return _origin(record, earlier, known)
    return event.site


def _hands_on(site: Site, other: Site, known: set[str]) -> bool:
    """Whether a statement reads what another one gives a value to, or returns as a helper.

    Within a helper it may read that under the name of an argument.
    """
    if other.path is None:
        return other.variable not in known and (
            other.variable in site.reads or bool(site.function and other.function != site.function)
        )
    function = key_of(other.function)
    parts = {function, *(part_of(function, k) for k in other.path[:1])}
    return bool(function) and bool(parts & site.reads)


def _same_array(a: Any, b: Any) -> bool:
    """Whether two values are equal arrays; zeros are where something begins, and not handed on."""
    arrays = isinstance(a, np.ndarray) and isinstance(b, np.ndarray)
    return arrays and bool(np.any(a)) and np.array_equal(a, b)


def _wrong(match: Match, row: Row) -> Array:
    """Which entries of a value are wrong; of one of another shape there is only one answer."""
    if match.hand.shape != row.shape:
        return np.array(row.verdict is Verdict.FAIL)
    return np.asarray(~(np.abs(match.hand - row.numeric) <= row.bound))


def _wrong_from(match: Match, row: Row) -> int:
    """When the first wrong part of a value was computed; the last part if none is wrong."""
    last = match.times[-1][0]
    if row.verdict is not Verdict.FAIL or match.hand.shape != row.shape:
        return last
    wrong = _wrong(match, row)
    if match.overwritten:
        return _made_wrong(match, wrong)
    return min((time for time, place in match.times if wrong[place].any()), default=last)


def _made_wrong(match: Match, wrong: Array) -> int:
    """Of several statements that wrote over each other the one that touched what is wrong and little else."""
    touched = [(match.touched(place), time) for time, place in match.times]
    holding = [(int(t.sum()), -time) for t, time in touched if (t | ~wrong).all()]
    return -min(holding)[1]


Innocent = Callable[[Compared, Sequence[Compared], Record], str | None]
"""Why a value is no suspect: a note, an empty one where there is nothing to be said; None if it is."""


def _laid_beside_another(one: Compared, compared: Sequence[Compared], record: Record) -> str | None:
    """Laid beside an input only because it is returned for it, which is a wrong order."""
    right = {o.match.intermediate.position for o in compared if o.row.verdict is Verdict.PASS}
    named = one.label.returned or counterpart(record, one.label) is not None
    wrong = one.row.verdict is Verdict.FAIL and one.match.intermediate.position in right
    return "" if wrong and not named else None


def _returned_under_its_name(
    one: Compared, compared: Sequence[Compared], record: Record
) -> str | None:
    """What is returned has been judged under its name; what remains is a wrong order."""
    if not one.label.returned:
        return None
    wrong = {o.label for o in compared if o.row.verdict is Verdict.FAIL}
    named = Label(one.site.name)
    return "" if one.row.verdict is not Verdict.FAIL or named in wrong else None


def _means_something_else(
    one: Compared, compared: Sequence[Compared], record: Record
) -> str | None:
    """A gradient that is computed from this value is right, so the value must be."""
    if one.label.returned or one.row.verdict is not Verdict.FAIL:
        return None
    right = any(
        _has_right_numbers(row)
        and not any(finding.code == "vacuous" for finding in row.findings)
        and one.label.variable in behind(record, position)
        for position, row in record.rows.items()
    )
    if record.failed() and not right:
        return None
    return (
        f"{one.label} is left out: it is not the gradient of {one.match.intermediate.name}, "
        "and what is computed from it is right."
    )


def _has_right_numbers(row: Row) -> bool:
    """Whether a gradient is right entry by entry, though its dtype may not be."""
    if row.verdict is Verdict.PASS or row.analytic.shape != row.shape:
        return row.verdict is Verdict.PASS
    dtype_alone = {finding.code for finding in row.findings} == {"wrong-dtype"}
    return dtype_alone and bool(agrees(row.analytic, row.numeric, row.bound).all())


INNOCENT: tuple[Innocent, ...] = (
    _laid_beside_another,
    _returned_under_its_name,
    _means_something_else,
)
"""Applied one after the other; each sees what the others have left."""
