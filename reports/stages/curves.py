"""The V of every gradient, drawn on the page: worked out beside the check, where the layer is at hand."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gradcheck.curves import StepCurves, curves_of
from reports.table import Line

STEPS = np.logspace(-1, -15, 15)
"""One a decade: a V that can be told from a plateau, in a few hundred bytes."""

METHODS = ("central", "extrapolated")
"""What textbooks take, and what the check takes."""


def with_curves(lines: Iterable[Line]) -> list[Line]:
    """The lines, each with its error against the step."""
    return [replace(line, curves=_curves(line)) for line in lines]


def _curves(line: Line) -> StepCurves | None:
    """None where a gradient is missing or of another shape: it has no slope."""
    try:
        return curves_of(line.report, line.row.name, steps=STEPS, methods=METHODS)
    except ValueError:
        return None
