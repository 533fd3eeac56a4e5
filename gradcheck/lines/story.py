"""From a wrong gradient to the wrong line: what the way back computes is compared, value by value.

People name things: the gradient of `xhat` is called `dxhat`. A probe at each assignment of the way
there gives the numerical gradient of that intermediate value, with the bounds, aligned axes and
kinks that inputs have, and the local of the same name on the way back is compared with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from typing import Any

import numpy as np

from gradcheck.compare import compare
from gradcheck.diagnosis.diagnose import OF_THE_VALUE, diagnose, diagnose_shape
from gradcheck.diagnosis.wrong import Comparison, Context, WrongGradient
from gradcheck.layer import listed, run
from gradcheck.lines.instrument import Copy, Event, Site, Unreadable, take_apart
from gradcheck.lines.readings import Match, joined, match_of, reading_of
from gradcheck.lines.uses import Intermediate, Use, diagnose_uses
from gradcheck.numeric import Forward, NumericalWitness
from gradcheck.result import Array, Finding, Line, Lines, Row, Verdict


@dataclass(frozen=True)
class Compared:
    """One name of the way back, compared: its row, its context, and the moment it is wrong from."""

    name: str
    site: Site
    time: int
    row: Row
    suspect: WrongGradient
    match: Match


def check_lines(
    context: Context, rows: Sequence[Row], seed: int, *, raised: bool = False
) -> tuple[list[Row], Lines]:
    """Compare the lines of a backward pass; rows whose mistake a line explains say so.

    Args:
        context: the check so far; its layer's source is read.
        rows: the gradients of the inputs, as explained so far.
        seed: for the numerical witness.
        raised: the backward pass is known to raise an error.
    """
    try:
        trial = _Trial(context, rows, seed, raised)
        lines, notes, wrong = trial.judged()
    except Unreadable as reason:
        note = f"The lines of the backward pass were not compared: {reason}."
        return list(rows), Lines(notes=(note,))
    marked = Lines(tuple(lines), trial.copy.listing, tuple(notes))
    right = trial.right_before(wrong)
    if wrong is not None:
        found = trial.diagnosis(wrong)
        first_wrong = trial.blamed(wrong, found, right)
        return trial.explained(wrong, found), replace(marked, first_wrong=first_wrong)
    if trial.raised_at is not None:
        return list(rows), replace(marked, first_wrong=trial.blamed_for_raising(right))
    return list(rows), marked


class _Trial:
    """The instrumented layer, run once each way, with everything that its names held."""

    def __init__(self, context: Context, rows: Sequence[Row], seed: int, raised: bool) -> None:
        self.context, self.rows, self.seed = context, rows, seed
        self.row_of = {context.names.index(row.name): row for row in rows}
        _, backward = run(context.layer, [x.copy() for x in context.inputs])
        self.copy: Copy = take_apart(context.layer, backward)
        self.raised_at: list[int] | None = None
        self._run(raised)
        # The upstream gradient is the first value on the way back, and right by definition.
        upstream = [Event(site, context.dy) for site in self.copy.upstream]
        self.log = upstream + self.copy.recorder.events
        self.returned = {s.position: s for s in self.copy.back if s.position is not None}
        self.events: dict[str, list[tuple[int, Event]]] = {}
        for time, event in enumerate(self.log):
            self.events.setdefault(self._called(event.site), []).append((time, event))

    def _run(self, raised: bool) -> None:
        recorder, context = self.copy.recorder, self.context
        recorder.start()
        try:
            value, backward = self.copy.layer(*[x.copy() for x in context.inputs])
        except Exception as error:
            raise Unreadable(f"a copy made from its source raises {error!r}") from error
        same = np.array_equal(np.asarray(value, dtype=np.float64), context.forward.value)
        try:
            gradients = listed(
                backward(context.dy.astype(context.forward.dtype)), len(context.inputs)
            )
        except Exception as error:
            self.raised_at = self.copy.raised_at(error)
            if not raised or not self.raised_at:
                raise Unreadable(f"a copy made from its source raises {error!r}") from error
            gradients = []
        for position, row in self.row_of.items():
            hand = gradients[position] if position < len(gradients) else None
            same = same and (hand is None or _same(hand, row.analytic))
        if not same:
            raise Unreadable("a copy made from its source computes something else")

    def _called(self, site: Site) -> str:
        """What an event is filed under: the local's name, or that of the gradient that is returned."""
        if site.position is None:
            return site.name
        names = self.context.names
        return f"return {names[site.position]}" if site.position < len(names) else "return"

    @cached_property
    def readings(self) -> dict[str, list[Intermediate]]:
        """What each name on the way there may mean, the last meaning first."""
        found: dict[str, list[Intermediate]] = {}
        for number, occurrences in sorted(self.copy.recorder.recorded.items(), reverse=True):
            reading = reading_of(number, occurrences)
            if isinstance(reading, Intermediate):
                found.setdefault(reading.name, []).append(reading)
        for name, readings in found.items():
            pieces = [reading for reading in readings if reading.places]
            if pieces:
                # Written into piece by piece: the pieces together, not the empty beginning.
                found[name] = [reduce(joined, pieces)]
        for position, name in enumerate(self.context.names):
            if position in self.context.true:
                x = self.context.inputs[position]
                found.setdefault(name, []).append(Intermediate(name, x, position=position))
        return found

    @cached_property
    def matches(self) -> dict[str, list[Match]]:
        """For each name of the way back, the ways to lay it beside a value of the way there."""
        found: dict[str, list[Match]] = {}
        for name, events in self.events.items():
            found[name] = []
            if self.raised_at is not None and not self._complete(name):
                continue
            for reading in self._counterparts(name):
                match = match_of(events, reading, self._may_be_reshaped(name, reading))
                if match is not None:
                    found[name].append(match)
        return found

    def _complete(self, name: str) -> bool:
        """Whether a name has its final value, also if an error ended the way back early."""
        sites = [site for site in self.copy.back if site.name == name and site.position is None]
        return len(sites) == 1 and sites[0].whole and sites[0].loop is None

    def _may_be_reshaped(self, name: str, reading: Intermediate) -> bool:
        """Whether another shape is a matter of layout; of an input's gradient that is returned so it is not."""
        position = reading.position
        if position is None or position not in self.row_of or position not in self.returned:
            return True
        row = self.row_of[position]
        handed_on = self.returned[position].name == name or name.startswith("return ")
        return not handed_on or row.analytic.shape == row.shape

    def _paired(self, name: str) -> str | None:
        """v, where a name is dv, d_v, grad_v or v_grad and the way there knows v."""
        return next((v for v in _undressed(name) if v in self.readings), None)

    def _why_left_out(self, name: str) -> list[str]:
        """Why a gradient's name was not compared, if it is one."""
        v = self._paired(name)
        if v is not None:
            times = len(self.events[name])
            return [
                f"{name} is left out: {v} is not assigned as often on the way there as {name} is "
                f"here ({times} times), or its shape tells nothing."
            ]
        for number, occurrences in self.copy.recorder.recorded.items():
            reading = reading_of(number, occurrences)
            if occurrences.site.name in _undressed(name) and isinstance(reading, str):
                return [f"{name} is left out: {occurrences.site.name} {reading}."]
        return []

    def _is_wrong_way(self, one: Compared, right: set[int | None]) -> bool:
        """Whether a local was laid beside an input only because it is returned for it, wrongly."""
        returned = one.name.startswith("return ")
        position = one.match.reading.position
        return not returned and position in right and one.row.verdict is Verdict.FAIL

    def _counterparts(self, name: str) -> list[Intermediate]:
        """The readings of v for a gradient's name; for another, of the input that it is returned for."""
        paired = self._paired(name)
        if paired is not None:
            return self.readings[paired]
        positions = [
            k for k, site in self.returned.items() if name in (site.name, self._called(site))
        ]
        names = self.context.names
        return [
            reading
            for k in positions
            if k is not None and k < len(names)
            for reading in self.readings.get(names[k], [])
            if reading.position == k
        ]

    @cached_property
    def stage(self) -> tuple[Context, dict[int, int], NumericalWitness]:
        """The context in which every intermediate value is an input too, and where each one stands."""
        wanted = {
            id(match.reading): match.reading
            for matches in self.matches.values()
            for match in matches
            if match.reading.position is None
        }
        readings = list(wanted.values())
        count = len(self.context.inputs)
        recorder, layer = self.copy.recorder, self.copy.layer

        def probed(*arrays: Array) -> Array:
            moves: dict[int, Array] = {}
            for reading, moved in zip(readings, arrays[count:], strict=True):
                moves |= reading.move(moved)
            recorder.start(moves)
            return np.asarray(layer(*[x.copy() for x in arrays[:count]])[0])

        try:
            forward = Forward(probed, [*self.context.inputs, *(r.value for r in readings)])
            witness = NumericalWitness(forward, self.context.dy, seed=self.seed)
        except Exception as error:
            raise Unreadable(f"moving its values a little raises {error!r}") from error
        names = [*self.context.names, *(r.name for r in readings)]
        context = Context(
            self.context.layer, names, forward, self.context.dy, dict(self.context.compared)
        )
        places = {id(reading): count + k for k, reading in enumerate(readings)}
        return context, places, witness

    def judged(self) -> tuple[list[Line], list[str], Compared | None]:
        """A line for each name that could be compared, why others were not, and the first wrong one."""
        judged: list[Compared] = []
        notes: list[str] = []
        given = {site.name for site in self.copy.upstream}
        for name, matches in self.matches.items():
            if name in given and len(self.events[name]) == 1:
                for match in matches:
                    self._compared(name, match)
                continue
            if not matches:
                notes += self._why_left_out(name)
                continue
            try:
                tried = [self._compared(name, match) for match in matches]
            except Unreadable:
                raise
            except Exception as error:
                # Whoever asserts something of an intermediate value does not want it moved.
                v = matches[0].reading.name
                notes.append(f"{name} is left out: moving {v} a little raises {error!r}.")
                matches.clear()
                continue
            # Right under any meaning of its name is right.
            judged.append(next((c for c in tried if c.row.verdict is Verdict.PASS), tried[0]))
        right = {one.match.reading.position for one in judged if one.row.verdict is Verdict.PASS}
        judged = [
            one for one in judged if self._paired(one.name) or not self._is_wrong_way(one, right)
        ]
        wrong_names = {one.name for one in judged if one.row.verdict is Verdict.FAIL}
        kept = []
        for one in judged:
            if one.name.startswith("return "):
                # The name that is returned has been judged; what remains is a wrong order.
                named = self.log[one.time].site.name
                if one.row.verdict is Verdict.FAIL and named not in wrong_names:
                    kept.append(one)
            elif one.row.verdict is Verdict.FAIL and self._means_something_else(one.name):
                notes.append(
                    f"{one.name} is left out: it is not the gradient of {one.match.reading.name}, "
                    "and what is computed from it is right."
                )
            else:
                kept.append(one)
        kept.sort(key=lambda one: one.time)
        self.kept = kept
        wrong = next((one for one in kept if one.row.verdict is Verdict.FAIL), None)
        return [_line(one) for one in kept], notes, wrong

    def _compared(self, name: str, match: Match) -> Compared:
        context, places, witness = self.stage
        position = match.reading.position
        if position is None:
            position = places[id(match.reading)]
            if position not in context.compared:
                found = witness.beside(position, match.hand)
                row, ties = compare(context.names[position], match.hand, found, None)
                context.compared[position] = Comparison(row, found, ties)
        numeric = context.compared[position].numeric
        assert numeric is not None
        row, _ = compare(context.names[position], match.hand, numeric, None)
        hand = match.hand.astype(np.float64)
        suspect = WrongGradient(context, position, hand, row.numeric, row.bound, ~numeric.kinks)
        times: list[int] = []
        if row.verdict is Verdict.FAIL and hand.shape == row.shape:
            wrong = ~(np.abs(hand - row.numeric) <= row.bound)
            times = [t for t, place in match.times if wrong[place].any()]
        time = min(times, default=match.times[-1][0])
        site = self.log[time].site
        return Compared(name, site, time, row, suspect, match)

    def _means_something_else(self, name: str) -> bool:
        """Whether a gradient that is computed from this value is right, so that the value must be."""
        if self.raised_at is None and all(row.verdict is not Verdict.FAIL for row in self.rows):
            return True
        return any(
            row.verdict is Verdict.PASS and name in self._behind(position)
            for position, row in self.row_of.items()
            if not any(finding.code == "vacuous" for finding in row.findings)
        )

    def _behind(self, position: int) -> set[str]:
        """The names of the way back from which the gradient of an input is computed."""
        if position not in self.returned:
            return set()
        return self._reached(self.returned[position].reads)

    def _reached(self, names: Iterable[str], stop: Iterable[str] = ()) -> set[str]:
        seen: set[str] = set()
        waiting = set(names) - set(stop)
        while waiting:
            name = waiting.pop()
            seen.add(name)
            for site in self.copy.back:
                if site.name == name and site.position is None:
                    waiting |= site.reads - seen - set(stop)
        return seen

    @cached_property
    def known(self) -> set[str]:
        """The names whose values were compared as they are, or are those of the way there."""
        compared = {
            name
            for name, matches in self.matches.items()
            if any(
                not match.reshaped and self._passings(name) <= len(match.times) for match in matches
            )
        }
        return compared | {name for name in self.events if self._handed_over(name)}

    def _passings(self, name: str) -> int:
        """How often a name was given a new value."""
        return sum(event.site.whole for _, event in self.events[name])

    def _handed_over(self, name: str) -> bool:
        """Whether a name has, on the way back, a value that it had on the way there: out of a cache."""
        there = [
            value
            for occurrences in self.copy.recorder.recorded.values()
            if occurrences.site.name == name
            for value in occurrences.values
        ]
        there += [
            x for n, x in zip(self.context.names, self.context.inputs, strict=True) if n == name
        ]
        return all(any(_equal(event.value, v) for v in there) for _, event in self.events[name])

    def _unknown_behind(self, place: Site, known: set[str], right: set[str]) -> list[int]:
        """The other lines that a line is computed by, back to values that were compared.

        A loop is among them unless something computed in it is right: then it runs the right way.
        """
        names = self._reached(place.reads, stop=known)
        sites = [s for s in self.copy.back if s.position is None and s.name in names]
        sites += [s for s in self.copy.inner if s.name in names]
        right_loops = {s.loop for s in self.copy.back if s.name in right}
        loops = {s.loop for s in (place, *sites) if s.loop is not None} - right_loops
        return sorted({*loops, *(s.line for s in sites)} - {place.line})

    def diagnosis(self, wrong: Compared) -> Finding | None:
        position = wrong.match.reading.position
        if position is not None and position in self.row_of:
            first = next(iter(self.row_of[position].findings), None)
            if first is not None and first.code not in ("unknown", "kink"):
                return first
            fits = wrong.match.hand.shape == wrong.row.shape
            return self._by_its_uses(wrong) if fits else None
        if wrong.match.hand.shape != wrong.row.shape:
            return _misshapen(wrong)
        wrong = self._at_its_first_step(wrong)
        found = diagnose(wrong.suspect, OF_THE_VALUE) or self._by_its_uses(wrong)
        if found is None or "gradient_of" not in found.evidence:
            return found
        # The gradient of what comes next: the step from here to there was left out.
        after = found.evidence["gradient_of"]
        if not any(wrong.match.reading.name in reading.reads for reading in self.readings[after]):
            return found
        return Finding(
            "missing-mask",
            f"{wrong.name} is the gradient of {after}: the derivative of the step from "
            f"{wrong.match.reading.name} to {after} was left out.",
            {"gradient_of": after},
        )

    def _at_its_first_step(self, wrong: Compared) -> Compared:
        """The step at which a value first was wrong: those after it may only have inherited that."""
        reading, suspect = wrong.match.reading, wrong.suspect
        step = _step_of(wrong)
        if step is None:
            return wrong
        place, whole = reading.place(step), suspect.context.forward

        def alone(moved: Array) -> Array:
            inputs = [x.copy() for x in whole.inputs]
            inputs[suspect.position][place] = moved
            return whole.raw(*inputs)

        a, n, bound, smooth = (
            np.array(part[place])
            for part in (suspect.claimed, suspect.true, suspect.bound, suspect.smooth)
        )
        forward = Forward(alone, [np.array(suspect.x[place])])
        context = Context(suspect.context.layer, [reading.name], forward, suspect.context.dy, {})
        return replace(wrong, suspect=WrongGradient(context, 0, a, n, bound, smooth))

    def right_before(self, wrong: Compared | None) -> set[str]:
        """The names that were right, or at first were, before another value was wrong."""
        until = len(self.log) if wrong is None else wrong.time
        return {
            one.name
            for one in self.kept
            if one.row.verdict is Verdict.PASS
            or (one.time > until and min(t for t, _ in self.events[one.name]) < until)
        }

    def _by_its_uses(self, wrong: Compared) -> Finding | None:
        """A diagnosis by what is computed from the value, as far as its gradients are known."""
        context, places, _ = self.stage
        value = wrong.match.reading
        uses: list[Use] = []
        between: set[str] = set()
        waiting = [value.name]
        while waiting:
            name = waiting.pop()
            for reading in [r for readings in self.readings.values() for r in readings]:
                known = context.compared.get(places.get(id(reading), -1))
                if name not in reading.reads or reading.name in (value.name, *between):
                    continue
                if known is not None and known.numeric is not None:
                    uses.append(Use(reading, known.numeric.value))
                else:
                    between.add(reading.name)
                    waiting.append(reading.name)
        sites = frozenset(
            number
            for number, found in self.copy.recorder.recorded.items()
            if found.site.name in between
        )
        distinct = {id(use.reading): replace(use, between=sites) for use in uses}
        uses = list(distinct.values())
        recorder, step = self.copy.recorder, _step_of(wrong)
        return diagnose_uses(
            wrong.suspect, value, uses, self.copy.layer, recorder, self.context.inputs, step
        )

    def blamed_for_raising(self, right: set[str]) -> Finding:
        """Where nothing before it is known to be wrong, the line that raises."""
        assert self.raised_at is not None
        line, *callers = self.raised_at
        text = next(text.strip() for number, text in self.copy.listing if number == line)
        place = next(
            (s for s in self.copy.back if s.line == line), Site("", line, text, frozenset())
        )
        inner = [s.line for s in self.copy.inner if line in {i.line for i in self.copy.inner}]
        # An array that is written into was made somewhere.
        place = replace(place, reads=place.reads | {place.name})
        also = {*callers, *inner, *self._unknown_behind(place, self.known, right)} - {line}
        message = f"Line {line} raises, and the values before it that could be compared are right."
        return _first_wrong(message, place.name, line, text, "raises", sorted(also))

    def blamed(self, wrong: Compared, found: Finding | None, right: set[str]) -> Finding:
        """The first wrong value, with its line, its diagnosis, and the lines that share the doubt."""
        site = wrong.site
        also = self._unknown_behind(site, self.known - {wrong.name}, right)
        name = wrong.name.replace("return ", "the returned d")
        message = f"{name}, line {site.line}, is the first wrong value on the way back."
        if found is not None and wrong.match.reading.position is None:
            # Of an input's gradient its own row says it.
            message += f" {found.message}"
        code = None if found is None else found.code
        called = wrong.name.replace("return ", "d")
        return _first_wrong(message, called, site.line, site.text, code, also)

    def explained(self, wrong: Compared, found: Finding | None) -> list[Row]:
        """The rows; where one could not be explained, the diagnosis of the line that it follows from."""
        if found is None:
            return list(self.rows)
        where = f"it follows from {wrong.name}, line {wrong.site.line}: "
        evidence = {**found.evidence, "of": wrong.name, "line": wrong.site.line}
        rows = []
        for position, row in self.row_of.items():
            unknown = [f for f in row.findings if f.code == "unknown"]
            if unknown and wrong.name in self._behind(position):
                own = position == wrong.match.reading.position
                message = found.message if own else where + found.message
                named = replace(found, message=message, evidence=evidence)
                findings = [named if f.code == "unknown" else f for f in row.findings]
                row = replace(row, findings=tuple(findings))
            rows.append(row)
        return rows


def _first_wrong(
    message: str, name: str, line: int, source: str, code: str | None, also: list[int]
) -> Finding:
    if also:
        message += (
            f" What line {', '.join(map(str, also))} does goes into it and cannot be compared: the "
            "mistake may be there."
        )
    evidence = {"name": name, "line": line, "source": source, "code": code, "also": also}
    return Finding("first-wrong-line", message, evidence)


def _equal(a: Any, b: Any) -> bool:
    arrays = isinstance(a, np.ndarray) or isinstance(b, np.ndarray)
    return np.array_equal(a, b) if arrays else a is b or bool(a == b)


def _same(a: Array, b: Array) -> bool:
    numbers = a.dtype.kind == b.dtype.kind == "f"
    return np.array_equal(a, b, equal_nan=True) if numbers else a.shape == b.shape


def _step_of(wrong: Compared) -> int | None:
    """The time step at which a value first was wrong, if it has any."""
    reading = wrong.match.reading
    place = next((p for t, p in wrong.match.times if t == wrong.time), None)
    if reading.places:
        return next((k for k, p in enumerate(reading.places) if p == place), None)
    step = place[0] if isinstance(place, tuple) else place
    return step if reading.steps and isinstance(step, int) else None


def _misshapen(wrong: Compared) -> Finding:
    hand, row = wrong.match.hand, wrong.row
    if np.isfinite(hand).all():
        named = diagnose_shape(wrong.name, hand, row.numeric, row.bound)
        if named is not None:
            return named
    return Finding(
        "wrong-shape",
        f"{wrong.name} has shape {hand.shape}, expected {row.shape}, the shape of {row.name}.",
        {"expected": list(row.shape), "returned": list(hand.shape)},
    )


def _undressed(name: str) -> list[str]:
    """What a gradient's name may be the gradient of: dv, d_v, grad_v and v_grad belong to v."""
    ahead = [name[len(known) :] for known in ("grad_", "d_", "d") if name.startswith(known)]
    return ahead + ([name[: -len("_grad")]] if name.endswith("_grad") else [])


def _line(one: Compared) -> Line:
    return Line(
        one.name.replace("return ", "d"),
        one.site.line,
        one.site.text,
        one.row.relative_error,
        one.row.bound,
        one.row.verdict,
    )
