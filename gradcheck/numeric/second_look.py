"""The second look before a conviction: entries measured again by a way that shares nothing with the first.

Every entry alone (no grouping), over a whole sweep of steps, in lifted precision where the forward pass
follows. An entry stays convicted only if both looks say so; one that the second look acquits is believed
to be what the second look says. Where one conviction of the first look falls, none is believed unseen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.numeric.forward import Group
from gradcheck.numeric.grouping import Grouping
from gradcheck.numeric.margins import LOOKS, MORE_LOOKS
from gradcheck.numeric.stencil import Stencil
from gradcheck.numeric.variable import Variable
from gradcheck.numeric.walk import Walk
from gradcheck.numeric.witness import NumericalGradient, NumericalWitness
from gradcheck.result import Array


@dataclass
class _Look:
    """The gradient as the second look leaves it, with the entries that it has seen."""

    alone: Walk
    value: Array
    bound: Array
    kinks: Array
    acquitted: int = 0

    def at(self, entry: tuple[int, ...], claimed: float, rounding: float) -> None:
        """Measure one entry, and believe that if the claim lies within."""
        group: Group = tuple(slice(k, k + 1) for k in entry)
        found = self.alone.swept(group)
        value, bound = float(found.value.item()), float(found.bound.item())
        if not np.isfinite(value):
            value, bound = 0.0, np.inf
        if not abs(claimed - value) <= bound + rounding:
            return
        self.acquitted += 1
        self.value[entry], self.bound[entry] = value, bound
        self.kinks[entry] = bool(found.kinked.item())


def second_look(
    witness: NumericalWitness,
    position: int,
    numeric: NumericalGradient,
    claimed: Array,
    rounding: Array | float = 0.0,
) -> NumericalGradient:
    """What is left of a first look after the entries that speak for a conviction were measured again.

    Args:
        witness: the witness of the first look.
        position: the input.
        numeric: the first look.
        claimed: the hand-derived gradient, of the input's shape.
        rounding: what the hand-derived side may lose in its own precision, entry by entry.

    Returns:
        `numeric` itself if the second look agrees; else with the entries that it acquits as the second
        look sees them, and an infinite bound where convictions are left that were not looked at.
    """
    hand = np.asarray(claimed, dtype=np.float64)
    rounding = np.broadcast_to(np.asarray(rounding, dtype=np.float64), hand.shape)
    entries = _convicted(numeric, hand, rounding)
    if not entries:
        return numeric
    near = witness.lifted or witness
    before = near.forward.evaluations
    look = _Look(
        _one_by_one(near, position),
        numeric.value.copy(),
        numeric.bound.copy(),
        numeric.kinks.copy(),
    )
    seen = 0
    for entry in entries[:MORE_LOOKS]:
        if seen >= LOOKS and not look.acquitted:
            return numeric
        look.at(entry, float(hand[entry]), float(rounding[entry]))
        seen += 1
    if not look.acquitted:
        return numeric
    for entry in entries[seen:]:
        look.bound[entry] = np.inf
    used = near.forward.evaluations - before
    return replace(
        numeric,
        value=look.value,
        bound=look.bound,
        kinks=look.kinks,
        evaluations=numeric.evaluations + used,
    )


def _convicted(numeric: NumericalGradient, hand: Array, rounding: Array) -> list[tuple[int, ...]]:
    """The entries outside their bounds, the furthest first."""
    with np.errstate(all="ignore"):
        outside = np.isfinite(hand) & ~(np.abs(hand - numeric.value) <= numeric.bound + rounding)
        strain = np.abs(hand - numeric.value) / numeric.bound
    places = np.argwhere(outside)
    order = np.argsort(-np.nan_to_num(strain[outside]), kind="stable")
    return [tuple(int(k) for k in place) for place in places[order]]


def _one_by_one(witness: NumericalWitness, position: int) -> Walk:
    variable = Variable(witness.forward, position)
    grouping = Grouping(variable.shape)
    return Walk(Stencil(variable, grouping, witness.dy, witness.noise, witness.method))
