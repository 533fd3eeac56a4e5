"""Section `mutants`: every single change to a backward pass of the catalogue."""

from __future__ import annotations

from collections import Counter

from reports.bench.measurement import ALL, NONE, Measurement, share
from reports.bench.section import EVERYTHING, Sample, Section
from reports.mutation import Fate, all_mutants, judged


def mutants(sample: Sample) -> list[Measurement]:
    """Every single change to a backward pass of the catalogue: convicted, equal, or survived."""
    chosen = sample.of(all_mutants())
    outcomes = sample.mapped(judged, chosen, "mutants")
    fates = Counter(outcome.fate for outcome in outcomes)
    survivors = [outcome for outcome in outcomes if outcome.fate is Fate.SURVIVED]
    unknown = [outcome.mutant.name for outcome in survivors if not outcome.explanation]
    changing = len(outcomes) - fates[Fate.EQUAL]
    explained = len(survivors) - len(unknown)
    return [
        Measurement("single changes to backward passes", len(outcomes)),
        Measurement("of these, change no value", fates[Fate.EQUAL]),
        share("convicted of the others: the mutation score", fates[Fate.CONVICTED], changing),
        share("convicted or explained", fates[Fate.CONVICTED] + explained, changing, ALL),
        Measurement("survivors, explained in layers/mistakes/survivors.md", explained),
        Measurement("survivors that nobody has explained", len(unknown), NONE),
        *(Measurement(f"· {name}", 1) for name in unknown),
    ]


SECTION = Section("mutants", mutants, "mutants", size=EVERYTHING, quick=40)
