"""Section `peers`: verdicts and seconds beside the gradient checkers of other projects, where installed."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice

import numpy as np

from gradcheck.layer import listed, random_upstream
from layers.activations import tanh
from layers.catalogue import CATALOGUE, Configuration
from layers.mistakes import MISTAKES, Mistake
from layers.types import Layer
from reports.bench.measurement import NONE, Measurement, Promise, seconds
from reports.bench.peers import PEERS, Peer
from reports.bench.peers.subject import Subject, subject
from reports.bench.section import EVERYTHING, Sample, Section
from reports.mutation import agree, all_mutants, sample_of
from reports.places import places

MUTANTS = 200
"""So many random mutants at most: enough that one missed in a hundred shows."""

WARM_UP = subject("warm-up", tanh, [np.ones(2)])
"""Asked first, so that imports and compilers are not timed."""


@dataclass
class Tally:
    """How often a peer accepted, how often it gave up with an exception, and what it took."""

    accepted: int = 0
    raised: int = 0
    seconds: float = 0.0


def peers(sample: Sample) -> Iterator[Measurement]:
    """False alarms on the catalogue, mistakes missed, and seconds, beside the peers installed."""
    seed = sample.seed
    right = [subject(str(one), one.layer, one.inputs(seed)) for one in sample.of(places())]
    planted = planted_mistakes(sample.of(list(MISTAKES.values())), seed)
    mutants = mutated(min(sample.size, MUTANTS), seed)
    present = [peer for peer in PEERS if peer.installed]
    tallies = {peer: asked(peer, right, sample) for peer in present}
    for peer, tally in tallies.items():
        rejected = len(right) - tally.accepted
        behind = f"of {len(right)}" + f", {tally.raised} by an exception" * bool(tally.raised)
        name = f"right layers not accepted: {peer}"
        yield Measurement(name, rejected, _promise(peer), detail=behind)
    for kind, subjects in (("planted mistakes", planted), ("random mutants", mutants)):
        for peer in present:
            missed = asked(peer, subjects, sample).accepted
            name, behind = f"{kind} missed: {peer}", f"of {len(subjects)}"
            yield Measurement(name, missed, _promise(peer), detail=behind)
    for peer, tally in tallies.items():
        yield Measurement(f"the right layers take: {peer}", tally.seconds, None, seconds)
    absent = [peer.name for peer in PEERS if not peer.installed]
    yield Measurement("peers not installed, skipped", len(absent), detail=", ".join(absent))


def _promise(peer: Peer) -> Promise | None:
    """We promise for ourselves alone."""
    return NONE if peer is PEERS[0] else None


def asked(peer: Peer, subjects: Sequence[Subject], sample: Sample) -> Tally:
    """What a peer says of each; an exception is a complaint."""
    tally = Tally()
    answer(peer, WARM_UP)
    for one in sample.over(subjects, peer.name):
        started = time.perf_counter()
        said = answer(peer, one)
        tally.seconds += time.perf_counter() - started
        tally.accepted += said is True
        tally.raised += said is None
    return tally


def answer(peer: Peer, one: Subject) -> bool | None:
    """Whether a peer accepts it; None if it gives up with an exception."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return peer.accepts(one)
        except Exception:
            return None


def planted_mistakes(mistakes: Sequence[Mistake], seed: int) -> list[Subject]:
    """Those whose numbers are wrong; conduct is not what peers look at."""
    found = (wrong(m.name, m.layer, m.planted, m.shows, seed) for m in mistakes)
    return [one for one in found if one is not None]


def mutated(count: int, seed: int) -> list[Subject]:
    """Random mutants whose numbers are wrong in their layer's first configuration."""
    found = (
        wrong(m.name, m.layer, m.planted, CATALOGUE[m.layer.__name__].configurations[0], seed)
        for m in sample_of(len(all_mutants()), seed)
    )
    return list(islice((one for one in found if one is not None), count))


def wrong(
    name: str, right: Layer, spoilt: Layer, configuration: Configuration, seed: int
) -> Subject | None:
    """A spoilt layer; None unless it returns gradients of the right shapes with other, finite numbers."""
    inputs = list(configuration.inputs(np.random.default_rng(seed)).values())
    options = configuration.options
    found = []
    for layer in (right, spoilt):
        y, backward = layer(*(x.copy() for x in inputs), **options)
        try:
            with np.errstate(all="ignore"):
                found.append(listed(backward(random_upstream(y, seed)), len(inputs)))
        except Exception:
            return None
    true, claimed = found
    if len(true) != len(claimed) or agree(true, claimed):
        return None
    pairs = [(a, b) for a, b in zip(true, claimed, strict=True) if a is not None]
    if not all(b is not None and a.shape == b.shape and np.isfinite(b).all() for a, b in pairs):
        return None
    layer = partial(spoilt, **options)
    return replace(subject(name, partial(right, **options), inputs), layer=layer)


SECTION = Section("peers", peers, "configurations, mistakes and mutants", EVERYTHING, quick=10)
