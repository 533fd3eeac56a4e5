"""Section `power`: small mistakes that must be convicted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import Layer
from gradcheck.result import Array
from reports.bench.measurement import ALL, Measurement, Promise, at_least, share
from reports.bench.section import Sample, Section

Values = Callable[[Array], Array]
SpoiltLayer = Callable[[np.random.Generator], Layer]


@dataclass(frozen=True)
class Small:
    """A small mistake: how it is planted, in an input of how many entries, how it is looked for."""

    name: str
    layer: SpoiltLayer
    size: int
    effort: str = "complete"
    promise: Promise = ALL


def _elementwise(f: Values, df: Values, spoil: Values) -> SpoiltLayer:
    return lambda rng: lambda x: (f(x), lambda dy: spoil(dy * df(x)))


def _tanh_slope(x: Array) -> Array:
    return np.asarray(1 / np.cosh(x) ** 2)


def _one_entry(gradient: Array) -> Array:
    gradient = gradient.copy()
    gradient.flat[4177] *= 1.01
    return gradient


def _identity_with_holes(rng: np.random.Generator) -> Layer:
    hidden = rng.random(10_000) < 0.01
    return lambda x: (x.copy(), lambda dy: np.where(hidden, 0, dy))


MISTAKES = (
    Small(
        "factor 1.0005 on a whole gradient",
        _elementwise(np.tanh, _tanh_slope, lambda g: 1.0005 * g),
        50,
    ),
    Small(
        "one entry of 10,000 wrong by 1 %", _elementwise(np.tanh, _tanh_slope, _one_entry), 10_000
    ),
    Small(
        "sign flipped on a gradient of size 1e-7",
        _elementwise(lambda x: 1e-7 * np.tanh(x), lambda x: 1e-7 * _tanh_slope(x), np.negative),
        50,
    ),
    Small(
        "directional, identity with 1 % zeroed",
        _identity_with_holes,
        10_000,
        "directional",
        at_least(0.99),
    ),
)


def power(sample: Sample) -> Iterator[Measurement]:
    """Small mistakes that must be convicted."""
    for mistake in MISTAKES:
        convicted = 0
        for seed in sample.seeds:
            rng = np.random.default_rng(seed)
            layer, x = mistake.layer(rng), rng.normal(size=mistake.size)
            report = check(layer, x, effort=mistake.effort, seed=seed, lines=False)
            convicted += report.verdict is Verdict.FAIL
        yield share(f"{mistake.name}: convicted", convicted, sample.size, mistake.promise)


SECTION = Section("power", power, "seeds", size=100, quick=5)
