"""What a line should compute, derived from the forward pass: a term that it lacks, or one in place of its own.

d_gate = d_act * s * (1 - s)                             # as it is written
d_gate = d_act * s + d_act * gate * s * (1 - s)          # as the forward pass says, act = gate * sigmoid(gate)
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from functools import partial, reduce
from itertools import combinations, starmap
from math import prod

import numpy as np

from gradcheck.repair import slips as slip
from gradcheck.repair.chain.ahead import Ahead
from gradcheck.repair.chain.sweep import Derived, Gradient, gradients
from gradcheck.repair.chain.writing import added
from gradcheck.repair.grammar import Alternative
from gradcheck.repair.places import Place
from gradcheck.repair.scope import shape_of
from gradcheck.result import Array

PRICE = 4.0
"""As far-fetched as anything: what is a plain slip is found before."""


def derived(place: Place, ahead: Ahead) -> Iterator[Alternative]:
    """What should be added to the expression that a statement computes, or stand in place of a term of it."""
    sign = _sign(place)
    found = gradients(ahead, place.scope) if sign and shape_of(place.before) is not None else ()
    for one in found:
        yield from _with_more(place, one)
        if _is_meant(place, one.whole, sign or 1):
            yield Alternative(one.whole.node, PRICE + 1)


def _with_more(place: Place, one: Derived) -> Iterator[Alternative]:
    """All that a statement computes, with what it lacks."""
    whole = place.node is place.computed
    lacking = filter(partial(_is_lacking, place), _parts(one) if whole else ())
    return map(partial(_with, place), lacking)


def _sign(place: Place) -> int | None:
    """With which sign a node is a term of what its statement computes; None if it is no term."""
    if place.root is None:
        return None
    below = place.path[place.path.index(place.root) + 1 :]
    signs = [SIGNS.get((type(getattr(s.parent, "op", None)), s.name), 0) for s in below]
    return prod(signs) or None


SIGNS: dict[tuple[type, str], int] = {
    (ast.Add, "left"): 1,
    (ast.Add, "right"): 1,
    (ast.Sub, "left"): 1,
    (ast.Sub, "right"): -1,
}
"""The signs of what is added and subtracted, by the side that it stands on."""


def _parts(one: Derived) -> Iterator[Gradient]:
    """One term, or two, of what is the sum of several."""
    for count in range(1, min(len(one.terms), 3)):
        yield from starmap(_sum_of, combinations(one.terms, count))


def _sum_of(*terms: Gradient) -> Gradient:
    return reduce(Gradient.__add__, terms)


def _with(place: Place, term: Gradient) -> Alternative:
    return Alternative(added(place.computed, term.node), PRICE, slip.LEFT_TERM, term.node)


def _is_lacking(place: Place, term: Gradient) -> bool:
    """Whether with a term more a statement computes what is true."""
    own = np.asarray(place.before)
    with suppress(ValueError):
        return place.may_be_true(own + term.value)
    return False


def _is_meant(place: Place, whole: Gradient, sign: int) -> bool:
    """Whether with a gradient in place of a term a statement computes what is true, or what nobody knows."""
    own = np.asarray(place.before)
    if place.node is place.computed:
        return own.size == whole.value.size and place.may_be_true(whole.value)
    mine = place.scope.value(place.node)
    after = _exchanged(own, sign * np.asarray(mine), sign * whole.value)
    return place.true is not None and after is not None and place.may_be_true(after)


def _exchanged(own: Array, term: Array, other: Array) -> Array | None:
    """A sum with another term in place of one of its own; None if it does not fit in."""
    same = own.dtype.kind == term.dtype.kind == "f" and own.shape == term.shape == other.shape
    return own - term + other if same else None
