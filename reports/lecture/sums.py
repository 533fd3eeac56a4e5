"""Every gradient entry as the sum that it is: over what the value is used for, slope times gradient.

The slopes are measured, statement by statement, and so is what they are called: a slope is named after
the entry of a value that it equals, here and wherever else the layer is run. What the way back gives no
name to is left out, its uses put in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck.layer import Function
from gradcheck.lines import Unreadable
from gradcheck.result import Array, Traced
from reports.lecture.steps import NOTHING, RESULT, Key, Step, steps_of

Entry = tuple[Key, tuple[int, ...]]
"""One number: a value, and the place in it."""
Place = tuple[str, tuple[int, ...]]
"""Where a number is shown: a value's name and an index."""

MOST = 400
"""Entries of all values together, beyond which nobody clicks on each."""
ELSEWHERE = 3
"""So many other points at which the name of a slope must hold."""
EQUAL = 1e-6
"""Within which a measured slope is what it is called."""


@dataclass(frozen=True)
class Term:
    """One product: a slope, what it is called, and the gradient that it meets.

    The slope is `times` what is called `factor`, which is empty for a slope that is the same everywhere,
    and ∂ for one that is no value shown.
    """

    slope: float
    times: float
    factor: str
    of: Place
    gradient: float


@dataclass(frozen=True)
class Sum:
    """A gradient entry as a sum, and what it comes to."""

    terms: tuple[Term, ...]
    whole: float


Sums = dict[Place, Sum]


def sums(
    layer: Function,
    names: Sequence[str],
    inputs: Sequence[Array],
    upstream: Array,
    values: Sequence[Traced],
    true: Mapping[str, Array],
) -> Sums:
    """The sum behind each gradient entry, by the value's name and the entry's index.

    `values` are what is shown, with the gradients as the way back has them, `true` the gradients of the
    inputs that were checked. There are none where the forward pass cannot be taken apart, or its parts do
    not come to what is true.
    """
    if sum(one.value.size for one in values) > MOST:
        return {}
    try:
        here = _Tape.of(layer, names, inputs)
        others = [_Tape.of(layer, names, moved) for moved in _elsewhere(inputs)]
    except (Unreadable, NameError, TypeError, ValueError, IndexError, KeyError):
        return {}
    told = _Telling(here, others, values, np.asarray(upstream))
    return told.all() if told.comes_to(true) else {}


def _elsewhere(inputs: Sequence[Array]) -> Iterator[list[Array]]:
    """Near the point, so that a maximum is still the same one, but with other digits."""
    rng = np.random.default_rng(0)
    for _ in range(ELSEWHERE):
        yield [
            x * (1 + 0.05 * rng.uniform(size=x.shape)) if x.dtype.kind == "f" else x for x in inputs
        ]


@dataclass(frozen=True, eq=False)
class _Tape:
    """One run: what each entry is used for, and what every value holds; `steps` as they were passed."""

    uses: Mapping[Entry, Mapping[Entry, float]]
    held: Mapping[Key, Array]
    steps: Sequence[Step]

    @staticmethod
    def of(layer: Function, names: Sequence[str], inputs: Sequence[Array]) -> _Tape:
        """Run the layer, then each of its statements once for each entry that it reads."""
        steps = steps_of(layer, inputs)
        held = {(n, 0): np.asarray(x) for n, x in zip(names, inputs, strict=True)}
        held |= {step.writes: step.after for step in steps}
        uses: dict[Entry, dict[Entry, float]] = {}
        for step in steps:
            for entry, to, slope in _flow(step):
                uses.setdefault(entry, {})[to] = slope
        return _Tape(uses, held, steps)


def _flow(step: Step) -> Iterator[tuple[Entry, Entry, float]]:
    """From which entry to which, with what slope; what a step does not write over stays as it was."""
    variable, times = step.writes
    for at in map(tuple, np.argwhere(~step.mask).tolist()):
        yield ((variable, times - 1), at), (step.writes, at), 1.0
    for key in step.reads:
        for index, slopes in step.slopes(key[0]):
            for at in map(tuple, np.argwhere(np.abs(slopes) > NOTHING).tolist()):
                yield (key, index), (step.writes, at), float(slopes[at])


def _places(tape: _Tape, values: Sequence[Traced]) -> dict[Entry, Place]:
    """Where each entry of the tape is shown, if it is."""
    found: dict[Entry, Place] = {}
    for one in values:
        for index, entry in _entries(tape, one):
            found[entry] = (one.name, index)
    return found


def _entries(tape: _Tape, one: Traced) -> Iterator[tuple[tuple[int, ...], Entry]]:
    """The entries of a shown value on the tape: an input, one value, all steps', or one filled in pieces."""
    if not one.line:
        key = (one.name, 0)
        yield from ((i, (key, i)) for i in np.ndindex(one.value.shape) if key in tape.held)
        return
    written = [s for s in tape.steps if s.line == one.line and _is_called(s, one)]
    shapes = {step.after.shape for step in written}
    if one.value.shape[:1] == (len(written),) and shapes == {one.value.shape[1:]}:
        for k, step in enumerate(written):
            yield from (((k, *i), (step.writes, i)) for i in np.ndindex(step.after.shape))
        return
    for step in written:
        if step.after.shape == one.value.shape:
            places = map(tuple, np.argwhere(step.mask).tolist())
            yield from ((at, (step.writes, at)) for at in places)


def _is_called(step: Step, one: Traced) -> bool:
    return step.writes[0] == one.name.partition("[")[0].partition("#")[0]


def _is_result(entry: Entry, reached: Mapping[Entry, float]) -> bool:
    """Whether an entry that was computed is the same entry of the result and nothing else."""
    (_, times), index = entry
    uses = [(to[0][0], to[1], slope) for to, slope in reached.items()]
    return times > 0 and uses == [(RESULT, index, 1.0)]


@dataclass(frozen=True, eq=False)
class _Telling:
    """What is told of the entries of one tape, others showing what a slope is called."""

    tape: _Tape
    others: Sequence[_Tape]
    values: Sequence[Traced]
    upstream: Array

    @cached_property
    def places(self) -> dict[Entry, Place]:
        """Where a gradient entry is shown."""
        return _places(self.tape, [one for one in self.values if one.gradient is not None])

    def all(self) -> Sums:
        """The sums of all that is shown, but for the value itself, whose gradient is given."""
        found: Sums = {}
        for entry, place in self.places.items():
            reached = self._reached(entry)
            if not _is_result(entry, reached):
                terms = [self._term(entry, to, slope) for to, slope in reached.items()]
                kept = tuple(term for term in terms if term.slope * term.gradient)
                found[place] = Sum(kept, self._whole(entry))
        return found

    def comes_to(self, true: Mapping[str, Array]) -> bool:
        """Whether the sums of the inputs are the gradients that were checked."""
        return all(
            abs(self._whole(((name, 0), index)) - value) <= EQUAL * (1 + abs(value))
            for name, gradient in true.items()
            for index, value in np.ndenumerate(gradient)
        )

    def _whole(self, entry: Entry) -> float:
        """The gradient of an entry."""
        if entry not in self._known:
            (variable, _), index = entry
            uses = self.tape.uses.get(entry, {})
            self._known[entry] = (
                float(self.upstream[index])
                if variable == RESULT
                else _tidy(sum(slope * self._whole(to) for to, slope in uses.items()))
            )
        return self._known[entry]

    @cached_property
    def _known(self) -> dict[Entry, float]:
        return {}

    def _reached(self, entry: Entry, tape: _Tape | None = None) -> dict[Entry, float]:
        """The shown entries, or those of the result, that an entry is used for, through what is not shown."""
        tape = tape or self.tape
        found: dict[Entry, float] = {}
        for to, slope in tape.uses.get(entry, {}).items():
            if to in self.places or to[0][0] == RESULT:
                found[to] = found.get(to, 0.0) + slope
                continue
            for further, more in self._reached(to, tape).items():
                found[further] = found.get(further, 0.0) + slope * more
        return {to: _tidy(slope) for to, slope in found.items() if abs(slope) > NOTHING}

    def _term(self, entry: Entry, to: Entry, slope: float) -> Term:
        elsewhere = [self._reached(entry, other).get(to, np.nan) for other in self.others]
        name, index = self.places.get(to, ("", to[1]))
        times, factor = self._called(slope, elsewhere)
        return Term(slope, times, factor, (name, index), self._whole(to))

    def _called(self, slope: float, elsewhere: Sequence[float]) -> tuple[float, str]:
        """The entry with a name that a slope is so many times, here and elsewhere; no name for a constant."""
        seen = np.array([slope, *elsewhere])
        if np.allclose(seen, slope, rtol=EQUAL):
            return slope, ""
        names, held = self._candidates
        times = seen / np.where(np.abs(held) > NOTHING, held, np.nan)
        same = np.isclose(times, times[:, :1], rtol=EQUAL).all(axis=1)
        # Best what it is itself, then its negative, then a multiple.
        for fits in (np.isclose(times[:, 0], 1), np.isclose(times[:, 0], -1), same):
            found = np.flatnonzero(same & fits)
            if found.size:
                return _tidy(float(times[found[0], 0])), names[int(found[0])]
        return 1.0, "∂"

    @cached_property
    def _candidates(self) -> tuple[list[str], Array]:
        """What every entry with a name is called and holds, on all tapes."""
        names, rows = [], []
        for (key, index), (name, place) in _places(self.tape, self.values).items():
            tapes = (self.tape, *self.others)
            if all(key in tape.held for tape in tapes):
                names.append(called(name, place))
                rows.append([float(tape.held[key][index]) for tape in tapes])
        return names, np.array(rows)


def called(name: str, index: tuple[int, ...]) -> str:
    """An entry as one writes it: W[0,1]."""
    return f"{name}[{','.join(map(str, index))}]" if index else name


def _tidy(value: float) -> float:
    """A measured number without the digits that its measurement has left in it."""
    near = float(np.round(value, 6))
    return near if abs(near - value) < NOTHING * 10 else value
