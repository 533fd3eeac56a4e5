"""Section `wild`: mistakes in classes, pairs, dictionaries and losses, half of them never looked at."""

from __future__ import annotations

from layers.mistakes.wild import WILD
from reports.bench.measurement import ALL, Measurement, at_least, at_most, share
from reports.bench.section import EVERYTHING, Sample, Section
from reports.wild import Blame, Judged, Naming, judge


def wild(sample: Sample) -> list[Measurement]:
    """Mistakes in code of other shapes than ours: convicted, named, and blamed on the right line."""
    chosen = sample.of(list(WILD.values()))
    judged = [
        one for mistake in sample.over(chosen, "wild") for one in judge([mistake], sample.seed)
    ]
    aside = [one for one in judged if one.mistake.set_aside]
    known = [one for one in judged if not one.mistake.set_aside]
    return [*_figures("known", known), *_figures("set aside", aside)]


def _figures(which: str, judged: list[Judged]) -> list[Measurement]:
    total = len(judged)
    # Only where the code can be read is a line blamed; two bare functions have no lines to compare.
    blamed = [one for one in judged if one.blame is not Blame.NONE]
    right = sum(one.blame is Blame.RIGHT for one in blamed)
    wrong = sum(one.blame is Blame.WRONG for one in blamed)
    return [
        share(f"{which}: convicted", sum(one.convicted for one in judged), total, ALL),
        share(f"{which}: named truly", _named(judged, Naming.TRUE), total, at_least(0.80)),
        share(f"{which}: `unknown`", _named(judged, Naming.UNKNOWN), total),
        share(f"{which}: misleading", _named(judged, Naming.MISLEADING), total, at_most(0.02)),
        share(f"{which}: of lines blamed, the wrong one", right, len(blamed), at_least(0.85)),
        share(f"{which}: … a right one alone", wrong, len(blamed)),
        Measurement(f"{which}: no line blamed", total - len(blamed)),
    ]


def _named(judged: list[Judged], naming: Naming) -> int:
    return sum(one.naming is naming for one in judged)


SECTION = Section("wild", wild, "mistakes", size=EVERYTHING, quick=12)
