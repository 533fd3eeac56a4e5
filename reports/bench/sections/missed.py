"""Section `missed`: a single wrong entry in a gradient of the catalogue, which must not pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import Layer, listed, random_upstream
from gradcheck.result import Array
from layers.types import Backward
from reports.bench.measurement import ALL, NONE, Measurement, share
from reports.bench.section import Sample, Section
from reports.places import Place, places

SMALLEST = 1e-4
"""How wrong the entry is at least, of the gradient's typical size: a part in ten thousand."""


@dataclass(frozen=True)
class Case:
    """A configuration of the catalogue, and the draw at which one entry of a gradient is spoilt."""

    place: Place
    seed: int

    def verdict(self) -> Verdict | None:
        """What is said of the gradient; None where it has no entry that could be wrong."""
        rng = np.random.default_rng([7, self.seed])
        inputs, layer = self.place.inputs(self.seed), self.place.layer
        y, backward = layer(*inputs)
        gradients = listed(backward(random_upstream(y, self.seed)), len(inputs))
        sizes = {k: _size(gradient) for k, gradient in enumerate(gradients) if _size(gradient)}
        if not sizes:
            return None
        position = int(rng.choice(list(sizes)))
        entry = int(rng.integers(inputs[position].size))
        wrong_by = sizes[position] * 10.0 ** rng.uniform(np.log10(SMALLEST), 0)
        spoilt = spoil(layer, position, entry, wrong_by)
        row = check(spoilt, *inputs, wrt=position, seed=self.seed, lines=False).rows[0]
        # At a kink any value between the slopes is right, and this may be one.
        kinked = row.kinks is not None and row.kinks.ravel()[entry]
        return None if kinked else row.verdict


def _size(gradient: Array | None) -> float:
    return 0.0 if gradient is None else float(np.sqrt(np.mean(gradient**2)))


def spoil(layer: Layer, position: int, entry: int, wrong_by: float) -> Layer:
    """The layer, one entry of one gradient wrong by `wrong_by` times the first upstream entry."""

    def spoilt(*inputs: Array) -> tuple[Array, Backward]:
        y, backward = layer(*inputs)

        def wrong(dy: Array) -> tuple[Array | None, ...]:
            gradients = listed(backward(dy), len(inputs))
            gradient = np.array(gradients[position])
            gradient.flat[entry] += wrong_by * dy.flat[0]
            gradients[position] = gradient
            return tuple(gradients)

        return y, wrong

    return spoilt


def cases(sample: Sample) -> list[Case]:
    """Random configurations, each at a seed of its own."""
    every = places()
    drawn = np.random.default_rng([11, sample.seed]).integers(len(every), size=sample.size)
    return [Case(every[k], seed) for k, seed in zip(drawn, sample.seeds, strict=True)]


def missed(sample: Sample) -> Iterator[Measurement]:
    """One entry of one gradient wrong by a part in ten thousand or more: how often that passes."""
    chosen = cases(sample)
    said = sample.mapped(Case.verdict, chosen, "missed")
    verdicts = Counter(verdict for verdict in said if verdict is not None)
    total = verdicts.total()
    yield Measurement(
        "wrong gradients that pass", verdicts[Verdict.PASS], NONE, detail=f"of {total:,}"
    )
    yield share("convicted", verdicts[Verdict.FAIL], total, ALL)
    for case, verdict in zip(chosen, said, strict=True):
        if verdict not in (Verdict.FAIL, None):
            yield Measurement(f"· {verdict}: {case.place.title}, seed", case.seed)


SECTION = Section("missed", missed, "gradients with one wrong entry", size=10_000, quick=200)
