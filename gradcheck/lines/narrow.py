"""Which of the lines in doubt it can be: values are set to what they should have been, and the rest is run again.

The first wrong value is known, and so is what it should be. If the gradients come right when it is
set to that, the mistake is in its line or in one that only it is computed by. If not, its line is no
explanation. And a value that has no counterpart, and so no known truth, is solved for: is there any
value of it with which every gradient is right? Where it has fewer entries than what is wrong, the
answer is mostly no, and then its line is innocent, or yes, and then hardly by accident.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.layer import copies, listed
from gradcheck.lines.judge import Compared, Judgement
from gradcheck.lines.record import Record
from gradcheck.lines.recorder import Event, Site
from gradcheck.result import Array

LARGEST = 300
"""Entries of a value beyond which it is not solved for: each costs a run of both passes."""
WORK = 300_000
"""Values recorded over all those runs beyond which it is not either: about two seconds."""
EXPLAINED = 1e-5
"""What is left of the error if a value explains it: the square root of what differences resolve."""
SPARE = 3
"""By so many equations more than unknowns a solution is no accident: as few as a name is fitted to."""


class Fit(Enum):
    """Whether some value of a name makes every gradient right."""

    NO = "no"
    UNKNOWN = "unknown"
    YES = "yes"
    OPPOSITE = "its opposite does"
    ANYTHING = "it could explain any error"


def comes_right_with(judgement: Judgement, wrong: Compared) -> bool | None:
    """Whether every gradient is right once a wrong value is set right; None if that cannot be told."""
    with np.errstate(all="ignore"):
        return _Bench(judgement.record).right_with(_truth(judgement.record, wrong))


@dataclass(frozen=True)
class Narrowed:
    """The line that is blamed, and the others that share the doubt; `solved` if it is not the compared one."""

    site: Site
    others: tuple[Site, ...]
    solved: bool = False


def narrowed(judgement: Judgement, wrong: Compared, others: Sequence[Site]) -> Narrowed:
    """Blame another line of those in doubt where only that explains the error, and acquit the innocent.

    Args:
        judgement: what was compared.
        wrong: the first wrong value.
        others: the statements in doubt besides that of the first wrong value.
    """
    own = wrong.site
    if judgement.record.raised_at is not None or not others:
        return Narrowed(own, tuple(others))
    explains, fits = _tried(judgement.record, wrong, others)
    left = tuple(site for site in others if fits[site] is not Fit.NO)
    chosen = _fitted(left, fits, Fit.YES)
    if explains is False and not chosen:
        # Set right, it leaves other gradients wrong: one of the lines it is computed by is read there too.
        chosen = _fitted(left, fits, Fit.ANYTHING)
    return _with_blame(own, left, chosen)


def _fitted(left: Sequence[Site], fits: Mapping[Site, Fit], fit: Fit) -> list[Site]:
    return [site for site in left if fits[site] is fit]


def _with_blame(own: Site, left: tuple[Site, ...], chosen: Sequence[Site]) -> Narrowed:
    """The one line that was chosen is blamed; of none or several nobody knows, and it stays where it was."""
    first = _one_of(chosen)
    if first is None:
        return Narrowed(own, left)
    return Narrowed(first, tuple(s for s in (*left, own) if s.line != first.line), True)


def _one_of(chosen: Sequence[Site]) -> Site | None:
    """The only one, or the one that is computed by all others: they go on through it alone."""
    for site in chosen:
        if all(site.line == other.line or other.variable in site.reads for other in chosen):
            return site
    return None


def _tried(
    record: Record, wrong: Compared, others: Sequence[Site]
) -> tuple[bool | None, dict[Site, Fit]]:
    """Whether the first wrong value, set right, explains the error, and whether some value of another does."""
    bench = _Bench(record)
    with np.errstate(all="ignore"):
        # One call of a helper set right tells nothing of the others, nor does one of a derivative.
        of_one_call = wrong.label.call or not record.copy.chained
        truth = None if of_one_call else _truth(record, wrong)
        explains = bench.right_with(truth)
        freedom = None if explains is False else bench.freedom(wrong)
        shape = wrong.match.hand.shape
        return explains, {site: bench.fit(site, shape, freedom) for site in dict.fromkeys(others)}


Replaced = Mapping[int, tuple[Any, Array]]
"""For moments of the backward pass an index, or None for the whole, and what to put there."""


def _truth(record: Record, wrong: Compared) -> Replaced | None:
    """What to put where, so that a wrong value is right; None if it cannot be told."""
    true, replaced = wrong.row.numeric, {}
    if wrong.match.hand.shape != true.shape or wrong.label.returned:
        return None
    if wrong.match.overwritten:
        return _all_of_it(record, wrong)
    for time, place in wrong.match.times:
        event, value = record.log[time], true[place]
        held = np.asarray(event.value if event.index is None else _part(event))
        if held.size != value.size or held.dtype.kind != "f":
            return None
        replaced[time] = (event.index, value.reshape(held.shape).astype(held.dtype))
    return replaced


def _all_of_it(record: Record, wrong: Compared) -> Replaced | None:
    """The true value in place of one that was written over, once all is written."""
    last = wrong.match.times[-1][0]
    event, true = record.log[last], wrong.row.numeric
    held = np.asarray(event.value)
    if held.shape != true.shape or held.dtype.kind != "f":
        return None
    return {last: (None if event.site.whole else ..., true.astype(held.dtype))}


def _part(event: Event) -> Any:
    return event.value[event.index]


@dataclass(frozen=True)
class _Bench:
    """Runs the copy again with values of its backward pass replaced, and says how wrong its gradients are."""

    record: Record

    def right_with(self, replaced: Replaced | None) -> bool | None:
        """Whether every gradient is right with these values; None if that cannot be told."""
        if replaced is None or self.error is None:
            return None
        return self._explains(replaced)

    def freedom(self, wrong: Compared) -> int:
        """Of how many numbers an error is made that the first wrong value explains: what is seen of it."""
        matrix = self._effects(*self._passings(self.record.log[wrong.time].site))
        return wrong.match.hand.size if matrix is None else int(np.linalg.matrix_rank(matrix))

    def _passings(self, site: Site) -> tuple[list[int], list[Array]]:
        """When a statement gave its name a value, and which."""
        times = [t for t, e in enumerate(self.record.log) if e.site == site and _is_free(e)]
        return times, [_as_floats(self.record.log[t].value) for t in times]

    def _affordable(self, count: int) -> bool:
        work = count * len(self.record.log)
        return self.error is not None and 0 < count <= LARGEST and work <= WORK

    def fit(self, site: Site, own: tuple[int, ...], freedom: int | None) -> Fit:
        """Whether some value of what a statement computes makes every gradient right.

        Args:
            site: the statement.
            own: the shape of the first wrong value.
            freedom: of how many numbers the error is made, if that value set right explains it.
        """
        times, values = self._passings(site)
        found = self._solved(times, values, freedom)
        if found is Fit.NO and len(values) == 1 and _fits_into(values[0].shape, own):
            # Summed over too much it has too few entries for what it should be.
            found = self._solved(times, [np.array(np.broadcast_to(values[0], own))], freedom)
        return found

    def _solved(self, times: Sequence[int], values: Sequence[Array], freedom: int | None) -> Fit:
        """Whether values at these moments make every gradient right."""
        matrix, error = self._effects(times, values), self.error
        if matrix is None or error is None:
            return Fit.UNKNOWN
        equations = int(((error != 0) | matrix.any(axis=1)).sum())
        change, _, rank, _ = np.linalg.lstsq(matrix, -error, rcond=1e-9)
        replaced = _replaced(times, values, change)
        if not self._explains(replaced):
            told = rank < equations and self._is_as_predicted(replaced, error + matrix @ change)
            return Fit.NO if told else Fit.UNKNOWN
        wanted = [value for _, value in replaced.values()]
        numbers = min(int(rank), sum(map(_numbers, wanted)))
        if (equations if freedom is None else min(equations, freedom)) - numbers < SPARE:
            return Fit.ANYTHING
        # What only wants its opposite is as well written with the wrong sign where it is used.
        return Fit.OPPOSITE if _opposite(values, wanted, np.any(matrix, axis=0)) else Fit.YES

    def _effects(self, times: Sequence[int], values: Sequence[Array]) -> Array | None:
        """What moving each entry of the values by one does to the error; None if it costs too much or fails."""
        count = sum(v.size for v in values)
        if not self._affordable(count):
            return None
        effects = []
        for k in range(count):
            effect = self._effect(times, values, k)
            if effect is None or not np.isfinite(effect).all():
                return None
            effects.append(effect)
        return np.stack(effects, axis=1)

    @cached_property
    def error(self) -> Array | None:
        """The error of the gradients as they are, in one piece; None if there is none to be explained."""
        error = self.run({})
        return None if error is None or not np.isfinite(error).all() or not error.any() else error

    def run(self, replaced: Replaced) -> Array | None:
        """The error of the gradients with some values of the backward pass replaced."""
        context, copy = self.record.context, self.record.copy
        copy.recorder.start({}, replaced=replaced)
        try:
            _, backward = copy.layer(*copies(context.inputs))
            dy = context.dy.astype(context.forward.dtype)
            gradients = listed(backward(dy), len(context.inputs))
        except Exception:
            return None
        errors = list(self._errors(gradients))
        return None if any(e is None for e in errors) else np.concatenate(errors)

    def _errors(self, gradients: Sequence[Array | None]) -> Iterator[Any]:
        for position, row in self.record.rows.items():
            hand = gradients[position] if position < len(gradients) else None
            if hand is None or hand.shape != row.numeric.shape:
                yield None
            else:
                error, smooth = hand - row.numeric, ~np.asarray(row.kinks)
                yield np.where(np.abs(error) <= row.bound, 0.0, error)[smooth]

    def _effect(self, times: Sequence[int], values: Sequence[Array], k: int) -> Array | None:
        """What moving one entry of a value does to the error."""
        error = self.error
        assert error is not None
        # What is nothing but rounding is moved by more than that.
        least = EXPLAINED * float(np.abs(error).max())
        scale = max(least, *(float(np.abs(v).max(initial=0.0)) for v in values))
        change = np.zeros(sum(v.size for v in values))
        change[k] = scale
        moved = self.run(_replaced(times, values, change))
        return None if moved is None else (moved - error) / scale

    def _is_as_predicted(self, replaced: Replaced, predicted: Array) -> bool:
        """Whether the error follows the values in proportion: else nobody knows what others would do."""
        left = self.run(replaced)
        if left is None or self.error is None:
            return False
        return bool(np.abs(left - predicted).max() <= EXPLAINED * np.abs(self.error).max())

    def _explains(self, replaced: Replaced) -> bool:
        """Whether these values make every gradient right, up to what differences resolve."""
        left = self.run(replaced)
        if left is None or self.error is None:
            return False
        return bool(np.abs(left).max() <= EXPLAINED * np.abs(self.error).max())


def _is_free(event: Event) -> bool:
    """Whether a value can be any other: numbers, and what should be numbers but is not."""
    value = np.asarray(event.value) if isinstance(event.value, np.ndarray | float) else None
    if value is None or not event.site.whole or value.dtype.kind not in "fiub":
        return False
    return value.dtype.kind != "f" or bool(np.isfinite(value).all())


def _as_floats(value: Any) -> Array:
    """A value of its own that takes any number."""
    array = np.array(value)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _replaced(times: Sequence[int], values: Sequence[Array], change: Array) -> Replaced:
    """Values with a change, which is given in one piece."""
    found, start = {}, 0
    for time, value in zip(times, values, strict=True):
        piece = change[start : start + value.size].reshape(value.shape)
        found[time] = (None, (value + piece).astype(value.dtype))
        start += value.size
    return found


def _fits_into(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether an array of a shape is repeated where it meets one of another, larger shape."""
    try:
        return np.broadcast_shapes(shape, other) == other != shape
    except ValueError:
        return False


def _numbers(value: Array) -> int:
    """How many numbers an array is made of, repeated along the axes along which it is constant."""
    size = value.size
    for axis in range(value.ndim):
        if np.ptp(value, axis=axis).max(initial=0.0) <= EXPLAINED * np.abs(value).max(initial=0.0):
            size //= max(1, value.shape[axis])
    return size


def _opposite(values: Sequence[Array], wanted: Sequence[Array], used: Array) -> bool:
    """Whether a value should be its opposite, where it is first used: later ones follow from wrong ones."""
    start = 0
    for value, other in zip(values, wanted, strict=True):
        mine = used[start : start + value.size].reshape(value.shape)
        if mine.any():
            left, size = np.abs(value + other)[mine].max(), np.abs(value)[mine].max()
            return bool(left <= EXPLAINED * size)
        start += value.size
    return False
