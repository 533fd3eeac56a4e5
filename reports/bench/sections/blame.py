"""Section `blame`: the line that is blamed for every single change to a backward pass."""

from __future__ import annotations

from reports.bench.measurement import Measurement, at_least, at_most, share
from reports.bench.section import EVERYTHING, Sample, Section
from reports.mutation import all_mutants, blamed


def blame(sample: Sample) -> list[Measurement]:
    """The line that is blamed for every single change to a backward pass."""
    found = sample.mapped(blamed, sample.of(all_mutants()), "blame")
    convicted = [one for one in found if one is not None]
    named = [one for one in convicted if one.named]
    first, first_named = (sum(one.hit for one in ones) for ones in (convicted, named))
    alone = sum(one.missed for one in convicted)
    return [
        Measurement("changes convicted by a gradient", len(convicted)),
        share("the changed line is blamed first", first, len(convicted), at_least(0.97)),
        Measurement("the changed line has a name that is compared", len(named)),
        share("of these, it is blamed first", first_named, len(named), at_least(0.95)),
        share("a right line is blamed alone", alone, len(convicted), at_most(0.005)),
    ]


SECTION = Section("blame", blame, "mutants", size=EVERYTHING, quick=40)
