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


@dataclass(frozen=True)
class _Arrival:
    """The numerical gradient of a cut, and the hand-derived one that is used instead, which was found right."""

    cut: Cut
    numeric: NumericalGradient
    confirmed: Array | None

    @property
    def dy(self) -> Array:
        """The upstream gradient of the piece before the cut."""
        return self.numeric.value if self.confirmed is None else self.confirmed

    @property
    def bound(self) -> Array:
        """What may be wrong with it. What moves nothing behind the cut under any step is no doubt.

        (A score that is masked.)
        """
        return np.where(self.numeric.felt(self.dy), self.numeric.bound, 0.0)

    def before(self, probe: NumericalWitness) -> NumericalWitness:
        """The witness of the piece before the cut: of a numerical gradient it follows the doubts, of two kinds."""
        if self.confirmed is not None:
            return probe.under(self.dy)
        kinks, bound = self.numeric.kinks, self.bound
        return probe.under(self.dy, [np.where(kinks, 0.0, bound), np.where(kinks, bound, 0.0)])

    def onto(self, numeric: NumericalGradient) -> NumericalGradient:
        """What a piece contributes, with the doubts about what arrives at its end."""
        if self.confirmed is not None:
            # Right up to the bound, and so it is nearly exact: of what adds up this part may be wrong.
            smooth = ~self.numeric.kinks
            doubt = norm(self.bound[smooth]) / (norm(self.numeric.value[smooth]) or 1.0)
            return replace(numeric, bound=numeric.bound + doubt * numeric.absolute_sum)
        smooth, jump = numeric.doubted
        kinks = numeric.kinks | (jump > numeric.bound + smooth)
        return replace(numeric, bound=numeric.bound + smooth + jump, kinks=kinks)


@dataclass(frozen=True)
class _Piece:
    """The witness of one piece, and what arrives at the cut behind it, if there is one."""

    witness: NumericalWitness
    arrival: _Arrival | None = None

    def part(self, place: int) -> NumericalGradient:
        """What an input of the piece, or the cut before it, contributes through this piece."""
        numeric = self.witness.gradient(place)
        return numeric if self.arrival is None else self.arrival.onto(numeric)


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
        confirmed = (a for a in self._arrivals.values() if a.confirmed is not None)
        counted = [(a.cut, int(a.numeric.kinks.sum())) for a in confirmed]
        return [(cut, entries) for cut, entries in counted if entries]

    @property
    def _arrivals(self) -> dict[Passing, _Arrival]:
        arrived = (piece.arrival for piece in self._known.values())
        return {arrival.cut.passing: arrival for arrival in arrived if arrival is not None}

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
        return {passing: arrival.numeric for passing, arrival in self._arrivals.items()}

    def _part(self, pieces: Pieces, k: int, place: int) -> NumericalGradient:
        part = self._piece(pieces, k).part(place)
        self.forward.evaluations += part.evaluations
        return part

    def _piece(self, pieces: Pieces, k: int) -> _Piece:
        """A piece with what arrives at it from behind."""
        key = pieces.key(k)
        if key not in self._known:
            last = k == len(pieces.cuts)
            arrival = None if last else self._arrival(pieces.cuts[k], pieces, k + 1)
            probe = self._probe(pieces, k)
            witness = probe.under(self.dy) if arrival is None else arrival.before(probe)
            witness.progress = self.progress
            self._known[key] = _Piece(witness, arrival)
        return self._known[key]

    def _arrival(self, cut: Cut, pieces: Pieces, k: int) -> _Arrival:
        """What arrives at the cut that piece k begins at, whichever pieces asked for it first."""
        if cut.passing in self._arrivals:
            return self._arrivals[cut.passing]
        numeric = self._part(pieces, k, 0)
        return _Arrival(cut, numeric, _confirmed(cut, numeric))


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

    def total(name: str) -> Array:
        return sum((getattr(part, name) for part in parts), zero)

    return NumericalGradient(
        value=total("value"),
        bound=total("bound"),
        kinks=total("kinks") > 0,
        absolute_sum=total("absolute_sum"),
        grouping=Grouping(shape),
        evaluations=sum(part.evaluations for part in parts),
        surroundings=total("surroundings"),
    )
