"""Section `tape`: the catalogue over many seeds against both witnesses."""

from __future__ import annotations

from reports.bench.measurement import NONE, Measurement, at_most, scientific
from reports.bench.section import Sample, Section
from reports.bench.sections import stage1

EXPECTED = {"kink", "vacuous"}
"""Findings that say something of the inputs, not of the layer."""


def tape(sample: Sample) -> list[Measurement]:
    """The catalogue over many seeds against both witnesses."""
    numeric = taped = (0.0, "-")
    bad, unexpected = 0, 0
    cases = stage1.cases(sample)
    for seed, place in sample.over(cases, "tape"):
        report = place.check(seed, tape=True)
        bad += not report.passed
        unexpected += bool({finding.code for finding in report.all_findings()} - EXPECTED)
        for row in report.rows:
            numeric = max(numeric, (row.relative_error, str(place)))
            taped = max(taped, (row.tape_error or 0.0, str(place)))
    return [
        Measurement("configurations that do not pass", bad, NONE, detail=f"of {len(cases):,}"),
        Measurement("… with a finding beyond kink and vacuous", unexpected, NONE),
        _largest("numeric", numeric, 1e-8),
        _largest("tape", taped, 1e-12),
    ]


def _largest(witness: str, found: tuple[float, str], limit: float) -> Measurement:
    error, place = found
    return Measurement(
        f"largest relative error, {witness}", error, at_most(limit), scientific, place
    )


SECTION = Section("tape", tape, "seeds of the whole catalogue", size=100, quick=1)
