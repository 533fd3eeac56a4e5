"""Section `start`: a cold start of the command line."""

from __future__ import annotations

import subprocess
import sys

from reports.bench.measurement import Measurement, below, seconds
from reports.bench.section import Sample, Section, quickest


def start(sample: Sample) -> list[Measurement]:
    """A cold start of the command line."""

    def cold(*arguments: str) -> float:
        command = [sys.executable, "-m", "reports", *arguments]
        return quickest(
            lambda: subprocess.run(command, check=True, capture_output=True), sample.size
        )

    return [
        Measurement(
            "gradcheck check dense --no-tape",
            cold("check", "dense", "--no-tape"),
            below(0.5),
            seconds,
        ),
        Measurement("gradcheck --help", cold("--help"), below(0.15), seconds),
    ]


SECTION = Section("start", start, "rounds", size=3, quick=1)
