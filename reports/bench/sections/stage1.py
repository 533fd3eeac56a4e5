"""Section `stage1`: the catalogue over many seeds, numerical witness alone."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from gradcheck import check
from layers.catalogue import CATALOGUE, Configuration, Entry
from reports.bench.measurement import NONE, Measurement, at_most, scientific
from reports.bench.section import Sample, Section

Case = tuple[int, Entry, Configuration]


def cases(sample: Sample) -> list[Case]:
    """Every configuration of the catalogue at every seed."""
    every = [(entry, one) for entry in CATALOGUE.values() for one in entry.configurations]
    return [(seed, *case) for seed, case in product(sample.seeds, every)]


def over(sample: Sample, what: str) -> Iterator[Case]:
    """Go through them, with a bar."""
    return sample.over(cases(sample), what)


def stage1(sample: Sample) -> list[Measurement]:
    """The catalogue over many seeds, numerical witness alone."""
    largest, bad, total = 0.0, 0, 0
    for seed, entry, one in over(sample, "stage1"):
        inputs = one.inputs(np.random.default_rng(seed)).values()
        report = check(entry.bound(one), *inputs, seed=seed)
        total += 1
        bad += not report.passed
        largest = max([largest, *(row.relative_error for row in report.rows)])
    return [
        Measurement("configurations that do not pass", bad, NONE, detail=f"of {total:,}"),
        Measurement("largest relative error", largest, at_most(1e-8), scientific),
    ]


SECTION = Section("stage1", stage1, "seeds of the whole catalogue", size=100, quick=1)
