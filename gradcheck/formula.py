"""A gradient that its own precision cannot judge, judged as a formula: the layer lifted into a wider one.

Where float32 leaves the bound too wide, inputs are lifted exactly and the layer is run again, there and
back. If it follows them, differences there are thousands of times quieter. The hand-derived gradient in
the wider precision is judged as a formula; how far the one of its own precision lies from it is what
rounding has done to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard

import numpy as np

from gradcheck.compare import agrees, compare, norm
from gradcheck.diagnosis.wrong import Comparison
from gradcheck.layer import copies, listed, run
from gradcheck.numeric import Claims, NumericalGradient, NumericalWitness, is_small
from gradcheck.result import Array, Row, Verdict

DOUBLE = np.dtype(np.float64)

MOST_ROUNDING = 0.5
"""Exponent: a gradient that has lost more than half of its digits is not called right, formula or not."""

LEFT = 64.0
"""Of what rounding has done in one precision, it does the next one's share of ε in the next, by luck in either
more or less: one entry of a few has lost 64 times less than usual. Noticed by test_stairs."""

BEYOND = 4.0
"""By how many times what rounding has done to the unluckiest entry a formula must be off to be called wrong where
its own precision acquits it: the next draw may be less lucky."""


Apart = Callable[[NumericalWitness | None], NumericalWitness | None]
"""What takes the forward pass of a witness to pieces; None where it has but one."""


class Judged(NamedTuple):
    """What is found in more digits, and the verdict on the formula alone.

    `is_beyond_rounding` says that the formula is wrong by more than its own precision rounds anywhere; `seen` is
    what it says there, `doubt` what it may have lost of that in turn.
    """

    found: Comparison
    formula: Verdict
    is_beyond_rounding: bool
    seen: Array
    doubt: float

    @property
    def verdict(self) -> Verdict:
        """The verdict on the gradient."""
        return self.found.row.verdict

    def counts(self, hand: Array, row: Row) -> bool:
        """Whether more digits than its own have a say against a verdict in its own precision."""
        verdict = row.verdict
        if _is_narrow(hand):
            # What it does not convict must be wrong by more than it rounds.
            convicts = self.verdict is Verdict.FAIL and verdict is not Verdict.FAIL
            return self.is_beyond_rounding if convicts else verdict is not Verdict.PASS
        # What only more than float64's digits see is noise to who computes in it.
        if verdict is Verdict.FAIL:
            return self.formula is Verdict.PASS or self._is_rounding(row)
        return self.verdict is not Verdict.FAIL

    def _is_rounding(self, row: Row) -> bool:
        """Whether what is convicted is what its own precision has left of a formula that says what was seen."""
        right = agrees(self.seen, row.numeric, row.bound + self.doubt).all()
        return self.formula is Verdict.INCONCLUSIVE and bool(right)


@dataclass(frozen=True, eq=False)
class Digits:
    """A gradient, and what may tell more of it than its own precision: wider ones, and the pieces of its layer.

    Of `others`, inputs that are at a kink, the gradient is claimed anew.
    """

    witness: NumericalWitness
    position: int
    hand: Array
    name: str
    tape: Array | None
    others: Claims
    apart: Apart

    @cached_property
    def _next(self) -> Judged | None:
        """As the next precision judges it."""
        return self._judged(self.witness.lifted)

    def settled(self) -> Comparison | None:
        """What needs no look in its own precision: a small function in few digits, as a formula right.

        Whatever is found in its own, the formula acquits it; and where no few steps are tight in float32, in
        float64 most are.
        """
        narrow = _is_narrow(self.hand) and is_small(self.witness.forward)
        shape = self.witness.forward.inputs[self.position].shape
        first = self._next if narrow and _is_of_numbers(self.hand, shape) else None
        return first.found if first is not None and _passes(first) else None

    def added_to(self, found: Comparison) -> Comparison:
        """What more digits make of what was found in its own; as `found` where that changes nothing.

        Asked of float32 always, and where its own precision reaches no verdict, or convicts what it has rounded
        itself: in 1 − p beside p = 1 even float64 loses the digits that the forward pass still feels.
        """
        row = found.row
        if not self._are_asked(row):
            return found
        judged = self._next
        if row.verdict is not Verdict.PASS and not _is_settled(judged):
            # What one precision leaves open the next may tell, and where the whole loses it a piece may not.
            further = _further(self.witness, self.hand, row, self.apart)
            judged = next((one for one in map(self._judged, further) if _passes(one)), judged)
        counts = judged is not None and judged.counts(self.hand, row)
        return judged.found if judged is not None and counts else found

    def _are_asked(self, row: Row) -> bool:
        """Whether there are numbers that could have lost digits, and a doubt left."""
        return _is_of_numbers(self.hand, row.shape) and (
            # What its own bound is too wide for, as a formula it may be wrong.
            _is_narrow(self.hand)
            or row.verdict is Verdict.INCONCLUSIVE
            or (row.verdict is Verdict.FAIL and is_small(self.witness.forward))
        )

    def _judged(self, wide: NumericalWitness | None) -> Judged | None:
        """As one wider precision judges it; None where the layer does not follow into it."""
        if wide is None:
            return None
        formulas = _lifted_gradients(wide, {self.position, *self.others})
        formula = formulas.get(self.position)
        if formula is None or formula.shape != self.hand.shape:
            return None
        claims = {p: (kinks, formulas[p]) for p, (kinks, _) in self.others.items() if p in formulas}
        before = wide.forward.evaluations
        numeric = wide.beside(self.position, formula, claims)
        self.witness.forward.evaluations += wide.forward.evaluations - before
        return _Lifted(self.hand, formula, numeric).judged(self.name, self.tape)


def _is_of_numbers(hand: Array, shape: tuple[int, ...]) -> bool:
    return hand.dtype.kind == "f" and hand.shape == shape and bool(np.isfinite(hand).all())


def _is_narrow(hand: Array) -> bool:
    return hand.dtype.itemsize < DOUBLE.itemsize


def _is_settled(judged: Judged | None) -> bool:
    return judged is not None and judged.verdict is not Verdict.INCONCLUSIVE


def _passes(judged: Judged | None) -> bool:
    return judged is not None and judged.verdict is Verdict.PASS


def _further(
    witness: NumericalWitness, hand: Array, row: Row, apart: Apart
) -> Iterator[NumericalWitness | None]:
    """What may tell more than the next precision: the one after it, and the pieces in any that has the digits."""
    wide = witness.lifted
    wider = None if wide is None else wide.lifted
    yield wider
    # Pieces don't know what ties must add up to: they widen what is allowed at kinks, and are asked of none.
    if row.verdict is Verdict.INCONCLUSIVE and agrees(hand, row.numeric, row.bound).all():
        yield from map(apart, (wide, wider) if _is_narrow(hand) else (witness, wide))


@dataclass(frozen=True, eq=False)
class _Lifted:
    """A gradient as it was derived, the same in a wider precision, and what is numerically true there."""

    hand: Array
    formula: Array
    numeric: NumericalGradient

    @cached_property
    def rounding(self) -> Array:
        """What its own precision has done to each entry."""
        return np.abs(self.hand.astype(np.float64) - self.formula.astype(np.float64))

    @property
    def lost(self) -> float:
        """The most that it has done to one."""
        return float(self.rounding.max(initial=0.0))

    def judged(self, name: str, tape: Array | None) -> Judged:
        """The formula judged in the wider precision, and its values in their own by that."""
        doubted = self._doubted()
        there, ties_broken = compare(name, self.formula, doubted, None)
        verdict = there.verdict
        if verdict is Verdict.PASS and self._has_lost_most():
            verdict = Verdict.INCONCLUSIVE
        numeric = replace(self.numeric, bound=self.numeric.bound + self.rounding)
        here, _ = compare(name, self.hand, numeric, tape)
        # Of a right gradient no more is told than its own rounding leaves; else how far the formula is seen.
        seen = here if verdict is Verdict.PASS else there
        row = replace(here, verdict=verdict, resolution=seen.resolution)
        # Entry by entry rounding is luck; by as much as the unluckiest lost any other may be off.
        coarse = agrees(self.formula, doubted.value, doubted.bound + BEYOND * self.lost)
        beyond = verdict is Verdict.FAIL and not coarse.all()
        found = Comparison(row, numeric, ties_broken)
        return Judged(found, there.verdict, beyond, self.formula, self._left)

    def _doubted(self) -> NumericalGradient:
        """What cancels there loses in wider numbers too, by so many digits less as they have more."""
        return replace(self.numeric, bound=self.numeric.bound + self._left)

    @property
    def _left(self) -> float:
        fewer = float(np.finfo(self.formula.dtype).eps / np.finfo(self.hand.dtype).eps)
        return LEFT * fewer * self.lost

    def _has_lost_most(self) -> bool:
        """Whether more digits are gone than a gradient may lose that is called right."""
        most = float(np.finfo(self.hand.dtype).eps) ** MOST_ROUNDING
        return bool(norm(self.rounding) > most * norm(self.numeric.absolute_sum))


def _lifted_gradients(wide: NumericalWitness, positions: Iterable[int]) -> dict[int, Array]:
    """What the backward pass returns in the wider precision, of the inputs for which it returns that."""
    forward = wide.forward
    try:
        with np.errstate(all="ignore"):
            _, backward = run(forward.f, copies(forward.inputs))
            gradients = listed(backward(wide.dy.astype(forward.dtype)), len(forward.inputs))
    except Exception:
        # Whatever it is that it cannot do with these numbers, it does not follow.
        return {}
    return {p: g for p in positions if _follows(g := gradients[p], forward.dtype)}


def _follows(gradient: Array | None, dtype: np.dtype[Any]) -> TypeGuard[Array]:
    """Whether a gradient has come out in this precision, and in numbers."""
    return gradient is not None and gradient.dtype == dtype and bool(np.isfinite(gradient).all())
