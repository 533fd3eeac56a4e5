"""Section `stage2`: every parameter of the worked example on real digits, one image at a time."""

from __future__ import annotations

import time

import numpy as np

from layers import digits_cnn
from reports.bench.measurement import NONE, Measurement, below, seconds
from reports.bench.section import Sample, Section


def stage2(sample: Sample) -> list[Measurement]:
    """Every parameter of the network on real images, one image at a time."""
    from reports.data import load
    from reports.stages.network import starting_point, step_reports

    data = load(sample.data)
    network = digits_cnn(data.x_train.shape[1:], data.classes)
    parameters = starting_point(network, sample.seed)
    bad, took = 0, []
    for k in sample.over(range(sample.size), "stage2"):
        started = time.perf_counter()
        x, labels = data.x_train[k : k + 1], data.y_train[k : k + 1]
        steps = step_reports(network, x, labels, parameters, tape=False, seed=k)
        bad += sum(not report.passed for _, report in steps)
        took.append(time.perf_counter() - started)
    return [
        Measurement(f"layers that do not pass, {data.source}", bad, NONE),
        Measurement(
            f"all {network.size:,} parameters on one image, median",
            float(np.median(took)),
            below(10),
            seconds,
        ),
    ]


SECTION = Section("stage2", stage2, "images", size=100, quick=2)
