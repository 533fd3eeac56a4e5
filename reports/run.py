"""The main job: check every layer, check the whole network on real digits, and only then train."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import Layer, random_upstream
from gradcheck.result import Array, Report, plain
from gradcheck.tape import tensorflow
from layers.catalogue import CATALOGUE, twin_of
from layers.losses import softmax_cross_entropy
from layers.network import Network
from layers.networks import NETWORKS
from reports.data import Digits
from reports.files import write_text
from reports.progress import Progress
from reports.table import Line, lines, render
from reports.targets import of_catalogue

IMAGES = 2
"""Real images that arrive at every layer in stage 2."""
TRAINED_ON = 100


@dataclass
class Job:
    """What one run was asked to do, and what it has found so far."""

    data: Digits
    out: Path
    tape: bool = True
    seed: int = 0
    quick: bool = False
    architecture: str = "digits_cnn"
    progress: Progress = field(default_factory=Progress)
    layers: list[Line] = field(default_factory=list)
    network: list[Line] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


def run(job: Job) -> bool:
    """Do the three stages, write the report, and say whether everything passed."""
    print(f"Data: {job.data}. Seed {job.seed}.")
    if job.quick:
        print("Quick: the first configuration of each layer, one image.")
    if job.tape:
        with _stage("Starting TensorFlow, the second witness"):
            print(f"TensorFlow {tensorflow().__version__}.")
    right = check_layers(job)
    right = check_network(job) and right
    if not job.tape:
        print("\nStage 3. Training: left out. Adam and the twin are TensorFlow's (--no-tape).")
        print("Left out too: the comparison with GradientTape in stages 1 and 2.")
        job.facts["training"] = "left out (--no-tape)"
    elif not right:
        print("\nStage 3. Training: left out, because a gradient above is not right.")
        job.facts["training"] = "left out (a gradient is not right)"
    else:
        right = train(job)
    _write(job, right)
    print(f"\n{'Everything passed' if right else 'NOT everything passed'}. Report: {job.out}")
    return right


def check_layers(job: Job) -> bool:
    """Stage 1: every configuration of the catalogue, against both witnesses."""
    with _stage("Stage 1. Every layer"):
        targets = [
            target
            for entry in CATALOGUE.values()
            for target in of_catalogue(entry)[: 1 if job.quick else None]
        ]
        reports = []
        for target in job.progress.over(targets, "layers"):
            report = target.run(job.seed, job.tape, None)
            reports.append(report)
            job.layers += lines(target.layer, target.configuration, report)
        print(render(job.layers))
        return _concluded(job, reports, job.layers)


def check_network(job: Job) -> bool:
    """Stage 2: each layer of the network with what really arrives there, then all of it at once."""
    with _stage("Stage 2. The whole network on real digits"):
        network = NETWORKS[job.architecture](job.data.x_train.shape[1:], job.data.classes)
        print(network.summary())
        count = 1 if job.quick else IMAGES
        x, labels = job.data.x_train[:count], job.data.y_train[:count]
        parameters = starting_point(network, job.seed)
        reports = step_reports(network, x, labels, parameters, job)
        end_to_end = _end_to_end(network, x, labels, parameters, job)
        job.network += lines("network", "end to end", end_to_end)
        print(render(job.network))
        entries = sum(line.row.numeric.size for line in job.network if "." in line.row.name) // 2
        print(f"{network.size:,} parameters; {entries:,} of their gradient entries checked each.")
        return _concluded(job, [*reports, end_to_end], job.network)


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
    network: Network, x: Array, labels: Array, parameters: tuple[Array, ...], job: Job
) -> list[Report]:
    """Check every step with its real inputs and its real upstream gradient, last layer first."""
    visits = list(network.trace(x, *parameters))
    loss, back = softmax_cross_entropy(visits[-1].value, labels)
    dy = np.asarray(random_upstream(loss, job.seed))
    reports = [_checked(softmax_cross_entropy, (visits[-1].value, labels), dy, "loss", job)]
    upstream = back(dy)[0]
    assert upstream is not None
    todo = job.progress.over(visits[::-1], "network")
    found: list[list[Line]] = [lines("loss", "real digits", reports[0])]
    for visit in todo:
        report = _checked(visit.step.layer, visit.inputs, upstream, visit.step.name, job)
        reports.append(report)
        owned = lines(visit.step.name, "real digits", report)
        found.append([_named(line) if line.row.name != "x" else line for line in owned])
        arrived = visit.backward(upstream)[0]
        assert arrived is not None
        upstream = arrived
    job.network += [line for owned in reversed(found) for line in owned]
    return reports


def _named(line: Line) -> Line:
    """A parameter's row under its name in the network: conv.W."""
    return replace(line, row=replace(line.row, name=f"{line.layer}.{line.row.name}"))


def _checked(layer: Layer, inputs: tuple[Array, ...], dy: Array, name: str, job: Job) -> Report:
    return check(
        layer,
        *inputs,
        twin=twin_of(layer) if job.tape else None,
        upstream=dy,
        seed=job.seed,
        name=name,
    )


def _end_to_end(
    network: Network, x: Array, labels: Array, parameters: tuple[Array, ...], job: Job
) -> Report:
    """The composition, loss included: against the tape, and along random directions."""

    def composed(*theta: Array) -> tuple[Array, Any]:
        logits, back_through_network = network(x, *theta)
        loss, back_through_loss = softmax_cross_entropy(logits, labels)

        def backward(dy: Array) -> tuple[Array | None, ...]:
            dlogits, _ = back_through_loss(dy)
            assert dlogits is not None
            return back_through_network(dlogits)[1:]

        return loss, backward

    composed.input_names = network.names  # type: ignore[attr-defined]
    twin = None
    if job.tape:
        from layers import twins

        logits = getattr(twins, job.architecture)

        def twin(*theta: Any) -> Any:
            return twins.softmax_cross_entropy(logits(x, *theta), labels)

    return check(
        composed, *parameters, twin=twin, effort="directional", seed=job.seed, name="network"
    )


def train(job: Job) -> bool:
    """Stage 3: fifty steps of Adam, in lockstep with the TensorFlow twin."""
    from reports import training as t

    with _stage("Stage 3. Training"):
        tf = tensorflow()
        data, steps = job.data, 10 if job.quick else t.STEPS
        x, labels = data.x_train[:TRAINED_ON], data.y_train[:TRAINED_ON]
        network = NETWORKS[job.architecture](x.shape[1:], data.classes)
        before = network.initialize(np.random.default_rng(job.seed), scheme="he")
        ours = t.HandTrainer(network, before, tf.keras.optimizers.Adam(t.LEARNING_RATE))
        twin = _twin(job, x.shape[1:], before)
        curves = t.lockstep(ours, twin, [(x, labels)] * steps, job.progress.counter("training"))
        fall = 1 - curves.ours[-1] / curves.ours[0]
        reached, tested = ours.accuracy(x, labels), ours.accuracy(data.x_test, data.y_test)
        print(f"{steps} full-batch steps of Adam({t.LEARNING_RATE}) on {len(x)} digits.")
        print(f"Loss {curves.ours[0]:.3g} → {curves.ours[-1]:.3g}, a fall of {fall:.3%}.")
        print(f"Accuracy: training {reached:.1%}, test {tested:.1%} of {len(data.x_test)}.")
        print(f"Largest relative deviation from the TensorFlow twin: {curves.deviation:.1e}.")
        job.facts["training"] = {
            "steps": steps,
            "loss_before": curves.ours[0],
            "loss_after": curves.ours[-1],
            "training_accuracy": reached,
            "test_accuracy": tested,
            "deviation": curves.deviation,
        }
        problems = []
        if not curves.deviation <= t.LARGEST_DEVIATION:
            problems.append(f"the loss curves part at step {curves.parted_at}")
        if not job.quick and not fall >= t.SMALLEST_FALL:
            problems.append(f"the loss fell by less than {t.SMALLEST_FALL:.0%}")
        if not job.quick and not reached >= t.SMALLEST_ACCURACY:
            problems.append(f"the training accuracy is below {t.SMALLEST_ACCURACY:.0%}")
        _say(job, problems)
        _training_figures(job, x, labels, before[0], ours.optimizer.parameters[0], curves)
        print("FAIL." if problems else "PASS.")
        return not problems


def _twin(job: Job, image_shape: tuple[int, ...], before: tuple[Array, ...]) -> Any:
    """Keras's own layers for the worked example, our TensorFlow twin for the other networks."""
    from reports import training as t

    adam = tensorflow().keras.optimizers.Adam(t.LEARNING_RATE)
    if job.architecture == "digits_cnn":
        return t.KerasTrainer(
            lambda: t.keras_digits_cnn(image_shape, job.data.classes), before, adam
        )
    from layers import twins

    return t.TapeTrainer(getattr(twins, job.architecture), before, adam)


def _training_figures(
    job: Job, x: Array, labels: Array, before: Array, after: Array, curves: Any
) -> None:
    from reports import figures

    figures.save(figures.losses(curves), job.out / "losses.png")
    if before.ndim == 4:
        figures.save(figures.filters(before, after), job.out / "filters.png")


def _concluded(job: Job, reports: list[Report], table: list[Line]) -> bool:
    """Say what came of a stage: how many passed, how large the errors, and what was found."""
    verdict = Verdict.of(report.verdict for report in reports)
    passed = sum(line.row.verdict is Verdict.PASS for line in table)
    largest = max(line.row.relative_error for line in table)
    print(f"{passed} of {len(table)} gradients PASS; largest relative error {largest:.1e}.")
    counted: dict[str, int] = {}
    for report in reports:
        for finding in report.all_findings():
            if finding.code in ("kink", "vacuous", "directional") and report.passed:
                counted[finding.code] = counted.get(finding.code, 0) + 1
    for code, count in counted.items():
        print(f"{count} with finding {code}: {REMARKS[code]}")
    _say(
        job,
        [
            f"{report.name}: {finding}"
            for report in reports
            if not report.passed
            for finding in report.all_findings()
        ],
    )
    print(f"{verdict}.")
    return verdict is Verdict.PASS


REMARKS = {
    "kink": "entries at a tie or at a ReLU's zero, where any value between the slopes is right.",
    "vacuous": "a gradient that is zero here, so that little was proved.",
    "directional": "checked along random directions, so that no wrong entry escapes but with "
    "the probability written in the report.",
}


def _say(job: Job, notes: list[str]) -> None:
    for note in notes:
        print(f"! {note}")
    job.notes += notes


@contextmanager
def _stage(heading: str) -> Iterator[None]:
    print(f"\n{heading}\n{'=' * len(heading)}", flush=True)
    started = time.perf_counter()
    yield
    print(f"({time.perf_counter() - started:.1f} s)", flush=True)


def _write(job: Job, passed: bool) -> None:
    """The tables in every form, the figures, and the facts of the run."""
    from reports import figures

    table = [*job.layers, *job.network]
    endings = {"txt": "text", "md": "github", "csv": "csv"}
    for ending, form in endings.items():
        write_text(job.out / f"gradients.{ending}", render(table, form))
    facts = {
        "passed": passed,
        "data": str(job.data),
        "seed": job.seed,
        "quick": job.quick,
        "tape": job.tape,
        "python": platform.python_version(),
        "numpy": np.__version__,
        **job.facts,
        "notes": job.notes,
        "gradients": json.loads(render(table, "json")),
    }
    write_text(job.out / "gradients.json", json.dumps(plain(facts), indent=2, allow_nan=False))
    images, labels = job.data.x_train, job.data.y_train
    figures.save(figures.digits(images, labels, Path(job.data.source).name), job.out / "digits.png")
    figures.save(
        figures.errors(job.layers, "Every layer: relative error of each gradient"),
        job.out / "errors-layers.png",
    )
    figures.save(
        figures.errors(job.network, "The network on real digits: relative error of each gradient"),
        job.out / "errors-network.png",
    )
