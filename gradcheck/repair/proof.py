"""The proof of a repair: as it stands in the text, it is checked at the inputs given and at two fresh draws.

The first fresh draw has the sizes given, the second others, where the layer takes them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Literal

import numpy as np

from gradcheck.compare import agrees, compare, is_vacuous
from gradcheck.diagnosis.draws import same_sizes
from gradcheck.diagnosis.wrong import Comparison, Context
from gradcheck.layer import Layer, copies, listed, random_upstream, run
from gradcheck.numeric import Forward, NumericalGradient
from gradcheck.repair.places import is_far
from gradcheck.repair.program import Program
from gradcheck.repair.sizes import Resized, resized
from gradcheck.result import Array, Report, Verdict

SAME = 1e-6
"""A value is as it was if it keeps the digits of a float32, in which it may have been summed in another order."""


class Reach(Enum):
    """Where an edit makes every gradient pass: nowhere, in the sizes given, or in all that the layer takes."""

    NOWHERE = 0
    HERE = 1
    ANYWHERE = 2


Check = Callable[..., Report]
"""`check(layer, *inputs, seed=…, upstream=…)`: a fresh check of a changed layer."""


NEAR = 1e-3
"""How far off a gradient may be where no draw is seen clearly, as in code that casts to float32."""


@dataclass(frozen=True, eq=False)
class _Point:
    """Inputs, an upstream gradient, and the true gradients there by position."""

    inputs: list[Array]
    dy: Array
    true: Mapping[int, NumericalGradient]


def _is_far(hand: Array | None, true: NumericalGradient) -> bool:
    if hand is None or hand.shape != true.value.shape:
        return False
    return is_far(hand, true.value, true.bound)


def _is_seen_right(hand: Array | None, true: NumericalGradient) -> bool:
    return compare("", hand, true, None)[0].verdict is Verdict.PASS


def _is_right_but_for_an_epsilon(report: Report) -> bool:
    """Whether what fails does so in digits of which the inputs given show nothing: no edit has brought that."""
    codes = {f.code for row in report.rows if row.verdict is Verdict.FAIL for f in row.findings}
    return codes == {"inexact"} and not any(finding.fails for finding in report.findings)


def _is_unseen(one: Comparison) -> bool:
    zero = one.numeric is not None and is_vacuous(one.numeric)
    return one.row.verdict is Verdict.INCONCLUSIVE or (one.row.verdict is Verdict.PASS and zero)


def _is_right_to_three_digits(report: Report) -> bool:
    """Whether no gradient is off by more than a witness in float32 may be: a wrong edit is by a part of it."""
    return all(row.relative_error < NEAR for row in report.rows)


@dataclass(frozen=True, eq=False)
class Proof:
    """How edits of one backward pass are proved: afresh, with draws by a seed."""

    context: Context
    check: Check
    seed: int

    def reach(self, program: Program) -> Reach:
        """In which sizes every gradient passes, in these texts, at the draw given and at fresh ones."""
        # What is tried may fail in any way.
        with suppress(Exception):
            layer = program.built()
            here = self._keeps_the_value(layer) and self._passes_here(layer)
            if here and self._passes(layer, self.context.inputs, 1):
                return self._reach(layer)
        return Reach.NOWHERE

    def _reach(self, layer: Layer) -> Reach:
        """How far an edit that passes here holds, at the second fresh draw."""
        grown = self.elsewhere.grown
        if self._passes(layer, grown, 2):
            return Reach.ANYWHERE
        # Where nor did what was written run, the way there may take sizes that the way back never has.
        alike = not self._runs(layer, grown) and not self._runs(self.context.layer, grown)
        return (
            Reach.HERE if alike and self._passes(layer, self.context.inputs, 2) else Reach.NOWHERE
        )

    def _runs(self, layer: Layer, inputs: Sequence[Array]) -> bool:
        """Whether each gradient has the shape of its input."""
        gradients = dict(enumerate(self._gradients(inputs, layer)))
        return all(
            getattr(gradients.get(p), "shape", None) == inputs[p].shape
            for p in self.context.compared
        )

    def _gradients(self, inputs: Sequence[Array], layer: Layer | None = None) -> list[Array | None]:
        """The hand-derived gradients of a layer, of what was written if none is given; none if it raises."""
        with suppress(Exception), np.errstate(all="ignore"):
            value, backward = run(layer or self.context.layer, copies(inputs))
            dy = random_upstream(value, self.seed).astype(self.context.dy.dtype)
            return listed(backward(dy), len(inputs))
        return []

    def may_hold(self, program: Program) -> bool:
        """Whether no gradient is far off in other sizes.

        Of many edits that are alike here few are left then: a check takes hundreds of passes, this one.
        """
        with suppress(Exception):
            return self._far is None or not self._is_far_off(program.built(), self._far)
        return False

    def _is_far_off(self, layer: Layer, point: _Point) -> bool:
        _, backward = run(layer, copies(point.inputs))
        gradients = listed(backward(point.dy), len(point.inputs))
        return any(_is_far(gradients[p], true) for p, true in point.true.items())

    @cached_property
    def _far(self) -> _Point | None:
        """The true gradients at the second fresh draw, found once for all edits."""
        with suppress(Exception), np.errstate(all="ignore"):
            return self._point(next(self._drawn(self.elsewhere.grown, 2)))
        return None

    def _point(self, inputs: list[Array]) -> _Point:
        context = self.context
        forward = Forward(context.layer, inputs)
        dy = random_upstream(forward.value, self.seed).astype(context.dy.dtype)
        witness = context.witness(forward, dy)
        return _Point(inputs, dy, {p: witness.gradient(p) for p in context.compared})

    def _keeps_the_value(self, layer: Layer) -> bool:
        """Whether the layer computes the same value as before.

        An edit that mends the gradients of a loss and changes the loss itself mends nothing.
        """
        value, before = run(layer, copies(self.context.inputs))[0], self.context.forward.value
        return bool(agrees(np.asarray(value), before, SAME * np.abs(before)).all())

    def _passes_here(self, layer: Layer) -> bool:
        """Whether every gradient passes at the draw given: beside what was measured there, or measured anew."""
        given, dy = copies(self.context.inputs), self.context.dy
        return self._agrees_here(layer) or self._is_clear(
            self.check(layer, *given, seed=self.seed, upstream=dy)
        )

    def _agrees_here(self, layer: Layer) -> bool:
        context = self.context
        _, backward = run(layer, copies(context.inputs))
        gradients = listed(backward(context.dy.astype(context.forward.dtype)), len(context.inputs))
        several = ((p, one.numeric) for p, one in context.compared.items())
        return all(n is not None and _is_seen_right(gradients[p], n) for p, n in several)

    def _is_clear(self, report: Report) -> bool:
        """Whether every gradient passes, but for one that could not be seen in what was written either.

        A bias before a normalization has a gradient of zero: whether rounding leaves 1e-17 or 1e-16 of it says
        nothing of an edit.
        """
        rows = zip(self.context.compared, report.rows, strict=False)
        unclear = {p for p, row in rows if row.verdict is not Verdict.PASS}
        dark = report.verdict is Verdict.INCONCLUSIVE and unclear <= self._unseen
        return report.passed or dark

    @cached_property
    def _unseen(self) -> set[int]:
        """The gradients that are zero, or of which nothing was seen, as it was written: none is wrong."""
        return {p for p, one in self.context.compared.items() if _is_unseen(one)}

    def _passes(self, layer: Layer, inputs: Sequence[Array], draw: int) -> bool:
        seen = False
        for fresh in self._drawn(inputs, draw):
            report = self.check(layer, *fresh, seed=self.seed + draw)
            if self._is_clear(report):
                return True
            if report.verdict is Verdict.FAIL:
                return _is_right_but_for_an_epsilon(report)
            # Drawn too far away to be seen clearly: the next is nearer.
            seen = seen or _is_right_to_three_digits(report)
        return seen

    def _drawn(self, inputs: Sequence[Array], draw: int) -> Iterator[list[Array]]:
        """Other values of the same sizes at which the layer is defined, ever nearer."""
        rng = np.random.default_rng((self.seed + draw, draw))
        for change in same_sizes(self.context, rng):
            fresh = [change(x) for x in inputs]
            if self._is_defined(fresh):
                yield fresh

    @cached_property
    def elsewhere(self) -> Resized:
        """The inputs in other sizes, where the layer takes them."""
        return resized(self._value, self._gradients, self.context.inputs)

    def _is_defined(self, inputs: Sequence[Array]) -> bool:
        return self._value(inputs) is not None

    def _value(self, inputs: Sequence[Array]) -> Array | None:
        """The value of the layer at inputs, if it is defined there."""
        return self._computed(inputs, "raise" if self._is_clean else "ignore")

    @cached_property
    def _is_clean(self) -> bool:
        """Whether no operation is invalid at the inputs given: one elsewhere, log(−1) say, has left the domain.

        A sum that skips NaN, or a choice, hides it from the value, and the gradient is another there.
        """
        return self._computed(self.context.inputs, "raise") is not None

    def _computed(
        self, inputs: Sequence[Array], invalid: Literal["raise", "ignore"]
    ) -> Array | None:
        with suppress(Exception), np.errstate(all="ignore", invalid=invalid):
            value, _ = run(self.context.layer, copies(inputs))
            return value if np.isfinite(value).all() else None
        return None
