"""The three stages of the main job: every layer, the network on real digits, training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import random_upstream
from gradcheck.result import Array, Report
from gradcheck.tape import tensorflow
from layers.catalogue import twin_of
from layers.losses import softmax_cross_entropy
from layers.network import Network, Objective
from layers.types import Layer, present
from reports.parallel import mapped
from reports.places import Place, places
from reports.progress import Progress
from reports.request import Found, Request
from reports.table import Line, lines, render

if TYPE_CHECKING:
    from reports.training import HandTrainer, Lockstep, TapeTrainer

IMAGES = 2
"""Real images that arrive at every layer in stage 2: enough that a mean over them is not a sum."""

TRAINED_ON = 100
"""Images of the training in stage 3: the size of the classic homework, a full batch."""

REMARKS = {
    "kink": "entries at a tie or at a ReLU's zero, where any value between the slopes is right.",
    "vacuous": "a gradient that is zero here, so that little was proved.",
    "directional": "checked along random directions, so that no wrong entry escapes but with "
    "the probability written in the report.",
}
"""Findings beside a PASS, and what they mean."""


# Stage 1.


def check_layers(request: Request) -> Found:
    """Stage 1: every configuration of the catalogue, against both witnesses."""
    chosen = places(1 if request.quick else None)
    work = partial(_check_place, seed=request.seed, tape=request.tape)
    reports, table = [], []
    done = mapped(work, chosen, request.jobs)
    for place, report in zip(request.progress.over(chosen, "layers"), done, strict=True):
        reports.append(report)
        table += lines(place.name, place.configuration.label, report)
    print(render(table))
    return _concluded(reports, table, "errors-layers.png", "Every layer")


def _check_place(place: Place, seed: int, tape: bool) -> Report:
    return check(
        place.layer,
        *place.inputs(seed),
        twin=twin_of(place.layer) if tape else None,
        seed=seed,
        name=f"{place.name} ({place.configuration.label})",
    )


# Stage 2.


def check_network(request: Request) -> Found:
    """Stage 2: each layer of the network with what really arrives there, then all of it at once."""
    network = request.network
    print(network.summary())
    count = 1 if request.quick else IMAGES
    x, labels = request.data.x_train[:count], request.data.y_train[:count]
    parameters = starting_point(network, request.seed)
    steps = step_reports(
        network,
        x,
        labels,
        parameters,
        tape=request.tape,
        seed=request.seed,
        progress=request.progress,
    )
    end_to_end = _end_to_end(network, x, labels, parameters, request)
    table = [
        *(line for name, report in reversed(steps) for line in _owned(name, report)),
        *lines("network", "end to end", end_to_end),
    ]
    print(render(table))
    checked = sum(row.numeric.size for _, report in steps for row in report.rows if row.name != "x")
    print(f"{network.size:,} parameters; {checked:,} of their gradient entries checked each.")
    reports = [*(report for _, report in steps), end_to_end]
    return _concluded(reports, table, "errors-network.png", "The network on real digits")


def starting_point(network: Network, seed: int) -> tuple[Array, ...]:
    """Parameters to check at: He's weights, and small biases that are not zero.

    At a zero bias every ReLU over a digit's blank background sits exactly on its kink.
    """
    rng = np.random.default_rng(seed)
    parameters = network.initialize(rng, scheme="he")
    return tuple(
        p if p.ndim > 1 else p + rng.choice([-1.0, 1.0], p.shape) * rng.uniform(0.01, 0.1, p.shape)
        for p in parameters
    )


def step_reports(
    network: Network,
    x: Array,
    labels: Array,
    parameters: tuple[Array, ...],
    *,
    tape: bool,
    seed: int,
    progress: Progress | None = None,
) -> list[tuple[str, Report]]:
    """Check every step with its real inputs and its real upstream gradient: the loss, then backwards."""

    def checked(layer: Layer, inputs: tuple[Array, ...], dy: Array, name: str) -> Report:
        twin = twin_of(layer) if tape else None
        counter = progress.counter(name) if progress else None
        return check(layer, *inputs, twin=twin, upstream=dy, seed=seed, name=name, progress=counter)

    visits = list(network.trace(x, *parameters))
    logits = visits[-1].value
    loss, backward_loss = softmax_cross_entropy(logits, labels)
    dy = np.asarray(random_upstream(loss, seed))
    found = [("loss", checked(softmax_cross_entropy, (logits, labels), dy, "loss"))]
    (dy,) = present(backward_loss(dy))
    for visit in reversed(visits):
        name = visit.step.name
        found.append((name, checked(visit.step.layer, visit.inputs, dy, name)))
        arrived = visit.backward(dy)[0]
        assert arrived is not None
        dy = arrived
    return found


def _owned(step: str, report: Report) -> list[Line]:
    """The rows of a step, parameters under their names in the network: conv.W."""
    return [
        line
        if step == "loss" or line.row.name == "x"
        else replace(line, row=replace(line.row, name=f"{step}.{line.row.name}"))
        for line in lines(step, "real digits", report)
    ]


def _end_to_end(
    network: Network, x: Array, labels: Array, parameters: tuple[Array, ...], request: Request
) -> Report:
    """The composition, loss included: against the tape, and along random directions."""
    twin = None
    if request.tape:
        from layers import twins

        logits = getattr(twins, request.architecture)

        def twin(x: Any, labels: Any, *theta: Any) -> Any:
            return twins.softmax_cross_entropy(logits(x, *theta), labels)

    return check(
        Objective(network),
        x,
        labels,
        *parameters,
        wrt=network.names,
        twin=twin,
        effort="directional",
        seed=request.seed,
        name="network",
    )


def _concluded(reports: Sequence[Report], table: Sequence[Line], file: str, title: str) -> Found:
    """Say what came of a stage: how many passed, how large the errors, and what was found."""
    verdict = Verdict.of(report.verdict for report in reports)
    passed = sum(line.row.verdict is Verdict.PASS for line in table)
    largest = max(line.row.relative_error for line in table)
    print(f"{passed} of {len(table)} gradients PASS; largest relative error {largest:.1e}.")
    for code, count in _remarks(reports).items():
        print(f"{count} with finding {code}: {REMARKS[code]}")
    notes = _complaints(reports)
    for note in notes:
        print(f"! {note}")
    print(f"{verdict}.")

    def drawn() -> Any:
        from reports import figures

        return figures.errors(table, f"{title}: relative error of each gradient")

    return Found(verdict is Verdict.PASS, tuple(table), notes, figures={file: drawn})


def _remarks(reports: Sequence[Report]) -> Counter[str]:
    """How often each finding stands beside a PASS."""
    return Counter(
        finding.code
        for report in reports
        if report.passed
        for finding in report.all_findings()
        if finding.code in REMARKS
    )


def _complaints(reports: Sequence[Report]) -> tuple[str, ...]:
    """What is said of everything that did not pass."""
    return tuple(
        f"{report.name}: {finding}"
        for report in reports
        if not report.passed
        for finding in report.all_findings()
    )


# Stage 3.


def train(request: Request) -> Found:
    """Stage 3: fifty steps of Adam, in lockstep with the TensorFlow twin."""
    from reports import training as t

    data, steps = request.data, 10 if request.quick else t.STEPS
    x, labels = data.x_train[:TRAINED_ON], data.y_train[:TRAINED_ON]
    before = request.network.initialize(np.random.default_rng(request.seed), scheme="he")
    ours, twin = _trainers(request, before)
    counter = request.progress.counter("training")
    curves = t.lockstep(ours, twin, [(x, labels)] * steps, counter)
    facts = {
        "steps": steps,
        "images": len(x),
        "loss_before": curves.ours[0],
        "loss_after": curves.ours[-1],
        "training_accuracy": ours.accuracy(x, labels),
        "test_accuracy": ours.accuracy(data.x_test, data.y_test),
        "deviation": curves.deviation,
    }
    print(f"{steps} full-batch steps of Adam({t.LEARNING_RATE}) on {len(x)} digits.")
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
    figures = _training_figures(curves, before[0], ours.optimizer.parameters[0])
    return Found(not problems, notes=problems, facts=facts, figures=figures)


def _trainers(request: Request, before: tuple[Array, ...]) -> tuple[HandTrainer, TapeTrainer]:
    """Ours, and Keras's own layers for the worked example, our TensorFlow twin for other networks."""
    from layers import twins
    from reports import training as t

    def adam() -> Any:
        return tensorflow().keras.optimizers.Adam(t.LEARNING_RATE)

    ours = t.HandTrainer(request.network, before, adam())
    if request.architecture == "digits_cnn":
        model = t.keras_digits_cnn(request.network.input_shape, request.data.classes)
        return ours, t.keras_twin(model, before, adam())
    return ours, t.tensorflow_twin(getattr(twins, request.architecture), before, adam())


def _problems(curves: Lockstep, accuracy: float, quick: bool) -> tuple[str, ...]:
    """What is wrong with a training run; a quick one is too short to have learned."""
    from reports import training as t

    problems = []
    if not curves.deviation <= t.LARGEST_DEVIATION:
        problems.append(f"the loss curves part at step {curves.parted_at}")
    if not quick and not curves.fall >= t.SMALLEST_FALL:
        problems.append(f"the loss fell by less than {t.SMALLEST_FALL:.0%}")
    if not quick and not accuracy >= t.SMALLEST_ACCURACY:
        problems.append(f"the training accuracy is below {t.SMALLEST_ACCURACY:.0%}")
    return tuple(problems)


def _training_figures(curves: Lockstep, before: Array, after: Array) -> dict[str, Any]:
    from reports import figures

    drawn: dict[str, Any] = {"losses.png": partial(figures.losses, curves)}
    if before.ndim == 4:
        drawn["filters.png"] = partial(figures.filters, before, after)
    return drawn
