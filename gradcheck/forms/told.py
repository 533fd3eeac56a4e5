"""What the forms share once code is understood: inputs chosen, and what is said of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.check import check
from gradcheck.forms.alike import seen_elsewhere
from gradcheck.layer import Adapted, Misuse
from gradcheck.result import Array, Finding, Report
from gradcheck.trees import Leaf, Path


def asked_for(wrt: Any) -> set[Any]:
    """What the option `wrt` names."""
    return {wrt} if isinstance(wrt, str) else set(wrt or ())


def told(
    layer: Adapted, inputs: Sequence[Any], remarks: Sequence[Finding], **options: Any
) -> Report:
    """Check an adapted layer; the report begins with how the code was understood."""
    report, seen = check(layer, *inputs, **options), list[Finding]()
    if report.passed:
        report, seen = seen_elsewhere(layer, inputs, report, options)
    return replace(report, findings=(*remarks, *seen, *report.findings))


@dataclass(frozen=True, eq=False)
class Inputs:
    """The leaves that are inputs of the layer; the others are constants, copied afresh for each call.

    `missing` are inputs that have no gradient though they should: their neighbours in a tree have one, or
    they were named as parameters.
    """

    leaves: tuple[Leaf, ...]
    chosen: tuple[Leaf, ...]
    missing: tuple[Leaf, ...] = ()

    def asked(self, found: Collection[Path], wrt: Any) -> Any:
        """The option `wrt`: as given; else what has a gradient, with what should have one, which fails."""
        if wrt is not None or not self.missing:
            return wrt
        paths = {*found, *(leaf.path for leaf in self.missing)}
        return [leaf.name for leaf in self.chosen if leaf.path in paths]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names, in order."""
        return tuple(leaf.name for leaf in self.chosen)

    @property
    def values(self) -> list[Array]:
        """Their values, in order."""
        return [leaf.value for leaf in self.chosen]

    def spread(self, arrays: Sequence[Array]) -> list[Any]:
        """A value for every leaf, given one for each that was chosen."""
        given = {leaf.path: array for leaf, array in zip(self.chosen, arrays, strict=True)}
        return [
            _constant(leaf) if leaf.path not in given else _given(leaf, given[leaf.path])
            for leaf in self.leaves
        ]


def _given(leaf: Leaf, array: Array) -> Any:
    return array[()] if leaf.soft else array


def _constant(leaf: Leaf) -> Any:
    return leaf.value.item() if leaf.soft else leaf.value.copy()


def reaches(
    value: Callable[[list[Array]], Array], leaves: Sequence[Leaf], leaf: Leaf
) -> bool | None:
    """Whether moving a leaf moves the outputs; None where the forward pass raises."""
    try:
        there = value([x.value for x in leaves])
        return not same(there, value([moved(x.value) if x is leaf else x.value for x in leaves]))
    except Exception:
        return None


def moved(value: Array) -> Array:
    """An array with every entry moved a little, to see whether anything follows.

    No two go as far: what a softmax is made of may move together, and nothing follows.
    """
    dice = np.random.default_rng(0)
    steps = dice.choice([-1e-3, 1e-3], value.shape) * dice.uniform(0.5, 1, value.shape)
    return np.asarray(value + steps * (1 + np.abs(value)), dtype=value.dtype)


def same(a: Array, b: Array) -> bool:
    """Whether two outputs are the same to the bit."""
    return a.shape == b.shape and bool(np.array_equal(a, b, equal_nan=True))


def times(dy: Array, gradient: Any) -> Any:
    """What a backward pass without an upstream gradient returns, times that: a loss, or elementwise.

    Raises:
        Misuse: if the output is neither a single number nor of the gradient's shape.
    """
    if gradient is None:
        return None
    if dy.size == 1:
        return dy.item() * gradient
    if dy.shape != np.shape(gradient):
        raise Misuse(
            f"the backward pass takes no upstream gradient, which is enough for a loss, but the "
            f"forward pass returns an array of shape {dy.shape}"
        )
    return dy * gradient
