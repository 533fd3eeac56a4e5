"""The mutation score: of all single changes to the catalogue's backward passes, how many the check convicts."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, partial
from importlib import resources
from itertools import product

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import in_dtype, listed, random_upstream
from gradcheck.result import Array, failing
from layers.catalogue import CATALOGUE, Configuration
from layers.mistakes.mutants import Mutant, mutants
from layers.types import Layer

ROUNDING = 1e4
"""Differences of so many units of rounding are another order of adding, not another function."""
SEEDS = 3
DTYPES = ("float64", "float32")
"""float32 shows what makes float64 of it on the way."""


class Fate(StrEnum):
    """What became of a mutant."""

    CONVICTED = "convicted"
    EQUAL = "equal"
    SURVIVED = "survived"


@dataclass(frozen=True)
class Outcome:
    """A mutant and its fate; `explanation` says why it may survive, as written down in a file."""

    mutant: Mutant
    fate: Fate

    @property
    def explanation(self) -> str:
        """Why this survivor is not convicted, or nothing if nobody knows."""
        return explanations().get(self.mutant.name, "")


def all_mutants() -> list[Mutant]:
    """The mutants of every backward pass of the catalogue."""
    return [mutant for entry in CATALOGUE.values() for mutant in mutants(entry.layer)]


def sample_of(count: int, seed: int) -> list[Mutant]:
    """A random sample of them."""
    return random.Random(seed).sample(all_mutants(), count)


def judge(chosen: Iterable[Mutant]) -> Iterator[Outcome]:
    """The fate of each: convicted in any configuration, equal in value everywhere, or survived."""
    yield from map(judged, chosen)


def judged(mutant: Mutant) -> Outcome:
    """The fate of one."""
    with np.errstate(all="ignore"):
        return Outcome(mutant, _fate(mutant))


@cache
def explanations() -> dict[str, str]:
    """The survivors that are understood: name, and why no check can or should convict them."""
    text = resources.files("layers.mistakes").joinpath("survivors.md").read_text("utf-8")
    found: dict[str, str] = {}
    reason = ""
    for line in text.splitlines():
        if line.startswith("- "):
            found[line[2:].strip().strip("`")] = reason
        elif line and not line.startswith("#"):
            reason = line
    return found


def _fate(mutant: Mutant) -> Fate:
    layer, configurations = mutant.planted, CATALOGUE[mutant.layer.__name__].configurations
    for dtype, one in product(DTYPES, configurations):
        bound = partial(layer, **one.options)
        if check(bound, *inputs_of(one, 0, dtype), lines=False).verdict is Verdict.FAIL:
            return Fate.CONVICTED
    same = all(
        agree(_gradients(mutant.layer, *way), _gradients(layer, *way))
        for way in product(configurations, range(SEEDS), DTYPES)
    )
    return Fate.EQUAL if same else Fate.SURVIVED


def inputs_of(one: Configuration, seed: int, dtype: str) -> list[Array]:
    """The inputs of a configuration, drawn and rounded to a dtype."""
    return in_dtype(one.inputs(np.random.default_rng(seed)).values(), dtype)


def _gradients(layer: Layer, one: Configuration, seed: int, dtype: str) -> list[Array | None]:
    inputs = inputs_of(one, seed, dtype)
    y, backward = layer(*inputs, **one.options)
    return listed(backward(random_upstream(y, seed)), len(inputs))


def agree(right: list[Array | None], changed: list[Array | None]) -> bool:
    """Whether two lists of gradients are the same but for another order of adding."""
    if len(right) != len(changed):
        return False
    for a, b in zip(right, changed, strict=True):
        if a is None or b is None:
            if a is not b:
                return False
        elif a.shape != b.shape or a.dtype != b.dtype:
            return False
        elif a.dtype.kind == "f":
            rounding = ROUNDING * np.finfo(a.dtype).eps * np.abs(a).max(initial=0)
            if not np.abs(a - b).max(initial=0) <= rounding:
                return False
    return True


@dataclass(frozen=True)
class Blame:
    """Which line a report blames for a mutant: the changed one, one of several, or another.

    `named` says whether the changed line gives a value to a name that has a counterpart.
    """

    mutant: Mutant
    line: int | None
    also: tuple[int, ...]
    named: bool

    @property
    def hit(self) -> bool:
        """Whether the changed line is the one that is blamed."""
        return self.line == self.mutant.line

    @property
    def missed(self) -> bool:
        """Whether a right line is blamed, and the changed one is not even among the doubtful."""
        return self.line is not None and self.mutant.line not in (self.line, *self.also)


def blame(chosen: Iterable[Mutant]) -> Iterator[Blame]:
    """The line blamed for each mutant whose gradients are convicted; mutants of helpers are left out."""
    yield from (found for found in map(blamed, chosen) if found is not None)


def blamed(mutant: Mutant) -> Blame | None:
    """The line blamed for one; None if its gradients aren't convicted, or it is in a helper."""
    if mutant.place is not mutant.layer:
        return None
    with np.errstate(all="ignore"):
        return _blame(mutant)


def _blame(mutant: Mutant) -> Blame | None:
    layer = mutant.planted
    for one in CATALOGUE[mutant.layer.__name__].configurations:
        report = check(partial(layer, **one.options), *inputs_of(one, 0, "float64"))
        if not failing(report):
            continue
        named = mutant.line in {line.line for line in report.lines}
        first = report.by_line.first_wrong
        if first is None:
            return Blame(mutant, None, (), named)
        return Blame(mutant, first.evidence["line"], tuple(first.evidence["also"]), named)
    return None
