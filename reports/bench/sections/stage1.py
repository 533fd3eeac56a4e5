"""Section `stage1`: the catalogue over many seeds, numerical witness alone."""

from __future__ import annotations

from itertools import product

from reports.bench.measurement import NONE, Measurement, at_least, at_most, scientific, times
from reports.bench.section import Sample, Section
from reports.parallel import shared_out
from reports.places import Place, places

Case = tuple[int, Place]


def cases(sample: Sample) -> list[Case]:
    """Every configuration of the catalogue at every seed."""
    return list(product(sample.seeds, places()))


def _checked(case: Case) -> tuple[bool, float, int]:
    """Whether it passed, the largest relative error, and the evaluations it took."""
    seed, place = case
    report = place.check(seed)
    return report.passed, max(row.relative_error for row in report.rows), report.evaluations


def stage1(sample: Sample) -> list[Measurement]:
    """The catalogue over many seeds, numerical witness alone."""
    done = sample.mapped(_checked, cases(sample), "stage1")
    bad = sum(not passed for passed, _, _ in done)
    largest = max(error for _, error, _ in done)
    sooner = shared_out([evaluations for _, _, evaluations in done], 2)
    one = "by evaluations, the start of the processes left out"
    return [
        Measurement("configurations that do not pass", bad, NONE, detail=f"of {len(done):,}"),
        Measurement("largest relative error", largest, at_most(1e-8), scientific),
        Measurement("two processes beside one", sooner, at_least(1.8), times, one),
    ]


SECTION = Section("stage1", stage1, "seeds of the whole catalogue", size=100, quick=1)
