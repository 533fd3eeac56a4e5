"""Section `training`: the layers' page-long code against the plain loops of a lecture."""

from __future__ import annotations

from functools import partial

import numpy as np

from layers import Objective, conv2d, digits_cnn, max_pool2d, reference
from layers.types import Layer, present
from reports.bench.measurement import Measurement, at_least, seconds, times
from reports.bench.section import Sample, Section, quickest

IMAGES, FEW = 100, 2
"""The plain loops run over a few of the images and are multiplied up: they take time in proportion."""


def _times(rounds: int, seed: int) -> tuple[float, float, float]:
    """Seconds of the plain loops, of the layers' own code, and of the whole network."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(IMAGES, 28, 28, 1))
    W, b = rng.normal(size=(3, 3, 1, 8)), rng.normal(size=8)

    def there_and_back(conv: Layer, pool: Layer, images: int) -> None:
        y, backward_conv = conv(x[:images], W, b, padding=1)
        pooled, backward_pool = pool(y)
        backward_conv(*present(backward_pool(pooled)))

    network = digits_cnn((28, 28, 1))
    theta = network.initialize(rng, scheme="he")
    labels = rng.integers(0, 10, IMAGES)
    objective = Objective(network)
    plain = quickest(lambda: there_and_back(reference.conv2d, reference.max_pool2d, FEW), 1)
    fast = quickest(lambda: there_and_back(conv2d, max_pool2d, IMAGES), rounds)
    whole = quickest(lambda: objective.gradients(x, labels, *theta), rounds)
    return plain * IMAGES / FEW, fast, whole


def training(sample: Sample) -> list[Measurement]:
    """Forward and backward of convolution and pooling against plain loops, 100 images 28×28."""
    work = partial(_times, seed=sample.seed)
    ((plain, fast, whole),) = sample.timed(work, [sample.size], "training")
    few = f"{FEW} images, times {IMAGES // FEW}"
    return [
        Measurement("convolution and pooling, plain loops", plain, None, seconds, few),
        Measurement("convolution and pooling, as in layers/", fast, None, seconds),
        Measurement("whole network, forward and backward", whole, None, seconds),
        Measurement("plain loops over the whole network", plain / whole, at_least(200), times),
    ]


SECTION = Section("training", training, "rounds", size=5, quick=2)
