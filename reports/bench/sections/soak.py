"""Section `soak`: the right layers of the catalogue where numbers are harsh, and what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import check
from gradcheck.layer import in_dtype
from gradcheck.result import Array, Report
from layers.types import Layer
from reports.bench.measurement import NONE, Measurement, below, share
from reports.bench.section import Sample, Section
from reports.places import Place, places

Values = dict[str, Array]
Alter = Callable[[Values, np.random.Generator], Values]

UNCLEAR = {"float64": 0.01, "float32": 0.05}
"""The share of checks that may end without a conclusion."""

SCALES = (-8.0, 8.0)
"""Powers of ten by which inputs are multiplied."""

RAISES = "raises"
"""What is noted of a check that ends in an exception."""

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
    place: Place
    seed: int

    def report(self) -> Report | None:
        """The check; None where a value is not finite in this precision."""
        rng = np.random.default_rng(self.seed)
        drawn = CLASSES[self.kind](self.place.configuration.inputs(rng), rng)
        inputs = in_dtype(drawn.values(), self.dtype)
        with np.errstate(all="ignore"):
            if not _finite(self.place.layer, inputs):
                return None
            return check(self.place.layer, *inputs, seed=self.seed, lines=False)


def _finite(layer: Layer, inputs: list[Array]) -> bool:
    """Whether value and gradients are: overflow is a limit of the format, not a mistake."""
    y, backward = layer(*inputs)
    gradients = backward(np.ones_like(y))
    return all(np.isfinite(value).all() for value in (y, *gradients) if value is not None)


def cases(sample: Sample) -> list[Case]:
    """Each class and precision in turn, at random configurations of the catalogue."""
    rng, every = np.random.default_rng([5, sample.seed]), places()
    classes = [(kind, dtype) for kind in CLASSES for dtype in UNCLEAR]
    chosen, seeds = (rng.integers(n, size=sample.size).tolist() for n in (len(every), 2**31))
    return [
        Case(*classes[k % len(classes)], every[which], seed)
        for k, (which, seed) in enumerate(zip(chosen, seeds, strict=True))
    ]


def _said(case: Case) -> str | None:
    """The verdict, or that the check itself gave up; None where there was nothing to check."""
    try:
        report = case.report()
    except Exception as error:
        return f"{RAISES} {type(error).__name__}"
    return None if report is None else str(report.verdict)


def soak(sample: Sample) -> Iterator[Measurement]:
    """Random configurations of the catalogue at harsh scales and with exact zeros: false alarms."""
    chosen = cases(sample)
    said = sample.mapped(_said, chosen, "soak")
    checked = [(case, verdict) for case, verdict in zip(chosen, said, strict=True) if verdict]
    counted: dict[tuple[str, str], Counter[str]] = {}
    layers: Counter[tuple[str, str]] = Counter()
    for case, verdict in checked:
        counted.setdefault((case.kind, case.dtype), Counter())[verdict] += 1
        layers[verdict, f"{case.place.name}, {case.kind}, {case.dtype}"] += 1
    for (kind, dtype), verdicts in sorted(counted.items()):
        yield from _promised(f"{kind}, {dtype}", verdicts, UNCLEAR[dtype])
    yield Measurement("checks that raise", sum(v.startswith(RAISES) for _, v in checked), NONE)
    yield Measurement("left out: a value is not finite in this precision", said.count(None))
    for (verdict, layer), count in sorted(layers.items(), key=lambda item: (item[0][0], -item[1])):
        if verdict != "PASS":
            yield Measurement(f"· {verdict}: {layer}", count)


def _promised(name: str, verdicts: Counter[str], unclear: float) -> Iterator[Measurement]:
    total = verdicts.total()
    yield Measurement(f"{name}: convicted", verdicts["FAIL"], NONE, detail=f"of {total:,}")
    yield share(f"{name}: inconclusive", verdicts["INCONCLUSIVE"], total, below(unclear))


SECTION = Section("soak", soak, "checks of right layers", size=10_000, quick=200)
