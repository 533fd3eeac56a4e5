"""The benchmark from the top: choose the sections, measure, show each figure beside its promise, conclude."""

from __future__ import annotations

import argparse
import difflib
import json
import platform
import sys
import textwrap
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from tabulate import tabulate

from gradcheck.result import plain
from reports.bench.measurement import Measurement
from reports.bench.section import Sample, Section, Skipped
from reports.errors import UserError
from reports.files import write_text
from reports.machine import now, versions

KEPT, BROKEN = 0, 1
"""Exit status; a section that does not exist is a usage error, 2."""

SCHEMA = "gradcheck-bench/1"
"""The form of the JSON file; the number goes up when a reader of the old form would be misled."""

WIDTHS = (50, 32)
"""Columns for the name and for the figure: longer ones are wrapped, lest a table outgrow the page."""

LIBRARIES = ("numpy", "scipy", "tensorflow", "torch", "jax", "autograd", "numdifftools")
"""Whose versions are written beside the figures, where installed."""


@dataclass(frozen=True)
class Measured:
    """A section as it was measured: its sample, its figures, and what it took."""

    section: Section
    sample: Sample
    measurements: tuple[Measurement, ...]
    seconds: float
    skipped: str = ""

    @property
    def broken(self) -> list[Measurement]:
        """The figures that do not keep their promise."""
        return [measurement for measurement in self.measurements if measurement.broken]

    def __str__(self) -> str:
        head = f"{self.section.name}: {self.section.title}"
        if self.skipped:
            return f"{head}\nskipped: {self.skipped}"
        rows = [_wrapped(measurement.cells()) for measurement in self.measurements]
        table = tabulate(rows, ("", "measured", "promised", ""), disable_numparse=True)
        sampled = self.section.sampled(self.sample)
        return f"{head}\nSample: {sampled}.\n{table}\n({self.seconds:.0f} s)"

    def to_dict(self) -> dict[str, Any]:
        """The section as plain Python values."""
        return {
            "name": self.section.name,
            "measures": self.section.title,
            "sample": self.section.sampled(self.sample),
            "skipped": self.skipped or None,
            "seconds": round(self.seconds, 3),
            "measurements": [measurement.to_dict() for measurement in self.measurements],
        }


def _wrapped(cells: Sequence[str]) -> list[str]:
    """The first cells broken into lines, at words alone."""
    widths = [*WIDTHS, *[sys.maxsize] * (len(cells) - len(WIDTHS))]
    return [
        textwrap.fill(cell, width, break_long_words=False, break_on_hyphens=False)
        for cell, width in zip(cells, widths, strict=True)
    ]


def named(
    names: Sequence[str],
    sections: Mapping[str, Section],
    groups: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> list[Section]:
    """The sections of these names, those of a group for its name; where none is named, all but the longest.

    Raises:
        UserError: if there is no such section; its text says which one may have been meant.
    """
    known = [*sections, *groups]
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
            raise UserError(f"bench: there is no section {name!r}; {hint}")
    single = [one for name in names for one in groups.get(name, (name,))]
    usual = [name for name, section in sections.items() if not section.by_itself]
    return [sections[name] for name in dict.fromkeys(single) or usual]


def listing(
    sections: Mapping[str, Section], groups: Mapping[str, Sequence[str]] = MappingProxyType({})
) -> str:
    """Every section with its sample and what it measures, then what is asked for together."""
    rows = [
        (one.name, f"{_many(one.size)} {one.unit}" if one.size else "-", one.title)
        for one in sections.values()
    ]
    rows += [(name, "a group", ", ".join(members)) for name, members in groups.items()]
    return tabulate(rows, ("section", "sample", "measures"), maxcolwidths=[None, 24, 50])


def _many(size: int) -> str:
    return "all" if size > 10**9 else f"{size:,}"


def bench(chosen: Sequence[tuple[Section, int]], arguments: argparse.Namespace) -> int:
    """Measure each section on a sample of its size; show and write the figures; the exit status."""
    done = []
    for section, size in chosen:
        measured = measure(section, Sample(size, arguments.seed, arguments.data, arguments.jobs))
        print(measured, end="\n\n", flush=True)
        done.append(measured)
    if arguments.json:
        facts = {**machine(), "seed": arguments.seed, "data": arguments.data}
        facts["sections"] = [measured.to_dict() for measured in done]
        write_text(arguments.json, json.dumps(plain(facts), indent=2, allow_nan=False))
    print(conclusion(done))
    kept = all(not measured.broken for measured in done)
    return KEPT if kept and any(measured.measurements for measured in done) else BROKEN


def measure(section: Section, sample: Sample) -> Measured:
    """One section, with the time it took."""
    started = time.perf_counter()
    try:
        found, skipped = tuple(section.measure(sample)), ""
    except Skipped as reason:
        found, skipped = (), str(reason)
    return Measured(section, sample, found, time.perf_counter() - started, skipped)


def conclusion(done: Sequence[Measured]) -> str:
    """How many promises are kept, and each that is not."""
    promised = sum(one.promise is not None for measured in done for one in measured.measurements)
    broken = [(measured.section.name, one) for measured in done for one in measured.broken]
    lines = [f"{promised - len(broken)} of {promised} promises kept."]
    for name, one in broken:
        what, figure, promise, _ = one.cells()
        lines.append(f"BROKEN in {name}: {what}: {figure}, promised {promise}")
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """When and where the figures were measured, and with which libraries."""
    return {
        "schema": SCHEMA,
        "date": now(),
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "libraries": versions(LIBRARIES),
    }
