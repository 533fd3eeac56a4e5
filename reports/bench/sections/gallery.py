"""Section `gallery`: the planted mistakes, and what is said of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import product

from gradcheck import Verdict
from layers.mistakes import MISTAKES
from reports.bench.measurement import ALL, Measurement, at_least, at_most, share
from reports.bench.section import Sample, Section
from reports.mistakes import examine, said


def _examined(case: tuple[str, int]) -> tuple[bool, list[str], bool]:
    """Whether a mistake is convicted, the codes said of it, and whether the expected one is first."""
    name, seed = case
    mistake = MISTAKES[name]
    report = examine(mistake, mistake.shows, seed)
    codes: list[str] = [finding.code for finding in said(mistake, report)]
    right = mistake.code in (codes[:1] if mistake.gradient else codes)
    return report.verdict is Verdict.FAIL, codes, right


def gallery(sample: Sample) -> Iterator[Measurement]:
    """The planted mistakes: how many are convicted, and how many named as expected."""
    cases = list(product(MISTAKES, sample.seeds))
    found = sample.mapped(_examined, cases, "gallery")
    convicted = sum(fails for fails, _, _ in found)
    named = sum(right for _, _, right in found)
    misnamed = sum(not right and codes[:1] not in ([], ["unknown"]) for _, codes, right in found)
    unknown = Counter(
        name for (name, _), (_, codes, _) in zip(cases, found, strict=True) if "unknown" in codes
    )
    total = len(cases)
    yield share(f"{len(MISTAKES)} planted mistakes: convicted", convicted, total, ALL)
    yield share("… the expected code first", named, total, at_least(0.95))
    yield share("… another name than expected", misnamed, total, at_most(0.02))
    yield Measurement("mistakes called unknown, and at how many seeds", len(unknown), at_most(5))
    for name, seeds in unknown.items():
        yield Measurement(f"· {name}", seeds)


SECTION = Section("gallery", gallery, "seeds of the whole gallery", size=20, quick=1)
