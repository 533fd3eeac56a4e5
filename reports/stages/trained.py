"""Stage 3: training, in lockstep with the twin."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from gradcheck.result import Array
from reports.request import Found, Request
from reports.training import (
    LARGEST_DEVIATION,
    LEARNING_RATE,
    SMALLEST_ACCURACY,
    SMALLEST_FALL,
    STEPS,
    HandTrainer,
    Lockstep,
    TapeTrainer,
    adam,
    confusion,
    keras_digits_cnn,
    keras_twin,
    lockstep,
    tensorflow_twin,
)

TRAINED_ON = 100
"""Images: as many as the classic homework trains on, all of them in every batch."""


def train(request: Request) -> Found:
    """Stage 3: fifty steps of Adam, in lockstep with the TensorFlow twin."""
    data, steps = request.data, 10 if request.quick else STEPS
    x, labels = data.x_train[:TRAINED_ON], data.y_train[:TRAINED_ON]
    before = request.network.initialize(np.random.default_rng(request.seed), scheme="he")
    ours, twin = _trainers(request, before)
    counter = request.progress.counter("training")
    curves = lockstep(ours, twin, [(x, labels)] * steps, counter)
    facts: dict[str, Any] = {
        "steps": steps,
        "images": len(x),
        "loss_before": curves.ours[0],
        "loss_after": curves.ours[-1],
        "training_accuracy": ours.accuracy(x, labels),
        "test_accuracy": ours.accuracy(data.x_test, data.y_test),
        "deviation": curves.deviation,
        "losses": {"ours": curves.ours, "twin": curves.twins},
        "confusion": confusion(data.y_test, ours.read(data.x_test), data.classes),
    }
    print(f"{steps} full-batch steps of Adam({LEARNING_RATE}) on {len(x)} digits.")
    print(f"Loss {curves.ours[0]:.3g} → {curves.ours[-1]:.3g}, a fall of {curves.fall:.3%}.")
    print(
        f"Accuracy: training {facts['training_accuracy']:.1%}, "
        f"test {facts['test_accuracy']:.1%} of {len(data.x_test)}."
    )
    print(f"Largest relative deviation from the TensorFlow twin: {curves.deviation:.1e}.")
    problems = _problems(curves, facts["training_accuracy"], request.quick)
    for problem in problems:
        print(f"! {problem}")
    print("FAIL." if problems else "PASS.")
    after = ours.optimizer.parameters[0]
    arrays = {"before": before[0], "after": after, "read": ours.read(data.x_test)}
    figures = _training_figures(curves, before[0], after)
    return Found(not problems, notes=problems, facts=facts, figures=figures, arrays=arrays)


def _trainers(request: Request, before: tuple[Array, ...]) -> tuple[HandTrainer, TapeTrainer]:
    """Ours, and Keras's own layers for the worked example, our TensorFlow twin for other networks."""
    from layers import twins

    ours = HandTrainer(request.network, before, adam())
    if request.architecture == "digits_cnn":
        model = keras_digits_cnn(request.network.input_shape, request.data.classes)
        return ours, keras_twin(model, before, adam())
    return ours, tensorflow_twin(getattr(twins, request.architecture), before, adam())


def _problems(curves: Lockstep, accuracy: float, quick: bool) -> tuple[str, ...]:
    """What is wrong with a training run; a quick one is too short to have learned."""
    problems = []
    if not curves.deviation <= LARGEST_DEVIATION:
        problems.append(f"the loss curves part at step {curves.parted_at}")
    if not quick and not curves.fall >= SMALLEST_FALL:
        problems.append(f"the loss fell by less than {SMALLEST_FALL:.0%}")
    if not quick and not accuracy >= SMALLEST_ACCURACY:
        problems.append(f"the training accuracy is below {SMALLEST_ACCURACY:.0%}")
    return tuple(problems)


def _training_figures(curves: Lockstep, before: Array, after: Array) -> dict[str, Any]:
    from reports import figures

    drawn: dict[str, Any] = {"losses.svg": partial(figures.losses, curves)}
    if before.ndim == 4:
        drawn["filters.svg"] = partial(figures.filters, before, after)
    return drawn
