"""Runs the backward pass again with other values in it, and says how wrong its gradients are then.

A wrong value is set to what it should be. One that has no counterpart, and so no known truth, is solved
for: is there any value of it with which every gradient is right? Where it has fewer entries than what is
wrong, the answer is mostly no, and then its line is innocent, or yes, and then hardly by accident.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.layer import copies, listed
from gradcheck.lines.compared import Compared
from gradcheck.lines.record import Record
from gradcheck.lines.sites import Event, Site
from gradcheck.lines.values import are_alike
from gradcheck.result import Array, Row

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


Replaced = Mapping[int, tuple[Any, Array]]
"""For moments of the backward pass an index, or None for the whole, and what to put there."""


Values = Mapping[int, Array]
"""What a name was given at moments of the backward pass."""


@dataclass(frozen=True)
class Rerun:
    """Runs the copy again with values of its backward pass replaced."""

    record: Record

    def right_with(self, wrong: Compared) -> bool | None:
        """Whether every gradient is right once a wrong value is; None if that cannot be told."""
        replaced = _truth(self.record, wrong)
        if replaced is None or not self.error.size:
            return None
        return self._leaves(replaced, np.zeros(1))

    def spoils(self, wrong: Compared) -> bool | None:
        """Whether what is right no longer is once a wrong value is set right; None if that cannot be told."""
        replaced = _truth(self.record, wrong)
        if replaced is None:
            return None
        with np.errstate(all="ignore"):
            before, after = self.run({}), self.run(replaced)
        # Where nothing moves it is read by nothing, and nobody knows.
        return None if np.array_equal(before, after) else bool(after[before == 0].any())

    def mends_one(self, wrong: Compared) -> bool:
        """Whether some gradient that is wrong is right once a wrong value is set right."""
        replaced = _truth(self.record, wrong)
        if replaced is None:
            return False
        ends = np.cumsum([np.sum(~np.asarray(row.kinks)) for row in self.record.rows.values()])
        before, after = (np.split(self.run(one), ends[:-1]) for one in ({}, replaced))
        return any(a.any() and not b.any() for a, b in zip(before, after, strict=True))

    def freedom(self, wrong: Compared) -> int:
        """Of how many numbers an error is made that the first wrong value explains: what is seen of it."""
        matrix = self._effects(self._given_at(self.record.log[wrong.time].site))
        return wrong.match.hand.size if matrix is None else int(np.linalg.matrix_rank(matrix))

    def fit(self, site: Site, own: tuple[int, ...], freedom: float) -> Fit:
        """Whether some value of what a statement computes makes every gradient right.

        `own` is the shape of the first wrong value, `freedom` of how many numbers the error is made, if that value
        set right explains it.
        """
        values = self._given_at(site)
        found = self._solved(values, freedom)
        match [*values.items()]:
            case [(time, _), *_] if found is Fit.NO and self._chooses(time):
                # What is chosen by it follows no number in proportion.
                return Fit.UNKNOWN
            case [(time, value)] if found is Fit.NO and _fits_into(value.shape, own):
                # Summed over too much it has too few entries for what it should be.
                return self._solved({time: np.array(np.broadcast_to(value, own))}, freedom)
            case [(_, value), _, *_] if found is Fit.NO and 1 in value.shape:
                # In a loop nobody knows what shape it should have.
                return Fit.UNKNOWN
        return found

    def _chooses(self, time: int) -> bool:
        """Whether a value says of each entry which of two it is."""
        return np.asarray(self.record.log[time].value).dtype.kind == "b"

    def right_times(self, site: Site, k: float) -> bool:
        """Whether every gradient is right once all that a statement computes is multiplied by a number."""
        replaced = {t: (None, k * value) for t, value in self._given_at(site).items()}
        return bool(replaced and self.error.size) and self._leaves(replaced, np.zeros(1))

    def wanted(self, site: Site) -> Values:
        """What a statement should have computed when it is read, where only that makes every gradient right."""
        values = self._given_at(site)
        matrix = self._effects(values)
        if matrix is None:
            return {}
        change, _, rank, _ = np.linalg.lstsq(matrix, -self.error, rcond=1e-9)
        replaced, read = _replaced(values, change), np.any(matrix, axis=0)
        # What the last turn of a loop carries on nothing reads, nor all rows of a Jacobian but one.
        used = dict(zip(values, _pieces(read, values), strict=True))
        whole = all(one.all() == one.any() for one in used.values())
        if not whole or rank < read.sum() or not self._leaves(replaced, np.zeros(1)):
            return {}
        return {time: value for time, (_, value) in replaced.items() if used[time].any()}

    def first_of(self, site: Site, values: Values) -> int | None:
        """When a value is known that a statement computes as it is passed first; None if that is not known."""
        given = self._given_at(site)
        first = [*given.values()][:1]
        return next((t for t in values for one in first if np.array_equal(given[t], one)), None)

    def is_passed_once(self, site: Site) -> bool:
        """Whether a statement computes a value once."""
        return len(self._given_at(site)) == 1

    def _given_at(self, site: Site) -> Values:
        log = enumerate(self.record.log)
        return {t: _as_floats(e.value) for t, e in log if e.site == site and _is_free(e)}

    def _solved(self, values: Values, freedom: float) -> Fit:
        """Whether values at these moments make every gradient right."""
        matrix, error = self._effects(values), self.error
        if matrix is None:
            return Fit.UNKNOWN
        equations = int(((error != 0) | matrix.any(axis=1)).sum())
        change, _, rank, _ = np.linalg.lstsq(matrix, -error, rcond=1e-9)
        replaced = _replaced(values, change)
        if not self._leaves(replaced, np.zeros(1)):
            # Where the error does not follow the values in proportion nobody knows what others would do.
            told = rank < equations and self._leaves(replaced, error + matrix @ change)
            return Fit.NO if told else Fit.UNKNOWN
        if min(equations, freedom) - min(int(rank), _unknowns(replaced)) < SPARE:
            return Fit.ANYTHING
        # What only wants its opposite is as well written with the wrong sign where it is used.
        return Fit.OPPOSITE if _opposite(values, replaced, matrix) else Fit.YES

    def _effects(self, values: Values) -> Array | None:
        """What moving each entry of the values by one does to the error; None if it costs too much or fails."""
        error, whole = self.error, _in_one_piece(values)
        if not error.size or not self._is_affordable(whole.size):
            return None
        # What is nothing but rounding is moved by more than that.
        scale = max(EXPLAINED * float(np.abs(error).max()), float(np.abs(whole).max()))
        moved = [self.run(_replaced(values, change)) for change in scale * np.eye(whole.size)]
        effects = (np.stack(moved, axis=1) - error[:, None]) / scale
        return effects if np.isfinite(effects).all() else None

    def _is_affordable(self, count: int) -> bool:
        return 0 < count <= LARGEST and count * len(self.record.log) <= WORK

    @cached_property
    def error(self) -> Array:
        """The error of the gradients as they are, in one piece; empty if there is none to be explained."""
        error = self.run({})
        return error if np.isfinite(error).all() and error.any() else error[:0]

    def run(self, replaced: Replaced) -> Array:
        """The error of the gradients with some values of the backward pass replaced; of one that fails ∞."""
        context, copy = self.record.context, self.record.copy
        # What is put there may be written into.
        fresh = {time: (place, value.copy()) for time, (place, value) in replaced.items()}
        copy.recorder.start({}, replaced=fresh)
        try:
            _, backward = copy.layer(*copies(context.inputs))
            gradients = listed(
                backward(context.dy.astype(context.forward.dtype)), len(context.inputs)
            )
        except Exception:
            gradients = []
        found = dict(enumerate(gradients))
        return np.concatenate([_error(row, found.get(k)) for k, row in self.record.rows.items()])

    def _leaves(self, replaced: Replaced, predicted: Array) -> bool:
        """Whether with these values the error is what was predicted, up to what differences resolve."""
        left = self.run(replaced) - predicted
        return bool(np.abs(left).max() <= EXPLAINED * np.abs(self.error).max())


def _error(row: Row, hand: Array | None) -> Array:
    """How far a gradient is off where it is smooth, by more than its bound."""
    smooth = ~np.asarray(row.kinks)
    if hand is None or hand.shape != row.numeric.shape:
        return np.full(np.count_nonzero(smooth), np.inf)
    error = hand - row.numeric
    return np.asarray(np.where(np.abs(error) <= row.bound, 0.0, error)[smooth])


def _truth(record: Record, wrong: Compared) -> Replaced | None:
    """What to put where, so that a wrong value is right; None if it cannot be told."""
    match, true = wrong.match, wrong.row.numeric
    if not wrong.can_be_set_right:
        return None
    at_once = len({time for time, _ in match.times}) == 1
    if match.overwritten or at_once:
        return _put(record, {match.ended: (record.log[match.ended].everywhere, true)})
    return _put(record, {t: (record.log[t].place, true[place]) for t, place in match.times})


def _put(record: Record, places: Mapping[int, tuple[Any, Array]]) -> Replaced | None:
    """Values in the shape and dtype of what was there at these moments; None where one is not of its size."""
    replaced = {}
    for time, (index, value) in places.items():
        event = record.log[time]
        held = np.asarray(event.value if index is None else event.value[index])
        if held.size != value.size or held.dtype.kind != "f":
            return None
        replaced[time] = index, value.reshape(held.shape).astype(held.dtype)
    return replaced


def _is_free(event: Event) -> bool:
    """Whether a value can be any other: numbers, and what should be numbers but is not."""
    numbers = isinstance(event.value, np.ndarray | float) or are_alike(event.value)
    if not (event.site.whole and numbers):
        return False
    value = np.asarray(event.value)
    return value.dtype.kind in "iubf" and bool(np.isfinite(value).all())


def _as_floats(value: Any) -> Array:
    """A value of its own that takes any number."""
    array = np.array(value)
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _in_one_piece(values: Values) -> Array:
    return np.concatenate([np.zeros(0), *(value.ravel() for value in values.values())])


def _replaced(values: Values, change: Array) -> Replaced:
    pairs = zip(values.items(), _pieces(change, values), strict=True)
    return {time: (None, (value + piece).astype(value.dtype)) for (time, value), piece in pairs}


def _pieces(whole: Array, values: Values) -> list[Array]:
    """What is given in one piece for all values, for each in its shape."""
    ends = np.cumsum([value.size for value in values.values()])
    parts = zip(np.split(whole, ends)[:-1], values.values(), strict=True)
    return [part.reshape(value.shape) for part, value in parts]


def _fits_into(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether an array of a shape is repeated where it meets one of another, larger shape."""
    try:
        return np.broadcast_shapes(shape, other) == other != shape
    except ValueError:
        return False


def _unknowns(replaced: Replaced) -> int:
    """How many numbers values are made of."""
    return sum(_numbers(value) for _, value in replaced.values())


def _numbers(value: Array) -> int:
    """How many numbers an array is made of, repeated along the axes along which it is constant."""
    size = value.size
    for axis in range(value.ndim):
        if np.ptp(value, axis=axis).max(initial=0.0) <= EXPLAINED * np.abs(value).max(initial=0.0):
            size //= max(1, value.shape[axis])
    return size


def _opposite(values: Values, replaced: Replaced, matrix: Array) -> bool:
    """Whether a value should be its opposite, where it is first used: later ones follow from wrong ones."""
    used = _pieces(np.any(matrix, axis=0), values)
    for (time, value), mine in zip(values.items(), used, strict=True):
        if mine.any():
            left, size = np.abs(value + replaced[time][1])[mine].max(), np.abs(value)[mine].max()
            return bool(left <= EXPLAINED * size)
    return False
