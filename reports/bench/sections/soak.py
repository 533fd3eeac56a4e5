"""Section `soak`: the right layers of the catalogue where numbers are harsh, and what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import Verdict, check
from gradcheck.result import Array, Report
from layers.catalogue import CATALOGUE, Configuration, Entry
from layers.types import Layer
from reports.bench.measurement import NONE, Measurement, below, share
from reports.bench.section import Sample, Section

Values = dict[str, Array]
Alter = Callable[[Values, np.random.Generator], Values]

UNCLEAR = {"float64": 0.01, "float32": 0.05}
"""The share of checks that may end without a conclusion."""

SCALES = (-8.0, 8.0)
"""Powers of ten by which inputs are multiplied."""

WELL_CONDITIONED = {"A", "L"}
"""Matrices that a layer inverts: holes in them would make them singular, which no layer promises."""


def _harsh(values: Values, rng: np.random.Generator) -> Values:
    """Every floating input in other units: all in the same, or each in its own."""
    together, apart = rng.uniform(*SCALES), rng.random() < 0.5
    return {
        name: x * 10.0 ** (rng.uniform(*SCALES) if apart else together)
        if x.dtype.kind == "f"
        else x
        for name, x in values.items()
    }


def _zeros(values: Values, rng: np.random.Generator) -> Values:
    """Ordinary values, among them exact zeros: single entries, whole rows, a whole input."""
    return {
        name: x if x.dtype.kind != "f" or name in WELL_CONDITIONED else x * _holes(x, rng)
        for name, x in values.items()
    }


def _holes(x: Array, rng: np.random.Generator) -> Array:
    kind = rng.integers(4)
    if kind == 0:
        return np.ones(x.shape)
    shape = x.shape[:1] + (1,) * (x.ndim - 1) if kind == 1 else x.shape
    return np.asarray(rng.random(shape) < (0.7 if kind < 3 else 0.05), dtype=float)


CLASSES: dict[str, Alter] = {"scales 1e-8 to 1e8": _harsh, "exact zeros": _zeros}
"""How the catalogue's inputs are altered."""


@dataclass(frozen=True)
class Case:
    """One right layer with the inputs drawn for it."""

    kind: str
    dtype: str
    entry: Entry
    configuration: Configuration
    seed: int

    def report(self) -> Report | None:
        """The check; None where the layer is not defined or a value is not finite in this precision."""
        rng = np.random.default_rng(self.seed)
        drawn = CLASSES[self.kind](self.configuration.inputs(rng), rng)
        inputs = [x.astype(self.dtype) if x.dtype.kind == "f" else x for x in drawn.values()]
        layer = self.entry.bound(self.configuration)
        with np.errstate(all="ignore"):
            if not _finite(layer, inputs):
                return None
            return check(layer, *inputs, seed=self.seed, lines=False)


def _finite(layer: Layer, inputs: list[Array]) -> bool:
    """Whether value and gradients are: overflow is a limit of the format, not a mistake."""
    y, backward = layer(*inputs)
    gradients = backward(np.ones_like(y))
    return all(np.isfinite(value).all() for value in (y, *gradients) if value is not None)


def cases(sample: Sample) -> Iterator[Case]:
    """Each class and precision in turn, at random configurations of the catalogue."""
    rng = np.random.default_rng([5, sample.seed])
    every = [(entry, one) for entry in CATALOGUE.values() for one in entry.configurations]
    classes = [(kind, dtype) for kind in CLASSES for dtype in UNCLEAR]
    for k in range(sample.size):
        entry, one = every[rng.integers(len(every))]
        yield Case(*classes[k % len(classes)], entry, one, int(rng.integers(2**31)))


def soak(sample: Sample) -> Iterator[Measurement]:
    """Random configurations of the catalogue at harsh scales and with exact zeros: false alarms."""
    found: dict[tuple[str, str], Counter[Verdict]] = {}
    layers: Counter[tuple[str, str, Verdict, str]] = Counter()
    for case in sample.over(list(cases(sample)), "soak"):
        report = case.report()
        if report is None:
            continue
        found.setdefault((case.kind, case.dtype), Counter())[report.verdict] += 1
        if not report.passed:
            layers[case.kind, case.dtype, report.verdict, case.entry.name] += 1
    for (kind, dtype), verdicts in sorted(found.items()):
        name, total = f"{kind}, {dtype}", verdicts.total()
        convicted = verdicts[Verdict.FAIL]
        yield Measurement(f"{name}: convicted", convicted, NONE, detail=f"of {total:,}")
        unclear = verdicts[Verdict.INCONCLUSIVE]
        yield share(f"{name}: inconclusive", unclear, total, below(UNCLEAR[dtype]))
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        for (kind, dtype, said, layer), count in layers.most_common():
            if said is verdict:
                yield Measurement(f"· {verdict}: {layer}, {kind}, {dtype}", count)


SECTION = Section("soak", soak, "checks of right layers", size=10_000, quick=200)
