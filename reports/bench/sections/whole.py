"""Section `whole`: every entry of the worked example's network, layer by layer, as one function, and by peers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from statistics import median

import numpy as np

from gradcheck import Report, Verdict, check
from layers.network import Objective
from layers.networks import digits_cnn
from layers.types import Array
from reports.bench.measurement import NONE, Measurement, at_least, at_most, below, seconds, times
from reports.bench.peers import PEERS, Peer
from reports.bench.peers.subject import Subject, subject
from reports.bench.section import Sample, Section, of_processor
from reports.stages.network import starting_point, step_reports

IMAGES, SIDE = 2, 28

LAYERS, FUNCTION = "layers", "function"

ROUNDS = 5
"""Of ours, which take a second: the first also pays for what is imported, and others use the machine."""

FEWER, MORE = "conv.b", "hidden.b"
"""Peers take minutes to hours over all entries: they are asked for those of a small parameter and of a larger
one, and what the difference takes is multiplied up."""

PROMISED = {
    "torch gradcheck, slow mode": at_least(200),
    "tf.test.compute_gradient": at_least(1000),
    "scipy approx_fprime": at_least(150),
    "torch gradcheck, fast mode": at_least(1),
}
"""How many times longer a peer takes than a complete check, layer by layer."""

AT_ONCE = "torch gradcheck, fast mode"
"""It follows one random projection, whatever the number of entries."""


def whole(sample: Sample) -> Iterator[Measurement]:
    """The digits network at 28×28, every entry of every gradient, one thread each."""
    work = partial(_timed, seed=sample.seed)
    peers = [peer for peer in PEERS if peer.name in PROMISED and peer.installed]
    asked = [LAYERS, FUNCTION, *(peer.name for peer in peers)]
    layers, function, *theirs = sample.timed(work, asked, "whole")
    wrong, evaluations = function[1:]
    yield Measurement("layer by layer", layers[0], None, seconds)
    yield Measurement("as one function", function[0], below(20), seconds)
    # Behind the loss every entry would cost four: 638,232.
    yield Measurement("as one function: evaluations", evaluations, at_most(25_000))
    yield Measurement("gradients that do not pass", layers[1] + wrong, NONE)
    for peer, (took, _, entries) in zip(peers, theirs, strict=True):
        behind = f"{took:,.0f} s" + f", {entries:,} entries, multiplied up" * bool(entries)
        promise = PROMISED[peer.name]
        yield Measurement(f"{peer} beside layer by layer", took / layers[0], promise, times, behind)


def _timed(what: str, seed: int) -> tuple[float, int, int]:
    """Seconds, gradients that do not pass, and evaluations; of a peer the entries that it was asked for."""
    network = digits_cnn((SIDE, SIDE, 1))
    rng = np.random.default_rng(seed)
    x, labels = rng.uniform(size=(IMAGES, SIDE, SIDE, 1)), rng.integers(0, 10, IMAGES)
    parameters = starting_point(network, seed)

    def by_layers() -> list[Report]:
        steps = step_reports(network, x, labels, parameters, tape=False, seed=seed)
        return [report for _, report in steps]

    def at_once() -> list[Report]:
        return [check(Objective(network), x, labels, *parameters, seed=seed)]

    if what not in (LAYERS, FUNCTION):
        (peer,) = (peer for peer in PEERS if peer.name == what)
        return _of_peer(peer, Objective(network), [x, labels, *parameters])
    work = by_layers if what == LAYERS else at_once
    took, found = median(of_processor(work) for _ in range(ROUNDS)), work()
    wrong = sum(row.verdict is not Verdict.PASS for report in found for row in report)
    return took, wrong, sum(report.evaluations for report in found)


def _of_peer(peer: Peer, objective: Objective, inputs: Sequence[Array]) -> tuple[float, int, int]:
    """Seconds that a peer would take over every entry, and over how many it was asked for that."""
    all_of_it = subject("network", objective, inputs)
    small, large = (_only(all_of_it, objective, name) for name in (FEWER, MORE))
    of_processor(partial(peer.accepts, small))
    if peer.name == AT_ONCE:
        return of_processor(partial(peer.accepts, all_of_it)), 0, 0
    fewer, more = (of_processor(partial(peer.accepts, one)) for one in (small, large))
    between = large.point[0].size - small.point[0].size
    entries = sum(x.size for x in all_of_it.point)
    return fewer + (more - fewer) * entries / between, 0, between


def _only(one: Subject, objective: Objective, name: str) -> Subject:
    """The same function of one parameter, the others held."""
    return replace(one, positions=(objective.input_names.index(name),))


SECTION = Section("whole", whole)
