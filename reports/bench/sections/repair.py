"""Section `repair`: proved repairs of single changes to backward passes, and what a fresh check says of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import Function
from gradcheck.result import Repair, failing
from layers.catalogue import CATALOGUE, Configuration
from layers.mistakes.mutants import Mutant
from layers.mistakes.planted import plant
from reports.bench.measurement import NONE, Measurement, at_least, below, seconds, share
from reports.bench.section import Sample, Section
from reports.mutation import all_mutants, inputs_of

FRESH = (11, 12)
"""Seeds of the fresh checks: none that the proof has drawn from."""


@dataclass(frozen=True)
class Mended:
    """A convicted mutant: whether an edit was proved, what fresh checks say of it, how long it took.

    `contradicted` counts what fresh draws in the same configuration convict, `narrow` says whether
    another configuration of the catalogue does, for which nothing was claimed.
    """

    name: str
    proved: bool
    contradicted: int
    narrow: bool
    took: float


def repair(sample: Sample) -> list[Measurement]:
    """Proved repairs of single changes to backward passes, and what a fresh check says of them."""
    own = [mutant for mutant in all_mutants() if mutant.place is mutant.layer]
    found = sample.mapped(mended, sample.of(own), "repair")
    convicted = [one for one in found if one is not None]
    proved = [one for one in convicted if one.proved]
    wrong = [one.name for one in proved if one.contradicted]
    wide = sum(not one.narrow for one in proved)
    return [
        Measurement("changes convicted by a gradient", len(convicted)),
        share("repaired, the repair proved", len(proved), len(convicted), at_least(0.7)),
        Measurement(
            "proofs that a fresh check contradicts", len(wrong), NONE, detail=", ".join(wrong)
        ),
        share("repairs that hold in every other configuration too", wide, len(proved)),
        Measurement(
            "time of a failing check with its repair, 95 of 100 within",
            float(np.quantile([one.took for one in convicted], 0.95)) if convicted else np.nan,
            below(10),
            seconds,
        ),
    ]


def mended(mutant: Mutant) -> Mended | None:
    """What comes of one mutant; None if no gradient convicts it."""
    layer, configurations = mutant.planted, CATALOGUE[mutant.layer.__name__].configurations
    with np.errstate(all="ignore"):
        for one in configurations:
            started = time.perf_counter()
            report = check(partial(layer, **one.options), *inputs_of(one, 0, "float64"))
            if failing(report):
                found = report.repair
                took = time.perf_counter() - started
                return _judged(mutant, one, found, took)
    return None


def _judged(mutant: Mutant, shown: Configuration, found: Repair | None, took: float) -> Mended:
    if found is None:
        return Mended(mutant.name, False, 0, False, took)
    place, helpers = mutant.place, mutant.helpers
    layer = plant(mutant.layer, place, found.text, helpers, f"repaired: {mutant.name}")
    contradicted = sum(_convicts(layer, shown, seed) for seed in FRESH)
    others = [one for one in CATALOGUE[mutant.layer.__name__].configurations if one is not shown]
    narrow = any(_convicts(layer, one, 0) for one in others)
    return Mended(mutant.name, True, contradicted, narrow, took)


def _convicts(layer: Function, one: Configuration, seed: int) -> bool:
    inputs = inputs_of(one, seed, "float64")
    return check(partial(layer, **one.options), *inputs, seed=seed, lines=False).verdict is (
        Verdict.FAIL
    )


SECTION = Section("repair", repair, "mutants", size=400, quick=20)
