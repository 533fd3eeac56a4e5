"""Section `blame`: the line that is blamed for every single change to a backward pass."""

from __future__ import annotations

from reports.bench.measurement import Measurement, at_least, at_most, share
from reports.bench.section import EVERYTHING, Sample, Section
from reports.mutation import all_mutants
from reports.mutation import blame as blamed_for


def blame(sample: Sample) -> list[Measurement]:
    """The line that is blamed for every single change to a backward pass."""
    chosen = sample.of(all_mutants())
    blamed = list(blamed_for(sample.over(chosen, "blame")))
    named = [one for one in blamed if one.named]
    first = sum(one.hit for one in named)
    return [
        Measurement("changes convicted by a gradient", len(blamed)),
        Measurement("the changed line has a name that is compared", len(named)),
        share("of these, the changed line is blamed", first, len(named), at_least(0.95)),
        share(
            "of all convicted, the changed line is first", sum(o.hit for o in blamed), len(blamed)
        ),
        share(
            "a right line is blamed alone",
            sum(o.missed for o in blamed),
            len(blamed),
            at_most(0.02),
        ),
    ]


SECTION = Section("blame", blame, "mutants", size=EVERYTHING, quick=40)
