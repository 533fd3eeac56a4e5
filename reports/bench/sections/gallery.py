"""Section `gallery`: the planted mistakes, and what is said of them."""

from __future__ import annotations

from itertools import product

from gradcheck import Verdict
from layers.mistakes import MISTAKES
from reports.bench.measurement import ALL, Measurement, at_least, at_most, share
from reports.bench.section import Sample, Section
from reports.mistakes import examine, said


def gallery(sample: Sample) -> list[Measurement]:
    """The planted mistakes: how many are convicted, and how many named as expected."""
    convicted, named, misnamed = 0, 0, 0
    cases = list(product(MISTAKES.values(), sample.seeds))
    for mistake, seed in sample.over(cases, "gallery"):
        report = examine(mistake, mistake.shows, seed)
        codes = [finding.code for finding in said(mistake, report)]
        right = mistake.code in (codes[:1] if mistake.gradient else codes)
        convicted += report.verdict is Verdict.FAIL
        named += right
        misnamed += not right and codes[:1] not in ([], ["unknown"])
    unknown = sum(mistake.code == "unknown" for mistake in MISTAKES.values())
    total = len(cases)
    return [
        share(f"{len(MISTAKES)} planted mistakes: convicted", convicted, total, ALL),
        share("… the expected code first", named, total, at_least(0.95)),
        share("… another name than expected", misnamed, total, at_most(0.02)),
        Measurement("mistakes of which `unknown` is what is expected", unknown),
    ]


SECTION = Section("gallery", gallery, "seeds of the whole gallery", size=20, quick=1)
