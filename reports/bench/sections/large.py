"""Section `large`: every entry of networks as large as people's: what it takes, and how much memory."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from functools import partial
from math import isqrt

import numpy as np

from gradcheck import Report, Verdict, check
from layers import conv2d, dense, flatten, max_pool2d, relu, transformer_block
from layers.network import Network, Step
from layers.networks import weights
from layers.types import Array
from reports.bench.measurement import NONE, Measurement, at_most, count, seconds
from reports.bench.section import Sample, Section
from reports.parallel import apart
from reports.stages.network import starting_point

SIDE, CHANNELS, CLASSES = 16, 3, 10
"""Images so small that the parameters, not the pixels, are what there is to check."""

TOKENS, HEADS = 16, 4

BLOCK = "block"


def vgg(millions: int) -> Network:
    """Convolutions 3×3 with pooling in between, then dense layers; so many million parameters."""
    # 9 (2 + 8 + 16) w² in the convolutions and 256 w² in the first dense layer: 490 w² in all.
    w = isqrt(millions * 10**6 // 490)
    pool, same = partial(max_pool2d, size=2), partial(conv2d, padding=1)
    return Network(
        [
            *(Step("conv1", same, weights(3, 3, CHANNELS, w)), Step("relu1", relu)),
            Step("pool1", pool),
            *(Step("conv2", same, weights(3, 3, w, 2 * w)), Step("relu2", relu)),
            *(Step("conv3", same, weights(3, 3, 2 * w, 4 * w)), Step("relu3", relu)),
            Step("pool3", pool),
            *(Step("conv4", same, weights(3, 3, 4 * w, 4 * w)), Step("relu4", relu)),
            *(Step("pool4", pool), Step("flatten", flatten)),
            *(Step("hidden", dense, weights(16 * w, 16 * w)), Step("relu5", relu)),
            Step("output", dense, weights(16 * w, CLASSES)),
        ],
        (SIDE, SIDE, CHANNELS),
    )


def large(sample: Sample) -> Iterator[Measurement]:
    """Every entry of a VGG-like network, layer by layer, and of a transformer block as one function."""
    network = vgg(sample.size)
    tasks = [BLOCK, *(step.name for step in network.steps)]
    work = partial(_checked, millions=sample.size, seed=sample.seed)
    found = apart(work, tasks, sample.jobs)
    block, *steps = (one for _, one in zip(sample.over(tasks, "large"), found, strict=True))
    processor = "seconds of the processor"
    yield Measurement(f"VGG-like: {processor}", sum(s for s, *_ in steps), at_most(900), seconds)
    yield Measurement("VGG-like: parameters", network.size)
    detail = f"{block[1]:,} evaluations"
    yield Measurement(f"transformer block: {processor}", block[0], at_most(180), seconds, detail)
    yield Measurement("gradients that do not pass", sum(n for _, _, n, _ in (block, *steps)), NONE)
    peak = max(megabytes for *_, megabytes in (block, *steps))
    yield Measurement("memory at its peak, MB", peak, at_most(1_500), count)


def _checked(what: str, millions: int, seed: int) -> tuple[float, int, int, float]:
    """Seconds of the processor, evaluations, gradients that do not pass, and the peak of memory in MB."""
    started = time.process_time()
    report = _block(millions, seed) if what == BLOCK else _step(what, vgg(millions), seed)
    took = time.process_time() - started
    wrong = sum(row.verdict is not Verdict.PASS for row in report)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return took, report.evaluations, wrong, peak


def _step(name: str, network: Network, seed: int) -> Report:
    """A layer of the network with what really arrives there."""
    x = np.random.default_rng(seed).uniform(size=(1, *network.input_shape))
    visits = network.trace(x, *starting_point(network, seed))
    visit = next(visit for visit in visits if visit.step.name == name)
    return check(visit.step.layer, *visit.inputs, seed=seed, lines=False)


def _block(millions: int, seed: int) -> Report:
    """A transformer block, of width 256 beside ten million parameters; nobody tells its layers."""
    rng, D = np.random.default_rng(seed), HEADS * isqrt(410 * millions)

    def matrix(*shape: int) -> Array:
        return np.asarray(rng.normal(size=shape) / np.sqrt(shape[0]))

    def norm() -> list[Array]:
        return [1 + 0.1 * rng.normal(size=D), 0.1 * rng.normal(size=D)]

    attention = [matrix(D, D) for _ in range(4)]
    branch = [matrix(D, 4 * D), rng.normal(size=4 * D), matrix(4 * D, D), rng.normal(size=D)]
    inputs = [rng.normal(size=(1, TOKENS, D)), *norm(), *attention, *norm(), *branch]
    return check(partial(transformer_block, heads=HEADS), *inputs, seed=seed, lines=False)


SECTION = Section("large", large, "million parameters", size=10, quick=1, by_itself=True)
