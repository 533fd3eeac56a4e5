"""Stage 2: the whole network, with the real digits that arrive at each of its layers."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck import check
from gradcheck.journal import Journal, Noting
from gradcheck.layer import random_upstream
from gradcheck.result import Array, Report
from gradcheck.slices import kept_by
from layers.catalogue import twin_of
from layers.losses import softmax_cross_entropy
from layers.network import Network, Objective
from layers.types import Layer, present
from reports.progress import Progress
from reports.request import Found, Request
from reports.stages.conclude import concluded
from reports.stages.curves import with_curves
from reports.table import Line, by_layer, lines, render

IMAGES = 2
"""Real images that arrive at every layer: enough that a mean over them is not a sum."""


WHOLE = "network"
"""What the table calls all layers at once."""


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
        journal=request.journal,
    )
    end_to_end = _end_to_end(network, x, labels, parameters, request)
    table = [
        *(line for name, report in reversed(steps) for line in _owned(name, report)),
        *with_curves(lines(WHOLE, "end to end", end_to_end)),
    ]
    print(render(table) if request.verbose else by_layer(table))
    checked = sum(
        line.row.numeric.size
        for line in table
        if line.layer != WHOLE and line.row.name in network.names
    )
    print(f"{network.size:,} parameters; {checked:,} entries of their gradients checked.")
    reports = [*(report for _, report in steps), end_to_end]
    return concluded(reports, table, "errors-network.svg", "The network on real digits")


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
    journal: Journal | None = None,
) -> list[tuple[str, Report]]:
    """Check every step with its real inputs and its real upstream gradient: the loss, then backwards."""

    def checked(layer: Layer, inputs: tuple[Array, ...], dy: Array, name: str) -> Report:
        twin = twin_of(layer) if tape else None
        counter = progress.counter(name) if progress else None
        with nullcontext() if journal is None else kept_by(Noting(journal, name)):
            return check(
                layer, *inputs, twin=twin, upstream=dy, seed=seed, name=name, progress=counter
            )

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
        for line in with_curves(lines(step, "real digits", report))
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
