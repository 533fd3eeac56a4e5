"""Section `alarms`: right layers at random shapes, configurations and scales, and what is said of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from gradcheck import Verdict, check
from gradcheck.layer import Layer
from gradcheck.result import Array
from layers import conv2d, dense, digits_cnn, relu, softmax, softmax_cross_entropy
from layers.catalogue import CATALOGUE
from reports.bench.measurement import NONE, Measurement, below, share
from reports.bench.section import Sample, Section


class Draw:
    """What is drawn for one check: sizes, and values at one scale."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.scale = 10.0 ** rng.uniform(-3, 1)

    def size(self, low: int = 1, high: int = 6) -> int:
        """A small size."""
        return int(self.rng.integers(low, high + 1))

    def normal(self, *shape: int) -> Array:
        """Values at the scale of this check."""
        return np.asarray(self.scale * self.rng.normal(size=shape))


Case = tuple[Layer, list[Array], dict[str, Any]]
"""A layer, its inputs, and options of the check."""


def _dense(draw: Draw) -> Case:
    n, d, m = draw.size(), draw.size(), draw.size()
    return dense, [draw.normal(n, d), draw.normal(d, m), draw.normal(m)], {}


def _conv2d(draw: Draw) -> Case:
    size = draw.size
    kernel, groups = (size(1, 3), size(1, 3)), size(1, 2)
    channels, features = groups * size(1, 2), groups * size(1, 2)
    options: dict[str, Any] = {"stride": size(1, 2), "padding": size(0, 1), "dilation": size(1, 2)}
    x = draw.normal(size(1, 2), size(5, 7), size(5, 7), channels)
    W = draw.normal(*kernel, channels // groups, features)
    return partial(conv2d, groups=groups, **options), [x, W, draw.normal(features)], {}


def _pool(name: str, draw: Draw) -> Case:
    size = draw.size
    window = size(2, 3)
    x = draw.normal(size(1, 2), size(3, 7), size(3, 7), size(1, 3))
    if draw.rng.random() < 0.3:
        x = np.round(x / draw.scale) * draw.scale  # ties
    return partial(CATALOGUE[name].layer, size=window, stride=size(1, 3)), [x], {}


def _relu(draw: Draw) -> Case:
    x = draw.normal(draw.size(), draw.size(), draw.size())
    return relu, [x * draw.rng.integers(0, 2, x.shape)], {}


def _softmax(draw: Draw) -> Case:
    return softmax, [draw.normal(draw.size(), draw.size(2))], {}


def _loss(draw: Draw) -> Case:
    n, c = draw.size(), draw.size(2)
    labels = draw.rng.integers(0, c, n)
    return softmax_cross_entropy, [draw.normal(n, c), labels], {}


def _network(draw: Draw) -> Case:
    rng = draw.rng
    network = digits_cnn((4, 4, 1), draw.size(2))
    theta = [p + 0.1 * rng.normal(size=p.shape) for p in network.initialize(rng, scheme="he")]
    x = rng.normal(size=(1, 4, 4, 1))
    return network, [x, *theta], {"wrt": ["conv.W", "conv.b", "output.b"]}


KINDS: tuple[Callable[[Draw], Case], ...] = (
    _dense,
    _conv2d,
    partial(_pool, "max_pool2d"),
    partial(_pool, "avg_pool2d"),
    _relu,
    _softmax,
    _loss,
    _network,
)


def _verdict(seed: int) -> Verdict:
    draw = Draw(np.random.default_rng([1, seed]))
    layer, inputs, options = KINDS[draw.rng.integers(len(KINDS))](draw)
    return check(layer, *inputs, seed=seed, **options).verdict


def alarms(sample: Sample) -> list[Measurement]:
    """False alarms and shrugs over random right layers at scales from 1e-3 to 10."""
    verdicts = sample.mapped(_verdict, sample.seeds, "alarms")
    wrong, unclear = (verdicts.count(v) for v in (Verdict.FAIL, Verdict.INCONCLUSIVE))
    return [
        Measurement("right layers convicted", wrong, NONE, detail=f"of {sample.size:,}"),
        share("inconclusive", unclear, sample.size, below(0.01)),
    ]


SECTION = Section("alarms", alarms, "checks of right layers", size=10_000, quick=300)
