"""The numerical witness of a forward pass in pieces: each piece is differentiated, and what is found is chained.

What arrives at a piece from behind is the gradient of the cut at its end: the hand-derived one where the
backward pass names it and it was found right, else the numerical one. What may be wrong with that travels
with it, so that the bound of every entry covers what the pieces behind could not resolve. A wrong
intermediate value hides nothing: it is not used. At the end a slope along a random direction of the
whole, uncut function must be what the pieces predict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gradcheck.compare import compare, norm
from gradcheck.cut.places import Cut, Key, Pieces
from gradcheck.lines.recorder import Passing
from gradcheck.numeric import Forward, Grouping, NumericalGradient, NumericalWitness, Variable
from gradcheck.result import Array, Verdict

STEP = float(np.finfo(np.float64).eps) ** (1 / 3)
"""Relative step of a central difference that is right to ten digits: a bound needs one."""


@dataclass(frozen=True)
class _Piece:
    """The witness of one piece, and the numerical gradient that arrives at the cut behind it, if there is one.

    `confirmed` says that the witness uses the hand-derived one instead, which was found right.
    """

    witness: NumericalWitness
    end: Cut | None = None
    arriving: NumericalGradient | None = None
    confirmed: bool = False

    def part(self, place: int) -> NumericalGradient:
        """What an input of the piece, or the cut before it, contributes through this piece."""
        numeric, arriving = self.witness.gradient(place), self.arriving
        if arriving is None or not arriving.bound.any():
            return numeric
        # What moves nothing behind the cut under any step (a score that is masked) is no doubt.
        felt = arriving.felt(self.witness.dy)
        arriving = replace(arriving, bound=np.where(felt, arriving.bound, 0.0))
        if self.confirmed:
            # Right up to the bound, and so it is nearly exact: of what adds up this part may be wrong.
            smooth = ~arriving.kinks
            doubt = norm(arriving.bound[smooth]) / (norm(arriving.value[smooth]) or 1.0)
            return replace(numeric, bound=numeric.bound + doubt * numeric.absolute_sum)
        return self._with_doubt(place, numeric, arriving)

    def _with_doubt(
        self, place: int, numeric: NumericalGradient, arriving: NumericalGradient
    ) -> NumericalGradient:
        """A part whose bound holds that of the numerical gradient which arrives, as it is felt here."""
        before = self.witness.forward.evaluations
        smooth = self._felt(place, numeric.grouping, np.where(arriving.kinks, 0, arriving.bound))
        bound, kinks = numeric.bound + smooth, numeric.kinks
        if arriving.kinks.any():
            jump = self._felt(place, numeric.grouping, np.where(arriving.kinks, arriving.bound, 0))
            bound, kinks = bound + jump, kinks | (jump > bound)
        used = numeric.evaluations + self.witness.forward.evaluations - before
        return replace(numeric, bound=bound, kinks=kinks, evaluations=used)

    def _felt(self, place: int, grouping: Grouping, weights: Array) -> Array:
        """Σ_o weights_o |∂v_o/∂x_i| for each entry of an input. Two evaluations a group."""
        variable = Variable(self.witness.forward, place)
        felt = np.zeros(variable.shape)
        if not weights.any():
            return felt
        for group in grouping.groups():
            step = STEP * variable.scale[group]
            ahead, behind = variable.at(group, step), variable.at(group, -step)
            moved = np.abs(variable.value(group, ahead) - variable.value(group, behind))
            total = grouping.gather((weights * moved)[None], group)[0]
            felt[group] = total / (ahead - behind)
        return felt


class PiecewiseWitness(NumericalWitness):
    """A numerical witness that differentiates piece by piece.

    `ways` holds for inputs by position the pieces that they pass; others are moved in the whole.
    """

    def __init__(self, whole: NumericalWitness, ways: Mapping[int, Pieces]) -> None:
        super().__init__(
            *(whole.forward, whole.dy, whole.method, whole.seed, whole.noise, whole.progress)
        )
        self.ways = ways
        self.disagrees: set[int] = set()
        """The inputs for which the pieces do not add up to the whole."""
        self._known: dict[Key, _Piece] = {}
        self._probes: dict[Key, NumericalWitness] = {}

    @property
    def places(self) -> list[Cut]:
        """Where the forward pass is cut, for whichever input."""
        cuts = {cut.passing: cut for pieces in self.ways.values() for cut in pieces.cuts}
        return sorted(cuts.values(), key=lambda cut: cut.order)

    @property
    def kinks(self) -> list[tuple[Cut, int]]:
        """The cuts whose hand-derived gradient was taken over, and how many of its entries sit at a kink."""
        counted = {
            piece.end.passing: (piece.end, int(piece.arriving.kinks.sum()))
            for piece in self._known.values()
            if piece.end and piece.arriving and piece.confirmed
        }
        return [(cut, entries) for cut, entries in counted.values() if entries]

    @cached_property
    def lifted(self) -> NumericalWitness | None:
        """None: entry by entry, in numbers for which there are no vector instructions, it never ends."""
        return None

    def gradient(self, position: int) -> NumericalGradient:
        """The gradient of an input through all pieces it enters; the whole's where they do not add up."""
        pieces = self.ways.get(position)
        if pieces is None:
            return super().gradient(position)
        parts = [self._part(pieces, k, place) for k, place in pieces.places(position)]
        found = _together(parts, self.forward.inputs[position].shape)
        if self._confirmed(Variable(self.forward, position), found, Grouping(found.value.shape)):
            return found
        self.disagrees.add(position)
        return super().gradient(position)

    @property
    def expected_once(self) -> int:
        """How many evaluations it takes until the gradients of the cuts reach the first piece."""
        behind = {
            pieces.key(k)[:2]: (pieces, k)
            for pieces in self.ways.values()
            for k in range(1, len(pieces.cuts) + 1)
        }
        return sum(self._probe(pieces, k).expected(0) for pieces, k in behind.values())

    def expected(self, position: int) -> int:
        """How many evaluations an input takes, in all pieces that it enters."""
        pieces = self.ways.get(position)
        return super().expected(position) if pieces is None else self._expected(pieces, position)

    def expected_through(self, pieces: Pieces, position: int) -> int:
        """The same through pieces of its own, with those of their cuts."""
        cuts = range(1, len(pieces.cuts) + 1)
        behind = sum(self._probe(pieces, k).expected(0) for k in cuts)
        return behind + self._expected(pieces, position)

    def _expected(self, pieces: Pieces, position: int) -> int:
        places = pieces.places(position)
        return sum(self._probe(pieces, k).expected(place) for k, place in places)

    def _probe(self, pieces: Pieces, k: int) -> NumericalWitness:
        """A witness of a piece that nothing has arrived at yet: it knows what can be moved together."""
        key = pieces.key(k)
        if key not in self._probes:
            f, point = pieces.forward(k, pieces.entered[k])
            forward = Forward(f, point, careful=self.forward.careful)
            none = np.zeros(forward.value.shape)
            self._probes[key] = NumericalWitness(forward, none, self.method, self.seed)
        return self._probes[key]

    @property
    def cuts(self) -> dict[Passing, NumericalGradient]:
        """The gradients of the values at which the forward pass was cut, as far as they were needed."""
        known = self._known.values()
        return {
            piece.end.passing: piece.arriving for piece in known if piece.end and piece.arriving
        }

    def _part(self, pieces: Pieces, k: int, place: int) -> NumericalGradient:
        part = self._piece(pieces, k).part(place)
        self.forward.evaluations += part.evaluations
        return part

    def _piece(self, pieces: Pieces, k: int) -> _Piece:
        """A piece with what arrives at it from behind."""
        key = pieces.key(k)
        if key not in self._known:
            end = pieces.cuts[k] if k < len(pieces.cuts) else None
            arriving = None if end is None else self._arriving(pieces, k + 1)
            claimed = None if end is None or arriving is None else _confirmed(end, arriving)
            found = claimed if arriving is None or claimed is not None else arriving.value
            witness = self._probe(pieces, k).under(self.dy if found is None else found)
            witness.progress = self.progress
            self._known[key] = _Piece(witness, end, arriving, claimed is not None)
        return self._known[key]

    def _arriving(self, pieces: Pieces, k: int) -> NumericalGradient:
        """The gradient of the cut that piece k begins at, whichever pieces asked for it first."""
        cut = pieces.cuts[k - 1].passing
        return self.cuts[cut] if cut in self.cuts else self._part(pieces, k, 0)


def _confirmed(cut: Cut, numeric: NumericalGradient) -> Array | None:
    """The hand-derived gradient of a cut that is right, if the backward pass names one."""
    for hand in cut.claimed:
        if compare(cut.name, hand, numeric, None)[0].verdict is Verdict.PASS:
            return hand
    return None


def _together(parts: Sequence[NumericalGradient], shape: tuple[int, ...]) -> NumericalGradient:
    """What the pieces contribute, added up; ties are known only where there is one piece."""
    if len(parts) == 1:
        return parts[0]
    zero = np.zeros(shape)
    return NumericalGradient(
        value=sum((part.value for part in parts), zero),
        bound=sum((part.bound for part in parts), zero),
        kinks=np.any([zero != 0, *(part.kinks for part in parts)], axis=0),
        absolute_sum=sum((part.absolute_sum for part in parts), zero),
        grouping=Grouping(shape),
        evaluations=sum(part.evaluations for part in parts),
        surroundings=sum((part.surroundings for part in parts), zero),
    )
