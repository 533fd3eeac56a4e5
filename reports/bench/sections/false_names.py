"""Section `false-names`: random wrong gradients, of which every name is untrue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import Layer, listed, random_upstream
from gradcheck.result import Array, Row
from layers.types import Backward
from reports.bench.measurement import ALL, NONE, Measurement, share
from reports.bench.section import Sample, Section
from reports.places import Place, places
from reports.wild import CONDITIONS

NOT_NAMES = {*CONDITIONS, "unknown"}
"""What may be said of numbers that have nothing to do with the gradient."""


@dataclass(frozen=True)
class Case:
    """A layer as it is configured, which of its gradients becomes nonsense, and at which draw."""

    place: Place
    position: int
    seed: int

    def row(self) -> Row | None:
        """What a check says of that gradient; None where the true one is zero, or there is none."""
        inputs, layer = self.place.inputs(self.seed), self.place.layer
        y, backward = layer(*inputs)
        true = listed(backward(random_upstream(y, self.seed)), len(inputs))[self.position]
        if true is None or not true.any():
            return None
        size = float(np.sqrt(np.mean(true**2)))
        wrong = nonsense(layer, self.position, size, self.seed)
        return check(wrong, *inputs, wrt=self.position, seed=self.seed, lines=False).rows[0]


def nonsense(layer: Layer, position: int, size: float, seed: int) -> Layer:
    """The layer with one gradient replaced by a random map of dy, linear in it and of that size."""

    def spoilt(*inputs: Array) -> tuple[Array, Backward]:
        y, backward = layer(*inputs)

        def wrong(dy: Array) -> tuple[Array | None, ...]:
            gradients = listed(backward(dy), len(inputs))
            x, rng = inputs[position], np.random.default_rng([3, seed])
            source = dy.ravel()[rng.integers(0, dy.size, x.size)]
            gradients[position] = (size * rng.normal(size=x.size) * source).reshape(x.shape)
            return tuple(gradients)

        return y, wrong

    return spoilt


def cases(sample: Sample) -> list[Case]:
    """Any floating input of more than one entry, of any configuration, the kinked ones included."""
    every = [
        (place, position)
        for place in places()
        for position, x in enumerate(place.inputs(0))
        if x.dtype.kind == "f" and x.size > 1
    ]
    drawn = np.random.default_rng([2, sample.seed]).integers(len(every), size=sample.size)
    chosen = zip((every[k] for k in drawn), sample.seeds, strict=True)
    return [Case(place, position, seed) for (place, position), seed in chosen]


def _said(case: Case) -> tuple[bool, list[str]] | None:
    """Whether the nonsense is convicted, and the names that are said of it."""
    row = case.row()
    if row is None:
        return None
    names = sorted({finding.code for finding in row.findings} - NOT_NAMES)
    return row.verdict is Verdict.FAIL, [f"{name}, of {case.place}" for name in names]


def false_names(sample: Sample) -> Iterator[Measurement]:
    """Random wrong gradients, kinks included: how often a name is said that is not true."""
    found = [said for said in sample.mapped(_said, cases(sample), "false names") if said]
    convicted = sum(fails for fails, _ in found)
    names = Counter(name for _, said in found for name in said)
    yield share("random wrong gradients convicted", convicted, len(found), ALL)
    yield Measurement("names said, none of them true", names.total(), NONE)
    for name, count in names.most_common():
        yield Measurement(f"· {name}", count)


SECTION = Section("false-names", false_names, "random wrong gradients", size=2000, quick=100)
