"""Section `homework`: mistakes that training hides, each trained."""

from __future__ import annotations

import math
from collections.abc import Iterator

from reports.bench.measurement import NONE, Measurement, at_most, count, percent
from reports.bench.section import Sample, Section


def _step(value: float) -> str:
    return "never" if math.isinf(value) else count(value)


def _factor(value: float) -> str:
    return f"{value:.2g}"


def homework(sample: Sample) -> Iterator[Measurement]:
    """The classic homework's two mistakes and others of training code, on 100 digits."""
    from reports.data import load
    from reports.homework import TRAINING_MISTAKES, every_tie, rises, trained
    from reports.training import HandTrainer

    data, steps = load(sample.data), sample.size
    ties = every_tie(data, steps)
    yield Measurement(
        "every tie: one in 20 bias gradients over the true one is below", ties.low, None, _factor
    )
    yield Measurement("every tie: one in 20 is above", ties.high, None, _factor)
    yield Measurement("every tie: bias gradients with the wrong sign", ties.uphill, None, percent)
    yield Measurement("every tie: accuracy reached", ties.accuracy, None, percent)
    yield Measurement("right pooling: accuracy reached", ties.right_accuracy, None, percent)
    right = trained(HandTrainer, data, steps)
    yield Measurement("right training: steps in which the loss rises", rises(right.ours))
    parted = right.parted_at is not None
    yield Measurement("right training: loss curves that part", parted, NONE)
    for name, trainer in TRAINING_MISTAKES.items():
        curves = trained(trainer, data, steps)
        step = math.inf if curves.parted_at is None else curves.parted_at
        rising = f"the loss rises in {rises(curves.ours)} steps"
        yield Measurement(f"{name}: the curves part after step", step, at_most(2), _step, rising)


SECTION = Section("homework", homework, "training steps", size=50, quick=5)
