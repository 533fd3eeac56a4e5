"""Section `lines`: the lines of right backward passes, and what it costs to compare them."""

from __future__ import annotations

import time
from collections import Counter

from gradcheck import Verdict, check
from reports.bench.measurement import NONE, Measurement, at_most, times
from reports.bench.section import Sample, Section
from reports.bench.sections import stage1


def lines(sample: Sample) -> list[Measurement]:
    """The lines of right backward passes, and what it costs to compare them."""
    verdicts: Counter[Verdict] = Counter()
    took = {False: 0.0, True: 0.0}
    for seed, place in sample.over(stage1.cases(sample), "lines"):
        inputs = place.inputs(seed)
        for by_line in took:
            started = time.perf_counter()
            report = check(place.layer, *inputs, seed=seed, lines=by_line)
            took[by_line] += time.perf_counter() - started
            verdicts.update(line.verdict for line in report.lines)
    compared = sum(verdicts.values())
    return [
        Measurement("lines of right layers compared", compared),
        Measurement("of these, not PASS", compared - verdicts[Verdict.PASS], NONE),
        Measurement(
            "time of a check with lines over that without",
            took[True] / took[False],
            at_most(10),
            times,
        ),
    ]


SECTION = Section("lines", lines, "seeds of the whole catalogue", size=20, quick=1)
