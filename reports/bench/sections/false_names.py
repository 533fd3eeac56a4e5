"""Section `false-names`: random wrong gradients, of which every name is untrue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import Layer, listed, random_upstream
from gradcheck.result import Array, Row
from layers.catalogue import CATALOGUE, Configuration, Entry
from layers.types import Backward
from reports.bench.measurement import ALL, NONE, Measurement, share
from reports.bench.section import Sample, Section
from reports.mistakes import CONDITIONS

NOT_NAMES = {*CONDITIONS, "unknown"}
"""What may be said of numbers that have nothing to do with the gradient."""


@dataclass(frozen=True)
class Case:
    """A layer as it is configured, and which of its gradients becomes nonsense."""

    entry: Entry
    configuration: Configuration
    position: int

    def row(self, seed: int) -> Row | None:
        """What a check says of that gradient; None where the true one is zero, or there is none."""
        inputs = list(self.configuration.inputs(np.random.default_rng(seed)).values())
        layer = self.entry.bound(self.configuration)
        y, backward = layer(*inputs)
        true = listed(backward(random_upstream(y, seed)), len(inputs))[self.position]
        if true is None or not true.any():
            return None
        size = float(np.sqrt(np.mean(true**2)))
        wrong = nonsense(layer, self.position, size, seed)
        return check(wrong, *inputs, wrt=self.position, seed=seed, lines=False).rows[0]


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


def cases() -> list[Case]:
    """Every floating input of more than one entry, of every configuration, the kinked ones included."""
    return [
        Case(entry, one, position)
        for entry in CATALOGUE.values()
        for one in entry.configurations
        for position, x in enumerate(one.inputs(np.random.default_rng(0)).values())
        if x.dtype.kind == "f" and x.size > 1
    ]


def false_names(sample: Sample) -> Iterator[Measurement]:
    """Random wrong gradients, kinks included: how often a name is said that is not true."""
    every, rng = cases(), np.random.default_rng([2, sample.seed])
    chosen = [every[k] for k in rng.integers(len(every), size=sample.size)]
    said: Counter[str] = Counter()
    wrong, convicted = 0, 0
    for seed, case in sample.over(list(enumerate(chosen, sample.seed)), "false names"):
        row = case.row(seed)
        if row is None:
            continue
        wrong += 1
        convicted += row.verdict is Verdict.FAIL
        names = {finding.code for finding in row.findings} - NOT_NAMES
        said.update(f"{name}, of {case.entry.name}" for name in names)
    yield share("random wrong gradients convicted", convicted, wrong, ALL)
    yield Measurement("names said, none of them true", said.total(), NONE)
    for name, count in said.most_common():
        yield Measurement(f"· {name}", count)


SECTION = Section("false-names", false_names, "random wrong gradients", size=2000, quick=100)
