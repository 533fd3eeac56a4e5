"""Whether a forward pass is cut, and where: what that saves, and what is told of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from gradcheck.cut.narrow import LiftedWitness
from gradcheck.cut.places import Cut, Pieces, Reading, read
from gradcheck.cut.witness import PiecewiseWitness
from gradcheck.layer import Layer
from gradcheck.lines.recorder import Passing
from gradcheck.numeric import Forward, NumericalGradient, NumericalWitness, is_small
from gradcheck.result import Array, Finding

MANY = 8_000
"""Evaluations of the forward pass from which it is worth looking for a place to cut."""

WORTH = 0.5
"""The part of them that pieces may need at most: what is chained is known less sharply."""

PATIENCE = 1_800
"""Evaluations expected at most for what the whole leaves open. Sweeps make them thirty times as many, in numbers
for which there are no vector instructions: seconds. The catalogue's recurrent layers have more: a minute."""


Ways = dict[int, Pieces]
"""The pieces that inputs pass, by position."""

Choice = Callable[[NumericalWitness, Reading], Ways]


def in_pieces(witness: NumericalWitness, layer: Layer, names: Sequence[str]) -> NumericalWitness:
    """A witness that takes the forward pass apart, where that is worth it and can be done; else the same."""
    if witness.method != "extrapolated" or _expected(witness) < MANY:
        return witness
    if _in_doubles(witness):
        return _worthwhile(witness, layer, names) or witness
    # float32's bounds, chained, would soon be too wide to tell: the pieces are those of more digits.
    return _lifted(witness, layer, names) or witness


def _lifted(narrow: NumericalWitness, layer: Layer, names: Sequence[str]) -> LiftedWitness | None:
    """A witness that asks the pieces of the wide forward pass, where there is one that is worth it."""
    wide = narrow.lifted
    if wide is None or not _in_doubles(wide):
        return None
    pieces = _worthwhile(wide, layer, names)
    return None if pieces is None else LiftedWitness(narrow, pieces)


def _in_doubles(witness: NumericalWitness) -> bool:
    forward = witness.forward
    return all(forward.epsilon(p) == np.finfo(np.float64).eps for p in forward.movable)


def _worthwhile(
    witness: NumericalWitness, layer: Layer, names: Sequence[str]
) -> PiecewiseWitness | None:
    return _apart(witness, layer, names, _cheapest, WORTH * _expected(witness))


def in_all_pieces(
    witness: NumericalWitness | None, layer: Layer, names: Sequence[str]
) -> PiecewiseWitness | None:
    """A witness of as many pieces as there are, worth it or not; None where there is one.

    What is lost in the whole (a small addend of a large sum that a maximum takes) may be seen in a piece.
    """
    if witness is None or witness.method != "extrapolated" or not is_small(witness.forward):
        return None
    return _apart(witness, layer, names, _most_pieces, PATIENCE)


def _apart(
    witness: NumericalWitness, layer: Layer, names: Sequence[str], chosen: Choice, most: float
) -> PiecewiseWitness | None:
    """The witness of the pieces that are chosen, where there are any and their evaluations are not too many."""
    reading = read(layer, names, witness.forward, witness.dy)
    ways = {} if reading is None else chosen(witness, reading)
    pieces = PiecewiseWitness(witness, ways)
    return pieces if ways and _expected(pieces) <= most else None


def _cheapest(witness: NumericalWitness, reading: Reading) -> Ways:
    """Cut for all inputs together, and for an input that is still much work where it passes alone."""
    together, movable = reading.pieces(), witness.forward.movable
    ways = dict.fromkeys(movable, together) if together.cuts else {}
    piecewise = PiecewiseWitness(witness, ways)
    for p in [p for p in movable if piecewise.expected(p) >= MANY]:
        own = reading.pieces_of(p)
        if own.cuts and piecewise.expected_through(own, p) < WORTH * piecewise.expected(p):
            ways[p] = own
    return ways


def _most_pieces(witness: NumericalWitness, reading: Reading) -> Ways:
    """Each input cut as often as can be."""
    together = reading.pieces()
    ways = {p: max(together, reading.pieces_of(p), key=len) for p in witness.forward.movable}
    return {p: pieces for p, pieces in ways.items() if pieces.cuts}


def _expected(witness: NumericalWitness) -> int:
    return witness.expected_once + sum(map(witness.expected, witness.forward.movable))


def maker(layer: Layer, names: Sequence[str]) -> Callable[[Forward, Array], NumericalWitness]:
    """What makes a witness of a layer at another point, in pieces where that is worth it."""
    return lambda forward, dy: in_pieces(NumericalWitness(forward, dy), layer, names)


def cuts_of(witness: NumericalWitness) -> dict[Passing, NumericalGradient] | None:
    """The gradients between the pieces; None where there is one piece."""
    return witness.cuts if isinstance(witness, PiecewiseWitness) else None


def remarks(witness: NumericalWitness, names: Sequence[str]) -> list[Finding]:
    """That a function was checked in pieces, where it was cut, and which gradients needed the whole."""
    pieces = witness.pieces if isinstance(witness, LiftedWitness) else witness
    if not isinstance(pieces, PiecewiseWitness):
        return []
    whole = [names[p] for p in sorted(pieces.disagrees)]
    agree = "a slope through the whole function agrees"
    if whole:
        agree = f"for {', '.join(whole)} the pieces do not add up, so the whole was differentiated"
    message = (
        f"Cut at {_listed(pieces.places)}: each piece was checked"
        f"{' in float64' * (pieces is not witness)} with the gradient that arrives there; {agree}."
    )
    for cut, entries in pieces.kinks:
        message += (
            f" {entries} entries of {cut.name} sit at a kink: any value between was accepted."
        )
    cuts = [{"name": cut.name, "line": cut.line} for cut in pieces.places]
    return [Finding("cut", message, {"cuts": cuts, "whole": whole})]


def _listed(cuts: Sequence[Cut]) -> str:
    """Where the cuts are, each place once."""
    places = Counter(f"{cut.name} (line {cut.line})" for cut in cuts)
    return ", ".join(place + f" {n} times" * (n > 1) for place, n in places.items())
