"""A section of the benchmark: what it measures, and on how large a sample."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from inspect import getdoc
from statistics import median
from typing import TypeVar

from reports.bench.measurement import Measurement
from reports.parallel import apart, mapped
from reports.progress import Progress

T = TypeVar("T")
Result = TypeVar("Result")

EVERYTHING = sys.maxsize
"""A sample that leaves nothing out."""


class Skipped(Exception):
    """A section cannot be measured here; its text says what is missing."""


@dataclass(frozen=True)
class Sample:
    """How much a section measures: `size` counts what the section counts, everything follows `seed`."""

    size: int
    seed: int = 0
    data: str = "digits"
    jobs: int = 1
    progress: Progress = field(default_factory=Progress)

    @property
    def seeds(self) -> range:
        """`size` seeds, one after the other."""
        return range(self.seed, self.seed + self.size)

    def of(self, everything: Sequence[T]) -> list[T]:
        """`size` of them, drawn at random and left in their order."""
        if self.size >= len(everything):
            return list(everything)
        chosen = random.Random(self.seed).sample(range(len(everything)), self.size)
        return [everything[k] for k in sorted(chosen)]

    def over(self, work: Sequence[T], what: str) -> Iterator[T]:
        """Go through `work`, with a bar where somebody is looking."""
        return self.progress.over(work, what)

    def mapped(self, work: Callable[[T], Result], tasks: Sequence[T], what: str) -> list[Result]:
        """`work` on each task in as many processes as were asked for; results in order."""
        return self._collected(mapped(work, tasks, self.jobs), tasks, what)

    def timed(self, work: Callable[[T], Result], tasks: Sequence[T], what: str) -> list[Result]:
        """`work` on each task in a fresh process of one thread, so that times can be compared."""
        return self._collected(apart(work, tasks), tasks, what)

    def _collected(self, results: Iterator[Result], tasks: Sequence[T], what: str) -> list[Result]:
        both = zip(self.over(tasks, what), results, strict=True)
        return [result for _, result in both]


@dataclass(frozen=True)
class Section:
    """A few figures that belong together: its name, how they are measured, its sample.

    `size` things of the kind `unit` are measured, `quick` of them when time is short; `size` and
    `quick` are 0 where there is nothing to sample. What is measured `by_itself` is asked for by name.
    """

    name: str
    measure: Callable[[Sample], Iterable[Measurement]]
    unit: str = ""
    size: int = 0
    quick: int = 0
    by_itself: bool = False

    @property
    def title(self) -> str:
        """What it measures, in a sentence."""
        return (getdoc(self.measure) or "").split("\n")[0]

    def sampled(self, sample: Sample) -> str:
        """What was sampled, for people: how many of what, and the seed."""
        if not self.size:
            return "nothing to sample"
        if sample.size == EVERYTHING:
            return f"all {self.unit}"
        return f"{sample.size:,} {self.unit}, seed {sample.seed}"


def quickest(work: Callable[[], object], rounds: int) -> float:
    """Seconds of the quickest of several rounds: the one that nothing else disturbed."""
    best = float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - started)
    return best


def beside(
    ours: Callable[[], object], theirs: Callable[[], object], rounds: int
) -> tuple[float, float]:
    """Seconds of the processor for two pieces of work in alternating rounds, of each the median.

    What else the machine does takes time from both, and falls on neither.
    """
    taken = [(of_processor(ours), of_processor(theirs)) for _ in range(rounds)]
    mine, its = zip(*taken, strict=True)
    return median(mine), median(its)


def of_processor(work: Callable[[], object]) -> float:
    """Seconds of the processor that work takes."""
    started = time.process_time()
    work()
    return time.process_time() - started
