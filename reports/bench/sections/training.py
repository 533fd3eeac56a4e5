"""Section `training`: the layers' page-long code against the plain loops of a lecture."""

from __future__ import annotations

import numpy as np

from layers import Objective, conv2d, digits_cnn, max_pool2d, reference
from layers.types import Layer, present
from reports.bench.measurement import Measurement, at_least, seconds, times
from reports.bench.section import Sample, Section, quickest

IMAGES, FEW = 100, 2
"""The plain loops run over a few of the images and are multiplied up: they take time in proportion."""


def training(sample: Sample) -> list[Measurement]:
    """Forward and backward of convolution and pooling against plain loops, 100 images 28×28."""
    rng = np.random.default_rng(sample.seed)
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

    fast = quickest(lambda: there_and_back(conv2d, max_pool2d, IMAGES), sample.size)
    plain = quickest(lambda: there_and_back(reference.conv2d, reference.max_pool2d, FEW), 1)
    plain *= IMAGES / FEW
    whole = quickest(lambda: objective.gradients(x, labels, *theta), sample.size)
    return [
        Measurement(
            "convolution and pooling, plain loops", plain, None, seconds, "2 images, times 50"
        ),
        Measurement("convolution and pooling, as in layers/", fast, None, seconds),
        Measurement("whole network, forward and backward", whole, None, seconds),
        Measurement("plain loops over the whole network", plain / whole, at_least(200), times),
    ]


SECTION = Section("training", training, "rounds", size=5, quick=2)
