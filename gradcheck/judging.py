"""Each gradient judged: laid beside the witnesses, then looked at again wherever the first look may err."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.compare import compare, unseen
from gradcheck.diagnosis.explain import is_contradicted
from gradcheck.diagnosis.wrong import Comparison
from gradcheck.directional import Directions, compare_directions
from gradcheck.formula import Apart, Digits
from gradcheck.numeric import Claims, NumericalWitness
from gradcheck.result import Array, Row, Verdict
from gradcheck.shaken import opened

ALONG_DIRECTIONS = ("directional", "verdict")
"""The efforts that look at a gradient as a whole; the second does not search for what is wrong in it."""


def judged(
    witness: NumericalWitness,
    names: Sequence[str],
    gradients: Mapping[int, Array | None],
    taped: Mapping[int, Array],
    efforts: Mapping[int, str],
    apart: Apart,
) -> dict[int, Comparison]:
    """Hand-derived beside witnessed for each input of `efforts`: every entry, or along directions.

    What the inputs before it claim at their kinks counts for ties between inputs.
    """
    compared: dict[int, Comparison] = {}
    for p, effort in efforts.items():
        one = _Gradient(witness, p, names[p], gradients.get(p), taped.get(p))
        compared[p] = one.judged(effort, _claimed_at_kinks(compared), apart)
    return compared


@dataclass(frozen=True, eq=False)
class _Gradient:
    """A hand-derived gradient, None where there is none, and the witnesses of it."""

    witness: NumericalWitness
    position: int
    name: str
    hand: Array | None
    tape: Array | None

    # Points that nobody asked for may lie where NumPy warns: what comes of it is in the report.
    @np.errstate(all="ignore")
    def judged(self, effort: str, claims: Claims, apart: Apart) -> Comparison:
        """The verdict, with what it rests on."""
        hand, x = self.hand, self.witness.forward.inputs[self.position]
        if not (x.size and self.witness.dy.size):
            # Where there is nothing to compare nothing was proved.
            return _left_open(self._entry_by_entry(claims))
        if hand is None:
            return self._missing(x.shape, effort, claims)
        if effort in ALONG_DIRECTIONS and hand.shape == x.shape:
            return self._along_directions(hand, searching=effort == "directional")
        of = self.witness, self.position, hand, self.name, self.tape
        digits = Digits(*of, claims, apart)
        return self._convicted_by_all(
            digits.settled() or digits.added_to(self._entry_by_entry(claims))
        )

    def _missing(self, shape: tuple[int, ...], effort: str, claims: Claims) -> Comparison:
        """What the gradient would be that is not there; a verdict alone does not ask."""
        if effort != "verdict":
            return self._entry_by_entry(claims)
        return Comparison(compare(self.name, None, unseen(shape), self.tape)[0])

    def _along_directions(self, hand: Array, searching: bool) -> Comparison:
        directions = Directions(self.witness, self.position, self.witness.seed)
        return Comparison(compare_directions(self.name, hand, directions, self.tape, searching))

    def _entry_by_entry(self, claims: Claims) -> Comparison:
        numeric = self.witness.beside(self.position, self.hand, claims)
        row, ties_broken = compare(self.name, self.hand, numeric, self.tape)
        return Comparison(row, numeric, ties_broken)

    def _convicted_by_all(self, found: Comparison) -> Comparison:
        """No conviction of what an ulp of the inputs explains, or what an independent derivation says too."""
        if found.ties_broken <= 0 and found.numeric is not None:
            row = opened(self.witness, self.position, found.numeric, found.row)
            found = replace(found, row=row)
        convicted = found.row.verdict is Verdict.FAIL
        return _left_open(found) if convicted and is_contradicted(found.row) else found


def _left_open(found: Comparison) -> Comparison:
    row: Row = replace(found.row, verdict=Verdict.INCONCLUSIVE)
    return replace(found, row=row)


def _claimed_at_kinks(compared: Mapping[int, Comparison]) -> dict[int, tuple[Array, Array]]:
    """Of each input, which entries are at a kink, and the gradient that was derived by hand."""
    claims = {
        p: (one.numeric.kinks, one.row.analytic)
        for p, one in compared.items()
        if one.numeric is not None and one.row.analytic.shape == one.numeric.kinks.shape
    }
    return {p: claim for p, claim in claims.items() if np.isfinite(claim[1]).all()}
