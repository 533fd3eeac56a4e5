"""Section `cost`: what a complete check of a large input takes."""

from __future__ import annotations

import time

import numpy as np

from gradcheck import check
from layers import dense, relu
from reports.bench.measurement import Measurement, at_most, below, seconds
from reports.bench.section import Sample, Section

WIDE = 1568
"""Inputs of the worked example's widest layer: 14 · 14 · 8."""


def cost(sample: Sample) -> list[Measurement]:
    """Evaluations and seconds for large inputs."""
    rng = np.random.default_rng(sample.seed)
    x, W, b = rng.normal(size=(1, WIDE)), 0.01 * rng.normal(size=(WIDE, 100)), rng.normal(size=100)
    started = time.perf_counter()
    row = check(dense, x, W, b, wrt="W").rows[0]
    took = time.perf_counter() - started
    elementwise = check(relu, rng.normal(size=(1000, 1000))).rows[0]
    # Two pairs of evaluations a row of W, and a few hundred to find and confirm the aligned axes.
    promised = at_most(4 * WIDE + 300)
    return [
        Measurement("dense W (1568, 100): evaluations", row.evaluations, promised),
        Measurement("dense W (1568, 100)", took, below(2), seconds),
        Measurement("relu of 10⁶ entries: evaluations", elementwise.evaluations, at_most(20)),
    ]


SECTION = Section("cost", cost)
