"""Section `training`: a step of the digits network against the plain loops of a lecture, and beside Keras."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from layers import Objective, digits_cnn, reference
from layers.types import Array, Layer, present
from reports.bench.measurement import Measurement, at_least, at_most, seconds, times
from reports.bench.section import Sample, Section, beside

IMAGES, FEW = 100, 2
"""The plain loops run over a few of the images and are multiplied up: they take time in proportion."""

SHAPE = (28, 28, 1)
NETWORK = digits_cnn(SHAPE)


def _batch(seed: int) -> tuple[Array, Array, tuple[Array, ...]]:
    """Images, labels and parameters, in float32 as people train."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(size=(IMAGES, *SHAPE)).astype(np.float32)
    parameters = NETWORK.initialize(rng, scheme="he", dtype=np.float32)
    return x, rng.integers(0, 10, IMAGES), parameters


def _plain_loops(rounds: int, seed: int) -> tuple[float, float]:
    """Seconds of convolution and pooling in plain loops, and of the whole network, there and back."""
    from reports.training import keep_freed_memory

    keep_freed_memory()
    x, labels, parameters = _batch(seed)
    objective, (W, b) = Objective(NETWORK), parameters[:2]

    def loops() -> None:
        _there_and_back(reference.conv2d, reference.max_pool2d, x[:FEW], W, b)

    plain, _ = beside(loops, lambda: None, 1)
    whole, _ = beside(lambda: objective.gradients(x, labels, *parameters), lambda: None, rounds)
    return plain * IMAGES / FEW, whole


def _there_and_back(conv: Layer, pool: Layer, x: Array, W: Array, b: Array) -> None:
    y, backward_conv = conv(x, W, b, padding=1)
    pooled, backward_pool = pool(y)
    backward_conv(*present(backward_pool(pooled)))


def _beside_keras(rounds: int, seed: int) -> tuple[float, float]:
    """Seconds of a step of Adam on all images, ours and Keras's `train_on_batch`."""
    from gradcheck.tape import tensorflow
    from reports.training import LEARNING_RATE, HandTrainer, keras_digits_cnn

    keras = tensorflow().keras
    x, labels, parameters = _batch(seed)
    ours = HandTrainer(NETWORK, parameters, keras.optimizers.Adam(LEARNING_RATE))
    model = keras_digits_cnn(SHAPE, 10, dtype="float32")
    model.set_weights(parameters)
    entropy = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(LEARNING_RATE), entropy)
    steps = partial(ours.step, x, labels), partial(model.train_on_batch, x, labels)
    # The first step makes the graphs.
    beside(*steps, 1)
    return beside(*steps, rounds)


def _measured(work: Callable[[], tuple[float, float]]) -> tuple[float, float]:
    return work()


def training(sample: Sample) -> list[Measurement]:
    """A step of training on 100 images 28×28 in float32, one thread, seconds of the processor."""
    work = [partial(one, sample.size, sample.seed) for one in (_plain_loops, _beside_keras)]
    (plain, whole), (step, kerass) = sample.timed(_measured, work, "training")
    few = f"{FEW} images, times {IMAGES // FEW}"
    detail = f"{1e3 * step:.1f} ms / {1e3 * kerass:.1f} ms"
    return [
        Measurement("convolution and pooling, plain loops", plain, None, seconds, few),
        Measurement("whole network, forward and backward", whole, None, seconds),
        Measurement("plain loops over the whole network", plain / whole, at_least(500), times),
        Measurement("a step with Adam over Keras's", step / kerass, at_most(1), times, detail),
    ]


SECTION = Section("training", training, "rounds", size=30, quick=5)
